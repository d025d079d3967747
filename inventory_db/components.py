# SPDX-License-Identifier: Apache-2.0
"""Which observations have nothing to do with each other: of those, devices are derived apart. Pure.

Every observation has keys: addresses and cards that it is about or names, and the keys by which devices are joined.
Observations that share a key, or are linked over others, are one component. Whatever is derived from a component, the
rest of the facility has no part in it but for what `digest.Known` holds.
"""

import functools
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from inventory_db.networks import normal_ip, normal_mac
from inventory_db.observations import Stored
from inventory_db.profiles import claims, interfaces
from inventory_db.sightings import Land, Place, Sighting, neighbours
from probes.facts import FactKind

_WORDS = {
    FactKind.SSH_HOST_KEY: "host_key",
    FactKind.TLS_PUBLIC_KEY: "tls_key",
    FactKind.SNMP_ENGINE_ID: "engine",
    FactKind.SMB_GUID: "smb_guid",
}
_CARDS = frozenset({FactKind.MAC, FactKind.NETBIOS_MAC})
_PAIRS = frozenset({FactKind.SWITCH_PORT})  # "card port"
_CLAIMING = frozenset(
    {
        FactKind.INTERFACE_ADDRESS, FactKind.ADDRESS, FactKind.OXID_BINDING, FactKind.LLDP_MANAGEMENT,
        FactKind.TLS_SAN, FactKind.HTTP_LOCATION,
    }
)  # fmt: skip
Links = dict[str, set[str]]  # keys → further keys that tie them to others
_TELLING = frozenset({*_WORDS, *_CARDS, *_PAIRS, *_CLAIMING, FactKind.INTERFACE})
_NAMING = _TELLING | {FactKind.NEIGHBOUR}


@dataclass(frozen=True, slots=True)
class Component:
    """Observations that hang together, and all keys of theirs; no other component has one of them."""

    keys: frozenset[int]
    observations: tuple[str, ...]  # ids

    def name(self, known: Iterable[int]) -> int:
        """Give the number that it goes by: of those `known` one that is a key of its own, else its least key."""
        return min(self.keys.intersection(known), default=min(self.keys))


def keys_of(seen: Stored) -> Iterator[str]:
    """Give the keys of one observation as far as it shows them by itself."""
    if ip := normal_ip(seen.address):
        yield f"ip {ip}"
    if mac := normal_mac(seen.mac):
        yield f"mac {mac}"
    kinds = _TELLING.intersection([fact.kind for fact in seen.facts])
    if kinds:
        yield from _told(seen)
        if not kinds.isdisjoint(_CLAIMING):
            yield from (f"ip {claim.ip}" for claim in claims(seen))
        if FactKind.INTERFACE in kinds:
            yield from (f"mac {mac}" for *_, mac in interfaces(seen) if mac)


def _told(seen: Stored) -> Iterator[str]:
    for fact in seen.facts:
        if word := _WORDS.get(fact.kind):
            yield f"{word} {fact.value}"
        elif fact.kind in _CARDS:
            if mac := normal_mac(fact.value):
                yield f"mac {mac}"
        elif fact.kind is FactKind.ADDRESS:
            if ip := normal_ip(fact.value):
                yield f"ip {ip}"
        elif fact.kind in _PAIRS:
            for word in fact.value.split(" ")[:2]:
                if mac := normal_mac(word):
                    yield f"mac {mac}"
                elif ip := normal_ip(word):
                    yield f"ip {ip}"


@functools.lru_cache(maxsize=65536)
def hashed(key: str) -> int:
    """Give a key as a number of 63 bits; what has two keys with one number is only looked at together."""
    digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def components(land: Land, links: Links | None = None) -> list[Component]:
    """Give the components of what was seen."""
    of: dict[int, int] = {}
    links = links or {}
    parents: list[int] = []
    roots: dict[str, int] = {}
    plain: dict[Hashable, int] = {}  # what stood there and names the same has the same keys
    for one in land.sightings:
        place = None if one.table else _place_of(one)
        if place in plain:
            roots[one.seen.key] = plain[place]
            continue
        keys = {*map(hashed, _all_keys(one, land, links))}
        mine = {_find(parents, of[key]) for key in keys if key in of}
        root = min(mine) if mine else len(parents)
        if not mine:
            parents.append(root)
        for other in mine:
            parents[other] = root
        of |= dict.fromkeys(keys, root)
        if place is not None:
            plain[place] = root
        if not one.table:
            roots[one.seen.key] = root
    return list(_gathered(parents, of, roots))


def _place_of(one: Sighting) -> Hashable:
    """Give all that the keys of the sighting follow from, on this land."""
    seen = one.seen
    named = tuple([fact for fact in seen.facts if fact.kind in _NAMING])
    probe = seen.probe if named else ""  # see profiles.claims
    return one.realm, one.ip, one.mac, one.shared, one.alive, seen.address, seen.mac, probe, named


def _all_keys(one: Sighting, land: Land, links: Links) -> Iterator[str]:
    own = f"ip {one.ip}" if one.ip else f"mac {one.mac or one.seen.mac}"
    for key in (*keys_of(one.seen), own, *_told_by_table(one, land)):
        yield key
        if links:
            yield from links.get(key, ())
    if one.ip and one.mac and one.alive and not one.table:
        yield held_key((one.realm, one.ip))
    if not one.mac and not one.shared and land.holder((one.realm, one.ip), 0)[1] == "":
        yield f"crowd {one.realm} {one.ip.rpartition('.')[0]}"  # of ghosts, which are told by their number


def held_key(place: Place) -> str:
    """Give the key of whoever shows which MAC holds the address."""
    return f"held {place[0]} {place[1]}"


def _told_by_table(one: Sighting, land: Land) -> Iterator[str]:
    """What a router's table says counts only where nobody saw the host's card: of the others it says nothing new."""
    if land.named and not one.table:
        for ip, mac in neighbours(one.seen):
            if (one.realm, ip) not in land.held:
                yield f"ip {ip}"
                yield f"mac {mac}"


def _find(parents: list[int], one: int) -> int:
    while parents[one] != one:
        parents[one] = parents[parents[one]]
        one = parents[one]
    return one


def _gathered(parents: list[int], of: Mapping[int, int], roots: Mapping[str, int]) -> Iterator[Component]:
    keys: dict[int, list[int]] = defaultdict(list)
    seen: dict[int, list[str]] = defaultdict(list)
    for key, root in of.items():
        keys[_find(parents, root)].append(key)
    for id, root in roots.items():
        seen[_find(parents, root)].append(id)
    return (Component(frozenset(keys[root]), tuple(ids)) for root, ids in seen.items())


def first_keys(fresh: Iterable[Stored], links: Links | None = None) -> set[int]:
    """Give the keys by which what these observations have to do with is looked for first; the rest follows from it."""
    found = {f"ip {ip}" for one in fresh if (ip := normal_ip(one.address))}
    found |= {f"mac {mac}" for one in fresh if (mac := normal_mac(one.mac))}
    found |= {more for key in found for more in links.get(key, ())} if links else set()
    return set(map(hashed, found))


def named(found: Sequence[Component], known: Iterable[int]) -> dict[int, Component]:
    """Give the components by the numbers that they go by."""
    before = frozenset(known)
    return {one.name(before): one for one in found}
