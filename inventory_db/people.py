# SPDX-License-Identifier: Apache-2.0
"""What people typed: append-only, with who and when; it always wins over what a scan found."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from inventory_db import tables
from inventory_db.binding import prepared
from inventory_db.device import Confidence, Device, DualHomed
from inventory_db.observations import microseconds
from probes.device_class import CLASSES
from probes.facts import Sure, printable

# The official columns of the 機器台帳 after 管理番号, in their order, and three of ours.
SCANNED_COLUMNS = ("メーカー", "OS", "ソフトウェア", "ソフトウェアバージョン", "IPアドレス", "コンピュータ名")
HUMAN_COLUMNS = ("設置場所", "利用者", "登録日", "状態", "説明")
OUR_COLUMNS = ("機種", "種別", "2系統接続の届出")
EDITABLE = (*SCANNED_COLUMNS, *HUMAN_COLUMNS, *OUR_COLUMNS)
DUAL_COLUMN = "2系統接続の届出"
DECLARED = "届出済"  # its value that declares
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
    return [_entry(row) for row in connection.execute(query)]


_TYPED = tables.human_entries
_OF = prepared(
    select(_TYPED)
    .where(_TYPED.c.device_id.in_(bindparam("ids", expanding=True)))
    .order_by(_TYPED.c.at, _TYPED.c.entry)
)
_LAST = prepared(select(_TYPED).order_by(_TYPED.c.at.desc(), _TYPED.c.entry).limit(1))


def entries_of(connection: Connection, device_ids: Iterable[str]) -> list[Entry]:
    """Give everything people typed under these ids, oldest first for each of them."""
    wanted = sorted(set(device_ids))
    found: list[Entry] = []
    for start in range(0, len(wanted), 500):
        found += map(_entry, connection.execute(_OF, {"ids": wanted[start : start + 500]}))
    return found


def last_entry(connection: Connection, until: datetime | None = None) -> Entry | None:
    """Give what somebody typed last (until then)."""
    query = _LAST if until is None else _LAST.where(_TYPED.c.at <= microseconds(until))
    row = connection.execute(query).first()
    return None if row is None else _entry(row)


def time_of(at: int) -> datetime:
    """Give the moment that is kept as microseconds since 1970 UTC."""
    return _EPOCH + timedelta(microseconds=at)


def _entry(row: Row[Any]) -> Entry:
    return Entry(row.device_id, row.column, row.value, row.who, time_of(row.at))


def words_of(connection: Connection, device_ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """Give what stands typed for each of these devices under its own id, by column."""
    table, wanted = tables.human_entries, sorted(set(device_ids))
    found: dict[str, dict[str, str]] = {id: {} for id in wanted}
    for start in range(0, len(wanted), 500):
        some = table.c.device_id.in_(wanted[start : start + 500])
        for row in connection.execute(select(table).where(some).order_by(table.c.at, table.c.entry)):
            if row.value is None:
                found[row.device_id].pop(row.column, None)
            else:
                found[row.device_id][row.column] = row.value
    return found


def touched_since(connection: Connection, since: datetime) -> set[str]:
    """Give the ids of the devices for which somebody typed something after `since`."""
    table = tables.human_entries
    found = select(table.c.device_id).where(table.c.at > microseconds(since)).distinct()
    return set(connection.execute(found).scalars())


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
    entry = typed.get(DUAL_COLUMN)
    if device.dual_homed is None or entry is None:
        return device.dual_homed
    return replace(device.dual_homed, declared=entry.value == DECLARED)
