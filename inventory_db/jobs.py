# SPDX-License-Identifier: Apache-2.0
"""Work that uploads leave behind: deriving a facility's devices, done by whichever collector takes it.

There is one job per facility and kind, so that many uploads cost one derivation. `want` is called in the upload's
transaction; `claim` takes a job that is due for a while (a lease: whoever is killed loses it), on PostgreSQL with
SKIP LOCKED; `carry_out` does it, its end in one transaction with the uploads' states. Uploads that come meanwhile
count `asked` up, and the job stays. What fails stays too: with the reason, and with a longer and longer pause.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Row,
    String,
    Table,
    Text,
    and_,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from inventory_db.binding import bind, every, owned
from inventory_db.digested import is_current, is_left_half
from inventory_db.facilities import list_facilities
from inventory_db.observations import microseconds
from inventory_db.refreshing import Coming, Overtaken, find, finish_steps, is_much, write, write_in_steps
from inventory_db.tables import LedgerError, metadata, observations, writing
from inventory_db.uploads import Reason, State, settle, waiting

IDENTIFY = "identify"
LEASE = timedelta(seconds=60)  # that a job belongs to who took it, unless renewed
QUIET = timedelta(seconds=30)  # that a scan under way waits until its devices are derived again
SHARE = 9  # times as long as a derivation took, the next one waits while scans are under way
LONGEST = timedelta(minutes=5)  # that it waits at most
FIRST_PAUSE = timedelta(seconds=10)  # after a failure; doubled with each further one
LONGEST_PAUSE = timedelta(hours=1)
_log = logging.getLogger(__name__)

jobs = Table(
    "jobs",
    metadata,
    owned(),
    Column("kind", String(32), primary_key=True),
    Column("wanted", BigInteger, nullable=False),  # microseconds since 1970 UTC: since when
    Column("asked", BigInteger, nullable=False),  # how many uploads have asked for it
    Column("urgent", Integer, nullable=False),  # 1: a scan has ended, people wait for it
    Column("not_before", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),  # failed ones in a row
    Column("leased_by", String(64), nullable=False),
    Column("leased_until", BigInteger, nullable=False),
    Column("trouble_ja", Text, nullable=False),  # why the last attempt failed
    Column("trouble_en", Text, nullable=False),
)

Then = Callable[[Connection], object]


def nothing(_: Connection) -> None:
    """Follow a derivation with nothing."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was taken, or as it stands."""

    facility: int
    kind: str
    wanted: datetime
    asked: int
    urgent: bool
    attempts: int
    not_before: datetime
    leased_by: str
    trouble: Reason


