# SPDX-License-Identifier: Apache-2.0
"""SQLite's write-ahead log brought into the ledger's file beside those who read and write.

Left to itself SQLite does this in whatever commit makes the log too long: a reader of a page, whose reading is
written to the audit log, would wait for megabytes of others. And while somebody reads at every moment, as in a busy
collector, the log is never begun anew and grows for as long.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

SMALL = 4 * 1024 * 1024  # bytes of a log that is left alone
LARGE = 64 * 1024 * 1024  # bytes from which readers and writers may wait a moment for it to be begun anew
_WAIT = 0.2  # seconds, at most, that they wait
_NET = 100_000  # pages (400 MB) at which a commit does it after all, should nobody else


@dataclass(frozen=True, slots=True)
class Folded:
    """What one look at the log did."""

    before: int  # bytes of the log
    after: int
    all_of_it: bool  # everything that was in it stands in the ledger's file now


def fold(path: Path) -> Folded | None:
    """Bring the log of the ledger in this file into it; None if it is small. Raises sqlite3.Error."""
    before = log_size(path)
    if before < SMALL:
        return None
    with closing(sqlite3.connect(path, timeout=_WAIT, isolation_level=None)) as raw:
        raw.execute("PRAGMA synchronous = FULL")
        how = "TRUNCATE" if before >= LARGE else "PASSIVE"
        busy, there, done = raw.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if how == "TRUNCATE" and not busy:
            busy, there, done = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return Folded(before, log_size(path), not busy and there == done)


def log_size(path: Path) -> int:
    """Give the bytes of the log beside this file; 0 without one."""
    try:
        return path.with_name(f"{path.name}-wal").stat().st_size
    except OSError:
        return 0


def leave_to_others(engine: Engine) -> None:
    """Let no commit through this engine bring the log in; somebody calls `fold` instead."""
    event.listen(engine.pool, "connect", _rarely)
    engine.dispose()  # connections that are open do it still


def _rarely(raw: Any, _record: object) -> None:
    raw.execute(f"PRAGMA wal_autocheckpoint = {_NET}")
