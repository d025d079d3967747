# SPDX-License-Identifier: Apache-2.0
"""PPTP: one Start-Control-Connection-Request, the server's reply, and a Stop (RFC 2637 §2.1-2.3).

No call is placed and no name or password is sent; the Stop lets the server forget us at once.
"""

from collections.abc import Iterator

from probes.contract import Closed, Malformed, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact

PORTS = (1723,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_MAGIC = 0x1A2B3C4D
_START, _REPLY, _STOP = 1, 2, 3
_START_SIZE = 156


def _message(kind: int, content: bytes) -> bytes:
    head = (12 + len(content)).to_bytes(2, "big") + b"\0\1" + _MAGIC.to_bytes(4, "big")
    return head + kind.to_bytes(2, "big") + b"\0\0" + content


START: bytes = _message(
    _START,
    b"\1\0\0\0"  # protocol version 1.0
    + (1).to_bytes(4, "big")  # framing: asynchronous
    + (1).to_bytes(4, "big")  # bearer: analog
    + b"\0\0\0\1"  # most channels, our revision
    + b"daicho".ljust(64, b"\0")
    + b"daicho (hospital inventory)".ljust(64, b"\0"),
)
STOP: bytes = _message(_STOP, b"\1\0\0\0")  # reason 1: a general request to clear the connection


async def ask(wire: Wire, port: int) -> None:
    """Ask for a control connection; end it if it came about."""
    stream = await wire.tcp(port)
    await stream.send(START)
    reply = await receive_exactly(stream, 16)
    if int.from_bytes(reply[:2], "big") != _START_SIZE or int.from_bytes(reply[4:8], "big") != _MAGIC:
        raise Closed("no PPTP")
    await receive_exactly(stream, _START_SIZE - 16)
    await stream.send(STOP)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, REMOTE_PATH, and what the server calls itself; raises Malformed."""
    cursor = Cursor(transcript.heard)
    size, kind, magic, message = cursor.u16(), cursor.u16(), cursor.u32(), cursor.u16()
    if (size, kind, magic, message) != (_START_SIZE, 1, _MAGIC, _REPLY):
        raise Malformed("no Start-Control-Connection-Reply")
    cursor.skip(2)
    return tuple(_said(cursor))


def _said(cursor: Cursor) -> Iterator[Fact]:
    cursor.skip(2)  # protocol version
    accepted = cursor.u8() == 1
    cursor.skip(1 + 4 + 4 + 2)  # error, framing, bearer, channels
    revision = cursor.u16()
    host, vendor = _text(cursor.take(64)), _text(cursor.take(64))
    yield fact(FactKind.SERVICE, "pptp")
    yield fact(FactKind.REMOTE_PATH, "pptp")
    if vendor:
        yield fact(FactKind.PRODUCT, vendor, Sure.LIKELY)
    if host and host.lower() not in ("local", "pptp", "localhost"):
        yield fact(FactKind.NAME, host, Sure.LIKELY)
    state = "accepted" if accepted else "refused"
    yield fact(FactKind.BANNER, f"{state}; host {host or '-'}; vendor {vendor or '-'}; firmware {revision}")


def _text(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "replace").strip()
