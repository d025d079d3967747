# SPDX-License-Identifier: Apache-2.0
"""The real wire against real servers on loopback, hostile ones among them."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

import pytest

import agent.host
import agent.udp_stream
import agent.wire
from agent import sockets
from agent.clock import SystemClock
from agent.door import Door
from agent.guard import Permit
from agent.host import HostSurvey
from agent.pace import Pace
from agent.plan import Question
from agent.records import Record, Records
from agent.scope import write_scope
from agent.settings import Blackout, ScopeSection, SnmpSecret
from agent.sockets import errors_mean
from agent.watch import SLOWED
from agent.wire import LiveWire
from probes.contract import MOST_TRANSCRIPT, Closed, HeldBack, OurFault, Refused, Silent
from probes.facts import FactKind, Observation, Outcome, Sent

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=9)))
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


@dataclass
class VirtualClock:
    """A clock on which each wait takes `ahead`, at least as long as asked for, and no real time."""

    at: datetime
    ahead: timedelta = timedelta(0)
    passed: float = 0.0

    def steady(self) -> float:
        return self.passed

    def now(self) -> datetime:
        return self.at + timedelta(seconds=self.passed)

    async def sleep(self, seconds: float) -> None:
        self.passed += max(seconds, self.ahead.total_seconds())
        await asyncio.sleep(0)


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
    await asyncio.wait_for(ended.wait(), 60)
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


async def _silent_server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def test_our_waiting_for_a_place_is_never_their_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent.host, "QUESTION_SECONDS", 0.2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        await _silent_server(reader, writer)

    survey = host()
    survey.door.pace.gap = 0.5
    async with server(serve) as port:
        first = await survey.put(Question("ftp", port, "test"))
        second = await survey.put(Question("banner", port, "test"))
    assert (first.outcome, second.outcome) == (Outcome.ANSWERED, Outcome.ANSWERED)


async def test_an_answer_that_we_cut_ourselves_is_not_another_protocol() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                writer.write(b"\x01")
                await writer.drain()
                await asyncio.sleep(0.005)
            await reader.read()
        writer.close()
        ended.set()

    survey = host()
    survey.door.pace.budget = 9
    seen, _ = await ask(serve, "ssh", survey)
    await asyncio.wait_for(ended.wait(), 60)
    assert seen.outcome is Outcome.HELD_BACK
    assert seen.reason.startswith("budget")


async def test_a_device_that_talks_in_crumbs_cannot_make_us_answer_faster_than_the_pace() -> None:
    ended = asyncio.Event()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.004)
        writer.close()
        ended.set()

    survey = host(per_host=9)
    seen, _ = await ask(serve, "banner", survey)
    await asyncio.wait_for(ended.wait(), 60)
    assert sum(line.packets for line in journal(survey)) <= 10
    assert seen.outcome is Outcome.ANSWERED


async def test_one_connection_at_a_time_whatever_a_probe_does() -> None:
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _silent_server(reader, writer)
        ended.set()

    survey = host()
    wire = LiveWire(survey.door, "test")
    async with server(serve) as port:
        await wire.tcp(port)
        assert not ended.is_set()
        await wire.tcp(port)
        await asyncio.wait_for(ended.wait(), 60)
        await wire.close()
    assert [line.connections for line in journal(survey)] == [1, 1]


async def test_a_second_interruption_loses_neither_journal_nor_reservation() -> None:
    asked, leave, left = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        await leave.wait()  # keeps its side open while we say goodbye
        writer.close()
        left.set()

    survey = host()
    async with server(serve) as port:
        task = asyncio.create_task(survey.put(Question("ssh", port, "test")))
        await asked.wait()
        task.cancel()
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        leave.set()
        await asyncio.wait_for(left.wait(), 60)
    (line,) = journal(survey)
    assert line.packets == survey.door.pace.spent("127.0.0.1") > 0
    assert survey.door.pace.wait("127.0.0.1", 190, SystemClock().steady() + 9) == 0.0


async def test_a_blackout_that_begins_while_we_wait_holds_the_packet_back() -> None:
    survey = host()
    clock = VirtualClock(NOON)
    window = Blackout(start="12:01", end="13:00")
    survey.door.scope = replace(survey.door.scope, blackouts=(window,))
    survey.door.clock = clock
    survey.door.pace.settle("127.0.0.1", 0, 200, clock.steady())
    survey.door.pace.gap = 0.0
    clock.ahead = timedelta(seconds=60)  # each wait takes a minute here
    with pytest.raises(HeldBack, match="blackout"):
        await survey.door.enter(1)
    assert survey.door.pace.spent("127.0.0.1") == 200


async def test_a_host_that_becomes_slow_gets_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    def measured(sock: socket.socket) -> float:
        times.append(kernels_own(sock))
        return 0.3 if len(times) > 4 else times[-1]

    kernels_own = sockets.answer_seconds
    monkeypatch.setattr(sockets, "answer_seconds", measured)
    survey = host()
    async with server(_hang_up) as port:
        for _ in range(8):
            if not survey.watch.trouble:
                await survey.put(Question("banner", port, "test"))
    assert len(times) == 6
    assert all(0 < one < 0.1 for one in times)  # loopback, as the kernel itself measured it
    assert survey.watch.trouble == SLOWED


async def _hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def test_a_host_left_because_a_blackout_began_says_so() -> None:
    survey = host()
    survey.door.clock = VirtualClock(NOON)
    survey.door.scope = replace(survey.door.scope, blackouts=(Blackout(start="11:00", end="13:00"),))
    await survey.run()
    seen = [record for record in survey.records._waiting if isinstance(record, Observation)]
    assert ("plan", Outcome.HELD_BACK, "blackout") in [(s.probe, s.outcome, s.reason) for s in seen]
    assert not journal(survey) or all(line.packets == 0 for line in journal(survey))


@pytest.mark.parametrize(
    ("number", "version", "outcome"),
    [
        (errno.EPERM, 4, OurFault),  # our own packet filter
        (errno.EACCES, 4, OurFault),  # a broadcast address, or our own policy
        (errno.EACCES, 6, Refused),  # ICMPv6: administratively prohibited
        (errno.ECONNREFUSED, 4, Refused),
        (errno.EHOSTUNREACH, 4, Silent),
        (errno.EMFILE, 4, OurFault),
    ],
)
def test_a_refusal_of_our_own_machine_is_not_theirs(number: int, version: int, outcome: type) -> None:
    address = "10.20.1.5" if version == 4 else "fd00::5"
    assert type(errors_mean(OSError(number, "x"), address)) is outcome


async def test_no_byte_leaves_above_the_payload_of_a_scan() -> None:
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read())
        writer.close()

    survey = host()
    survey.door.pace.payload = 10  # HTTP asks with more
    seen, _ = await ask(serve, "http", survey)
    assert (seen.outcome, seen.reason.partition(":")[0], bytes(got)) == (Outcome.HELD_BACK, "budget", b"")
    (line,) = journal(survey)
    assert (line.connections, line.payload_bytes) == (1, 0)
    assert "> " not in seen.transcript, "nor does the transcript claim one"


@contextlib.contextmanager
def narrow_listener() -> Iterator[socket.socket]:
    """Listen with a small window: most of what we send stays with our kernel."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening


