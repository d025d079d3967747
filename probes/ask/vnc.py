# SPDX-License-Identifier: Apache-2.0
"""VNC: hears the RFB version, answers it once, hears the security types, closes (RFC 6143 7.1)."""

import re
from collections.abc import Iterator

from probes.contract import Closed, Malformed, Stream, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS: tuple[int, ...] = (5900, 5901, 5902, 5903)
TRANSPORT = "tcp"
SPEAKS_FIRST = True

_HELLO = re.compile(rb"RFB ([0-9]{3}\.[0-9]{3})\n")
_KNOWN = (b"003.003", b"003.007", b"003.008")
_HIGHEST = b"003.008"  # said to servers with a number of their own (RealVNC 4 and 5, macOS 3.889)
_MOST_REASON = 512
_TYPES = {
    1: "none",
    2: "vnc",
    5: "ra2",
    6: "ra2ne",
    16: "tight",
    17: "ultra",
    18: "tls",
    19: "vencrypt",
    20: "sasl",
    21: "md5",
    22: "xvp",
    30: "apple",
    113: "mslogon2",
    129: "ra2_256",
    130: "ra2ne_256",
}


async def ask(wire: Wire, port: int) -> None:
    """Say the server's own version back (12 bytes) and hear what it offers."""
    stream = await wire.tcp(port)
    hello = await receive_exactly(stream, 12)
    found = _HELLO.match(hello)
    if not found:
        raise Closed("no RFB version")
    version = _answer(found[1])
    await stream.send(b"RFB " + version + b"\n")
    if version == b"003.003":
        if await receive_exactly(stream, 4) == bytes(4):
            await _hear_reason(stream)
        return
    count = (await receive_exactly(stream, 1))[0]
    if count:
        await receive_exactly(stream, count)
    else:
        await _hear_reason(stream)


def _answer(version: bytes) -> bytes:
    return version if version in _KNOWN else _HIGHEST


async def _hear_reason(stream: Stream) -> None:
    length = int.from_bytes(await receive_exactly(stream, 4), "big")
    await receive_exactly(stream, min(length, _MOST_REASON))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, VNC_VERSION, VNC_SECURITY (one each) and REMOTE_PATH; raises Malformed.

    A server that turns us down says why: that is its BANNER.
    """
    answer = Cursor(transcript.heard)
    found = _HELLO.match(answer.take(12))
    if not found:
        raise Malformed("no RFB version")
    version = found[1]
    return (
        fact(FactKind.SERVICE, "vnc"),
        fact(FactKind.VNC_VERSION, version.decode()),
        *(_offered(answer, _answer(version)) if answer.left else ()),
        fact(FactKind.REMOTE_PATH, "vnc"),
    )


def _offered(answer: Cursor, version: bytes) -> Iterator[Fact]:
    kinds = (answer.u32(),) if version == b"003.003" else tuple(answer.take(answer.u8()))
    if kinds in ((), (0,)):
        reason = answer.take(min(answer.u32(), _MOST_REASON, answer.left))
        yield fact(FactKind.BANNER, reason.decode("utf-8", "replace"))
        return
    for kind in kinds:
        yield fact(FactKind.VNC_SECURITY, _TYPES.get(kind, f"type {kind}"))
