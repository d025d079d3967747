# SPDX-License-Identifier: Apache-2.0
"""One UDP conversation behind a host's door: each datagram is checked, paced, counted and written down."""

import asyncio
import socket
from dataclasses import dataclass
from typing import Protocol

from agent import sockets
from agent.door import Door
from agent.guard import Permit
from probes.contract import Mark, OurFault, Refused, Silent, WireError

RECEIVE_SECONDS = 2.0
_OUR_ERRORS = (OSError, ValueError)


class Teller(Protocol):
    """The wire of one question, as far as a conversation needs it."""

    @property
    def door(self) -> Door:
        """The only way to the host."""

    @property
    def address(self) -> str:
        """IP address of the host."""

    def note(self, mark: Mark, data: bytes) -> None:
        """Add a line to the transcript."""

    def unreachable(self, error: Exception) -> WireError:
        """Say whose word an error is."""

    def journal(self, action: str, port: int, *, packets: int, started: float, **more: str | int) -> None:
        """Write down what left."""


@dataclass(slots=True)
class UdpStream:
    """One UDP conversation with one port."""

    wire: Teller
    port: int
    action: str = "udp question"  # as the journal calls it
    quiet: bool = False  # without a line in the transcript: whoever speaks through it writes what it says
    sock: socket.socket | None = None
    packets: int = 0
    payload: int = 0
    started: float = 0.0

    async def send(self, data: bytes) -> None:
        """Send one datagram."""
        door = self.wire.door
        door.check("udp", self.port, Permit.SEND)
        await door.enter(1)
        self.started = self.started or door.clock.steady()
        left = 0
        try:
            door.say(len(data))
            await asyncio.get_running_loop().sock_sendall(self._socket(), data)
            left = 1
        except ConnectionError as error:
            raise Refused("port unreachable") from error
        except _OUR_ERRORS as error:
            raise self.wire.unreachable(error) from error
        finally:
            door.leave(1, left)
        self.packets += 1
        self.payload += len(data)
        self._note(">", data)

    async def receive(self, most: int = 4096) -> bytes:
        """Give the next datagram, cut to `most` bytes."""
        try:
            async with asyncio.timeout(RECEIVE_SECONDS):
                data = await asyncio.get_running_loop().sock_recv(self._socket(), most)
        except TimeoutError as error:
            self.wire.note("~", b"silent")
            raise Silent("no datagram came") from error
        except ConnectionError as error:
            self.wire.note("~", b"refused")
            raise Refused("port unreachable") from error
        except _OUR_ERRORS as error:
            raise self.wire.unreachable(error) from error
        self._note("<", data)
        return data

    async def start_tls(self) -> None:
        """Not for datagrams."""
        raise OurFault("TLS over UDP is not spoken here")

    async def close(self) -> None:
        """Free the socket and write the journal."""
        if self.sock is not None:
            self.sock.close()
            self.sock = None
        if self.packets:
            self.wire.journal(
                self.action,
                self.port,
                packets=self.packets,
                started=self.started,
                payload_bytes=self.payload,
                transport="udp",
            )
            self.packets = 0

    def _note(self, mark: Mark, data: bytes) -> None:
        if not self.quiet:
            self.wire.note(mark, data)

    def _socket(self) -> socket.socket:
        if self.sock is None:
            self.sock = sockets.udp_socket(self.wire.address, self.port, self.wire.door.make)
        return self.sock
