# SPDX-License-Identifier: Apache-2.0
"""Where a sheet's table begins: the heading row (or two), below titles and 最終更新日 lines. Pure."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from collector.imports.columns import Form
from collector.imports.grid import Row, Sheet, filled
from inventory_db.typed_values import day_in, folded, form_day

LOOKED_AT = 60  # rows at the top of a sheet
_UPDATED = re.compile(r"^(最終)?(更新|改訂|作成)(年月)?日|^last updated")
_UPDATED_BY = re.compile(r"^(最終)?(更新|改訂|作成|記入)者|^updated by")


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a table: its names, and what stands above it."""

    row: int  # number of its first row, from 1
    last: int  # number of its last row: the table begins below
    names: tuple[str, ...]
    recognised: int  # how many of the names are known
    updated: str = ""  # 最終更新日 as a day of the form, else as it stands
    updated_by: str = ""


def find_heading(sheet: Sheet, form: Form) -> Heading | None:
    """Find the heading row; None if the sheet has no table of this form. Raises BadImport while reading."""
    top = list(islice(filled(sheet.rows(), sheet.merged, sideways=True), LOOKED_AT))
    scored = [(_score(row.cells, form), -place) for place, row in enumerate(top)]
    best, place = max(scored, default=(0, 0))
    if best < 2:
        return None
    first = top[-place]
    second = _second(top, -place, sheet, form)
    names = _joined(first.cells, second.cells, form) if second else first.cells
    updated, updated_by = _updated(top[:-place])
    return Heading(
        row=first.number,
        last=second.number if second else _last_of(first, sheet),
        names=tuple(" ".join(name.split()) for name in names),
        recognised=_score(names, form),
        updated=updated,
        updated_by=updated_by,
    )


def first_heading(sheet: Sheet) -> Heading | None:
    """Take the first row with at least two texts as the heading; for a sheet that a person named."""
    top = islice(filled(sheet.rows(), sheet.merged, sideways=True), LOOKED_AT)
    row = next((row for row in top if sum(map(bool, row.cells)) > 1), None)
    return Heading(row.number, row.number, row.cells, 0) if row else None


def _score(cells: Iterable[str], form: Form) -> int:
    """Count the different columns of ours that are spelled here; 0 if none is one that a table needs."""
    found = {form.spelled(cell) for cell in cells if cell} - {""}
    return len(found) if found & form.needed else 0


def _second(top: Sequence[Row], place: int, sheet: Sheet, form: Form) -> Row | None:
    """Give the second heading row, if the heading has two: merged so, or of known words alone."""
    first = top[place]
    below = top[place + 1] if place + 1 < len(top) else None
    if below is None or below.number != first.number + 1:
        return None
    merged = any(box.top <= first.number < box.bottom and box.bottom == below.number for box in sheet.merged)
    wide = any(box.top == box.bottom == first.number and box.right > box.left for box in sheet.merged)
    words = [cell for cell in below.cells if cell]
    known = sum(bool(form.spelled(cell)) for cell in words)
    if (merged and wide) or (known >= 2 and known * 2 > len(words)):
        return below
    return None


def _last_of(first: Row, sheet: Sheet) -> int:
    return max(
        (box.bottom for box in sheet.merged if box.top == first.number and box.bottom < first.number + 4),
        default=first.number,
    )


def _joined(upper: Sequence[str], lower: Sequence[str], form: Form) -> tuple[str, ...]:
    """Give each column one name from two rows: the lower one if it is known by itself, else both."""
    names = []
    for place in range(max(len(upper), len(lower))):
        above = upper[place] if place < len(upper) else ""
        below = lower[place] if place < len(lower) else ""
        alone = not above or not below or above == below
        names.append(
            (below or above) if alone or (form.spelled(below) and below not in names) else f"{above} {below}"
        )
    return tuple(names)


def _updated(rows: Iterable[Row]) -> tuple[str, str]:
    """Read 最終更新日 and 最終更新者 from the lines above the table."""
    day = who = ""
    for row in rows:
        for place, cell in enumerate(row.cells):
            label, _, behind = folded(cell).replace("：", ":").partition(":")
            value = cell.replace("：", ":").partition(":")[2].strip() if behind else _next(row.cells, place)
            if _UPDATED.match(label):
                found = day_in(value, serials=True)
                day = day or (form_day(found) if found else value)
            elif _UPDATED_BY.match(label):
                who = who or value
    return day, who


def _next(cells: Sequence[str], place: int) -> str:
    """Give the next cell with another text to the right."""
    return next((cell for cell in cells[place + 1 :] if cell and cell != cells[place]), "")
