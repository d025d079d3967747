# SPDX-License-Identifier: Apache-2.0
"""A whole new SQLite ledger beside its place, put there at once; an older one goes aside under a name of its own."""

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event

from inventory_db.backups.backup import sync_folder
from inventory_db.backups.trouble import BackupRefused, told
from inventory_db.tables import APPLICATION_ID

_PRAGMAS = (
    "journal_mode = OFF",
    "synchronous = OFF",
    "cache_size = -65536",
    "foreign_keys = OFF",
    "trusted_schema = OFF",
)


def check_place(path: Path, replace: bool) -> None:
    """Raise BackupRefused where something is already, or nothing can be written."""
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        raise BackupRefused(
            f"{path} に書けません。フォルダがあるか、書き込みの権限があるかを確かめてください。何も変更していません。",
            f"Cannot write {path}. Check that its folder exists and may be written to. Nothing was changed.",
        )
    if path.exists() and path.stat().st_size and not replace:
        raise BackupRefused(
            f"{path} にはもう台帳があります。何も変更していません。別の名前を指定するか、collector を止めて --replace を付けると、"
            "今の台帳は名前を変えて残します。",
            f"There is a ledger at {path} already. Nothing was changed. Give another name, or stop the collector and "
            "add --replace: the present ledger is then kept under another name.",
        )


@contextmanager
def new_file(path: Path, now: datetime, aside: Callable[[Path], None]) -> Iterator[Connection]:
    """Give a connection to an empty file that becomes `path` if all goes well; else nothing of it stays.

    `aside` is told where an older ledger went. Raises BackupUnwritten and, while others use the ledger, BackupRefused.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner only
    os.close(handle)
    made = Path(name)
    try:
        with told(sqlite3.Error):
            engine = _engine(made)
            try:
                with engine.begin() as connection:
                    connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION_ID}")
                    yield connection
            finally:
                engine.dispose()
            with closing(sqlite3.connect(made)) as raw:
                raw.execute("PRAGMA journal_mode = WAL")
            with made.open("rb") as file:
                os.fsync(file.fileno())
            _put(made, path, now, aside)
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(f"{name}{end}").unlink(missing_ok=True)


def _put(made: Path, path: Path, now: datetime, aside: Callable[[Path], None]) -> None:
    """Name the new file; the old one keeps a name at every moment."""
    if path.exists() and path.stat().st_size:
        _close(path)
        kept = path.with_name(f"{path.name}.replaced-{now:%Y%m%dT%H%M%S}")
        os.link(path, kept)
        aside(kept)
    made.replace(path)
    sync_folder(path.parent)


def _close(path: Path) -> None:
    """Bring everything into the one file; raises BackupRefused while anybody has it open."""
    try:
        with closing(sqlite3.connect(path, timeout=1)) as raw:
            (mode,) = raw.execute("PRAGMA journal_mode = DELETE").fetchone()
            if mode != "delete":
                raise sqlite3.OperationalError("in use")
    except sqlite3.DatabaseError as error:
        raise BackupRefused(
            f"{path} はほかの処理が使っているか、壊れています。何も変更していません。collector を止めてからもう一度実行してください。",
            f"{path} is in use or damaged. Nothing was changed. Stop the collector, then run it again.",
        ) from error


def _engine(path: Path) -> Engine:
    engine = create_engine(URL.create("sqlite+pysqlite", database=str(path)))

    def prepare(raw: Any, _record: object) -> None:
        raw.isolation_level = None
        for pragma in _PRAGMAS:
            raw.execute(f"PRAGMA {pragma}")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine
