# SPDX-License-Identifier: Apache-2.0
"""What a collector does by itself beside its visitors: each minute, and once in the night for all collectors together."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError

from collector.audit_queue import AuditQueue
from collector.letting_go import anchor_heads, rules_of, run_retention
from collector.settings import Settings
from inventory_db.binding import unbound
from inventory_db.tables import LedgerError, marks, writing

EVERY = 60.0  # seconds
NIGHT = timedelta(hours=3)  # after midnight at the facility
_MARK = "nightly"  # day on which the last night's work was taken up
_LOCK = 0x6E696768  # PostgreSQL advisory lock of the mark
_log = logging.getLogger(__name__)


class Chores:
    """Writes counted refusals down, lets old evidence go by rule, and tells the audit log's heads to the log."""

    def __init__(
        self, engine: Engine, settings: Settings, queue: AuditQueue, now: Callable[[], datetime]
    ) -> None:
        self._engine, self._settings, self._queue, self._now = engine, settings, queue, now
        self._stop = threading.Event()

    def step(self) -> bool:
        """Do what is due now; true if that was the night's work."""
        now = self._now()
        self._queue.flush(now)
        if not self._take_up(now):
            return False
        run_retention(
            self._engine, now, rules_of(self._settings.retention), self._settings.age_limit, apply=True
        )
        anchor_heads(self._engine, now)
        return True

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do the chores while the `with` block runs."""
        thread = threading.Thread(target=self._work, name="chores", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(EVERY)

    def _work(self) -> None:
        while not self._stop.wait(EVERY):
            try:
                self.step()
            except (SQLAlchemyError, LedgerError) as error:
                _log.warning("the chores were not done: %s", type(error).__name__)

    def _take_up(self, now: datetime) -> bool:
        """Say whether this collector does the night's work: the first that asks after the hour, once a day."""
        local = now.astimezone(self._settings.zone)
        day = local.date().isoformat()
        if local < local.replace(hour=0, minute=0, second=0, microsecond=0) + NIGHT:
            return False
        with writing(unbound(self._engine), _LOCK) as connection:
            last = connection.execute(select(marks.c.value).where(marks.c.key == _MARK)).scalar_one_or_none()
            if last is None:
                connection.execute(marks.insert().values(key=_MARK, value=day))
            elif last < day:
                connection.execute(marks.update().where(marks.c.key == _MARK).values(value=day))
            return last is None or last < day
