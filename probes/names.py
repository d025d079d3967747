# SPDX-License-Identifier: Apache-2.0
"""Names in a text: makers, their product lines and software, found word by word in `recognised/*.yaml`. Pure.

A text is looked up by its words, so it costs the same with a hundred names as with ten thousand.
"""

import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import msgspec

from probes.rows import load

MOST_WORDS = 120  # of one text that are looked at
_LONGEST = 6  # words of one name
_WORD = re.compile(r"[^\s,;:=\"'<>\[\]{}|/()]+(?:\(r\)|\(tm\))?|/", re.IGNORECASE)
_SHARED = 2  # characters that no beginning is shorter than
_TAIL = ".,-_!"


@dataclass(frozen=True, slots=True)
class Name:
    """What one name says: the maker of a device, or software and who makes it."""

    text: str
    maker: str | None = None
    kind: str | None = None  # device class
    line: bool = False  # a product line: may stand anywhere
    vendor: str | None = None
    product: str | None = None
    os: str | None = None
    ordinary: bool = False  # a word of the language as well


@dataclass(frozen=True, slots=True)
class Found:
    """A name at a place of a text; `word` counts the words before it."""

    name: Name
    begin: int
    end: int
    word: int


class _Maker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: str = ""
    lines: str = ""
    kind: str | None = None


class _Software(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    names: str
    vendor: str | None = None
    os: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Names by their words; `open` holds those whose last word is only a beginning, by its length, longest first.

    `first` holds every first word, `begun` every beginning that is a name alone, by its first two characters: most
    words of a text are neither.
    """

    whole: Mapping[tuple[str, ...], Name]
    open: Mapping[int, Mapping[tuple[str, ...], Name]]
    first: frozenset[str]
    begun: Mapping[str, tuple[str, ...]]

    def can_begin(self, word: str) -> bool:
        """Tell whether any name begins with this word."""
        if word in self.first or word.rstrip(_TAIL) in self.first:
            return True
        return word.startswith(self.begun.get(word[:_SHARED], ()))

    def without(self, left_out: Callable[[Name], bool]) -> "Table":
        """Give the table without some of its names."""
        begun = {length: _kept(names, left_out) for length, names in self.open.items()}
        return Table(_kept(self.whole, left_out), begun, self.first, self.begun)


def _kept(
    names: Mapping[tuple[str, ...], Name], left_out: Callable[[Name], bool]
) -> Mapping[tuple[str, ...], Name]:
    return {words: name for words, name in names.items() if not left_out(name)}


@functools.cache
def makers() -> Table:
    """The makers of devices; raises msgspec.ValidationError for a row that is not in form."""
    table = msgspec.convert(load("names.yaml")["makers"], dict[str, _Maker])
    return _table(
        Name(text, maker=maker, kind=row.kind, line=line)
        for maker, row in table.items()
        for texts, line in ((row.names, False), (row.lines, True))
        for text in texts.split("|")
        if text
    )


_SHORT = 100  # characters of a name that is remembered
_COMPANY = re.compile(r"(?i)[\s,]+(?:inc|corp|corporation|co|ltd|llc|gmbh|ag|k\.?k|limited|company)\b[\s.,]*")


def spelled(maker: str) -> str:
    """Give a maker's name as this table spells it, without the form of its company: RICOH is Ricoh."""
    return _spelled(maker) if len(maker) <= _SHORT else _spelled.__wrapped__(maker)


@functools.lru_cache(maxsize=4096)
def _spelled(maker: str) -> str:
    short = _COMPANY.sub("", maker).strip(" .,")
    return _spellings().get(short.lower(), short or maker)


@functools.cache
def _spellings() -> dict[str, str]:
    return {maker.lower(): maker for maker in load("names.yaml")["makers"]}


@functools.cache
def software() -> Table:
    """Software that names itself."""
    content = load("software.yaml")
    table = msgspec.convert(content["software"], dict[str, _Software])
    ordinary = frozenset("".join(content["ordinary"].split("\n")).replace(" |", "|").split("|"))
    return _table(
        Name(text, vendor=row.vendor, product=product, os=row.os, ordinary=text.rstrip("*") in ordinary)
        for product, row in table.items()
        for text in dict.fromkeys((product.lower(), *row.names.split("|")))
    )


def _table(names: Iterator[Name]) -> Table:
    whole: dict[tuple[str, ...], Name] = {}
    begun: dict[int, dict[tuple[str, ...], Name]] = {}
    for name in names:
        words = tuple(_split(name.text.lower().removesuffix("*")))
        if name.text.endswith("*"):
            begun.setdefault(len(words[-1]), {}).setdefault(words, name)
        else:
            whole.setdefault(words, name)
    first = frozenset(words[0] for names in (whole, *begun.values()) for words in names)
    alone: dict[str, tuple[str, ...]] = {}
    for word in sorted(words[0] for names in begun.values() for words in names if len(words) == 1):
        alone[word[:_SHARED]] = (*alone.get(word[:_SHARED], ()), word)
    return Table(whole, dict(sorted(begun.items(), reverse=True)), first, alone)


def _split(text: str) -> list[str]:
    return [match[0] for match in _WORD.finditer(text)]


def find(table: Table, text: str) -> Iterator[Found]:
    """Give every name in the text, first ones first, at each place the longest."""
    words = [
        (m[0].lower(), m.start(), m.end())
        for _, m in zip(range(MOST_WORDS), _WORD.finditer(text), strict=False)
    ]
    at = 0
    while at < len(words):
        if not table.can_begin(words[at][0]):
            at += 1
            continue
        count, name = _longest(table, [word for word, _, _ in words[at : at + _LONGEST]])
        if name:
            yield Found(name, words[at][1], words[at + count - 1][2], at)
        at += max(count, 1)


def _longest(table: Table, words: list[str]) -> tuple[int, Name | None]:
    for count in range(len(words), 0, -1):
        some = tuple(words[:count])
        last = some[-1]
        for ending in dict.fromkeys((last, last.rstrip(_TAIL))):
            if name := table.whole.get((*some[:-1], ending)):
                return count, name
        for length, names in table.open.items():
            if len(last) >= length and (name := names.get((*some[:-1], last[:length]))):
                return count, name
    return 0, None
