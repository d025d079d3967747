# SPDX-License-Identifier: Apache-2.0
"""Derived devices as the database keeps them, and writing those that are not as they were."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, select

from inventory_db import ledger_index, tables
from inventory_db.bulk import insert_rows
from inventory_db.derived import derived_from, mark_derived
from inventory_db.device import Device
from inventory_db.index_seen import MOST_BODY, same_row
from inventory_db.many_values import among
from inventory_db.outward import looks_alike
from inventory_db.portions import AT_A_TIME


@dataclass(frozen=True, slots=True)
class KeptDevice:
    """A device as it was written last, and of what it was derived."""

    device: Device
    made_of: str | None
    part: int | None


def load(connection: Connection, parts: Collection[int] | None) -> dict[str, KeptDevice]:
    """Give the devices of these parts, or all, by id."""
    decoder, table = msgspec.json.Decoder(Device), tables.devices
    query = select(table.c.device_id, table.c.body, table.c.made_of, table.c.part)
    if parts is not None:
        query = query.where(among(connection, table.c.part, parts))
    rows = connection.execute(query.execution_options(yield_per=AT_A_TIME))
    return {row.device_id: KeptDevice(decoder.decode(row.body), row.made_of, row.part) for row in rows}


def keep(
    connection: Connection,
    before: Mapping[str, KeptDevice],
    now: Mapping[str, KeptDevice],
    numbers: Mapping[str, int | None],
) -> int:
    """Write the devices that are not as they were, and their rows in the index; gives how many look otherwise."""
    changed = [id for id, one in now.items() if before.get(id) != one]
    gone = sorted({*(before.keys() - now.keys()), *(id for id in changed if id in before)})
    if gone:
        connection.execute(delete(tables.devices).where(among(connection, tables.devices.c.device_id, gone)))
    small: set[str] = set()

    def row(id: str) -> dict[str, Any]:
        one = now[id]
        body = msgspec.json.encode(one.device)
        if len(body) <= MOST_BODY:
            small.add(id)
        return {
            "device_id": id,
            "number": numbers[id],
            "body": body,
            "made_of": one.made_of,
            "part": one.part,
        }

    insert_rows(connection, tables.devices, map(row, changed))
    at_hand = {id: (now[id].device, numbers[id]) for id in changed}
    word = derived_from(connection)
    if changed or gone:
        mark_derived(connection)
    again = frozenset(id for id in small if (old := before.get(id)) and same_row(old.device, at_hand[id][0]))
    written = ledger_index.Rewritten(word, frozenset((*changed, *gone)), at_hand, again)
    ledger_index.bring_up(connection, written)
    alike = [id for id in changed if id in before and looks_alike(before[id].device, now[id].device)]
    return len({*changed, *gone}) - len(alike)
