# SPDX-License-Identifier: Apache-2.0
"""One row of the official 機器台帳: its 12 columns in their order and wording.

Source: 医療機関におけるサイバーセキュリティ対策チェックリストマニュアル, 機器台帳の例.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

from inventory_db.device import Device
from inventory_db.people import HUMAN_COLUMNS, SCANNED_COLUMNS, Entry
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated

COLUMNS = ("管理番号", *SCANNED_COLUMNS, *HUMAN_COLUMNS)
NOT_SEEN = "［調査では未確認］"
_THEIRS = re.compile(r"［元の台帳の番号: ([^］]*)］")
_JAPAN = timezone(timedelta(hours=9))


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell; a proposal is what the scan suggests for a cell that a person has to fill."""

    value: str
    source: (
        str  # assigned, scan, person, listed (the facility's own ledger, where no scan knows), or "" if empty
    )
    who: str = ""
    at: datetime | None = None
    proposal: str = ""


_EMPTY = Cell("", "")


@dataclass(frozen=True, slots=True)
class OfficialRow:
    """The 12 cells of one device, in the order of COLUMNS, and the device behind them."""

    device: Device
    number: str  # 001 …; "" if the device has none yet
    cells: tuple[Cell, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The 12 texts, without proposals."""
        return tuple(cell.value for cell in self.cells)

    def cell(self, column: str) -> Cell:
        """Give the cell of this column; KeyError for another word."""
        return dict(zip(COLUMNS, self.cells, strict=True))[column]


@dataclass(frozen=True, slots=True)
class ListedRow:
    """The 12 cells of a device that the facility's own ledger lists and no scan has seen."""

    listed: ListedDevice
    number: str  # ours; "" if it has none yet
    cells: tuple[Cell, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The 12 texts; 説明 says that no scan saw it, and which number the facility's ledger gives it."""
        return (*(cell.value for cell in self.cells[:-1]), mark(self.cells[-1].value, self.theirs))

    @property
    def theirs(self) -> str:
        """The number that the facility's own ledger gives it."""
        return self.listed.cells.get("管理番号", "")


def mark(text: str, theirs: str) -> str:
    """Put our marks behind a 説明: that no scan saw the device, and its number in the facility's ledger."""
    return "".join((text, NOT_SEEN, f"［元の台帳の番号: {theirs}］" if theirs else ""))


def unmark(text: str) -> tuple[str, str]:
    """Take our marks off a 説明; gives the rest, and the number in the facility's ledger that they named."""
    match = _THEIRS.search(text)
    return _THEIRS.sub("", text).replace(NOT_SEEN, "").strip(), match[1] if match else ""


def listed_row(one: Stated[ListedDevice], number: int | None, typed: Mapping[str, Entry]) -> ListedRow:
    """Fill the 12 cells: what a person typed here since, else what the facility's ledger says."""
    shown = number_text(number)
    cells = [Cell(shown, "assigned" if shown else "")]
    for column in COLUMNS[1:]:
        value = one.said.cells.get(column, "")
        listed = Cell(value, "person", one.who, one.at) if value else Cell("", "")
        cells.append(_cell(typed[column], "", value) if column in typed else listed)
    return ListedRow(one.said, shown, tuple(cells))


def number_text(number: int | None) -> str:
    """Write a 管理番号 as the form shows it: at least three digits."""
    return "" if number is None else f"{number:03d}"


def official_row(
    device: Device,
    number: int | None,
    typed: Mapping[str, Entry],
    listed: Stated[ListedDevice] | None = None,
) -> OfficialRow:
    """Fill the 12 cells: what a person typed, else what the scan found, else what the facility's own ledger says."""
    shown = number_text(number)
    scanned, proposed = _scanned(device), _proposed(device)
    cells = [Cell(shown, "assigned" if shown else "")]
    cells += [
        _cell(typed.get(column), scanned.get(column, ""), proposed.get(column, "")) for column in COLUMNS[1:]
    ]
    if listed is not None:
        cells = [_with_listed(cell, column, listed) for cell, column in zip(cells, COLUMNS, strict=True)]
    return OfficialRow(device, shown, tuple(cells))


def _with_listed(cell: Cell, column: str, listed: Stated[ListedDevice]) -> Cell:
    """Let the facility's own ledger fill a scanned column where no scan knows, and propose where one does."""
    said = listed.said.cells.get(column, "")
    if not said or column not in SCANNED_COLUMNS or said == cell.value:
        return cell
    if cell.value or cell.source == "person":
        return cell if cell.proposal else replace(cell, proposal=said)
    return Cell(said, "listed", listed.who, listed.at)


def _cell(entry: Entry | None, scanned: str, proposal: str) -> Cell:
    if entry is not None and entry.value is not None:
        return Cell(entry.value, "person", entry.who, entry.at, proposal or scanned)
    return Cell(scanned, "scan" if scanned else "", proposal=proposal) if scanned or proposal else _EMPTY


def _scanned(device: Device) -> dict[str, str]:
    software = _software(device)
    return {
        "メーカー": device.maker or "",
        "OS": system_text(device),
        "ソフトウェア": "、".join(name for name, _ in software),
        "ソフトウェアバージョン": "、".join(version or "-" for _, version in software),
        "IPアドレス": "、".join(address.ip for address in device.addresses if address.ip),
        "コンピュータ名": device.names[0] if device.names else "",
    }


def system_text(device: Device) -> str:
    """Write the operating system with its version once."""
    if device.os and device.os_version and device.os_version not in device.os:
        return f"{device.os} {device.os_version}"
    return device.os or ""


def _software(device: Device) -> list[tuple[str, str | None]]:
    found: dict[tuple[str, str | None], None] = {}
    if device.firmware_version:
        found["ファームウェア", device.firmware_version] = None
    for service in device.services:
        if service.product:
            found[service.product, service.version] = None
    named = {name for name, version in found if version}
    return [(name, version) for name, version in found if version or name not in named]


def _proposed(device: Device) -> dict[str, str]:
    first, last = datetime.fromisoformat(device.first_seen), datetime.fromisoformat(device.last_seen)
    silent = datetime.fromisoformat(device.last_asked) > last and not device.answered_last
    return {
        "設置場所": device.location or "",
        "登録日": day_text(first),
        "状態": f"応答なし（最終確認 {day_text(last)}）" if silent else "稼働",
        "説明": "、".join(_remarks(device)),
    }


def _remarks(device: Device) -> list[str]:
    remarks = []
    if device.dual_homed:
        mark = "届出済" if device.dual_homed.declared else "要確認"
        remarks.append(f"2系統接続（{mark}）: {' と '.join(device.dual_homed.networks)}")
    if device.remote_paths:
        remarks.append("遠隔接続の経路: " + " ".join(sorted({path.kind for path in device.remote_paths})))
    return remarks


def day_text(at: datetime) -> str:
    """Write a day as the form does: 2020/12/1, Japanese time."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    day = aware.astimezone(_JAPAN) if 1 < aware.year < 9999 else aware
    return f"{day.year}/{day.month}/{day.day}"
