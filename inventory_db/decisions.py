# SPDX-License-Identifier: Apache-2.0
"""People's decisions about devices as they stand in the record, and what was decided and taken back of one device."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from inventory_db.decided import Decision
from inventory_db.device import Part
from inventory_db.parts import names_any
from inventory_db.stated import SameDevice
from inventory_db.statements import Entry, history, standing, statements


def decisions(connection: Connection, at: datetime | None = None) -> tuple[Decision, ...]:
    """Give what stands now, or stood at `at`, oldest first."""
    return tuple(sorted(standing(connection, SameDevice, at).values(), key=lambda one: one.number))


def last_decision(connection: Connection) -> int:
    """Give the number of the last word, taking back included; 0 before the first."""
    last = select(func.max(statements.c.entry)).where(statements.c.kind == SameDevice.KIND)
    return connection.execute(last).scalar() or 0


def decided_of(connection: Connection, parts: Sequence[Part]) -> list[tuple[SameDevice, Entry]]:
    """Give every decision about a device with these parts, oldest first; the entry of one taken back says nothing."""
    told = history(connection, SameDevice.KIND)
    said = {one.key: one.said for one in told if isinstance(one.said, SameDevice)}
    about = {key for key, one in said.items() if names_any((*one.one, *one.other), parts)}
    return [(said[one.key], one) for one in told if one.key in about]
