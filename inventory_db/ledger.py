# SPDX-License-Identifier: Apache-2.0
"""The ledger: devices derived and kept with their 管理番号, people's words on top, and its documents.

A device keeps its id and number for good: they hang on one observation of it. When two devices
turn out to be one, the older number stays and the other is never given again; what people typed
for either follows.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, delete, func, insert, select

from inventory_db import people, tables
from inventory_db.device import Device, Merge, Touched, device_json
from inventory_db.evidence import Said, said_by
from inventory_db.identify import identify
from inventory_db.listed_ledger import last_listed, listed_by_device, listed_json, listed_rows
from inventory_db.observations import load, load_some, microseconds, scans, vantages
from inventory_db.official import COLUMNS, OfficialRow, number_text, official_row
from inventory_db.people import EDITABLE, BadEntry, Entry, edit
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated
from probes.facts import Sent

__all__ = [
    "COLUMNS",
    "EDITABLE",
    "BadEntry",
    "Header",
    "OfficialRow",
    "catch_up",
    "device_document",
    "devices",
    "devices_and_rows",
    "document",
    "edit",
    "evidence",
    "header",
    "listed_rows",
    "official_rows",
    "refresh",
]

SCHEMA = "daicho/ledger/1"
DEVICE_SCHEMA = "daicho/device/1"
BY_SCAN = "daicho（自動調査）"
_DERIVED = "derived"  # mark: how many observations the devices were derived from


@dataclass(frozen=True, slots=True)
class Header:
    """最終更新日 and 最終更新者 of the form; None and "" for an empty ledger."""

    updated: datetime | None
    by: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """One device of the ledger with its number and what people typed for it, oldest first."""

    device: Device
    number: int | None
    typed: tuple[Entry, ...]


def refresh(connection: Connection) -> int:
    """Derive the devices again from every observation and keep them; gives how many there are.

    New devices get the next 管理番号. Takes the writer's lock until the end of the transaction.
    """
    tables.lock(connection)
    derived = _derive(connection, None)
    _assign(connection, [device for device, number, _ in derived if number is None])
    kept = _number_all(connection, [device for device, _, _ in derived])
    rows = [
        {"device_id": device.id, "number": number, "body": msgspec.json.encode(device)}
        for device, number, _ in kept
    ]
    connection.execute(delete(tables.devices))
    if rows:
        connection.execute(insert(tables.devices), rows)
    connection.execute(delete(tables.marks).where(tables.marks.c.key == _DERIVED))
    connection.execute(insert(tables.marks).values(key=_DERIVED, value=_observed(connection)))
    return len(rows)


def catch_up(engine: Engine) -> bool:
    """Derive the devices again if observations have come since they were derived last; say whether."""
    with engine.connect() as connection:
        derived = connection.execute(
            select(tables.marks.c.value).where(tables.marks.c.key == _DERIVED)
        ).scalar()
        if (derived or "0") == _observed(connection):
            return False
    with tables.writing(engine) as connection:
        refresh(connection)
    return True


def _observed(connection: Connection) -> str:
    """Count the observations: they are never deleted, so the same count means the same observations."""
    return str(connection.execute(select(func.count()).select_from(tables.observations)).scalar_one())


def devices(connection: Connection, at: datetime | None = None) -> tuple[Device, ...]:
    """Give the devices by number, as last refreshed or as known at `at`; what people confirmed wins."""
    return tuple(people.confirmed(one.device, people.latest(one.typed)) for one in _kept(connection, at))


def official_rows(connection: Connection, at: datetime | None = None) -> tuple[OfficialRow, ...]:
    """Give the rows of the official form by 管理番号, now or as known at `at`."""
    listed = listed_by_device(connection, at)
    return tuple(_row(one, listed) for one in _kept(connection, at))


def devices_and_rows(
    connection: Connection, at: datetime | None = None
) -> tuple[tuple[Device, ...], tuple[OfficialRow, ...]]:
    """Give what `devices` and `official_rows` give, read once."""
    kept = _kept(connection, at)
    found = tuple(people.confirmed(one.device, people.latest(one.typed)) for one in kept)
    listed = listed_by_device(connection, at)
    return found, tuple(_row(one, listed) for one in kept)


def header(connection: Connection, at: datetime | None = None) -> Header:
    """Give when and by whom the ledger was changed last."""
    ended = [scan.ended or scan.started for scan in scans(connection)]
    found = [(microseconds(when), when, BY_SCAN) for when in ended]
    found += [(microseconds(entry.at), entry.at, entry.who) for entry in people.entries(connection)]
    if listed := last_listed(connection, at):
        found.append((microseconds(listed[0]), *listed))
    if at is not None:
        found = [one for one in found if one[0] <= microseconds(at)]
    if not found:
        return Header(None, "")
    _, when, who = max(found, key=lambda one: one[0])
    return Header(when, who)


def document(connection: Connection, at: datetime | None = None) -> dict[str, Any]:
    """Give the ledger as JSON values (schema daicho/ledger/1)."""
    return {
        "schema": SCHEMA,
        "generated_at": (at or datetime.now(UTC)).isoformat(),
        "vantages": [msgspec.to_builtins(vantage) for vantage in vantages(connection)],
        "devices": [_device_json(one) for one in _kept(connection, at)],
        "listed": listed_json(connection, at),
    }


def device_document(
    connection: Connection, device_id: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """Give all about one device as JSON values; a number that was merged away leads to its device."""
    one = _find(connection, device_id, at)
    if one is None:
        return None
    return {
        "schema": DEVICE_SCHEMA,
        "device": _device_json(one),
        "official": dict(zip(COLUMNS, _row(one, listed_by_device(connection, at)).values, strict=True)),
        "entries": [msgspec.to_builtins(entry) for entry in one.typed],
        "evidence": [said.json() for said in _evidence(connection, one.device)],
    }


def evidence(connection: Connection, device_id: str) -> list[Said]:
    """Give every observation of the device, oldest first, with the fields that it says."""
    one = _find(connection, device_id, None)
    return _evidence(connection, one.device) if one else []


def _evidence(connection: Connection, device: Device) -> list[Said]:
    return said_by(device, load_some(connection, device.observations))


def _row(one: _Kept, listed: Mapping[str, Stated[ListedDevice]]) -> OfficialRow:
    typed = people.latest(one.typed)
    dual = people.confirmed(one.device, typed).dual_homed
    device = one.device if dual is one.device.dual_homed else replace(one.device, dual_homed=dual)
    return official_row(device, one.number, typed, listed.get(one.device.id))


def _device_json(one: _Kept) -> dict[str, Any]:
    typed = people.latest(one.typed)
    said = {column: entry.value for column, entry in typed.items()}
    return device_json(people.confirmed(one.device, typed)) | {
        "number": number_text(one.number),
        "people": said,
    }


def _find(connection: Connection, device_id: str, at: datetime | None) -> _Kept | None:
    table, numbers = tables.devices, tables.numbers
    if at is None:
        query = select(table.c.body).where(table.c.device_id == device_id)
        body = connection.execute(query).scalar_one_or_none()
        if body is not None:
            return _with_words(connection, [msgspec.json.decode(body, type=Device)], None)[0]
    anchor = connection.execute(select(numbers.c.anchor).where(numbers.c.device_id == device_id)).scalar()
    return next((one for one in _kept(connection, at) if anchor in one.device.observations), None)


def _kept(connection: Connection, at: datetime | None) -> list[_Kept]:
    if at is not None:
        return _with_words(connection, [device for device, _, _ in _derive(connection, at)], at)
    decoder = msgspec.json.Decoder(Device)
    bodies = connection.execute(select(tables.devices.c.body)).scalars()
    return _with_words(connection, [decoder.decode(body) for body in bodies], None)


def _with_words(connection: Connection, found: Sequence[Device], at: datetime | None) -> list[_Kept]:
    """Put numbers and people's words beside devices, by number."""
    typed: dict[str, list[Entry]] = defaultdict(list)
    for entry in people.entries(connection, at):
        typed[entry.device_id].append(entry)
    return [
        _Kept(device, number, tuple(sorted((e for id in ids for e in typed[id]), key=lambda e: e.at)))
        for device, number, ids in sorted(
            _number_all(connection, found), key=lambda one: (one[1] is None, one[1] or 0)
        )
    ]


