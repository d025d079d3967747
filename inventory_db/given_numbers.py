# SPDX-License-Identifier: Apache-2.0
"""The 管理番号 that were given, by the observation that each hangs on."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, select

from inventory_db.many_values import among
from inventory_db.tables import devices, numbers

_MOST_ASKED = 50_000  # observations beyond which all numbers are read instead of theirs


def numbers_of(connection: Connection, observations: Collection[str]) -> dict[str, Row[Any]]:
    """Give the numbers that hang on these observations, and maybe others, by observation."""
    query = select(numbers)
    if len(observations) <= _MOST_ASKED:
        query = query.where(among(connection, numbers.c.anchor, observations))
    return {row.anchor: row for row in connection.execute(query).all()}


def led_elsewhere(connection: Connection) -> dict[str, str]:
    """Give the ids that no device has any more, by the observation that each hangs on."""
    same = (devices.c.facility == numbers.c.facility) & (devices.c.device_id == numbers.c.device_id)
    query = select(numbers.c.anchor, numbers.c.device_id).outerjoin(devices, same)
    return {
        row.anchor: row.device_id for row in connection.execute(query.where(devices.c.device_id.is_(None)))
    }
