# SPDX-License-Identifier: Apache-2.0
"""Reading the audit log: always one chain, which the caller takes from who is asking."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, or_, select

from inventory_db.account_tables import moment
from inventory_db.audit import Action, Entry, audit
from inventory_db.observations import microseconds

MOST_COUNTED = 10_000  # a page says "more than this" beyond it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries a person wants to see; empty fields want all."""

    person: str = ""  # name as shown, or id of the account
    action: str = ""
    key: str = ""  # of what it was done to: a device's id …
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def entries(
    connection: Connection, facility: int, wanted: Wanted | None = None, *, before: int = 0, most: int = 100
) -> list[Entry]:
    """Give the newest entries of the chain that are wanted, newest first, with numbers below `before` (0: all)."""
    query = _query(facility, wanted or Wanted()).order_by(audit.c.number.desc()).limit(most)
    if before:
        query = query.where(audit.c.number < before)
    return [_entry(row) for row in connection.execute(query)]


def stream(connection: Connection, facility: int, wanted: Wanted | None = None) -> Iterator[Entry]:
    """Give every wanted entry of the chain, oldest first, in bounded memory."""
    query = _query(facility, wanted or Wanted()).order_by(audit.c.number)
    for row in connection.execute(query.execution_options(yield_per=1000)):
        yield _entry(row)


def count(connection: Connection, facility: int, wanted: Wanted | None = None) -> int:
    """Count the wanted entries, at most MOST_COUNTED + 1."""
    some = _query(facility, wanted or Wanted()).limit(MOST_COUNTED + 1).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def last_times(
    connection: Connection, facility: int, action: Action, accounts: Sequence[str]
) -> dict[str, datetime]:
    """Give when each of these accounts last did this at the facility; those who never did are left out."""
    found = (
        select(audit.c.account, func.max(audit.c.at))
        .where(
            audit.c.facility == facility,
            audit.c.action == action.value,
            audit.c.outcome == "done",
            audit.c.account.in_(accounts),
        )
        .group_by(audit.c.account)
    )
    return {account: moment(at) for account, at in connection.execute(found)}


def _query(facility: int, wanted: Wanted) -> Select[Any]:
    query = select(audit).where(audit.c.facility == facility)
    if wanted.person:
        query = query.where(or_(audit.c.name == wanted.person, audit.c.account == wanted.person))
    for column in ("action", "key", "outcome"):
        if value := getattr(wanted, column):
            query = query.where(audit.c[column] == value)
    if wanted.since:
        query = query.where(audit.c.at >= microseconds(wanted.since))
    if wanted.until:
        query = query.where(audit.c.at <= microseconds(wanted.until))
    return query


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
