# SPDX-License-Identifier: Apache-2.0
"""Listeners of our own, where being a stub is the point: a recorder and a tarpit.

They run in a forked child inside the host's root file system, so everything they need is imported here.
"""

import selectors
import socket
import time
from pathlib import Path

from deploy.lab.daemons.recipe import Daemon, Place, Recipe, tcp

__all__ = ["Igd", "Recorder", "Tarpit", "recording"]

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


class Igd(Daemon, frozen=True, kw_only=True, tag="igd"):
    """A router that offers itself by UPnP (UPnP Device Architecture 1.1 §1.2.2): a NOTIFY every second."""

    server: str

    def recipe(self, place: Place) -> Recipe:
        """Return the announcer."""
        address = place.addresses[0]
        return Recipe(serve=lambda: _announce(address, self.server))


def _announce(address: str, server: str) -> None:
    kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
    text = (
        "NOTIFY * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nCACHE-CONTROL: max-age=1800\r\n"
        f"LOCATION: http://{address}:5000/rootDesc.xml\r\nSERVER: {server}\r\nNT: {kind}\r\n"
        f"USN: uuid:lab::{kind}\r\nNTS: ssdp:alive\r\n\r\n"
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        door.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 2)
        while True:
            door.sendto(text.encode(), ("239.255.255.250", 1900))
            time.sleep(1)


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
