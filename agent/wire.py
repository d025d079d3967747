# SPDX-License-Identifier: Apache-2.0
"""The real Wire: kernel sockets behind a host's door, with deadlines, caps and a transcript.

Packets of a TCP connection are not guessed: the kernel says how many segments left
(TCP_INFO, tcpi_segs_out), acknowledgements and retransmissions included.
"""

import asyncio
import math
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent import sockets
from agent.door import Door
from agent.guard import Permit
from agent.logins.opening import PacedSession
from agent.logins.ssh_access import SshAccess
from agent.settings import SnmpSecret
from agent.tls import Tls, TlsFailed
from agent.udp_stream import UdpStream
from probes.contract import (
    MOST_PDUS,
    MOST_TRANSCRIPT,
    Closed,
    CommandSession,
    HeldBack,
    Line,
    Mark,
    OurFault,
    Refused,
    Session,
    Silent,
    Transcript,
    WireError,
)

if TYPE_CHECKING:
    from agent.logins.ssh import SshLogin

CONNECT_SECONDS = 0.9  # under the kernel's first retransmission, so that one SYN is one packet
RECEIVE_SECONDS = 2.0
CLOSE_SECONDS = 1.0
_SEGMENT = 1200  # bytes of payload that surely fit one packet
_FIN = 1  # byte that it counts for where what leaves is numbered
_ENDING, _ANSWER = 2, 2  # packets kept back for FIN and the last acknowledgement; for taking an answer in
_SPARE = 2  # packets more for an SSH login, whose messages are many and small
_HASTY = "it talks faster than the pace lets us answer"
_OUR_ERRORS = (OSError, ValueError)


@dataclass(slots=True)
class LiveWire:
    """The wire of one question: everything said and heard through it is one transcript."""

    door: Door
    probe: str
    why: str = ""
    snmp: tuple[SnmpSecret, ...] = ()
    ssh: SshAccess | None = None
    lines: list[Line] = field(default_factory=list)
    heard_bytes: int = 0
    connected: bool = False  # a TCP handshake was completed
    answer_seconds: float | None = None  # that the last handshake took
    _open: list["TcpStream | UdpStream | PacedSession | SshLogin"] = field(default_factory=list)

    @property
    def address(self) -> str:
        """IP address of the host."""
        return self.door.address

    @property
    def transcript(self) -> Transcript:
        """What was said and heard so far."""
        return Transcript(tuple(self.lines))

    def note(self, mark: Mark, data: bytes) -> None:
        """Add a line; raises Closed when the device has sent more than a transcript holds."""
        if mark == "<":
            self.heard_bytes += len(data)
            data = data[: max(0, MOST_TRANSCRIPT - self.heard_bytes + len(data))]
        if data:
            self.lines.append(Line(mark, data))
        if self.heard_bytes > MOST_TRANSCRIPT:
            self.lines.append(Line("~", f"cut after {MOST_TRANSCRIPT} bytes".encode()))
            raise Closed("the answer is longer than we read")

    async def tcp(self, port: int) -> "TcpStream":
        """Connect, at the host's pace."""
        self.door.check("tcp", port, Permit.CONNECT)
        await self.close()  # one connection at a time
        self.note("~", f"open tcp {port}".encode())
        stream = TcpStream(self, port)
        self._open.append(stream)
        await stream.connect()
        return stream

    async def udp(self, port: int) -> "UdpStream":
        """Open a UDP conversation; nothing leaves yet."""
        self.door.check("udp", port, Permit.SEND)
        self.note("~", f"open udp {port}".encode())
        stream = UdpStream(self, port)
        self._open.append(stream)
        return stream

    async def session(self, kind: str, port: int, most: int = MOST_PDUS) -> Session:
        """Open a session with the site's credential for this host, of at most `most` requests."""
        self.door.check("udp", port, Permit.SEND)
        if kind != "snmp" or not self.snmp:
            raise HeldBack("no_credential: この機器の認証情報が登録されていない / no credential of the site")
        self.note("~", f"open {kind} {port}".encode())
        session = PacedSession(
            UdpStream(self, port, "snmp question", quiet=True), self.snmp[0], self.note, most
        )
        self._open.append(session)
        return session

    async def login(self, kind: str, port: int) -> CommandSession:
        """Connect and log in with the site's credential for this host, once."""
        self.door.check("tcp", port, Permit.SEND)
        if kind != "ssh" or self.ssh is None:
            raise HeldBack("no_credential: この機器の認証情報が登録されていない / no credential of the site")
        self.ssh.check(self.address)
        stream = await self.tcp(port)
        stream.spare = _SPARE
        session = await self.ssh.open(stream, self.address, self.note)
        self._open.append(session)
        return session

    def unreachable(self, error: Exception) -> WireError:
        """Note what an error of the kernel says, and give it as one of ours."""
        said = sockets.errors_mean(error, self.address)
        if isinstance(error, ConnectionError) and not isinstance(error, ConnectionRefusedError):
            self.note("~", b"reset")
        elif not isinstance(said, OurFault):
            self.note("~", b"silent" if isinstance(said, Silent) else b"refused")
        return said

    def journal(self, action: str, port: int, *, packets: int, started: float, **more: str | int) -> None:
        """Write down what left through one conversation of this wire."""
        more |= {"port": port, "probe": self.probe, "why": self.why}
        self.door.journal(action, packets=packets, started=started, **more)

    async def listen_on(self) -> None:
        """Wait once more for a word or the end on the open connection; raises Silent."""
        await self._open[-1].receive(1)  # type: ignore[union-attr]

    async def close(self) -> None:
        """End everything that is still open, with a full close."""
        while self._open:
            await self._open.pop().close()


