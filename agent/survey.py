# SPDX-License-Identifier: Apache-2.0
"""Runs one scan, whatever happens: listen, find, classify, ask, write down, and say how far it came."""

import asyncio
import contextlib
import functools
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import msgspec

from agent.asking import Asking
from agent.clock import Clock, SystemClock
from agent.confirm import Confirming
from agent.credentials import Credentials
from agent.crossing import Crossing
from agent.deep_survey import look
from agent.discovery import ROUNDS, Discovery
from agent.door import Door
from agent.finding import Finding
from agent.gateway_tables import read_tables
from agent.ground import Ground, survey_ground
from agent.guard import Permit
from agent.headway import Headway, Notebook, begin, digest_of, keep_headway
from agent.host import HostSurvey
from agent.listening import Listening
from agent.memory import Memory
from agent.outside import OutsideLook
from agent.pace import Pace
from agent.packet_worker import NotPermitted, PacketWorker
from agent.records import Records, Spool
from agent.scan_end import how_it_ended
from agent.scope import Scope, overlap
from agent.segment_lock import hold
from agent.segments import looked_at, profile_for, with_listening
from agent.settings import Settings
from agent.sightings import Sightings
from agent.tally import Tally
from agent.time_left import Progress
from agent.vantage import neighbours, vantages
from agent.watch import Brakes
from probes.contract import OurFault
from probes.facts import Fact, Observation, Outcome, Scan

