# SPDX-License-Identifier: Apache-2.0
"""Ways out of each network that we stood on: default gateways and DHCP servers, and whether there is a second one. Pure.

Everything is heard, read from tables that the site opened to us, or our own route. Nobody was asked for a lease: that
takes an address from the pool. So a server that nobody heard is not shown to be missing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from collector.case import Case
from collector.diagram.segments import order_of
from collector.reaching_out import Outward, outward_of
from inventory_db.device import Device, WayOut
from inventory_db.networks import order, within
from inventory_db.ways_out import ADVERTISED, DHCP_CHOSEN, DHCP_ROUTER, DHCP_SERVER, IGD, ROUTE

OWN_ROUTE, MOBILE = "own_route", "mobile_router"  # sources besides those of inventory_db.ways_out
MOST_TELLERS = 5


@dataclass(frozen=True, slots=True)
class Exit:
    """One gateway or DHCP server of a network, and who says so."""

    address: str
    device: Device | None  # of the ledger at this address
    sources: tuple[str, ...]  # codes
    tellers: tuple[str, ...]  # ids of devices that say so
    observations: tuple[str, ...]
    last: str  # RFC 3339, "" for our own route
    beside: bool = False  # besides the site's own (a gateway), or one of several (a server)


@dataclass(frozen=True, slots=True)
class Boundary:
    """What is known of the ways out of one network."""

    network: str
    gateways: tuple[Exit, ...]
    servers: tuple[Exit, ...]
    outward: Outward | None = None  # what it reached of the address outside; None if none was named

    @property
    def is_doubtful(self) -> bool:
        """Whether a second gateway or DHCP server is there."""
        return any(one.beside for one in (*self.gateways, *self.servers))


@dataclass(frozen=True, slots=True)
class _Said:
    source: str
    teller: str = ""
    observations: tuple[str, ...] = ()
    last: str = ""


_Saids = dict[str, list[_Said]]  # by address


def boundaries(case: Case) -> tuple[Boundary, ...]:
    """Give the IPv4 networks that we stood on with their ways out."""
    at = {address.ip: device for device in case.devices for address in device.addresses if address.ip}
    networks = {one.network for one in case.vantages if "/" in one.network and ":" not in one.network}
    outward = outward_of(case.outside)
    found = (_boundary(case, network, at) for network in sorted(networks, key=order_of))
    return tuple(replace(one, outward=outward.get(one.network)) for one in found)


def _boundary(case: Case, network: str, at: dict[str, Device]) -> Boundary:
    gateways: _Saids = defaultdict(list)
    servers: _Saids = defaultdict(list)
    ours = {ip for one in case.vantages for ip in one.gateways if within(ip, network)}
    for ip in ours:
        gateways[ip].append(_Said(OWN_ROUTE))
    for device in case.devices:
        for said in device.ways_out:
            for kind, ip in _named(device, said, network):
                into = servers if kind in (DHCP_SERVER, DHCP_CHOSEN) else gateways
                into[ip].append(_Said(kind, device.id, said.observations, said.last))
        for ip in _own(device, network) if gateways else ():
            if mobile := [path for path in device.remote_paths if path.kind == MOBILE]:
                shown = tuple(one.observation for path in mobile for one in path.evidence)
                gateways[ip].append(_Said(MOBILE, device.id, shown, device.last_seen))
    several = len({_who(ip, at) for ip in servers}) > 1
    first = {_who(ip, at) for ip in ours}
    found = [
        replace(one, beside=bool(first) and _who(one.address, at) not in first)
        for one in _exits(gateways, at)
    ]
    if not first and len({_who(one.address, at) for one in found}) > 1:
        found = [replace(one, beside=True) for one in found]
    return Boundary(network, tuple(found), tuple(replace(one, beside=several) for one in _exits(servers, at)))


def _named(device: Device, said: WayOut, network: str) -> Iterator[tuple[str, str]]:
    """Addresses that a device's word makes a gateway or server of this network."""
    here = said.network == network
    if said.kind in (DHCP_SERVER, DHCP_CHOSEN) and here:
        yield said.kind, said.address  # behind a relay it stands elsewhere
    elif said.kind in (DHCP_ROUTER, ROUTE) and within(said.address, network):
        yield said.kind, said.address
    elif said.kind in (ADVERTISED, IGD) and here:
        yield from ((said.kind, ip) for ip in _own(device, network))


def _own(device: Device, network: str) -> list[str]:
    found = (one.ip for one in device.addresses if one.ip and one.vantage and within(one.ip, network))
    return sorted(found, key=order)[:1]


def _who(ip: str, at: dict[str, Device]) -> str:
    """The device at an address, or the address where no row has it: two addresses of one box are one way out."""
    return at[ip].id if ip in at else ip


def _exits(saids: _Saids, at: dict[str, Device]) -> Iterator[Exit]:
    for ip, many in sorted(saids.items(), key=lambda one: order(one[0])):
        yield Exit(
            ip,
            at.get(ip),
            tuple(dict.fromkeys(one.source for one in many)),
            _few(one.teller for one in many if one.teller),
            _few(id for one in many for id in one.observations),
            max((one.last for one in many), default=""),
        )


def _few(many: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(many))[:MOST_TELLERS]
