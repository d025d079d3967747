# SPDX-License-Identifier: Apache-2.0
"""Lets go of what the rules say, of one facility: found first, proven to change no device, then deleted by batches.

The tables refuse DELETE. A row of `retention_door` opens them for one kind, for rows older than a moment, and on
PostgreSQL for the transaction that put it there alone; pinned rows and those that a device's number hangs on stay
shut even then (migration). It is taken away in the same transaction, so nobody else ever sees it. Every batch writes
its line of the audit log in its own transaction: nothing goes without it.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Column, Connection, Engine, String, Table, delete, insert, select, text

from inventory_db import audit, ledger, tables
from inventory_db.audit import Action, Event
from inventory_db.binding import facility_of, owned
from inventory_db.decisions import decisions
from inventory_db.derived import renew_turn
from inventory_db.observations import announce, as_cell, load, microseconds, vantages
from inventory_db.pins import pinned, pins
from inventory_db.retention import LEAST, Rules, harmless, repeats, stands_on
from inventory_db.tables import writing

BATCH = 20_000  # rows let go of in one transaction
_WHO = "daicho"

door = Table(
    "retention_door",
    tables.metadata,
    owned(),
    Column("kind", String(32), primary_key=True),  # name of the table
    Column("before", BigInteger, nullable=False),  # microseconds since 1970 UTC
    Column("xact", String(32), nullable=False),  # PostgreSQL: the transaction that it is open for
)


@dataclass(frozen=True, slots=True)
class LetGo:
    """What goes, or went, of one kind."""

    kind: str  # transcripts, confirmations, journal
    before: datetime
    ids: tuple[str, ...]
    kept: int = 0  # that are old enough and stay because something stands on them

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted ids, one a line: whoever has a backup can show what went."""
        return _digest(self.ids)


def due(connection: Connection, rules: Rules, now: datetime) -> list[LetGo]:
    """Give what the rules let go of now; changes nothing."""
    held = stands_on(ledger.devices(connection)) | pinned(connection) | _anchors(connection)
    found: list[LetGo] = []
    for kind, seek in (
        ("confirmations", _confirmations),
        ("transcripts", _transcripts),
        ("journal", _journal),
    ):
        age = getattr(rules, kind)
        if age is not None:
            found.append(seek(connection, now - max(age, LEAST), held))
    return found


def let_go(engine: Engine, rules: Rules, now: datetime) -> list[LetGo]:
    """Let go of what the rules say, and say what went; the engine is bound to the facility."""
    done = []
    with engine.connect() as connection:
        found = due(connection, rules, now)
    for one in found:
        if one.kind == "transcripts":  # again, under the lock: an upload may just have said the same
            done.append(_let_transcripts_go(engine, one, now))
        else:
            _let_rows_go(engine, one, now)
            done.append(one)
    if any(one.ids for one in done if one.kind == "confirmations"):
        with writing(engine) as connection:
            announce(connection, 0, ())  # nothing came, but devices may list what went
            ledger.refresh(connection)
    return done


def _let_rows_go(engine: Engine, one: LetGo, now: datetime) -> None:
    table = tables.journal if one.kind == "journal" else tables.observations
    for start in range(0, len(one.ids), BATCH):
        some = one.ids[start : start + BATCH]
        with writing(engine) as connection, _opened(connection, table, one.before):
            _delete(connection, table, some)
            renew_turn(connection)
            audit.record(connection, _event(one, some, facility_of(connection), now))


def _let_transcripts_go(engine: Engine, one: LetGo, now: datetime) -> LetGo:
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("LOCK TABLE transcripts IN SHARE ROW EXCLUSIVE MODE"))
        held = stands_on(ledger.devices(connection)) | pinned(connection)
        again = _transcripts(connection, one.before, held)
        with _opened(connection, tables.transcripts, one.before):
            _delete(connection, tables.transcripts, again.ids)
        if again.ids:
            audit.record(connection, _event(again, again.ids, facility_of(connection), now))
    return again


@contextmanager
def _opened(connection: Connection, table: Table, before: datetime) -> Iterator[None]:
    """Open the door of one table inside this transaction."""
    xact = ""
    if connection.dialect.name == "postgresql":
        xact = str(connection.execute(text("SELECT pg_current_xact_id()::text")).scalar_one())
    row = {"kind": table.name, "before": microseconds(before), "xact": xact}
    connection.execute(insert(door), [row])
    yield
    connection.execute(delete(door).where(door.c.kind == table.name))


def _delete(connection: Connection, table: Table, ids: Sequence[str]) -> None:
    for start in range(0, len(ids), 500):
        connection.execute(delete(table).where(table.c.id.in_(ids[start : start + 500])))


def _event(one: LetGo, ids: Sequence[str], facility: int, now: datetime) -> Event:
    return Event(
        action=Action.RETENTION,
        facility=facility,
        name=_WHO,
        origin="collector",
        kind=one.kind,
        detail={"before": one.before.isoformat(), "count": len(ids), "ids_sha256": _digest(ids)},
        at=now,
    )


def _digest(ids: Iterable[str]) -> str:
    return hashlib.sha256("".join(f"{id}\n" for id in sorted(ids)).encode()).hexdigest()


def _anchors(connection: Connection) -> set[str]:
    return set(connection.execute(select(tables.numbers.c.anchor)).scalars())


def _confirmations(connection: Connection, before: datetime, held: set[str]) -> LetGo:
    every = list(load(connection))
    ids = harmless(every, vantages(connection), before, held, decisions(connection))
    return LetGo(
        "confirmations", before, tuple(sorted(ids)), sum(1 for _ in repeats(every, before)) - len(ids)
    )


def _transcripts(connection: Connection, before: datetime, held: set[str]) -> LetGo:
    """Give the transcripts that only observations older than `before` have said."""
    seen, limit = tables.observations, microseconds(before)
    young = select(seen.c.transcript).where(seen.c.at >= limit, seen.c.transcript.is_not(None))
    query = select(tables.transcripts.c.id).except_(young)
    old = set(connection.execute(query).scalars())
    kept = set(connection.execute(select(pins.c.transcript).where(pins.c.transcript.is_not(None))).scalars())
    ids = sorted(held)
    for start in range(0, len(ids), 500):
        some = seen.c.id.in_(ids[start : start + 500]), seen.c.transcript.is_not(None)
        kept |= set(connection.execute(select(seen.c.transcript).where(*some)).scalars())
    return LetGo("transcripts", before, tuple(sorted(old - kept)), len(old & kept))


def _journal(connection: Connection, before: datetime, _held: set[str]) -> LetGo:
    """Give what we sent before `before`, but for the scans in which a device was last seen."""
    table, limit = tables.journal, microseconds(before)
    scans = {as_cell(device.scan) for device in ledger.devices(connection)}
    rows = connection.execute(select(table.c.id, table.c.scan).where(table.c.at < limit)).all()
    ids = tuple(sorted(row.id for row in rows if row.scan not in scans))
    return LetGo("journal", before, ids, len(rows) - len(ids))
