# SPDX-License-Identifier: Apache-2.0
"""Listeners of our own, where being a stub is the point: a recorder and a tarpit.

They run in a forked child inside the host's root file system, so everything they need is imported here.
"""

import selectors
import socket
from pathlib import Path

from deploy.lab.daemons.recipe import Daemon, Place, Recipe, tcp

__all__ = ["Recorder", "Tarpit", "recording"]

_CHUNK = 65536


def recording(port: int) -> str:
    """Return the path inside the host where a recorder on this port appends every byte."""
    return f"/var/spool/recorder/{port}.bytes"


class Recorder(Daemon, frozen=True, kw_only=True, tag="recorder"):
    """A raw printer: accepts on each port, appends every byte it gets to a file, never answers."""

    ports: tuple[int, ...] = (9100,)

    def recipe(self, place: Place) -> Recipe:
        """Return the recorder."""
        return Recipe(serve=lambda: _listen(self.ports, record=True), ready=tcp(*self.ports))


class Tarpit(Daemon, frozen=True, kw_only=True, tag="tarpit"):
    """Accepts on each port, reads nothing, says nothing, never closes."""

    ports: tuple[int, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the tarpit."""
        return Recipe(serve=lambda: _listen(self.ports, record=False), ready=tcp(*self.ports))


def _listen(ports: tuple[int, ...], *, record: bool) -> None:
    """Serve all ports for ever from one thread; without recording nothing is ever read."""
    events = selectors.DefaultSelector()
    kept: list[socket.socket] = []
    doors = {port: socket.create_server(("", port), backlog=64) for port in ports}
    for port, door in doors.items():
        events.register(door, selectors.EVENT_READ, port)
    while True:
        for key, _ in events.select():
            port = key.data
            if key.fileobj is doors[port]:
                connection = doors[port].accept()[0]
                if record:
                    events.register(connection, selectors.EVENT_READ, port)
                else:
                    kept.append(connection)
            elif isinstance(key.fileobj, socket.socket) and not _hear(key.fileobj, port):
                events.unregister(key.fileobj)
                key.fileobj.close()


def _hear(connection: socket.socket, port: int) -> bool:
    """Read what came, append it to the recording; False when the peer is gone."""
    try:
        data = connection.recv(_CHUNK)
    except ConnectionError:
        return False
    if data:
        target = Path(recording(port))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as out:
            out.write(data)
    return bool(data)
