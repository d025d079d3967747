# SPDX-License-Identifier: Apache-2.0
"""Where we stand: interfaces, networks, routes and neighbours, asked from our own kernel only.

pyroute2 (rtnetlink) is the truth; netifaces is asked as a second opinion about the addresses.
Nothing here sends a packet.
"""

import asyncio
import functools
import hashlib
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from pathlib import Path
from typing import Any, TypeVar

import netifaces
from pyroute2.iproute.linux import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from probes.contract import OurFault
from probes.facts import Vantage

T = TypeVar("T")
_FAMILIES = (socket.AF_INET, socket.AF_INET6)
_UP = 0x1
_LOOPBACK = 0x8
_USABLE = 0x02 | 0x04 | 0x08 | 0x10 | 0x80  # NUD reachable, stale, delay, probe, permanent


@dataclass(frozen=True, slots=True)
class Standing:
    """One of our addresses: an interface on a network. An alias is a second one, not a second NIC."""

    interface: str
    index: int
    mac: str
    address: str
    network: str  # CIDR
    gateways: tuple[str, ...]  # default gateways of all routing tables that lie on this network
    is_up: bool
    is_virtual: bool  # bridge, tunnel, veth, container network …: no hardware of its own
    label: str = ""  # alias name such as eth0:1

    @property
    def version(self) -> int:
        """4 or 6."""
        return ip_address(self.address).version

    def as_vantage(self, host: str) -> Vantage:
        """Give it as it travels to the collector; the id stays the same over restarts and renames."""
        told = "\n".join((_machine_id() or host, self.mac, self.network))
        return Vantage(
            id=hashlib.blake2b(told.encode(), digest_size=8).hexdigest(),
            host=host,
            interface=self.interface,
            address=self.address,
            network=self.network,
            mac=self.mac,
            gateways=self.gateways,
        )


@dataclass(frozen=True, slots=True)
class Neighbour:
    """One line of the kernel's neighbour cache: a host found without a packet of ours."""

    ip: str
    mac: str
    interface: str


@dataclass(frozen=True, slots=True)
class Way:
    """How the kernel would reach an address."""

    interface: str
    gateway: str | None
    source: str


async def vantages(*, loopback: bool = False) -> tuple[Standing, ...]:
    """List our addresses, IPv4 before IPv6, by interface index; raises OurFault if the kernel is mute."""
    return await _in_thread(functools.partial(_standings, loopback))


async def vlans() -> frozenset[tuple[str, int]]:
    """Give (trunk's interface, VLAN) of every VLAN that has an interface of its own here."""
    return await _in_thread(_vlans)


async def neighbours() -> tuple[Neighbour, ...]:
    """List the neighbour cache: entries with a MAC that were confirmed once, IPv4 and IPv6."""
    return await _in_thread(_neighbours)


async def route_to(address: str) -> Way:
    """Ask the kernel for its route to `address` (all tables and rules); raises OurFault without one."""
    return await _in_thread(functools.partial(_route, str(ip_address(address))))


async def way_from(address: str, standing: Standing) -> Way:
    """Ask the kernel how it would reach `address` from this address by this interface; raises OurFault without a route.

    Without any route by the interface the kernel takes the address for a neighbour: then there is no gateway.
    """
    ask = functools.partial(_route, str(ip_address(address)), oif=standing.index, src=standing.address)
    return await _in_thread(ask)


async def disagreements() -> tuple[str, ...]:
    """Hold netifaces' IPv4 addresses against the kernel's; each difference is a sentence, ja / en."""
    return await _in_thread(_disagreements)


async def _in_thread(ask: Callable[[], T]) -> T:
    try:
        return await asyncio.to_thread(ask)
    except (NetlinkError, OSError) as error:
        raise OurFault(f"rtnetlink: {error}") from error


def _kernel() -> AbstractContextManager[Any]:
    opened: AbstractContextManager[Any] = IPRoute()  # type: ignore[no-untyped-call]
    return opened


def _standings(loopback: bool) -> tuple[Standing, ...]:
    with _kernel() as kernel:
        links = {link["index"]: link for link in kernel.get_links()}
        gateways = tuple(_default_gateways(kernel))
        lines = [
            line for family in (socket.AF_INET, socket.AF_INET6) for line in kernel.get_addr(family=family)
        ]
    found = (_standing(links[line["index"]], line, gateways) for line in lines if line["index"] in links)
    kept = (s for s in found if s is not None and (loopback or not ip_address(s.address).is_loopback))
    return tuple(sorted(kept, key=lambda s: (s.version, s.index)))


def _vlans() -> frozenset[tuple[str, int]]:
    with _kernel() as kernel:
        return vlans_of(kernel.get_links())


