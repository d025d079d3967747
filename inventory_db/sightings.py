# SPDX-License-Identifier: Apache-2.0
"""Observations gathered by the network card, or failing that the address, that they are about.

A unit is the smallest thing that can be a device: one MAC on one link, or one IP address in one
realm. Observations that name no MAC go to the one that held the address nearest before them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from msgspec import structs

from inventory_db.networks import normal_ip, normal_mac, order
from inventory_db.observations import Stored, microseconds
from inventory_db.places import Places
from probes.facts import FactKind, Outcome, Sure
from probes.oui import virtual_kind

MOST_ALIASES = 8  # IPv4 addresses of one MAC in one scan; more is proxy ARP
_SHARED = frozenset({"vrrp", "hsrp", "glbp", "nlb"})  # one address of several machines
_WEAK = frozenset({"arp", "nd", "icmp", "heard"})
_WEAK_PROBES = frozenset({"plan", "ports", "echo", "forward_test"})
_ABOUT = frozenset({FactKind.MAC, FactKind.ADDRESS, FactKind.NEIGHBOUR})


@dataclass(frozen=True, slots=True)
class Sighting:
    """One observation with its place; `mac` is "" when unknown or shared by several machines."""

    seen: Stored
    realm: str
    link: str
    network: str
    ip: str
    mac: str
    shared: str  # vrrp, hsrp … if the MAC answers for several machines
    table: bool = (
        False  # a router has it in its neighbour table; `seen` is the router's answer, made about it
    )

    @property
    def alive(self) -> bool:
        """Whether it shows that something is there."""
        return self.table or is_life(self.seen)


@dataclass(slots=True)
class Unit:
    """All sightings of one network card, or of one address whose card is not known."""

    key: str
    mac: str = ""
    shared: str = ""
    proxied: str = ""  # MAC that answered for this address and many others
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """Whether something of its own was ever heard from it."""
        return any(sighting.alive for sighting in self.sightings)

    @property
    def ips(self) -> tuple[str, ...]:
        """Addresses it was seen at with a sign of life, in numeric order."""
        return tuple(sorted({s.ip for s in self.sightings if s.ip and s.alive}, key=order))


Binding = tuple[int, str, str]  # microseconds, MAC, link
Entry = tuple[int, str, Stored]  # microseconds, MAC, the router's answer
Place = tuple[str, str]  # realm, IP
_Held = TypeVar("_Held", Binding, Entry)


def is_life(seen: Stored) -> bool:
    """Whether the observation shows that something is there."""
    if seen.outcome is Outcome.REFUSED:
        return "unreachable" not in seen.reason or "port unreachable" in seen.reason
    return seen.outcome in (Outcome.ANSWERED, Outcome.OTHER_PROTOCOL)


def gather(observations: Sequence[Stored], places: Places) -> dict[str, Unit]:
    """Give the units that show a sign of life, by key."""
    sightings = [found for seen in observations if (found := _place(seen, places))]
    tables = _tables(sightings)
    sightings += _confirmed(sightings, tables, _bindings(sightings))
    sightings.sort(key=lambda one: (microseconds(one.seen.at), one.seen.id, one.ip))
    bindings = _bindings(sightings)
    shared = {(s.realm, s.ip): s.shared for s in sightings if s.shared and s.ip}
    units: dict[str, Unit] = {}
    proxies = _proxies(sightings, tables)
    for sighting in sightings:
        unit = _unit_of(sighting, bindings, tables, shared, proxies, places)
        units.setdefault(unit.key, unit).sightings.append(sighting)
    return {key: units[key] for key in sorted(_without_ghosts(units))}


def _place(seen: Stored, places: Places) -> Sighting | None:
    ip = normal_ip(seen.address) or next(map(normal_ip, seen.of(FactKind.ADDRESS)), "")
    mac = normal_mac(seen.mac) or next(map(normal_mac, seen.of(FactKind.MAC)), "")
    if not ip and not mac:
        return None
    kind = virtual_kind(mac) if mac else None
    shared = kind if kind in _SHARED else ""
    network = places.network(seen, ip)
    realm, link = places.realm(seen, ip), places.link(seen, ip)
    return Sighting(seen, realm, link, network, ip, "" if shared else mac, shared or "")


def _bindings(sightings: Iterable[Sighting]) -> dict[Place, list[Binding]]:
    """Which MAC held which address when, as we saw it ourselves."""
    found: dict[Place, set[Binding]] = defaultdict(set)
    for one in sightings:
        if one.ip and one.mac and one.alive:
            found[one.realm, one.ip].add((microseconds(one.seen.at), one.mac, one.link))
    return {place: sorted(many) for place, many in found.items()}


def _tables(sightings: Iterable[Sighting]) -> dict[Place, list[Entry]]:
    """Which MAC held which address when, as routers' neighbour tables say, oldest first."""
    found: dict[Place, list[Entry]] = defaultdict(list)
    for one in sightings:
        for fact in one.seen.facts:
            ip, _, mac = fact.value.partition(" ") if fact.kind is FactKind.NEIGHBOUR else ("", "", "")
            ip, mac = normal_ip(ip), normal_mac(mac)
            if ip and mac and fact.sure is Sure.SURE and virtual_kind(mac) not in _SHARED:
                found[one.realm, ip].append((microseconds(one.seen.at), mac, one.seen))
    return {place: sorted(many, key=lambda entry: (*entry[:2], entry[2].id)) for place, many in found.items()}


