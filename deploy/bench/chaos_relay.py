# SPDX-License-Identifier: Apache-2.0
"""A load balancer on loopback that also is a bad network: it loses, doubles, delays and cuts requests, by chance."""

import contextlib
import random
import socket
import socketserver
import threading
from collections import Counter
from collections.abc import Sequence

MOST_HEADERS = 64 * 1024
WAIT = 60.0  # seconds for one side


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A cut connection is what this is for."""


class Relay:
    """Passes whole requests to one of several ports; while its `with` block runs."""

    def __init__(self, ports: Sequence[int], rng: random.Random, faults: float) -> None:
        self.ports, self.faults = ports, faults
        self.down = False  # True: the network is away
        self.did: Counter[str] = Counter()
        self._rng, self._lock = rng, threading.Lock()
        self._kept: list[bytes] = []  # requests to be sent once more, later
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError):
                    relay._serve(self.request)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.port = int(self._server.server_address[1])

    def __enter__(self) -> "Relay":
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(WAIT)
        if self.down or (request := read_message(client)) is None:
            return
        fault = self._fault()
        self.did[fault] += 1
        match fault:
            case "lost request":
                return
            case "cut in the middle":
                self._send(request[: len(request) // 2], whole=False)
                return
            case "lost answer":
                self._send(request)
                return
            case "doubled":
                self._send(request)
            case "kept for later":
                self._kept.append(request)
            case "an old one first" if self._kept:
                self._send(self._kept.pop(0))
        if answer := self._send(request):
            client.sendall(answer)

    def _fault(self) -> str:
        kinds = (
            "lost request",
            "cut in the middle",
            "lost answer",
            "doubled",
            "kept for later",
            "an old one first",
        )
        with self._lock:
            return self._rng.choice(kinds) if self._rng.random() < self.faults else "passed"

    def _send(self, request: bytes, *, whole: bool = True) -> bytes | None:
        """Send a request to whoever takes it; gives the answer."""
        with self._lock:
            ports = self._rng.sample(list(self.ports), len(self.ports))
        for port in ports:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), WAIT) as server:
                server.sendall(request)
                return read_message(server) if whole else None
        return None


def read_message(source: socket.socket) -> bytes | None:
    """Read one HTTP/1.1 message with a Content-Length, to be the last of its connection; None if it is cut."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = source.recv(65536)
        if not part or len(data) > MOST_HEADERS:
            return None
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    length = next((int(line[15:]) for line in lines if line.lower().startswith(b"content-length:")), 0)
    parts, have = [body], len(body)
    while have < length:
        part = source.recv(65536)
        if not part:
            return None
        parts.append(part)
        have += len(part)
    return b"\r\n".join([*lines, b"Connection: close"]) + b"\r\n\r\n" + b"".join(parts)
