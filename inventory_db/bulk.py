# SPDX-License-Identifier: Apache-2.0
"""Many rows at the database's own speed: COPY or whole columns on PostgreSQL, one prepared statement on SQLite.

Raw SQL goes past the rule that binds a statement to a facility (inventory_db/binding.py), so this module
states the facility itself: the one that the connection is bound to, in every row.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain, repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
)
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.types import TypeEngine

from inventory_db.binding import COLUMN, facility_of
from inventory_db.portions import bytes_of, portions

Row = tuple[str | int | bytes | None, ...]  # values of a table's columns after the facility; first the id
_HEAD, _END = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_FIELDS, _SIZE, _FOUR, _EIGHT = (struct.Struct(form) for form in ("!h", "!i", "!ii", "!iq"))
_ARRAYS: tuple[tuple[type[TypeEngine[Any]], str], ...] = (  # the narrower first: they are kinds of Integer
    (BigInteger, "bigint[]"),
    (SmallInteger, "smallint[]"),
    (Integer, "integer[]"),
    (Boolean, "boolean[]"),
    (LargeBinary, "bytea[]"),
    (String, "text[]"),
)
_NULL = b"\xff\xff\xff\xff"


def insert_new(
    connection: Connection, table: Table, rows: Sequence[Row], *, often_known: bool = False
) -> int:
    """Insert the rows whose ids the facility does not have yet; gives how many those were.

    They go in by the order of their ids, so that two writers cannot wait for each other. `often_known`: many ids may
    be there already. Raises sqlalchemy.exc.DBAPIError as any statement does.
    """
    if not rows:
        return 0
    facility = facility_of(connection)
    ordered = sorted(rows, key=itemgetter(0))
    if connection.dialect.name == "postgresql":
        return _copy(connection, table, facility, ordered, often_known)
    marks = ", ".join("?" * (len(rows[0]) + 1))
    order = f"INSERT INTO {table.name} ({_names(table)}) VALUES ({marks}) ON CONFLICT DO NOTHING"  # noqa: S608
    return connection.exec_driver_sql(order, [(facility, *row) for row in ordered]).rowcount


def insert_rows(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows that the facility does not have, by the names of their columns; raises DBAPIError for one it has.

    Only a portion of the rows is asked for and held at a time.
    """
    columns = [column for column in table.columns if column.name != COLUMN]
    names = [column.name for column in columns]
    put = _insert_columns if connection.dialect.name == "postgresql" else _insert_each
    for some in portions(([row[name] for name in names] for row in rows), bytes_of):
        put(connection, table, columns, some)


def _insert_each(
    connection: Connection, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]]
) -> None:
    names = ", ".join(f'"{name}"' for name in (COLUMN, *[column.name for column in columns]))
    order = f"INSERT INTO {table.name} ({names}) VALUES ({', '.join('?' * (len(columns) + 1))})"  # noqa: S608
    facility = facility_of(connection)
    connection.exec_driver_sql(order, [(facility, *row) for row in rows])


def count_anew(connection: Connection, tables: Sequence[Table]) -> None:
    """Let PostgreSQL look at tables of which much was written, for it plans by what it knows (nothing on SQLite).

    It does so by itself, but a minute later; a role that does not own the tables leaves it at that, and so does one
    that would wait: for another facility that counts until the end of its transaction, or a VACUUM.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(table.name for table in tables)}")


def _insert_columns(
    connection: Connection, table: Table, columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]]
) -> None:
    """Insert rows by one statement, each column as one array; a value too long for its column is refused."""
    names = ", ".join(f'"{name}"' for name in (COLUMN, *[column.name for column in columns]))
    arrays = ", ".join(f"%s::{_array(column.type)}" for column in columns)
    order = f"INSERT INTO {table.name} ({names}) SELECT {facility_of(connection)}, * FROM unnest({arrays})"  # noqa: S608
    connection.exec_driver_sql(order, tuple(map(list, zip(*rows, strict=True))))


def _array(kind: TypeEngine[Any]) -> str:
    """Name the array of a column's type; of text without its length, for a cast to that cuts silently."""
    for known, name in _ARRAYS:
        if isinstance(kind, known):
            return name
    raise TypeError(kind)


