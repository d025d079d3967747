# SPDX-License-Identifier: Apache-2.0
"""NetBIOS names and the name service's packets (RFC 1001 §14.1, RFC 1002 §4.2). Pure.

Raises `Malformed` and nothing else. A name is its text without padding and its suffix (0 to 255).
"""

from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor
from probes.frames import ip_text

NB, NBSTAT = 0x20, 0x21
_GROUP = 0x8000


@dataclass(frozen=True, slots=True)
class Owned:
    """One name of a node's table."""

    name: str
    suffix: int
    group: bool
    raw: bytes = b""  # the 15 bytes as padded

    def __str__(self) -> str:
        return f"{self.name}<{self.suffix:02X}> {'group' if self.group else 'unique'}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource record of a name service packet."""

    name: str
    suffix: int
    kind: int
    data: bytes


@dataclass(frozen=True, slots=True)
class NamePacket:
    """One packet: operation (0 query, 5 registration, 6 release, 7 wack, 8 refresh) and its records."""

    is_answer: bool
    operation: int
    result: int
    records: tuple[Resource, ...]


def encode_name(raw: bytes, suffix: int) -> bytes:
    """Encode up to 15 bytes of name, padded with blanks ("*" with zeros), first-level and as one label."""
    padded = raw[:15].ljust(15, b"\0" if raw == b"*" else b" ") + bytes([suffix])
    return b"\x20" + bytes(0x41 + half for byte in padded for half in (byte >> 4, byte & 15)) + b"\0"


def question(transaction: int, raw: bytes, suffix: int, kind: int) -> bytes:
    """Write a query for one name, not broadcast, no recursion."""
    header = transaction.to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\0"
    return header + encode_name(raw, suffix) + kind.to_bytes(2, "big") + b"\0\1"


def read_packet(data: bytes) -> NamePacket:
    """Read a name service packet with all its records."""
    cursor = Cursor(data)
    cursor.skip(2)
    flags = cursor.u16()
    questions, *counts = (cursor.u16() for _ in range(4))
    if questions > 1 or sum(counts) > 16:
        raise Malformed("not a NetBIOS name service packet")
    for _ in range(questions):
        read_name(cursor)
        cursor.skip(4)
    records = tuple(_record(cursor) for _ in range(sum(counts)))
    return NamePacket(bool(flags & 0x8000), flags >> 11 & 15, flags & 15, records)


def _record(cursor: Cursor) -> Resource:
    name, suffix = read_name(cursor)
    kind = cursor.u16()
    cursor.skip(6)  # class, time to live
    return Resource(name, suffix, kind, cursor.take(cursor.u16()))


def read_name(cursor: Cursor) -> tuple[str, int]:
    """Read an encoded name (with its scope passed over), or follow one pointer to it."""
    length = cursor.u8()
    if length >= 192:
        target = (length & 63) << 8 | cursor.u8()
        if target >= cursor.at - 2:
            raise Malformed("a name that points forwards")
        return read_name(Cursor(cursor.data, target))
    if length != 32:
        raise Malformed("not an encoded NetBIOS name")
    decoded = decode_name(cursor.take(32))
    for _ in range(32):
        if not (scope := cursor.u8()):
            break
        cursor.skip(scope)
    return text(decoded[:15]), decoded[15]


def decode_name(encoded: bytes) -> bytes:
    """Undo the first-level encoding of 32 bytes into 16."""
    if len(encoded) != 32 or not all(0x41 <= byte <= 0x50 for byte in encoded):
        raise Malformed("not an encoded NetBIOS name")
    return bytes((encoded[at] - 0x41) << 4 | encoded[at + 1] - 0x41 for at in range(0, 32, 2))


def read_status(data: bytes) -> tuple[tuple[Owned, ...], bytes]:
    """Read a node status answer's data: its names and the 6 bytes of its unit id (RFC 1002 §4.2.18)."""
    cursor = Cursor(data)
    names = tuple(_owned(cursor) for _ in range(cursor.u8()))
    return names, cursor.take(6)


def _owned(cursor: Cursor) -> Owned:
    raw, suffix = cursor.take(15), cursor.u8()
    return Owned(text(raw), suffix, bool(cursor.u16() & _GROUP), raw)


def read_addresses(data: bytes) -> tuple[tuple[bool, str], ...]:
    """Read the data of an NB record: (is a group name, IPv4 address) of each entry."""
    cursor = Cursor(data)
    entries = []
    while cursor.left:
        group = bool(cursor.u16() & _GROUP)
        entries.append((group, ip_text(cursor.take(4))))
    return tuple(entries)


def text(raw: bytes) -> str:
    """Write a padded name as text; Japanese Windows uses CP932."""
    trimmed = raw.rstrip(b" \0")
    try:
        return trimmed.decode("cp932")
    except UnicodeDecodeError:
        return trimmed.decode("latin-1")