_Numbered = tuple[Device, int | None, tuple[str, ...]]  # device, number, every id that led to it


def _derive(connection: Connection, at: datetime | None) -> list[_Numbered]:
    """Identify, give back the ids and numbers of before, and count what was sent."""
    found = identify(load(connection, until=at), vantages(connection))
    sent = _sent(connection, {device.scan for device in found}, at)
    return _number_all(connection, [_touched(device, sent) for device in found])


def _number_all(connection: Connection, found: Sequence[Device]) -> list[_Numbered]:
    rows = {row.anchor: row for row in connection.execute(select(tables.numbers))}
    numbered = [_number(device, rows) for device in found]
    renamed = {old.id: new.id for old, (new, _, _) in zip(found, numbered, strict=True)}
    return [(_renamed(device, renamed), number, ids) for device, number, ids in numbered]


def _number(device: Device, rows: Mapping[str, Row[Any]]) -> _Numbered:
    own = sorted((rows[id] for id in device.observations if id in rows), key=lambda row: int(row.number))
    if not own:
        return device, None, ()
    ids = tuple(str(row.device_id) for row in own)
    return replace(device, id=ids[0], anchor=own[0].anchor), own[0].number, ids


def _renamed(device: Device, renamed: Mapping[str, str]) -> Device:
    proposals: Iterable[Merge] = device.proposals
    return replace(
        device, proposals=tuple(replace(p, other=renamed.get(p.other, p.other)) for p in proposals)
    )


