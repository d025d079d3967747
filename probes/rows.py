# SPDX-License-Identifier: Apache-2.0
"""The rows of `recognised/*.yaml`: read once, checked, and found fast by a text that must occur.

A file with a top-level `rows` list holds patterns; `channel`, `source` and `sure` beside it are
defaults of its rows. Every scalar is read as text, so "1.10" never turns into a number.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import yaml

from probes.facts import Sure
from probes.patterns import SHORT, BadPattern, Match, compiled, several

FOLDER = Path(__file__).parent / "recognised"
FIELDS = frozenset(
    (
        "maker",
        "vendor",
        "product",
        "model",
        "version",
        "os",
        "os_version",
        "firmware_version",
        "serial",
        "device_class",
        "remote_path",
    )
)
_GRAM = 3  # length of the pieces of text that the index is made of


class BadRow(Exception):
    """A row of a data file is not in form; the text names file, row and fault."""


class Examples(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a row must match (with the fields it must give) and must not."""

    matches: tuple[dict[str, str], ...]
    misses: tuple[str, ...] = ()


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One pattern (RE2) whose named groups are fields or keys of `codes`.

    `unless` must not be found in the same text, every one of `also` must.
    `gives` holds constant fields; `codes` adds fields by the value of a group:
    `{group: {value: {field: text}}}`; `{group: {}}` names a part for the reader only.
    """

    id: str
    channel: str
    pattern: str
    source: str
    sure: Sure
    examples: Examples
    unless: str = ""
    also: tuple[str, ...] = ()
    gives: dict[str, str] = {}
    codes: dict[str, dict[str, dict[str, str]]] = {}

    @property
    def literal(self) -> str:
        """Lower-case text without which the pattern cannot match; "" if there is none."""
        return literal_of(self.pattern)

    def match(self, text: str) -> Match | None:
        """Search the text; it must have been cut and cleaned by the caller."""
        found = compiled(self.pattern).search(text)
        if not found or (self.unless and compiled(self.unless).search(text)):
            return None
        return found if all(compiled(one).search(text) for one in self.also) else None

    def fields(self, match: Match) -> dict[str, str]:
        """Give the fields that this match says, without empty ones."""
        found = dict(self.gives)
        for group, value in match.groupdict().items():
            if group in FIELDS and value:
                found[group] = value.strip(" ,;\n")[:120].rstrip("." if group.endswith("version") else "")
                if group == "serial" and not (len(found[group]) > 3 and any(c.isdigit() for c in value)):
                    del found[group]
            found.update(self.codes.get(group, {}).get(value or "", {}))
        return {name: value for name, value in found.items() if value}


def load(name: str) -> Any:
    """Read one data file of the folder; every scalar comes as text."""
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    with (FOLDER / name).open(encoding="utf-8") as file:
        return yaml.load(file, Loader=loader)  # noqa: S506 - the base loader makes text only, never objects


@functools.cache
def all_rows() -> tuple[Row, ...]:
    """Every row of every file, in the order of file names; raises BadRow."""
    rows: list[Row] = []
    for path in sorted(FOLDER.glob("*.yaml")):
        content = load(path.name)
        if isinstance(content, dict) and "rows" in content:
            rows.extend(_rows_of(content, path.name))
    twice = [name for name, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise BadRow(f"id taken twice: {', '.join(twice)}")
    return tuple(rows)


def _rows_of(content: dict[str, Any], name: str) -> Iterator[Row]:
    defaults = {key: content[key] for key in ("channel", "source", "sure") if key in content}
    for raw in content["rows"]:
        try:
            row = msgspec.convert({**defaults, **raw}, Row)
        except msgspec.ValidationError as error:
            raise BadRow(f"{name}: {raw.get('id', raw)}: {error}") from error
        _check(row, name)
        yield row


def _check(row: Row, name: str) -> None:
    try:
        groups = compiled(row.pattern).groupindex
        for other in (row.unless, *row.also):
            compiled(other)
    except BadPattern as error:
        raise BadRow(f"{name}: {row.id}: {error}") from error
    unknown = set(groups) - FIELDS - set(row.codes) | set(row.gives) - FIELDS
    if unknown:
        raise BadRow(f"{name}: {row.id}: no such field: {', '.join(sorted(unknown))}")


def literal_of(pattern: str) -> str:
    """Give the longest text, in lower case, that must occur wherever the pattern matches."""
    runs, run, at = [""], "", 0
    while at < len(pattern):
        char, step = pattern[at], 1
        if char == "|":
            return ""
        if char == "\\":
            step = 2
            kept = "" if pattern[at + 1].isalnum() else pattern[at + 1]
        else:
            kept = "" if char in "[(.^$?*+{" else char
        if kept:
            run += kept
        else:
            runs.append(run[:-1] if char in "?*{" else run)
            run = ""
            step = _end_of(pattern, at) - at if char in "[({" else step
        at += step
    return max([*runs, run], key=len).lower()


def _end_of(pattern: str, at: int) -> int:
    """Position after the bracket that opens at `at`."""
    if pattern[at] == "{":
        return pattern.index("}", at) + 1
    if pattern[at] == "[":
        at += 2 if pattern[at + 1] == "^" else 1
        while True:
            at += 1
            if pattern[at] == "]" and pattern[at - 1] != "\\":
                return at + 1
    depth = 0
    while at < len(pattern):
        if pattern[at] == "[":
            at = _end_of(pattern, at)
            continue
        depth += {"(": 1, ")": -1}.get(pattern[at], 0)
        at += 2 if pattern[at] == "\\" else 1
        if depth == 0:
            break
    return at


@dataclass(frozen=True, slots=True)
class Index:
    """Rows of one channel by a rare piece of their literal, so that few are tried."""

    rows: tuple[Row, ...]
    always: tuple[int, ...]
    by_gram: Mapping[str, tuple[tuple[int, str], ...]]  # with the whole literal
    one_of: Callable[[str], Sequence[int]]  # which places of `always` match a short text

    def candidates(self, text: str) -> Iterator[Row]:
        """Rows that can match this text, in their order."""
        numbers = set(self.always if len(text) > SHORT else self._matching(text))
        if self.by_gram:
            low = text.lower()
            for gram in _grams(low) & self.by_gram.keys():
                numbers.update(number for number, literal in self.by_gram[gram] if literal in low)
        return (self.rows[number] for number in sorted(numbers))

    def _matching(self, text: str) -> Iterator[int]:
        """Those of `always` that match, found at once."""
        return (self.always[place] for place in self.one_of(text))


def index(rows: Iterable[Row]) -> Index:
    """Build the index: each row under the rarest piece of its literal."""
    kept = tuple(rows)
    pieces = [_grams(row.literal) for row in kept]
    seen = Counter(gram for grams in pieces for gram in grams)
    by_gram: dict[str, list[tuple[int, str]]] = defaultdict(list)
    always: list[int] = []
    for number, grams in enumerate(pieces):
        if grams:
            by_gram[min(sorted(grams), key=seen.__getitem__)].append((number, kept[number].literal))
        else:
            always.append(number)
    one_of = several(tuple(kept[number].pattern for number in always))
    return Index(kept, tuple(always), {gram: tuple(numbers) for gram, numbers in by_gram.items()}, one_of)


def _grams(text: str) -> set[str]:
    return {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}


@functools.cache
def index_of(channel: str) -> Index:
    """Index of one channel's rows, built at first use."""
    return index(row for row in all_rows() if row.channel == channel)
