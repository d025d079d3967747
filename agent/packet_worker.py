# SPDX-License-Identifier: Apache-2.0
"""Client of the packet worker, the only process of ours with CAP_NET_RAW (`python -m agent.packets`).

Pace, scope and guard lie with the caller; the worker refuses once more whatever lies outside the
networks handed to it at start. Messages both ways: 4 bytes length (big-endian), then MessagePack.
"""

import asyncio
import itertools
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Self

import msgspec

from agent.packet_answers import Answers, Asked
from agent.vantage import Standing, vantages, vlans
from probes.contract import HeldBack, OurFault

MOST_WAITING = 20_000  # heard frames kept for `heard()`; what comes on top is counted in `lost`
MOST_MESSAGE = 1 << 20
START_SECONDS = 20.0
SEND_SECONDS = 10.0


class NotPermitted(OurFault):
    """This machine does not let us open packet sockets; carries the sentence in both languages."""

    ja = (
        "パケットを直接送受信する権限 (CAP_NET_RAW) がありません。"
        "ARP による機器の発見と受信のみの観察は行えません。"
        "sudo を付けて実行するか、そのまま TCP 接続だけで続けてください。"
    )
    en = (
        "No permission to send and hear raw packets (CAP_NET_RAW). Finding devices by ARP and listening are "
        "not possible. Run it with sudo, or go on with TCP connections only."
    )

    def __init__(self) -> None:
        super().__init__(f"{self.ja} / {self.en}")


@dataclass(frozen=True, slots=True)
class HeardFrame:
    """One frame as it passed our interface; `outgoing`: another program or our kernel sent it."""

    interface: str
    at: datetime
    data: bytes
    outgoing: bool
    vlan: int = 0  # of the tag that it had on a trunk; we do not stand on that network


class _Setup(msgspec.Struct, frozen=True):
    interfaces: tuple[str, ...]
    allowed: tuple[str, ...]
    ident: int


class _Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    id: int
    do: str  # arp, solicit, echo, forward
    interface: str
    target: str = ""
    source: str = ""
    mac: str = ""
    sequence: int = 0


class _Event(msgspec.Struct, frozen=True):
    event: str  # hearing, ready, frame, done, refused, failed, broken
    id: int = 0
    text: str = ""
    interface: str = ""
    at: int = 0  # nanoseconds since the epoch
    outgoing: bool = False
    data: bytes = b""
    uid: int = -1
    vlan: int = 0


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Event).decode


@dataclass(slots=True)
class _Running:
    """One life of the worker process."""

    process: asyncio.subprocess.Process
    uid: int
    hearing: float = 0.0  # when its sockets were open, by the event loop's time
    reading: asyncio.Task[None] | None = None
    pending: dict[int, asyncio.Future[None]] = field(default_factory=dict)
    end: str = ""  # why it ended


