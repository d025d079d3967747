# SPDX-License-Identifier: Apache-2.0
"""Filling an empty ledger of the right revision with rows, and proving that they are all there."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from inventory_db.backups.archive import Header
from inventory_db.backups.rows import Counted, Row, Tell, count_rows, driver_of, measure, quote, writer_of
from inventory_db.backups.shape import TableShape, read_shapes
from inventory_db.backups.trouble import BackupRefused, damaged
from inventory_db.schema import raise_to

_PROTECTED = (
    "SELECT relname FROM pg_class WHERE relforcerowsecurity AND relnamespace = current_schema()::regnamespace"
)
_INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"


class Loader:
    """Takes rows into an empty ledger; `tables` must be exactly those that the ledger has."""

    def __init__(self, connection: Connection, tell: Tell, totals: Mapping[str, int]) -> None:
        self._connection, self._tell, self._totals = connection, tell, totals
        self._table = ""
        self._write: Callable[[list[Row]], None] = lambda _: None
        self._done = 0

    def header(self, header: Header) -> None:
        """Check that the ledger has these tables; raises BackupRefused."""
        check_shapes(header.tables, read_shapes(self._connection))
        self._totals = header.rows

    def rows(self, table: TableShape, rows: list[Row]) -> None:
        """Write these rows; raises BackupRefused for what the database does not take."""
        if table.name != self._table:
            self._table, self._done, self._write = table.name, 0, writer_of(self._connection, table)
        with _taken(self._connection, table.name):
            self._write(rows)
        self._done += len(rows)
        self._tell("load", table.name, self._done, self._totals.get(table.name, 0))


@contextmanager
def loading(connection: Connection, revision: str, *, made: bool) -> Iterator[None]:
    """Make the tables of this revision (unless they are `made`) and hold them open for rows; then close them again.

    The database's own append-only triggers stay; row-level security of its owner and SQLite's indexes rest meanwhile.
    """
    if not made:
        raise_to(connection, revision)
    for table in read_shapes(connection):  # what the migrations put there is in the rows too
        if count_rows(driver_of(connection), table):
            driver_of(connection).execute(f"DELETE FROM {quote(table.name)}")  # noqa: S608 - quoted
    if connection.dialect.name == "sqlite":
        indexes = connection.exec_driver_sql(_INDEXES).all()
        for name, _ in indexes:
            connection.exec_driver_sql(f"DROP INDEX {quote(name)}")
        yield
        for _, order in indexes:
            connection.exec_driver_sql(order)
        return
    protected = connection.exec_driver_sql(_PROTECTED).scalars().all()
    for name in protected:  # COPY goes into no table that holds its own owner back
        connection.exec_driver_sql(f"ALTER TABLE {quote(name)} NO FORCE ROW LEVEL SECURITY")
    yield
    _continue_sequences(connection)
    for name in protected:
        connection.exec_driver_sql(f"ALTER TABLE {quote(name)} FORCE ROW LEVEL SECURITY")


def check_shapes(given: Sequence[TableShape], there: Sequence[TableShape]) -> None:
    """Raise BackupRefused unless both have the same tables and columns."""
    known = {table.name: table for table in there}
    odd = [one.name for one in given if one.name not in known or not one.same_as(known[one.name])]
    odd += sorted(set(known) - {one.name for one in given})
    if odd:
        names = "、".join(name[:40] for name in odd[:5])
        raise damaged(f"知らない形の表があります: {names}", f"it has tables of another form: {names}")


def check_loaded(
    connection: Connection, expected: Sequence[Counted], tables: Sequence[TableShape], tell: Tell
) -> None:
    """Read everything again and compare; raises BackupRefused."""
    found = measure(connection, tables, tell)
    differ = [one.table for one, other in zip(expected, found, strict=True) if one != other]
    if connection.dialect.name == "sqlite":
        differ += sorted({str(row[0]) for row in connection.exec_driver_sql("PRAGMA foreign_key_check")})
    if differ:
        names = "、".join(differ[:5])
        raise damaged(
            f"書いた後の数か検査値が合いません: {names}",
            f"after writing, counts or digests do not agree: {names}",
        )


@contextmanager
def _taken(connection: Connection, table: str) -> Iterator[None]:
    """Say in words what a database does not take: a value too long or of another kind, a row twice."""
    driver = connection.dialect.loaded_dbapi
    try:
        yield
    except (driver.IntegrityError, driver.DataError, OverflowError, ValueError) as error:
        code = str(
            getattr(error, "sqlite_errorname", "") or getattr(error, "sqlstate", "") or type(error).__name__
        )
        raise BackupRefused(
            f"表 {table} の行を書けません（{code}）。移し先が受け取れない値です。何も変更していません。開発元へ知らせてください。",
            f"A row of table {table} cannot be written ({code}): the target does not take such a value. Nothing was "
            "changed. Tell the developers.",
        ) from error


def _continue_sequences(connection: Connection) -> None:
    """Let every number that the server gives continue behind the highest one that is there."""
    driver = driver_of(connection)
    for table in read_shapes(connection):
        for column in table.columns:
            if column.kind != "integer":
                continue
            asked = "SELECT pg_get_serial_sequence(%s, %s)"
            (sequence,) = driver.execute(asked, (quote(table.name), column.name)).fetchone()
            if sequence:
                highest = f"SELECT setval(%s, max({quote(column.name)})) FROM {quote(table.name)}"  # noqa: S608 - quoted
                driver.execute(f"{highest} HAVING max({quote(column.name)}) > 0", (sequence,))
