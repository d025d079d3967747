# SPDX-License-Identifier: Apache-2.0
"""DNS messages as mDNS (RFC 6762) and LLMNR (RFC 4795) use them. Pure, bounded, loop-safe.

Raises `Malformed` and nothing else. Names are tuples of labels as text, undecodable bytes as U+FFFD.
"""

from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor
from probes.frames import ip_text

A, PTR, TXT, AAAA, SRV = 1, 12, 16, 28, 33
_MOST_RECORDS = 256
_MOST_JUMPS = 32
_MOST_LABELS = 64

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record; `at` and `end` bound its data in the message."""

    name: Name
    kind: int
    at: int
    end: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message: who is asked for, and the records of all three answer sections."""

    data: bytes
    is_answer: bool
    questions: tuple[tuple[Name, int], ...]
    records: tuple[Record, ...]


def read_message(data: bytes) -> Message:
    """Read a message (RFC 1035 §4.1)."""
    cursor = Cursor(data)
    cursor.skip(2)
    flags = cursor.u16()
    counts = [cursor.u16() for _ in range(4)]
    if (flags >> 11) & 15 or sum(counts) > _MOST_RECORDS:
        raise Malformed("not a plain query or answer")
    questions = tuple(_question(cursor) for _ in range(counts[0]))
    records = tuple(_record(cursor) for _ in range(sum(counts[1:])))
    return Message(data, bool(flags & 0x8000), questions, records)


def _question(cursor: Cursor) -> tuple[Name, int]:
    name = read_name(cursor)
    kind = cursor.u16()
    cursor.skip(2)
    return name, kind


def _record(cursor: Cursor) -> Record:
    name = read_name(cursor)
    kind = cursor.u16()
    cursor.skip(6)  # class, time to live
    length = cursor.u16()
    start = cursor.at
    cursor.skip(length)
    return Record(name, kind, start, cursor.at)


def read_name(cursor: Cursor) -> Name:
    """Read a name, following compression pointers backwards only (RFC 1035 §4.1.4)."""
    labels: list[str] = []
    reader, jumps, lowest = cursor, 0, cursor.at
    while len(labels) < _MOST_LABELS and jumps < _MOST_JUMPS:
        length = reader.u8()
        if length == 0:
            return tuple(labels)
        if length < 64:
            labels.append(reader.take(length).decode("utf-8", "replace"))
            continue
        target = (length & 63) << 8 | reader.u8()
        if length < 192 or target >= lowest:
            raise Malformed("a name that points forwards or is of unknown form")
        reader, jumps, lowest = Cursor(cursor.data, target), jumps + 1, target
    raise Malformed("a name without end")


def target_of(message: Message, record: Record) -> Name:
    """Read the name that a PTR record points to."""
    return read_name(Cursor(message.data, record.at, record.end))


def service_of(message: Message, record: Record) -> tuple[int, Name]:
    """Read port and target of an SRV record (RFC 2782)."""
    cursor = Cursor(message.data, record.at, record.end)
    cursor.skip(4)  # priority, weight
    return cursor.u16(), read_name(cursor)


def address_of(message: Message, record: Record) -> str:
    """Read the address of an A or AAAA record."""
    return ip_text(message.data[record.at : record.end])


def texts_of(message: Message, record: Record) -> tuple[str, ...]:
    """Read the strings of a TXT record."""
    cursor = Cursor(message.data, record.at, record.end)
    texts = []
    while cursor.left:
        texts.append(cursor.take(cursor.u8()).decode("utf-8", "replace"))
    return tuple(text for text in texts if text)
