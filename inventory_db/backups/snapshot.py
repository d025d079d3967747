# SPDX-License-Identifier: Apache-2.0
"""One consistent moment of a ledger, while others go on writing."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine

from inventory_db.backups.rows import driver_of, quote
from inventory_db.backups.shape import TableShape, read_shapes


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Read all facilities as they are at one moment; nobody waits for us.

    SQLite: a read transaction in WAL mode; the -wal file grows until its end. PostgreSQL: REPEATABLE READ, READ ONLY.
    """
    if engine.dialect.name == "postgresql":
        engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with engine.connect() as connection:
        first = "SELECT count(*) FROM daicho_marks"  # the moment is that of the first reading
        connection.exec_driver_sql(first).scalar_one()
        yield connection


@contextmanager
def held(engine: Engine) -> Iterator[tuple[Connection, tuple[TableShape, ...]]]:
    """Read all facilities while nobody may write."""
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":  # a write of nothing takes the writer's lock
            connection.exec_driver_sql("UPDATE daicho_marks SET value = value WHERE key = 'product'")
            yield connection, read_shapes(connection)
        else:
            shapes = read_shapes(connection)
            for table in shapes:
                driver_of(connection).execute(f"LOCK TABLE {quote(table.name)} IN SHARE MODE")
            yield connection, shapes
        connection.rollback()
