# SPDX-License-Identifier: Apache-2.0
"""Capture files as they are written: pcap of either byte order (µs, ns, modified) and pcapng.

Formats: draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng. A file is read in pieces of 1 MiB and as far
as it goes; what stops the reading is a `Problem` with its place, never an exception.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

MOST_PACKET = 4 * 1024 * 1024  # a longer record is damage, not a packet
_PIECE = 1024 * 1024
_SECTION, _INTERFACE, _OLD_PACKET, _SIMPLE, _PACKET = 0x0A0D0D0A, 1, 2, 3, 6
_MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1e-6, 0),
    b"\xa1\xb2\xc3\xd4": (">", 1e-6, 0),
    b"\x4d\x3c\xb2\xa1": ("<", 1e-9, 0),
    b"\xa1\xb2\x3c\x4d": (">", 1e-9, 0),
    b"\x34\xcd\xb2\xa1": ("<", 1e-6, 8),  # "modified": eight more bytes before each packet
    b"\xa1\xb2\xcd\x34": (">", 1e-6, 8),
}
Record = tuple[int, float, bytes]
"""Link type, seconds since 1970, the bytes that were kept."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the reading stopped or left something out, and at which byte of the (unpacked) file."""

    at: int
    ja: str
    en: str


@dataclass(slots=True)
class _Interface:
    """What a section says of one interface."""

    link: int
    snap: int
    unit: float = 1e-6
    offset: int = 0


@dataclass(slots=True)
class Capture:
    """One capture file; iterate over it once. `problems` grows while it is read."""

    read: Callable[[int], bytes]  # gives 1..n bytes, b"" at the end
    problems: list[Problem] = field(default_factory=list)
    place: int = 0  # bytes of the file that are behind the buffer's start
    _buffer: bytes = b""
    _at: int = 0

    def __iter__(self) -> Iterator[Record]:
        if not self._have(4):
            self._stop("空か、短すぎるファイルです。", "The file is empty or too short.")
            return iter(())
        magic = self._buffer[self._at : self._at + 4]
        if magic in _MAGICS:
            return self._classic(*_MAGICS[magic])
        if magic == b"\x0a\x0d\x0d\x0a":
            return self._blocks()
        self._stop(
            "pcap でも pcapng でもありません。tcpdump か Wireshark で保存したファイルを渡してください。",
            "Neither pcap nor pcapng. Give a file that tcpdump or Wireshark has saved.",
        )
        return iter(())

    def _stop(self, ja: str, en: str) -> None:
        self.problems.append(Problem(self.place + self._at, ja, en))

    def _cut(self, left: int) -> None:
        if left:
            self._stop(
                "ファイルが途中で切れています。ここまでを読みました。",
                "The file is cut off here; everything before was read.",
            )

    def _have(self, count: int) -> bool:
        """Make `count` bytes ready at `_at`; False if the file ends before."""
        while len(self._buffer) - self._at < count:
            piece = self.read(max(_PIECE, count))
            if not piece:
                return False
            self.place += self._at
            self._buffer = self._buffer[self._at :] + piece
            self._at = 0
        return True

    def _classic(self, order: str, unit: float, extra: int) -> Iterator[Record]:
        if not self._have(24):
            self._cut(1)
            return
        link = int(struct.unpack_from(order + "I", self._buffer, self._at + 20)[0]) & 0xFFFF
        self._at += 24
        unpack = struct.Struct(order + "IIII").unpack_from
        head = 16 + extra
        while self._have(head):
            buffer, at, size = self._buffer, self._at, len(self._buffer)
            while at + head <= size:
                seconds, parts, kept, _ = unpack(buffer, at)
                start = at + head
                if start + kept > size:
                    break
                yield link, seconds + parts * unit, buffer[start : start + kept]
                at = start + kept
            self._at = at
            if at + head <= size and not self._whole(kept, head):
                return
        self._cut(len(self._buffer) - self._at)

    def _whole(self, kept: int, head: int) -> bool:
        """Get the rest of a packet that reaches beyond the buffer."""
        if kept > MOST_PACKET:
            self._stop(
                f"{kept} バイトのパケットという記録は壊れています。ここで止めました。",
                f"A record claims {kept} bytes; the file is damaged and reading stopped here.",
            )
            return False
        if not self._have(head + kept):
            self._cut(1)
            return False
        return True

    def _blocks(self) -> Iterator[Record]:
        order, interfaces = "<", list[_Interface]()
        while self._have(12):
            if self._buffer[self._at : self._at + 4] == b"\x0a\x0d\x0d\x0a":
                mark = self._buffer[self._at + 8 : self._at + 12]
                order, interfaces = (">" if mark == b"\x1a\x2b\x3c\x4d" else "<"), []
            kind, length = struct.unpack_from(order + "II", self._buffer, self._at)
            if length < 12 or length > MOST_PACKET + 1024:
                self._stop(
                    f"長さ {length} のブロックは壊れています。ここで止めました。",
                    f"A block claims {length} bytes; the file is damaged and reading stopped here.",
                )
                return
            if not self._have(length + (-length) % 4):
                self._cut(1)
                return
            body = self._buffer[self._at + 8 : self._at + length - 4]
            if kind == _INTERFACE:
                interfaces.append(_interface(order, body))
            elif kind in (_PACKET, _OLD_PACKET, _SIMPLE):
                record = _packet(order, kind, body, interfaces)
                if record is not None:
                    yield record
                elif len(self.problems) < 20:
                    self._stop(
                        "読めないパケットのブロックを飛ばしました。",
                        "A packet block that cannot be read was left out.",
                    )
            self._at += length + (-length) % 4
        self._cut(len(self._buffer) - self._at)


def _interface(order: str, body: bytes) -> _Interface:
    """Read an interface block; what is missing of it reads as Ethernet without limits."""
    if len(body) < 8:
        return _Interface(1, 0)
    link, _, snap = struct.unpack_from(order + "HHI", body)
    found = _Interface(link, snap)
    at = 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == 0:
            break
        if code == 9 and len(value) == 1:
            found.unit = 2.0 ** -(value[0] & 127) if value[0] & 128 else 10.0 ** -value[0]
        elif code == 14 and len(value) == 8:
            found.offset = int(struct.unpack(order + "q", value)[0])
        at += 4 + size + (-size) % 4
    return found


def _packet(order: str, kind: int, body: bytes, interfaces: list[_Interface]) -> Record | None:
    """Read one packet block; None if it claims what it does not have."""
    if kind == _SIMPLE:
        if len(body) < 4 or not interfaces:
            return None
        size = int(struct.unpack_from(order + "I", body)[0])
        kept = min(size, interfaces[0].snap or size, len(body) - 4)
        return interfaces[0].link, 0.0, body[4 : 4 + kept]
    if len(body) < 20:
        return None
    first = order + ("I" if kind == _PACKET else "Hxx")
    number = int(struct.unpack_from(first, body)[0])
    high, low, kept = struct.unpack_from(order + "III", body, 4)
    if number >= len(interfaces) or kept > len(body) - 20:
        return None
    interface = interfaces[number]
    when = (high << 32 | low) * interface.unit + interface.offset
    return interface.link, when, body[20 : 20 + kept]