def want(connection: Connection, now: datetime, *, urgent: bool) -> None:
    """Ask, in the transaction of what was stored, that devices be derived; call it last.

    Until the end of the transaction others who ask for the same facility wait.
    """
    at = microseconds(now)
    row = {
        "kind": IDENTIFY,
        "wanted": at,
        "asked": 1,
        "urgent": int(urgent),
        "not_before": at + QUIET // timedelta(microseconds=1),
        "attempts": 0,
        "leased_by": "",
        "leased_until": 0,
        "trouble_ja": "",
        "trouble_en": "",
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(jobs)
    again = {"asked": jobs.c.asked + 1} | ({"urgent": 1} if urgent else {})
    connection.execute(
        statement.on_conflict_do_update(index_elements=["facility", "kind"], set_=again), [row]
    )


def want_what_was_left(engine: Engine, now: datetime) -> None:
    """Ask for devices wherever something is stored that they do not know of and no job waits; at the start."""
    with every(engine).connect() as connection:
        left = {one.id for one in list_facilities(connection)} - {
            job.facility for job in list_jobs(connection)
        }
    for own in (bind(engine, id) for id in sorted(left)):
        with own.connect() as connection:
            nothing = connection.execute(select(observations.c.id).limit(1)).first() is None
            current = nothing or is_current(connection)
        if not current:
            with writing(own) as connection:
                want(connection, now, urgent=True)


def claim(engine: Engine, worker: str, now: datetime) -> Job | None:
    """Take the job that has waited longest of those that are due; None if there is none. `engine` may see all."""
    at = microseconds(now)
    due = and_(
        or_(jobs.c.not_before <= at, and_(jobs.c.urgent == 1, jobs.c.attempts == 0)), jobs.c.leased_until < at
    )
    query = select(jobs).where(due).order_by(jobs.c.urgent.desc(), jobs.c.wanted).limit(1)
    with every(engine).connect() as connection:  # without a writer's lock: mostly there is nothing to do
        if connection.execute(query).first() is None:
            return None
    with _marking(every(engine)) as connection:
        row = connection.execute(query.with_for_update(skip_locked=True)).first()
        if row is None:
            return None
        mine = and_(jobs.c.facility == row.facility, jobs.c.kind == row.kind)
        until = microseconds(now + LEASE)
        connection.execute(jobs.update().where(mine).values(leased_by=worker, leased_until=until, urgent=0))
        return _job(row)


def renew(engine: Engine, job: Job, worker: str, now: datetime) -> None:
    """Keep a job that takes longer than its lease."""
    with _marking(bind(engine, job.facility)) as connection:
        connection.execute(
            jobs.update().where(_held(job, worker)).values(leased_until=microseconds(now + LEASE))
        )


def carry_out(
    engine: Engine, job: Job, worker: str, now: Callable[[], datetime], then: Then = nothing
) -> State:
    """Derive the facility's devices and say so of every upload that waited; a failure is kept in words, not raised.

    The devices are looked for first, which holds up nobody; if somebody else derived meanwhile, all is done in one
    transaction. `then` is called in the last one.
    """
    own, begun = bind(engine, job.facility), now()
    try:
        try:
            return _derive(own, job, begun, now, then)
        except Overtaken:
            _log.info("facility %d: somebody else derived meanwhile; once more", job.facility)
            with writing(own) as connection:
                order = _look(connection, job, alone=False)
                changed = write(connection, order.coming)
                return _settle(connection, job, order, changed, begun, now, then)
    except Exception as error:
        _fail(own, job, worker, error, now())
        return State.FAILED


def list_jobs(connection: Connection) -> tuple[Job, ...]:
    """Give the jobs that wait or are being done."""
    return tuple(map(_job, connection.execute(select(jobs).order_by(jobs.c.wanted))))


def retry(connection: Connection, now: datetime) -> int:
    """Let everything that waits be tried at once, whatever failed before; gives how many uploads wait."""
    ids = waiting(connection)
    if ids:
        want(connection, now, urgent=True)
    connection.execute(jobs.update().values(not_before=microseconds(now), attempts=0))
    return len(ids)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a job found to do."""

    asked: int
    uploads: tuple[str, ...]  # that the devices know of after it
    coming: Coming | None
    alone: bool  # whether all that the uploads change is in `coming`: nobody wrote a part of it before


def _derive(own: Engine, job: Job, begun: datetime, now: Callable[[], datetime], then: Then) -> State:
    """Derive with everything that is stored by now: look, write all but the end, then the end with the uploads' states."""
    with own.connect() as connection:
        order = _look(connection, job)
    coming = order.coming
    if coming is None or not is_much(coming):
        with writing(own) as connection:
            changed = write(connection, coming)
            return _settle(connection, job, order, changed, begun, now, then)
    changed = write_in_steps(own, coming)
    with writing(own) as connection:
        changed += finish_steps(connection, coming)
        return _settle(connection, job, order, changed, begun, now, then)


def _look(connection: Connection, job: Job, *, alone: bool = True) -> _Order:
    """Look for the devices; the uploads are read first, so none is called done that came later."""
    asked, ids = _asked(connection, job), waiting(connection)
    alone = alone and not is_left_half(connection)
    return _Order(asked, ids, find(connection), alone)


def _settle(
    connection: Connection,
    job: Job,
    order: _Order,
    changed: int,
    begun: datetime,
    now: Callable[[], datetime],
    then: Then,
) -> State:
    """Say what became of the uploads, in the transaction from which on the devices know of them."""
    then(connection)
    state = State.RECONCILED if changed or not order.alone else State.NO_CHANGES
    settle(connection, order.uploads, state, now(), devices=changed if order.alone else None)
    _finish(connection, job, order.asked, now() - begun, now())
    return state


def _asked(connection: Connection, job: Job) -> int:
    """Say how many have asked so far; read before anything else, so that who asks later is not taken as served."""
    return connection.execute(select(jobs.c.asked).where(jobs.c.kind == job.kind)).scalar() or 0


def _finish(connection: Connection, job: Job, asked: int, took: timedelta, now: datetime) -> None:
    """Take the job away, or leave it to be done again if somebody has asked meanwhile."""
    mine = jobs.c.kind == job.kind
    if connection.execute(jobs.delete().where(mine, jobs.c.asked == asked)).rowcount:
        return
    pause = min(max(QUIET, took * SHARE), LONGEST)
    connection.execute(
        jobs.update()
        .where(mine)
        .values(
            wanted=microseconds(now),
            not_before=microseconds(now + pause),
            attempts=0,
            leased_by="",
            leased_until=0,
            trouble_ja="",
            trouble_en="",
        )
    )


def _fail(own: Engine, job: Job, worker: str, error: Exception, now: datetime) -> None:
    """Keep why it failed, and when it is tried again."""
    _log.error("deriving the devices of facility %d failed", job.facility, exc_info=error)
    pause = min(FIRST_PAUSE * 2 ** min(job.attempts, 20), LONGEST_PAUSE)
    reason = _reason(error, job.attempts + 1)
    with writing(own) as connection:
        settle(connection, waiting(connection), State.FAILED, now, reason=reason)
        values = {
            "attempts": job.attempts + 1,
            "not_before": microseconds(now + pause),
            "leased_by": "",
            "leased_until": 0,
            "trouble_ja": reason.ja,
            "trouble_en": reason.en,
        }
        connection.execute(jobs.update().where(_held(job, worker)).values(values))


def _reason(error: Exception, attempts: int) -> Reason:
    ja, en = (error.ja, error.en) if isinstance(error, LedgerError) else (type(error).__name__,) * 2
    return Reason(
        f"台帳への反映に失敗しました（{attempts} 回目: {ja}）。記録は保存済みで、失われていません。自動でやり直します。",
        f"Deriving the devices failed (attempt {attempts}: {en}). The records are stored and not lost; "
        "it is tried again by itself.",
    )


def _marking(engine: Engine) -> AbstractContextManager[Connection]:
    """Open the transaction in which a job is taken or kept: one writer on SQLite, by SKIP LOCKED on PostgreSQL."""
    return engine.begin() if engine.dialect.name == "postgresql" else writing(engine)


def _held(job: Job, worker: str) -> ColumnElement[bool]:
    return and_(jobs.c.kind == job.kind, jobs.c.leased_by == worker)


def _job(row: Row[Any]) -> Job:
    return Job(
        facility=row.facility,
        kind=row.kind,
        wanted=_moment(row.wanted),
        asked=row.asked,
        urgent=bool(row.urgent),
        attempts=row.attempts,
        not_before=_moment(row.not_before),
        leased_by=row.leased_by,
        trouble=Reason(row.trouble_ja, row.trouble_en),
    )


def _moment(value: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=value)
