# SPDX-License-Identifier: Apache-2.0
"""One look at one service from one source: connect, at most one gentle question, full close, write down.

What was reached is a fact of its own: nothing, refused, ended (it took the connection and ended it
without a word), connected (it took it and said nothing in time), spoke.
"""

import asyncio
import contextlib
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.door import Door
from agent.guard import Permit, rule_on_host
from agent.plan import first_probe
from agent.wire import LiveWire
from probes.all_probes import all_probes
from probes.contract import HeldBack, Malformed, OurFault, Refused, Silent, Transcript, Wire, WireError
from probes.facts import Fact, FactKind, Observation, Outcome, Vantage
from probes.fragility import temper_of
from probes.recognise import recognise_facts

PROBE = "access"
LOOK_SECONDS = 12.0  # one look in all, whatever the device does
PATIENCE = 3  # further waits for a word or the end of a connection, of RECEIVE_SECONDS each
ECHO_SECONDS = 1.0
_WHY = "may this source reach the service"
_WHY_CONTROL = "does this source reach anything there"


@dataclass(frozen=True, slots=True)
class Source:
    """From where we ask."""

    role: str  # allowed, not_allowed, unlisted_mac
    how: str  # ordinary, existing, made_address, made_mac
    vantage: Vantage
    seen_as: str  # the address that the device sees

    @property
    def facts(self) -> tuple[Fact, ...]:
        """How an observation says from where it was made."""
        told = f"{self.seen_as} {self.vantage.mac or '-'} {self.how}"
        return (Fact(FactKind.ACCESS_SOURCE, self.role), Fact(FactKind.ACCESS_FROM, told))


@dataclass(slots=True)
class Target:
    """The device of one section, and what is known of it so far."""

    address: str
    mac: str
    network: str
    ours: bool  # our own default gateway
    facts: list[Fact] = field(default_factory=list)
    open_ports: set[int] = field(default_factory=set)

    def judge(self, door: Door) -> None:
        """Set how far the door lets us go, by what the device is."""
        if self.ours:
            door.permit, door.why_not = Permit.SEND, ""
            return
        ruling = rule_on_host(temper_of(self.mac, recognise_facts(self.facts), self.open_ports), door.allowed)
        door.permit, door.why_not = ruling.permit, ruling.reason


@dataclass(slots=True)
class Looker:
    """Looks from one source; `refuse` gives a reason when the source may not be used any more."""

    source: Source
    door_to: Callable[[str], Door]
    write: Callable[[Observation], None]
    refuse: Callable[[], str] = lambda: ""

    async def look(self, target: Target, port: int, pair: str, *, control: bool = False) -> Observation:
        """Connect once and write down what came of it."""
        door = self.door_to(target.address)
        target.judge(door)
        wire = LiveWire(door, PROBE, _WHY_CONTROL if control else _WHY)
        probe = all_probes()[first_probe(port)]
        ended = await self._converse(wire, probe.name, port)
        facts = _read(probe.name, wire.transcript)
        reach, outcome, reason = _reached(wire, ended)
        seen = self._observation(
            target, pair, port, "tcp", outcome, reason, reach, control=control, facts=facts
        )
        seen = _with_transcript(seen, wire.transcript)
        if outcome is Outcome.ANSWERED:
            target.open_ports.add(port)
            target.facts.extend(facts)
        self.write(seen)
        return seen

    async def _converse(self, wire: LiveWire, probe: str, port: int) -> WireError | None:
        ask = all_probes()[probe].ask
        assert ask is not None  # noqa: S101 - first_probe names asking probes only
        try:
            if reason := self.refuse():
                raise HeldBack(reason)
            async with asyncio.timeout(LOOK_SECONDS) as limit:
                wire.door.waiting = lambda seconds: limit.reschedule((limit.when() or 0.0) + seconds)
                await _ask_patiently(ask, wire, port)
        except WireError as error:
            return error
        except TimeoutError:
            return Silent("the answer took too long")
        except Exception as error:  # a fault of ours must not look like their silence
            return OurFault(f"{type(error).__name__}: {error}")
        finally:
            wire.door.waiting = lambda _: None
            await wire.close()
        return None

    async def echo(self, target: Target, pair: str) -> Observation:
        """Send one ICMP echo request: does this source reach the host at all. Written down as a control."""
        door = self.door_to(target.address)
        target.judge(door)
        outcome, reason = await self._echo(door)
        reach = "spoke" if outcome is Outcome.ANSWERED else "nothing"
        seen = self._observation(target, pair, 0, "icmp", outcome, reason, reach, control=True)
        self.write(seen)
        return seen

    async def _echo(self, door: Door) -> tuple[Outcome, str]:
        try:
            if reason := self.refuse():
                raise HeldBack(reason)
            door.check("icmp", 0, Permit.CONNECT)
            await door.enter(1)
        except HeldBack as held:
            return Outcome.HELD_BACK, str(held)
        left = 0
        try:
            with _icmp_socket(door) as sock:
                sock.setblocking(False)
                sock.connect((door.address, 0))
                mark = secrets.token_bytes(4)
                await asyncio.get_running_loop().sock_sendall(sock, echo_request(mark))
                left = 1
                async with asyncio.timeout(ECHO_SECONDS):
                    while not is_reply(await asyncio.get_running_loop().sock_recv(sock, 2048), mark):
                        continue
        except TimeoutError:
            return Outcome.SILENT, "no echo reply"
        except OSError as error:
            return (Outcome.SILENT if left else Outcome.OUR_FAULT), f"{type(error).__name__}: {error}"
        finally:
            door.leave(1, left)
            if left:
                door.journal("icmp echo", packets=1, transport="icmp", probe=PROBE, why=_WHY_CONTROL)
        return Outcome.ANSWERED, ""

    def _observation(
        self,
        target: Target,
        pair: str,
        port: int,
        transport: str,
        outcome: Outcome,
        reason: str,
        reach: str,
        *,
        control: bool,
        facts: tuple[Fact, ...] = (),
    ) -> Observation:
        door = self.door_to(target.address)
        told = (Fact(FactKind.ACCESS_PAIR, pair), *self.source.facts, Fact(FactKind.ACCESS_REACH, reach))
        told += (Fact(FactKind.ACCESS_CONTROL, "yes"),) if control else ()
        return Observation(
            scan=door.scan,
            vantage=self.source.vantage.id,
            at=door.clock.now(),
            probe=PROBE,
            address=target.address,
            mac=target.mac,
            network=target.network,
            port=port,
            transport=transport,
            outcome=outcome,
            reason=reason[:300],
            facts=(*told, *facts),
        )


