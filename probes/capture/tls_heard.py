# SPDX-License-Identifier: Apache-2.0
"""TLS and DTLS as an onlooker sees them: the server's name in the hello, certificates before TLS 1.3.

RFC 8446 §4, RFC 6347 §4, RFC 6066 §3. Cut streams are read as far as they go; nothing raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor

_HANDSHAKE, _CLIENT_HELLO, _SERVER_HELLO, _CERTIFICATE = 22, 1, 2, 11
_MOST_RECORDS, _MOST_CERTIFICATES = 16, 6


@dataclass(frozen=True, slots=True)
class Hello:
    """A client's hello: whom it wants, and what it would speak there."""

    name: str = ""
    protocols: tuple[str, ...] = ()


def is_tls(stream: bytes) -> bool:
    """Whether a stream begins with a TLS handshake record."""
    return len(stream) > 5 and stream[0] == _HANDSHAKE and stream[1] == 3 and stream[2] <= 4


def messages(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Handshake messages of a stream in clear, the last one cut where the stream is."""
    at, joined = 0, bytearray()
    for _ in range(_MOST_RECORDS):
        if len(stream) < at + 5 or stream[at] != _HANDSHAKE or stream[at + 1] != 3:
            break
        size = stream[at + 3] << 8 | stream[at + 4]
        joined += stream[at + 5 : at + 5 + size]
        at += 5 + size
    yield from _split(bytes(joined), 4)


def datagram_messages(piece: bytes) -> Iterator[tuple[int, bytes]]:
    """Handshake messages of a DTLS datagram; only those that are not in fragments."""
    at = 0
    for _ in range(_MOST_RECORDS):
        if len(piece) < at + 13 or piece[at] != _HANDSHAKE or piece[at + 1] not in (1, 254):
            return
        size = piece[at + 11] << 8 | piece[at + 12]
        yield from _split(piece[at + 13 : at + 13 + size], 12)
        at += 13 + size


def _split(data: bytes, head: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + head <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        yield data[at], data[at + head : at + head + size]
        at += head + size


def client_hello(body: bytes, *, datagram: bool = False) -> Hello:
    """Read a client hello as far as it is there."""
    cursor = Cursor(body)
    name, protocols = "", tuple[str, ...]()
    try:
        cursor.skip(2 + 32)
        cursor.skip(cursor.u8())
        if datagram:
            cursor.skip(cursor.u8())  # cookie
        cursor.skip(cursor.u16())
        cursor.skip(cursor.u8())
        cursor.skip(2)
        while cursor.left >= 4:
            kind, size = cursor.u16(), cursor.u16()
            if kind == 0 and size > 5:
                inner = cursor.sub(size)
                inner.skip(3)
                name = inner.take(min(inner.u16(), inner.left)).decode("ascii", "replace")
            elif kind == 16 and size > 2:
                protocols = tuple(_protocols(cursor.sub(size)))
            else:
                cursor.skip(size)
    except Malformed:  # cut off or damaged: what was read stands
        return Hello(name, protocols)
    return Hello(name, protocols)


def _protocols(cursor: Cursor) -> Iterator[str]:
    cursor.skip(2)
    while cursor.left:
        yield cursor.take(cursor.u8()).decode("ascii", "replace")


def hello_of(stream: bytes) -> Hello | None:
    """The client's hello of a TLS stream, None if it does not begin with one."""
    if is_tls(stream):
        for kind, body in messages(stream):
            return client_hello(body) if kind == _CLIENT_HELLO else None
    return None


def datagram_hello(pieces: tuple[bytes, ...]) -> Hello | None:
    """The client's hello of DTLS datagrams, None if there is none."""
    for piece in pieces[:3]:
        for kind, body in datagram_messages(piece):
            if kind == _CLIENT_HELLO:
                return client_hello(body, datagram=True)
    return None


def version_of(stream: bytes) -> str:
    """The version that a server's hello chose: TLSv1 … TLSv1.3; "" where there is no hello."""
    for kind, body in messages(stream) if is_tls(stream) else ():
        if kind == _SERVER_HELLO and len(body) > 35:
            number = 0x304 if b"\0\x2b\0\2\3\4" in body[35:] else body[0] << 8 | body[1]
            return {0x300: "SSLv3", 0x301: "TLSv1", 0x302: "TLSv1.1", 0x303: "TLSv1.2", 0x304: "TLSv1.3"}.get(
                number, ""
            )
        return ""
    return ""


def certificates(stream: bytes) -> tuple[bytes, ...]:
    """Whole DER certificates of a TLS stream, the host's own first."""
    found: list[bytes] = []
    for kind, body in messages(stream) if is_tls(stream) else ():
        if kind != _CERTIFICATE:
            continue
        at = 3
        while at + 3 <= len(body) and len(found) < _MOST_CERTIFICATES:
            size = int.from_bytes(body[at : at + 3], "big")
            if not size or len(body) < at + 3 + size:
                break
            found.append(body[at + 3 : at + 3 + size])
            at += 3 + size
        break
    return tuple(found)
