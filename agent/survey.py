# SPDX-License-Identifier: Apache-2.0
"""Runs one scan, whatever happens: listen, find, classify, ask, write down, and say how far it came."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from agent.clock import Clock, SystemClock
from agent.credentials import Credentials
from agent.deep_survey import look_at_all
from agent.discovery import Discovery
from agent.door import Door
from agent.ground import Ground, link_local, survey_ground
from agent.guard import Permit
from agent.host import HostSurvey
from agent.listening import Listening
from agent.pace import Pace
from agent.packet_worker import NotPermitted, PacketWorker
from agent.plan import Question
from agent.records import Records, Spool
from agent.scan_end import how_it_ended
from agent.scope import Scope, overlap
from agent.settings import Settings
from agent.sightings import Sightings
from agent.vantage import neighbours, vantages
from probes.contract import OurFault
from probes.facts import Fact, FactKind, Observation, Outcome, Scan

_PACKETS_OF_AN_EXCHANGE = 6  # reserved by one connection at most


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan has come."""

    stage: str  # listen, find, ask, done
    done: int
    total: int
    found: int
    packets: int


@dataclass(slots=True)
class Survey:
    """One scan of a written scope into a spool."""

    settings: Settings
    scope: Scope
    spool: Spool
    clock: Clock = field(default_factory=SystemClock)
    tell: Callable[[Progress], None] = lambda _: None
    privileged: bool = True
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    _ground: Ground = field(init=False)
    _records: Records = field(init=False)
    _worker: PacketWorker | None = None
    _pace: Pace = field(init=False)
    _doors: dict[str, Door] = field(default_factory=dict)
    _hosts: dict[str, HostSurvey] = field(default_factory=dict)
    _seen: Sightings = field(init=False)
    _finding: Discovery = field(init=False)
    _listening: Listening = field(init=False)
    _swept: int = 0
    _credentials: Credentials = field(init=False)

    async def run(self) -> Scan:
        """Scan; gives the final state. Cancelling stops it: what was seen is kept, the state says stopped."""
        pace = self.settings.pace
        self._pace = Pace(
            pace.packets_per_host - 1,  # one is kept for what the kernel sends by itself (ARP)
            pace.packets,
            pace.connection_gap,
            pace.packets_per_host_and_scan,
        )
        standings = await vantages(loopback=any(n.is_loopback for n in self.scope.networks))
        self._credentials = Credentials.of(self.settings)
        self._ground = await survey_ground(self.scope, standings, socket.gethostname())
        self._seen = Sightings(self._ground)
        self._finding = Discovery(self._door, None, pace.broadcasts, self._swept_more)
        self._records = Records(self.spool, self.id)
        self._listening = Listening(
            self._records, self.id, self._ground.by_interface(), self._ground.own_macs, self._found
        )
        scan = Scan(
            id=self.id,
            started=self.clock.now(),
            scope=tuple(str(network) for network in self.scope.networks),
            profile=self.settings.profile,
            planned=sum(1 for _ in self._addresses()),
            left_out=overlap(self.scope),
        )
        return await self._run(scan)

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
            note = str(fault)[:500]
        except asyncio.CancelledError:
            state, note = "stopped", "stopped by a person or a signal"
            raise
        finally:
            scan = msgspec.structs.replace(
                scan, ended=self.clock.now(), state=state, note=note, finished=self._swept
            )
            self._records.add(scan)
            await asyncio.shield(self._records.flush())
        return scan

    async def _until_fault(self) -> str:
        """Run all stages; a fault of our own machine ends them and is told, what was seen stays.

        So does a logbook that takes no more: nothing is sent that cannot be written down.
        """
        fault = ""
        try:
            async with asyncio.TaskGroup() as group:
                flushing = group.create_task(self._keep_flushing())
                await self._stages()
                flushing.cancel()
        except* OurFault as faults:
            fault = "; ".join(str(one) for one in faults.exceptions)[:500]
        return fault

    def _verdict(self, fault: str) -> tuple[str, str]:
        """Say how the scan ended, and what of it was not done."""
        if not fault and self._worker is not None and not self._worker.is_running:
            fault = "packet worker: ended during the scan"
        return how_it_ended(
            fault,
            self._finding.failed,
            blackout="blackout" in self._finding.held or any(host.refused for host in self._hosts.values()),
            unread=(self._worker.lost if self._worker else 0) + self._listening.left_out,
        )

    @contextlib.asynccontextmanager
    async def _packets(self) -> AsyncIterator[None]:
        """The packet worker and the listening, for as long as the scan runs."""
        if not (self.privileged and self._ground.interfaces):
            yield
            return
        try:
            worker = await PacketWorker.start(self._ground.interfaces, [str(n) for n in self.scope.networks])
        except OurFault as fault:  # the rest can be done without it
            self._finding.failed.update([] if isinstance(fault, NotPermitted) else [str(fault)])
            yield
            return
        self._worker = self._finding.worker = worker
        worker.when_kernel_sends(lambda target: self._pace.settle(target, 0, 1, self.clock.steady()))
        listening = asyncio.create_task(self._listen(worker))
        try:
            yield
        finally:
            listening.cancel()
            await worker.close()
            self._journal_kernel(worker)

    async def _stages(self) -> None:
        self._say("listen", 0, 1)
        await self.clock.sleep(self.settings.listen_seconds if self._worker else 0.0)
        for neighbour in await neighbours():
            self._found(neighbour.interface, neighbour.ip, neighbour.mac)
        if self.settings.profile == "listen":
            return
        await self._find()
        await self._ask_all()
        await look_at_all(self._hosts.values())
        if self._worker:
            await self._test_forwarding(self._worker)
        self._say("done", self._swept, self._swept)

    async def _find(self) -> None:
        """Our links first, then our gateways' own tables, then what lies behind them."""
        on_link, routed = self._split(self._addresses())
        behind = [address for addresses in routed.values() for address in addresses]
        if self._worker is None:
            await self._knock(on_link, behind)
        else:
            async with asyncio.TaskGroup() as group:
                for interface, addresses in on_link.items():
                    group.create_task(self._finding.by_arp(interface, addresses))
            for (interface, address), macs in list(self._worker.arp_answers.items()):
                for mac in macs:
                    self._found(interface, address, mac)
            await self._solicit()
            if behind:
                await self._find_behind_routers(self._worker, routed)
        self._seen.doubt_crowds(behind)

    async def _find_behind_routers(self, worker: PacketWorker, routed: dict[str, list[str]]) -> None:
        await self._ask_gateways("who stands behind it")
        for interface, addresses in routed.items():
            via = interface if interface in self._ground.interfaces else self._ground.interfaces[0]
            asked = [address for address in addresses if not self._seen.is_fragile(address)]
            self._swept_more(len(addresses) - len(asked))  # dealt with: known, and left alone
            await self._finding.by_echo(via, asked)
        for address, reply in worker.echo_answers.items():
            if reply == "echo-reply":  # an answer from another address proves nobody at this one
                self._seen.add(address)
                self._note(address, "echo", "icmp", (Fact(FactKind.ICMP_REPLY, reply),))
        await self._ask_gateways("who answered behind it")

    async def _ask_gateways(self, why: str) -> None:
        """Read our own gateways' whole neighbour tables where the site gave a credential: they name the fragile."""
        for gateway in dict.fromkeys(g for s in self._ground.standings for g in s.gateways):
            if gateway in self._seen.macs and self._credentials.snmp(gateway):
                host = self._host(gateway)
                host.door.permit = Permit.SEND
                for probe in ("snmp", "snmp_tables"):  # a table cut short would let us ping a fragile host
                    seen = await host.put(Question(probe, 161, why))
                    for line in seen.of(FactKind.NEIGHBOUR):
                        address, _, mac = line.partition(" ")
                        self._found("", address, mac)

    async def _knock(self, on_link: dict[str, list[str]], behind: list[str]) -> None:
        """Knock where nobody is known yet; those in the neighbour table are there without a knock."""
        for segment, addresses in (*on_link.items(), ("", behind)):
            unknown = [a for a in addresses if not self._seen.mac_of(a)]
            answered = await self._finding.by_knocking("" if segment == "lo" else segment, unknown)
            for neighbour in await neighbours():
                self._found(neighbour.interface, neighbour.ip, neighbour.mac)
            for address in (address for address, there in answered.items() if there):
                self._seen.add(address)

    async def _solicit(self) -> None:
        """Ask for the IPv6 address that a MAC implies, where the scope holds link-local addresses."""
        if not any(network.version == 6 for network in self.scope.networks):
            return
        for address, mac in list(self._seen.macs.items()):
            place = self._ground.place(address)
            if not (place.on_link and mac) or self._seen.is_fragile(address):
                continue
            if not self.scope.refuses(link_local(mac), self.clock.now()):
                await self._finding.solicit(place.standing.interface, link_local(mac))

    def _found(self, interface: str, address: str, mac: str) -> None:
        if self._seen.add(address, mac) and address in self._doors:
            door = self._doors[address]
            door.mac = mac
            if self._seen.is_fragile(address):  # at once, also in the middle of a question
                door.permit, door.why_not = Permit.NOTHING, self._seen.ruling_on(address).reason

    async def _ask_all(self) -> None:
        """Ask every device; the addresses of one device one after the other, so that it is asked once at a time."""
        for address, reason in self._seen.ghosts().items():
            self._note(address, "plan", "", (), Outcome.HELD_BACK, reason)
        devices = self._seen.devices()
        pace = self.settings.pace
        at_once = asyncio.Semaphore(max(1, min(pace.hosts_at_once, pace.packets // _PACKETS_OF_AN_EXCHANGE)))
        waiting = {address for device in devices for address in device}
        total = len(waiting)

        def told() -> None:
            self._say("ask", total - len(waiting), total)

        async def ask(device: Iterable[str]) -> None:
            async with at_once:
                for address in device:
                    await self._host(address).run(told)
                    waiting.discard(address)
                    told()

        async with asyncio.TaskGroup() as group:
            for device in devices:
                group.create_task(ask(device))

    async def _test_forwarding(self, worker: PacketWorker) -> None:
        """Ask hosts on our own links whether they pass packets on."""
        tested = [
            (h.door, self._ground.place(h.door.address).standing)
            for h in self._hosts.values()
            if h.door.permit is Permit.SEND and h.door.mac and self._ground.place(h.door.address).on_link
        ]
        left: dict[str, bool] = {}
        for door, ours in tested:
            left[door.address] = await self._finding.forwards(ours.interface, door, ours.address)
        await self.clock.sleep(1.0 if tested else 0.0)
        for address, was_sent in left.items():
            mac = self._seen.mac_of(address).lower()
            self._tell_forwarding(address, worker.forward_answers.get(mac, "") if was_sent else None)

    def _tell_forwarding(self, address: str, reply: str | None) -> None:
        """Write down what a forwarding test brought; None: it was not put, which is no silence of theirs."""
        if reply is None:
            reason = "not_sent: 送信を見合わせた / we did not send it"
            self._note(address, "forward_test", "icmp", (), Outcome.HELD_BACK, reason)
            return
        facts = (Fact(FactKind.ICMP_REPLY, reply),) if reply else ()
        if reply in ("11/0", "3/0", "5/0", "5/1"):
            facts = (*facts, Fact(FactKind.FORWARDS, "yes"))
        self._note(address, "forward_test", "icmp", facts)

    def _addresses(self) -> Iterable[str]:
        nobody = self._ground.own_addresses | self._ground.edges
        every = (a for n in self.scope.networks for a in self.scope.addresses(n))
        return dict.fromkeys(a for a in every if a not in nobody)

    def _split(self, addresses: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        on_link: dict[str, list[str]] = {}
        routed: dict[str, list[str]] = {}
        for address in addresses:
            place = self._ground.place(address)
            group = on_link if place.on_link else routed
            group.setdefault(place.standing.interface, []).append(address)
        return on_link, routed

    def _swept_more(self, count: int) -> None:
        self._swept += count
        self._say("find", self._swept, 0)

    def _door(self, address: str) -> Door:
        if address not in self._doors:
            place = self._ground.place(address)
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
            )
        return self._doors[address]

    def _host(self, address: str) -> HostSurvey:
        if address not in self._hosts:
            place = self._ground.place(address)
            self._pace.join(address, self._seen.mac_of(address) or address)
            self._hosts[address] = HostSurvey(
                self._door(address),
                self._records,
                self.settings.profile,
                place.network,
                self._credentials.snmp(address),
                self._credentials.ssh(address),
                ours=any(address in s.gateways for s in self._ground.standings),
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

    async def _keep_flushing(self) -> None:
        while True:
            await self.clock.sleep(0.5)
            await self._records.flush()

    def _say(self, stage: str, done: int, total: int) -> None:
        self.tell(Progress(stage, done, total or done, len(self._seen.macs), self._records.packets))