def _copy(connection: Connection, table: Table, facility: int, rows: Sequence[Row], often_known: bool) -> int:
    """COPY into a table of this session only, then take over what is new (row-level security allows no other COPY)."""
    names, temporary = _names(table), f"daicho_coming_{table.name}"
    connection.exec_driver_sql(
        f"CREATE TEMPORARY TABLE IF NOT EXISTS {temporary} (LIKE {table.name}) ON COMMIT DELETE ROWS"
    )
    connection.exec_driver_sql(f"DELETE FROM {temporary}")  # noqa: S608 - what came before in this transaction
    driver = connection.dialect.loaded_dbapi
    cursor = connection.connection.cursor()
    try:
        with cursor.copy(f"COPY {temporary} ({names}) FROM STDIN WITH (FORMAT binary)") as copy:
            for piece in copy_pieces(table, facility, rows):
                copy.write(piece)
    except driver.Error as error:
        raise DBAPIError.instance("COPY", None, error, driver.Error) from error
    finally:
        cursor.close()
    order = f"INSERT INTO {table.name} ({names}) SELECT {names} FROM {temporary} ORDER BY id"  # noqa: S608
    if not often_known:
        with (
            suppress(IntegrityError),
            connection.begin_nested(),
        ):  # ON CONFLICT costs a third more for each row
            return connection.exec_driver_sql(order).rowcount
    return connection.exec_driver_sql(f"{order} ON CONFLICT DO NOTHING").rowcount


def copy_binary(table: Table, facility: int, rows: Sequence[Row]) -> bytes:
    """Give the rows in COPY's binary form (PostgreSQL's manual, COPY, "Binary Format")."""
    return b"".join(copy_pieces(table, facility, rows))


def copy_pieces(table: Table, facility: int, rows: Sequence[Row]) -> Iterator[bytes]:
    """Give the same in pieces, each of a portion of the rows."""
    yield _HEAD
    for some in portions(rows, _body_size):
        yield _copied(table, facility, some)
    yield _END


def _body_size(row: Row) -> int:
    """Give the bytes of the last column, where the body is; the others are short."""
    return len(row[-1]) if isinstance(row[-1], str | bytes) else 0


def _copied(table: Table, facility: int, rows: Sequence[Row]) -> bytes:
    kinds = [column.type for column in table.columns]
    values = zip(*rows, strict=True)
    owner = _FIELDS.pack(len(kinds)) + _four(facility)
    columns = [_written(kind, column) for kind, column in zip(kinds[1:], values, strict=True)]
    lines = zip(repeat(owner, len(rows)), *columns, strict=True)
    return b"".join(chain.from_iterable(lines))


def _written(kind: TypeEngine[Any], column: Sequence[Any]) -> Iterable[bytes]:
    """Write one column; a value that stands in it often is written once."""
    write = _writer(kind)
    different = set(column)
    if 2 * len(different) > len(column):
        return map(write, column)
    return map({value: write(value) for value in different}.__getitem__, column)


def _writer(kind: TypeEngine[Any]) -> Callable[[Any], bytes]:
    if isinstance(kind, BigInteger):
        return _eight
    if isinstance(kind, Integer):
        return _four
    return _bytes if isinstance(kind, LargeBinary) else _text


def _four(value: int) -> bytes:
    return _FOUR.pack(4, value)


def _eight(value: int) -> bytes:
    return _EIGHT.pack(8, value)


def _text(value: str | None) -> bytes:
    return _NULL if value is None else _bytes(value.encode())


def _bytes(value: bytes) -> bytes:
    return _SIZE.pack(len(value)) + value


def _names(table: Table) -> str:
    return ", ".join(f'"{column.name}"' for column in table.columns)
