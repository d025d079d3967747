# SPDX-License-Identifier: Apache-2.0
"""One device of the ledger with its number and what people typed for it, and what is made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from inventory_db import people
from inventory_db.cutting import bounded_device, bounded_json
from inventory_db.device import Device, device_json
from inventory_db.official import OfficialRow, number_text, official_row
from inventory_db.people import Entry
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated


@dataclass(frozen=True, slots=True)
class Kept:
    """One device of the ledger with its number and what people typed for it, oldest first."""

    device: Device
    number: int | None
    typed: tuple[Entry, ...]

    def row(self, listed: Mapping[str, Stated[ListedDevice]]) -> OfficialRow:
        """Give its row of the official form; `listed` is the facility's own ledger by device."""
        typed = people.latest(self.typed)
        dual = people.confirmed(self.device, typed).dual_homed
        device = self.device if dual is self.device.dual_homed else replace(self.device, dual_homed=dual)
        return official_row(device, self.number, typed, listed.get(self.device.id))

    def json(self) -> dict[str, Any]:
        """Give it as its public JSON object, with what people confirmed; a device that says megabytes is cut."""
        return bounded_device(self._whole())

    def encoded(self) -> bytes:
        """Give the same as JSON."""
        return bounded_json(self._whole())

    def _whole(self) -> dict[str, Any]:
        typed = people.latest(self.typed)
        said = {column: entry.value for column, entry in typed.items()}
        own = {"number": number_text(self.number), "people": said}
        return device_json(people.confirmed(self.device, typed)) | own
