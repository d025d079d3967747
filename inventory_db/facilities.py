# SPDX-License-Identifier: Apache-2.0
"""The facilities whose ledgers this database holds, and how an engine is bound to one of them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import BigInteger, Column, Connection, Integer, String, Table, select

from inventory_db.binding import FIRST, NotBound, bind, every, facility_of, owned, owner_column, unbound
from inventory_db.observations import microseconds
from inventory_db.tables import LedgerError, metadata
from probes.facts import printable

__all__ = [
    "FIRST",
    "BadFacility",
    "Facility",
    "NotBound",
    "add_facility",
    "bind",
    "close_facility",
    "every",
    "facility_of",
    "find_facility",
    "list_facilities",
    "owned",
    "owner_column",
    "rename_facility",
    "reopen_facility",
    "unbound",
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

facilities = Table(
    "facilities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),  # as commands name it
    Column("name", String(255), nullable=False),  # "" for the first, until somebody names it
    Column("created", BigInteger, nullable=False),  # microseconds since 1970 UTC; 0: with the ledger
    Column("closed", BigInteger),  # since when it is only read, and its agents are refused
)


class BadFacility(LedgerError):
    """A facility that cannot be kept so; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Facility:
    """One hospital or pharmacy."""

    id: int
    key: str
    name: str
    created: datetime
    closed: datetime | None


def list_facilities(connection: Connection) -> tuple[Facility, ...]:
    """Give every facility, oldest first, closed ones included."""
    rows = connection.execute(select(facilities).order_by(facilities.c.id))
    return tuple(
        Facility(
            row.id, row.key, row.name, _time(row.created), None if row.closed is None else _time(row.closed)
        )
        for row in rows
    )


def find_facility(connection: Connection, key: str | int) -> Facility | None:
    """Give the facility with this id or key."""
    return next((one for one in list_facilities(connection) if key in (one.id, one.key)), None)


def add_facility(connection: Connection, key: str, name: str, now: datetime) -> Facility:
    """Make a facility and give it; raises BadFacility for a key that is taken or cannot be one."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", key) or not name.strip():
        raise BadFacility(
            "施設の見出し（小文字の英数字と「-」、63文字まで）と名前の両方が要ります。何も変更していません。",
            "A facility needs a key (lower-case letters, digits and “-”, at most 63) and a name. Nothing was changed.",
        )
    if find_facility(connection, key) is not None:
        raise BadFacility(
            f"見出し「{key}」の施設はもうあります。何も変更していません。別の見出しにしてください。",
            f"There is a facility “{key}” already. Nothing was changed. Choose another key.",
        )
    values = {"key": key, "name": printable(name.strip(), 255), "created": microseconds(now)}
    made = connection.execute(facilities.insert().values(values)).inserted_primary_key
    assert made is not None  # noqa: S101 - both databases give it
    return Facility(made[0], key, values["name"], now, None)  # type: ignore[arg-type]


def rename_facility(connection: Connection, id: int, name: str) -> None:
    """Give a facility another name."""
    connection.execute(
        facilities.update().where(facilities.c.id == id).values(name=printable(name.strip(), 255))
    )


def close_facility(connection: Connection, id: int, now: datetime) -> None:
    """From now on its ledger is only read and its agents are refused; nothing is removed."""
    still_open = facilities.update().where(facilities.c.id == id, facilities.c.closed.is_(None))
    connection.execute(still_open.values(closed=microseconds(now)))


def reopen_facility(connection: Connection, id: int) -> None:
    """Let its ledger be changed and its agents deliver again."""
    connection.execute(facilities.update().where(facilities.c.id == id).values(closed=None))


def _time(at: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at)
