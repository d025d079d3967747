# SPDX-License-Identifier: Apache-2.0
"""Rows of the index of devices that were seen again and are as they were: only when they were seen last is written."""

from collections.abc import Iterable

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, update

from inventory_db.device import FIELDS, Device
from inventory_db.index_rows import is_unseen
from inventory_db.index_tables import Shown, rows, shown

MOST_BODY = 32 * 1024  # bytes of a device's body; what is shown of one far larger is cut by its size
_NUMBER: BindParameter[int] = bindparam("of_number")
_ROW = update(rows).where(rows.c.number == _NUMBER).values(seen=bindparam("at"))
_SHOWN = update(shown).where(shown.c.number == _NUMBER).values(body=bindparam("said"))


def same_row(one: Device, other: Device) -> bool:
    """Whether both give the same row (`index_rows.make_row`) but for `last_seen`, with the same number and words."""
    return _row_of(one) == _row_of(other)


def _row_of(device: Device) -> tuple[object, ...]:
    dual = device.dual_homed
    return (
        device.id,
        device.names,
        device.forwards,
        is_unseen(device),
        dual and (dual.networks, dual.declared),
        *[getattr(device, name) for name in FIELDS],
        [(one.ip, one.mac, one.network) for one in device.addresses],
        [(one.name, one.product, one.version) for one in device.services],
        [(one.kind, one.product) for one in device.remote_paths],
        {name: one.sure for name, one in device.confidence.items()},
    )


def write_seen(connection: Connection, known: Iterable[tuple[int, bytes, str]]) -> None:
    """Write when they were seen last into rows that stand: number, JSON of Shown, and the time."""
    decoder = msgspec.json.Decoder(Shown)
    ats, bodies = [], []
    for number, body, at in known:
        before = decoder.decode(body)
        after = msgspec.structs.replace(before, device=before.device | {"last_seen": at})
        ats.append({"of_number": number, "at": at.encode()})
        bodies.append({"of_number": number, "said": msgspec.json.encode(after)})
    if ats:
        connection.execute(_ROW, ats)
        connection.execute(_SHOWN, bodies)
