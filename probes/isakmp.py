# SPDX-License-Identifier: Apache-2.0
"""The ISAKMP frame that IKEv1 (RFC 2408 §3) and IKEv2 (RFC 7296 §3) share. Pure.

Raises `Malformed` and nothing else.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor

OUR_SPI = b"daicho01"
_MOST_PAYLOADS = 64


@dataclass(frozen=True, slots=True)
class Message:
    """One ISAKMP message: `major` version, exchange, and its payloads as (type, body)."""

    major: int
    exchange: int
    payloads: tuple[tuple[int, bytes], ...]

    def of(self, kind: int) -> Iterator[bytes]:
        """Bodies of the payloads of one type."""
        return (body for code, body in self.payloads if code == kind)


def write_payloads(payloads: list[tuple[int, bytes]]) -> bytes:
    """Chain payloads by their generic headers; the first one's type stands in the message header."""
    following = [kind for kind, _ in payloads[1:]] + [0]
    return b"".join(
        bytes((after, 0)) + (len(body) + 4).to_bytes(2, "big") + body
        for after, (_, body) in zip(following, payloads, strict=True)
    )


def write_message(version: int, exchange: int, flags: int, payloads: list[tuple[int, bytes]]) -> bytes:
    """Write a first message: our SPI, no responder SPI, message id 0."""
    body = write_payloads(payloads)
    head = OUR_SPI + bytes(8) + bytes((payloads[0][0], version, exchange, flags)) + bytes(4)
    return head + (28 + len(body)).to_bytes(4, "big") + body


def read_message(datagram: bytes) -> Message:
    """Read an answer to us; one that does not carry our SPI, or claims more than it has, is Malformed."""
    if datagram[:8] != OUR_SPI:
        raise Malformed("not an answer to our SPI")
    return read_any(datagram)


def read_any(datagram: bytes) -> Message:
    """Read a message of any two hosts; one that is not ISAKMP, or claims more than it has, is Malformed."""
    cursor = Cursor(datagram)
    cursor.skip(16)
    kind, version, exchange = cursor.u8(), cursor.u8(), cursor.u8()
    cursor.skip(5)  # flags, message id
    if version >> 4 not in (1, 2) or cursor.u32() != len(datagram):
        raise Malformed("not ISAKMP")
    return Message(version >> 4, exchange, tuple(_payloads(cursor, kind)))


def _payloads(cursor: Cursor, kind: int) -> Iterator[tuple[int, bytes]]:
    for _ in range(_MOST_PAYLOADS):
        if not kind:
            return
        following = cursor.u8()
        cursor.skip(1)
        yield kind, cursor.take(cursor.u16() - 4)
        kind = following
    raise Malformed("too many payloads")


def attributes(cursor: Cursor) -> Iterator[tuple[int, int]]:
    """Read data attributes (RFC 2408 §3.3): type and value, short and long form."""
    while cursor.left:
        kind, value = cursor.u16(), cursor.u16()
        if kind & 0x8000:
            yield kind & 0x7FFF, value
        else:
            yield kind, int.from_bytes(cursor.take(value)[:8], "big")


def attribute(kind: int, value: int) -> bytes:
    """Write one attribute in short form."""
    return (0x8000 | kind).to_bytes(2, "big") + value.to_bytes(2, "big")
