# SPDX-License-Identifier: Apache-2.0
"""Units that are nobody: addresses for which another box answered (proxy ARP, firewalls). Pure.

A box that answers ARP for addresses of others is one device. Where nothing shows which address is its own, it is a
row with its MAC and without an address; a host that gives one identity at all of its many addresses keeps them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import structs

from inventory_db.observations import Stored
from inventory_db.places import Places
from inventory_db.sightings import MOST_ALIASES, Sighting, Unit, when
from probes.facts import FactKind, Outcome

_WEAK = frozenset({"arp", "nd", "icmp", "heard"})
_WEAK_PROBES = frozenset({"plan", "ports", "echo", "forward_test", "confirm"})
_ABOUT = frozenset({FactKind.MAC, FactKind.ADDRESS, FactKind.NEIGHBOUR})
_IDENTITY = frozenset({FactKind.SSH_HOST_KEY, FactKind.SMB_GUID, FactKind.SNMP_ENGINE_ID})
_ROUTING = frozenset({FactKind.FORWARDS, FactKind.FORWARDING})
Said = tuple[object, ...]


def without_ghosts(units: Mapping[str, Unit], places: Places) -> dict[str, Unit]:
    """Give the units that are there themselves, by key, and of which more is known than one of many tables."""
    alive = {
        key: unit for key, unit in units.items() if unit.alive and not all(s.table for s in unit.sightings)
    }
    alive = _without_proxied(alive)
    for key in _crowd_ghosts(alive):
        del alive[key]
    return {key: _own_addresses(alive[key], places) for key in sorted(alive)}


def _without_proxied(units: Mapping[str, Unit]) -> dict[str, Unit]:
    """Take away the addresses for which only a proxy spoke, and give the proxy a row if it has none."""
    behind: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units.values():
        if unit.proxied:
            behind[unit.sightings[0].realm, unit.proxied].append(unit)
    found = dict(units)
    known = {(unit.sightings[0].realm, unit.mac) for unit in units.values() if unit.mac}
    for proxy, many in behind.items():
        if _one_identity(many):
            box, gone = _as_one(many, ""), many
        else:
            gone, box = _bare(many), None
            if len(gone) == len(many) and proxy not in known:
                box = _as_one(_first_seen(many), proxy[1])
        for unit in gone:
            del found[unit.key]
        if box is not None:
            found[box.key] = _joined(found[box.key], box) if box.key in found else box
    return found


def _bare(many: Sequence[Unit]) -> list[Unit]:
    """Those that gave no answer of their own: none, or what three or more gave alike."""
    counts: dict[Said, int] = defaultdict(int)
    for unit in many:
        for said in _said(unit):
            counts[said] += 1
    return [unit for unit in many if not any(counts[said] < 3 for said in _said(unit))]


def _one_identity(many: Sequence[Unit]) -> bool:
    """Whether it is an ordinary host with many addresses: nearly all give one key of one machine, none another."""
    said = [
        {(f.kind, f.value) for s in unit.sightings for f in s.seen.facts if f.kind in _IDENTITY and s.alive}
        for unit in many
    ]
    told = [keys for keys in said if keys]
    return len(told) * 4 >= len(many) * 3 and bool(set.intersection(*told))


def _first_seen(many: Iterable[Unit]) -> list[Unit]:
    """The addresses that it was first seen to answer for, as many as show that they are not its own."""
    return sorted(many, key=lambda unit: when(unit.sightings[0]))[: MOST_ALIASES + 1]


def _as_one(many: Sequence[Unit], proxied: str) -> Unit:
    """Make one unit of a card's addresses; those that a proxy answered for are not its own."""
    sightings = sorted((s for unit in many for s in unit.sightings), key=when)
    mac = many[0].proxied
    link = next((s.link for s in sightings if s.mac == mac), sightings[0].link)
    if proxied:
        sightings = [_of_card(one) for one in sightings]
    return Unit(f"mac {link} {mac}", mac, "", proxied, sightings)


def _of_card(one: Sighting) -> Sighting:
    """The sighting as one of the card alone: the address is somebody else's, or nobody's."""
    facts = tuple(fact for fact in one.seen.facts if fact.kind is not FactKind.ADDRESS)
    return structs.replace(one, ip="", seen=structs.replace(one.seen, facts=facts))


def _joined(one: Unit, other: Unit) -> Unit:
    return Unit(one.key, one.mac, "", one.proxied, sorted((*one.sightings, *other.sightings), key=when))


def _own_addresses(unit: Unit, places: Places) -> Unit:
    """Take from a router the addresses at which nothing but ARP answered, where it speaks at another one."""
    if not unit.mac or len(unit.ips) < 2 or not _routes(unit, places):
        return unit
    speaks = {s.ip for s in unit.sightings if s.alive and s.ip and not _by_card(s.seen)}
    asked = {s.ip for s in unit.sightings if s.seen.outcome is Outcome.SILENT and s.ip}
    others = {ip for ip in unit.ips if ":" not in ip} & asked - speaks - places.gateways
    if not others or not speaks:
        return unit
    sightings = [_of_card(one) if one.ip in others else one for one in unit.sightings]
    return Unit(unit.key, unit.mac, unit.shared, unit.proxied, sightings)


def _by_card(seen: Stored) -> bool:
    """Whether the answer is to a frame for the card, whatever address stood in it."""
    return seen.transport in ("arp", "nd") or seen.probe == "forward_test"


def _routes(unit: Unit, places: Places) -> bool:
    passes = (f.value == "yes" for s in unit.sightings for f in s.seen.facts if f.kind in _ROUTING)
    return any(ip in places.gateways for ip in unit.ips) or any(passes)


def _said(unit: Unit) -> set[Said]:
    """Real answers of the unit: what no proxy or firewall gives in the same words for every address."""
    return {
        (s.seen.probe, s.seen.port, tuple(f for f in s.seen.facts if f.kind not in _ABOUT))
        for s in unit.sightings
        if _is_word(s)
    }


def _is_word(one: Sighting) -> bool:
    seen = one.seen
    told = seen.outcome is Outcome.ANSWERED and seen.transport not in _WEAK
    return told and seen.probe not in _WEAK_PROBES


def _crowd_ghosts(units: Mapping[str, Unit]) -> set[str]:
    """Addresses of a routed network where every single address answers, these all in the same words."""
    crowds: dict[str, list[Unit]] = defaultdict(list)
    for unit in units.values():
        if not unit.mac and not unit.shared and not unit.proxied:
            crowds[f"{unit.sightings[0].realm} {_slash24(unit)}"].append(unit)
    ghosts: set[str] = set()
    for many in crowds.values():
        if len(many) >= 240:
            alike: dict[frozenset[Said], list[str]] = defaultdict(list)
            for unit in many:
                alike[frozenset(_said(unit))].append(unit.key)
            ghosts.update(key for keys in alike.values() if len(keys) > 16 for key in keys)
    return ghosts


def _slash24(unit: Unit) -> str:
    return unit.ips[0].rpartition(".")[0] if unit.ips else ""
