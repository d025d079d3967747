# SPDX-License-Identifier: Apache-2.0
"""Whether something that scans saw is stored and not in the devices yet: it waits, or is being written in steps."""

from collections.abc import Collection

from sqlalchemy import Connection, select

from inventory_db import tables
from inventory_db.many_values import among
from inventory_db.observations import as_cell


def is_unread(connection: Connection, scans: Collection[str]) -> bool:
    """Say whether observations of one of these scans wait to become devices.

    Who reads the devices asks before: what did not wait then is in them.
    """
    seen, waiting = tables.observations, tables.arrivals
    if not scans or connection.execute(select(waiting.c.id).limit(1)).first() is None:
        return False
    query = select(seen.c.id).where(seen.c.received.in_(select(waiting.c.received)))
    query = query.where(among(connection, seen.c.scan, set(map(as_cell, scans))))
    return connection.execute(query.limit(1)).first() is not None