class PacketWorker:
    """Async context manager over one packet worker; make it with `await PacketWorker.start(…)`."""

    def __init__(self, interfaces: Sequence[str], allowed: Sequence[str]) -> None:
        self._interfaces = tuple(interfaces)
        self._allowed = tuple(str(ip_network(text)) for text in allowed)
        self._answers = Answers(secrets.randbelow(0xFFFF) + 1)
        self._sequence = itertools.count(secrets.randbelow(0xFFFF))
        self._ids = itertools.count(1)
        self._standings: tuple[Standing, ...] = ()
        self._vlans: frozenset[tuple[str, int]] = frozenset()
        self._heard: asyncio.Queue[HeardFrame | None] = asyncio.Queue()
        self._news = asyncio.Event()
        self._running: _Running | None = None
        self.lost = 0  # frames dropped because nobody took them from `heard()`

    @classmethod
    async def start(cls, interfaces: Sequence[str], allowed: Sequence[str] = ()) -> Self:
        """Start the process; raises NotPermitted without CAP_NET_RAW, OurFault when it does not come up.

        `allowed`: networks that may be asked; without it nothing is sent and the worker only listens.
        """
        worker = cls(interfaces, allowed)
        await worker.restart()
        return worker

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def pid(self) -> int:
        """Process id of the worker; 0 when it does not run."""
        return self._running.process.pid if self._running else 0

    @property
    def is_running(self) -> bool:
        """Whether it still takes orders."""
        return self._running is not None and not self._running.end

    @property
    def uid(self) -> int:
        """User that the worker became after opening its sockets; -1 when it does not run."""
        return self._running.uid if self._running else -1

    @property
    def heard_for(self) -> float:
        """Seconds since its sockets took what came; it loads what it sends with while it hears."""
        return asyncio.get_running_loop().time() - self._running.hearing if self._running else 0.0

    @property
    def arp_answers(self) -> Mapping[tuple[str, str], set[str]]:
        """(interface, address) → MACs that answered for it, by ARP or neighbour advertisement."""
        return self._answers.arp

    @property
    def echo_answers(self) -> Mapping[str, str]:
        """Target → `echo-reply`, `echo-reply from x`, `3/1 from x`, `11/0 from x`, `icmpv6 1/0 from x`."""
        return self._answers.echo

    @property
    def forward_answers(self) -> Mapping[str, str]:
        """MAC of the suspect → ICMP type/code that it answered; 11/0 and 3/0 mean: it routes."""
        return self._answers.forward

    @property
    def echoes_through(self) -> Mapping[tuple[str, str], str]:
        """(MAC of the suspect, candidate address) → what came back, as in `echo_answers`."""
        return self._answers.through

    def kernel_sent(self) -> dict[tuple[str, str], int]:
        """ARP, ND and ICMP-unreachable frames not sent by us but by our kernel, by interface and target address."""
        return dict(self._answers.kernel)

    def when_kernel_sends(self, told: Callable[[str, str], None]) -> None:
        """Call `told` with interface and target address of each frame that our kernel sends by itself."""
        self._answers.kernel_told = told

    async def restart(self) -> None:
        """Start the process again after it died; answers so far are kept."""
        await self.close()
        self._standings, self._vlans = await vantages(), await vlans()
        self._heard = asyncio.Queue()
        self._running = await _launch(_Setup(self._interfaces, self._allowed, self._answers.ident))
        self._running.reading = asyncio.create_task(self._read(self._running))

    async def arp(self, interface: str, target: str, mac: str = "") -> None:
        """Send one ARP request, to everybody or (candidate test) to `mac` only.

        Returns when the kernel took it. Raises HeldBack outside `allowed`, OurFault when sending fails.
        """
        await self._ask("arp", interface, target=target, source=self._source(interface, target), mac=mac)

    async def address_probe(self, interface: str, target: str) -> None:
        """Ask who has an address that we may take: one ARP probe from 0.0.0.0 (RFC 5227 §1.1); raises as `arp`."""
        await self._ask("arp", interface, target=target, source="0.0.0.0")  # noqa: S104

    async def solicit(self, interface: str, target: str) -> None:
        """Send one IPv6 neighbour solicitation (RFC 4861 §4.3); raises as `arp`."""
        await self._ask("solicit", interface, target=target, source=self._source(interface, target))

    async def echo(self, target: str, *, interface: str, mac: str | None = None) -> None:
        """Send one ICMP echo request: to `mac` on the link if given, else by the kernel's route.

        With the MAC of a suspect and a candidate address it tests whether the suspect owns the address (TTL 1).
        """
        source = self._source(interface, target) if mac else ""
        sequence = self._next(Asked(target=str(ip_address(target)), through=(mac or "").lower()))
        await self._ask("echo", interface, target=target, source=source, mac=mac or "", sequence=sequence)

    async def forward_test(self, interface: str, mac: str, source: str) -> None:
        """Send an echo request for 192.0.2.1 with TTL 1 to `mac`; a router answers 11/0 or 3/0."""
        sequence = self._next(Asked(mac=mac.lower()))
        await self._ask("forward", interface, source=source, mac=mac, sequence=sequence)

    async def heard(self) -> HeardFrame:
        """Give the next heard frame; raises OurFault once the worker has ended and all are taken."""
        frame = await self._heard.get()
        if frame is None:
            self._heard.put_nowait(None)
            raise self._gone()
        return frame

    async def news(self) -> None:
        """Wait until something was answered since the last call (one waiter)."""
        await self._news.wait()
        self._news.clear()

    async def close(self) -> None:
        """End the worker; it sees the end of its input and leaves."""
        running, self._running = self._running, None
        if running is None:
            return
        if running.process.stdin is not None:
            running.process.stdin.close()
        try:
            await asyncio.wait_for(running.process.wait(), 5)
        except TimeoutError:
            running.process.kill()
            await running.process.wait()
        if running.reading is not None:
            await running.reading

    def _next(self, asked: Asked) -> int:
        sequence = next(self._sequence) & 0xFFFF
        self._answers.asked[sequence] = asked
        return sequence

    def _source(self, interface: str, target: str) -> str:
        there = ip_address(target)
        mine = [s for s in self._standings if s.interface == interface and s.version == there.version]
        longest = sorted(mine, key=lambda s: -ip_network(s.network).prefixlen)
        on_link = [s.address for s in longest if there in ip_network(s.network)]
        return next(iter(on_link or [s.address for s in mine]), "0.0.0.0" if there.version == 4 else "::")  # noqa: S104

    async def _ask(self, do: str, interface: str, **what: str | int) -> None:
        running = self._running
        if running is None or running.end or running.process.stdin is None:
            raise self._gone()
        command = msgspec.convert({"id": next(self._ids), "do": do, "interface": interface, **what}, _Command)
        done = running.pending[command.id] = asyncio.get_running_loop().create_future()
        try:
            running.process.stdin.write(_framed(_encode(command)))
            await asyncio.wait_for(done, SEND_SECONDS)
        except (TimeoutError, ConnectionError) as error:
            running.end = running.end or "no answer from it"
            raise self._gone() from error
        finally:
            running.pending.pop(command.id, None)

    async def _read(self, running: _Running) -> None:
        try:
            while (event := await _receive(running.process)) is not None:
                self._take(running, event)
            running.end = "its output ended"
        except (msgspec.DecodeError, ValueError) as error:
            running.end = f"unreadable message: {error}"
            running.process.kill()
        finally:
            self._heard.put_nowait(None)
            for done in running.pending.values():
                if not done.done():
                    done.set_exception(self._gone(running.end))

    def _take(self, running: _Running, event: _Event) -> None:
        if event.event == "frame":
            self._hear(event)
            return
        done = running.pending.get(event.id)
        if done is None or done.done():
            return
        if event.event == "done":
            done.set_result(None)
        else:
            done.set_exception(HeldBack(event.text) if event.event == "refused" else OurFault(event.text))

    def _hear(self, event: _Event) -> None:
        if (event.interface, event.vlan) in self._vlans:
            return  # that VLAN has an interface of its own on this machine, which hears it too
        if not event.vlan and self._answers.note(event.interface, event.data, event.outgoing):
            self._news.set()
        if self._heard.qsize() >= MOST_WAITING:
            self.lost += 1
            return
        at = datetime.fromtimestamp(event.at / 1e9, UTC)
        self._heard.put_nowait(HeardFrame(event.interface, at, event.data, event.outgoing, event.vlan))

    def _gone(self, why: str = "") -> OurFault:
        end = why or (self._running.end if self._running else "closed") or "no answer from it"
        return OurFault(f"packet worker: {end}")


