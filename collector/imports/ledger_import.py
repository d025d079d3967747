# SPDX-License-Identifier: Apache-2.0
"""Import of the facility's own device ledger: first what it would do, then, when a person says so, all of it at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from collector.imports.columns import device_form
from collector.imports.detail_plan import plan_details
from collector.imports.grid import Book
from collector.imports.ledger_plan import Plan, Standing, make_plan
from collector.imports.table import Named, Read, Remembered, key_names, name_tables, read_lines
from collector.imports.table_file import read_table
from collector.imports.trouble import BadImport
from inventory_db.ledger import edit_all, official_rows
from inventory_db.listed_ledger import number_listed, numbers_of_listed
from inventory_db.official import number_text
from inventory_db.stated import ColumnMapping, DeviceDetail, ListedDevice, Statement
from inventory_db.statements import MOST_KEY, standing, state_all

_BATCH = 5000  # statements in one go; all are in one transaction


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the person asks for besides the file."""

    sheet: str = ""  # only this sheet
    overrides: Mapping[str, str] = field(default_factory=dict)  # their column → ours, "" to leave it out
    name: str = ""  # name of the ledger, if not that of the file
    replace: bool = False  # the file wins over what people typed here


@dataclass(frozen=True, slots=True)
class Import:
    """A file that was read, and what its import would do."""

    book: Book
    tables: list[Named]
    read: Read
    plan: Plan


@dataclass(frozen=True, slots=True)
class Written:
    """What an import changed."""

    rows: int  # listed rows that were stated
    cells: int  # human columns of devices, and details of devices
    gone: int  # rows marked as gone
    mappings: int  # headings whose columns were remembered


def prepare(connection: Connection, path: Path, wanted: Wanted) -> Import:
    """Read the file and work out what its import would do; changes nothing. Raises BadImport."""
    book = read_table(path)
    tables = name_tables(book, device_form(), kept_columns(connection), wanted.sheet, wanted.overrides)
    read = read_lines(tables)
    if not read.lines:
        raise BadImport(
            "見出しはありますが、その下に機器の行がありません。読み込むシートを確かめてください。何も変更していません。",
            "There is a heading, but no device below it. Check which sheet is meant. Nothing was changed.",
        )
    plan = make_plan(read.lines, _standing(connection), book.file, name=wanted.name, replace=wanted.replace)
    stated = {key: one.said for key, one in standing(connection, DeviceDetail).items()}
    plan.details, kept = plan_details(plan.items, stated, replace=wanted.replace)
    plan.kept += kept
    return Import(book, tables, read, plan)


def write(connection: Connection, made: Import, who: str, at: datetime, gone: str = "") -> Written:
    """Write all of it in the caller's transaction, which holds the writer's lock; `gone` is the reason for rows
    that left the file, "" to leave them as they are. Raises BadStatement or BadEntry; then nothing is written.
    """
    plan = made.plan
    said: list[Statement] = [item.listed for item in plan.items if item.writes]
    rows = len(said)
    left = [_left(one, gone) for one in plan.gone] if gone else []
    mappings = new_mappings(connection, made.tables)
    said += [*left, *mappings, *plan.details]
    for start in range(0, len(said), _BATCH):
        state_all(connection, said[start : start + _BATCH], who, at)
    number_listed(connection, (item.listed.id for item in plan.items if not item.listed.device))
    edit_all(connection, ((edit.device, edit.column, edit.value) for edit in plan.edits), who, at)
    return Written(rows, len(plan.edits) + len(plan.details), len(left), len(mappings))


def kept_columns(connection: Connection) -> Remembered:
    """Give the columns that people confirmed before, by heading."""
    found = standing(connection, ColumnMapping).values()
    return {one.said.header: one.said.columns for one in found}


def _standing(connection: Connection) -> Standing:
    listed = [one.said for one in standing(connection, ListedDevice).values()]
    pool: dict[str, str] = {}  # one text object for every cell that says the same
    for one in listed:
        one.cells.update({column: pool.setdefault(text, text) for column, text in one.cells.items()})
    known = numbers_of_listed(connection)
    numbers = {one.id: number_text(known[one.id]) for one in listed if one.id in known}
    return Standing(official_rows(connection), listed, numbers)


def _left(one: ListedDevice, reason: str) -> ListedDevice:
    return ListedDevice(
        id=one.id,
        cells=one.cells,
        ledger=one.ledger,
        device=one.device,
        matched_by=one.matched_by,
        source=one.source,
        row=one.row,
        present=False,
        reason=reason,
    )


def new_mappings(connection: Connection, tables: list[Named]) -> list[ColumnMapping]:
    """Give the columns of each heading as they are now, where that is new; a heading too long is not remembered."""
    kept = kept_columns(connection)
    made: dict[str, ColumnMapping] = {}
    for table in tables:
        one = ColumnMapping(
            header=key_names([column.heading for column in table.columns]),
            columns={column.label: column.ours for column in table.columns},
        )
        if one.key and len(one.key) <= MOST_KEY and kept.get(one.header) != one.columns:
            made[one.key] = one
    return list(made.values())
