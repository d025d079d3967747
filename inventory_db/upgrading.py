# SPDX-License-Identifier: Apache-2.0
"""An older ledger is brought to today's schema: in one transaction, and a file only after a copy of it was made."""

import logging
import os
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from inventory_db.ledger_errors import LedgerError, LedgerUnreadable
from inventory_db.schema import newest_revision, raise_to, revision_of

_log = logging.getLogger(__name__)


def upgrade(engine: Engine, path: Path | None, lock: Callable[[Connection], None]) -> Engine:
    """Bring the ledger to today's schema; a file of an older one is copied beside itself before.

    Raises LedgerUnreadable; the ledger is then as it was.
    """
    with engine.connect() as connection:
        if revision_of(connection) == newest_revision():
            return engine
    kept: Path | None = None
    try:
        with engine.begin() as connection:
            lock(connection)
            found = revision_of(connection)
            if found == newest_revision():  # somebody else was faster
                return engine
            if path is not None and found is not None:
                kept = keep_copy(path, newest_revision())
            raise_to(connection)
    except (SQLAlchemyError, sqlite3.Error, OSError, NotImplementedError) as error:
        raise _not_upgraded(path, kept, error) from error
    if kept is not None:
        _forget_older(kept)
        _log.warning(
            "台帳を新しい版の形にしました。前の版の写し: %s / The ledger has today's schema; a copy from before: %s",
            kept,
            kept.name,
        )
    return engine


def keep_copy(path: Path, revision: str) -> Path:
    """Copy a ledger file as it stands now, others may be reading and writing; gives the copy's place."""
    kept = path.with_name(f"{path.name}.before-{revision}")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # readable by its owner only
    os.close(handle)
    try:
        with closing(sqlite3.connect(path, timeout=60)) as old, closing(sqlite3.connect(name)) as new:
            old.backup(new, pages=4096)
        with open(name, "rb") as file:
            os.fsync(file.fileno())
        Path(name).replace(kept)
    finally:
        for end in ("", "-wal", "-shm", "-journal"):
            Path(f"{name}{end}").unlink(missing_ok=True)
    return kept


def _forget_older(kept: Path) -> None:
    """Keep the last copy only."""
    begin = kept.name.rpartition("-")[0] + "-"
    for path in kept.parent.iterdir():
        if path.name.startswith(begin) and path.name.removeprefix(begin).isdigit() and path != kept:
            path.unlink(missing_ok=True)


def _not_upgraded(path: Path | None, kept: Path | None, error: Exception) -> LedgerError:
    cause = getattr(error, "orig", None) or error
    kind = getattr(cause, "sqlite_errorname", "") or getattr(error, "strerror", "") or type(cause).__name__
    copy_ja = f"念のための写しが {kept} にあります。" if kept else ""
    copy_en = f"There is also a copy of it: {kept}." if kept else ""
    return LedgerUnreadable(
        f"{path or 'PostgreSQL'} の台帳を新しい版の形にできませんでした（{kind}）。台帳は前の版のままで、失われたものはありません。"
        f"{copy_ja}空き容量（台帳と同じ大きさが要ります）と権限を確かめてもう一度開くか、前の版の daicho をそのまま使ってください。",
        f"The ledger at {path or 'PostgreSQL'} could not be brought to the new version's form ({kind}). It is as it "
        f"was, and nothing is lost. {copy_en} Check space (as much as the ledger needs) and permissions and open it "
        "again, or go on with the version of daicho from before.".replace("  ", " "),
    )