def _with_transcript(seen: Observation, transcript: Transcript) -> Observation:
    fields = {name: getattr(seen, name) for name in Observation.__struct_fields__}
    return Observation(**(fields | {"transcript": transcript.to_text()}))


def _read(probe: str, transcript: Transcript) -> tuple[Fact, ...]:
    try:
        return all_probes()[probe].read(transcript)
    except Malformed:
        return ()


def _reached(wire: LiveWire, ended: WireError | None) -> tuple[str, Outcome, str]:
    """Give (reach, outcome, reason): what was reached is told by the connection, not by how it ended."""
    reason = str(ended or "")
    if wire.connected:
        return _after_connecting(wire.transcript), Outcome.ANSWERED, reason
    if isinstance(ended, HeldBack):
        return "nothing", Outcome.HELD_BACK, reason
    if isinstance(ended, Refused):
        return "refused", Outcome.REFUSED, reason
    if isinstance(ended, Silent):
        return "nothing", Outcome.SILENT, reason
    return "nothing", Outcome.OUR_FAULT, reason or "no connection was made"


async def _ask_patiently(ask: Callable[[Wire, int], Awaitable[None]], wire: LiveWire, port: int) -> None:
    """Ask; where not a word came, wait on for the end: tcp wrappers hang up only after five seconds."""
    try:
        await ask(wire, port)
    except Silent:
        if not wire.connected or wire.transcript.heard:
            raise
        for _ in range(PATIENCE):
            with contextlib.suppress(Silent):
                await wire.listen_on()
                return
        raise


def _after_connecting(transcript: Transcript) -> str:
    """Tell a service that hung up from one that is slow: only the first has turned us away."""
    if transcript.heard or any(True for _ in transcript.notes("tls.version")):
        return "spoke"
    marks = (b"closed", b"reset", b"tls failed")
    ended = any(line.mark == "~" and line.data.startswith(marks) for line in transcript.lines)
    return "ended" if ended else "connected"


def _icmp_socket(door: Door) -> socket.socket:
    try:
        return door.make(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    except PermissionError:  # a socket that needs no privilege, where the machine allows it
        return door.make(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)


def echo_request(mark: bytes) -> bytes:
    """ICMP echo request without payload (RFC 792); `mark` is identifier and sequence number, 4 bytes."""
    words = struct.unpack("!HH", mark)
    total = 0x0800 + sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
    return struct.pack("!BBH", 8, 0, checksum) + mark


def is_reply(data: bytes, mark: bytes) -> bool:
    """Whether it answers the request: with an IP header as raw sockets give it, or without.

    The kernel puts an identifier of its own into what goes through an unprivileged socket.
    """
    if data[:1] and data[0] >> 4 == 4:
        data = data[(data[0] & 15) * 4 :]
        return len(data) >= 8 and data[0] == 0 and data[4:8] == mark
    return len(data) >= 8 and data[0] == 0 and data[6:8] == mark[2:]
