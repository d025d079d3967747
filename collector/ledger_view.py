# SPDX-License-Identifier: Apache-2.0
"""The ledger as a page shows it: searched, filtered, sorted, cut into pages. Pure."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import urlencode

from inventory_db.row_keys import (
    CLASSES,
    MARKS,
    RANKS,
    Document,
    address_key,
    class_of,
    fold,
    has_mark,
    natural_key,
    networks_of,
    searchable,
    sureness,
)

__all__ = [
    "CLASSES",
    "MARKS",
    "SORTS",
    "TABLE",
    "Answer",
    "Document",
    "Entry",
    "Question",
    "answer",
    "ask",
    "fold",
    "select",
    "sort",
]

SORTS = (*(f"c{number}" for number in range(1, 13)), "class", "paths", "sure", "seen")
TABLE = (*((sort,) for sort in SORTS[:12]), ("class", "sure"), ("paths",), ("seen",))  # columns of the page
PAGE_SIZES = (50, 100, 500)
MOST_QUERY = 200  # characters of a search that are used


@dataclass(frozen=True, slots=True)
class Entry:
    """One row: the 12 official cells, and the device behind them."""

    cells: tuple[str, ...]
    device: Document
    unseen: bool = False  # did not show itself in the newest scan
    key: bytes = b""  # all of it as one name; b"" for none

    @property
    def sureness(self) -> str:
        """The weakest mark among the fields that we know (a proposed place is none): sure, likely, guess."""
        return sureness(self.device)

    @property
    def path_kinds(self) -> tuple[str, ...]:
        """The kinds of remote paths, each once."""
        return tuple(dict.fromkeys(path["kind"] for path in self.device["remote_paths"]))

    def has(self, mark: str) -> bool:
        """Say whether this row carries a mark of MARKS."""
        return has_mark(self.device, self.unseen, mark)

    @property
    def networks(self) -> tuple[str, ...]:
        """The networks that its addresses stand on, each once."""
        return networks_of(self.device)


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asked of the ledger; every field has passed `ask`, so it is safe to use."""

    q: str = ""
    kind: str = ""  # device class
    network: str = ""
    mark: str = ""
    sort: str = "c1"
    down: bool = False
    page: int = 1
    per: int = PAGE_SIZES[0]

    def query(self, **changes: Any) -> str:
        """Give the query string of this question with some parts changed; back to page 1 unless given."""
        values = {name: getattr(self, name) for name in _USUAL} | {"page": 1} | changes
        values["down"] = "1" if values["down"] else ""
        return "?" + urlencode(
            {key: value for key, value in values.items() if value and value != _USUAL[key]}
        )

    @property
    def narrowed(self) -> bool:
        """Say whether the reader asked for less than everything."""
        return bool(self.q or self.kind or self.network or self.mark)


_USUAL = {field.name: field.default for field in fields(Question)}


@dataclass(frozen=True, slots=True)
class Answer:
    """One page of the ledger, and the numbers around it."""

    question: Question
    entries: tuple[Entry, ...]  # of this page
    matching: int
    total: int
    pages: int
    kinds: Mapping[str, int]  # device class → devices in the whole ledger
    marks: Mapping[str, int]
    networks: Mapping[str, int]
    key: tuple[object, ...] = ()  # names the state of the ledger; () for none


def ask(parameters: Mapping[str, str]) -> Question:
    """Make a question from a query string; what makes no sense in it counts as not said."""

    def one_of(key: str, allowed: Sequence[str], otherwise: str) -> str:
        value = parameters.get(key, "")
        return value if value in allowed else otherwise

    return Question(
        q=parameters.get("q", "").strip()[:MOST_QUERY],
        kind=one_of("kind", CLASSES, ""),
        network=parameters.get("network", "")[:MOST_QUERY],
        mark=one_of("mark", MARKS, ""),
        sort=one_of("sort", SORTS, "c1"),
        down=parameters.get("down", "") == "1",
        page=_number(parameters.get("page", ""), 1),
        per=int(one_of("per", [str(size) for size in PAGE_SIZES], str(PAGE_SIZES[0]))),
    )


def answer(entries: Sequence[Entry], question: Question) -> Answer:
    """Search, filter, sort and cut the ledger as asked."""
    found = sort(select(entries, question), question)
    pages = max(1, -(-len(found) // question.per))
    page = min(question.page, pages)
    start = (page - 1) * question.per
    return Answer(
        question=replace(question, page=page),
        entries=tuple(found[start : start + question.per]),
        matching=len(found),
        total=len(entries),
        pages=pages,
        kinds=_count(class_of(entry.device) for entry in entries),
        marks={mark: sum(entry.has(mark) for entry in entries) for mark in MARKS},
        networks=_count(network for entry in entries for network in entry.networks),
    )


def select(entries: Iterable[Entry], question: Question) -> list[Entry]:
    """Keep the rows that the question asks for; every word of the search must occur."""
    words = fold(question.q).split()
    return [entry for entry in entries if _fits(entry, question) and _contains(entry, words)]


def sort(entries: Iterable[Entry], question: Question) -> list[Entry]:
    """Sort by the asked column, down as the mirror of up; rows with an empty cell come last in both."""
    key, every = _sort_key(question.sort), list(entries)
    full = sorted((entry for entry in every if key(entry)[0] == 0), key=key)
    empty = [entry for entry in every if key(entry)[0] != 0]
    return (full[::-1] if question.down else full) + empty


def _fits(entry: Entry, question: Question) -> bool:
    return (
        question.kind in ("", class_of(entry.device))
        and (not question.network or question.network in entry.networks)
        and (not question.mark or entry.has(question.mark))
    )


def _contains(entry: Entry, words: Sequence[str]) -> bool:
    text = searchable(entry.cells, entry.device) if words else ""
    return all(word in text for word in words)


def _sort_key(name: str) -> Callable[[Entry], tuple[int, Any]]:
    def by_cell(entry: Entry) -> tuple[int, Any]:
        cell = entry.cells[int(name[1:]) - 1]
        return (0 if cell else 1, address_key(cell) if name == "c6" else natural_key(cell))

    keys: dict[str, Callable[[Entry], tuple[int, Any]]] = {
        "class": lambda entry: (0, CLASSES.index(class_of(entry.device))),
        "paths": lambda entry: (0, (entry.has("dual"), len(entry.device["remote_paths"]))),
        "sure": lambda entry: (0, RANKS.get(entry.sureness, 2)),
        "seen": lambda entry: (0 if entry.device["last_seen"] else 1, entry.device["last_seen"] or ""),
    }
    return keys.get(name, by_cell)


def _number(text: str, otherwise: int) -> int:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text) else otherwise


def _count(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
