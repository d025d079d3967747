# SPDX-License-Identifier: Apache-2.0
"""Many rows at the database's own speed: COPY on PostgreSQL, one prepared statement on SQLite.

Raw SQL goes past the rule that binds a statement to a facility (inventory_db/binding.py), so this module
states the facility itself: the one that the connection is bound to, in every row.
"""

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from inventory_db.binding import facility_of

Row = tuple[str | int | bytes | None, ...]  # values of a table's columns after the facility; first the id
_ESCAPES = {ord("\\"): "\\\\", ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}


def insert_new(connection: Connection, table: Table, rows: Sequence[Row]) -> int:
    """Insert the rows whose ids the facility does not have yet; gives how many those were.

    They go in by the order of their ids, so that two writers cannot wait for each other. Raises
    sqlalchemy.exc.DBAPIError as any statement does.
    """
    if not rows:
        return 0
    facility = facility_of(connection)
    ordered = sorted(rows, key=itemgetter(0))
    if connection.dialect.name == "postgresql":
        return _copy(connection, table, facility, ordered)
    marks = ", ".join("?" * (len(rows[0]) + 1))
    order = f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    return connection.exec_driver_sql(order, [(facility, *row) for row in ordered]).rowcount


def _copy(connection: Connection, table: Table, facility: int, rows: Sequence[Row]) -> int:
    """COPY into a table of this session only, then take over what is new."""
    names, temporary = _names(table), f"daicho_coming_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f"COPY {temporary} ({names}) FROM STDIN") as copy:
            copy.write(copy_text(facility, rows))
    except driver.Error as error:
        raise DBAPIError.instance("COPY", None, error, driver.Error) from error
    finally:
        cursor.close()
    taken = connection.exec_driver_sql(
        f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {temporary} ORDER BY id ON CONFLICT DO NOTHING"  # noqa: S608
    )
    return taken.rowcount


def copy_text(facility: int, rows: Sequence[Row]) -> bytes:
    """Give the rows in COPY's text form (PostgreSQL's manual, COPY, "Text Format")."""
    columns = [[str(facility)] * len(rows), *(_written(column) for column in zip(*rows, strict=True))]
    return "".join(f"{line}\n" for line in map("\t".join, zip(*columns, strict=True))).encode()


def _written(column: tuple[Any, ...]) -> Iterable[str]:
    """Write one column; its values are of one type, or None."""
    if None in column:
        return ["\\N" if value is None else _one(value) for value in column]
    first = column[0]
    if isinstance(first, bytes):
        return [f"\\\\x{value.hex()}" for value in column]
    if isinstance(first, int):
        return map(str, column)
    hostile = any(mark in "".join(column) for mark in "\\\t\n\r")
    return map(_one, column) if hostile else column


def _one(value: str | int | bytes) -> str:
    if isinstance(value, bytes):
        return f"\\\\x{value.hex()}"
    return str(value).translate(_ESCAPES)


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)
