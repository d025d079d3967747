# SPDX-License-Identifier: Apache-2.0
"""Which addresses get their part of a scan as one device: they share every limit, the budget, the watch, and one connection.

Counting together is a kindness to the device and no claim about what it is; the ledger decides that for itself. One
card on one link is one device; so are addresses on different links that show the same SSH key, or the same SNMP engine
with the same start, or that a device asked with the site's credential lists as its own, card and address, or that call
each other their own under one name (NetBIOS, OXID). Two cards on one link are two machines, whatever they show: images are cloned with their keys.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Protocol

import msgspec

from agent.pace import Pace
from probes.facts import FactKind, Observation
from probes.oui import is_random, virtual_kind

MOST_TOGETHER = 8  # addresses united by one key; more are a fleet with the key that the factory gave it
_TOLERANCE, _DRIFT = 3.0, 1e-4  # seconds between two countings of one start; a clock may be wrong by so much
_OWN_LISTS = frozenset({"nbns", "oxid"})  # probes that give a machine's own list of its addresses
_SHARED = frozenset(
    {"vrrp", "hsrp", "glbp", "nlb"}
)  # MACs that several machines take in turn (CARP has VRRP's)


class Mark(msgspec.Struct, frozen=True):
    """What only one machine should show; `started`: when its engine counts from, as told at `at` (epoch seconds)."""

    kind: str  # ssh, engine
    value: str
    started: float = 0.0
    at: float = 0.0

    def agrees(self, other: "Mark") -> bool:
        """Whether both count from one moment; a key has none."""
        return abs(self.started - other.started) <= _TOLERANCE + abs(self.at - other.at) * _DRIFT


class Stand(Protocol):
    """Where an address stands and which card it has; agent.sightings knows."""

    def link_of(self, address: str) -> str:
        """Give the link, or the network behind a router."""

    def mac_of(self, address: str) -> str:
        """Give the MAC, "" where none is known."""


def marks_of(seen: Observation) -> Iterator[Mark]:
    """Give what an answer shows that tells one machine from all others."""
    for key in seen.of(FactKind.SSH_HOST_KEY):
        yield Mark("ssh", key)
    engine = next(iter(seen.of(FactKind.SNMP_ENGINE_ID)), "")
    boots = next(iter(seen.of(FactKind.SNMP_ENGINE_BOOTS)), "")
    counted = next(iter(seen.of(FactKind.SNMP_ENGINE_TIME)), "")
    if engine and boots.isdecimal() and counted.isdecimal() and int(boots[:9]) + int(counted[:12]) > 0:
        at = seen.at.timestamp()
        yield Mark("engine", f"{engine} {boots}", at - int(counted[:12]), at)


def card_of(mac: str, link: str) -> str:
    """Name the device behind a card; a MAC that anybody may have is one device on its own link only, "" for none."""
    if mac and (is_random(mac) or virtual_kind(mac) in _SHARED):
        return f"{link} {mac}"
    return mac


@dataclass(slots=True)
class Devices:
    """Tells the pace which addresses are one device, as that becomes known."""

    pace: Pace
    stand: Stand
    key: Callable[[str], str] = str  # makes equal addresses on two sides of a scan differ
    _shown: dict[tuple[str, str], list[tuple[str, Mark]]] = field(default_factory=lambda: defaultdict(list))
    _members: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # device → addresses
    _called: dict[str, tuple[set[str], set[str]]] = (
        field(  # address → names, and addresses that it calls its own
            default_factory=lambda: defaultdict(lambda: (set(), set()))
        )
    )
    _fleets: set[tuple[str, str]] = field(default_factory=set)

    def met(self, address: str, marks: Iterable[Mark] = ()) -> None:
        """Take an address whose card is known by now, with what the same card showed at an earlier scan."""
        self.implied(address, self.stand.mac_of(address))
        self._members[self.same(address)].add(address)
        for mark in marks:
            self._show(address, mark)

    def implied(self, address: str, mac: str) -> None:
        """Take an address that belongs to this card."""
        card = card_of(mac, self.stand.link_of(address))
        self.pace.join(self.key(address), self.key(card or address))

    def heard(self, seen: Observation) -> None:
        """Take an answer."""
        for mark in marks_of(seen):
            self._show(seen.address, mark)
        for other in (*self._listed(seen), *self._agreed(seen)):
            self._unite(seen.address, other)

    def _listed(self, seen: Observation) -> Iterator[str]:
        """Give the addresses that a device lists as its own, with the card that we see at each: asked by credential."""
        lines = (line.split(" ") for line in seen.of(FactKind.INTERFACE))  # a name may have blanks
        cards = {words[0]: words[-3] for words in lines if len(words) >= 5}
        for line in seen.of(FactKind.INTERFACE_ADDRESS):
            index, _, network = line.partition(" ")
            ip, mac = network.partition("/")[0], cards.get(index, "")
            if ip == seen.address or not mac or card_of(mac, "") != mac:
                continue
            if self.stand.mac_of(ip) == mac and not self._apart(seen.address, ip):
                yield ip

    def _agreed(self, seen: Observation) -> Iterator[str]:
        """Give the addresses that it calls its own and that call this one theirs, under one name: each says so of the other."""
        own = {ip for ip in seen.of(FactKind.ADDRESS) if seen.probe in _OWN_LISTS}
        if not 0 < len(own) <= MOST_TOGETHER:
            return
        names, ips = self._called[seen.address]
        names.update(name.lower() for name in seen.of(FactKind.NAME))
        ips.update(own)
        for ip in sorted(ips - {seen.address}):
            others, theirs = self._called.get(ip, ((), ()))
            if seen.address in theirs and names.intersection(others) and not self._apart(seen.address, ip):
                yield ip

    def same(self, address: str) -> str:
        """Give what this address is counted as."""
        return self.pace.device(self.key(address))

    def _show(self, address: str, mark: Mark) -> None:
        about = (mark.kind, mark.value)
        if about in self._fleets:
            return
        known = self._shown[about]
        others = {other for other, theirs in known if other != address and mark.agrees(theirs)}
        if any(self._apart(address, other) for other in others) or len(others) >= MOST_TOGETHER:
            self._fleets.update([about] if mark.kind == "ssh" else [])
            return
        if (address, mark) not in known:
            known.append((address, mark))
        for other in sorted(others):
            self._unite(address, other)

    def _apart(self, address: str, other: str) -> bool:
        """Whether a link holds both, or others counted with them, on two cards."""
        mine, theirs = (self._members[self.same(one)] | {one} for one in (address, other))
        united = self.same(address) == self.same(other)
        return not united and any(self._differ(one, two) for one, two in product(mine, theirs))

    def _differ(self, one: str, other: str) -> bool:
        if self.stand.link_of(one) != self.stand.link_of(other):
            return False
        macs = {self.stand.mac_of(one), self.stand.mac_of(other)}
        return not any(virtual_kind(mac) in _SHARED for mac in macs if mac)

    def _unite(self, address: str, other: str) -> None:
        before = (self.same(address), self.same(other))
        self.pace.unite(self.key(address), self.key(other))
        members = set[str]().union(*(self._members.pop(device, set()) for device in before))
        self._members[self.same(address)] |= members | {address, other}
