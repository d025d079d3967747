# SPDX-License-Identifier: Apache-2.0
"""What the pages take from the ledger, and the one thing that they write: what people typed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

import msgspec

from collector import device_view, exports
from collector.device_view import DeviceView
from collector.ledger_view import MARKS, Answer, Entry, Question, answer, fold
from collector.sameness import lines_of
from collector.settings import LANGUAGES
from collector.techniques import ways_of
from collector.translation import load_words
from inventory_db import ledger, observations
from inventory_db.agents import Connection, Engine
from inventory_db.audit import Event, differences, record
from inventory_db.binding import facility_of
from inventory_db.decisions import decided_of
from inventory_db.device import Device
from inventory_db.index_rows import is_unseen
from inventory_db.index_tables import Mark
from inventory_db.ledger_index import looking
from inventory_db.ledger_query import Wish, find_rows
from inventory_db.observations import Stored
from inventory_db.official import OfficialRow
from inventory_db.tables import writing
from probes.facts import Scan, Sent


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """One page of the ledger with the lines above it."""

    answer: Answer
    updated: datetime | None
    updated_by: str
    last_scan: Scan | None


class Reading:
    """Reads the ledger behind one engine; each call is one transaction."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def ledger(self, question: Question) -> LedgerPage:
        """Give the rows that a reader asked for."""
        with looking(self._engine) as (connection, mark):
            found = ask_index(connection, question, mark)
            header = ledger.header(connection)
            last = observations.last_scan(connection)
        return LedgerPage(found, header.updated, header.by, last)

    def device(self, id: str, back: int = 0) -> DeviceView | None:
        """Give the page of one device, of its observations those `back` pages before now; None if nobody knows the id."""
        with looking(self._engine) as (connection, _):
            found = ledger.find_device(connection, id)
            if found is None:
                return None
            kept, listed = found
            typed = tuple(msgspec.to_builtins(entry) for entry in kept.typed[::-1])
            decided = lines_of(decided_of(connection, kept.device.parts))
            view = _view(connection, kept.json(), kept.row(listed), back)
            return replace(view, typed=typed, parts=kept.device.parts, decided=decided)

    def observation(self, device: str, id: str) -> tuple[Stored, str] | None:
        """Give an observation of this device with its transcript ("" if it has none)."""
        with self._engine.connect() as connection:
            of = ledger.find_device(connection, device)
            if of is None or not ledger.is_of(connection, of[0].device, id):
                return None
            found = observations.load_some(connection, [id])
            text = observations.load_transcript(connection, id) or ""
        return (found[0], text) if found else None

    def fill_in(self, device: str, values: Mapping[str, str], event: Event) -> bool:
        """Keep what a person typed where it differs from what stands there; False if nothing did.

        An empty value takes back what was typed before. `event` tells the audit log who it is; the entry with old
        and new values is kept together with the change. Raises inventory_db.people.BadEntry.
        """
        with writing(self._engine) as connection:
            typed = _typed(connection, device)
            changed = {column: value for column, value in values.items() if value != typed.get(column, "")}
            for column, value in changed.items():
                ledger.edit(connection, device, column, value or None, event.name, self._now())
            if changed:
                told = differences({column: typed.get(column, "") for column in changed}, changed)
                record(connection, replace(event, detail={**event.detail, "changed": told}))
        return bool(changed)

    def scans(self) -> list[Scan]:
        """Give every scan, oldest first."""
        with self._engine.connect() as connection:
            return observations.scans(connection)

    def journal(self, address: str | None, most: int) -> tuple[list[Sent], int]:
        """Give the last things that were sent (to one address), newest first, and how many there are."""
        with self._engine.connect() as connection:
            return observations.newest_sent(connection, address, most)

    def document(self) -> dict[str, Any]:
        """Give the ledger as JSON values."""
        with self._engine.connect() as connection:
            return ledger.document(connection)

    def device_document(self, id: str) -> dict[str, Any] | None:
        """Give one device as JSON values; None if there is none with this id."""
        with self._engine.connect() as connection:
            return ledger.device_document(connection, id)

    def csv(self) -> bytes:
        """Give the ledger as CSV."""
        with self._engine.connect() as connection:
            return exports.ledger_csv(connection)

    def xlsx(self, facility: str, zone: tzinfo) -> bytes:
        """Give the ledger as an Excel file."""
        with self._engine.connect() as connection:
            return exports.ledger_xlsx(connection, facility, zone, self._now())


