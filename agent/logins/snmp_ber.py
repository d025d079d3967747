# SPDX-License-Identifier: Apache-2.0
"""Is this datagram whole BER all the way down? Asked before gufo-snmp sees it, which panics on some that are not.

Sources: X.690 §8.1 (definite lengths), RFC 3416 §3, RFC 3412 §6 (v3 message), RFC 3414 §2.4 (USM).
"""

from collections.abc import Iterator

_MOST_DEPTH = 8
_CONSTRUCTED = 0x20
_OCTETS, _SEQUENCE = 0x04, 0x30
_VERSION_3 = b"\x03"


def is_whole(datagram: bytes) -> bool:
    """True if it is one SEQUENCE whose parts, nested ones and the USM field too, fill it exactly."""
    try:
        ((tag, body),) = _parts(datagram)
        parts = tuple(_parts(body))
        if tag != _SEQUENCE or not all(_is_sound(tag, value, 1) for tag, value in parts):
            return False
        return parts[0][1] != _VERSION_3 or _is_usm(parts)
    except (ValueError, IndexError):
        return False


def _is_sound(tag: int, value: bytes, depth: int) -> bool:
    if tag & _CONSTRUCTED:
        if depth > _MOST_DEPTH:
            return False
        return all(_is_sound(tag, part, depth + 1) for tag, part in _parts(value))
    return not (tag in (0x02, 0x06, 0x41, 0x42, 0x43, 0x46) and not value)  # numbers and OIDs have octets


def _is_usm(parts: tuple[tuple[int, bytes], ...]) -> bool:
    if len(parts) != 4 or parts[2][0] != _OCTETS:
        return False
    ((tag, body),) = _parts(parts[2][1])
    fields = tuple(_parts(body))
    return (
        tag == _SEQUENCE
        and [tag for tag, _ in fields] == [4, 2, 2, 4, 4, 4]
        and all(value for tag, value in fields if tag == 2)
        and len(fields[4][1]) in (0, 12, 16, 24, 32, 48)  # authentication parameters, RFC 3414, RFC 7860
        and len(fields[5][1]) in (0, 8)
    )


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if tag & 0x1F == 0x1F or length == 0x80 or length > 0x84:
            raise ValueError("long tag, indefinite or impossible length")
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + length]
        at += length
