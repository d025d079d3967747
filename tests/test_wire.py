# SPDX-License-Identifier: Apache-2.0
"""The real wire against real servers on loopback, hostile ones among them."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

import agent.host
import agent.wire
from agent.clock import SystemClock
from agent.door import Door
from agent.guard import Permit
from agent.host import HostSurvey
from agent.pace import Pace
from agent.plan import Question
from agent.records import Record, Records
from agent.scope import write_scope
from agent.settings import ScopeSection
from agent.wire import LiveWire
from probes.contract import MOST_TRANSCRIPT, HeldBack
from probes.facts import FactKind, Observation, Outcome, Sent

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.wire, "RECEIVE_SECONDS", 0.3)
    monkeypatch.setattr(agent.wire, "CLOSE_SECONDS", 0.3)


@dataclass
class Kept:
    """A spool that keeps everything in memory."""

    records: list[Record] = field(default_factory=list)

    async def put(self, records: object) -> None:
        self.records += list(records)  # type: ignore[call-overload]


def host(permit: Permit = Permit.SEND, *, never: tuple[str, ...] = (), per_host: int = 200) -> HostSurvey:
    scope = write_scope(ScopeSection(never=never), ["127.0.0.0/24"], [], yes_large=False)
    records = Records(Kept(), "scan")
    pace = Pace(per_host, 1000, 0.0, 5000)
    door = Door("127.0.0.1", scope, pace, SystemClock(), "scan", "here", records.add, permit=permit)
    return HostSurvey(door, records, "standard", "127.0.0.0/24")


@contextlib.asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    running = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield running.sockets[0].getsockname()[1]
    finally:
        running.close()


async def ask(serve: Serve, probe: str, survey: HostSurvey | None = None) -> tuple[Observation, HostSurvey]:
    survey = survey or host()
    async with server(serve) as port:
        seen = await survey.put(Question(probe, port, "test"))
    return seen, survey


def journal(survey: HostSurvey) -> list[Sent]:
    return [record for record in survey.records._waiting if isinstance(record, Sent)]


async def test_a_banner_is_read_and_the_connection_ends_on_both_sides() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        assert await reader.read() == b""  # our FIN, and not one byte
        writer.close()
        ended.set()

    seen, survey = await ask(serve, "ftp")
    await asyncio.wait_for(ended.wait(), 5)
    assert seen.outcome is Outcome.ANSWERED
    assert list(seen.of(FactKind.FTP_BANNER)) == ["ready"]
    (line,) = journal(survey)
    assert (line.connections, line.payload_bytes) == (1, 0)
    assert 4 <= line.packets <= 6  # SYN, ACK, ACK of the banner, FIN, ACK


async def test_an_endless_banner_is_cut() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"A" * 65536)
                await writer.drain()
        writer.close()

    seen, _ = await ask(serve, "banner")
    assert len(seen.transcript) < 3 * MOST_TRANSCRIPT
    assert seen.outcome in (Outcome.ANSWERED, Outcome.OTHER_PROTOCOL)


async def test_a_page_of_100_mb_is_read_for_its_head_only() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nServer: big\r\nContent-Length: 104857600\r\n\r\n<title>big</title>")
        with contextlib.suppress(ConnectionError):
            for _ in range(1600):
                writer.write(b"x" * 65536)
                await writer.drain()
        writer.close()

    seen, survey = await ask(serve, "http")
    assert seen.outcome is Outcome.ANSWERED
    assert list(seen.of(FactKind.HTTP_SERVER)) == ["big"]
    assert len(seen.transcript) < 2 * MOST_TRANSCRIPT
    assert sum(line.packets for line in journal(survey)) < 60


async def test_one_byte_a_second_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.host, "QUESTION_SECONDS", 0.6)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"S")
                await writer.drain()
                await asyncio.sleep(0.1)
        writer.close()

    seen, _ = await ask(serve, "ssh")
    assert seen.outcome in (Outcome.SILENT, Outcome.OTHER_PROTOCOL)


async def test_silence_is_silence() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    seen, survey = await ask(serve, "banner")
    assert seen.outcome is Outcome.SILENT
    assert survey.open_ports


async def test_a_closed_port_is_refused_with_one_packet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    survey = host()
    seen = await survey.put(Question("ssh", port, "test"))
    assert seen.outcome is Outcome.REFUSED
    assert not survey.open_ports
    assert [line.packets for line in journal(survey)] == [1]


@pytest.mark.parametrize(
    "said",
    [
        b"\xff\xfe\x80\x81 not utf-8 \xf0\x28\x8c\x28\r\n",
        b"220 \x1b[2J\x1b]0;owned\x07 \xe2\x80\xae gnp.exe\r\n",
        b'220 =cmd|"/C calc"!A0\r\n',
        b"220 <script>alert(1)</script>\r\n",
        b"\x00" * 2000,
    ],
)
async def test_hostile_text_stays_text(said: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()
        writer.close()

    for probe in ("ftp", "banner", "telnet", "ssh", "smtp"):
        seen, _ = await ask(serve, probe)
        assert seen.outcome in (Outcome.ANSWERED, Outcome.OTHER_PROTOCOL, Outcome.SILENT)
        for fact in seen.facts:
            assert all(c.isprintable() for c in fact.value), fact


async def test_a_port_that_gets_no_byte_gets_none() -> None:
    survey = host()
    wire = LiveWire(survey.door, "test")
    with pytest.raises(HeldBack):
        await wire.tcp(4001)
    with pytest.raises(HeldBack):
        await wire.tcp(104)
    with pytest.raises(HeldBack):
        await wire.udp(47808)
    await wire.close()
    assert not journal(survey)


async def test_nothing_is_sent_to_a_host_that_may_only_be_listened_to() -> None:
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        got.extend(await reader.read())
        writer.close()

    seen, _ = await ask(serve, "ssh", host(Permit.LISTEN))
    assert not got
    assert seen.outcome is Outcome.ANSWERED
    assert seen.reason


async def test_the_never_list_holds_at_the_last_door() -> None:
    survey = host(never=("127.0.0.1",))
    seen = await survey.put(Question("ssh", 22, "test"))
    assert (seen.outcome, seen.reason) == (Outcome.HELD_BACK, "never_list")
    assert not journal(survey)


async def test_a_reset_in_the_middle_is_not_our_fault() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    seen, _ = await ask(serve, "ssh")
    assert seen.outcome in (Outcome.REFUSED, Outcome.SILENT)


async def test_a_connection_at_a_slow_pace_still_comes_to_its_end() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n" + b"y" * 9000)
        writer.close()

    seen, survey = await ask(serve, "http", host(per_host=6))
    assert seen.outcome is Outcome.ANSWERED
    assert survey.door.pace.spent("127.0.0.1") == sum(line.packets for line in journal(survey))
