# SPDX-License-Identifier: Apache-2.0
"""What an import of the facility's own ledger would do, before anything is written. Pure.

Each row is told from the others across imports by its number, card, serial number, name or address, and is linked
to the device that it is. People's words are never lost: what stands in a human column stays unless the file
changed it since the last import and nobody else did, or the person asks to replace.
"""

import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from collector.imports.agreement import contradicts, same_words
from collector.imports.columns import RUNNING, is_day
from collector.imports.row_identity import NUMBER, Identity, Key, keys_of, repeated
from collector.imports.table import Line
from inventory_db.listed import Finder, Match, marks_of_cells
from inventory_db.official import OfficialRow, unmark
from inventory_db.people import HUMAN_COLUMNS, MOST_VALUE, SCANNED_COLUMNS
from inventory_db.stated import DeviceDetail, ListedDevice
from inventory_db.typed_values import day_in, form_day

_KIND_WORDS = {
    "number": ("管理番号", "number"),
    "mac": ("MACアドレス", "MAC address"),
    "serial": ("製造番号", "serial number"),
    "name": ("コンピュータ名", "computer name"),
    "ip": ("IPアドレス", "IP address"),
    "cells": ("全ての列", "every column"),
}
_EDITION = re.compile(
    r"[\d_\-.\s()年月日版]+|最新|コピー|copy|new|final|(?<![a-z])r(?=\d)|令和", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Edit:
    """One human column of a device that the import fills or changes."""

    device: str
    column: str
    value: str
    before: str = ""  # what a person had typed there
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """The file says one thing, the ledger another."""

    line: Line
    device: str
    number: str  # our 管理番号 of it
    column: str
    theirs: str  # what the file says
    ours: str  # what the ledger shows
    source: str  # scan, person; or file: another row of the same file


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Several rows of the file with one value of what should tell them apart."""

    kind_ja: str
    kind_en: str
    value: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One row of the file: what would be kept of it, and what stood before."""

    line: Line
    listed: ListedDevice
    before: ListedDevice | None
    match: Match

    @property
    def changed(self) -> tuple[str, ...]:
        """The columns that differ from the last import; empty for a new row or the same."""
        if self.before is None:
            return ()
        old, new = self.before.cells, self.listed.cells
        return tuple(
            c for c in dict.fromkeys([*old, *new]) if c != RUNNING and old.get(c, "") != new.get(c, "")
        )

    @property
    def writes(self) -> bool:
        """Whether the row has to be stated: it is new, or says or means something else."""
        old = self.before
        if old is None or self.changed:
            return True
        return (old.device, old.matched_by, old.present) != (self.listed.device, self.listed.matched_by, True)


@dataclass(slots=True)
class Plan:
    """Everything that the import would do, and what a person should look at first."""

    items: list[Item] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    kept: list[Difference] = field(default_factory=list)  # a person's entry that differs: it stays
    against_scan: list[Difference] = field(default_factory=list)
    within: list[Difference] = field(default_factory=list)  # two rows of the file about one device disagree
    duplicates: list[Duplicate] = field(default_factory=list)
    gone: list[ListedDevice] = field(default_factory=list)  # listed before, not in this file
    editions: dict[str, str] = field(
        default_factory=dict
    )  # a new ledger's name → the one it may be an edition of
    details: list[DeviceDetail] = field(default_factory=list)  # of devices, for the BCP's lists
    too_long: list[Difference] = field(default_factory=list)  # cells too long for the form; kept in the row

    @property
    def unclear(self) -> list[Item]:
        """Rows that may be several devices."""
        return [item for item in self.items if not item.match.device and item.match.candidates]


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands in the ledger."""

    rows: Sequence[OfficialRow]
    listed: Sequence[ListedDevice]
    numbers: Mapping[str, str] = field(default_factory=dict)  # listed id → our number of it


def ledger_name(file: str, sheet: str) -> str:
    """Name the ledger that a file is an edition of: its name without dates and versions, and the sheet."""
    stem = _EDITION.sub("", PurePath(file).stem)
    return f"{stem or PurePath(file).stem}/{sheet}" if sheet else stem or PurePath(file).stem


def make_plan(
    lines: Sequence[Line], standing: Standing, file: str, *, name: str = "", replace: bool = False
) -> Plan:
    """Work out what the import of these rows would do."""
    plan = Plan()
    finder = Finder(row.device for row in standing.rows)
    by_device = {row.device.id: row for row in standing.rows}
    our_numbers = {id: row.number for id, row in by_device.items()}
    identity = Identity(standing.listed, standing.numbers, our_numbers)
    keys: list[tuple[Key, ...]] = []
    matches: list[Match] = []
    for line in lines:
        marks = marks_of_cells(line.cells)
        keys.append(keys_of(line.cells, marks))
        matches.append(finder.find_by(marks))
    plan.duplicates = _duplicates(lines, keys)
    told: dict[tuple[str, str], Line] = {}
    ledgers = [name or ledger_name(file, line.sheet) for line in lines]
    settled = identity.settle(lines, ledgers, keys, matches)
    plan.editions = identity.editions(ledgers, keys)
    for line, match, before, (key, *_), ledger in zip(lines, matches, settled, keys, ledgers, strict=True):
        id = before.id if before else identity.new_id(line, key)
        row = by_device.get(match.device)
        own = identity.is_ours(line, id) or bool(row and line.cells.get(NUMBER) == row.number)
        cells = _returned(line, before, row) if own else _cells(line, before)
        item = Item(line, _listed(line, id, match, before, cells, ledger, file), before, match)
        plan.items.append(item)
        if row:
            _compare(item, row, plan, told, replace)
    labels = set(ledgers)
    here = {item.listed.id for item in plan.items}
    plan.gone = [
        one for one in standing.listed if one.present and one.ledger in labels and one.id not in here
    ]
    return plan


def _listed(
    line: Line,
    id: str,
    match: Match,
    before: ListedDevice | None,
    cells: dict[str, str],
    ledger: str,
    file: str,
) -> ListedDevice:
    return ListedDevice(
        id=id,
        cells=cells,
        ledger=before.ledger if before and before.ledger else ledger,
        device=match.device,
        matched_by=",".join(match.by),
        source=sys.intern(f"{file}「{line.sheet}」" if line.sheet else file),
        row=line.row,
    )


def _cells(line: Line, before: ListedDevice | None) -> dict[str, str]:
    """Give the row's cells as they are kept: without the marks that only our own ledger puts there."""
    text, _ = unmark(line.cells.get("説明", ""))
    if text == line.cells.get("説明", ""):
        return before.cells if before and before.cells == line.cells else line.cells
    cells = line.cells | {"説明": text}
    if not text:
        del cells["説明"]
    return cells


def _returned(line: Line, before: ListedDevice | None, row: OfficialRow | None) -> dict[str, str]:
    """Give the cells of a row of our own ledger that came back: the facility's number instead of ours, nothing of
    before lost, and what only the scan says not taken for its word.
    """
    cells = dict(_cells(line, before))
    _, number = unmark(line.cells.get("説明", ""))
    del cells[NUMBER]
    if number:
        cells[NUMBER] = number
    if before is None:
        return cells
    for column in SCANNED_COLUMNS:
        scanned = row is not None and row.cell(column).source == "scan" and row.cell(column).value
        if scanned and scanned == cells.get(column):
            del cells[column]
    changed = {c: text for c, text in cells.items() if not same_words(c, text, before.cells.get(c, ""))}
    return before.cells | changed


def _compare(
    item: Item, row: OfficialRow, plan: Plan, told: dict[tuple[str, str], Line], replace: bool
) -> None:
    cells, device = item.listed.cells, row.device
    for column in SCANNED_COLUMNS:
        shown = row.cell(column)
        if shown.source != "listed" and contradicts(column, cells, row):
            source = "person" if shown.source == "person" else "scan"
            plan.against_scan.append(
                Difference(item.line, device.id, row.number, column, cells[column], shown.value, source)
            )
    for column in HUMAN_COLUMNS:
        value = _form_value(column, cells.get(column, ""))
        if not value:
            continue
        other = told.get((device.id, column))
        if other is not None:
            if not same_words(column, value, _form_value(column, other.cells.get(column, ""))):
                theirs = other.cells.get(column, "")
                plan.within.append(
                    Difference(item.line, device.id, row.number, column, value, theirs, "file")
                )
            continue
        told[device.id, column] = item.line
        _decide(item, row, column, value, plan, replace)


def _decide(item: Item, row: OfficialRow, column: str, value: str, plan: Plan, replace: bool) -> None:
    """Fill an empty human column, follow a change of the file, or keep what a person typed and show it."""
    cell = row.cell(column)
    now = cell.value if cell.source == "person" else ""
    base = _form_value(column, item.before.cells.get(column, "")) if item.before else ""
    difference = Difference(item.line, row.device.id, row.number, column, value, now, "person")
    if same_words(column, value, now):
        return
    if len(value) > MOST_VALUE:
        plan.too_long.append(difference)
    elif not now or replace or (base and same_words(column, base, now)):
        plan.edits.append(Edit(row.device.id, column, value, now, item.line))
    else:
        plan.kept.append(difference)


def _form_value(column: str, text: str) -> str:
    """Write a day as the form does; all else as the person wrote it."""
    day = day_in(text, serials=True) if is_day(column) else None
    return form_day(day) if day else text


def _duplicates(lines: Sequence[Line], keys: Sequence[tuple[Key, ...]]) -> list[Duplicate]:
    return [
        Duplicate(*_KIND_WORDS[kind], "" if kind == "cells" else value, tuple(same))
        for (kind, value), same in repeated(lines, keys)
    ]