def _framed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


async def _launch(setup: _Setup) -> _Running:
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "agent.packets"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=dict(_environment()),
        )
    except OSError as error:
        raise OurFault(f"packet worker does not start: {error}") from error
    try:
        if process.stdin is not None:
            process.stdin.write(_framed(_encode(setup)))
        ready = await asyncio.wait_for(_receive(process), START_SECONDS)
        hearing = asyncio.get_running_loop().time()
        if ready is not None and ready.event == "hearing":
            ready = await asyncio.wait_for(_receive(process), START_SECONDS)
    except (TimeoutError, ValueError, ConnectionError, msgspec.DecodeError) as error:
        await _end(process)
        raise OurFault(f"packet worker does not start: {error or type(error).__name__}") from error
    if ready is None or ready.event != "ready":
        await _end(process)
        if ready is not None and ready.text == "not permitted":
            raise NotPermitted
        raise OurFault(f"packet worker does not start: {ready.text if ready else 'it ended at once'}")
    return _Running(process, ready.uid, hearing)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    await process.wait()


def _environment() -> Iterator[tuple[str, str]]:
    kept = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SUDO_UID", "SUDO_GID")
    yield from ((name, os.environ[name]) for name in kept if name in os.environ)
    yield "PYTHONPATH", str(Path(__file__).resolve().parent.parent)


async def _receive(process: asyncio.subprocess.Process) -> _Event | None:
    if process.stdout is None:
        return None
    try:
        length = int.from_bytes(await process.stdout.readexactly(4), "big")
        if length > MOST_MESSAGE:
            raise ValueError(f"message of {length} bytes")
        return _decode(await process.stdout.readexactly(length))
    except asyncio.IncompleteReadError:
        return None
