# SPDX-License-Identifier: Apache-2.0
"""L2TP: one Start-Control-Connection-Request; an accepted tunnel is closed at once (RFC 2661 §5, §6).

No session is asked for and no name or password is sent. Silence proves nothing: most gateways take
L2TP only inside IPsec.
"""

from collections.abc import Iterator

from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact

PORTS = (1701,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_CONTROL = 0xC802  # type, length, sequence; version 2
_REQUEST, _REPLY, _STOP = 1, 2, 4
_MESSAGE, _RESULT, _VERSION, _FRAMING, _HOST, _VENDOR, _TUNNEL, _WINDOW = 0, 1, 2, 3, 7, 8, 9, 10
_OUR_TUNNEL = 0x0DA1
_MANDATORY = 0x8000
_MOST_PAIRS = 32


def _pair(kind: int, value: bytes) -> bytes:
    return (_MANDATORY | 6 + len(value)).to_bytes(2, "big") + b"\0\0" + kind.to_bytes(2, "big") + value


def _message(tunnel: int, sent: int, received: int, pairs: bytes) -> bytes:
    numbers = (_CONTROL, 12 + len(pairs), tunnel, 0, sent, received)
    return b"".join(number.to_bytes(2, "big") for number in numbers) + pairs


START: bytes = _message(
    0,
    0,
    0,
    _pair(_MESSAGE, b"\0\1")
    + _pair(_VERSION, b"\1\0")
    + _pair(_FRAMING, b"\0\0\0\3")
    + _pair(_HOST, b"daicho")
    + _pair(_TUNNEL, _OUR_TUNNEL.to_bytes(2, "big"))
    + _pair(_WINDOW, b"\0\4"),
)


def stop(tunnel: int) -> bytes:
    """Write the message that closes a tunnel: result 6, the requester is being shut down."""
    ours = _pair(_TUNNEL, _OUR_TUNNEL.to_bytes(2, "big"))
    return _message(tunnel, 1, 1, _pair(_MESSAGE, b"\0\4") + ours + _pair(_RESULT, b"\0\6"))


async def ask(wire: Wire, port: int) -> None:
    """Send one request; close the tunnel that an answer opens."""
    stream = await wire.udp(port)
    await stream.send(START)
    pairs = _pairs(await stream.receive())
    if pairs.get(_MESSAGE) == b"\0\2" and len(pairs.get(_TUNNEL, b"")) == 2:
        await stream.send(stop(int.from_bytes(pairs[_TUNNEL], "big")))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, REMOTE_PATH and what the answer says of its sender; raises Malformed."""
    for datagram in transcript.heard_lines():
        pairs = _pairs(datagram)
        kind = pairs.get(_MESSAGE)
        if kind not in (b"\0\2", b"\0\4"):
            raise Malformed("neither Start-Control-Connection-Reply nor Stop")
        return tuple(_said(pairs, accepted=kind == b"\0\2"))
    return ()


def _said(pairs: dict[int, bytes], *, accepted: bool) -> Iterator[Fact]:
    host, vendor = (
        pairs.get(kind, b"").rstrip(b"\0").decode("utf-8", "replace") for kind in (_HOST, _VENDOR)
    )
    yield fact(FactKind.SERVICE, "l2tp")
    yield fact(FactKind.REMOTE_PATH, "l2tp")
    if vendor:
        yield fact(FactKind.PRODUCT, vendor, Sure.LIKELY)
    if host:
        yield fact(FactKind.NAME, host, Sure.LIKELY)
    state = "accepted" if accepted else "refused"
    yield fact(FactKind.BANNER, f"{state}; host {host or '-'}; vendor {vendor or '-'}")


def _pairs(datagram: bytes) -> dict[int, bytes]:
    """Attribute-value pairs of a control message, those of other vendors and hidden ones left out.

    Gives {} for what is no control message of version 2; raises nothing, whatever was received.
    """
    found: dict[int, bytes] = {}
    if len(datagram) < 12 or datagram[0] & 0xC8 != 0xC8 or datagram[1] & 15 != 2:
        return found
    at = 12
    for _ in range(_MOST_PAIRS):
        head = int.from_bytes(datagram[at : at + 2], "big")
        size = head & 0x3FF
        if size < 6 or at + size > len(datagram):
            break
        cursor = Cursor(datagram, at + 2, at + size)
        if cursor.u16() == 0 and not head & 0x4000:
            kind = cursor.u16()
            found[kind] = cursor.rest()
        at += size
    return found
