# SPDX-License-Identifier: Apache-2.0
"""The threads of a collector that do what uploads leave behind (inventory_db.jobs): one works, one keeps its lease."""

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from inventory_db import jobs
from inventory_db.agents import Engine
from inventory_db.jobs import Job, Then, nothing
from inventory_db.tables import LedgerError

POLL = 1.0  # seconds between two looks for what other collectors left
AFTER_TROUBLE = 5.0  # seconds, when the database does not answer
STOP_WITHIN = 20.0  # seconds that a job under way gets at the end; what it did not finish is done by another
_log = logging.getLogger(__name__)


class JobRunner:
    """Does the jobs of one database while it runs; several collectors share them, each job is one's at a time."""

    def __init__(self, engine: Engine, now: Callable[[], datetime], then: Then = nothing) -> None:
        self.worker = secrets.token_hex(8)
        self._engine, self._now, self._then = engine, now, then
        self._stop, self._wake = threading.Event(), threading.Event()
        self._current: Job | None = None
        self._threads: list[threading.Thread] = []

    def wake(self) -> None:
        """Look for jobs at once: one was just asked for."""
        self._wake.set()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run while the `with` block does."""
        self._threads = [
            threading.Thread(target=self._work, name="jobs", daemon=True),
            threading.Thread(target=self._keep, name="leases", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            self._wake.set()
            for thread in self._threads:
                thread.join(STOP_WITHIN)

    def step(self) -> bool:
        """Do one job that is due; False if there is none."""
        job = jobs.claim(self._engine, self.worker, self._now())
        if job is None:
            return False
        self._current = job
        try:
            jobs.carry_out(self._engine, job, self.worker, self._now, self._then)
        finally:
            self._current = None
        return True

    def _work(self) -> None:
        self._begin()
        while not self._stop.is_set():
            self._wake.clear()
            try:
                if self.step():
                    continue
                pause = POLL
            except (SQLAlchemyError, LedgerError) as error:
                _log.warning("no jobs can be taken: %s", type(error).__name__)
                pause = AFTER_TROUBLE
            self._wake.wait(pause)

    def _begin(self) -> None:
        """Ask for what a scan straight into the ledger, or an older version, left."""
        try:
            jobs.want_what_was_left(self._engine, self._now())
        except (SQLAlchemyError, LedgerError) as error:
            _log.warning("what was left could not be looked for: %s", type(error).__name__)

    def _keep(self) -> None:
        """Renew the lease of a long job."""
        while not self._stop.wait(jobs.LEASE.total_seconds() / 3):
            job = self._current
            if job is None:
                continue
            try:
                jobs.renew(self._engine, job, self.worker, self._now())
            except (SQLAlchemyError, LedgerError) as error:
                _log.warning("a job's lease was not renewed: %s", type(error).__name__)
