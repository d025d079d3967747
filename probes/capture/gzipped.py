# SPDX-License-Identifier: Apache-2.0
"""Gzip, unpacked piece by piece with a bound on what one piece may become (RFC 1952)."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

MAGIC = b"\x1f\x8b"


@dataclass(slots=True)
class Unzipped:
    """Reads through a gzip stream of one or more members; `broken` says that it ended in damage."""

    source: Callable[[int], bytes]
    broken: bool = False
    _packed: bytes = b""
    _ended: bool = False
    _member: "zlib._Decompress | None" = None

    def read(self, most: int) -> bytes:
        """Give 1..most unpacked bytes; b"" at the end, also when the rest cannot be unpacked."""
        while True:
            if not self._packed and not self._ended:
                self._packed = self.source(65536)
                self._ended = not self._packed
            if not self._packed:
                self.broken = self.broken or self._member is not None
                return b""
            given = self._unpack(most)
            if given:
                return given

    def _unpack(self, most: int) -> bytes:
        if self._member is None:
            self._member = zlib.decompressobj(31)
        try:
            given = self._member.decompress(self._packed, most)
        except zlib.error:
            self.broken, self._packed, self._ended, self._member = True, b"", True, None
            return b""
        self._packed = self._member.unconsumed_tail
        if self._member.eof:
            self._packed, self._member = self._member.unused_data, None
            if not self._packed.startswith(MAGIC[:1]):
                self._packed = self._packed.lstrip(b"\0")  # padding behind the last member
        return given
