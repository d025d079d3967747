# SPDX-License-Identifier: Apache-2.0
"""How well the ledger covers what is there (item 2-(1)): seen against listed, empty columns, last checks. Pure.

Every device that a scan sees gets a row of our ledger by itself, which proves no keeping of a ledger.
A device counts as listed when the facility's own ledger has it (an imported row that is linked to it),
or when a person has filled in at least one column of its row here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from collector.case import Case
from inventory_db.device import Device
from inventory_db.listed import Finder, Match
from inventory_db.official import OfficialRow
from inventory_db.stated import ListedDevice, Review, StockTake
from inventory_db.typed_values import folded

SILENT_DAYS = 30
# Columns of the form that every row needs. ソフトウェア and its version exist only where software does, and
# 説明 is empty in most of the form's own examples.
REQUIRED = (
    "管理番号",
    "メーカー",
    "OS",
    "IPアドレス",
    "コンピュータ名",
    "設置場所",
    "利用者",
    "登録日",
    "状態",
)
_RETIRED = ("廃棄", "撤去", "返却", "除却", "処分", "廃止", "売却", "譲渡")
_JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Unseen:
    """A listed row whose device no scan has seen for long, or ever."""

    listed: ListedDevice | None  # None: listed here by a person only
    device: str  # device id, "" if no scan ever saw it
    last_seen: date | None
    days: int | None  # since it was seen last; None: never
    maybe: Match | None = None  # devices that it may be, though nothing links them yet


@dataclass(frozen=True, slots=True)
class Gap:
    """A row with required columns that are empty."""

    device: str  # device id, "" for a listed row without one
    listed: str  # id of the listed row, "" if there is none
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What 2-(1) rests on; device ids are those of the case's devices."""

    seen_and_listed: tuple[str, ...] = ()
    seen_not_listed: tuple[str, ...] = ()
    unseen: tuple[Unseen, ...] = ()  # listed, and not seen for `silent_days` or ever
    gaps: tuple[Gap, ...] = ()
    retired: tuple[str, ...] = ()  # ids of listed rows whose 状態 says 廃棄 or the like, and which nobody saw
    retired_but_seen: tuple[str, ...] = ()  # devices that were seen, though their listed row says so
    silent_days: int = SILENT_DAYS
    checked: date | None = None  # when a person last touched the ledger, or looked in a 棚卸し and knew
    missed: tuple[
        StockTake, ...
    ] = ()  # what somebody looked for in a 棚卸し and did not find, or could not tell
    updated: datetime | None = None  # 最終更新日, scans included
    updated_by: str = ""  # 最終更新者
    review: Review | None = None  # the last executive review of the ledger
    imported: bool = False  # whether a ledger of the facility's own was ever imported

    @property
    def rows(self) -> int:
        """How many rows the ledger has: devices seen, and rows listed without one."""
        return len(self.seen_and_listed) + len(self.seen_not_listed) + sum(not u.device for u in self.unseen)


def cover(case: Case, silent_days: int = SILENT_DAYS) -> Coverage:
    """Compare what the scans saw with what is listed."""
    listed = [one for one in case.said(ListedDevice) if one.present]
    by_device, loose = _linked(case, listed)
    retired = [one for one in loose if is_retired(one)]
    loose = [one for one in loose if not is_retired(one)]
    typed = {row.device.id for row in case.rows if any(cell.source == "person" for cell in row.cells)}
    both = [device for device in case.devices if device.id in by_device or device.id in typed]
    counted = {device.id for device in both}
    updated, updated_by = _updated(case)
    return Coverage(
        seen_and_listed=tuple(device.id for device in both),
        seen_not_listed=tuple(device.id for device in case.devices if device.id not in counted),
        unseen=(*_silent(case, both, by_device, silent_days), *_never(case, loose)),
        gaps=tuple(_gaps(case.rows, by_device, loose)),
        retired=tuple(one.id for one in retired),
        retired_but_seen=tuple(id for id, one in by_device.items() if is_retired(one)),
        silent_days=silent_days,
        checked=_checked(case),
        missed=tuple(_missed(case)),
        updated=updated,
        updated_by=updated_by,
        review=max((r for r in case.said(Review) if r.subject == "ledger"), key=lambda r: r.on, default=None),
        imported=bool(case.stated.get(ListedDevice.KIND)),
    )


