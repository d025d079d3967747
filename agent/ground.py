# SPDX-License-Identifier: Apache-2.0
"""The ground of a survey: which address of the scope we reach from where, on the link or by a router."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from agent.refusal import Refusal
from agent.scope import Network, Scope
from agent.vantage import Standing, route_to
from probes.contract import OurFault
from probes.facts import Vantage

_parsed = functools.lru_cache(maxsize=256)(ip_network)
_DOWN = (
    "この口が切れているので、この網のアドレスは調べていません（別の口の網の番号でもありますが、そこにいるのは別の機器です）"
    " / this card is down, so nobody on its network was asked (another card's network has these numbers too, but who is"
    " there is another device)"
)
_LOST = "この機械のアドレスがなくなったか、口が切れました / an address of this machine is gone, or its link is down"


@dataclass(frozen=True, slots=True)
class Place:
    """From where an address is reached, and in which network it stands."""

    standing: Standing
    vantage: Vantage
    network: str  # CIDR: the link's, or the scope's for what lies behind a router
    on_link: bool


@dataclass(frozen=True, slots=True)
class Ground:
    """Our standings, and for each network of the scope the standing that reaches it."""

    standings: tuple[Standing, ...]
    vantages: tuple[Vantage, ...]  # in the order of `standings`
    ways: tuple[tuple[Network, int], ...]  # network of the scope → index of the standing
    scope: Scope
    card: str = ""  # of a side beside the main one: its interface, where another card has a network with equal numbers
    others: tuple[Standing, ...] = ()  # our standings on the other sides, and on cards that are down

    def key(self, text: str) -> str:
        """Name an address or network so that it is another one on each side."""
        return f"{text}%{self.card}" if self.card else text

    def all_sides(self) -> tuple["Ground", ...]:
        """Give this ground and those beside it."""
        return (self, *self.isolated())

    def isolated(self) -> tuple["Ground", ...]:
        """Give a ground for each further card that stands in an IPv4 network with the same numbers as one before it."""
        first: dict[str, str] = {}
        apart: dict[tuple[str, str], Standing] = {}
        for one in self.standings:
            if (
                one.version == 4
                and _has_link(one)
                and first.setdefault(one.network, one.interface) != one.interface
            ):
                apart.setdefault((one.interface, one.network), one)
        return tuple(ground for one in apart.values() if (ground := self._beside(one)).ways)

    def is_doubled(self, network: str) -> bool:
        """Whether another card of ours has a network with the same numbers: the kernel's routes know only one of them."""
        return bool(self.card) or any(one.standings[0].network == network for one in self.isolated())

    def _beside(self, standing: Standing) -> "Ground":
        here, index = ip_network(standing.network), self.standings.index(standing)
        ways = tuple((n, 0) for n in self.scope.networks if n.version == 4 and n.overlaps(here))
        others = tuple(one for one in (*self.standings, *self.others) if one is not standing)
        return Ground((standing,), (self.vantages[index],), ways, self.scope, standing.interface, others)

    def is_nested(self, network: str) -> bool:
        """Whether another card of ours has a network within this IPv4 one or around it: routes tell them apart only while both are up."""
        here = _parsed(network)
        cards = {one.interface for one in self.standings if one.network == network}
        others = (one for one in (*self.standings, *self.others) if here.version == 4 and _is_network(one))
        return any(
            one.interface not in cards and one.network != network and here.overlaps(_parsed(one.network))
            for one in others
        )

    def place(self, address: str) -> Place:
        """Say from where `address` is reached, by the longest prefix as the kernel does; raises KeyError for one outside the scope's networks."""
        ip, found, longest = ip_address(address), -1, -1
        for index, standing in enumerate(self.standings):
            here = _parsed(standing.network)
            if here.prefixlen > longest and ip in here:
                found, longest = index, here.prefixlen
        if found >= 0:
            standing = self.standings[found]
            return Place(standing, self.vantages[found], standing.network, on_link=_has_link(standing))
        for network, index in sorted(self.ways, key=lambda way: -way[0].prefixlen):
            if ip in network:
                return Place(
                    self.standings[index], self.vantages[index], self.scope.network_of(address), False
                )
        raise KeyError(address)

    def reaches(self, address: str) -> bool:
        """Whether `place` knows it, and it is no address of a card that is down."""
        try:
            place = self.place(address)
        except KeyError:
            return False
        longer = _parsed(place.network).prefixlen
        return not any(
            here.prefixlen > longer and ip_address(address) in here for here in self._down_within()
        )

    def _down_within(self) -> dict[Network, Standing]:
        """Give the networks of cards that are down which lie within a network of a card that is up."""
        down = {_parsed(s.network): s for s in self.others if _is_network(s) and not s.is_up}
        up = [_parsed(s.network) for s in self.standings if _is_network(s)]
        return {
            here: s
            for here, s in down.items()
            if here not in up and any(here.prefixlen > one.prefixlen and here.overlaps(one) for one in up)
        }

    def unreached(self) -> tuple[str, ...]:
        """Say of each card that is down and has a part of the scope, within a network of another card, that it was not asked."""
        return tuple(
            f"{standing.interface} {here}: {_DOWN}"
            for here, standing in self._down_within().items()
            if any(one.version == 4 and one.overlaps(here) for one in self.scope.networks)
        )

    def askable(self) -> tuple[str, ...]:
        """Addresses of the scope that a scan asks, in order: without ours and those that no host has."""
        nobody = self.own_addresses | self.edges
        every = (a for n in self.scope.networks for a in self.scope.addresses(n))
        if self.card:
            here = ip_network(self.standings[0].network)
            every = (address for address in every if ip_address(address) in here)
        if self._down_within():
            every = (address for address in every if self.reaches(address))
        return tuple(dict.fromkeys(a for a in every if a not in nobody))

    @property
    def edges(self) -> frozenset[str]:
        """Network and broadcast addresses of the networks that we stand on: no host has them."""
        here = (ip_network(standing.network) for standing in self.standings)
        wide = [network for network in here if network.version == 4 and network.prefixlen < 31]
        return frozenset(str(e) for n in wide for e in (n.network_address, n.broadcast_address))

    @property
    def own_addresses(self) -> frozenset[str]:
        """Addresses of this machine: never asked, not a find."""
        return frozenset(standing.address for standing in (*self.standings, *self.others))

    @property
    def own_macs(self) -> frozenset[str]:
        """Hardware addresses of this machine."""
        return frozenset(standing.mac for standing in (*self.standings, *self.others) if standing.mac)

    @property
    def used(self) -> tuple[Standing, ...]:
        """Our standings from which something of the scope is reached: the ways, and each network that a part of it is."""
        first: dict[str, Standing] = {}
        for one in filter(_is_network, self.standings):
            first.setdefault(one.network, one)
        wide = [network for network in self.scope.networks if network.version == 4]
        on = [s for s in first.values() if any(_parsed(s.network).overlaps(network) for network in wide)]
        return tuple(dict.fromkeys((*(self.standings[index] for _, index in self.ways), *on)))

    @property
    def interfaces(self) -> tuple[str, ...]:
        """Ethernet interfaces that reach something of the scope, without the loopback."""
        used = {standing.interface for standing in self.used if _has_link(standing)}
        used |= {side.card for side in self.isolated()}
        return tuple(s for s in dict.fromkeys(s.interface for s in self.standings) if s in used and s != "lo")

    def lost(self, standings: Iterable[Standing]) -> str:
        """Say which address that the scan stands on is not ours any more (`standings`: as they are now); "" for none."""
        now = {(standing.interface, standing.address) for standing in standings if standing.is_up}
        used = dict.fromkeys(standing for side in self.all_sides() for standing in side.used)
        gone = ", ".join(f"{s.interface} {s.address}" for s in used if (s.interface, s.address) not in now)
        return gone and f"{_LOST}: {gone}"

    def by_interface(self) -> dict[str, tuple[Vantage, ...]]:
        """Vantages of each interface."""
        return {i: tuple(v for v in self.vantages if v.interface == i) for i in self.interfaces}


