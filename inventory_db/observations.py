# SPDX-License-Identifier: Apache-2.0
"""The log: what was seen and what was sent, appended once and never changed."""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, bindparam, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from inventory_db import tables
from inventory_db.binding import prepared
from inventory_db.bulk import Row, insert_new
from inventory_db.cutting import cut_facts
from inventory_db.journal import entries_to
from inventory_db.portions import AT_A_TIME
from inventory_db.sharing import SharingDecoder
from probes.facts import MOST_VALUE, Observation, Scan, Sent, Upload, Vantage, encode

MOST_TRANSCRIPT = 16 * 1024 * 1024  # characters of a transcript given back
MOST_COUNTED = 100_000  # lines of the journal
_SAID = b',"transcript":"'  # in a string of JSON no quotation mark stands after a comma without a backslash
_WINDOW = 4096  # bytes of a short transcript
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Stored(Observation, frozen=True, kw_only=True, omit_defaults=True):
    """An observation as the ledger keeps it: its id is kept, its transcript lies apart.

    `transcript` is empty; `load_transcript(connection, stored.id)` gives it when `transcript_id` is set.
    """

    key: str
    transcript_id: str = ""
    facts_cut: int = 0  # facts that were left out or cut, see cutting

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


@dataclass(frozen=True, slots=True)
class Prepared:
    """An upload as rows: all that can be done before the transaction, in which others wait."""

    upload: Upload
    sender: str
    transcripts: list[Row]
    observations: list[Row]
    journal: list[Row]


def prepare(upload: Upload, agent: str = "") -> Prepared:
    """Make an upload's rows; `agent` is the enrolled id of the sender, empty for a scan straight into the ledger."""
    sender = as_cell(agent or upload.agent)
    said, seen = _rows_of(upload.observations, sender, 0)
    lines = {entry.id: entry for entry in upload.sent}
    return Prepared(
        upload,
        sender,
        [(id, pack(text)) for id, text in said.items()],
        list(seen.values()),
        [_sent_row(id, entry, sender, 0) for id, entry in lines.items()],
    )


def append(connection: Connection, upload: Upload | Prepared, agent: str = "") -> Appended:
    """Add what the upload holds and the ledger does not; the same upload twice changes nothing.

    The caller owns the transaction: all of the upload is kept, or nothing.
    """
    rows, now = upload if isinstance(upload, Prepared) else prepare(upload, agent), _now()
    upload, sender = rows.upload, rows.sender
    insert_new(connection, tables.transcripts, rows.transcripts, often_known=True)
    new = insert_new(connection, tables.observations, _received(rows.observations, now))
    sent = insert_new(connection, tables.journal, _received(rows.journal, now))
    _keep_scans(connection, upload.scans, sender)
    _keep_vantages(connection, upload.vantages, sender)
    if new or sent or upload.vantages:
        announce(connection, now, {entry.scan for entry in upload.sent})
    return Appended(new, len(upload.observations) - new, sent, len(upload.sent) - sent)


def _received(rows: list[Row], now: int) -> list[Row]:
    """Put the time of the transaction into rows that were made before it."""
    return [(id, at, now, *rest) for id, at, _, *rest in rows]


def _now() -> int:
    return microseconds(datetime.now(UTC))


def announce(connection: Connection, received: int, scans: Iterable[str]) -> None:
    """Say that observations with this `received`, and journal lines of these scans, wait to become devices."""
    row = {"id": uuid4().hex, "received": received, "scans": msgspec.json.encode(sorted(scans)).decode()}
    connection.execute(insert(tables.arrivals), [row])


def load(connection: Connection, *, until: datetime | None = None) -> Iterator[Stored]:
    """Give every observation made at or before `until`, oldest first, without transcripts."""
    return (one for one, _ in load_sized(connection, until))


def load_sized(connection: Connection, until: datetime | None = None) -> Iterator[tuple[Stored, int]]:
    """Give the same, each with the bytes of its body."""
    table = tables.observations
    query = select(table.c.body).order_by(table.c.at, table.c.id)
    if until is not None:
        query = query.where(table.c.at <= microseconds(until))
    return read(connection, query)


def read(connection: Connection, query: Select[Any]) -> Iterator[tuple[Stored, int]]:
    """Give the observations of these bodies, each with the bytes of its body; few are read ahead, for they may be large."""
    decoder = SharingDecoder(Stored)
    for (body,) in connection.execute(query.execution_options(yield_per=AT_A_TIME)):
        yield decoder.decode(body), len(body)


_SOME = prepared(
    select(tables.observations.c.body).where(tables.observations.c.id.in_(bindparam("ids", expanding=True)))
)


