# SPDX-License-Identifier: Apache-2.0
"""Runs one scan, whatever happens: listen, find, classify, ask, write down, and say how far it came."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

import msgspec

from agent.clock import Clock, SystemClock
from agent.discovery import Discovery
from agent.door import Door
from agent.ground import Ground, survey_ground
from agent.guard import Permit, rule_on_host
from agent.host import HostSurvey
from agent.listening import Listening
from agent.pace import Pace
from agent.packet_worker import NotPermitted, PacketWorker
from agent.plan import Question
from agent.records import Records, Spool
from agent.scope import Scope
from agent.settings import Settings, SnmpSecret
from agent.vantage import neighbours, vantages
from probes.contract import OurFault
from probes.facts import Fact, FactKind, Observation, Outcome, Scan
from probes.fragility import temper_of

MOST_PER_MAC = 16  # addresses behind one MAC; more is proxy ARP, not so many devices


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
    _macs: dict[str, str] = field(default_factory=dict)  # address in scope → MAC, "" behind a router
    _done: int = 0
    _swept: int = 0

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
        self._ground = await survey_ground(self.scope, standings, socket.gethostname())
        self._records = Records(self.spool, self.id)
        scan = Scan(
            id=self.id,
            started=self.clock.now(),
            scope=tuple(str(network) for network in self.scope.networks),
            profile=self.settings.profile,
            planned=sum(1 for _ in self._addresses()),
        )
        return await self._run(scan)

    async def _run(self, scan: Scan) -> Scan:
        state, note = "failed", ""
        flusher = asyncio.create_task(self._keep_flushing())
        try:
            async with self._packets():
                scan = msgspec.structs.replace(scan, privileged=self._worker is not None)
                for vantage in self._ground.vantages:
                    self._records.add(vantage)
                self._records.add(scan)
                note = await self._until_fault()
            state = "failed" if note else "complete"
        except asyncio.CancelledError:
            state, note = "stopped", "stopped by a person or a signal"
            raise
        finally:
            flusher.cancel()
            scan = msgspec.structs.replace(
                scan, ended=self.clock.now(), state=state, note=note, finished=self._swept
            )
            self._records.add(scan)
            await asyncio.shield(self._records.flush())
        return scan

    async def _until_fault(self) -> str:
        """Run all stages; a fault of our own machine ends them and is told, what was seen stays."""
        note = ""
        try:
            await self._stages()
        except* OurFault as faults:
            note = "; ".join(str(fault) for fault in faults.exceptions)[:500]
        return note

    @contextlib.asynccontextmanager
    async def _packets(self) -> AsyncIterator[None]:
        """The packet worker and the listening, for as long as the scan runs."""
        interfaces = self._ground.interfaces
        if not (self.privileged and interfaces):
            yield
            return
        try:
            worker = await PacketWorker.start(interfaces, self._worker_networks())
        except NotPermitted:
            yield
            return
        self._worker = worker
        worker.when_kernel_sends(lambda target: self._pace.settle(target, 0, 1, self.clock.steady()))
        listening = asyncio.create_task(self._listen(worker))
        try:
            yield
        finally:
            listening.cancel()
            await worker.close()
            self._journal_kernel(worker)

    def _worker_networks(self) -> tuple[str, ...]:
        return tuple(str(network) for network in self.scope.networks)

    async def _stages(self) -> None:
        self._say("listen", 0, 1)
        await self.clock.sleep(self.settings.listen_seconds if self._worker else 0.0)
        for neighbour in await neighbours():
            self._found(neighbour.interface, neighbour.ip, neighbour.mac)
        if self.settings.profile == "listen":
            return
        await self._find()
        await self._ask_all(address for address in self._macs)
        if self._worker:
            await self._test_forwarding(self._worker)
        self._say("done", self._swept, self._swept)

    # ---- finding -------------------------------------------------------------------------------

    async def _find(self) -> None:
        """Our links first, then our gateways' own tables, then what lies behind them."""
        discovery = self._discovery()
        on_link, routed = self._split(self._addresses())
        if self._worker is None:
            await self._knock(
                discovery, [a for group in (on_link, routed) for many in group.values() for a in many]
            )
            return
        async with asyncio.TaskGroup() as group:
            for interface, addresses in on_link.items():
                group.create_task(discovery.by_arp(interface, addresses))
        await self._solicit(discovery)
        if any(routed.values()):
            await self._find_behind_routers(discovery, self._worker, routed)

    async def _find_behind_routers(
        self, discovery: Discovery, worker: PacketWorker, routed: dict[str, list[str]]
    ) -> None:
        await self._ask_gateways("who stands behind it")
        for interface, addresses in routed.items():
            await discovery.by_echo(interface, (a for a in addresses if not self._is_fragile(a)))
        for address, reply in worker.echo_answers.items():
            if reply.startswith("echo-reply"):
                self._macs.setdefault(address, "")
                self._note(address, "echo", "icmp", (Fact(FactKind.ICMP_REPLY, reply),))
        await self._ask_gateways("who answered behind it")

    async def _ask_gateways(self, why: str) -> None:
        """Read the neighbour tables of our own gateways where the site gave a credential."""
        for gateway in dict.fromkeys(g for s in self._ground.standings for g in s.gateways):
            if gateway in self._macs and self._secrets(gateway):
                host = self._host(gateway)
                host.door.permit = Permit.SEND
                seen = await host.put(Question("snmp", 161, why))
                for line in seen.of(FactKind.NEIGHBOUR):
                    address, _, mac = line.partition(" ")
                    self._found("", address, mac)

    async def _knock(self, discovery: Discovery, addresses: list[str]) -> None:
        answered = await discovery.by_knocking(addresses)
        for neighbour in await neighbours():
            self._found(neighbour.interface, neighbour.ip, neighbour.mac)
        for address, there in answered.items():
            if there:
                self._macs.setdefault(address, "")

    async def _solicit(self, discovery: Discovery) -> None:
        """Ask for the IPv6 address that a MAC implies, where the scope holds link-local addresses."""
        if not any(network.version == 6 for network in self.scope.networks):
            return
        for address, mac in list(self._macs.items()):
            place = self._ground.place(address)
            if place.on_link and mac and not self._is_fragile(address):
                await discovery.solicit(place.standing.interface, link_local(mac))

    def _found(self, interface: str, address: str, mac: str) -> None:
        if address in self._ground.own_addresses or mac in self._ground.own_macs:
            return
        ip = ip_address(address)
        if ip.version == 6 or not any(ip in network for network in self.scope.networks):
            return
        if mac or address not in self._macs:
            self._macs[address] = mac or self._macs.get(address, "")
            if address in self._doors:
                self._doors[address].mac = self._macs[address]

    # ---- asking --------------------------------------------------------------------------------

    async def _ask_all(self, addresses: Iterable[str]) -> None:
        wanted = [a for a in addresses if not self._held_as_ghost(a)]
        at_once = asyncio.Semaphore(self.settings.pace.hosts_at_once)
        finished = 0

        async def ask(address: str) -> None:
            nonlocal finished
            async with at_once:
                await self._host(address).run(lambda: self._say("ask", finished, len(wanted)))
                finished += 1
                self._say("ask", finished, len(wanted))

        async with asyncio.TaskGroup() as group:
            for address in wanted:
                group.create_task(ask(address))

    async def _test_forwarding(self, worker: PacketWorker) -> None:
        """Ask hosts on our own links whether they pass packets on."""
        discovery = self._discovery()
        tested = [h for h in self._hosts.values() if h.door.permit is Permit.SEND and self._on_link(h)]
        for host in tested:
            place = self._ground.place(host.door.address)
            await discovery.forwards(place.standing.interface, host.door, place.standing.address)
        await self.clock.sleep(1.0 if tested else 0.0)
        for host in tested:
            reply = worker.forward_answers.get(host.door.mac.lower(), "")
            facts = (Fact(FactKind.ICMP_REPLY, reply),) if reply else ()
            if reply in ("11/0", "3/0", "5/0", "5/1"):
                facts = (*facts, Fact(FactKind.FORWARDS, "yes"))
            self._note(host.door.address, "forward_test", "icmp", facts)

    def _held_as_ghost(self, address: str) -> bool:
        mac = self._macs.get(address, "")
        if not mac or sum(1 for other in self._macs.values() if other == mac) <= MOST_PER_MAC:
            return False
        reason = "proxy_arp: 1つの機器が多数のアドレスに代わって答えている / one device answers for very many addresses"
        self._note(address, "plan", "", (), Outcome.HELD_BACK, reason)
        return True

    # ---- bookkeeping ---------------------------------------------------------------------------

    def _addresses(self) -> Iterable[str]:
        own = self._ground.own_addresses
        return dict.fromkeys(a for n in self.scope.networks for a in self.scope.addresses(n) if a not in own)

    def _split(self, addresses: Iterable[str]) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        on_link: dict[str, list[str]] = {}
        routed: dict[str, list[str]] = {}
        for address in addresses:
            place = self._ground.place(address)
            group = on_link if place.on_link else routed
            group.setdefault(place.standing.interface, []).append(address)
        return on_link, routed

    def _discovery(self) -> Discovery:
        def swept(count: int) -> None:
            self._swept += count
            self._say("find", self._swept, 0)

        return Discovery(self._door, self._worker, self.settings.pace.broadcasts, swept)

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
                mac=self._macs.get(address, ""),
                opted=frozenset({("udp", 161)} if self._secrets(address) else ()),
            )
        return self._doors[address]

    def _host(self, address: str) -> HostSurvey:
        if address not in self._hosts:
            place = self._ground.place(address)
            self._hosts[address] = HostSurvey(
                self._door(address),
                self._records,
                self.settings.profile,
                place.network,
                self._secrets(address),
                ours=any(address in s.gateways for s in self._ground.standings),
            )
        return self._hosts[address]

    def _secrets(self, address: str) -> tuple[SnmpSecret, ...]:
        ip = ip_address(address)
        return tuple(s for s in self.settings.snmp if any(ip in ip_network(n, strict=False) for n in s.hosts))

    def _is_fragile(self, address: str) -> bool:
        judgement = temper_of(self._macs.get(address, ""), (), ())
        return rule_on_host(judgement, self.scope.allowed(address)).permit is Permit.NOTHING

    def _on_link(self, host: HostSurvey) -> bool:
        return bool(host.door.mac) and self._ground.place(host.door.address).on_link

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
                mac=self._macs.get(address, ""),
                network=place.network,
                transport=transport,
                outcome=outcome or (Outcome.ANSWERED if facts else Outcome.SILENT),
                reason=reason,
                facts=facts,
            )
        )

    async def _listen(self, worker: PacketWorker) -> None:
        listening = Listening(
            self._records, self.id, self._ground.by_interface(), self._ground.own_macs, self._found
        )
        with contextlib.suppress(OurFault):  # it ended: the next packet to be sent says so
            while True:
                listening.hear(await worker.heard())

    def _journal_kernel(self, worker: PacketWorker) -> None:
        """Write down what our kernel sent for us: neighbour requests and its answers to theirs."""
        for address, packets in worker.kernel_sent().items():
            if address in self._doors:
                self._doors[address].journal("kernel neighbour frames", packets=packets, transport="arp")

    async def _keep_flushing(self) -> None:
        while True:
            await self.clock.sleep(0.5)
            await self._records.flush()

    def _say(self, stage: str, done: int, total: int) -> None:
        self.tell(Progress(stage, done, total or done, len(self._macs), self._records.packets))


def link_local(mac: str) -> str:
    """IPv6 link-local address that a MAC implies (modified EUI-64, RFC 4291 appendix A)."""
    parts = [int(part, 16) for part in mac.split(":")]
    parts = [parts[0] ^ 2, *parts[1:3], 0xFF, 0xFE, *parts[3:]]
    return str(ip_address(bytes([0xFE, 0x80, *(0,) * 6, *parts])))
