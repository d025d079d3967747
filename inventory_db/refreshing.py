# SPDX-License-Identifier: Apache-2.0
"""Devices brought up to date: first looked for, which only reads, then written, in one transaction or in steps.

Looking takes by far the longest, and nobody waits for it. What it found is written if nobody else has derived since
(`derived.turn_word`), else not at all (`Overtaken`). Many devices are written in steps, so that who writes a line of
the audit log or hands in an upload comes between two of them. A step holds whole parts (`components`), so each device
stands as it was or as it is. While steps go on there is no digest: a crash costs that all is looked at again.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, select

from inventory_db import digested, kept_devices, ledger_index, tables
from inventory_db.bulk import insert_rows
from inventory_db.decisions import last_decision
from inventory_db.derived import renew_turn, turn_word
from inventory_db.device import Device
from inventory_db.digested import TakenUp
from inventory_db.given_numbers import number_all, numbers_of
from inventory_db.identify import MARK, derive_again
from inventory_db.kept_devices import KeptDevice
from inventory_db.observations import microseconds
from inventory_db.touching import touched_again
from inventory_db.undisturbed import undisturbed

STEP = 500  # changed devices, or so, in one transaction
ROWS = 10_000  # observations, or so, in one; a changed device counts as so many that STEP of them fill it
AT_ONCE = 1000  # devices that are written without steps
BREATH = 0.02  # seconds between two steps, in which another writer takes its turn


class Overtaken(Exception):
    """Somebody else has derived devices or given numbers since these were looked for; the rest of them is not written."""


class Given(NamedTuple):
    """A 管理番号 that is to be given."""

    number: int
    device_id: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Coming:
    """What the devices are now, not written yet."""

    turn: str  # word of who derived last, when this was looked for
    taken: TakenUp
    before: Mapping[str, KeptDevice]
    now: Mapping[str, KeptDevice]
    numbers: Mapping[str, int | None]
    given: tuple[Given, ...]

    @property
    def changed(self) -> list[str]:
        """Ids of the devices to be written."""
        return [id for id, one in self.now.items() if self.before.get(id) != one]

    @property
    def gone(self) -> set[str]:
        """Ids that are no device's any more."""
        return self.before.keys() - self.now.keys()


def refresh(connection: Connection) -> int:
    """Bring the devices up to date with every observation and keep them; gives how many there are.

    New devices get the next 管理番号. Takes the writer's lock until the end of the transaction.
    """
    tables.lock(connection)
    write(connection, find(connection))
    return connection.execute(select(func.count()).select_from(tables.devices)).scalar_one()


def find(connection: Connection) -> Coming | None:
    """Look for what the devices are now; only reads. None if they are up to date."""
    turn = turn_word(connection)
    if digested.is_current(connection):
        return None
    with undisturbed():
        return _find(connection, turn)


def _find(connection: Connection, turn: str) -> Coming:
    taken = digested.look(connection)
    before = kept_devices.load(connection, taken.parts)
    known = {
        name: one.device
        for one in before.values()
        if one.made_of
        for name in (one.made_of[:MARK], one.made_of[MARK:])
    }
    fresh, made_of = derive_again(taken.digest, taken.footing.stood, known, taken.footing.decisions)
    rows: Mapping[str, Any] | None = taken.numbers
    if rows is None:
        rows = numbers_of(connection, {id for device in fresh for id in device.observations})
    derived = number_all(connection, fresh, rows)
    given = _next(connection, [device for device, number, _ in derived if number is None])
    if given:
        derived = number_all(
            connection, [device for device, *_ in derived], {**rows, **{one.anchor: one for one in given}}
        )
    old = {id: one.device for id, one in before.items()}
    found = touched_again(connection, [device for device, *_ in derived], old, taken.scans)
    now = {
        device.id: KeptDevice(device, mark, taken.part_of[device.observations[0]])
        for device, mark in zip(found, made_of, strict=True)
    }
    return Coming(
        turn, taken.without_words(), before, now, {device.id: number for device, number, _ in derived}, given
    )


def write(connection: Connection, coming: Coming | None) -> int:
    """Write all of it in the caller's transaction, which holds the writer's lock. Raises Overtaken.

    Gives how many devices are new, gone or look otherwise (`outward`).
    """
    if coming is None:
        ledger_index.bring_up(connection)
        return 0
    _check(connection, coming)
    _check_numbers(connection, coming)
    digested.keep(connection, coming.taken)
    _give(connection, coming.given)
    changed = kept_devices.keep(connection, coming.before, coming.now, coming.numbers)
    renew_turn(connection)
    return changed


