# SPDX-License-Identifier: Apache-2.0
"""The ledger as other systems take it: each device with its row, under a name that no other device has. Pure but for reading."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.metadata import version

from collector.exports import stated_facility
from collector.safe_text import visible
from inventory_db import ledger
from inventory_db.agents import Connection
from inventory_db.device import Device
from inventory_db.official import OfficialRow

MOST_NAME = 64  # characters of a device's name that every system takes


@dataclass(frozen=True, slots=True)
class Held:
    """One device as it is handed to another system."""

    device: Device  # with what people confirmed
    row: OfficialRow
    name: str  # unique in this export; made of the 管理番号 where no name is known
    named: bool  # whether the device or a person gave the name

    @property
    def unseen(self) -> bool:
        """Whether it did not show itself when it was asked last."""
        asked, seen = (
            datetime.fromisoformat(text) for text in (self.device.last_asked, self.device.last_seen)
        )
        return asked > seen and not self.device.answered_last

    def typed(self, column: str) -> str:
        """What stands in an official column that people fill in."""
        return line(self.row.cell(column).value)


@dataclass(frozen=True, slots=True)
class Holding:
    """Everything that one export holds; rows that no scan has seen are not part of it."""

    facility: str
    now: datetime
    devices: tuple[Held, ...]


def read_holding(connection: Connection, facility: str, now: datetime, at: datetime | None = None) -> Holding:
    """Read the devices for an export, now or as known at `at`; a stated facility's name wins over `facility`."""
    devices, rows = ledger.devices_and_rows(connection, at)
    stated = stated_facility(connection, at)
    return Holding(line(stated.name if stated else facility), now, hold(devices, rows))


def hold(devices: Sequence[Device], rows: Sequence[OfficialRow]) -> tuple[Held, ...]:
    """Put devices and rows together and give every device a name of its own."""
    used: set[str] = set()
    return tuple(_held(device, row, used) for device, row in zip(devices, rows, strict=True))


def line(text: str | None, most: int = 0) -> str:
    """Give text from a device as one visible line of at most `most` characters; "" for None."""
    flat = " ".join(visible(text or "").split())
    return flat[:most].rstrip() if most else flat


@cache  # reading the package's own description takes a millisecond
def product_version() -> str:
    """Give the version of daicho that writes the export."""
    return version("daicho")


def first(values: Iterable[str | None]) -> str:
    """Give the first text that is not empty; "" if there is none."""
    return next((value for value in values if value), "")


def _held(device: Device, row: OfficialRow, used: set[str]) -> Held:
    own = line(device.names[0] if device.names else "", MOST_NAME)
    number = row.number or device.id[:8]
    name = own or f"daicho-{number}"
    tail = number
    while name.casefold() in used:
        name = f"{(own or name)[: MOST_NAME - len(tail) - 3]} ({tail})"
        tail += "'"  # where another device calls itself exactly so
    used.add(name.casefold())
    return Held(device, row, name, bool(own))
