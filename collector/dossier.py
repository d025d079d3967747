# SPDX-License-Identifier: Apache-2.0
"""Everything that the papers are made of, as one value: the case, what was judged, and the evidence behind it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo

from collector.case import Case
from collector.documents.era import era_time
from collector.edition import FACILITY
from collector.judged import JudgedItem, JudgedSheet, Judgement
from inventory_db.device import Device
from inventory_db.ledger import Header
from inventory_db.observations import Stored
from inventory_db.official import ListedRow
from inventory_db.stated import DeviceDetail, Facility, Vendor

_JAPAN = timezone(timedelta(hours=9), "Asia/Tokyo")


def _nothing(_: Iterable[str]) -> tuple[Stored, ...]:
    return ()


def _no_case() -> Case | None:
    return None


def _no_text(_: Iterable[str]) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """One facility at one moment, ready to be written down; `observations` and `transcripts` read evidence."""

    case: Case
    header: Header = field(default_factory=lambda: Header(None, ""))
    name: str = ""  # of the facility, where nobody stated it
    zone: tzinfo = _JAPAN
    judgement: Judgement | None = None
    listed: tuple[ListedRow, ...] = ()  # rows of the facility's own ledger that no scan has seen
    observations: Callable[[Iterable[str]], tuple[Stored, ...]] = _nothing
    transcripts: Callable[[Iterable[str]], Mapping[str, str]] = _no_text
    earlier: Callable[[], Case | None] = _no_case  # the case before the last scan, to compare with
    _numbers: dict[str, str] = field(default_factory=dict, init=False)  # device id → 管理番号, made once

    @property
    def facility(self) -> str:
        """The facility's name as stated, else as set."""
        return next((one.name for one in self.case.said(Facility)), "") or self.name

    @property
    def form(self) -> str:
        """Give hospital or pharmacy."""
        return next((one.form for one in self.case.said(Facility)), "hospital")

    @property
    def made(self) -> str:
        """When the papers are made, for footers."""
        return f"daicho　{era_time(self.case.now, self.zone)}"

    def number(self, device: str) -> str:
        """Give the 管理番号 of a device or a listed row by its id; "" if it has none."""
        if not self._numbers:
            self._numbers.update({row.listed.id: row.number for row in self.listed})
            self._numbers.update({row.device.id: row.number for row in self.case.rows})
        return self._numbers.get(device, "")

    def details(self) -> dict[str, DeviceDetail]:
        """Give what people said of single devices, by device id."""
        return {one.device: one for one in self.case.said(DeviceDetail)}

    def carers(self) -> dict[str, Vendor]:
        """Give the vendor in whose care a device is, by device id."""
        return {device: vendor for vendor in self.case.said(Vendor) for device in vendor.devices}

    def items(self) -> Iterator[tuple[JudgedSheet, JudgedItem]]:
        """Give every judged item with its sheet, in the order of the forms."""
        for sheet in self.judgement.sheets if self.judgement else ():
            for item in sheet.items:
                yield sheet, item

    def item(self, key: str) -> JudgedItem | None:
        """Give an item of the facility's sheet by "server/2-7"; None if it has none."""
        found = (item for sheet, item in self.items() if sheet.sheet.id == FACILITY and item.line.key == key)
        return next(found, None)


def evidence_of(device: Device) -> tuple[str, ...]:
    """Give the ids of the observations that a device's row stands on, each once, most telling first."""
    found = [id for path in device.remote_paths for id in (one.observation for one in path.evidence)]
    if device.dual_homed:
        found += [one.observation for one in device.dual_homed.evidence]
    found += [id for mark in device.confidence.values() for id in mark.observations]
    return tuple(dict.fromkeys(id for id in found if id))