def load_some(connection: Connection, ids: Iterable[str]) -> tuple[Stored, ...]:
    """Give the observations with these ids, oldest first, without transcripts."""
    wanted, decoder = sorted(set(ids)), msgspec.json.Decoder(Stored)
    found: list[Stored] = []
    for start in range(0, len(wanted), AT_A_TIME):
        some = connection.execute(_SOME, {"ids": wanted[start : start + AT_A_TIME]})
        found += map(decoder.decode, some.scalars())
    return tuple(sorted(found, key=lambda stored: (microseconds(stored.at), stored.id)))


def load_transcript(connection: Connection, id: str) -> str | None:
    """Give the transcript of the observation with this id; None if it has none or is not known."""
    seen, kept = tables.observations, tables.transcripts
    query = select(kept.c.data).join_from(seen, kept, _same_transcript()).where(seen.c.id == id)
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
        query = select(seen.c.id, kept.c.data).join_from(seen, kept, _same_transcript()).where(some)
        for id, data in connection.execute(query):
            found[id] = _unpack(data)
    return found


def _same_transcript() -> ColumnElement[bool]:
    seen, kept = tables.observations.c, tables.transcripts.c
    return and_(seen.facility == kept.facility, seen.transcript == kept.id)


def journal(connection: Connection, address: str | None = None) -> list[Sent]:
    """Give everything that was sent (to one address), oldest first."""
    table, decoder = tables.journal, msgspec.json.Decoder(Sent)
    if address is None:
        query = select(table.c.body).order_by(table.c.at, table.c.id)
        return [decoder.decode(body) for (body,) in connection.execute(query)]
    # ordered here: for an order by at and id SQLite walks through the whole journal in that order
    rows = connection.execute(
        select(table.c.at, table.c.id, table.c.body).where(table.c.address == address)
    ).all()
    return [decoder.decode(row.body) for row in sorted(rows, key=lambda row: (row.at, row.id))]


_SENT_TO = prepared(
    select(tables.journal.c.body)
    .where(tables.journal.c.address == bindparam("address"))
    .execution_options(yield_per=500)
)


def each_sent(connection: Connection, address: str) -> Iterator[Sent]:
    """Give everything that was sent to one address, one after the other, in no order."""
    decoder = msgspec.json.Decoder(Sent)
    return map(decoder.decode, connection.execute(_SENT_TO, {"address": address}).scalars())


def newest_sent(connection: Connection, address: str | None, most: int) -> tuple[list[Sent], int]:
    """Give the last `most` things that were sent (to one address), newest first, and how many there are.

    Without an address the number is counted up to MOST_COUNTED only; one more means that there are more.
    """
    table, decoder = tables.journal, msgspec.json.Decoder(Sent)
    if address is not None:
        mine = select(func.count()).select_from(table).where(table.c.address == address)
        newest_rows = entries_to(connection, address, most)
        return [decoder.decode(row.body) for row in newest_rows], int(connection.execute(mine).scalar_one())
    newest = select(table.c.body).order_by(table.c.at.desc(), table.c.id.desc()).limit(most)
    found = [decoder.decode(body) for body in connection.execute(newest).scalars()]
    some = select(table.c.at).limit(MOST_COUNTED + 1).subquery()
    return found, int(connection.execute(select(func.count()).select_from(some)).scalar_one())


_SCANS = prepared(
    select(tables.scans.c.body).order_by(tables.scans.c.started.desc(), tables.scans.c.id.desc())
)
_LAST_SCANS = prepared(_SCANS.limit(bindparam("newest")))


def scans(connection: Connection, newest: int | None = None) -> list[Scan]:
    """Give every scan (or those that began last) in its latest known state, oldest first."""
    query, given = (_SCANS, {}) if newest is None else (_LAST_SCANS, {"newest": newest})
    bodies = connection.execute(query, given).scalars().all()
    return [msgspec.json.decode(body, type=Scan) for body in reversed(bodies)]


def last_scan(connection: Connection) -> Scan | None:
    """Give the scan that began last."""
    return next(iter(scans(connection, 1)), None)


def planned_scans(connection: Connection) -> list[tuple[str, Scan]]:
    """Give the latest scan of each agent that said when it scans by itself, with the agent's id."""
    last = select(tables.scans.c.agent, func.max(tables.scans.c.started).label("started")).group_by(
        tables.scans.c.agent
    )
    newest = last.subquery()
    query = (
        select(tables.scans.c.agent, tables.scans.c.body)
        .join(
            newest, and_(tables.scans.c.agent == newest.c.agent, tables.scans.c.started == newest.c.started)
        )
        .order_by(tables.scans.c.agent, tables.scans.c.id)
    )
    found = {agent: msgspec.json.decode(body, type=Scan) for agent, body in connection.execute(query)}
    return [(agent, scan) for agent, scan in found.items() if scan.plan]


_VANTAGES = prepared(select(tables.vantages.c.body).order_by(tables.vantages.c.id))


