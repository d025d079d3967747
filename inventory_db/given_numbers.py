# SPDX-License-Identifier: Apache-2.0
"""The 管理番号 that were given, by the observation that each hangs on."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select

from inventory_db.device import Device, Merge
from inventory_db.many_values import among
from inventory_db.tables import devices, numbers

Numbered = tuple[Device, int | None, tuple[str, ...]]  # device, number, every id that led to it
_MOST_ASKED = 50_000  # observations beyond which all numbers are read instead of theirs


def numbers_of(connection: Connection, observations: Collection[str] | None) -> dict[str, Row[Any]]:
    """Give the numbers that hang on these observations, or all, and maybe others, by observation."""
    query = select(numbers)
    if observations is not None and len(observations) <= _MOST_ASKED:
        query = query.where(among(connection, numbers.c.anchor, observations))
    return {row.anchor: row for row in connection.execute(query).all()}


def led_elsewhere(connection: Connection) -> dict[str, str]:
    """Give the ids that no device has any more, by the observation that each hangs on."""
    same = (devices.c.facility == numbers.c.facility) & (devices.c.device_id == numbers.c.device_id)
    query = select(numbers.c.anchor, numbers.c.device_id).outerjoin(devices, same)
    return {
        row.anchor: row.device_id for row in connection.execute(query.where(devices.c.device_id.is_(None)))
    }


def number_all(
    connection: Connection, found: Sequence[Device], given: Mapping[str, Any] | None = None
) -> list[Numbered]:
    """Give the devices their numbers; `given` are those that hang on observations of theirs, where that is known."""
    rows = given
    if rows is None:
        rows = numbers_of(connection, {id for device in found for id in device.observations})
    numbered = [number_of(device, rows) for device in found]
    renamed = {old.id: new.id for old, (new, _, _) in zip(found, numbered, strict=True)}
    return [(_renamed(device, renamed), number, ids) for device, number, ids in numbered]


def number_of(device: Device, rows: Mapping[str, Any]) -> Numbered:
    """Give one device the oldest number that hangs on its observations, and every id that led to it."""
    own = sorted((rows[id] for id in device.observations if id in rows), key=lambda row: int(row.number))
    if not own:
        return device, None, ()
    ids = tuple(str(row.device_id) for row in own)
    if (device.id, device.anchor) == (ids[0], own[0].anchor):
        return device, own[0].number, ids
    return replace(device, id=ids[0], anchor=own[0].anchor), own[0].number, ids


def _renamed(device: Device, renamed: Mapping[str, str]) -> Device:
    if not (device.proposals or device.parted):
        return device

    def rename(merges: Iterable[Merge]) -> tuple[Merge, ...]:
        return tuple(replace(one, other=renamed.get(one.other, one.other)) for one in merges)

    return replace(device, proposals=rename(device.proposals), parted=rename(device.parted))
