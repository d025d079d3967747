# SPDX-License-Identifier: Apache-2.0
"""Many rows by one statement: every kind of column comes back as it was given, on both databases."""

import random
import tracemalloc
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Engine, Table, select
from sqlalchemy.exc import DBAPIError

from inventory_db import bulk, digested, index_tables, tables
from inventory_db.portions import bytes_of, portions
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


@pytest.mark.parametrize(("rows_at_most", "bytes_at_most"), [(2000, 2**22), (7, 2**22), (2000, 50)])
def test_rows_come_back_as_given(
    ledger_engine: Engine, rows_at_most: int, bytes_at_most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = partial(portions, most_rows=rows_at_most, most_bytes=bytes_at_most)
    monkeypatch.setattr(bulk, "portions", small)
    chance = random.Random(rows_at_most)
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


def test_portions_are_bounded_in_rows_and_in_bytes() -> None:
    rows = [(n, "x" * size, bytes(size), None) for n, size in enumerate([1, 1, 1, 60, 1, 200, 1, 1])]
    found = [[row[0] for row in some] for some in portions(rows, bytes_of, 3, 100)]
    assert found == [[0, 1, 2], [3], [4, 5], [6, 7]]
    assert list(portions([], bytes_of)) == []


def test_large_rows_are_asked_for_as_they_are_written(ledger_engine: Engine) -> None:
    """200 rows of 1 MiB never stand in memory together, whatever their number."""
    tracemalloc.start()
    with tables.writing(ledger_engine) as c:
        large = ({"number": number, "text": "x" * 2**20} for number in range(200))
        bulk.insert_rows(c, index_tables.texts, large)
        new = [(f"{number:032}", b"x") for number in range(3)]
        assert bulk.insert_new(c, tables.transcripts, new) == 3
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40 * 2**20


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