FLUSH_EVERY, STANDING_EVERY = 0.5, 1.0  # seconds


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
    _records: Records = field(init=False)
    _worker: PacketWorker | None = None
    _pace: Pace = field(init=False)
    _doors: dict[str, Door] = field(default_factory=dict)
    _hosts: dict[str, HostSurvey] = field(default_factory=dict)
    _seen: Sightings = field(init=False)
    _discovery: Discovery = field(init=False)
    _finding: Finding = field(init=False)
    _listening: Listening = field(init=False)
    _credentials: Credentials = field(init=False)
    _brakes: Brakes = field(default_factory=Brakes)
    _headway: Headway = field(init=False)
    _tally: Tally = field(init=False)
    _interrupted: bool = False  # by a person, a blackout or a fault of ours: the next start may go on
    _nmap: asyncio.Lock = field(default_factory=asyncio.Lock)  # one at a time on this machine

    async def run(self) -> Scan:
        """Scan; gives the final state. Cancelling stops it: what was seen is kept, the state says stopped.

        Raises Refusal for a scope out of reach, or one that is being scanned on this machine already.
        """
        with hold(self.scope.networks):
            return await self._scan()

    async def _scan(self) -> Scan:
        self.scope = with_listening(self.scope, self.settings)
        standings = await vantages(loopback=any(n.is_loopback for n in self.scope.networks))
        self._credentials = Credentials.of(self.settings)
        self._ground = await survey_ground(self.scope, standings, socket.gethostname())
        scan = await self._begin()
        self._prepare()
        if self.notebook:
            for address, packets in (await self.notebook.spent(scan.id, scan.started)).items():
                self._pace.spend(address, packets)
        return await self._run(scan)

    async def _begin(self) -> Scan:
        networks, profile = looked_at(self.scope, self.settings)
        scan = Scan(
            id=self.id,
            started=self.clock.now(),
            scope=tuple(str(network) for network in networks),
            profile=profile,
            planned=len(self._ground.askable()),
            left_out=overlap(self.scope),
        )
        self._headway = await begin(self.notebook, self.spool, scan, digest_of(self.settings, scan.scope))
        self.id = self._headway.scan.id
        return self._headway.scan

    def _prepare(self) -> None:
        pace = self.settings.pace
        self._pace = Pace(
            pace.packets_per_host - 1,  # one is kept for what the kernel sends by itself (ARP)
            pace.packets,
            pace.connection_gap,
            pace.packets_per_host_and_scan,
            pace.packets_per_segment,
        )
        self._seen = Sightings(self._ground)
        self._records = Records(self.spool, self.id)
        least = ROUNDS / min(pace.broadcasts, pace.packets_per_segment)
        self._tally = Tally(
            self.scope, self.clock, self.tell, self._seen.macs, lambda: self._records.packets, least,
            self._headway.scan.planned,
        )  # fmt: skip
        self._discovery = Discovery(self._door, None, pace.broadcasts, self._tally.one_swept)
        self._listening = Listening(
            self._records, self.id, self._ground.by_interface(), self._ground.own_macs, self._found
        )
        self._finding = Finding(
            self._ground,
            self.clock,
            self._seen,
            self._discovery,
            self._headway,
            self._found,
            self._note,
            self._tally.were_swept,
            self._ask_gateways,
            self.memory,
        )

    async def _run(self, scan: Scan) -> Scan:
        state, note = "failed", ""
        try:
            async with self._packets():
                scan = msgspec.structs.replace(scan, privileged=self._worker is not None)
                for vantage in self._ground.vantages:
                    self._records.add(vantage)
                self._records.add(scan)
                state, note = self._verdict(await self._until_fault())
        except OurFault as fault:
            self._interrupted, note = True, str(fault)[:500]
        except asyncio.CancelledError:
            self._interrupted = True
            state, note = "stopped", "stopped by a person or a signal"
            raise
        finally:
            scan = self._headway.told(scan, self.clock.now(), state, note, self._tally.swept)
            self._records.add(scan)
            self._headway.news = True
            await asyncio.shield(self._write_down(ended=not self._interrupted))
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
        dark = "blackout" in self._discovery.held or any(
            h.refused == "blackout" for h in self._hosts.values()
        )
        braked = self._brakes.notes()
        self._interrupted = not braked and (dark or bool(fault))
        return how_it_ended(
            fault,
            self._discovery.failed,
            blackout=dark,
            unread=(self._worker.lost if self._worker else 0) + self._listening.left_out,
            unnamed=self._finding.unnamed,
            braked=braked,
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
            self._discovery.failed.update([] if isinstance(fault, NotPermitted) else [str(fault)])
            yield
            return
        self._worker = self._discovery.worker = worker
        worker.when_kernel_sends(lambda target: self._pace.settle(target, 0, 1, self.clock.steady()))
        listening = asyncio.create_task(self._listen(worker))
        try:
            yield
        finally:
            listening.cancel()
            await worker.close()
            self._journal_kernel(worker)

    async def _stages(self) -> None:
        self._tally.say("listen", 0, 1)
        heard = self._worker.heard_for if self._worker else self.settings.listen_seconds
        await self.clock.sleep(max(0.0, self.settings.listen_seconds - heard))
        for neighbour in await neighbours():
            self._found(neighbour.interface, neighbour.ip, neighbour.mac)
        if self.settings.profile == "listen":
            return
        askable = self._ground.askable()
        self._tally.plan("find", askable)
        await self._finding.run(askable)
        await self._ask_all()
        await self._look_outside()
        self._tally.say("done", self._tally.swept, self._tally.swept)

    async def _look_outside(self) -> None:
        """Try the address outside that the site named, once from each segment."""
        look = OutsideLook(
            self.scope, self._ground, self._pace, self.clock, self.id, self._records.add,
            self._headway.looked_outside, self._brakes.refuses, self.notebook,
        )  # fmt: skip
        await look.look()

    async def _ask_gateways(self, why: str) -> bool:
        """Read our own gateways' neighbour tables where the site gave a credential; True where one was cut short."""
        gateways = dict.fromkeys(g for s in self._ground.standings for g in s.gateways)
        known = [g for g in gateways if g in self._seen.macs and self._credentials.snmp(g)]
        return await read_tables(map(self._host, known), lambda ip, mac: self._found("", ip, mac), why)

    def _found(self, interface: str, address: str, mac: str) -> None:
        if self._seen.add(address, mac) and address in self._doors:
            door = self._doors[address]
            door.mac = mac
            if self._seen.is_fragile(address):  # at once, also in the middle of a question
                door.permit, door.why_not = Permit.NOTHING, self._seen.ruling_on(address).reason

    async def _ask_all(self) -> None:
        confirming = Confirming(self.memory, self._headway.stands_on) if self.memory else None
        await Asking(
            self.settings.pace, self._ground, self._seen, self._headway, self._host, self._shown_by, self._after,
            self._note, self._tally, lambda address: profile_for(self.settings, address) != "listen", confirming,
        ).run()  # fmt: skip

    def _shown_by(self, address: str) -> str:
        """How it answered tonight while we looked for it."""
        worker, place = self._worker, self._ground.place(address)
        if worker is None:
            return ""
        if self._seen.mac_of(address) in worker.arp_answers.get((place.standing.interface, address), ()):
            return "arp"
        return "echo" if worker.echo_answers.get(address) == "echo-reply" else ""

    async def _after(self, host: HostSurvey) -> None:
        """Ask what follows a host's plan: nmap where it is allowed, and the tests by single frames."""
        async with self._nmap:
            await look(host)
        await Crossing(
            self.scope,
            self._ground,
            self._discovery,
            {host.door.address: host},
            self._note,
            self.clock,
            self._worker,
            self._listening.asked_for,
            self._seen.macs,
        ).test()

    def _door(self, address: str) -> Door:
        if address not in self._doors:
            place = self._ground.place(address)
            self._pace.stand(address, place.network)
            self._doors[address] = Door(
                address,
                self.scope,
                self._pace,
                self.clock,
                self.id,
                place.vantage.id,
                self._records.add,
                mac=self._seen.mac_of(address),
                opted=self._credentials.opted(address, self.scope.allowed(address)),
                halted=functools.partial(self._brakes.refuses, place.network),
            )
        return self._doors[address]

    def _host(self, address: str) -> HostSurvey:
        if address not in self._hosts:
            place = self._ground.place(address)
            self._pace.join(address, self._seen.mac_of(address) or address)
            self._hosts[address] = HostSurvey(
                self._door(address),
                self._records,
                profile_for(self.settings, address),
                place.network,
                self._credentials.snmp(address),
                self._credentials.ssh(address),
                ours=any(address in s.gateways for s in self._ground.standings),
                brakes=self._brakes,
            )
        return self._hosts[address]

    def _note(
        self,
        address: str,
        probe: str,
        transport: str,
        facts: tuple[Fact, ...],
        outcome: Outcome | None = None,
        reason: str = "",
    ) -> None:
        place = self._ground.place(address)
        self._records.add(
            Observation(
                scan=self.id,
                vantage=place.vantage.id,
                at=self.clock.now(),
                probe=probe,
                address=address,
                mac=self._seen.mac_of(address),
                network=place.network,
                transport=transport,
                outcome=outcome or (Outcome.ANSWERED if facts else Outcome.SILENT),
                reason=reason,
                facts=facts,
            )
        )

    async def _listen(self, worker: PacketWorker) -> None:
        try:
            while True:
                self._listening.hear(await worker.heard())
        except OurFault:  # it ended: the verdict says so
            return

    def _journal_kernel(self, worker: PacketWorker) -> None:
        """Write down what our kernel sent for us: neighbour requests (also for the way out), its answers."""
        gateways = {gateway for standing in self._ground.standings for gateway in standing.gateways}
        for address, packets in worker.kernel_sent().items():
            if address in self._doors or address in gateways:
                self._door(address).journal("kernel neighbour frames", packets=packets, transport="arp")

    async def _keep_standing(self) -> None:
        """End the scan when an interface went down or an address was taken from us: what is silent then is us."""
        while True:
            await self.clock.sleep(STANDING_EVERY)
            if lost := self._ground.lost(await vantages(loopback=True)):
                raise OurFault(lost)

    async def _keep_flushing(self) -> None:
        while True:
            await self.clock.sleep(FLUSH_EVERY)
            await self._write_down()

    async def _write_down(self, *, ended: bool = False) -> None:
        """Make all records durable, then how far the scan has come: never the other way round."""
        headway, news = self._headway, self._headway.news
        headway.news = False
        kept = msgspec.structs.replace(
            headway,
            at=self.clock.now(),
            swept=dict(headway.swept),
            found=dict(self._seen.macs),
            asked=list(headway.asked),
        )
        await self._records.flush()
        if self.memory:
            await self.memory.write()
        if self.notebook and (ended or news):
            await keep_headway(self.notebook, None if ended else kept)
