# SPDX-License-Identifier: Apache-2.0
"""Which characters the fonts of our papers can print, and what stands in the place of one that they cannot.

A character without a glyph would be an empty box, or nothing: it becomes 〓 (the printers' mark for a
character that is wanted and not at hand), and the paper says how many there are.
Source: OpenType 1.9, cmap table, formats 4 and 12.
"""

import functools
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collector.safe_text import visible

MARK = "〓"
_SELECTORS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # variants of one character
_VOICED = re.compile("(.)([\u3099\u309a])")
_PLAIN = "うかきくけこさしすせそたちつてとはひふへほウカキクケコサシスセソタチツテトハヒフヘホワヰヱヲゝヽ"
_WITH_DAKUTEN = (
    "ゔがぎぐげござじずぜぞだぢづでどばびぶべぼヴガギグゲゴザジズゼゾダヂヅデドバビブベボヷヸヹヺゞヾ"
)
_COMPOSED = {
    "\u3099": dict(zip(_PLAIN, _WITH_DAKUTEN, strict=True)),
    "\u309a": dict(zip("はひふへほハヒフヘホ", "ぱぴぷぺぽパピプペポ", strict=True)),
}


class BadFont(ValueError):
    """A font file whose character table cannot be read."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Text that can be printed, and how much of the original could not."""

    text: str
    missing: int = 0  # characters shown as MARK
    plain: int = 0  # variants (IVS) shown in the plain form


def fit(text: str, printable: frozenset[str]) -> Fitted:
    """Give the text with every character that has no glyph replaced by MARK; line feeds stay."""
    if printable.issuperset(text):
        return Fitted(text)
    shown = visible(text.expandtabs(4).replace("\r\n", "\n"))
    shown, plain = _SELECTORS.subn("", shown)
    shown = _VOICED.sub(_compose, shown)
    missing = sum(1 for char in shown if char not in printable and char != "\n")
    if missing:
        shown = "".join(char if char in printable or char == "\n" else MARK for char in shown)
    return Fitted(shown, missing, plain)


@functools.lru_cache(maxsize=8)
def coverage(styles: tuple[tuple[Path, ...], ...]) -> frozenset[str]:
    """Give the characters that every style can print; a style is a font with its fallbacks. Raises BadFont."""
    found = [frozenset[str]().union(*(characters(path) for path in style)) for style in styles]
    return found[0].intersection(*found[1:]) if found else frozenset()


def characters(path: Path) -> frozenset[str]:
    """Give the characters that one font file has a glyph for; raises BadFont."""
    try:
        data = _cmap(path)
        return frozenset(chr(code) for code in _code_points(data) if not 0xD800 <= code < 0xE000)
    except (struct.error, OSError) as error:
        raise BadFont(f"{path.name}: {error}") from error


def _compose(found: re.Match[str]) -> str:
    return _COMPOSED[found[2]].get(found[1], found[0])


def _cmap(path: Path) -> bytes:
    """Read only the cmap table of the file."""
    with path.open("rb") as file:
        count = struct.unpack(">4xH6x", file.read(12))[0]
        for _ in range(count):
            tag, _, offset, length = struct.unpack(">4sLLL", file.read(16))
            if tag == b"cmap":
                file.seek(offset)
                return file.read(length)
    raise struct.error("no cmap table")


def _code_points(data: bytes) -> Iterable[int]:
    """Give the code points of the largest Unicode subtable: format 12 holds all that format 4 does."""
    tables: dict[int, int] = {}
    for number in range(struct.unpack_from(">H", data, 2)[0]):
        platform, encoding, start = struct.unpack_from(">HHL", data, 4 + 8 * number)
        if platform == 0 or (platform == 3 and encoding in (1, 10)):
            tables[struct.unpack_from(">H", data, start)[0]] = start
    if 12 in tables:
        return _groups(data, tables[12])
    return _segments(data, tables[4]) if 4 in tables else ()


def _segments(data: bytes, at: int) -> Iterator[int]:
    count = struct.unpack_from(">H", data, at + 6)[0] // 2
    row = struct.Struct(f">{count}H")
    places = (at + 14, at + 16 + 2 * count, at + 16 + 4 * count, at + 16 + 6 * count)
    ends, starts, deltas, ranges = (row.unpack_from(data, place) for place in places)
    for place in range(count):
        for code in range(starts[place], min(ends[place], 0xFFFE) + 1):
            glyph = code
            if ranges[place]:
                where = places[3] + 2 * place + ranges[place] + 2 * (code - starts[place])
                glyph = struct.unpack_from(">H", data, where)[0]
            if glyph and (glyph + deltas[place]) & 0xFFFF:
                yield code


def _groups(data: bytes, at: int) -> Iterator[int]:
    for number in range(struct.unpack_from(">L", data, at + 12)[0]):
        first, last, glyph = struct.unpack_from(">LLL", data, at + 16 + 12 * number)
        yield from range(first + (glyph == 0), min(last, 0x10FFFF) + 1)
