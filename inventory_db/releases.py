# SPDX-License-Identifier: Apache-2.0
"""Releases to an inspection: the signed pack as it was at one moment, who may read it until when, and its end.

Both tables are append-only by triggers: a release is never changed, and withdrawing it is one more row.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    insert,
    select,
)

from inventory_db.account_tables import moment, moment_or_none
from inventory_db.binding import owned
from inventory_db.observations import microseconds
from inventory_db.tables import metadata

MOST_NOTE = 1000  # characters

releases = Table(
    "releases",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),
    Column("made", BigInteger, nullable=False),  # microseconds since 1970 UTC, as all times here
    Column("by", String(255), nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("note", String(MOST_NOTE), nullable=False),
    Column("edition", String(64), nullable=False),
    Column("fingerprint", String(100), nullable=False),  # of the key that signed the pack
    Column("files", Integer, nullable=False),
    Column("size", BigInteger, nullable=False),  # bytes of the pack
    Column("sha256", String(64), nullable=False),  # of the pack
    Column("pack", LargeBinary, nullable=False),  # the zip; last, so that lists need not read past it
)
release_ends = Table(
    "release_ends",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # of the release
    Column("at", BigInteger, nullable=False),
    Column("by", String(255), nullable=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One release, without the bytes of its pack."""

    id: str
    made: datetime
    by: str
    until: datetime
    note: str
    edition: str
    fingerprint: str
    files: int
    size: int
    sha256: str
    withdrawn: datetime | None = None
    withdrawn_by: str = ""

    def stands(self, now: datetime) -> bool:
        """Say whether it may be read at this time."""
        return self.withdrawn is None and now < self.until


def add_release(
    connection: Connection,
    pack: bytes,
    *,
    by: str,
    made: datetime,
    until: datetime,
    note: str = "",
    edition: str = "",
    fingerprint: str = "",
    files: int = 0,
) -> Release:
    """Keep a pack as a release and give it."""
    found = Release(
        id=secrets.token_hex(8),
        made=made,
        by=by[:255],
        until=until,
        note=note[:MOST_NOTE],
        edition=edition,
        fingerprint=fingerprint,
        files=files,
        size=len(pack),
        sha256=hashlib.sha256(pack).hexdigest(),
    )
    row = {"id": found.id, "made": microseconds(made), "by": found.by, "until": microseconds(until)}
    row |= {"note": found.note, "edition": edition, "fingerprint": fingerprint, "files": files}
    connection.execute(insert(releases), [row | {"size": found.size, "sha256": found.sha256, "pack": pack}])
    return found


def list_releases(connection: Connection) -> tuple[Release, ...]:
    """Give the facility's releases, newest first."""
    return tuple(map(_release, connection.execute(_query().order_by(releases.c.made.desc(), releases.c.id))))


def find_release(connection: Connection, id: str) -> Release | None:
    """Give a release of this facility, ended ones too; None if there is none with this id."""
    row = connection.execute(_query().where(releases.c.id == id)).one_or_none()
    return None if row is None else _release(row)


def pack_of(connection: Connection, id: str) -> bytes | None:
    """Give the pack of a release, ended ones too; None if there is none with this id."""
    data: bytes | None = connection.execute(
        select(releases.c.pack).where(releases.c.id == id)
    ).scalar_one_or_none()
    return data


def withdraw_release(connection: Connection, id: str, by: str, now: datetime) -> bool:
    """End a release for good; False if there is none that could be ended."""
    found = find_release(connection, id)
    if found is None or found.withdrawn is not None:
        return False
    connection.execute(insert(release_ends), [{"id": id, "at": microseconds(now), "by": by[:255]}])
    return True


def _query() -> Select[tuple[object, ...]]:
    light = [column for column in releases.c if column.name not in ("facility", "pack")]
    ended = release_ends.c.at.label("withdrawn"), release_ends.c.by.label("withdrawn_by")
    return select(*light, *ended).select_from(
        releases.outerjoin(release_ends, release_ends.c.id == releases.c.id)
    )


def _release(row: Row[tuple[object, ...]]) -> Release:
    values = dict(row._mapping)
    values |= {"made": moment(row.made), "until": moment(row.until)}
    values |= {"withdrawn": moment_or_none(row.withdrawn), "withdrawn_by": row.withdrawn_by or ""}
    return Release(**values)