def is_retired(one: ListedDevice) -> bool:
    """Whether the facility's ledger says that the device is gone: 廃棄, 撤去, 返却 …"""
    return folded(one.cells.get("状態", "")).startswith(_RETIRED)


def never_seen(case: Case) -> tuple[ListedDevice, ...]:
    """Give the rows of the facility's own ledger that are in use and that no device found by a scan is."""
    return tuple(
        one for one in case.said(ListedDevice) if one.present and not one.device and not is_retired(one)
    )


def _linked(case: Case, listed: list[ListedDevice]) -> tuple[dict[str, ListedDevice], list[ListedDevice]]:
    """Give the listed rows by the device that they are, and those that are none of the case's.

    A device that has become part of another leads to that one by its marks. On a vendor's sheet only
    rows of the devices in its care count: whose the others are is not known.
    """
    known = {device.id for device in case.devices}
    found: dict[str, ListedDevice] = {}
    loose, finder = [], None
    for one in listed:
        device = one.device
        if device and device not in known and case.vendor is None:
            finder = finder or Finder(case.devices)
            device = finder.find(one.cells).device
        if device in known:
            found.setdefault(device, one)
        elif case.vendor is None:
            loose.append(one)
    return found, loose


def _silent(
    case: Case, listed: Iterable[Device], rows: dict[str, ListedDevice], silent_days: int
) -> Iterable[Unseen]:
    for device in listed:
        seen = datetime.fromisoformat(device.last_seen)
        days = (case.now - seen).days
        if days >= silent_days:
            yield Unseen(rows.get(device.id), device.id, _day(seen), days)


def _never(case: Case, loose: list[ListedDevice]) -> Iterable[Unseen]:
    finder = Finder(case.devices) if loose else None
    for one in loose:
        match = finder.find(one.cells) if finder else Match()
        yield Unseen(one, "", None, None, match if match.candidates else None)


def _gaps(
    rows: Iterable[OfficialRow], by_device: dict[str, ListedDevice], loose: Iterable[ListedDevice]
) -> Iterable[Gap]:
    for row in rows:
        listed = by_device.get(row.device.id)
        said = listed.cells if listed else {}
        empty = tuple(c for c in REQUIRED if not (row.cell(c).value.strip() or said.get(c, "").strip()))
        if empty:
            yield Gap(row.device.id, listed.id if listed else "", empty)
    for one in loose:
        empty = tuple(c for c in REQUIRED[1:] if not one.cells.get(c, "").strip())  # we number it ourselves
        if empty:
            yield Gap("", one.id, empty)


def _words(case: Case) -> list[tuple[datetime, str]]:
    """When people last put something into the ledger, and who."""
    found = [(cell.at, cell.who) for row in case.rows for cell in row.cells if cell.at is not None]
    found += [(one.at, one.who) for one in case.stated.get(ListedDevice.KIND, {}).values()]
    return found


def _updated(case: Case) -> tuple[datetime | None, str]:
    scans = [(scan.ended or scan.started, "daicho（自動調査）") for scan in case.scans]
    return max([*_words(case), *scans], key=lambda one: one[0], default=(None, ""))


def _checked(case: Case) -> date | None:
    days = [_day(at) for at, _ in _words(case)]
    days += [one.on for one in case.said(Review) if one.subject == "ledger"]
    days += [one.on for one in case.said(StockTake) if one.found != "unknown"]
    return max(days, default=None)


def _missed(case: Case) -> Iterator[StockTake]:
    """Give each row at whose place nobody found it: a scan that sees it does not say that it stands there."""
    return (one for one in case.said(StockTake) if one.found != "yes")


def _day(at: datetime) -> date:
    return at.astimezone(_JAPAN).date()
