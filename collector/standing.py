# SPDX-License-Identifier: Apache-2.0
"""Cases, judgements and comparisons of today, made once for each state of the ledger and kept in memory.

The state is read from the database by a few small questions in the transaction of the request (`state_of`), so it
does not matter which collector changed something. What is kept is made anew each day and after `MOST_AGE`: how fresh
a look is depends on the hour.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Connection

from collector.case import Case
from collector.case_file import read_case, times_in
from collector.changed import Changed, read_changed
from collector.checking import choose_edition
from collector.judge import judge
from collector.judged import Judgement
from collector.settings import Settings, in_zone
from inventory_db.binding import facility_of
from inventory_db.revision import everything_revision
from inventory_db.same_database import Database, database_of

MOST_AGE = timedelta(minutes=10)
MOST_WEIGHT = 120_000  # devices in all that is kept; the last thing made is kept whatever it weighs
T = TypeVar("T")


def standing_case(connection: Connection, now: datetime, settings: Settings) -> Case:
    """Give the facility's case of today."""

    def make() -> tuple[Case, int]:
        case = read_case(connection, now, None, settings.age_limit)
        return case, len(case.devices)

    return remembered(connection, ("case",), now, settings, make)


def judged(connection: Connection, edition: str, now: datetime, settings: Settings) -> tuple[Case, Judgement]:
    """Give the case and the edition ("": the newest) judged on it; raises NoSuchEdition."""

    def make() -> tuple[tuple[Case, Judgement], int]:
        case = standing_case(connection, now, settings)
        return (case, judge(choose_edition(edition, case), case, times_in(connection))), 0

    return remembered(connection, ("judgement", edition), now, settings, make)


def standing_changes(
    connection: Connection, since: datetime, now: datetime, until: datetime | None, settings: Settings
) -> Changed:
    """Give what `read_changed` gives: what differs since then."""

    def make() -> tuple[Changed, int]:
        found = read_changed(connection, since, now, until)
        return found, sum(len(section.changes) for section in found.sections)

    return remembered(connection, ("changes", since, until), now, settings, make)


def remembered(
    connection: Connection,
    what: tuple[Hashable, ...],
    now: datetime,
    settings: Settings,
    make: Callable[[], tuple[T, int]],
) -> T:
    """Give what `make` gave in this state of the ledger, with how many devices it holds; at most one makes it at a time."""
    key = (facility_of(connection), settings.age_limit, *what)
    day = in_zone(now, settings.zone).date()
    state = (day, *everything_revision(connection))
    found: T = memory_of(connection).get(key, state, now, make)
    return found


@dataclass(slots=True)
class _Kept:
    state: tuple[object, ...] = ()
    made: datetime | None = None
    value: Any = None
    weight: int = 0
    door: threading.Lock = field(default_factory=threading.Lock)


class Memory:
    """Values by key, each of one state; the oldest used are let go of when they weigh too much."""

    def __init__(self, most: int = MOST_WEIGHT) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._door = threading.Lock()

    def get(
        self, key: Hashable, state: tuple[object, ...], now: datetime, make: Callable[[], tuple[Any, int]]
    ) -> Any:
        """Give the value of this key in this state."""
        with self._door:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
        with kept.door:
            if kept.made is None or kept.state != state or not timedelta() <= now - kept.made < MOST_AGE:
                kept.made = None
                value, weight = make()
                kept.value, kept.weight, kept.state, kept.made = value, weight, state, now
            value = kept.value
        self._let_go()
        return value

    def _let_go(self) -> None:
        with self._door:
            while len(self._kept) > 1 and (
                len(self._kept) > 200 or sum(one.weight for one in self._kept.values()) > self._most
            ):
                self._kept.popitem(last=False)


_memories: WeakKeyDictionary[Database, Memory] = WeakKeyDictionary()
_memories_door = threading.Lock()


def memory_of(connection: Connection) -> Memory:
    """Give what this process keeps of the connection's database."""
    with _memories_door:
        return _memories.setdefault(database_of(connection), Memory())
