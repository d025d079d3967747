# SPDX-License-Identifier: Apache-2.0
"""Listeners of our own, where being a stub is the point: recorder, tarpit, one canned answer.

They run in a forked child inside the host's root file system, so everything they need is imported here.
"""

import selectors
import socket
from pathlib import Path

from deploy.lab.daemons.recipe import Daemon, Place, Recipe, tcp

__all__ = ["Canned", "Recorder", "Tarpit", "recording"]

_CHUNK = 65536


def recording(port: int) -> str:
    """Return the path inside the host where a recorder on this port appends every byte."""
    return f"/var/spool/recorder/{port}.bytes"


class Recorder(Daemon, frozen=True, kw_only=True, tag="recorder"):
    """A raw printer: accepts on each port, appends every byte it gets to a file, never answers."""

    ports: tuple[int, ...] = (9100,)

    def recipe(self, place: Place) -> Recipe:
        """Return the recorder."""
        return Recipe(serve=lambda: _listen(self.ports, None, record=True), ready=tcp(*self.ports))


class Tarpit(Daemon, frozen=True, kw_only=True, tag="tarpit"):
    """Accepts on each port, reads nothing, says nothing, never closes."""

    ports: tuple[int, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the tarpit."""
        return Recipe(serve=lambda: _listen(self.ports, None, record=False), ready=tcp(*self.ports))


class Canned(Daemon, frozen=True, kw_only=True, tag="canned"):
    """A stub: answers the n-th thing it hears on a connection with the n-th answer (hex), then goes on listening."""

    port: int
    answers: tuple[str, ...]

    def recipe(self, place: Place) -> Recipe:
        """Return the stub."""
        answers = tuple(bytes.fromhex(text) for text in self.answers)
        return Recipe(serve=lambda: _listen((self.port,), answers, record=False), ready=tcp(self.port))


def _listen(ports: tuple[int, ...], answers: tuple[bytes, ...] | None, *, record: bool) -> None:
    """Serve all ports for ever from one thread; a tarpit (no answers, no record) never reads."""
    events = selectors.DefaultSelector()
    heard: dict[socket.socket, int] = {}
    for port in ports:
        events.register(socket.create_server(("", port), backlog=64), selectors.EVENT_READ, port)
    while True:
        for key, _ in events.select():
            source = key.fileobj
            if not isinstance(source, socket.socket):
                continue
            if source not in heard and source.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                connection = source.accept()[0]
                heard[connection] = 0
                if record or answers:
                    events.register(connection, selectors.EVENT_READ, key.data)
                continue
            if not _hear(source, key.data if record else None):
                events.unregister(source)
                del heard[source]
                source.close()
            elif answers and heard[source] < len(answers):
                source.sendall(answers[heard[source]])
                heard[source] += 1


def _hear(connection: socket.socket, port: int | None) -> bool:
    """Read what came, append it to the recording; False when the peer is gone."""
    try:
        data = connection.recv(_CHUNK)
    except ConnectionError:
        return False
    if data and port is not None:
        target = Path(recording(port))
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("ab") as out:
            out.write(data)
    return bool(data)