def ask_index(connection: Connection, question: Question, mark: Mark | None) -> Answer:
    """Give what `ledger_view.answer` gives, from the ledger's index; from all rows where there is no mark of today."""
    if mark is None:
        return answer(read_entries(connection), question)
    wish = wish_of(question, (question.page - 1) * question.per, question.per)
    found = find_rows(connection, mark, wish)
    return Answer(
        question=replace(question, page=found.start // question.per + 1),
        entries=tuple(
            Entry(row.cells, row.device, row.unseen, key)
            for row, key in zip(found.rows, found.keys, strict=True)
        ),
        matching=found.matching,
        total=mark.counts.total,
        pages=max(1, -(-found.matching // question.per)),
        kinds=mark.counts.kinds,
        marks={name: mark.counts.marks.get(name, 0) for name in MARKS},
        networks=mark.counts.networks,
        key=(facility_of(connection), *mark.made_from),
    )


def wish_of(question: Question, start: int, most: int) -> Wish:
    """Give a question as the index is asked."""
    narrowed = {name: getattr(question, name) for name in ("kind", "network", "mark", "sort", "down")}
    return Wish(tuple(fold(question.q).split()), start=start, most=most, **narrowed)


def read_entries(connection: Connection) -> tuple[Entry, ...]:
    """Give every row of the ledger with the device behind it."""
    found = {device["id"]: device for device in ledger.document(connection)["devices"]}
    rows = ledger.official_rows(connection)
    return tuple(_entry(row, found) for row in rows if row.device.id in found)


def _entry(row: OfficialRow, found: Mapping[str, Any]) -> Entry:
    return Entry(row.values, found[row.device.id], is_unseen(row.device))


def _view(connection: Connection, document: Mapping[str, Any], row: OfficialRow, back: int) -> DeviceView:
    device = row.device
    chosen = device_view.choose_observations(device.observations, _cited(device), back)
    seen = observations.load_some(connection, chosen)
    shown, _, places = device_view.number_observations(seen, len(seen))
    named = {language: load_words(language)("device.named") for language in LANGUAGES}
    return DeviceView(
        device=document,
        cells=device_view.official_cells(row.cells),
        identity=device_view.believe(document, seen, named),
        observations=shown,
        earlier=len(device.observations) - len(shown) if back == 0 else 0,
        back=back,
        pages=device_view.pages_of(len(device.observations)),
        sent=device_view.summarise_sent(_sent_to(connection, device)),
        vantages=device_view.describe_vantages(observations.vantages(connection)),
        places=places,
        ways=ways_of(seen) if back == 0 else (),
    )


def _cited(device: Device) -> tuple[str, ...]:
    """The observations that the device's values, paths and merges name, each once."""
    found = [id for mark in device.confidence.values() for id in mark.observations]
    found += [line.observation for path in device.remote_paths for line in path.evidence]
    found += [line.observation for line in (device.dual_homed.evidence if device.dual_homed else ())]
    found += [
        id for merge in (*device.merges, *device.proposals, *device.parted) for id in merge.observations[:6]
    ]
    return tuple(dict.fromkeys(found))


def _sent_to(connection: Connection, device: Device) -> Iterator[Sent]:
    """What was sent to its addresses from where they stand; the same IP elsewhere is another device."""
    ours = {(address.vantage, address.ip) for address in device.addresses if address.ip}
    for ip in sorted({ip for _, ip in ours if ip}):
        yield from (one for one in observations.each_sent(connection, ip) if (one.vantage, ip) in ours)


def _typed(connection: Connection, id: str) -> dict[str, str]:
    document = ledger.device_document(connection, id)
    people: dict[str, str] = dict(document["device"]["people"]) if document else {}
    return people
