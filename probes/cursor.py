# SPDX-License-Identifier: Apache-2.0
"""A bounded reader of untrusted bytes: every step checks, the only error is Malformed."""

from probes.contract import Malformed


class Cursor:
    """Reads forward through bytes and never beyond their end.

    Integers are big-endian unless the name says `le`. Every method raises `Malformed`
    when the bytes do not reach.
    """

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int = 0, end: int | None = None) -> None:
        self.data = data
        self.end = len(data) if end is None else end
        self.at = at
        if not 0 <= at <= self.end <= len(data):
            raise Malformed(f"range {at}..{end} outside {len(data)} bytes")

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return self.end - self.at

    def take(self, count: int) -> bytes:
        """Read exactly `count` bytes."""
        if count < 0 or count > self.left:
            raise Malformed(f"wanted {count} bytes at {self.at}, {self.left} left")
        start = self.at
        self.at += count
        return self.data[start : self.at]

    def rest(self) -> bytes:
        """Read everything that is left."""
        return self.take(self.left)

    def skip(self, count: int) -> None:
        """Pass over `count` bytes."""
        self.take(count)

    def goto(self, at: int) -> None:
        """Move to an absolute position inside the range."""
        if not 0 <= at <= self.end:
            raise Malformed(f"position {at} outside 0..{self.end}")
        self.at = at

    def peek(self, count: int = 1) -> bytes:
        """Give up to `count` bytes without reading them."""
        return self.data[self.at : min(self.at + count, self.end)]

    def sub(self, count: int) -> "Cursor":
        """Give a reader of the next `count` bytes and pass over them."""
        start = self.at
        self.take(count)
        return Cursor(self.data, start, self.at)

    def u8(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Two bytes, big-endian."""
        return int.from_bytes(self.take(2), "big")

    def u24(self) -> int:
        """Three bytes, big-endian."""
        return int.from_bytes(self.take(3), "big")

    def u32(self) -> int:
        """Four bytes, big-endian."""
        return int.from_bytes(self.take(4), "big")

    def u64(self) -> int:
        """Eight bytes, big-endian."""
        return int.from_bytes(self.take(8), "big")

    def u16le(self) -> int:
        """Two bytes, little-endian."""
        return int.from_bytes(self.take(2), "little")

    def u32le(self) -> int:
        """Four bytes, little-endian."""
        return int.from_bytes(self.take(4), "little")

    def u64le(self) -> int:
        """Eight bytes, little-endian."""
        return int.from_bytes(self.take(8), "little")

    def until(self, ending: bytes, most: int) -> bytes:
        """Read up to and without `ending` (which is passed over), at most `most` bytes."""
        found = self.data.find(ending, self.at, min(self.end, self.at + most + len(ending)))
        if found < 0:
            raise Malformed(f"no {ending!r} within {most} bytes at {self.at}")
        text = self.data[self.at : found]
        self.at = found + len(ending)
        return text
