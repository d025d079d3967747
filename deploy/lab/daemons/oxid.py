# SPDX-License-Identifier: Apache-2.0
"""A stub of Windows' OXID resolver (135/tcp): answers ServerAlive2 with names and addresses, nothing else.

Source: C706 chapter 12 (connection-oriented PDUs), MS-DCOM 3.1.2.5.1.6. Marked as a stub in the answer key,
because no Windows runs here.
"""

import socket
import struct

from deploy.lab.daemons.recipe import Daemon, Place, Recipe, tcp

__all__ = ["Oxid", "bind_ack", "server_alive2"]

_BIND, _BIND_ACK, _REQUEST, _RESPONSE = 11, 12, 0, 2
_NDR = bytes.fromhex("045d888aeb1cc9119fe808002b104860") + struct.pack("<I", 2)
_SECURITY = ((0x0A, b""), (0x10, b""), (0x1E, b""), (0x16, b""), (0x1F, b""), (0x0E, b""))


class Oxid(Daemon, frozen=True, kw_only=True, tag="oxid"):
    """The stub; it tells `name` and every address, as Windows does with each of its cards."""

    name: str
    addresses: tuple[str, ...]
    port: int = 135

    def recipe(self, place: Place) -> Recipe:
        """Return the stub, which serves one connection after the other."""
        texts = (self.name, *self.addresses)
        server_alive2(0, texts)  # loads the codec while this machine's Python can still be reached
        return Recipe(serve=lambda: _serve(self.port, texts), ready=tcp(self.port))


def bind_ack(call: int) -> bytes:
    """Return the acceptance of one presentation context in NDR, 60 bytes."""
    body = struct.pack("<HHI", 5840, 5840, 0x12345) + struct.pack("<H", 4) + b"135\0" + b"\0\0"
    return _pdu(_BIND_ACK, call, body + struct.pack("<B3xHH", 1, 0, 0) + _NDR)


def server_alive2(call: int, texts: tuple[str, ...]) -> bytes:
    """Return COM version 5.7 and a DUALSTRINGARRAY with one TCP binding per text."""
    strings = b"".join(struct.pack("<H", 7) + f"{text}\0".encode("utf-16-le") for text in texts) + b"\0\0"
    security = b"".join(struct.pack("<HH", kind, 0xFFFF) + b"\0\0" for kind, _ in _SECURITY) + b"\0\0"
    entries = (len(strings) + len(security)) // 2
    array = struct.pack("<IHH", entries, entries, len(strings) // 2) + strings + security
    padded = array + bytes(-len(array) % 4)
    stub = struct.pack("<HHI", 5, 7, 0x20000) + padded + struct.pack("<II", 0, 0)
    return _pdu(_RESPONSE, call, struct.pack("<IHBx", len(stub), 0, 0) + stub)


def _pdu(kind: int, call: int, body: bytes) -> bytes:
    return struct.pack("<BBBB4sHHI", 5, 0, kind, 3, b"\x10\0\0\0", 16 + len(body), 0, call) + body


def _serve(port: int, texts: tuple[str, ...]) -> None:
    with socket.create_server(("", port), backlog=16) as door:
        while True:
            connection, _ = door.accept()
            connection.settimeout(5)
            with connection:
                _talk(connection, texts)


def _talk(connection: socket.socket, texts: tuple[str, ...]) -> None:
    try:
        while len(head := connection.recv(16, socket.MSG_WAITALL)) == 16:
            kind, length, call = head[2], *struct.unpack_from("<H2xI", head, 8)
            connection.recv(max(0, min(length, 5840) - 16), socket.MSG_WAITALL)
            if kind == _BIND:
                connection.sendall(bind_ack(call))
            elif kind == _REQUEST:
                connection.sendall(server_alive2(call, texts))
    except OSError:  # the asker left or fell silent: a responder has nobody to tell
        return
