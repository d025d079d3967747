# SPDX-License-Identifier: Apache-2.0
"""A small mail server and a small web server on loopback that keep what they were given."""

import base64
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from collector.certificate import make_certificate


@dataclass
class Mailbox:
    """What a mail server was given, and how it behaves."""

    port: int = 0
    mails: list[bytes] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    offers_tls: bool = True
    refuses: int = 0  # that many of the next mails get a 451
    context: ssl.SSLContext | None = None


def certificate(folder: Path, *names: str) -> Path:
    """A certificate with its key, which is its own authority."""
    path = folder / "server.pem"
    path.write_bytes(make_certificate(names or ("localhost", "127.0.0.1"), datetime.now(UTC)))
    path.chmod(0o600)
    return path


def context(pem: Path) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(pem)
    return made


class _Talk(socketserver.StreamRequestHandler):
    """RFC 5321, as far as a client that behaves needs it."""

    box: Mailbox

    def handle(self) -> None:
        self.is_encrypted = False
        self._say("220 test")
        try:
            while line := self.rfile.readline(2000):
                if not self._answer(line.decode().strip()):
                    return
        except (ssl.SSLError, ConnectionError):
            return
        finally:
            if self.is_encrypted:
                self.connection.close()

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _answer(self, line: str) -> bool:
        verb, _, rest = line.partition(" ")
        match verb.upper():
            case "EHLO":
                for word in (
                    "250-test",
                    *(["250-STARTTLS"] if self.box.offers_tls else []),
                    "250 AUTH PLAIN",
                ):
                    self._say(word)
            case "STARTTLS":
                self._say("220 go")
                assert self.box.context
                self.connection = self.box.context.wrap_socket(self.request, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
                self.is_encrypted = True
            case "AUTH":
                self.box.logins.append(base64.b64decode(rest.split()[1]).decode())
                self._say("235 ok")
            case "RCPT":
                self.box.readers.append(rest)
                self._say("250 ok")
            case "DATA":
                self._take()
            case "QUIT":
                self._say("221 bye")
                return False
            case _:
                self._say("250 ok")
        return True

    def _take(self) -> None:
        self._say("354 go")
        body = b""
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            body += line
        if self.box.refuses:
            self.box.refuses -= 1
            self._say("451 later")
            return
        self.box.mails.append(body)
        self.box.encrypted.append(self.is_encrypted)
        self._say("250 taken")


@contextmanager
def mail_server(pem: Path | None = None) -> Iterator[Mailbox]:
    """A mail server on loopback, with STARTTLS where it has a certificate."""
    box = Mailbox(offers_tls=pem is not None, context=context(pem) if pem else None)
    handler = type("Talk", (_Talk,), {"box": box})
    with _running(_Threading(("127.0.0.1", 0), handler)) as port:
        box.port = port
        yield box


class _Threading(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = True


@dataclass
class Hook:
    """What a web server was given, and what it answers."""

    port: int = 0
    posts: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204
    location: str = ""


@contextmanager
def web_server(pem: Path | None = None) -> Iterator[Hook]:
    """A web server on loopback, encrypted where it has a certificate."""
    hook = Hook()

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers), body))
            self.send_response(hook.status)
            if hook.location:
                self.send_header("Location", hook.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    if pem:
        server.socket = context(pem).wrap_socket(server.socket, server_side=True)
    with _running(server) as port:
        hook.port = port
        yield hook


@contextmanager
def _running(server: Any) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
