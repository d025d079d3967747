# SPDX-License-Identifier: Apache-2.0
"""The log: what was seen and what was sent, appended once and never changed."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, select
from sqlalchemy.dialects import postgresql, sqlite

from inventory_db import tables
from probes.facts import Observation, Scan, Sent, Upload, Vantage, encode

MOST_TRANSCRIPT = 16 * 1024 * 1024  # characters of a transcript given back
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Stored(Observation, frozen=True, kw_only=True, omit_defaults=True):
    """An observation as the ledger keeps it: its id is kept, its transcript lies apart.

    `transcript` is empty; `load_transcript(connection, stored.id)` gives it when `transcript_id` is set.
    """

    key: str
    transcript_id: str = ""

    @property
    def id(self) -> str:
        """Content address of the observation as it was uploaded."""
        return self.key


@dataclass(frozen=True, slots=True)
class Appended:
    """How much of an upload was new, and how much the ledger had already."""

    observations_new: int
    observations_known: int
    sent_new: int
    sent_known: int


def append(connection: Connection, upload: Upload, agent: str = "") -> Appended:
    """Add what the upload holds and the ledger does not; the same upload twice changes nothing.

    `agent` is the enrolled id of the sender; empty for a scan straight into the ledger.
    The caller owns the transaction: all of the upload is kept, or nothing.
    """
    sender, now = agent or upload.agent, microseconds(datetime.now(UTC))
    entries = {observation.id: observation for observation in upload.observations}
    _insert(connection, tables.transcripts, _transcript_rows(upload.observations))
    seen = _insert(
        connection, tables.observations, [_seen_row(*entry, sender, now) for entry in entries.items()]
    )
    sent = _insert(connection, tables.journal, [_sent_row(entry, sender, now) for entry in upload.sent])
    _keep_scans(connection, upload.scans, sender)
    _keep_vantages(connection, upload.vantages, sender)
    return Appended(seen, len(upload.observations) - seen, sent, len(upload.sent) - sent)


def load(connection: Connection, *, until: datetime | None = None) -> Iterator[Stored]:
    """Give every observation made at or before `until`, oldest first, without transcripts."""
    table = tables.observations
    query = select(table.c.body).order_by(table.c.at, table.c.id)
    if until is not None:
        query = query.where(table.c.at <= microseconds(until))
    decoder = msgspec.json.Decoder(Stored)
    for (body,) in connection.execute(query.execution_options(yield_per=2000)):
        yield decoder.decode(body)


def load_some(connection: Connection, ids: Iterable[str]) -> tuple[Stored, ...]:
    """Give the observations with these ids, oldest first, without transcripts."""
    table, wanted = tables.observations, sorted(set(ids))
    decoder = msgspec.json.Decoder(Stored)
    found: list[Stored] = []
    for start in range(0, len(wanted), 500):
        query = select(table.c.body).where(table.c.id.in_(wanted[start : start + 500]))
        found += (decoder.decode(body) for (body,) in connection.execute(query))
    return tuple(sorted(found, key=lambda stored: (microseconds(stored.at), stored.id)))


def load_transcript(connection: Connection, id: str) -> str | None:
    """Give the transcript of the observation with this id; None if it has none or is not known."""
    seen, kept = tables.observations, tables.transcripts
    query = select(kept.c.data).join_from(seen, kept).where(seen.c.id == id)
    data = connection.execute(query).scalar_one_or_none()
    if data is None:
        return None
    return _unpack(data)


def load_transcripts(connection: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Give the transcripts of these observations by id; one without a transcript is left out."""
    seen, kept, wanted = tables.observations, tables.transcripts, sorted(set(ids))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 500):
        some = seen.c.id.in_(wanted[start : start + 500])
        for id, data in connection.execute(select(seen.c.id, kept.c.data).join_from(seen, kept).where(some)):
            found[id] = _unpack(data)
    return found


def journal(connection: Connection, address: str | None = None) -> list[Sent]:
    """Give everything that was sent (to one address), oldest first."""
    table = tables.journal
    query = select(table.c.body).order_by(table.c.at, table.c.id)
    if address is not None:
        query = query.where(table.c.address == address)
    decoder = msgspec.json.Decoder(Sent)
    return [decoder.decode(body) for (body,) in connection.execute(query)]


