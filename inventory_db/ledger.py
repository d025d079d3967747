# SPDX-License-Identifier: Apache-2.0
"""The ledger: devices derived and kept with their 管理番号, people's words on top, and its documents.

A device keeps its id and number for good: they hang on one observation of it. When two devices
turn out to be one, the older number stays and the other is never given again; what people typed
for either follows.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, select

from inventory_db import digested, ledger_index, people, tables
from inventory_db.condensed import likeness
from inventory_db.cutting import MOST_CELL, bounded_evidence
from inventory_db.decisions import decisions
from inventory_db.device import Device
from inventory_db.evidence import Said, said_by
from inventory_db.given_numbers import Numbered, number_all, number_of
from inventory_db.identify import derive
from inventory_db.kept import Kept
from inventory_db.listed_ledger import last_listed, listed_by_device, listed_json, listed_rows
from inventory_db.observations import load_some, microseconds, scans, vantages
from inventory_db.official import COLUMNS, OfficialRow
from inventory_db.people import EDITABLE, BadEntry, Entry
from inventory_db.refreshing import refresh
from inventory_db.touching import touched_until

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
    "document_head",
    "document_pieces",
    "each_device",
    "edit",
    "edit_all",
    "evidence",
    "find_device",
    "header",
    "is_of",
    "listed_rows",
    "official_rows",
    "refresh",
]

SCHEMA = "daicho/ledger/1"
DEVICE_SCHEMA = "daicho/device/1"
_NEWEST = 200  # scans among which the one that ended last is looked for
BY_SCAN = "daicho（自動調査）"


@dataclass(frozen=True, slots=True)
class Header:
    """最終更新日 and 最終更新者 of the form; None and "" for an empty ledger."""

    updated: datetime | None
    by: str


def catch_up(engine: Engine) -> bool:
    """Bring the devices up to date if anything came since they were derived last; say whether."""
    with engine.connect() as connection:
        if digested.is_current(connection) or _is_empty(connection):
            return False
    with tables.writing(engine) as connection:
        refresh(connection)
    return True


def _is_empty(connection: Connection) -> bool:
    return connection.execute(select(tables.observations.c.id).limit(1)).first() is None


def edit(
    connection: Connection, device_id: str, column: str, value: str | None, who: str, at: datetime
) -> None:
    """Keep what a person typed, and the row that shows it, as `people.edit`; raises BadEntry."""
    people.edit(connection, device_id, column, value, who, at)
    ledger_index.bring_up(connection)


def edit_all(
    connection: Connection, edits: Iterable[tuple[str, str, str | None]], who: str, at: datetime
) -> int:
    """Keep many entries, and the rows that show them, as `people.edit_all`; raises BadEntry."""
    kept = people.edit_all(connection, edits, who, at)
    ledger_index.bring_up(connection)
    return kept


def devices(connection: Connection, at: datetime | None = None) -> tuple[Device, ...]:
    """Give the devices by number, as last refreshed or as known at `at`; what people confirmed wins."""
    return tuple(people.confirmed(one.device, people.latest(one.typed)) for one in _kept(connection, at))


def official_rows(connection: Connection, at: datetime | None = None) -> tuple[OfficialRow, ...]:
    """Give the rows of the official form by 管理番号, now or as known at `at`."""
    listed = listed_by_device(connection, at)
    return tuple(one.row(listed) for one in _kept(connection, at))


def devices_and_rows(
    connection: Connection, at: datetime | None = None
) -> tuple[tuple[Device, ...], tuple[OfficialRow, ...]]:
    """Give what `devices` and `official_rows` give, read once."""
    kept = _kept(connection, at)
    found = tuple(people.confirmed(one.device, people.latest(one.typed)) for one in kept)
    listed = listed_by_device(connection, at)
    return found, tuple(one.row(listed) for one in kept)


def header(connection: Connection, at: datetime | None = None) -> Header:
    """Give when and by whom the ledger was changed last."""
    ended = [scan.ended or scan.started for scan in scans(connection, None if at else _NEWEST)]
    found = [(microseconds(when), when, BY_SCAN) for when in ended]
    if typed := people.last_entry(connection, at):
        found.append((microseconds(typed.at), typed.at, typed.who))
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
    return document_head(connection, at) | {"devices": [one.json() for one in _kept(connection, at)]}


def document_head(connection: Connection, at: datetime | None = None) -> dict[str, Any]:
    """Give the ledger's document without its devices."""
    return {
        "schema": SCHEMA,
        "generated_at": (at or datetime.now(UTC)).isoformat(),
        "vantages": [msgspec.to_builtins(vantage) for vantage in vantages(connection)],
        "devices": [],
        "listed": listed_json(connection, at),
    }


