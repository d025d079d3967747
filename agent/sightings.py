# SPDX-License-Identifier: Apache-2.0
"""Who was seen in a scan: addresses of the scope and the MAC behind each. Pure; believes nobody too much.

A broadcast address is nobody, a fragile device stays fragile whoever else claims its address, and a
box that answers for everybody is one box, not a street full of devices.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.ground import Ground
from agent.guard import Permit, Ruling, rule_on_host
from probes.fragility import Temper, temper_of

MOST_PER_MAC = 16  # addresses behind one MAC; more is proxy ARP, not so many devices
LEAST_CROWD, CROWD_SHARE = 32, 0.99  # behind a router: of so many asked addresses nearly all "answer"
PROXY = (
    "proxy_arp: 1つの機器が多数のアドレスに代わって答えている / one device answers for very many addresses"
)
CROWD = (
    "answers_for_all: 網のほぼ全アドレスから答えがあり、途中の機器の代答とみられる / "
    "nearly every address of the network answers: something on the way answers for them"
)


@dataclass(slots=True)
class Sightings:
    """What was seen so far; a MAC is "" for a host behind a router."""

    ground: Ground
    macs: dict[str, str] = field(default_factory=dict)
    _crowd: set[str] = field(default_factory=set)

    def add(self, address: str, mac: str = "") -> bool:
        """Take one sighting; false when nothing new came of it (ours, out of scope, nobody's address)."""
        if address in self.ground.own_addresses or mac in self.ground.own_macs:
            return False
        ip = ip_address(address)
        if ip.version == 6 or not any(ip in network for network in self.ground.scope.networks):
            return False
        known = self.macs.get(address)
        if address in self.ground.edges or (known is not None and (not mac or self._speaks_fragile(known))):
            return False
        self.macs[address] = mac
        return True

    def mac_of(self, address: str) -> str:
        """Give the MAC, "" where none is known."""
        return self.macs.get(address, "")

    def link_of(self, address: str) -> str:
        """Give the link on which the address stands, or the network behind a router."""
        place = self.ground.place(address)
        return place.standing.interface if place.on_link else place.network

    def ruling_on(self, address: str) -> Ruling:
        """Say how far we may go with a host of which only the MAC is known."""
        return rule_on_host(temper_of(self.mac_of(address), (), ()), self.ground.scope.allowed(address))

    def is_fragile(self, address: str) -> bool:
        """Whether its MAC alone tells us to leave it alone."""
        return self.ruling_on(address).permit is Permit.NOTHING

    def doubt_crowds(self, asked: Iterable[str]) -> None:
        """Look at asked addresses behind routers: where nearly all answered, something answers for them."""
        networks: dict[str, list[str]] = defaultdict(list)
        for address in asked:
            place = self.ground.place(address)
            if not place.on_link:
                networks[place.network].append(address)
        for addresses in networks.values():
            there = [a for a in addresses if self.macs.get(a) == ""]
            if len(addresses) >= LEAST_CROWD and len(there) >= CROWD_SHARE * len(addresses):
                self._crowd.update(there)

    def ghosts(self) -> dict[str, str]:
        """Give the addresses that are no devices of their own, each with the reason."""
        many = {mac for mac, times in Counter(self.macs.values()).items() if mac and times > MOST_PER_MAC}
        gateways = {gateway for standing in self.ground.standings for gateway in standing.gateways}
        proxied = {a: PROXY for a, mac in self.macs.items() if mac in many and a not in gateways}
        return {a: CROWD for a in self.macs if a in self._crowd and not self.macs[a]} | proxied

    def devices(self) -> tuple[tuple[str, ...], ...]:
        """Give the addresses to ask, grouped by the device that they are known to belong to."""
        ghosts = self.ghosts()
        groups: dict[str, list[str]] = defaultdict(list)
        for address, mac in self.macs.items():
            if address not in ghosts:
                groups[mac or address].append(address)
        return tuple(tuple(group) for group in groups.values())

    def _speaks_fragile(self, mac: str) -> bool:
        return temper_of(mac, (), ()).temper is Temper.FRAGILE
