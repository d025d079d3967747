# SPDX-License-Identifier: Apache-2.0
"""What people typed: append-only, with who and when; it always wins over what a scan found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, select

from inventory_db import tables
from inventory_db.device import Confidence, Device, DualHomed
from inventory_db.observations import microseconds
from probes.device_class import CLASSES
from probes.facts import Sure, printable

# The official columns of the 機器台帳 after 管理番号, in their order, and three of ours.
SCANNED_COLUMNS = ("メーカー", "OS", "ソフトウェア", "ソフトウェアバージョン", "IPアドレス", "コンピュータ名")
HUMAN_COLUMNS = ("設置場所", "利用者", "登録日", "状態", "説明")
OUR_COLUMNS = ("機種", "種別", "2系統接続の届出")
EDITABLE = (*SCANNED_COLUMNS, *HUMAN_COLUMNS, *OUR_COLUMNS)
DECLARED = "届出済"  # the value of 2系統接続の届出 that declares
MOST_VALUE = 2000  # characters
_FIELD_OF = {"メーカー": "maker", "機種": "model", "OS": "os", "種別": "device_class"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class BadEntry(ValueError):
    """An entry that cannot be kept; `ja` and `en` say why and what to do. Nothing was changed."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody typed; `value` None takes back what was typed before."""

    device_id: str
    column: str
    value: str | None
    who: str
    at: datetime


def edit(
    connection: Connection, device_id: str, column: str, value: str | None, who: str, at: datetime
) -> None:
    """Keep what a person typed for one column; None goes back to what the scan says.

    Raises BadEntry for an unknown device, column or class, an empty name, or too long a value.
    """
    known = select(tables.numbers.c.number).where(tables.numbers.c.device_id == device_id)
    _check(connection.execute(known).first() is not None, column, value, who)
    connection.execute(
        tables.human_entries.insert().values(
            device_id=device_id,
            column=column,
            value=None if value is None else clean(value),
            who=printable(who.strip(), 255),
            at=microseconds(at),
        )
    )


def edit_all(
    connection: Connection, edits: Iterable[tuple[str, str, str | None]], who: str, at: datetime
) -> int:
    """Keep many entries (device id, column, value) at once, all or none; gives how many. Raises BadEntry as `edit`."""
    known = set(connection.execute(select(tables.numbers.c.device_id)).scalars())
    rows = []
    for device_id, column, value in edits:
        _check(device_id in known, column, value, who)
        rows.append(
            {
                "device_id": device_id,
                "column": column,
                "value": None if value is None else clean(value),
                "who": printable(who.strip(), 255),
                "at": microseconds(at),
            }
        )
    if rows:
        connection.execute(tables.human_entries.insert(), rows)
    return len(rows)


def clean(value: str) -> str:
    """Make typed text safe to keep: control characters replaced, line ends kept, blanks around it removed."""
    return "\n".join(printable(line) for line in value.strip().splitlines())


def _check(known: bool, column: str, value: str | None, who: str) -> None:
    if not known:
        raise BadEntry(
            "この機器は台帳にありません。何も変更していません。台帳の一覧から選び直してください。",
            "This device is not in the ledger. Nothing was changed. Choose it again from the list.",
        )
    if column not in EDITABLE or (column == "種別" and value and value not in CLASSES):
        raise BadEntry(
            "その列、またはその種別は変更できません。何も変更していません。列の名前と値を確かめてください。",
            "That column or class cannot be set. Nothing was changed. Check the column's name and the value.",
        )
    if not who.strip() or len(value or "") > MOST_VALUE:
        raise BadEntry(
            f"入力者の名前がないか、値が長すぎます（{MOST_VALUE} 文字まで）。何も変更していません。直してもう一度送ってください。",
            f"The name of the editor is missing, or the value is too long (at most {MOST_VALUE} characters)."
            " Nothing was changed. Correct it and send it again.",
        )


def entries(connection: Connection, until: datetime | None = None) -> list[Entry]:
    """Give everything people typed until then, oldest first."""
    table = tables.human_entries
    query = select(table).order_by(table.c.at, table.c.entry)
    if until is not None:
        query = query.where(table.c.at <= microseconds(until))
    return [
        Entry(row.device_id, row.column, row.value, row.who, _EPOCH + timedelta(microseconds=row.at))
        for row in connection.execute(query)
    ]


def latest(typed: Iterable[Entry]) -> dict[str, Entry]:
    """Give the last entry of each column that was not taken back, from entries oldest first."""
    last = {entry.column: entry for entry in typed}
    return {column: entry for column, entry in last.items() if entry.value is not None}


def confirmed(device: Device, typed: Mapping[str, Entry]) -> Device:
    """Give the device with what a person confirmed in place of what the scan found."""
    if not typed:
        return device
    confidence = dict(device.confidence)
    fields: dict[str, str] = {}
    for column, field in _FIELD_OF.items():
        if (entry := typed.get(column)) and entry.value:
            fields[field] = entry.value
            confidence[field] = _by_hand(entry)
    changed = replace(device, confidence=confidence, **fields)  # type: ignore[arg-type]
    if "os" in fields:
        changed = replace(changed, os_version=None)
    return replace(changed, names=_names(device.names, typed), dual_homed=_declared(device, typed))


def _by_hand(entry: Entry) -> Confidence:
    day = entry.at.date().isoformat()
    return Confidence(
        Sure.SURE, f"{entry.who} が {day} に確認しました。", f"Confirmed by {entry.who} on {day}."
    )


def _names(names: Sequence[str], typed: Mapping[str, Entry]) -> tuple[str, ...]:
    entry = typed.get("コンピュータ名")
    if entry is None or not entry.value:
        return tuple(names)
    return (entry.value, *(name for name in names if name.casefold() != entry.value.casefold()))


def _declared(device: Device, typed: Mapping[str, Entry]) -> DualHomed | None:
    entry = typed.get("2系統接続の届出")
    if device.dual_homed is None or entry is None:
        return device.dual_homed
    return replace(device.dual_homed, declared=entry.value == DECLARED)