def is_much(coming: Coming) -> bool:
    """Whether it is to be written in steps."""
    return len(coming.changed) + len(coming.gone) > AT_ONCE


def write_in_steps(engine: Engine, coming: Coming) -> int:
    """Write all but the end of it, each step in a transaction of its own; gives what `write` does.

    Raises Overtaken, LedgerUnwritten.
    """
    with tables.writing(engine) as connection:
        _check(connection, coming)
        _check_numbers(connection, coming)
        digested.begin_steps(connection)
        _give(connection, coming.given)
    if coming.taken.anew:
        while _in_turn(engine, coming, digested.forget_some):
            pass
    return sum(
        _in_turn(engine, coming, partial(_write_step, coming=coming, step=one)) for one in _steps(coming)
    )


def finish_steps(connection: Connection, coming: Coming) -> int:
    """Write the end, in a transaction that holds the writer's lock: from then on all of it counts. Raises Overtaken."""
    _check(connection, coming)
    digested.finish_steps(connection, coming.taken)
    changed = _write_devices(connection, coming, (), _gone_by_part(coming)[None])
    renew_turn(connection)
    return changed


@dataclass(slots=True)
class _Step:
    parts: list[int] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    rows: int = 0


def _steps(coming: Coming) -> Iterator[_Step]:
    """Put the parts together to steps of about the same size."""
    changed = defaultdict[int | None, list[str]](list)
    for id in coming.changed:
        changed[coming.now[id].part].append(id)
    gone, step = _gone_by_part(coming), _Step()
    for part, one in sorted(coming.taken.found.items()):
        step.parts.append(part)
        step.changed += changed[part]
        step.gone += gone[part]
        step.rows += len(one.observations) + ROWS // STEP * len(changed[part])
        if step.rows >= ROWS:
            yield step
            step = _Step()
    yield step


def _gone_by_part(coming: Coming) -> defaultdict[int | None, list[str]]:
    """Give the devices that are no more by the part in which their observations are now; None where they are in none."""
    found = defaultdict[int | None, list[str]](list)
    for id in sorted(coming.gone):
        found[coming.taken.part_of.get(coming.before[id].device.anchor)].append(id)
    return found


def _in_turn(engine: Engine, coming: Coming, work: Callable[[Connection], int]) -> int:
    """Do one step after others had their turn."""
    time.sleep(BREATH)
    with tables.writing(engine) as connection:
        _check(connection, coming)
        return work(connection)


def _write_step(connection: Connection, coming: Coming, step: _Step) -> int:
    digested.keep_parts(connection, coming.taken, step.parts)
    return _write_devices(connection, coming, step.changed, step.gone)


def _write_devices(
    connection: Connection, coming: Coming, changed: Collection[str], gone: Collection[str]
) -> int:
    before = {id: coming.before[id] for id in (*changed, *gone) if id in coming.before}
    return kept_devices.keep(connection, before, {id: coming.now[id] for id in changed}, coming.numbers)


def _check(connection: Connection, coming: Coming) -> None:
    known = coming.taken.digest.known
    if turn_word(connection) != coming.turn or last_decision(connection) != known.decided:
        raise Overtaken


def _check_numbers(connection: Connection, coming: Coming) -> None:
    """Raise Overtaken if others were given numbers meanwhile: rows of the facility's own ledger get them, too."""
    if coming.given and _last_number(connection) != coming.given[0].number - 1:
        raise Overtaken


def _last_number(connection: Connection) -> int:
    table = tables.numbers
    return connection.execute(select(table.c.number).order_by(table.c.number.desc()).limit(1)).scalar() or 0


def _next(connection: Connection, new: Sequence[Device]) -> tuple[Given, ...]:
    """Give these devices the numbers after the last."""
    last = _last_number(connection)
    return tuple(Given(last + place, device.id, device.anchor) for place, device in enumerate(new, 1))


def _give(connection: Connection, given: Sequence[Given]) -> None:
    assigned = microseconds(datetime.now(UTC))
    insert_rows(connection, tables.numbers, [one._asdict() | {"assigned": assigned} for one in given])
