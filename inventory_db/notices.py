# SPDX-License-Identifier: Apache-2.0
"""News for people outside of the pages, and the messages that carry it: an outbox in the ledger itself.

News is known by kind and subject and is told once. What belongs together travels as one message per
channel. A message is claimed before it is sent and settled afterwards; whoever dies in between leaves it
to be sent again under the same id, by which a receiver knows that it has it already.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    UniqueConstraint,
    func,
    insert,
    select,
)

from inventory_db import tables
from inventory_db.account_tables import moment
from inventory_db.binding import owner_column
from inventory_db.observations import microseconds
from inventory_db.tables import counter, metadata
from probes.facts import Scan

WAITING, SENT, GIVEN_UP = "waiting", "sent", "given_up"
SILENT = ""  # the bundle of what was there before anybody wanted notices: never told
LEASE = timedelta(minutes=5)  # that a claimed message is nobody else's
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
KEEP_TRYING = timedelta(days=30)

notices = Table(
    "notices",
    metadata,
    owner_column(),
    Column("id", counter, primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", String(255), nullable=False),
    Column("made", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("detail", LargeBinary, nullable=False),  # JSON of News.detail
    Column("bundle", String(32)),  # NULL: waits for more
    UniqueConstraint("facility", "kind", "subject", name="uq_notices_facility_kind_subject"),
    Index(None, "facility", "bundle"),
)
messages = Table(
    "notice_messages",
    metadata,
    owner_column(),
    Column("id", String(32), primary_key=True),
    Column("channel", String(16), nullable=False),
    Column("bundle", String(32), nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("next_try", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("problem", String(255), nullable=False),  # the kind of the last failure
    Index(None, "facility", "state", "next_try"),
)


@dataclass(frozen=True, slots=True)
class News:
    """One thing to tell: of which kind, what of (unique in its kind), and what its sentences need."""

    kind: str
    subject: str
    detail: dict[str, str]


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one channel, claimed by whoever holds this."""

    id: str
    channel: str
    made: datetime
    attempts: int  # this one included
    news: tuple[News, ...]


def known(connection: Connection, kind: str) -> frozenset[str]:
    """Give the subjects of this kind that were told or need not be."""
    return frozenset(connection.execute(select(notices.c.subject).where(notices.c.kind == kind)).scalars())


def note(connection: Connection, news: Iterable[News], now: datetime, *, silent: bool = False) -> int:
    """Keep what is not known yet, `silent` as if it had been told; gives how much that was.

    The caller holds the writer's lock (`tables.writing`).
    """
    wanted = {(one.kind, one.subject[:255]): one for one in news}
    seen = {kind: known(connection, kind) for kind in {kind for kind, _ in wanted}}
    rows = [
        {
            "kind": kind,
            "subject": subject,
            "made": microseconds(now),
            "detail": msgspec.json.encode(one.detail),
            "bundle": SILENT if silent else None,
        }
        for (kind, subject), one in wanted.items()
        if subject not in seen[kind]
    ]
    if rows:
        connection.execute(insert(notices), rows)
    return len(rows)


def bundle(connection: Connection, channels: Iterable[str], now: datetime, wait: timedelta) -> int:
    """Make one message per channel of all that waits, once the oldest of it has waited long enough."""
    waiting = notices.c.bundle.is_(None)
    oldest = connection.execute(select(func.min(notices.c.made)).where(waiting)).scalar()
    if oldest is None or oldest > microseconds(now - wait):
        return 0
    name = secrets.token_hex(16)
    connection.execute(notices.update().where(waiting).values(bundle=name))
    rows = [
        {
            "id": secrets.token_hex(16),
            "channel": channel,
            "bundle": name,
            "made": microseconds(now),
            "next_try": microseconds(now),
            "attempts": 0,
            "state": WAITING,
            "problem": "",
        }
        for channel in channels
    ]
    if rows:
        connection.execute(insert(messages), rows)
    return len(rows)


def claim(connection: Connection, channels: Iterable[str], now: datetime) -> Message | None:
    """Take the next message that is due, for LEASE; another process that wants it too gets None."""
    due = (
        select(messages)
        .where(messages.c.state == WAITING, messages.c.next_try <= microseconds(now))
        .where(messages.c.channel.in_(tuple(channels)))
        .order_by(messages.c.next_try, messages.c.id)
        .limit(1)
    )
    row = connection.execute(due).one_or_none()
    if row is None:
        return None
    mine = messages.update().where(
        messages.c.id == row.id, messages.c.state == WAITING, messages.c.next_try == row.next_try
    )
    values = {"next_try": microseconds(now + LEASE), "attempts": row.attempts + 1}
    if not connection.execute(mine.values(values)).rowcount:
        return None
    return Message(row.id, row.channel, moment(row.made), row.attempts + 1, _news(connection, row.bundle))


def settle(connection: Connection, message: Message, now: datetime, problem: str = "") -> None:
    """Note that a message is sent, or why not: then it is tried again, ever more seldom, for KEEP_TRYING."""
    values: dict[str, object] = {"state": SENT, "problem": ""}
    if problem:
        late = now - message.made >= KEEP_TRYING
        again = microseconds(now + pause(message.attempts))
        values = {"state": GIVEN_UP if late else WAITING, "next_try": again, "problem": problem[:255]}
    connection.execute(messages.update().where(messages.c.id == message.id).values(values))


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * int(2 ** min(attempts - 1, 20)))


def outbox(connection: Connection) -> dict[tuple[str, str], int]:
    """Count the messages by channel and state."""
    counted = select(messages.c.channel, messages.c.state, func.count()).group_by(
        messages.c.channel, messages.c.state
    )
    return {(channel, state): count for channel, state, count in connection.execute(counted)}


def device_bodies(connection: Connection) -> Iterator[tuple[int, bytes]]:
    """Give 管理番号 and JSON of every device as last derived."""
    query = select(tables.devices.c.number, tables.devices.c.body).order_by(tables.devices.c.number)
    yield from (tuple(row) for row in connection.execute(query))


def failed_scans(connection: Connection, most: int) -> tuple[Scan, ...]:
    """Give those of the newest `most` scans that failed."""
    query = select(tables.scans.c.body).order_by(tables.scans.c.started.desc()).limit(most)
    found = (msgspec.json.decode(body, type=Scan) for (body,) in connection.execute(query))
    return tuple(scan for scan in found if scan.state == "failed")


def _news(connection: Connection, bundle: str) -> tuple[News, ...]:
    rows = connection.execute(select(notices).where(notices.c.bundle == bundle).order_by(notices.c.id))
    return tuple(map(_one, rows))


def _one(row: Row[tuple[object, ...]]) -> News:
    return News(row.kind, row.subject, msgspec.json.decode(row.detail, type=dict[str, str]))
