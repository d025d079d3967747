# SPDX-License-Identifier: Apache-2.0
"""Tests of source limits: the same question in the same minute from an allowed and a not allowed source.

All that leaves goes through the doors of the hosts (scope, guard, pace, journal). A source that is
made for the test is made only with written consent, only on our own interface, only after nobody
else was found to use the address, and is gone when the block of looks ends.
"""

import asyncio
import contextlib
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path

import msgspec

from agent.access_look import PROBE, Looker, Source, Target
from agent.access_plan import (
    ALLOWED,
    ALONE_PAUSE,
    ALONE_ROUNDS,
    NOT_ALLOWED,
    UNLISTED_MAC,
    Block,
    blocks,
    is_alone,
)
from agent.access_reach import check_reach, ground_of
from agent.access_settings import AccessSection, read_control
from agent.address_check import Conflicts, check_free, keep_watch
from agent.clock import Clock, SystemClock
from agent.door import Door
from agent.ground import Ground, Place
from agent.made_source import made_address, made_mac, take_away
from agent.pace import Pace, kept_for_kernel
from agent.packet_worker import NotPermitted, PacketWorker
from agent.records import Records, Spool
from agent.refusal import Refusal
from agent.scope import Scope
from agent.segment_lock import hold
from agent.settings import Settings
from agent.sockets import Make, bound_to
from agent.vantage import Standing, neighbours
from probes.contract import HeldBack, OurFault
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Vantage

PROFILE = "access"
_ARP_SECONDS = 0.8