def vantages(connection: Connection) -> list[Vantage]:
    """Give every place we stood at, by id."""
    return [msgspec.json.decode(body, type=Vantage) for (body,) in connection.execute(_VANTAGES)]


def pack(text: bytes) -> bytes:
    """Compress a transcript (zlib); a short one in a small window, for making room for a large one takes most of the time."""
    if len(text) > _WINDOW:
        return zlib.compress(text)
    small = zlib.compressobj(wbits=_WINDOW.bit_length() - 1, memLevel=5)
    return small.compress(text) + small.flush()


def _unpack(data: bytes) -> str:
    return zlib.decompressobj().decompress(data, MOST_TRANSCRIPT).decode("utf-8", "replace")


def microseconds(at: datetime) -> int:
    """Give microseconds since 1970 UTC; a time without offset is taken as UTC."""
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MICROSECOND


def as_stored(observation: Observation) -> Stored:
    """Give an observation the form in which the ledger keeps it; a stored one as it is."""
    if isinstance(observation, Stored):
        return observation
    return _stored(observation, observation.id)


def _stored(observation: Observation, key: str) -> Stored:
    fields = {name: getattr(observation, name) for name in Observation.__struct_fields__}
    text = fields.pop("transcript")
    return Stored(**fields, key=key, transcript_id=_transcript_id(text.encode()) if text else "")


def _transcript_id(text: bytes) -> str:
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _rows_of(
    observations: Iterable[Observation], agent: str, now: int
) -> tuple[dict[str, bytes], dict[str, Row]]:
    """Give transcripts and rows by id; each observation is written out once."""
    said, rows = dict[str, bytes](), dict[str, Row]()
    for one in observations:
        whole = encode(one)
        key = one.id if isinstance(one, Stored) else hashlib.blake2b(whole, digest_size=16).hexdigest()
        transcript = None
        if one.transcript:
            text = one.transcript.encode()
            transcript = _transcript_id(text)
            said[transcript] = text
        body = _kept_body(one, whole, key, transcript)
        rows[key] = (key, *_where(one, agent, now), transcript, body)
    return said, rows


def _kept_body(one: Observation, whole: bytes, key: str, transcript: str | None) -> bytes:
    """Give `encode(_stored(one, key))` from `encode(one)`, whose last member the transcript is."""
    if isinstance(one, Stored):
        return encode(_stored(one, key))
    if len(whole) > MOST_VALUE and (cut := cut_facts(one.facts))[1]:
        kept = _stored(msgspec.structs.replace(one, facts=cut[0]), key)
        return encode(msgspec.structs.replace(kept, facts_cut=cut[1]))
    if transcript is None:
        return b'%b,"key":"%b"}' % (whole[:-1], key.encode())
    rest = whole[: whole.rindex(_SAID)]
    return b'%b,"key":"%b","transcript_id":"%b"}' % (rest, key.encode(), transcript.encode())


def _sent_row(id: str, entry: Sent, agent: str, now: int) -> Row:
    return (id, *_where(entry, agent, now), encode(entry))


def _where(entry: Observation | Sent, agent: str, now: int) -> tuple[int, int, str, str, str]:
    return microseconds(entry.at), now, agent, as_cell(entry.scan), as_cell(entry.address)


def as_cell(text: str) -> str:
    """Make hostile text fit an indexed column; the body keeps the whole of it."""
    return text[:255].replace("\x00", "\ufffd")


def _keep_scans(connection: Connection, new: Iterable[Scan], agent: str) -> None:
    """Keep of each scan the state that has come furthest, whatever order they arrive in."""
    best: dict[str, Scan] = {}
    for scan in sorted(new, key=_progress):
        best[as_cell(scan.id)] = scan
    for id, scan in best.items():
        known = _body(connection, tables.scans, id)
        if known is None or _progress(msgspec.json.decode(known, type=Scan)) < _progress(scan):
            row = {"started": microseconds(scan.started), "agent": as_cell(agent), "body": encode(scan)}
            _put(connection, tables.scans, id, row)


def _progress(scan: Scan) -> tuple[bool, int, int, bytes]:
    ended = microseconds(scan.ended) if scan.ended else 0
    return scan.state != "running", scan.finished, ended, encode(scan)


def _keep_vantages(connection: Connection, new: Iterable[Vantage], agent: str) -> None:
    for vantage in new:
        body = encode(vantage)
        if _body(connection, tables.vantages, as_cell(vantage.id)) != body:
            _put(connection, tables.vantages, as_cell(vantage.id), {"agent": as_cell(agent), "body": body})


def _body(connection: Connection, table: Table, id: str) -> bytes | None:
    found: bytes | None = connection.execute(
        select(table.c.body).where(table.c.id == id)
    ).scalar_one_or_none()
    return found


def _put(connection: Connection, table: Table, id: str, row: dict[str, Any]) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(id=id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["facility", "id"], set_=row))
