# SPDX-License-Identifier: Apache-2.0
"""Runs one scan, whatever happens: listen, find, classify, ask, write down, and say how far it came."""

import asyncio
import contextlib
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec

from agent.ahead import LOST_PAYLOAD, most_ahead
from agent.clock import Clock, SystemClock
from agent.credentials import Credentials
from agent.discovery import ROUNDS
from agent.ground import Ground, survey_ground
from agent.headway import Headway, Notebook, begin, digest_of, keep_going, keep_headway, read_going
from agent.listening import Listening
from agent.memory import Memory
from agent.pace import WINDOW, Pace, kept_for_kernel
from agent.packet_worker import NotPermitted, PacketWorker
from agent.records import Records, Spool
from agent.scan_end import how_it_ended
from agent.scope import Scope, overlap
from agent.segment_lock import hold
from agent.segments import looked_at, with_listening
from agent.settings import Settings
from agent.side import Everybody, Shared, Side
from agent.stopping_spool import of_the_logbook
from agent.tally import Tally
from agent.time_left import Progress
from agent.vantage import neighbours, vantages
from probes.contract import OurFault
from probes.facts import Scan

FLUSH_EVERY, STANDING_EVERY = 0.5, 1.0  # seconds
FLUSH_LOOKS = 10  # looks in that time whether somebody waits for it