def _confirmed(
    sightings: Iterable[Sighting],
    tables: Mapping[Place, Sequence[Entry]],
    bindings: Mapping[Place, Sequence[Binding]],
) -> list[Sighting]:
    """Hosts that we kept back from or that did not answer us, but whom a router knew in the same scan."""
    found: dict[tuple[Place, int, str], Sighting] = {}
    for one in sightings:
        place = (one.realm, one.ip)
        if place not in bindings and not one.shared:
            for at, mac, answer in tables.get(place, ()):
                if answer.scan == one.seen.scan:
                    found.setdefault((place, at, mac), _by_table(one, mac, answer))
    return list(found.values())


def _by_table(one: Sighting, mac: str, answer: Stored) -> Sighting:
    about = structs.replace(
        answer, probe="neighbour table", address=one.ip, mac=mac, port=0, transport="arp", facts=()
    )
    return replace(one, seen=about, mac=mac, table=True)


def _proxies(sightings: Iterable[Sighting], tables: Mapping[Place, Sequence[Entry]]) -> set[tuple[str, str]]:
    """(realm, MAC) that answer for too many addresses to be theirs."""
    addresses: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in sightings:
        if one.mac and one.ip and ":" not in one.ip and one.alive:
            addresses[one.realm, one.mac, one.seen.scan].add(one.ip)
    for (realm, ip), many in tables.items():
        for at, mac, _ in many:
            addresses[realm, mac, str(at)].add(ip)
    return {(realm, mac) for (realm, mac, _), ips in addresses.items() if len(ips) > MOST_ALIASES}


def _held_at(bindings: Sequence[_Held], at: int) -> _Held:
    """Give the binding nearest before `at`, else the first one after."""
    index = bisect_right(bindings, at, key=lambda binding: binding[0])
    return bindings[max(index - 1, 0)]


def _unit_of(
    one: Sighting,
    bindings: Mapping[Place, Sequence[Binding]],
    tables: Mapping[Place, Sequence[Entry]],
    shared: Mapping[Place, str],
    proxies: set[tuple[str, str]],
    places: Places,
) -> Unit:
    place, at = (one.realm, one.ip), microseconds(one.seen.at)
    if one.shared or (place in shared and not one.mac):
        return Unit(f"shared {one.realm} {one.ip or one.seen.mac}", shared=one.shared or shared[place])
    mac, link = one.mac, one.link
    if not mac and place in bindings:
        _, mac, link = _held_at(bindings[place], at)
    elif not mac and place in tables:
        _, mac, _ = _held_at(tables[place], at)
    if not mac:
        return Unit(f"ip {one.realm} {one.ip}")
    if (one.realm, mac) in proxies and one.ip and one.ip not in places.gateways:
        return Unit(f"proxied {one.realm} {one.ip}", proxied=mac)
    return Unit(f"mac {link} {mac}", mac=mac)


def _without_ghosts(units: Mapping[str, Unit]) -> set[str]:
    """Keys of the living units that are there themselves, and of which more is known than one of many tables."""
    alive = {
        key: unit for key, unit in units.items() if unit.alive and not all(s.table for s in unit.sightings)
    }
    return alive.keys() - _proxy_ghosts(alive) - _crowd_ghosts(alive)


def _proxy_ghosts(units: Mapping[str, Unit]) -> set[str]:
    """Addresses for which only a proxy spoke; one of them stays for the proxy itself if nothing else does."""
    behind: dict[str, list[Unit]] = defaultdict(list)
    for unit in units.values():
        if unit.proxied:
            behind[f"{unit.sightings[0].realm} {unit.proxied}"].append(unit)
    known = {f"{unit.sightings[0].realm} {unit.mac}" for unit in units.values() if unit.mac}
    ghosts: set[str] = set()
    for proxy, many in behind.items():
        counts = _said_counts(many)
        bare = {unit.key for unit in many if not any(counts[said] < 3 for said in _said(unit))}
        if len(bare) == len(many) and proxy not in known:
            bare.discard(min(many, key=lambda unit: order(unit.ips[0])).key)
        ghosts |= bare
    return ghosts


def _said_counts(units: Iterable[Unit]) -> Mapping[object, int]:
    """How many of the units gave each answer; what three or more give alike is the proxy's."""
    counts: dict[object, int] = defaultdict(int)
    for unit in units:
        for said in _said(unit):
            counts[said] += 1
    return counts


def _said(unit: Unit) -> set[object]:
    """Real answers of the unit: what no proxy or firewall gives in the same words for every address."""
    return {
        (s.seen.probe, s.seen.port, tuple(f for f in s.seen.facts if f.kind not in _ABOUT))
        for s in unit.sightings
        if s.seen.outcome is Outcome.ANSWERED
        and s.seen.transport not in _WEAK
        and s.seen.probe not in _WEAK_PROBES
    }


def _crowd_ghosts(units: Mapping[str, Unit]) -> set[str]:
    """Addresses of a routed network where every single address answers, these all in the same words."""
    crowds: dict[str, list[Unit]] = defaultdict(list)
    for unit in units.values():
        if not unit.mac and not unit.shared and not unit.proxied:
            crowds[f"{unit.sightings[0].realm} {_slash24(unit)}"].append(unit)
    ghosts: set[str] = set()
    for many in crowds.values():
        if len(many) >= 240:
            alike: dict[frozenset[object], list[str]] = defaultdict(list)
            for unit in many:
                alike[frozenset(_said(unit))].append(unit.key)
            ghosts.update(key for keys in alike.values() if len(keys) > 16 for key in keys)
    return ghosts


def _slash24(unit: Unit) -> str:
    return unit.ips[0].rpartition(".")[0] if unit.ips else ""