@dataclass(slots=True)
class TcpStream:
    """One TCP connection. Reserves room for what may leave, settles with what did."""

    wire: LiveWire
    port: int
    sock: socket.socket | None = None
    tls: Tls | None = None
    reserved: int = 0
    counted: int = 0
    payload: int = (
        0  # bytes that left, as the kernel counts them: repeats too, and nothing that it still holds
    )
    said: int = 0  # bytes taken from what the host may get in a scan
    started: float = 0.0
    connected: bool = False
    ended: bool = False
    spare: int = 0  # packets kept besides, for a peer that says much in small pieces
    hasty: bool = False  # the device sends more pieces than we may acknowledge

    async def connect(self) -> None:
        """Handshake; raises Refused, Silent, OurFault."""
        door = self.wire.door
        await door.enter(_ENDING + 3, connecting=True)
        self.reserved = _ENDING + 3
        self.started = door.clock.steady()
        try:
            self.sock = sockets.tcp_socket(door.address, door.make)
            async with asyncio.timeout(CONNECT_SECONDS):
                await asyncio.get_running_loop().sock_connect(self.sock, (door.address, self.port))
        except TimeoutError as error:
            self.wire.note("~", b"silent")
            raise Silent("no answer to SYN") from error
        except _OUR_ERRORS as error:
            raise self.wire.unreachable(error) from error
        self.connected = self.wire.connected = True
        self.wire.answer_seconds = sockets.answer_seconds(self.sock)

    async def send(self, data: bytes) -> None:
        """Send all of `data`, if the guard permits a byte on this port."""
        self.wire.door.check("tcp", self.port, Permit.SEND)
        try:
            await self.push(self.tls.encrypt(data) if self.tls else data)
        except (Silent, Refused, OurFault, asyncio.CancelledError):  # some of it may have left
            self.wire.note("~", f"not all sent: {len(data)} bytes".encode())
            raise
        self.wire.note(">", data)

    async def receive(self, most: int = 4096) -> bytes:
        """Give the next 1..most bytes, b"" when the peer closed."""
        data = await self._receive_tls(most) if self.tls else await self.pull(most)
        self.wire.note("<", data)
        return data

    async def start_tls(self) -> None:
        """Go on under TLS, unverified; notes version, cipher and certificate."""
        self.wire.door.check("tcp", self.port, Permit.SEND)
        tls = Tls(self.wire.address)
        try:
            while not tls.step():
                await self.push(tls.outgoing())
                got = await self.pull(4096, quiet=True)
                if not got:
                    raise Refused("closed during the TLS handshake")
                tls.incoming(got)
            await self.push(tls.outgoing())
        except (TlsFailed, Refused) as error:
            await self.push(tls.outgoing())
            self.wire.note("~", f"tls failed: {error}"[:200].encode())
            raise Refused("TLS handshake turned down") from error
        for name, value in tls.notes():
            self.wire.note("~", f"{name} {value}".encode())
        self.tls = tls

    async def _receive_tls(self, most: int) -> bytes:
        assert self.tls is not None  # noqa: S101 - only called under TLS
        try:
            while (data := self.tls.decrypt(most)) is None:
                got = await self.pull(4096)
                if not got:
                    return b""
                self.tls.incoming(got)
        except TlsFailed as error:
            raise Refused(f"TLS: {error}") from error
        if not data:
            self.wire.note("~", b"closed")
        return data

    async def push(self, data: bytes) -> None:
        """Send all of `data` at the host's pace, without a line in the transcript."""
        if not data or self.sock is None:
            return
        segments = math.ceil(len(data) / _SEGMENT)
        answer = _ANSWER if segments + _ENDING + _ANSWER <= self.wire.door.pace.per_host else 0
        await self._make_room(segments + answer)  # whoever asks must be able to take the answer in
        await self.wire.door.catch_up(self._watch)
        self.wire.door.say(len(data))
        self.said += len(data)
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                await asyncio.get_running_loop().sock_sendall(self.sock, data)
        except TimeoutError as error:
            raise Silent("the peer takes no more") from error
        except _OUR_ERRORS as error:
            raise self.wire.unreachable(error) from error

    async def pull(self, most: int, *, quiet: bool = False) -> bytes:
        """Give the next 1..most bytes, without a line in the transcript."""
        assert self.sock is not None  # noqa: S101 - only called when connected
        if await self._is_hasty():
            return self._left_over(most)
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                data = await asyncio.get_running_loop().sock_recv(self.sock, most)
        except TimeoutError as error:
            self.wire.note("~", b"silent")
            raise Silent("nothing came") from error
        except _OUR_ERRORS as error:
            raise self.wire.unreachable(error) from error
        if not data:
            self.ended = True
            if not quiet:
                self.wire.note("~", b"closed")
        return data

    async def _make_room(self, packets: int) -> None:
        self._settle()
        needed = packets + _ENDING
        missing = max(needed, min(needed + self.spare, self.wire.door.pace.per_host)) - self.reserved
        if missing > 0:
            if self.sock is not None:
                sockets.acknowledge_slowly(self.sock)
            await self.wire.door.enter(missing, watch=self._watch)
            self.reserved += missing

    async def _is_hasty(self) -> bool:
        """Make room for an answer; true if the device did not leave us the time for it just now."""
        if self.hasty:
            raise Closed(_HASTY)
        try:
            await self._make_room(_ANSWER)
        except Closed:
            self.hasty = True
        return self.hasty

    def _left_over(self, most: int) -> bytes:
        """What has come in already from a device that talks too fast; raises Closed if nothing has."""
        assert self.sock is not None  # noqa: S101 - only called when connected
        try:
            return self.sock.recv(most)
        except OSError as error:
            raise Closed(_HASTY) from error

    def _watch(self) -> None:
        """Raise Closed when crumbs of data make our kernel acknowledge more than there is room for."""
        if self.sock is None or sockets.segments_out(self.sock) - self.counted < self.reserved - 1:
            return
        if sockets.is_crumbling(self.sock):
            raise Closed(_HASTY)

    def _settle(self) -> None:
        if self.sock is None:
            return
        left = sockets.segments_out(self.sock) - self.counted
        self.counted += left
        given_back = min(left, self.reserved)
        self.reserved -= given_back
        self.wire.door.leave(given_back, left)
        self.payload = max(self.payload, sockets.bytes_out(self.sock))
        repeated = max(0, self.payload - self.said)
        self.said += repeated
        self.wire.door.pace.spend(self.wire.door.handle, 0, repeated)

    async def close(self) -> None:
        """Full close: FIN, the peer's FIN, then free; a peer that goes on talking gets a reset."""
        if self.sock is None:
            self.wire.door.leave(self.reserved, 0, connected=bool(self.reserved))
            return
        self._settle()  # before the end: the kernel forgets its counters when an unanswered SYN is given up
        reset = False
        try:
            reset = self.connected and not await self._say_goodbye(self.sock)
        finally:
            self._end(self.sock, reset=reset)

    def _end(self, sock: socket.socket, *, reset: bool) -> None:
        """Free the socket, give back what was not used, write the journal; never waits."""
        self._settle()
        if (unsent := sockets.unsent(sock)) > _FIN:
            self.wire.note("~", f"not sent: {unsent - _FIN} bytes, which waited here".encode())
        if reset and sockets.end_by_reset(sock):
            self.counted += 1
            self.wire.door.leave(0, 1)
        self.wire.door.leave(self.reserved, 0, connected=True)
        sock.close()
        self.sock = None
        self.wire.journal(
            "tcp connect",
            self.port,
            packets=self.counted,
            started=self.started,
            connections=1,
            payload_bytes=self.payload,
            transport="tcp",
        )

    async def _say_goodbye(self, sock: socket.socket) -> bool:
        """Close in order; false if it goes on talking, or takes no more, and only a reset makes an end."""
        if self.hasty:
            return False
        try:
            sock.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(CLOSE_SECONDS):
                while sockets.segments_out(sock) - self.counted < max(self.reserved, _ENDING):
                    if self.ended or not await asyncio.get_running_loop().sock_recv(sock, 4096):
                        return not sockets.unsent(sock)
        except TimeoutError:  # it keeps its side open; ours is closed, unless something still waits to leave
            self.wire.door.pace.spend(self.wire.door.handle, 1)  # our kernel will answer its end
            return not sockets.unsent(sock)
        except OSError:
            return True  # never connected, or reset by the peer: nothing more leaves
        return False
