# SPDX-License-Identifier: Apache-2.0
"""Carries the bytes of a library that wants a socket of its own through a connection behind a host's door.

The library gets one end of a socket pair; the other end is pumped through the TcpStream, one packet's worth at a
time and never both ways at once, so that pace, budget and count of the door hold for every byte.
"""

import asyncio
import contextlib
import socket
from typing import Protocol

from probes.contract import WireError

_CHUNK = 1200  # bytes that surely fit one packet


class Carrier(Protocol):
    """A connected TcpStream, as far as a tunnel needs it."""

    @property
    def sock(self) -> socket.socket | None:
        """The kernel's socket, to see whether something has come."""

    async def push(self, data: bytes) -> None:
        """Send all of `data` at the host's pace."""

    async def pull(self, most: int) -> bytes:
        """Give what has come, b"" at the end."""


class Tunnel:
    """A tunnel that stands from `open` to `close`."""

    def __init__(self) -> None:
        self._sockets: tuple[socket.socket, ...] = ()
        self._pumps: list[asyncio.Task[None]] = []

    def open(self, carrier: Carrier) -> socket.socket:
        """Begin to carry; gives the library's end."""
        self._sockets = theirs, ours = socket.socketpair()
        for end in self._sockets:
            end.setblocking(False)
        self._begin(ours, carrier)
        return theirs

    async def carry(self, ours: socket.socket, carrier: Carrier) -> None:
        """Carry what comes from and goes to this connection of a program, until either side ends."""
        self._begin(ours, carrier)
        await asyncio.wait(self._pumps, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, ours: socket.socket, carrier: Carrier) -> None:
        lock = asyncio.Lock()
        self._pumps = [asyncio.create_task(pump(ours, carrier, lock)) for pump in (_out, _in)]

    @property
    def why(self) -> WireError | None:
        """What ended it, if it was neither the library nor an orderly end of the peer."""
        ended = (pump.exception() for pump in self._pumps if pump.done() and not pump.cancelled())
        return next((error for error in ended if isinstance(error, WireError)), None)

    async def close(self) -> None:
        """End it; what has not been carried yet is dropped."""
        for pump in self._pumps:
            pump.cancel()
        if self._pumps:
            await asyncio.wait(self._pumps)
        for end in self._sockets:
            end.close()


async def _out(ours: socket.socket, carrier: Carrier, lock: asyncio.Lock) -> None:
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(ours, _CHUNK):
            async with lock:
                await carrier.push(data)
    except OSError:  # the library broke off
        return
    except WireError:
        _end(ours)
        raise


async def _in(ours: socket.socket, carrier: Carrier, lock: asyncio.Lock) -> None:
    loop = asyncio.get_running_loop()
    try:
        while carrier.sock is not None:
            await readable(carrier.sock)
            async with lock:
                data = await carrier.pull(4096)
            if not data:
                break
            await loop.sock_sendall(ours, data)
    except OSError:  # the library has closed its end already
        return
    finally:
        _end(ours)


def _end(ours: socket.socket) -> None:
    """Let the library see that nothing more will come."""
    with contextlib.suppress(OSError):  # it has closed its end already
        ours.shutdown(socket.SHUT_RDWR)


async def readable(sock: socket.socket) -> None:
    """Wait until something can be read from this socket, or it has ended."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(sock)
