# SPDX-License-Identifier: Apache-2.0
"""Rows of a database as a stream in one canonical form, how they are counted and added up, and put back.

A row is the MessagePack array of its values in the order of its TableShape: the same bytes for the same row,
whichever database held it. A table's digest is the sum of the SHA-256 of its rows modulo 2^256: the same for the
same rows in any order, so that no table must be sorted. It finds what was lost, doubled or changed by accident;
against a forger stands the encryption of the file, not this sum.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import Connection

from inventory_db.backups.shape import TableShape, server_types
from inventory_db.portions import portions

BATCH_BYTES = 256 * 1024  # of encoded rows, unless one row alone is larger
_MODULUS = 1 << 256
_encode = msgspec.msgpack.Encoder().encode
_ARRAY = b"\xdd"  # MessagePack array 32: a big-endian length follows

Row = tuple[Any, ...]
Tell = Callable[[str, str, int, int], None]  # stage, table, rows done, rows of the table


@dataclass(slots=True)
class Tally:
    """How many rows, and their digest."""

    rows: int = 0
    total: int = field(default=0, repr=False)

    def add(self, encoded: Sequence[bytes]) -> None:
        """Count these rows in."""
        sha256, number = hashlib.sha256, int.from_bytes
        self.total = (self.total + sum([number(sha256(row).digest(), "big") for row in encoded])) % _MODULUS
        self.rows += len(encoded)

    @property
    def digest(self) -> str:
        """The digest as 64 hexadecimal digits."""
        return f"{self.total:064x}"


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table of a manifest: how many rows, and their digest."""

    table: str
    rows: int
    digest: str


def counted(table: TableShape, tally: Tally) -> Counted:
    """Give what was counted of this table."""
    return Counted(table.name, tally.rows, tally.digest)


def pack(encoded: Sequence[bytes]) -> bytes:
    """Give the MessagePack array of these encoded rows."""
    return b"".join((_ARRAY, len(encoded).to_bytes(4, "big"), *encoded))


def encode_rows(rows: Iterable[Row]) -> list[bytes]:
    """Give each row in its canonical form."""
    return [_encode(row) for row in rows]


def driver_of(connection: Connection) -> Any:
    """Give the driver's own connection, in the transaction that is open."""
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - it is open
    return driver


def count_rows(driver: Any, table: TableShape) -> int:
    """Count the rows that this connection sees."""
    (found,) = driver.execute(f"SELECT count(*) FROM {quote(table.name)}").fetchone()  # noqa: S608 - quoted
    return int(found)


def read_batches(connection: Connection, table: TableShape) -> Iterator[tuple[list[Row], list[bytes]]]:
    """Give all rows in batches of bounded size, each row with its canonical form."""
    every = ((row, _encode(row)) for row in _read(connection, table))
    for some in portions(every, lambda one: len(one[1]), most_rows=BATCH_BYTES, most_bytes=BATCH_BYTES):
        yield [row for row, _ in some], [encoded for _, encoded in some]


def measure(connection: Connection, tables: Iterable[TableShape], tell: Tell) -> tuple[Counted, ...]:
    """Read every row again and give each table's count and digest."""
    done = []
    for table in tables:
        total, tally = count_rows(driver_of(connection), table), Tally()
        for _, encoded in read_batches(connection, table):
            tally.add(encoded)
            tell("check", table.name, tally.rows, total)
        done.append(counted(table, tally))
    return tuple(done)


def writer_of(connection: Connection, table: TableShape) -> Callable[[list[Row]], None]:
    """Give a function that appends rows to this table."""
    driver = driver_of(connection)
    columns = ", ".join(quote(one.name) for one in table.columns)
    into = f"{quote(table.name)} ({columns})"
    if isinstance(driver, sqlite3.Connection):
        order = f"INSERT INTO {into} VALUES ({', '.join('?' * len(table.columns))})"  # noqa: S608 - quoted
        return lambda rows: (driver.executemany(order, rows), None)[1]
    types = server_types(connection, table)

    def copy_in(rows: list[Row]) -> None:
        with driver.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)

    return copy_in


def _read(connection: Connection, table: TableShape) -> Iterator[Row]:
    driver = driver_of(connection)
    columns = ", ".join(quote(one.name) for one in table.columns)
    query = f"SELECT {columns} FROM {quote(table.name)}"  # noqa: S608 - quoted
    if not isinstance(driver, sqlite3.Connection):
        yield from _copy_out(driver, query, server_types(connection, table))
        return
    flags = [at for at, one in enumerate(table.columns) if one.kind == "boolean"]
    rows: Iterator[Row] = driver.execute(query)
    yield from (_with_flags(row, flags) for row in rows) if flags else rows


def _copy_out(driver: Any, query: str, types: list[str]) -> Iterator[Row]:
    with driver.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)") as copy:
        copy.set_types(types)
        yield from copy.rows()


def _with_flags(row: Row, flags: Sequence[int]) -> Row:
    values = list(row)
    for at in flags:
        values[at] = None if values[at] is None else bool(values[at])
    return tuple(values)


def quote(name: str) -> str:
    """Write a name so that it is a name and nothing else, on both databases."""
    return '"' + name.replace('"', '""') + '"'
