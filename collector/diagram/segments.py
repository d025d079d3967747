# SPDX-License-Identifier: Apache-2.0
"""Which segments there are and on which one an address stands. Pure."""

import ipaddress
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from collector.case import Case
from inventory_db.device import Address, Device
from inventory_db.networks import assumed, network, overlap

_INSIDE = tuple(
    ipaddress.ip_network(one)
    for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


@dataclass(slots=True)
class Ground:
    """The networks of one case: which of them are one wire, which are ours, when each was first seen."""

    wires: dict[str, str]  # network → the segment that it is part of
    ours: tuple[str, ...]  # networks where we stood, or that the facility names
    looked_at: frozenset[str]
    scans: int = 0
    births: dict[str, int] = field(default_factory=dict)
    guessed: set[str] = field(default_factory=set)

    def segment(self, address: Address) -> str:
        """Give the segment of an address; "" if it stands on none (link-local, or outside)."""
        net = _network_of(address)
        return self.wires.get(net, net) if net and self.is_inside(net) else ""

    def is_outside(self, address: Address) -> bool:
        """Whether the address belongs to the outside world."""
        net = _network_of(address)
        return bool(net) and not self.is_inside(net)

    def is_inside(self, net: str) -> bool:
        """Whether a network is the facility's own: private, named by it, or one where we stood."""
        known = network(net)
        if known is None:
            return False
        private = any(known.version == one.version and known.overlaps(one) for one in _INSIDE)
        return private or any(overlap(net, one) for one in self.ours)


def ground_of(case: Case) -> Ground:
    """Read the networks of a case."""
    named = case.facility.networks if case.facility else ()
    stood = [one.network for one in case.vantages if one.network]
    ground = Ground(_wires(case), (*named, *stood), frozenset(stood) | _asked(case.devices), len(case.scans))
    begun = sorted(scan.started for scan in case.scans)
    single: dict[str, int] = {}
    shared: dict[str, int] = {}
    for device in case.devices:
        age = sum(1 for start in begun if start <= datetime.fromisoformat(device.first_seen))
        found = set(_segments(ground, device.addresses))
        for one in found:
            ages = single if len(found) == 1 else shared
            ages[one] = min(age, ages.get(one, age))
    ground.births = shared | single  # a router is older than the network that it was given last
    return ground


def order_of(cidr: str) -> tuple[int, int, int]:
    """Give a key that sorts networks as numbers, IPv4 first."""
    net = network(cidr)
    return (net.version, int(net.network_address), net.prefixlen) if net else (9, 0, 0)


def _network_of(address: Address) -> str:
    """Give the network of an address, assumed where nothing says it; "" for none and link-local."""
    if not address.ip:
        return ""
    net = address.network or assumed(address.ip)
    known = network(net)
    return "" if known is None or known.is_link_local else str(known)


def _segments(ground: Ground, addresses: Iterable[Address]) -> Iterator[str]:
    for address in addresses:
        segment = ground.segment(address)
        if segment:
            if not address.network:
                ground.guessed.add(segment)
            yield segment


def _asked(devices: Iterable[Device]) -> frozenset[str]:
    """Networks with an address that somebody saw from a vantage, not only learned from an answer."""
    return frozenset(
        address.network
        for device in devices
        for address in device.addresses
        if address.vantage and address.network
    )


def _wires(case: Case) -> dict[str, str]:
    """Put the IPv6 networks of an interface to its IPv4 network: one wire."""
    by_wire: dict[tuple[str, str], list[str]] = {}
    for one in case.vantages:
        known = network(one.network)
        if known is not None and not known.is_link_local:
            by_wire.setdefault((one.host, one.interface), []).append(str(known))
    wires: dict[str, str] = {}
    for nets in by_wire.values():
        four = sorted((one for one in nets if ":" not in one), key=order_of)
        if four:
            wires |= {one: four[0] for one in nets if ":" in one}
    return wires
