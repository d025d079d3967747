# SPDX-License-Identifier: Apache-2.0
"""Observations gathered by the network card, or failing that the address, that they are about.

A unit is the smallest thing that can be a device: one MAC on one link, or one IP address in one
realm. Observations that name no MAC go to the one that held the address nearest before them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeVar

from msgspec import Struct, structs

from inventory_db.networks import normal_ip, normal_mac, order
from inventory_db.observations import Stored, microseconds
from inventory_db.places import Places
from probes.facts import FactKind, Outcome, Sure
from probes.oui import virtual_kind

MOST_ALIASES = 8  # IPv4 addresses of one MAC in one scan; more is proxy ARP
_SHARED = frozenset({"vrrp", "hsrp", "glbp", "nlb"})  # one address of several machines
# by name at once: looking a member up in its enumeration takes ten times as long, and this is done for every observation
_ADDRESS, _MAC, _NEIGHBOUR, _SURE = FactKind.ADDRESS, FactKind.MAC, FactKind.NEIGHBOUR, Sure.SURE
_REFUSED, _LIVING = Outcome.REFUSED, frozenset({Outcome.ANSWERED, Outcome.OTHER_PROTOCOL})


class Sighting(Struct, frozen=True):
    """One observation with its place; `mac` is "" when unknown or shared by several machines."""

    seen: Stored
    at: int  # when it was made, microseconds since 1970 UTC
    alive: bool  # whether it shows that something is there
    realm: str
    link: str
    network: str
    ip: str
    mac: str
    shared: str  # vrrp, hsrp … if the MAC answers for several machines
    table: bool = (
        False  # a router has it in its neighbour table; `seen` is the router's answer, made about it
    )
    asked: str = ""  # with `table`: id of the observation that the router's answer confirms


@dataclass(slots=True)
class Unit:
    """All sightings of one network card, or of one address whose card is not known."""

    key: str
    mac: str = ""
    shared: str = ""
    proxied: str = ""  # MAC that answered for this address and many others; with `mac`: it is that box itself
    sightings: list[Sighting] = field(default_factory=list)
    _ips: tuple[str, ...] | None = None

    @property
    def alive(self) -> bool:
        """Whether something of its own was ever heard from it."""
        return any(sighting.alive for sighting in self.sightings)

    @property
    def ips(self) -> tuple[str, ...]:
        """Addresses it was seen at with a sign of life, in numeric order; asked for once all sightings are there."""
        if self._ips is None:
            self._ips = tuple(sorted({s.ip for s in self.sightings if s.ip and s.alive}, key=order))
        return self._ips


Binding = tuple[int, str, str]  # microseconds, MAC, link
Entry = tuple[int, str, Stored]  # microseconds, MAC, the router's answer
Place = tuple[str, str]  # realm, IP
Proxy = tuple[str, str]  # realm, MAC
_Held = TypeVar("_Held", Binding, Entry)


def is_life(seen: Stored) -> bool:
    """Whether the observation shows that something is there."""
    if seen.outcome is _REFUSED:
        return "unreachable" not in seen.reason or "port unreachable" in seen.reason
    return seen.outcome in _LIVING


@dataclass(frozen=True, slots=True)
class Land:
    """Every sighting, oldest first, and who held which address when."""

    sightings: Sequence[Sighting]  # with those that only a router's table shows
    bindings: Mapping[Place, Sequence[Binding]]  # as we saw it ourselves, or a table confirms
    tables: Mapping[Place, Sequence[Entry]]  # as routers' neighbour tables say, where nothing else does
    shared: Mapping[Place, str]
    named: Mapping[Place, Sequence[Entry]]  # all that tables say
    held: Set[Place]  # where we saw ourselves which MAC holds the address

    def holder(self, place: Place, at: int) -> tuple[int, str, str]:
        """Give since when which MAC held the address on which link ("" if only a table says it)."""
        if place in self.bindings:
            return held_at(self.bindings[place], at)
        if place in self.tables:
            since, mac, _ = held_at(self.tables[place], at)
            return since, mac, ""
        return 0, "", ""


def sight(observations: Iterable[Stored], places: Places) -> list[Sighting]:
    """Give each observation its place; one without any address is left out."""
    return [found for seen in observations if (found := _place(seen, places))]


def nowhere(_places: Collection[Place]) -> Set[Place]:
    """Say that nobody else shows who holds an address."""
    return frozenset()


Elsewhere = Callable[[Collection[Place]], Set[Place]]


def survey(placed: Sequence[Sighting], elsewhere: Elsewhere = nowhere) -> Land:
    """Find out who held which address when; `elsewhere` says of which places that is known but not shown here."""
    sightings = placed = sorted(placed, key=when)
    named, bindings = _tables(placed), _bindings(placed)
    unheld = named.keys() - bindings.keys()
    held = bindings.keys() | (elsewhere(unheld) if unheld else set())
    tables = {place: named[place] for place in named if place not in held}
    if confirmed := _confirmed(placed, tables):
        sightings = sorted([*placed, *confirmed], key=when)
        bindings = _bindings(sightings)
        tables = {place: many for place, many in tables.items() if place not in bindings}
    shared = {(s.realm, s.ip): s.shared for s in sightings if s.shared and s.ip}
    return Land(sightings, bindings, tables, shared, named, held)


def when(one: Sighting) -> tuple[int, str, str]:
    """Give the key that puts sightings in their order in time."""
    return one.at, one.seen.key, one.ip


def gather(land: Land, places: Places, proxies: Set[Proxy] = frozenset()) -> dict[str, Unit]:
    """Give all units by key, ghosts too (see `ghosts`); `proxies` were found out before."""
    units: dict[str, Unit] = {}
    known = proxies | proxies_of(land.sightings, land.named)
    for sighting in land.sightings:
        key, mac, shared, proxied = _unit_of(sighting, land, known, places)
        unit = units.get(key)
        if unit is None:
            unit = units[key] = Unit(key, mac, shared, proxied)
        unit.sightings.append(sighting)
    return units


def _place(seen: Stored, places: Places) -> Sighting | None:
    ip = normal_ip(seen.address) or normal_ip(_first(seen, _ADDRESS))
    mac = normal_mac(seen.mac) or normal_mac(_first(seen, _MAC))
    if not ip and not mac:
        return None
    kind = virtual_kind(mac) if mac else None
    shared = kind if kind in _SHARED else ""
    realm, link, network = places.place(seen, ip)
    at, alive = microseconds(seen.at), is_life(seen)
    return Sighting(seen, at, alive, realm, link, network, ip, "" if shared else mac, shared or "")


def _first(seen: Stored, kind: FactKind) -> str:
    for fact in seen.facts:
        if fact.kind is kind:
            return fact.value
    return ""


def _bindings(sightings: Iterable[Sighting]) -> dict[Place, list[Binding]]:
    """Which MAC held which address when, as we saw it ourselves."""
    found: dict[Place, set[Binding]] = defaultdict(set)
    for one in sightings:
        if one.ip and one.mac and one.alive:
            found[one.realm, one.ip].add((one.at, one.mac, one.link))
    return {place: sorted(many) for place, many in found.items()}


def neighbours(seen: Stored) -> Iterator[tuple[str, str]]:
    """Give address and MAC of every host in a router's neighbour table that may say who holds an address."""
    for fact in seen.facts:
        if fact.kind is not _NEIGHBOUR:
            continue
        ip, _, mac = fact.value.partition(" ")
        ip, mac = normal_ip(ip), normal_mac(mac)
        if ip and mac and fact.sure is _SURE and virtual_kind(mac) not in _SHARED:
            yield ip, mac


