# SPDX-License-Identifier: Apache-2.0
"""What the pages take from the ledger, and the one thing that they write: what people typed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from collector import device_view, exports
from collector.device_view import DeviceView
from collector.ledger_view import Entry
from collector.settings import LANGUAGES
from collector.translation import load_words
from inventory_db import ledger, observations
from inventory_db.agents import Connection, Engine
from inventory_db.device import Device
from inventory_db.observations import Stored
from inventory_db.official import OfficialRow
from inventory_db.tables import writing
from probes.facts import Scan, Sent


@dataclass(frozen=True, slots=True)
class LedgerPage:
    """The rows of the ledger with the lines above them."""

    entries: tuple[Entry, ...]
    updated: datetime | None
    updated_by: str
    last_scan: Scan | None


class Reading:
    """Reads the ledger behind one engine; each call is one transaction."""

    def __init__(self, engine: Engine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def ledger(self) -> LedgerPage:
        """Give every row with the device behind it."""
        with self._engine.connect() as connection:
            found = {device["id"]: device for device in ledger.document(connection)["devices"]}
            rows = ledger.official_rows(connection)
            header = ledger.header(connection)
            scans = observations.scans(connection)
        entries = (_entry(row, found) for row in rows if row.device.id in found)
        return LedgerPage(tuple(entries), header.updated, header.by, scans[-1] if scans else None)

    def device(self, id: str) -> DeviceView | None:
        """Give everything on the page of one device; None if there is none with this id."""
        with self._engine.connect() as connection:
            document = ledger.device_document(connection, id)
            if document is None:
                return None
            row = _row_of(connection, document["device"]["id"])
            return None if row is None else _view(connection, document["device"], row)

    def observation(self, device: str, id: str) -> tuple[Stored, str] | None:
        """Give an observation of this device with its transcript ("" if it has none)."""
        with self._engine.connect() as connection:
            row = _row_of(connection, device)
            if row is None or id not in row.device.observations:
                return None
            found = observations.load_some(connection, [id])
            text = observations.load_transcript(connection, id) or ""
        return (found[0], text) if found else None

    def fill_in(self, device: str, values: Mapping[str, str], who: str) -> bool:
        """Keep what a person typed where it differs from what stands there; False if nothing did.

        An empty value takes back what was typed before. Raises inventory_db.people.BadEntry.
        """
        with writing(self._engine) as connection:
            typed = _typed(connection, device)
            changed = {column: value for column, value in values.items() if value != typed.get(column, "")}
            for column, value in changed.items():
                ledger.edit(connection, device, column, value or None, who, self._now())
        return bool(changed)

    def scans(self) -> list[Scan]:
        """Give every scan, oldest first."""
        with self._engine.connect() as connection:
            return observations.scans(connection)

    def journal(self, address: str | None) -> list[Sent]:
        """Give everything that was sent (to one address), oldest first."""
        with self._engine.connect() as connection:
            return observations.journal(connection, address)

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


def _entry(row: OfficialRow, found: Mapping[str, Any]) -> Entry:
    return Entry(row.values, found[row.device.id], _is_unseen(row.device))


def _is_unseen(device: Device) -> bool:
    asked, seen = datetime.fromisoformat(device.last_asked), datetime.fromisoformat(device.last_seen)
    return asked > seen and not device.answered_last


def _row_of(connection: Connection, id: str) -> OfficialRow | None:
    return next((row for row in ledger.official_rows(connection) if row.device.id == id), None)


def _view(connection: Connection, document: Mapping[str, Any], row: OfficialRow) -> DeviceView:
    device = row.device
    seen = observations.load_some(connection, device.observations)
    shown, earlier, places = device_view.number_observations(seen)
    named = {language: load_words(language)("device.named") for language in LANGUAGES}
    return DeviceView(
        device=document,
        cells=device_view.official_cells(row.cells),
        identity=device_view.believe(document, seen, named),
        observations=shown,
        earlier=earlier,
        sent=device_view.summarise_sent(_sent_to(connection, device)),
        vantages=device_view.describe_vantages(observations.vantages(connection)),
        places=places,
    )


def _sent_to(connection: Connection, device: Device) -> list[Sent]:
    """What was sent to its addresses from where they stand; the same IP elsewhere is another device."""
    ours = {(address.vantage, address.ip) for address in device.addresses if address.ip}
    sent: list[Sent] = []
    for ip in sorted({ip for _, ip in ours if ip}):
        sent += (one for one in observations.journal(connection, ip) if (one.vantage, ip) in ours)
    return sent


def _typed(connection: Connection, id: str) -> dict[str, str]:
    document = ledger.device_document(connection, id)
    people: dict[str, str] = dict(document["device"]["people"]) if document else {}
    return people
