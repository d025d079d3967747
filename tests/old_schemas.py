# SPDX-License-Identifier: Apache-2.0
"""Ledgers as older versions left them: tables and rows frozen in tests/schemas/, never made by today's code."""

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from inventory_db.schema import raise_to
from inventory_db.tables import server

SCHEMAS = Path(__file__).parent / "schemas"
REVISIONS = sorted(path.stem for path in SCHEMAS.glob("*.json"))
Rows = dict[str, list[dict[str, Any]]]


def rows_of(revision: str) -> Rows:
    """Give every row that the ledger of this revision holds, table by table."""
    return {
        table: [{column: _value(value) for column, value in row.items()} for row in rows]
        for name in REVISIONS
        if name <= revision
        for table, rows in json.loads((SCHEMAS / f"{name}.json").read_text("utf-8")).items()
    }


def old_file(path: Path, revision: str) -> Path:
    """Make the SQLite ledger of this revision: its own SQL, its own rows."""
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.executescript((SCHEMAS / f"{revision}.sqlite.sql").read_text("utf-8"))
        raw.execute("DELETE FROM daicho_marks")
        for order, row in _inserts(revision, "?"):
            raw.execute(order, list(row.values()))
        raw.commit()
    return path


def old_server(url: str, revision: str) -> Engine:
    """Make the PostgreSQL ledger of this revision in an empty schema."""
    engine = server(url)
    with engine.begin() as c:
        raise_to(c, revision)
        for table in rows_of(revision):
            c.execute(text(f"DELETE FROM {table}" if table in ("daicho_marks", "facilities") else "SELECT 1"))
        driver: Any = c.connection.driver_connection
        for order, row in _inserts(revision, "%s"):
            driver.execute(order, list(row.values()))
        counters = "SELECT table_name, column_name, column_default FROM information_schema.columns"
        found = driver.execute(f"{counters} WHERE table_schema = current_schema()").fetchall()
        for table, column, default in found:
            if default and default.startswith("nextval"):
                driver.execute(
                    f'SELECT setval(pg_get_serial_sequence(%s, %s), max("{column}")) FROM {table} HAVING count(*) > 0',
                    (table, column),
                )
    return engine


def _inserts(revision: str, mark: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for table, rows in rows_of(revision).items():
        for row in rows:
            columns = ", ".join(f'"{column}"' for column in row)
            yield f"INSERT INTO {table} ({columns}) VALUES ({', '.join([mark] * len(row))})", row


def _value(value: object) -> object:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value