def document_pieces(connection: Connection) -> Iterator[bytes]:
    """Give the same document as JSON in pieces; only some devices stand in memory at a time."""
    head, _, tail = msgspec.json.encode(document_head(connection)).partition(b'"devices":[]')
    yield head + b'"devices":['
    for place, device in enumerate(each_device(connection)):
        yield (b"," if place else b"") + msgspec.json.encode(device)
    yield b"]" + tail


def each_device(connection: Connection) -> Iterator[dict[str, Any]]:
    """Give the devices as JSON values by number, one after the other."""
    return (one.json() for one in _each_kept(connection))


def device_document(
    connection: Connection, device_id: str, at: datetime | None = None
) -> dict[str, Any] | None:
    """Give all about one device as JSON values; a number that was merged away leads to its device."""
    found = find_device(connection, device_id, at)
    if found is None:
        return None
    one, listed = found
    return {
        "schema": DEVICE_SCHEMA,
        "device": one.json(),
        "official": {
            name: cell[:MOST_CELL] for name, cell in zip(COLUMNS, one.row(listed).values, strict=True)
        },
        "entries": [msgspec.to_builtins(entry) for entry in one.typed],
        "evidence": bounded_evidence([said.json() for said in _evidence(connection, one.device)]),
    }


def evidence(connection: Connection, device_id: str) -> list[Said]:
    """Give every observation of the device, oldest first, with the fields that it says."""
    found = find_device(connection, device_id)
    return _evidence(connection, found[0].device) if found else []


def is_of(connection: Connection, device: Device, observation: str) -> bool:
    """Whether the observation is of this device: one that it is derived from, or one alike that was passed over."""
    if observation in device.observations:
        return True
    alike = {likeness(one) for one in load_some(connection, [observation])}
    return any(likeness(one) in alike for one in load_some(connection, device.observations))


def _evidence(connection: Connection, device: Device) -> list[Said]:
    return said_by(device, load_some(connection, device.observations))


def find_device(
    connection: Connection, device_id: str, at: datetime | None = None
) -> tuple[Kept, ledger_index.Links] | None:
    """Give one device with its row of the facility's own ledger; a number that was merged away leads to its device.

    By keys alone where the index is that of today (and `at` is None), else by looking at all devices.
    """
    if at is None and ledger_index.find_mark(connection) is not None:
        return ledger_index.find_kept(connection, device_id)
    numbers = tables.numbers
    anchor = connection.execute(select(numbers.c.anchor).where(numbers.c.device_id == device_id)).scalar()
    one = next((one for one in _kept(connection, at) if anchor in one.device.observations), None)
    return None if one is None else (one, listed_by_device(connection, at))


def _kept(connection: Connection, at: datetime | None) -> list[Kept]:
    if at is not None:
        return _with_words(connection, [device for device, _, _ in _derive(connection, at)], at)
    return list(_each_kept(connection))


def _each_kept(connection: Connection) -> Iterator[Kept]:
    """Give the devices as last refreshed, by number; their ids and numbers were settled then."""
    table, decoder = tables.devices, msgspec.json.Decoder(Device)
    rows = {row.anchor: row for row in connection.execute(select(tables.numbers))}
    typed: dict[str, list[Entry]] = defaultdict(list)
    for entry in people.entries(connection):
        typed[entry.device_id].append(entry)
    query = select(table.c.body).order_by(table.c.number).execution_options(yield_per=200)
    for (body,) in connection.execute(query):
        device, number, ids = number_of(decoder.decode(body), rows)
        yield Kept(device, number, _in_time(typed, ids))


def _with_words(connection: Connection, found: Sequence[Device], at: datetime | None) -> list[Kept]:
    """Put numbers and people's words beside devices, by number."""
    typed: dict[str, list[Entry]] = defaultdict(list)
    for entry in people.entries(connection, at):
        typed[entry.device_id].append(entry)
    return [
        Kept(device, number, _in_time(typed, ids))
        for device, number, ids in sorted(
            number_all(connection, found), key=lambda one: (one[1] is None, one[1] or 0)
        )
    ]


def _in_time(typed: Mapping[str, list[Entry]], ids: Iterable[str]) -> tuple[Entry, ...]:
    return tuple(sorted((entry for id in ids for entry in typed[id]), key=lambda entry: entry.at))


def _derive(connection: Connection, at: datetime) -> list[Numbered]:
    """Derive what was known then, give back the ids and numbers of before, and count what was sent."""
    found = derive(digested.as_known_at(connection, at), vantages(connection), decisions(connection, at))
    return number_all(connection, touched_until(connection, found, at))