@dataclass(slots=True)
class AccessTest:
    """One run over all [[access]] sections."""

    settings: Settings
    scope: Scope
    spool: Spool
    note: Path  # where a made address is noted
    clock: Clock = field(default_factory=SystemClock)
    tell: Callable[[str, int, int], None] = lambda *_: None  # device, done, total
    also: Callable[[Observation], None] = lambda _: None  # told each observation as well
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    _ground: Ground = field(init=False)
    _records: Records = field(init=False)
    _pace: Pace = field(init=False)
    _worker: PacketWorker | None = None
    _conflicts: Conflicts = field(default_factory=Conflicts)
    _checked: dict[str, str] = field(default_factory=dict)  # address → reason not to take it, "" if free
    _doors: list[Door] = field(default_factory=list)

    async def run(self) -> Scan:
        """Test; gives the final state. Cancelling stops it in order: nothing made stays behind.

        Raises Refusal for what is out of reach, or while a scan on this machine has one of the devices in its scope.
        """
        with hold([ip_network(section.device) for section in self.settings.access]):
            return await self._test()

    async def _test(self) -> Scan:
        left_over = await self._tidy()
        self._ground = await ground_of(self.scope)
        check_reach(self.settings.access, self.scope, self._ground)
        pace = self.settings.pace
        budget = pace.packets_per_host_and_scan
        self._pace = Pace(
            pace.packets_per_host - 1, pace.packets, pace.connection_gap, budget,
            payload=pace.payload_bytes_per_host_and_scan, kept=kept_for_kernel(budget, seen=True),
        )  # fmt: skip
        self._records = Records(self.spool, self.id)
        sections = self.settings.access
        scan = Scan(
            id=self.id,
            started=self.clock.now(),
            scope=tuple(section.device for section in sections),
            profile=PROFILE,
            planned=len(sections),
            note=f"{left_over} was left by a run before; taken away" if left_over else "",
        )
        return await self._run(scan)

    async def _tidy(self) -> str:
        """Take away what a run before left behind when it was killed; raises Refusal when that fails."""
        try:
            return await asyncio.to_thread(take_away, self.note)
        except OurFault as fault:
            raise Refusal(
                f"前回の試験で作ったアドレスを取り除けませんでした（{fault}）。sudo を付けてもう一度実行してください。何も送信していません。",
                f"The address that a test before had made could not be taken away ({fault}). Run it again with sudo. "
                "Nothing was sent.",
            ) from fault

    async def _run(self, scan: Scan) -> Scan:
        state, note, done = "failed", scan.note, 0
        try:
            self._records.add(scan)
            async with self._packets():
                for section in self.settings.access:
                    self.tell(section.device, done, len(self.settings.access))
                    await self._section(section)
                    await self._records.flush()
                    done += 1
            state = "complete"
        except OurFault as fault:
            note = f"{note}; {fault}".strip("; ")[:500]
        except asyncio.CancelledError:
            state, note = "stopped", "stopped by a person or a signal"
            raise
        finally:
            ended = self.clock.now()
            scan = msgspec.structs.replace(scan, ended=ended, state=state, note=note, finished=done)
            self._records.add(scan)
            await asyncio.shield(self._records.flush())
        return scan

    @contextlib.asynccontextmanager
    async def _packets(self) -> AsyncIterator[None]:
        """The packet worker and the watch for others who use an address of ours."""
        allowed = [str(network) for network in self.scope.networks]
        if not self._ground.interfaces:
            yield
            return
        try:
            worker = await PacketWorker.start(self._ground.interfaces, allowed)
        except NotPermitted:  # nothing will be made then, but addresses that we have can be asked from
            yield
            return
        self._worker = worker
        worker.when_kernel_sends(lambda _, target: self._pace.settle(target, 0, 1, self.clock.steady()))
        watching = asyncio.create_task(keep_watch(worker, self._conflicts))
        try:
            yield
        finally:
            watching.cancel()
            await worker.close()
            told = {door.address: door for door in self._doors}
            for (_, address), packets in worker.kernel_sent().items():
                if address in told:
                    told[address].journal("kernel neighbour frames", packets=packets, transport="arp")

    async def _section(self, section: AccessSection) -> None:
        place = self._ground.place(section.device)
        target = await self._target(section.device, place)
        if is_alone(section):
            await self._alone(section, target, place)
            return
        for port in section.ports:
            pair = secrets.token_hex(8)
            for block in blocks(section):
                await self._block(section, target, place, port, pair, block)

    async def _alone(self, section: AccessSection, target: Target, place: Place) -> None:
        """One half in rounds: another agent's half falls between them."""
        pairs = {port: secrets.token_hex(8) for port in section.ports}
        for turn in range(ALONE_ROUNDS):
            if turn:
                await self.clock.sleep(ALONE_PAUSE)
            for port in section.ports:
                control = section.part == NOT_ALLOWED and turn == 0
                block = Block(section.part, 1, control=control)
                await self._block(section, target, place, port, pairs[port], block)

    async def _block(
        self, section: AccessSection, target: Target, place: Place, port: int, pair: str, block: Block
    ) -> None:
        try:
            async with self._looker(section, place, block.role) as looker:
                for turn in range(block.looks):
                    await looker.look(target, port, pair)
                    if block.control and turn == 0:
                        await self._control(section, looker, target, pair)
        except (HeldBack, OurFault) as why:
            self._not_asked(section, target, place, port, pair, block.role, why)

    async def _control(self, section: AccessSection, looker: Looker, target: Target, pair: str) -> None:
        """Show that the source reaches anything: the device itself by echo, else what the site named."""
        if (await looker.echo(target, pair)).outcome is Outcome.ANSWERED:
            return
        for address, port in filter(None, map(read_control, section.control)):
            other = await self._target(address, self._ground.place(address))
            seen = await looker.look(other, port, pair, control=True)
            if seen.outcome in (Outcome.ANSWERED, Outcome.REFUSED):
                return
        for gateway in self._ground.place(section.device).standing.gateways:
            if gateway != target.address and not self.scope.refuses(gateway, self.clock.now()):
                await looker.echo(await self._target(gateway, self._ground.place(gateway)), pair)

    @contextlib.asynccontextmanager
    async def _looker(self, section: AccessSection, place: Place, role: str) -> AsyncIterator[Looker]:
        """Look from the source of this role, made for the time of the block where the site consented."""
        address = section.allowed_from if role == ALLOWED else section.not_allowed_from
        made = role == UNLISTED_MAC or (role == NOT_ALLOWED and section.make_address)
        async with contextlib.AsyncExitStack() as stack:
            if made:
                await self._check_address(place.standing, section)
                make = await stack.enter_async_context(self._made(section, place, role))
            else:
                make = bound_to(address) if address else socket.socket
            how = _how(role, made=made, address=address)
            standing = self._standing_of(address) or place.standing
            vantage = self._vantage(standing, address, how, section.make_mac if role == UNLISTED_MAC else "")
            self._records.add(vantage)
            source = Source(role, how, vantage, section.seen_as or vantage.address)
            doors: dict[str, Door] = {}

            def door_to(host: str) -> Door:
                if host not in doors:
                    doors[host] = self._door(host, vantage.id, make, section)
                return doors[host]

            refuse = (lambda: self._conflicts.reason(address)) if made else (lambda: "")
            yield Looker(source, door_to, self._write, refuse)

    @contextlib.asynccontextmanager
    async def _made(self, section: AccessSection, place: Place, role: str) -> AsyncIterator[Make]:
        address, what = section.not_allowed_from, f"consent: {section.consent}"
        door = self._door(address, place.vantage.id, socket.socket, section)
        gateway = next(iter(place.standing.gateways), None)
        making = (
            made_mac(place.standing, address, section.make_mac, gateway)
            if role == UNLISTED_MAC
            else made_address(place.standing, address, self.note)
        )
        named = f"{address} {section.make_mac}" if role == UNLISTED_MAC else address
        try:
            async with making as make:
                door.journal("source made", packets=0, probe=PROBE, why=f"{named}; {what}")
                await self._records.flush()
                yield make
        finally:
            door.journal("source taken away", packets=0, probe=PROBE, why=named)

    async def _check_address(self, standing: Standing, section: AccessSection) -> None:
        """Raise HeldBack unless the address is nobody's; asked once in a run."""
        address = section.not_allowed_from
        if self._worker is None:
            raise HeldBack("no_privilege: 権限がなく作れない / not permitted to make a source; use sudo")
        macs = {standing.mac, section.make_mac} if section.make_mac else {standing.mac}
        self._conflicts.watch(address, frozenset(mac for mac in macs if mac))
        if address not in self._checked:
            vantage = self._ground.place(address).vantage
            door = self._door(address, vantage.id, socket.socket, section)
            self._checked[address] = await check_free(self._worker, standing.interface, door, self._conflicts)
        if reason := self._checked[address] or self._conflicts.reason(address):
            raise HeldBack(reason)

    def _write(self, seen: Observation) -> None:
        self._records.add(seen)
        self.also(seen)

    async def _target(self, address: str, place: Place) -> Target:
        """Say what is known of a host; on our own link its MAC, which tells the fragile ones."""
        if place.on_link and self._worker is not None and not await self._mac_of(address):
            door = self._door(address, place.vantage.id, socket.socket, None)
            await self._ask_mac(self._worker, door, place.standing.interface)
        ours = any(address in standing.gateways for standing in self._ground.standings)
        return Target(address, await self._mac_of(address), place.network, ours)

    async def _ask_mac(self, worker: PacketWorker, door: Door, interface: str) -> None:
        """Ask by one ARP request which card has the address: its maker tells the fragile ones."""
        if self.scope.refuses(door.address, self.clock.now()):
            return
        try:
            await door.enter(1)
        except HeldBack:
            return  # the looks will say so themselves
        try:
            await worker.arp(interface, door.address)
        finally:
            door.leave(1, 1)
        door.journal("arp request", packets=1, transport="arp", probe=PROBE, why="which card is it")
        await self.clock.sleep(_ARP_SECONDS)

    async def _mac_of(self, address: str) -> str:
        if self._worker is not None:
            for (_, ip), macs in self._worker.arp_answers.items():
                if ip == address and len(macs) == 1:
                    return next(iter(macs))
        return next((one.mac for one in await neighbours() if one.ip == address), "")

    def _door(self, host: str, vantage: str, make: Make, section: AccessSection | None) -> Door:
        named = {section.device: section.ports} if section else {}
        controls = [read_control(text) for text in section.control] if section else []
        ports = {*named.get(host, ()), *(one[1] for one in controls if one and one[0] == host)}
        door = Door(
            host,
            self.scope,
            self._pace,
            self.clock,
            self.id,
            vantage,
            self._records.add,
            opted=frozenset(("tcp", port) for port in ports),
            make=make,
        )
        self._doors.append(door)
        return door

    def _standing_of(self, address: str) -> Standing | None:
        return next((one for one in self._ground.standings if one.address == address), None)

    def _vantage(self, standing: Standing, address: str, how: str, mac: str) -> Vantage:
        """Give the place that we ask from; each address and MAC is one of its own."""
        ordinary = standing.as_vantage(socket.gethostname())
        if how == "ordinary":
            return ordinary
        told = "\n".join((PROBE, ordinary.id, address, mac))
        digest = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
        return msgspec.structs.replace(ordinary, id=digest, address=address, mac=mac or standing.mac)

    def _not_asked(
        self,
        section: AccessSection,
        target: Target,
        place: Place,
        port: int,
        pair: str,
        role: str,
        why: Exception,
    ) -> None:
        """Write down a look that was not made, and why."""
        outcome = Outcome.HELD_BACK if isinstance(why, HeldBack) else Outcome.OUR_FAULT
        address = section.allowed_from if role == ALLOWED else section.not_allowed_from
        self._write(
            Observation(
                scan=self.id,
                vantage=place.vantage.id,
                at=self.clock.now(),
                probe=PROBE,
                address=target.address,
                mac=target.mac,
                network=target.network,
                port=port,
                transport="tcp",
                outcome=outcome,
                reason=str(why)[:300],
                facts=(
                    Fact(FactKind.ACCESS_PAIR, pair),
                    Fact(FactKind.ACCESS_SOURCE, role),
                    Fact(FactKind.ACCESS_FROM, f"{address or '-'} - not made"),
                ),
            )
        )


def _how(role: str, *, made: bool, address: str) -> str:
    if made:
        return "made_mac" if role == UNLISTED_MAC else "made_address"
    return "existing" if address else "ordinary"
