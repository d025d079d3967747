# SPDX-License-Identifier: Apache-2.0
"""Many rows by one statement: every kind of column comes back as it was given, on both databases."""

import random
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select
from sqlalchemy.exc import DBAPIError

from inventory_db import bulk, digested, index_tables, tables
from inventory_db.row_keys import MARKS
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]


def index_row(chance: random.Random, number: int) -> dict[str, Any]:
    cells = {cell: chance.randbytes(chance.randrange(4)) for cell in (*index_tables.CELLS, "seen")}
    marks = {mark: chance.random() < 0.5 for mark in MARKS}
    listed = chance.choice((None, 2**40))
    return cells | marks | {
        "number": number, "device_id": f"'\\{{}},\"é{number}", "listed": listed, "kind": 3, "paths": -number, "sure": 2,
    }  # fmt: skip


@pytest.mark.parametrize("together", [2000, 7])
def test_rows_come_back_as_given(
    ledger_engine: Engine, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_TOGETHER", together)
    chance = random.Random(together)
    given: list[tuple[Table, list[dict[str, Any]]]] = [
        (index_tables.rows, [index_row(chance, number) for number in range(1, 30)]),
        (index_tables.texts, [{"number": number, "text": "日本, \\N {NULL} \"'\n"} for number in range(1, 30)]),
        (digested.keys, [{"key": 2**62 + number, "part": -number} for number in range(1, 30)]),
        (tables.devices, [{"device_id": "d", "number": 1, "body": b"\x00\xff{}", "made_of": None, "part": None}]),
    ]  # fmt: skip
    with tables.writing(ledger_engine) as c:
        for table, rows in given:
            bulk.insert_rows(c, table, rows)
            order = next(iter(table.primary_key.columns.values()[1:]))
            found = c.execute(select(table).order_by(order)).mappings().all()
            assert [{name: one[name] for name in rows[0]} for one in found] == rows
            assert {one["facility"] for one in found} == {1}
        bulk.insert_rows(c, index_tables.texts, [])


def test_a_row_that_is_there_is_refused(ledger_engine: Engine) -> None:
    row = {"number": 5, "text": "x"}
    with pytest.raises(DBAPIError), tables.writing(ledger_engine) as c:
        bulk.insert_rows(c, index_tables.texts, [row, row])


@pytest.mark.parametrize(
    "ledger_engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)  # SQLite knows no lengths
def test_a_text_too_long_is_refused_not_cut(ledger_engine: Engine) -> None:
    row = {"device_id": "d" * 33, "number": 1, "body": b"", "made_of": None, "part": None}
    with pytest.raises(DBAPIError), tables.writing(ledger_engine) as c:
        bulk.insert_rows(c, tables.devices, [row])
