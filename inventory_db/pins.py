# SPDX-License-Identifier: Apache-2.0
"""Pins: observations that something signed stands on; retention lets go of none of them, ever.

A pin says why: `answer:…`, `release:…`. Whatever was looked at for pins leaves one with the empty observation, so
that it is known even where nothing stands on an observation. Append-only by triggers.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Index, String, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from inventory_db import tables
from inventory_db.binding import owned
from inventory_db.observations import microseconds

pins = Table(
    "pins",
    tables.metadata,
    owned(),
    Column("why", String(64), primary_key=True),  # as `reason` makes it
    Column("observation", String(32), primary_key=True),  # "": nothing more is to be pinned for this reason
    Column("transcript", String(32)),
    Column("at", BigInteger, nullable=False),
    Index(None, "facility", "observation"),
    Index(None, "facility", "transcript"),
)


def pin(connection: Connection, why: str, ids: Iterable[str], now: datetime) -> int:
    """Keep these observations and their transcripts for good; gives how many. Doing it again adds what is new."""
    wanted = sorted(set(ids) - {""})
    held = _transcripts(connection, wanted)
    at = microseconds(now)
    rows = [{"why": why, "observation": id, "transcript": held.get(id), "at": at} for id in ["", *wanted]]
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(pins).on_conflict_do_nothing(), rows)
    return len(wanted)


def reasons(connection: Connection) -> set[str]:
    """Give every reason for which something was pinned, or found to stand on nothing."""
    return set(connection.execute(select(pins.c.why).where(pins.c.observation == "")).scalars())


def pinned(connection: Connection) -> set[str]:
    """Give the ids of every pinned observation."""
    query = select(pins.c.observation).where(pins.c.observation != "").distinct()
    return set(connection.execute(query).scalars())


def reason(kind: str, *parts: object) -> str:
    """Give the reason for something signed, of a fixed length whatever its key."""
    name = "\x1f".join(map(str, parts))
    return f"{kind}:{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"


def _transcripts(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    seen, found = tables.observations, dict[str, str]()
    for start in range(0, len(ids), 500):
        some = seen.c.id.in_(ids[start : start + 500]), seen.c.transcript.is_not(None)
        for id, transcript in connection.execute(select(seen.c.id, seen.c.transcript).where(*some)):
            found[id] = transcript
    return found