async def test_what_a_peer_did_not_take_is_not_said_to_be_sent() -> None:
    got = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        await asyncio.sleep(1.0)  # longer than we wait
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                got += len(data)
        writer.close()

    survey = host()
    survey.door.pace.payload = 1_000_000
    wire = LiveWire(survey.door, "test")
    with narrow_listener() as listening:
        async with await asyncio.start_server(serve, sock=listening, limit=1024):
            stream = await wire.tcp(listening.getsockname()[1])
            assert stream.sock
            stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            with pytest.raises(Silent):
                await stream.send(bytes(100_000))
            await wire.close()
            await asyncio.sleep(1.0)
    assert not any(line.mark == ">" for line in wire.lines)
    assert b"not all sent: 100000 bytes" in [line.data for line in wire.lines]
    (line,) = journal(survey)
    assert 0 < got <= line.payload_bytes < 100_000


@pytest.mark.parametrize("ends", [True, False])
async def test_what_the_kernel_still_holds_at_the_end_does_not_leave_and_is_not_said_to(ends: bool) -> None:
    loop, survey = asyncio.get_running_loop(), host()
    survey.door.pace.payload = 1_000_000
    wire = LiveWire(survey.door, "test")
    with narrow_listener() as listening:
        listening.setblocking(False)
        stream = await wire.tcp(listening.getsockname()[1])
        peer, _ = await loop.sock_accept(listening)
    with peer:
        await stream.send(bytes(8000))  # more than it takes; our kernel holds the rest
        if ends:
            peer.shutdown(socket.SHUT_WR)
            await asyncio.sleep(0.05)
        await wire.close()
        got = 0
        with contextlib.suppress(ConnectionError):
            while data := await loop.sock_recv(peer, 65536):
                got += len(data)
    (line,) = journal(survey)
    assert got <= line.payload_bytes < 8000
    (note,) = (one.data for one in wire.lines if one.data.startswith(b"not sent: "))
    assert int(note.split()[2]) == 8000 - line.payload_bytes


