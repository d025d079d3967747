# SPDX-License-Identifier: Apache-2.0
"""Ports of one host, offered to nmap on an address of the loopback: all that nmap sends goes through the host's door.

So nmap never touches the device itself: scope, guard, pace, budget, count and journal are those of every
other connection, one at a time with the gap between, kernel acknowledgements and repeats included.
A connection that only opens and closes (nmap's own port scan) does not reach the device.
"""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Self

from agent.door import Door
from agent.guard import Permit, rule_on
from agent.tunnel import Tunnel, readable
from agent.wire import LiveWire
from probes.contract import HeldBack, OurFault, WireError

MOST_CONNECTIONS = 4  # to one port of the device
_LOOK_SECONDS = 0.15  # after which a connection is meant, not only tried
_TRIES = 8


@dataclass(slots=True)
class NmapRelay:
    """Async context manager; `ports` maps the port on `address` to that of the device."""

    door: Door
    wanted: list[int]
    why: str
    address: str = field(init=False)
    ports: dict[int, int] = field(default_factory=dict)
    held: dict[int, HeldBack] = field(
        default_factory=dict
    )  # port → why it was not asked (to the end): scope, pace, budget
    connections: int = 0
    _open: list[socket.socket] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __aenter__(self) -> Self:
        """Listen; raises OurFault where the loopback has no place."""
        self.address = (
            f"127.{64 + secrets.randbelow(64)}.{secrets.randbelow(256)}.{1 + secrets.randbelow(254)}"
        )
        for port in self.wanted:
            server = self._listen(port)
            self.ports[server.getsockname()[1]] = port
            self._begin(self._accept(server, port))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for sock in self._open:
            sock.close()

    def _listen(self, port: int) -> socket.socket:
        """Listen on the same number, so that nmap asks first what is at home there; else on any that is free."""
        for wanted in (port, *(0 for _ in range(_TRIES))):
            server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                server.bind((self.address, wanted))
                server.listen()
            except OSError:
                server.close()
                continue
            server.setblocking(False)
            self._open.append(server)
            if rule_on("tcp", server.getsockname()[1]).permit is Permit.SEND:
                return server
        raise OurFault("nmap_failed: no free port on the loopback")

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, server: socket.socket, port: int) -> None:
        left = MOST_CONNECTIONS
        while True:
            conn, _ = await asyncio.get_running_loop().sock_accept(server)
            conn.setblocking(False)
            if left and await _is_meant(conn):
                left -= 1
                self._begin(self._carry(conn, port))
            else:
                conn.close()

    async def _carry(self, conn: socket.socket, port: int) -> None:
        with contextlib.closing(conn):
            async with self._one:
                wire, tunnel = LiveWire(self.door, "nmap", self.why), Tunnel()
                try:
                    stream = await wire.tcp(port)
                    self.connections += 1
                    await tunnel.carry(conn, stream)
                    if isinstance(tunnel.why, HeldBack):
                        self.held[port] = tunnel.why
                except HeldBack as error:
                    self.held[port] = error
                except WireError:
                    pass  # nmap sees that nothing came
                finally:
                    await tunnel.close()
                    await wire.close()


async def _is_meant(conn: socket.socket) -> bool:
    """Whether this connection is more than the knock of a port scan, which ends at once."""
    try:
        async with asyncio.timeout(_LOOK_SECONDS):
            await readable(conn)
        return bool(conn.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return True
    except OSError:
        return False
