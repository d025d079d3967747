# SPDX-License-Identifier: Apache-2.0
"""SNMPv1 and v2c answers that somebody else asked for (RFC 1157, RFC 3416), as lines of a recorded walk."""

from collections.abc import Iterator

from probes.contract import Malformed
from probes.cursor import Cursor

_RESPONSE, _TRAP2 = 0xA2, 0xA7
_MOST_VARIABLES = 64
_KEPT = frozenset((2, 4, 6, 0x40, 0x41, 0x42, 0x43, 0x46))


def lines_of(datagram: bytes) -> tuple[bytes, ...]:
    """Give `OID|tag|value` lines of a response; () for anything else. Raises Malformed on damage."""
    outer = _element(Cursor(datagram), 0x30)
    version = int.from_bytes(_element(outer, 2).rest(), "big")
    if version not in (0, 1):
        return ()
    _element(outer, 4)
    kind = outer.peek()
    if kind not in (bytes((_RESPONSE,)), bytes((_TRAP2,))):
        return ()
    unit = _element(outer, kind[0])
    for _ in range(3):  # request, error status, error index
        _element(unit, 2)
    return tuple(_variables(_element(unit, 0x30)))


def _variables(listed: Cursor) -> Iterator[bytes]:
    for _ in range(_MOST_VARIABLES):
        if not listed.left:
            return
        pair = _element(listed, 0x30)
        oid = _oid(_element(pair, 6).rest())
        tag = pair.peek()
        value = _element(pair, tag[0] if tag else 0).rest()
        if tag and tag[0] in _KEPT:
            yield oid + b"|" + _written(tag[0], value)


def _written(tag: int, value: bytes) -> bytes:
    if tag in (4, 0x40):
        return b"%dx|%s" % (tag, value.hex().encode())
    if tag == 6:
        return b"6|" + _oid(value)
    return b"%d|%d" % (tag, int.from_bytes(value[:9], "big", signed=tag == 2))


def _element(cursor: Cursor, tag: int) -> Cursor:
    if cursor.u8() != tag:
        raise Malformed("not the element that SNMP has here")
    size = cursor.u8()
    if size & 0x80:
        size = int.from_bytes(cursor.take(min(size & 0x7F, 4)), "big")
    return cursor.sub(size)


def _oid(data: bytes) -> bytes:
    if not data:
        return b"0.0"
    numbers, value = [min(data[0] // 40, 2)], 0
    numbers.append(data[0] - 40 * numbers[0])
    for byte in data[1:65]:
        value = (value << 7 | byte & 0x7F) & 0xFFFFFFFF
        if not byte & 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers)).encode()