def _has_link(standing: Standing) -> bool:
    """Whether there are neighbours with MACs; a tunnel has only a far end."""
    return len(standing.mac) == len("00:00:00:00:00:00")


def _is_network(standing: Standing) -> bool:
    """Whether others stand on it: IPv4, and no address that is ours alone (/32)."""
    return standing.version == 4 and _parsed(standing.network).num_addresses > 1


async def survey_ground(scope: Scope, standings: Iterable[Standing], host: str) -> Ground:
    """Find the standing for every network of the scope; raises Refusal for one that we do not reach."""
    every = tuple(standings)
    up = tuple(standing for standing in every if standing.is_up)
    down = tuple(standing for standing in every if not standing.is_up)
    ways = [(network, await _way(network, up)) for network in scope.networks]
    return Ground(up, tuple(s.as_vantage(host) for s in up), tuple(ways), scope, others=down)


async def _way(network: Network, standings: tuple[Standing, ...]) -> int:
    """Give the standing that holds the network, else by which the kernel reaches what of it is on no link of ours."""
    on_it = [
        index
        for index, standing in enumerate(standings)
        if standing.version == network.version and _parsed(standing.network).overlaps(network)
    ]
    holding = [index for index in on_it if _parsed(standings[index].network).prefixlen <= network.prefixlen]
    if holding:
        return max(holding, key=lambda index: _parsed(standings[index].network).prefixlen)
    try:
        way = await route_to(_elsewhere(network, [_parsed(standings[index].network) for index in on_it]))
    except OurFault:
        way = None
    for index, standing in enumerate(standings):
        if way and standing.interface == way.interface and standing.version == network.version:
            return index
    if on_it:
        return on_it[0]
    ours = "、".join(s.network for s in standings) or "-"
    raise Refusal(
        f"{network} へはこの機械のどの口からも届きません（届くのは {ours}）。範囲を確かめてください。何も送信していません。",
        f"No interface of this machine reaches {network} (it stands on {ours}). Check the scope. Nothing was sent.",
        permitted=False,
    )


def _elsewhere(network: Network, links: Iterable[Network]) -> str:
    """Give an address of the network that lies in none of these parts of it; the first host's where they are all of it."""
    parts = sorted(links, key=lambda one: int(one.network_address))
    at = int(network.network_address) + (1 if network.num_addresses > 2 else 0)
    free = at
    for part in parts:
        if free in range(int(part.network_address), int(part.broadcast_address) + 1):
            free = int(part.broadcast_address) + 1
    return str(ip_address(free if free <= int(network.broadcast_address) else at))


def link_local(mac: str) -> str:
    """IPv6 link-local address that a MAC implies (modified EUI-64, RFC 4291 appendix A)."""
    parts = [int(part, 16) for part in mac.split(":")]
    parts = [parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]]
    return str(ip_address(bytes([0xFE, 0x80, *(0,) * 6, *parts])))


def card_in(address: str) -> str:
    """MAC that an IPv6 link-local address was made of, "" for any other address: the way back of `link_local`."""
    ip = ip_address(address)
    if ip.version != 6 or not ip.is_link_local or ip.packed[11:13] != b"\xff\xfe":
        return ""
    return bytes([ip.packed[8] ^ 2, *ip.packed[9:11], *ip.packed[13:]]).hex(":")
