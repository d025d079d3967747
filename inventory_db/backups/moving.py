# SPDX-License-Identifier: Apache-2.0
"""A ledger from one database to another, with no file between: SQLite to PostgreSQL or back."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, Engine

from inventory_db.backups.loading import Loader, check_loaded, check_shapes, loading
from inventory_db.backups.new_file import check_place, new_file
from inventory_db.backups.restore import check_revision, empty_server
from inventory_db.backups.rows import Counted, Tally, Tell, count_rows, counted, driver_of, read_batches
from inventory_db.backups.shape import read_shapes
from inventory_db.backups.snapshot import held
from inventory_db.backups.trouble import told
from inventory_db.schema import raise_to, revision_of


def move(source: Engine, target: Engine | Path, now: datetime, tell: Tell) -> tuple[Counted, ...]:
    """Copy the whole ledger into an empty place while nobody may write to the old one; gives what was copied.

    Both engines must see all facilities. The old ledger stays as it is. Raises BackupRefused and BackupUnwritten;
    the target is as it was then.
    """
    if isinstance(target, Path):
        check_place(target, replace=False)
    with told(source.dialect.loaded_dbapi.Error), held(source) as (old, _):
        revision = revision_of(old) or "0"
        check_revision(revision)
        if isinstance(target, Path):
            with new_file(target, now, lambda _: None) as new:
                return _copy(old, new, revision, tell, made=False)
        with empty_server(target, revision) as (new, made):
            return _copy(old, new, revision, tell, made=made)


def _copy(old: Connection, new: Connection, revision: str, tell: Tell, *, made: bool) -> tuple[Counted, ...]:
    shapes, done = read_shapes(old), []
    totals = {table.name: count_rows(driver_of(old), table) for table in shapes}
    with loading(new, revision, made=made):
        check_shapes(shapes, read_shapes(new))
        loader = Loader(new, tell, totals)
        for table in shapes:
            tally = Tally()
            for rows, encoded in read_batches(old, table):
                tally.add(encoded)
                loader.rows(table, rows)
            done.append(counted(table, tally))
    check_loaded(new, done, shapes, tell)
    raise_to(new)
    return tuple(done)
