# SPDX-License-Identifier: Apache-2.0
"""The ledger of what agents sent: each upload that was taken in, and what became of it.

An upload is noted in the transaction that stores its observations, so there is none without the other. It is QUEUED
until devices were derived with it (inventory_db.jobs); nothing of it is dropped when that fails.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, Row, String, Table, Text, func, select

from inventory_db.binding import owned
from inventory_db.observations import Appended, microseconds
from inventory_db.tables import metadata

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH = 500


class State(StrEnum):
    """What became of an upload."""

    QUEUED = "QUEUED"  # stored; the devices do not know of it yet
    RECONCILED = "RECONCILED"  # devices are new, changed or gone since
    NO_CHANGES = "NO_CHANGES"  # everything as it was
    FAILED = "FAILED"  # stored; deriving the devices failed for the reason given, and is tried again


WAITING = (State.QUEUED, State.FAILED)

uploads = Table(
    "uploads",
    metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # by chance
    Column("agent", String(255), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),  # microseconds since 1970 UTC, as all times here
    Column("size", BigInteger, nullable=False),  # bytes of the body as sent
    Column("observations", Integer, nullable=False),  # new ones
    Column("sent", Integer, nullable=False),  # new lines of the journal
    Column("known", Integer, nullable=False),  # records that had come before
    Column("state", String(16), nullable=False),
    Column("devices", Integer),  # new, changed or gone with it and what was derived together with it
    Column("reason_ja", Text, nullable=False),
    Column("reason_en", Text, nullable=False),
    Column("finished", BigInteger),
    Index(None, "facility", "state"),
    Index(None, "facility", "received"),
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why, for people."""

    ja: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class TakenUpload:
    """One upload that was taken in."""

    id: str
    agent: str
    sequence: int
    received: datetime
    size: int
    observations: int
    sent: int
    known: int
    state: State
    devices: int | None
    reason: Reason
    finished: datetime | None


def note(
    connection: Connection, agent: str, sequence: int, size: int, done: Appended, now: datetime
) -> State:
    """Note an upload that was stored in this transaction; one that brought nothing new is finished."""
    news = done.observations_new + done.sent_new
    state = State.QUEUED if news else State.NO_CHANGES
    row = {
        "id": uuid4().hex,
        "agent": agent,
        "sequence": sequence,
        "received": microseconds(now),
        "size": size,
        "observations": done.observations_new,
        "sent": done.sent_new,
        "known": done.observations_known + done.sent_known,
        "state": state.value,
        "reason_ja": "",
        "reason_en": "",
        "finished": None if news else microseconds(now),
    }
    connection.execute(uploads.insert(), [row])
    return state


def backlog(connection: Connection, most: int) -> int:
    """Count the uploads that nobody has derived devices from; stops counting at `most`."""
    some = select(uploads.c.id).where(uploads.c.state == State.QUEUED.value).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def waiting(connection: Connection) -> tuple[str, ...]:
    """Give the ids of the uploads whose observations the devices do not know of yet."""
    query = select(uploads.c.id).where(uploads.c.state.in_([state.value for state in WAITING]))
    return tuple(connection.execute(query).scalars())


def settle(
    connection: Connection,
    ids: Sequence[str],
    state: State,
    now: datetime,
    *,
    devices: int | None = None,
    reason: Reason | None = None,
) -> None:
    """Say what became of these uploads."""
    why = reason or Reason()
    values = {
        "state": state.value,
        "devices": devices,
        "reason_ja": why.ja,
        "reason_en": why.en,
        "finished": microseconds(now),
    }
    for start in range(0, len(ids), _BATCH):
        some = uploads.c.id.in_(ids[start : start + _BATCH])
        connection.execute(uploads.update().where(some).values(values))


def list_uploads(
    connection: Connection, *, states: Iterable[State] = (), agent: str = "", most: int = 100, skip: int = 0
) -> tuple[TakenUpload, ...]:
    """Give uploads, newest first; of these states and this agent only, if any are named."""
    query = (
        select(uploads)
        .order_by(uploads.c.received.desc(), uploads.c.sequence.desc(), uploads.c.id)
        .limit(most)
        .offset(skip)
    )
    if named := [state.value for state in states]:
        query = query.where(uploads.c.state.in_(named))
    if agent:
        query = query.where(uploads.c.agent == agent)
    return tuple(map(_upload, connection.execute(query)))


def count_states(connection: Connection) -> dict[State, int]:
    """Count the uploads by state."""
    rows = connection.execute(select(uploads.c.state, func.count()).group_by(uploads.c.state))
    return {State(state): count for state, count in rows}


def _upload(row: Row[tuple[object, ...]]) -> TakenUpload:
    return TakenUpload(
        row.id,
        row.agent,
        row.sequence,
        _moment(row.received),
        row.size,
        row.observations,
        row.sent,
        row.known,
        State(row.state),
        row.devices,
        Reason(row.reason_ja, row.reason_en),
        None if row.finished is None else _moment(row.finished),
    )


def _moment(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)
