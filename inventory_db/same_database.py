# SPDX-License-Identifier: Apache-2.0
"""By what a process remembers what it read: a database that a lost connection may have led back to an earlier state.

The words that tell whether the ledger changed (numbers of entries, the word of who derived) count on from where the
database stands. One that was brought back to an earlier hour behind a running collector counts the same numbers again,
for other words of people. Nobody can bring one back without breaking the connections to it.
"""

import threading
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event


class Database:
    """Stands for one database since its connections were lost last; no other has its number."""

    __slots__ = ("__weakref__", "number")

    def __init__(self) -> None:
        self.number = next(_numbers)


def database_of(connection: Connection) -> Database:
    """Give what all that was read through this connection's pool is remembered by: another one after a loss."""
    pool = connection.engine.pool
    with _door:
        losses, found = _known.get(pool, (-1, None))
        if found is None or losses != _lost[0]:
            found = Database()
            _known[pool] = _lost[0], found
        return found


def heed_losses(engine: Engine) -> None:
    """Take a database for another one from when a connection to it was lost."""
    event.listen(engine, "invalidate", _lose)


def _lose(*_: object) -> None:
    with _door:
        _lost[0] += 1


_numbers = count()
_known: WeakKeyDictionary[Any, tuple[int, Database]] = (
    WeakKeyDictionary()
)  # by the pool that all engines of a database share; with the losses before, of connections to any database
_lost = [0]
_door = threading.RLock()  # to let go of one may lose a connection
