# SPDX-License-Identifier: Apache-2.0
"""Devices of the facility's own ledger beside those that a scan saw: their rows, their 管理番号, their JSON.

A listed device that no scan has seen gets a number of ours from the same series, never used twice. When it
is linked to a device later, that device keeps its own number and the listed one's is retired.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from inventory_db import people, statements, tables
from inventory_db.binding import prepared
from inventory_db.observations import microseconds
from inventory_db.official import COLUMNS, ListedRow, listed_row
from inventory_db.people import Entry
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated, standing

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def listed_rows(connection: Connection, at: datetime | None = None) -> tuple[ListedRow, ...]:
    """Give the listed devices that no scan has seen, by 管理番号, now or as known at `at`."""
    found = standing(connection, ListedDevice, at).values()
    numbers = _numbers_of(connection, [id for one in found for id in (one.said.id, one.said.device) if id])
    loose = [one for one in found if one.said.present and one.said.device not in numbers]
    typed: dict[str, list[Entry]] = defaultdict(list)
    for entry in people.entries(connection, at) if loose else ():
        typed[entry.device_id].append(entry)
    rows = [
        listed_row(one, numbers.get(one.said.id), people.latest(typed.get(one.said.id, ()))) for one in loose
    ]
    return tuple(sorted(rows, key=lambda row: (not row.number, int(row.number or 0))))


def listed_by_device(connection: Connection, at: datetime | None = None) -> dict[str, Stated[ListedDevice]]:
    """Give the first row of the facility's own ledger that is linked to each device."""
    found: dict[str, Stated[ListedDevice]] = {}
    for one in standing(connection, ListedDevice, at).values():
        if one.said.present and one.said.device:
            found.setdefault(one.said.device, one)
    return found


def number_listed(connection: Connection, ids: Iterable[str]) -> int:
    """Give each listed device without a number the next one; gives how many got one. Needs the writer's lock."""
    table, known = tables.numbers, _numbers(connection)
    last = max(known.values(), default=0)
    new = [id for id in dict.fromkeys(ids) if id not in known]
    now = microseconds(datetime.now(UTC))
    rows = [
        {"number": number, "device_id": id, "anchor": id, "assigned": now}
        for number, id in enumerate(new, last + 1)
    ]
    if rows:
        connection.execute(insert(table), rows)
    return len(rows)


def numbers_of_listed(connection: Connection) -> dict[str, int]:
    """Give our number of everything that ever had one, by device id or listed id."""
    return _numbers(connection)


_TABLE = statements.statements
_LAST = prepared(
    select(_TABLE.c.at, _TABLE.c.who)
    .where(_TABLE.c.kind == ListedDevice.KIND)
    .order_by(_TABLE.c.at.desc())
    .limit(1)
)


def last_listed(connection: Connection, at: datetime | None = None) -> tuple[datetime, str] | None:
    """Give when and by whom a row was listed last."""
    query = _LAST if at is None else _LAST.where(_TABLE.c.at <= microseconds(at))
    row = connection.execute(query).first()
    return (_EPOCH + timedelta(microseconds=row.at), row.who) if row else None


def listed_json(connection: Connection, at: datetime | None = None) -> list[dict[str, Any]]:
    """Give every row of the facility's own ledgers as JSON values: linked to a device, or not seen."""
    unseen = {row.listed.id: row for row in listed_rows(connection, at)}
    return [
        _json(one, unseen.get(one.said.id))
        for one in standing(connection, ListedDevice, at).values()
        if one.said.present
    ]


def _json(one: Stated[ListedDevice], unseen: ListedRow | None) -> dict[str, Any]:
    said = one.said
    return {
        "id": said.id,
        "number": unseen.number if unseen else None,  # a linked one has its device's
        "own_number": said.cells.get("管理番号") or None,
        "device": said.device if unseen is None else None,
        "matched_by": said.matched_by.split(",") if said.matched_by else [],
        "cells": said.cells,
        "official": dict(zip(COLUMNS, unseen.values, strict=True)) if unseen else None,
        "ledger": said.ledger,
        "source": said.source,
        "row": said.row,
        "by": one.who,
        "at": msgspec.to_builtins(one.at),
    }


def _numbers_of(connection: Connection, ids: list[str]) -> dict[str, int]:
    """Give our number of those of these that ever had one."""
    table, found = tables.numbers, dict[str, int]()
    for start in range(0, len(ids), 500):
        some = table.c.device_id.in_(ids[start : start + 500])
        found |= {row.device_id: row.number for row in connection.execute(select(table).where(some))}
    return found


def _numbers(connection: Connection) -> dict[str, int]:
    table = tables.numbers
    return {row.device_id: row.number for row in connection.execute(select(table))}
