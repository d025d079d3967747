# SPDX-License-Identifier: Apache-2.0
"""Keeps SQLite's write-ahead log short while the collector runs, beside the pages (`inventory_db.write_ahead`)."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from inventory_db.tables import file_of
from inventory_db.write_ahead import fold, leave_to_others

EVERY = 1.0  # seconds
_log = logging.getLogger(__name__)


class LogKeeper:
    """Looks at the log of a ledger in a SQLite file; of PostgreSQL there is nothing to do."""

    def __init__(self, engine: Engine, ledger: str) -> None:
        self._engine, self._path = engine, file_of(ledger)
        self._stop = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep it short while the `with` block runs."""
        if self._path is None:
            yield
            return
        leave_to_others(self._engine)
        thread = threading.Thread(target=self._work, name="log keeper", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def step(self) -> bool:
        """Look once; true if there was something to bring in."""
        try:
            return self._path is not None and fold(self._path) is not None
        except sqlite3.Error as error:  # busy, or the disk is full: the log is kept, and tried again
            _log.warning("the write-ahead log was not brought in: %s", error.sqlite_errorname)
            return False

    def _work(self) -> None:
        self.step()
        while not self._stop.wait(EVERY):
            self.step()
