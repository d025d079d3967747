# SPDX-License-Identifier: Apache-2.0
"""A table as a file holds it: sheets of rows of text, read one row at a time, merged cells filled."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

MOST_ROWS = 300_000  # rows with anything in them
MOST_COLUMNS = 256


class Row(NamedTuple):
    """One row: its number from 1, its texts, and what is wrong with single cells (column from 1, ja, en)."""

    number: int
    cells: tuple[str, ...]
    wrong: tuple[tuple[int, str, str], ...] = ()

    def cell(self, column: int) -> str:
        """Give the text of a column (from 0), "" behind the end."""
        return self.cells[column] if column < len(self.cells) else ""


class Box(NamedTuple):
    """A merged range, rows and columns from 1, both ends included."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet; `rows` reads it anew each time it is called."""

    name: str  # "" for a text file
    rows: Callable[[], Iterator[Row]]
    merged: tuple[Box, ...] = ()
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """One file with its sheets, and what a person should know of it."""

    file: str
    form: str  # Excel (.xlsx), CSV (CP932) …
    sheets: tuple[Sheet, ...]
    notes: tuple[tuple[str, str], ...] = ()


def filled(rows: Iterable[Row], merged: Iterable[Box], *, sideways: bool) -> Iterator[Row]:
    """Give each merged cell's text to every row of its range; with `sideways` to every column too."""
    starts: dict[int, list[Box]] = {}
    for box in merged:
        starts.setdefault(box.top, []).append(box)
    if not starts:
        yield from rows
        return
    open_boxes: list[tuple[Box, str]] = []
    waiting = sorted(starts)
    for row in rows:
        while waiting and waiting[0] <= row.number:
            top = waiting.pop(0)
            open_boxes += [(b, row.cell(b.left - 1) if top == row.number else "") for b in starts[top]]
        open_boxes = [(box, text) for box, text in open_boxes if box.bottom >= row.number]
        yield _fill(row, open_boxes, sideways) if open_boxes else row


def _fill(row: Row, boxes: list[tuple[Box, str]], sideways: bool) -> Row:
    cells = list(row.cells)
    for box, text in boxes:
        last = min(box.right, MOST_COLUMNS) if sideways else box.left
        if not text or last < box.left:
            continue
        cells += [""] * (last - len(cells))
        for column in range(box.left - 1, last):
            cells[column] = text
    return row._replace(cells=tuple(cells))
