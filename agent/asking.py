# SPDX-License-Identifier: Apache-2.0
"""The stage of a scan that asks whoever was found: what is new or changed first, what is stable by a few packets."""

import asyncio
import functools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from agent.confirm import Confirming
from agent.crossing import Note
from agent.ground import Ground
from agent.headway import Headway
from agent.host import HostSurvey
from agent.pace import at_once
from agent.settings import PaceSection
from agent.sightings import Sightings
from agent.tally import Tally
from probes.facts import Outcome


@dataclass(slots=True)
class Asking:
    """Asks every device; the addresses of one device one after the other, so that it is asked once at a time."""

    pace: PaceSection
    ground: Ground
    seen: Sightings
    headway: Headway
    host: Callable[[str], HostSurvey]
    shown_by: Callable[[str], str]  # how the address answered while hosts were looked for: arp, echo or ""
    after: Callable[[HostSurvey], Awaitable[None]]  # what else a host is asked when its plan is done
    note: Note
    tally: Tally
    asks: Callable[[str], bool]  # whether anything may be asked at this address
    confirming: Confirming | None = None
    same: Callable[[str], str] = str  # what an address is counted as; equal for two of one device
    _going: dict[str, asyncio.Event] = field(default_factory=dict)  # addresses being asked, first begun first

    async def run(self) -> None:
        """Ask them all; ghosts get nothing."""
        for address, reason in self.seen.ghosts().items():
            self.note(address, "plan", "", (), Outcome.HELD_BACK, reason)
        devices = self._devices()
        whole = asyncio.Semaphore(at_once(self.pace.hosts_at_once, self.pace.packets))
        segments: dict[str, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(at_once(self.pace.hosts_at_once, self.pace.packets_per_segment))
        )
        waiting = {address for device in devices for address in device}
        total = len(waiting)
        self.tally.plan("ask", waiting)

        def told() -> None:
            self.tally.say("ask", total - len(waiting), total)

        async def ask(device: Iterable[str]) -> None:
            for address in device:
                async with segments[self.ground.place(address).network], whole:
                    await self._ask_one(self.host(address), told)
                waiting.discard(address)
                self.tally.asked(address)
                told()

        async with asyncio.TaskGroup() as group:
            for device in sorted(devices, key=self._turn):
                group.create_task(ask(device))

    def _devices(self) -> list[tuple[str, ...]]:
        """Give the addresses to ask, those of one device together."""
        before = frozenset(self.headway.asked)
        groups: dict[str, list[str]] = defaultdict(list)
        for address in (address for device in self.seen.devices() for address in device):
            if self.ground.key(address) not in before and self.asks(address):
                groups[self.same(address)].append(address)
        return [tuple(group) for group in groups.values()]

    def _turn(self, device: tuple[str, ...]) -> int:
        """What is new or has another card comes first, then what was met before."""
        if self.confirming is None:
            return 0
        places = ((self.ground.place(a).vantage.id, a, self.seen.mac_of(a)) for a in device)
        return int(not any(self.confirming.is_new(*place) for place in places))

    async def _in_turn(self, address: str) -> None:
        """Wait while another address of what turned out to be one device has its part, if that began before ours.

        They share one budget: a port that nobody asked yet tells more than the same port at another address.
        """
        while earlier := self._before(address):
            await earlier.wait()

    def _before(self, address: str) -> asyncio.Event | None:
        device = self.same(address)
        first = next(other for other in self._going if self.same(other) == device)
        return None if first == address else self._going[first]

    async def _ask_one(self, host: HostSurvey, told: Callable[[], None]) -> None:
        """Confirm a host, or ask it all that is to be asked; then it has had its part of this scan."""
        address = host.door.address
        same = self.confirming and await self.confirming.confirm(host, self.shown_by(address))
        if not same:
            done = self._going[address] = asyncio.Event()
            try:
                await host.run(told, functools.partial(self._in_turn, address))
            finally:
                del self._going[address]
                done.set()
            await self.after(host)
            if self.confirming:
                self.confirming.remember(host)
        if not (host.refused or host.watch.trouble):
            self.headway.asked.append(self.ground.key(address))
        self.headway.news = True
        if not host.ours:  # our gateways' tables are asked for again
            host.let_go()