@dataclass(slots=True)
class Survey:
    """One scan of a written scope into a spool; with a notebook it goes on where an interrupted one was."""

    settings: Settings
    scope: Scope
    spool: Spool
    clock: Clock = field(default_factory=SystemClock)
    tell: Callable[[Progress], None] = lambda _: None
    privileged: bool = True
    notebook: Notebook | None = None
    memory: Memory | None = None  # of hosts that were met: stable ones are confirmed, not asked whole
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    _ground: Ground = field(init=False)
    _shared: Shared = field(init=False)
    sides: list[Side] = field(default_factory=list)  # the main one first
    _worker: PacketWorker | None = None
    _listening: Listening = field(init=False)
    _headway: Headway = field(init=False)
    _kept_going: dict[str, tuple[int, int]] = field(default_factory=dict)
    _interrupted: bool = False  # by a person, a blackout or a fault of ours: the next start may go on

    async def run(self) -> Scan:
        """Scan; gives the final state. Cancelling stops it: what was seen is kept, the state says stopped.

        Raises Refusal for a scope out of reach, or one that is being scanned on this machine already.
        """
        with hold(self.scope.networks):
            return await self._scan()

    async def _scan(self) -> Scan:
        self.scope = with_listening(self.scope, self.settings)
        standings = await vantages(loopback=any(n.is_loopback for n in self.scope.networks))
        credentials = Credentials.of(self.settings)
        self._ground = await survey_ground(self.scope, standings, socket.gethostname())
        scan = await self._begin()
        self._prepare(credentials)
        if self.notebook:
            await self._count_what_left_before(self.notebook, scan)
        return await self._run(scan)

    async def _count_what_left_before(self, notebook: Notebook, scan: Scan) -> None:
        """Count what earlier parts of this scan sent, and what killed ones may have sent and not written down any more."""
        pace = self._shared.pace
        pace.ahead.most = most_ahead(pace.per_host, pace.budget)
        unseen = kept_for_kernel(pace.budget, seen=True)  # of the kernel's; they are written down at the end
        pace.lost = self._headway.kills * (pace.ahead.most + unseen)
        pace.lost_payload = self._headway.kills * LOST_PAYLOAD
        for (vantage, address), (packets, payload) in (await notebook.spent(scan.id, scan.started)).items():
            side = next((one for one in self.sides[1:] if one.stands_at(vantage)), self.sides[0])
            pace.spend(side.ground.key(address), packets, payload)
        for host, (packets, payload) in (await read_going(notebook, scan.id)).items():
            self._shared.under_way.add(host)
            there, said = pace.spent(host) - pace.lost, pace.said(host) - pace.lost_payload
            pace.spend(host, max(0, packets - there), max(0, payload - said))
        pace.ahead.begin(lambda _: 0)
        pace.ahead.end()  # all this is on the disk

    async def _begin(self) -> Scan:
        networks, profile = looked_at(self.scope, self.settings)
        scan = Scan(
            id=self.id,
            started=self.clock.now(),
            scope=tuple(str(network) for network in networks),
            profile=profile,
            planned=sum(len(ground.askable()) for ground in self._ground.all_sides()),
            left_out=overlap(self.scope),
        )
        self._headway = await begin(self.notebook, self.spool, scan, digest_of(self.settings, scan.scope))
        self.id = self._headway.scan.id
        return self._headway.scan

    def _prepare(self, credentials: Credentials) -> None:
        pace, records = self.settings.pace, Records(self.spool, self.id)
        least = ROUNDS / min(pace.broadcasts, pace.packets_per_segment)
        tally = Tally(
            self.scope, self.clock, self.tell, Everybody(self.sides), lambda: records.packets, least,
            self._headway.scan.planned,
        )  # fmt: skip
        self._listening = Listening(
            records, self.id, self._ground.by_interface(), self._ground.own_macs, self._found
        )
        limits = Pace(
            pace.packets_per_host - 1,  # one is kept for what the kernel sends by itself (ARP)
            pace.packets,
            pace.connection_gap,
            pace.packets_per_host_and_scan,
            pace.packets_per_segment,
            pace.payload_bytes_per_host_and_scan,
            kept_for_kernel(pace.packets_per_host_and_scan, seen=False),
        )
        self._shared = Shared(
            self.settings, self.scope, self.clock, self.id, records, limits, tally, self._headway, credentials,
            self.memory, self.notebook, self._listening.asked_for,
        )  # fmt: skip
        self.sides += (Side(ground, self._shared) for ground in self._ground.all_sides())

    async def _run(self, scan: Scan) -> Scan:
        state, note = "failed", ""
        try:
            async with self._packets():
                scan = msgspec.structs.replace(scan, privileged=self._worker is not None)
                for vantage in self._ground.vantages:
                    self._shared.records.add(vantage)
                self._shared.records.add(scan)
                state, note = self._verdict(await self._until_fault())
        except OurFault as fault:
            self._interrupted, note = True, str(fault)[:500]
        except asyncio.CancelledError:
            self._interrupted = True
            state, note = "stopped", "stopped by a person or a signal"
            raise
        except BaseException as fault:
            if full := of_the_logbook(fault):  # there may be room again at the next start
                self._interrupted, state, note = True, "stopped", f"{full.ja} / {full.en}"[:500]
            raise
        finally:
            scan = self._headway.told(scan, self.clock.now(), state, note, self._shared.tally.swept)
            self._shared.records.add(scan)
            self._headway.news = True
            await asyncio.shield(self._write_down(ended=not self._interrupted, closed=True))
        return scan

    async def _until_fault(self) -> str:
        """Run all stages; a fault of our own machine ends them and is told, what was seen stays.

        So does a logbook that takes no more: nothing is sent that cannot be written down.
        """
        fault = ""
        try:
            async with asyncio.TaskGroup() as group:
                beside = (self._keep_flushing(), self._keep_standing())
                tasks = [group.create_task(work) for work in beside]
                await self._stages()
                for task in tasks:
                    task.cancel()
        except* OurFault as faults:
            fault = "; ".join(str(one) for one in faults.exceptions)[:500]
        return fault

    def _verdict(self, fault: str) -> tuple[str, str]:
        """Say how the scan ended, and what of it was not done."""
        if not fault and self._worker is not None and not self._worker.is_running:
            fault = "packet worker: ended during the scan"
        sides, braked = self.sides, self._shared.brakes.notes()
        dark = any(side.is_dark for side in sides)
        late = sum(side.kept_waiting for side in sides)
        self._interrupted = not braked and (dark or bool(fault) or late > 0)
        return how_it_ended(
            fault,
            sum((side.discovery.failed for side in sides), Counter[str]()),
            blackout=dark,
            unread=(self._worker.lost if self._worker else 0) + self._listening.left_out,
            unnamed=sum(side.finding.unnamed for side in sides),
            braked=braked,
            late=late,
            spent=0 if late else sum(len(side.discovery.spent) for side in sides),
            left_out=[*self._ground.unreached(), *(side.left_out for side in sides if side.left_out)],
        )

    @contextlib.asynccontextmanager
    async def _packets(self) -> AsyncIterator[None]:
        """The packet worker and the listening, for as long as the scan runs."""
        if not (self.privileged and self._ground.interfaces):
            yield
            return
        try:
            asked = [str(n) for n in (*self.scope.networks, *self.scope.candidates)]
            worker = await PacketWorker.start(self._ground.interfaces, asked)
        except OurFault as fault:  # the rest can be done without it
            self.sides[0].discovery.failed.update([] if isinstance(fault, NotPermitted) else [str(fault)])
            yield
            return
        self._worker = self._shared.worker = worker
        self._shared.pace.kept = kept_for_kernel(self._shared.pace.budget, seen=True)
        for side in self.sides:
            side.discovery.worker = worker
        worker.when_kernel_sends(self._kernel_sends)
        listening = asyncio.create_task(self._listen(worker))
        try:
            yield
        finally:
            listening.cancel()
            await worker.close()
            self._journal_kernel(worker)

    async def _stages(self) -> None:
        tally = self._shared.tally
        tally.say("listen", 0, 1)
        heard = self._worker.heard_for if self._worker else self.settings.listen_seconds
        listen = self.settings.listen_seconds - heard
        await self.clock.sleep(max(listen, WINDOW if self._headway.kills else 0.0))  # one second, two lives
        for neighbour in await neighbours():
            self._found(neighbour.interface, neighbour.ip, neighbour.mac)
        if self.settings.profile == "listen":
            return
        tally.plan("find", (a for side in self.sides for a in side.ground.askable()))
        for side in self.sides:
            await side.find()
        for place, side in enumerate(self.sides):
            side.look_for_the_same(self.sides[:place])
            if not side.left_out:
                await side.ask()
        for side in self.sides:
            await side.look_outside()
        tally.say("done", tally.swept, tally.swept)

    def _found(self, interface: str, address: str, mac: str) -> None:
        self._side_of(interface, address).found(interface, address, mac)

    def _kernel_sends(self, interface: str, address: str) -> None:
        self._shared.pace.settle(
            self._side_of(interface, address).ground.key(address), 0, 1, self.clock.steady()
        )

    def _side_of(self, interface: str, address: str) -> Side:
        beside = (one for one in self.sides if one.ground.card == interface and one.ground.reaches(address))
        return next(beside, self.sides[0])

    async def _listen(self, worker: PacketWorker) -> None:
        try:
            while True:
                self._listening.hear(await worker.heard())
        except OurFault:  # it ended: the verdict says so
            return

    def _journal_kernel(self, worker: PacketWorker) -> None:
        for (interface, address), packets in worker.kernel_sent().items():
            self._side_of(interface, address).kernel_sent(address, packets)

    async def _keep_standing(self) -> None:
        """End the scan when an interface went down or an address was taken from us: what is silent then is us."""
        while True:
            await self.clock.sleep(STANDING_EVERY)
            if lost := self._ground.lost(await vantages(loopback=True)):
                raise OurFault(lost)

    async def _keep_flushing(self) -> None:
        """Write down twice a second; what somebody waits for at once, but not how far all hosts are, which is long."""
        looks = 0
        while True:
            await self.clock.sleep(FLUSH_EVERY / FLUSH_LOOKS)
            looks += 1
            if looks >= FLUSH_LOOKS:
                looks = 0
                await self._write_down()
            elif self._shared.pace.ahead.called:
                await self._write_what_left()

    async def _write_down(self, *, ended: bool = False, closed: bool = False) -> None:
        """Make all records durable, then how far the scan has come: never the other way round."""
        headway, news = self._headway, self._headway.news
        headway.news = False
        kept = msgspec.structs.replace(
            headway,
            at=self.clock.now(),
            swept=dict(headway.swept),
            found={side.ground.key(ip): mac for side in self.sides for ip, mac in side.seen.macs.items()},
            asked=list(headway.asked),
            closed=closed,
        )
        await self._write_what_left(ended=ended)
        if self.memory:
            await self.memory.write()
        if self.notebook and (ended or news):
            await keep_headway(self.notebook, None if ended else kept)

    async def _write_what_left(self, *, ended: bool = False) -> None:
        """Make all records durable, and what hosts under way got; then nobody need wait for that any more."""
        pace, going = self._shared.pace, {} if ended else self._going()
        pace.begin_keeping(going)
        await self._shared.records.flush()
        if self.notebook and going != self._kept_going:
            self._kept_going = going
            await keep_going(self.notebook, self.id, going)
        pace.ahead.end()

    def _going(self) -> dict[str, tuple[int, int]]:
        """What the hosts got so far whose part of the scan has begun and not ended, and those that our kernel goes on asking."""
        pace, under_way, asked = self._shared.pace, self._shared.under_way, set(self._headway.asked)
        under_way -= {one for one in under_way if one in asked and not pace.is_way(one)}
        return {one: (pace.spent(one) - pace.lost, pace.said(one) - pace.lost_payload) for one in under_way}
