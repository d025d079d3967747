# SPDX-License-Identifier: Apache-2.0
"""Of every device only where it stands and what was held back of it: a large ledger in little time and memory."""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select

from inventory_db import tables
from inventory_db.portions import AT_A_TIME


class _Address(msgspec.Struct, frozen=True):
    ip: str | None = None


class _Touched(msgspec.Struct, frozen=True):
    held_back: tuple[str, ...] = ()


class _Part(msgspec.Struct, frozen=True):
    """The part of a kept device (inventory_db.device.Device) that is read here."""

    addresses: tuple[_Address, ...] = ()
    touched: _Touched = _Touched()


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where one device stands, and why its last scan kept back from it."""

    ips: tuple[str, ...]
    held_back: tuple[str, ...]


def each_footprint(connection: Connection) -> Iterator[Footprint]:
    """Give it of every device as last derived."""
    decoder = msgspec.json.Decoder(_Part)
    query = select(tables.devices.c.body).execution_options(yield_per=AT_A_TIME)
    for body in connection.execute(query).scalars():
        part = decoder.decode(body)
        yield Footprint(tuple(one.ip for one in part.addresses if one.ip), part.touched.held_back)