def scans(connection: Connection) -> list[Scan]:
    """Give every scan in its latest known state, oldest first."""
    query = select(tables.scans.c.body).order_by(tables.scans.c.started, tables.scans.c.id)
    return [msgspec.json.decode(body, type=Scan) for (body,) in connection.execute(query)]


def vantages(connection: Connection) -> list[Vantage]:
    """Give every place we stood at, by id."""
    query = select(tables.vantages.c.body).order_by(tables.vantages.c.id)
    return [msgspec.json.decode(body, type=Vantage) for (body,) in connection.execute(query)]


def _unpack(data: bytes) -> str:
    return zlib.decompressobj().decompress(data, MOST_TRANSCRIPT).decode("utf-8", "replace")


def microseconds(at: datetime) -> int:
    """Give microseconds since 1970 UTC; a time without offset is taken as UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def as_stored(observation: Observation) -> Stored:
    """Give an observation the form in which the ledger keeps it; a stored one as it is."""
    if isinstance(observation, Stored):
        return observation
    return _stored(observation, observation.id)


def _stored(observation: Observation, key: str) -> Stored:
    fields = {name: getattr(observation, name) for name in Observation.__struct_fields__}
    text = fields.pop("transcript")
    return Stored(**fields, key=key, transcript_id=_transcript_id(text) if text else "")


def _transcript_id(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _transcript_rows(entries: Iterable[Observation]) -> list[dict[str, Any]]:
    texts = {_transcript_id(entry.transcript): entry.transcript for entry in entries if entry.transcript}
    return [{"id": id, "data": zlib.compress(text.encode())} for id, text in texts.items()]


def _seen_row(key: str, observation: Observation, agent: str, now: int) -> dict[str, Any]:
    stored = _stored(observation, key)
    row = _row(key, observation, agent, now)
    return row | {"transcript": stored.transcript_id or None, "body": encode(stored)}


def _sent_row(entry: Sent, agent: str, now: int) -> dict[str, Any]:
    return _row(entry.id, entry, agent, now) | {"body": encode(entry)}


def _row(key: str, entry: Observation | Sent, agent: str, now: int) -> dict[str, Any]:
    return {
        "id": key,
        "at": microseconds(entry.at),
        "received": now,
        "agent": _cell(agent),
        "scan": _cell(entry.scan),
        "address": _cell(entry.address),
    }


def _cell(text: str) -> str:
    """Make hostile text fit an indexed column; the body keeps the whole of it."""
    return text[:255].replace("\x00", "\ufffd")


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> int:
    """Insert the rows that are not there yet, in the order of their ids (so writers cannot deadlock)."""
    if not rows:
        return 0
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).on_conflict_do_nothing().returning(table.c.id)
    ordered = sorted(rows, key=lambda row: str(row["id"]))
    return len(connection.execute(statement, ordered).all())


def _keep_scans(connection: Connection, new: Iterable[Scan], agent: str) -> None:
    """Keep of each scan the state that has come furthest, whatever order they arrive in."""
    best: dict[str, Scan] = {}
    for scan in sorted(new, key=_progress):
        best[_cell(scan.id)] = scan
    for id, scan in best.items():
        known = _body(connection, tables.scans, id)
        if known is None or _progress(msgspec.json.decode(known, type=Scan)) < _progress(scan):
            row = {"started": microseconds(scan.started), "agent": _cell(agent), "body": encode(scan)}
            _put(connection, tables.scans, id, row)


def _progress(scan: Scan) -> tuple[bool, int, int, bytes]:
    ended = microseconds(scan.ended) if scan.ended else 0
    return scan.state != "running", scan.finished, ended, encode(scan)


def _keep_vantages(connection: Connection, new: Iterable[Vantage], agent: str) -> None:
    for vantage in new:
        body = encode(vantage)
        if _body(connection, tables.vantages, _cell(vantage.id)) != body:
            _put(connection, tables.vantages, _cell(vantage.id), {"agent": _cell(agent), "body": body})


def _body(connection: Connection, table: Table, id: str) -> bytes | None:
    found: bytes | None = connection.execute(
        select(table.c.body).where(table.c.id == id)
    ).scalar_one_or_none()
    return found


def _put(connection: Connection, table: Table, id: str, row: dict[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(id=id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))