def _tables(sightings: Iterable[Sighting]) -> dict[Place, list[Entry]]:
    """Which MAC held which address when, as routers' neighbour tables say, oldest first."""
    found: dict[Place, list[Entry]] = defaultdict(list)
    for one in sightings:
        for ip, mac in neighbours(one.seen):
            found[one.realm, ip].append((one.at, mac, one.seen))
    return {place: sorted(many, key=lambda entry: (*entry[:2], entry[2].id)) for place, many in found.items()}


def _confirmed(sightings: Iterable[Sighting], tables: Mapping[Place, Sequence[Entry]]) -> list[Sighting]:
    """Hosts that we kept back from or that did not answer us, but whom a router knew in the same scan."""
    found: dict[tuple[Place, int, str], Sighting] = {}
    for one in sightings:
        place = (one.realm, one.ip)
        if place in tables and not one.shared:
            for at, mac, answer in tables[place]:
                if answer.scan == one.seen.scan:
                    found[place, at, mac] = _by_table(one, mac, answer)  # the last of the scan
    return list(found.values())


def _by_table(one: Sighting, mac: str, answer: Stored) -> Sighting:
    about = structs.replace(
        answer, probe="neighbour table", address=one.ip, mac=mac, port=0, transport="arp", facts=()
    )
    return structs.replace(
        one, seen=about, at=microseconds(about.at), alive=True, mac=mac, table=True, asked=one.seen.key
    )


def proxies_of(sightings: Iterable[Sighting], tables: Mapping[Place, Sequence[Entry]]) -> set[Proxy]:
    """Give (realm, MAC) that answer for too many addresses to be theirs."""
    addresses: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for one in sightings:
        if one.mac and one.ip and ":" not in one.ip and one.alive:
            addresses[one.realm, one.mac, one.seen.scan].add(one.ip)
    for (realm, ip), many in tables.items():
        for at, mac, _ in many:
            addresses[realm, mac, str(at)].add(ip)
    return {(realm, mac) for (realm, mac, _), ips in addresses.items() if len(ips) > MOST_ALIASES}


def held_at(bindings: Sequence[_Held], at: int) -> _Held:
    """Give the binding nearest before `at`, else the first one after."""
    index = bisect_right(bindings, at, key=lambda binding: binding[0])
    return bindings[max(index - 1, 0)]


def _unit_of(one: Sighting, land: Land, proxies: Set[Proxy], places: Places) -> tuple[str, str, str, str]:
    """Key, MAC, kind of shared address and proxy of the unit that the sighting is of."""
    place = (one.realm, one.ip)
    if one.shared or (place in land.shared and not one.mac):
        key = f"shared {one.realm} {one.ip or one.seen.mac}"
        return key, "", one.shared or land.shared[place], ""
    mac, link = one.mac, one.link
    if not mac:
        _, mac, held_on = land.holder(place, one.at)
        link = held_on or link
    if not mac:
        return f"ip {one.realm} {one.ip}", "", "", ""
    if (one.realm, mac) in proxies and one.ip and one.ip not in places.gateways:
        return f"proxied {one.realm} {one.ip}", "", "", mac
    return f"mac {link} {mac}", mac, "", ""