async def test_a_question_that_is_cut_off_while_it_is_sent_says_so() -> None:
    survey = host()
    survey.door.pace.payload = 1_000_000
    wire = LiveWire(survey.door, "test")
    with narrow_listener() as listening:
        stream = await wire.tcp(listening.getsockname()[1])
        assert stream.sock
        stream.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await stream.send(bytes(100_000))
        await wire.close()
    assert b"not all sent: 100000 bytes" in [line.data for line in wire.lines]


class Silence(asyncio.DatagramProtocol):
    """Hears datagrams and says nothing."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.sizes.append(len(data))


@pytest.mark.parametrize(
    "secret", [{"community": "c"}, {"user": "u", "auth": "sha256", "auth_key": "12345678"}]
)
@pytest.mark.parametrize("enough", [True, False])
async def test_a_session_with_a_credential_spends_from_the_same_payload(
    secret: dict[str, str], enough: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent.udp_stream, "RECEIVE_SECONDS", 0.2)
    survey = host()
    survey.snmp = (SnmpSecret(hosts=("127.0.0.1",), **secret),)  # type: ignore[arg-type]
    survey.door.pace.payload = 5000 if enough else 20
    transport, peer = await asyncio.get_running_loop().create_datagram_endpoint(
        Silence, local_addr=("127.0.0.1", 0)
    )
    with contextlib.closing(transport):
        seen = await survey.put(Question("snmp", transport.get_extra_info("sockname")[1], "test"))
    sent = [(line.packets, line.payload_bytes) for line in journal(survey)]
    if enough:
        assert seen.outcome is Outcome.SILENT
        assert sent == [(len(peer.sizes), sum(peer.sizes))] != [(0, 0)]
        assert ("~ discovery" if "user" in secret else "> b'get ") in seen.transcript
        assert ("> " in seen.transcript) == ("community" in secret), (
            "with v3 the question itself did not leave"
        )
        return
    assert (seen.outcome, seen.reason.partition(":")[0]) == (Outcome.HELD_BACK, "budget")
    assert (peer.sizes, sent, "> " in seen.transcript) == ([], [], False)
    assert survey.lacks, "it is asked whole the next time"


@pytest.mark.parametrize("why", ["stopped", "talks"])
async def test_words_that_waited_for_the_disk_are_not_said_when_a_stop_came_or_the_peer_talks_on(
    why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said.extend(await reader.read())
        writer.close()

    said = bytearray()
    survey = host()
    async with server(listen) as port:
        wire = LiveWire(survey.door, "test")
        stream = await wire.tcp(port)
        pace = survey.door.pace
        pace.ahead.most = 9
        pace.spend("127.0.0.1", 0, 2_000)  # in the meantime, on the other address of this device
        stream.reserved = 20  # as after a login, which keeps room: it need not wait for a place
        sending = asyncio.create_task(stream.send(b"hello"))
        await asyncio.sleep(0.1)
        if why == "stopped":
            survey.door.halted = lambda: "stopped_answering"
        else:
            stream.reserved = 0
            monkeypatch.setattr("agent.sockets.is_crumbling", lambda _: True)
        await asyncio.sleep(0.1)
        pace.ahead.begin(lambda _: 0)
        pace.ahead.end()  # now it is on the disk
        with pytest.raises(HeldBack if why == "stopped" else Closed):
            await sending
        await wire.close()
    assert said == b""