def vlans_of(links: Iterable[Any]) -> frozenset[tuple[str, int]]:
    """Read them from the kernel's interfaces."""
    every = list(links)
    names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in every}
    found = set[tuple[str, int]]()
    for link in every:
        info = link.get_attr("IFLA_LINKINFO")
        data = info.get_attr("IFLA_INFO_DATA") if info and info.get_attr("IFLA_INFO_KIND") == "vlan" else None
        if data and link.get_attr("IFLA_LINK") in names:
            found.add((names[link.get_attr("IFLA_LINK")], int(data.get_attr("IFLA_VLAN_ID"))))
    return frozenset(found)


def _standing(link: Any, line: Any, gateways: tuple[tuple[int, str], ...]) -> Standing | None:
    address = line.get_attr("IFA_LOCAL") or line.get_attr("IFA_ADDRESS")
    if not address:
        return None
    here = ip_interface(f"{address}/{line['prefixlen']}")
    name, label = link.get_attr("IFLA_IFNAME"), line.get_attr("IFA_LABEL") or ""
    return Standing(
        interface=name,
        index=link["index"],
        mac=link.get_attr("IFLA_ADDRESS") or "",
        address=str(here.ip),
        network=str(here.network),
        gateways=tuple(
            g for index, g in gateways if index == link["index"] and ip_address(g) in here.network
        ),
        is_up=_is_up(link),
        is_virtual=not Path(f"/sys/class/net/{name}/device").exists(),
        label="" if label == name else label,
    )


def _is_up(link: Any) -> bool:
    """Whether it may send; the carrier is known at once, the kernel's verdict on it up to a second later."""
    down = link.get_attr("IFLA_OPERSTATE") in ("DOWN", "LOWERLAYERDOWN") or link.get_attr("IFLA_CARRIER") == 0
    return bool(link["flags"] & _UP) and not down


def _default_gateways(kernel: Any) -> Iterator[tuple[int, str]]:
    seen = set()
    for family in _FAMILIES:
        for route in kernel.get_routes(family=family):
            if route["dst_len"] == 0:
                for hop in _hops(route):
                    if hop not in seen:
                        seen.add(hop)
                        yield hop


def _hops(route: Any) -> Iterator[tuple[int, str]]:
    if route.get_attr("RTA_GATEWAY") and route.get_attr("RTA_OIF"):
        yield route.get_attr("RTA_OIF"), route.get_attr("RTA_GATEWAY")
    for part in route.get_attr("RTA_MULTIPATH") or ():
        if part.get_attr("RTA_GATEWAY"):
            yield part["oif"], part.get_attr("RTA_GATEWAY")


def _neighbours() -> tuple[Neighbour, ...]:
    with _kernel() as kernel:
        names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in kernel.get_links()}
        lines = [
            n for family in (socket.AF_INET, socket.AF_INET6) for n in kernel.get_neighbours(family=family)
        ]
    return tuple(
        Neighbour(line.get_attr("NDA_DST"), line.get_attr("NDA_LLADDR"), names[line["ifindex"]])
        for line in lines
        if line["state"] & _USABLE and _is_host(line) and line["ifindex"] in names
    )


def _is_host(line: Any) -> bool:
    mac, address = line.get_attr("NDA_LLADDR"), line.get_attr("NDA_DST")
    if not mac or not address or len(mac) != 17 or ip_address(address).is_multicast:
        return False
    return mac != "00:00:00:00:00:00" and not int(mac[:2], 16) & 1


def _route(address: str, **by: Any) -> Way:
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    with _kernel() as kernel:
        routes = list(kernel.route("get", dst=address, family=family, **by))
        if not routes:
            raise OSError(f"no route to {address}")
        found = routes[0]
        (link,) = kernel.get_links(found.get_attr("RTA_OIF"))
    source = found.get_attr("RTA_PREFSRC") or ""
    return Way(link.get_attr("IFLA_IFNAME"), found.get_attr("RTA_GATEWAY"), source)


def _disagreements() -> tuple[str, ...]:
    ours = {s.address for s in _standings(True) if s.version == 4}
    theirs = set(_netifaces_addresses())
    return (*(_unseen(a) for a in sorted(ours - theirs)), *(_doubtful(a) for a in sorted(theirs - ours)))


def _unseen(address: str) -> str:
    return (
        f"この機械のアドレス {address} を netifaces は見つけられません。カーネルの答えに従って使います。 / "
        f"netifaces does not see address {address} of this machine; we go by the kernel and use it."
    )


def _doubtful(address: str) -> str:
    return (
        f"アドレス {address} は netifaces にだけ見えます。カーネルの答えに従い、使いません。 / "
        f"Only netifaces sees address {address}; we go by the kernel and do not use it."
    )


def _netifaces_addresses() -> Iterator[str]:
    for name in netifaces.interfaces():
        for line in netifaces.ifaddresses(name).get(netifaces.AF_INET, ()):
            yield line["addr"]


@functools.cache
def _machine_id() -> str:
    path = Path("/etc/machine-id")
    return path.read_text("ascii", "replace").strip() if path.is_file() else ""
