# SPDX-License-Identifier: Apache-2.0
"""Many requests write the log together; an attacker who is refused a million times writes a handful of entries."""

import threading
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from collector.audit_queue import MOST_KINDS, AuditQueue, Refusals
from inventory_db import audit, audit_log
from inventory_db.audit import Action, Event, Outcome
from inventory_db.audit_check import check
from inventory_db.tables import LedgerUnwritten
from tests.inventory_engines import ledger_engine
from tests.test_audit import NOW, event

__all__ = ["ledger_engine"]


def refused(origin: str) -> Event:
    return event(action=Action.REFUSED, outcome=Outcome.REFUSED, origin=origin)


def test_threads_share_transactions_and_lose_nothing(ledger_engine: Engine) -> None:
    queue = AuditQueue(ledger_engine)

    def run(start: int) -> None:
        for number in range(start, start + 10):
            queue.write([event(number)])

    threads = [threading.Thread(target=run, args=(100 * n,)) for n in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(60)
    with ledger_engine.connect() as connection:
        entries = list(audit_log.stream(connection, 1))
        found = check(entries, [audit.head(connection, 1)])
    assert (found.entries, found.broken) == (120, None)
    assert {one.key for one in entries} == {f"d{100 * n + k}" for n in range(12) for k in range(10)}


def test_who_waits_hears_that_nothing_was_written(ledger_engine: Engine) -> None:
    queue = AuditQueue(ledger_engine)
    ledger_engine.dispose()
    with ledger_engine.begin() as connection:
        audit.audit.drop(connection)
    with pytest.raises((LedgerUnwritten, DBAPIError)):
        queue.write([event()])


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 300)), max_size=400))
def test_every_refusal_is_counted_and_few_are_written(given_: list[tuple[int, int]]) -> None:
    counter, written = Refusals(), []
    for second, address in sorted(given_):
        written += counter.take(
            refused(f"192.0.{address // 250}.{address % 250}"), NOW + timedelta(seconds=second)
        )
    written += counter.over(NOW + timedelta(hours=1))
    more = [msg["more"] for one in written if isinstance((msg := dict(one.detail)).get("more"), int)]
    assert len(written) - len(more) + sum(more) == len(given_)  # type: ignore[arg-type]
    assert len(written) <= 2 * (MOST_KINDS + 1) * 4


def test_a_flood_is_two_entries_a_minute(ledger_engine: Engine) -> None:
    queue = AuditQueue(ledger_engine)
    for n in range(500):
        queue.refuse(refused(f"2001:db8::{n:x}"), NOW + timedelta(milliseconds=n))
    queue.flush(NOW + timedelta(minutes=1))
    with ledger_engine.connect() as connection:
        entries = list(audit_log.stream(connection, 1))
    assert len(entries) == 2
    assert '"more":499' in entries[1].detail
