# SPDX-License-Identifier: Apache-2.0
"""The stage of a scan that finds who is there: our links first, our gateways' own tables, then what lies behind them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.discovery import Discovery
from agent.ground import Ground, link_local
from agent.headway import Headway
from agent.memory import Memory
from agent.packet_worker import PacketWorker
from agent.sightings import Sightings
from agent.vantage import neighbours
from probes.facts import Fact, FactKind

SLICE = 2048  # addresses of one segment between two notes of how far the sweep has come


@dataclass(slots=True)
class Finding:
    """Finds the hosts of a scope and tells `seen` of them. `headway`: what was swept before is not swept again."""

    ground: Ground
    clock: Clock
    seen: Sightings
    discovery: Discovery
    headway: Headway
    found: Callable[[str, str, str], None]  # (interface, address, mac)
    note: Callable[[str, str, str, tuple[Fact, ...]], None]  # (address, probe, transport, facts)
    swept: Callable[[Iterable[str]], None]  # these addresses were dealt with
    ask_gateways: Callable[[str], Awaitable[bool]]
    memory: Memory | None = None  # of hosts that were met at earlier scans
    cut: set[str] = field(default_factory=set)  # segments that were not swept without a gap
    unnamed: int = 0  # addresses left alone because a router's table was cut short

    async def run(self, addresses: Iterable[str]) -> None:
        """Find whoever is at these addresses."""
        on_link, routed = self._split(addresses)
        behind = [address for group in routed.values() for address in group]
        worker = self.discovery.worker
        if worker is None:
            await self._knock(on_link, behind)
        else:
            async with asyncio.TaskGroup() as group:
                for interface, there in on_link.items():
                    group.create_task(self._by_arp(worker, interface, there))
            await self._solicit()
            if behind:
                await self._find_behind_routers(worker, routed)
        self.seen.doubt_crowds(behind)

    async def _by_arp(self, worker: PacketWorker, interface: str, addresses: list[str]) -> None:
        for at, end, part in self._slices(interface, addresses):
            asked = await self.discovery.by_arp(interface, part)
            for address in part:
                for mac in worker.arp_answers.get((interface, address), ()):
                    self.found(interface, address, mac)
            self._note_silence(worker, interface, [address for address in part if address in asked])
            self._note_slice(interface, at, end, part)

    def _note_silence(self, worker: PacketWorker, interface: str, asked: Iterable[str]) -> None:
        """Say which of the asked that were met before did not answer; nothing in a sweep that something cut short."""
        if self.memory is None or self.discovery.held["blackout"] or self.discovery.failed:
            return
        for address in asked:
            met = self.memory.recall(self.ground.place(address).vantage.id, address)
            if met and met.plan and not worker.arp_answers.get((interface, address)):
                self.note(address, "arp", "arp", ())

    async def _find_behind_routers(
        self, worker: PacketWorker, routed: dict[tuple[str, str], list[str]]
    ) -> None:
        cut = await self.ask_gateways("who stands behind it")
        async with asyncio.TaskGroup() as group:
            for (interface, network), addresses in routed.items():
                group.create_task(self._by_echo(worker, interface, network, addresses, cut))
        await self.ask_gateways("who answered behind it")

    async def _by_echo(
        self, worker: PacketWorker, interface: str, network: str, addresses: list[str], cut: bool
    ) -> None:
        via = interface if interface in self.ground.interfaces else self.ground.interfaces[0]
        for at, end, part in self._slices(network, addresses):
            named = [address for address in part if not cut or address in self.seen.macs]
            self.unnamed += len(part) - len(named)
            asked = [address for address in named if not self.seen.is_fragile(address)]
            self.swept(set(part).difference(asked))  # dealt with: known, and left alone
            await self.discovery.by_echo(via, network, asked)
            for address in part:
                # an answer from another address proves nobody at this one
                if (reply := worker.echo_answers.get(address)) == "echo-reply":
                    self.seen.add(address)
                    self.note(address, "echo", "icmp", (Fact(FactKind.ICMP_REPLY, reply),))
            self._note_slice(network, at, end, part)

    async def _knock(self, on_link: dict[str, list[str]], behind: list[str]) -> None:
        """Knock where nobody is known yet; those in the neighbour table are there without a knock."""
        for segment, addresses in (*on_link.items(), ("", behind)):
            for at, end, part in self._slices(f"knock {segment}", addresses):
                unknown = [a for a in part if not self.seen.mac_of(a)]
                answered = await self.discovery.by_knocking("" if segment == "lo" else segment, unknown)
                for neighbour in await neighbours():
                    self.found(neighbour.interface, neighbour.ip, neighbour.mac)
                for address in (address for address, there in answered.items() if there):
                    self.seen.add(address)
                self._note_slice(f"knock {segment}", at, end, part)

    async def _solicit(self) -> None:
        """Ask for the IPv6 address that a MAC implies, where the scope holds link-local addresses."""
        scope, asked = self.ground.scope, set[tuple[str, str]]()
        if not any(network.version == 6 for network in scope.networks):
            return
        for address, mac in list(self.seen.macs.items()):
            place = self.ground.place(address)
            once = (place.standing.interface, mac)
            if not (place.on_link and mac) or self.seen.is_fragile(address) or once in asked:
                continue
            asked.add(once)
            if not scope.refuses(link_local(mac), self.clock.now()):
                await self.discovery.solicit(place.standing.interface, link_local(mac))

    def _slices(self, segment: str, addresses: list[str]) -> Iterator[tuple[int, int, list[str]]]:
        """Cut the addresses into parts, each with the places where it begins and ends.

        Of what was swept before only those found and not asked yet come again, first: by now another device
        may stand there.
        """
        done = min(self.headway.swept.get(self._sweep(segment), 0), len(addresses))
        asked = frozenset(self.headway.asked)
        key, known = self.ground.key, self.headway.found
        again = [a for a in addresses[:done] if key(a) in known and key(a) not in asked]
        self.swept(set(addresses[:done]).difference(again))
        if again:
            yield done, done, again
        for at in range(done, len(addresses), SLICE):
            part = addresses[at : at + SLICE]
            yield at, at + len(part), part

    def _sweep(self, segment: str) -> str:
        """Name this sweep so that it is another one on each side."""
        return (
            f"{self.ground.key(segment)} {self.ground.standings[0].network}" if self.ground.card else segment
        )

    def _note_slice(self, segment: str, at: int, end: int, part: list[str]) -> None:
        """Note that all was asked up to the first question that could not leave; from there it is the next start's."""
        if segment in self.cut:
            return
        first = next((place for place, address in enumerate(part) if address in self.discovery.put_off), None)
        if first is not None and at < end:
            self.cut.add(segment)
            end = at + first
        self.headway.swept[self._sweep(segment)] = end
        self.headway.news = True

    def _split(
        self, addresses: Iterable[str]
    ) -> tuple[dict[str, list[str]], dict[tuple[str, str], list[str]]]:
        """Give addresses by interface on our links, and by (interface, network) behind routers."""
        on_link: dict[str, list[str]] = {}
        routed: dict[tuple[str, str], list[str]] = {}
        for address in addresses:
            place = self.ground.place(address)
            if place.on_link:
                on_link.setdefault(place.standing.interface, []).append(address)
            else:
                routed.setdefault((place.standing.interface, place.network), []).append(address)
        return on_link, routed
