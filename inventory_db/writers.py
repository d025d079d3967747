# SPDX-License-Identifier: Apache-2.0
"""Whose turn it is to write to a SQLite ledger among the threads of this process.

SQLite lets one write and makes the others ask again after 1, 2, 5 … 100 ms, whoever comes first. Threads of one
process wait here instead and go on the moment the one before is done, in their order; other processes still ask.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine

MOST_WAIT = 60.0  # seconds; SQLite itself decides then, and says busy after as long again


@contextmanager
def turn_of(engine: Engine) -> Iterator[None]:
    """Hold the turn of this ledger's writers; on PostgreSQL nobody waits here."""
    if engine.dialect.name != "sqlite":
        yield
        return
    with _door:
        turn = _turns.setdefault(engine.pool, threading.Lock())
    held = turn.acquire(timeout=MOST_WAIT)
    try:
        yield
    finally:
        if held:
            turn.release()


_turns: WeakKeyDictionary[Any, threading.Lock] = WeakKeyDictionary()  # by the pool that all engines share
_door = threading.Lock()
