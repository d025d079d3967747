# SPDX-License-Identifier: Apache-2.0
"""Advisories that were loaded from feeds, and which feed they came from with the day it is of.

Knowledge, not evidence: a newer feed replaces an older one. A feed is written whole or not at all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    delete,
    insert,
    select,
)

from inventory_db.observations import microseconds
from inventory_db.tables import metadata
from probes.facts import printable

MOST_ROWS = 200_000  # of one kind
_BATCH = 500
T = TypeVar("T")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

advisory_feeds = Table(
    "advisory_feeds",
    metadata,
    Column("kind", String(32), nullable=False),  # kev, nvd, cve, myjvn, endoflife, distro
    Column("name", String(255), nullable=False),  # file or URL
    Column("as_of", String(32), nullable=False),  # ISO date that the feed is of
    Column("loaded", BigInteger, nullable=False),
    Column("who", String(255), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON of what the collector knows of the feed
    PrimaryKeyConstraint("kind", "name"),
)
advisories = Table(
    "advisories",
    metadata,
    Column("kind", String(32), nullable=False),
    Column("key", String(255), nullable=False),  # CVE-…, JVNDB-…, product
    Column("as_of", String(32), nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON
    PrimaryKeyConstraint("kind", "key"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedFeed:
    """One feed that was loaded."""

    kind: str
    name: str
    as_of: str  # ISO date
    loaded: datetime
    who: str
    sha256: str
    rows: int
    body: bytes  # JSON


@dataclass(frozen=True, slots=True)
class Row:
    """One advisory; an empty body takes it away."""

    key: str
    as_of: str
    body: bytes


def keep(connection: Connection, feed: LoadedFeed, rows: Iterable[Row], *, whole: bool) -> int:
    """Keep a feed's rows; `whole`: they are all of their kind, so others go. Gives how many are held then.

    Call inside a transaction: it is that which makes the feed appear whole or not at all.
    A row that is older than the one held under its key changes nothing.
    """
    newest = {row.key: row for row in sorted(rows, key=lambda row: row.as_of)}
    held = days(connection, feed.kind)
    if whole:
        connection.execute(delete(advisories).where(advisories.c.kind == feed.kind))
        connection.execute(delete(advisory_feeds).where(advisory_feeds.c.kind == feed.kind))
        held = {}
    taken = [row for row in newest.values() if row.as_of >= held.get(row.key, "")]
    for batch in _batches([row.key for row in taken if row.key in held]):
        connection.execute(
            delete(advisories).where(advisories.c.kind == feed.kind, advisories.c.key.in_(batch))
        )
    for group in _batches([row for row in taken if row.body]):
        connection.execute(insert(advisories), [_values(feed.kind, row) for row in group])
    same = (advisory_feeds.c.kind == feed.kind, advisory_feeds.c.name == printable(feed.name, 255))
    connection.execute(delete(advisory_feeds).where(*same))
    connection.execute(insert(advisory_feeds), [_feed_values(feed)])
    return len(held.keys() | {row.key for row in taken if row.body}) - sum(
        not row.body and row.key in held for row in taken
    )


def feeds(connection: Connection) -> tuple[LoadedFeed, ...]:
    """Give what was loaded, the oldest load first."""
    found = connection.execute(
        select(advisory_feeds).order_by(advisory_feeds.c.loaded, advisory_feeds.c.name)
    )
    return tuple(
        LoadedFeed(
            kind=row.kind,
            name=row.name,
            as_of=row.as_of,
            loaded=_EPOCH + timedelta(microseconds=row.loaded),
            who=row.who,
            sha256=row.sha256,
            rows=row.rows,
            body=row.body,
        )
        for row in found
    )


def days(connection: Connection, kind: str) -> dict[str, str]:
    """Give the day of each advisory of a kind, by its key."""
    query = select(advisories.c.key, advisories.c.as_of).where(advisories.c.kind == kind)
    return {row.key: row.as_of for row in connection.execute(query)}


def bodies(connection: Connection, kind: str) -> Iterator[bytes]:
    """Give the JSON of every advisory of a kind, in the order of their keys."""
    query = select(advisories.c.body).where(advisories.c.kind == kind).order_by(advisories.c.key)
    for row in connection.execute(query):
        yield row.body


def _batches(rows: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


def _values(kind: str, row: Row) -> dict[str, object]:
    return {"kind": kind, "key": printable(row.key, 255), "as_of": row.as_of[:32], "body": row.body}


def _feed_values(feed: LoadedFeed) -> dict[str, object]:
    return {
        "kind": feed.kind,
        "name": printable(feed.name, 255),
        "as_of": feed.as_of[:32],
        "loaded": microseconds(feed.loaded),
        "who": printable(feed.who, 255),
        "sha256": feed.sha256,
        "rows": feed.rows,
        "body": feed.body,
    }
