# SPDX-License-Identifier: Apache-2.0
"""Has what the first pages need at hand before somebody asks: after a start, and after devices were derived."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from inventory_db.facilities import bind, every, list_facilities
from inventory_db.ledger_index import looking
from inventory_db.tables import LedgerError
from inventory_db.texts_at_hand import warm

MOST_FACILITIES = 20  # the others' first search reads for itself
_log = logging.getLogger(__name__)


@contextmanager
def warming(engine: Engine) -> Iterator[None]:
    """Read the texts of searches beside the collector's start; nobody waits for it."""
    threading.Thread(target=warm_all, args=(engine,), name="warming", daemon=True).start()
    yield


def warm_all(engine: Engine) -> None:
    """Read the texts of the first facilities."""
    try:
        with every(engine).connect() as connection:
            found = list_facilities(connection)
        for one in found[:MOST_FACILITIES]:
            with looking(bind(engine, one.id)) as (connection, _):
                warm(connection)
    except (SQLAlchemyError, LedgerError) as error:  # the first search reads for itself
        _log.warning("the texts of searches were not read at the start: %s", type(error).__name__)