def _assign(connection: Connection, new: Sequence[Device]) -> None:
    table, now = tables.numbers, microseconds(datetime.now(UTC))
    last = connection.execute(select(table.c.number).order_by(table.c.number.desc()).limit(1)).scalar() or 0
    rows = [
        {"number": last + place, "device_id": device.id, "anchor": device.anchor, "assigned": now}
        for place, device in enumerate(new, 1)
    ]
    if rows:
        connection.execute(insert(table), rows)


_Sums = dict[tuple[str, str, str], Touched]  # scan, vantage, address


def _sent(connection: Connection, wanted: Iterable[str], at: datetime | None) -> _Sums:
    table, sums = tables.journal, defaultdict[tuple[str, str, str], Touched](Touched)
    decoder = msgspec.json.Decoder(Sent)
    for scan in sorted(wanted):
        query = select(table.c.body).where(table.c.scan == scan[:255])
        if at is not None:
            query = query.where(table.c.at <= microseconds(at))
        for (body,) in connection.execute(query):
            entry = decoder.decode(body)
            key = (entry.scan, entry.vantage, entry.address)
            sums[key] = _plus(sums[key], entry)
    return dict(sums)


def _plus(sum: Touched, more: Sent | Touched) -> Touched:
    return Touched(
        sum.packets + more.packets,
        sum.connections + more.connections,
        sum.payload_bytes + more.payload_bytes,
        sum.held_back,
    )


def _touched(device: Device, sums: _Sums) -> Device:
    touched = device.touched
    for vantage, ip in sorted({(a.vantage, a.ip) for a in device.addresses if a.ip and a.vantage}):
        touched = _plus(touched, sums.get((device.scan, vantage or "", ip or ""), Touched()))
    return replace(device, touched=touched)
