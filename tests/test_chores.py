# SPDX-License-Identifier: Apache-2.0
"""The night's work is done once, by whichever collector comes first, and a day later again."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from collector.audit_queue import AuditQueue
from collector.chores import Chores
from collector.settings import Settings
from inventory_db.audit import Action, Event, audit, record_now
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

EVENING = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)  # 21:00 in Japan


class Clock:
    def __init__(self) -> None:
        self.at = EVENING

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def heads_told(engine: Engine) -> int:
    with engine.connect() as connection:
        rows = connection.execute(select(audit.c.number).where(audit.c.action == Action.AUDIT_HEADS.value))
        return len(rows.all())


def test_once_a_night_and_by_one_collector(ledger_engine: Engine, clock: Clock) -> None:
    two = [Chores(ledger_engine, Settings(), AuditQueue(ledger_engine), clock) for _ in range(2)]
    assert [one.step() for one in two] == [True, False]  # nothing was ever done: this evening's turn
    clock.at = EVENING + timedelta(hours=5, minutes=59)  # 02:59
    assert [one.step() for one in two] == [False, False]
    clock.at += timedelta(minutes=2)
    assert [one.step() for one in two] == [True, False]
    clock.at += timedelta(hours=20)
    assert two[1].step() is False
    clock.at += timedelta(hours=5)
    assert two[1].step() is True


def test_a_clock_that_goes_back_does_no_harm(ledger_engine: Engine, clock: Clock) -> None:
    chores = Chores(ledger_engine, Settings(), AuditQueue(ledger_engine), clock)
    assert chores.step() is True
    clock.at -= timedelta(days=40)
    assert chores.step() is False


def test_the_heads_of_the_audit_log_are_told(ledger_engine: Engine, clock: Clock) -> None:
    chores = Chores(ledger_engine, Settings(), AuditQueue(ledger_engine), clock)
    chores.step()
    assert heads_told(ledger_engine) == 0  # there is no chain yet
    record_now(ledger_engine, [Event(action=Action.LOGIN, facility=1, name="鈴木")])
    clock.at += timedelta(days=1)
    chores.step()
    assert heads_told(ledger_engine) == 1
