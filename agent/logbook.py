# SPDX-License-Identifier: Apache-2.0
"""What we saw (spool) and what we sent (journal), in one SQLite file that survives kill -9.

`put` returns when the records are on the disk: that return is the acknowledgement. A record that
is put twice is one record. `pending` gives what the collector has not confirmed, oldest first;
`confirm` moves one mark forward. Observations may be thinned after they are confirmed; the journal
(`Sent`) stays for ever, and the file itself refuses to delete a line of it.

One thread owns the file. Puts that arrive together share one commit and one fsync. The errors are
drawn in `agent.logbook_file`.
"""

import asyncio
import queue
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Self, TypeVar

import msgspec

from agent.logbook_file import (
    LogbookError,
    LogbookFull,
    LogbookUnreadable,
    NewerLogbook,
    NotOurLogbook,
    RecordTooLarge,
    open_logbook,
    transaction,
    translated,
)
from agent.scans_kept import last_scan, newest_scan, spent
from agent.set_aside import count_aside, offer_again, set_aside
from agent.things_kept import keep_all, kept, kept_under
from agent.thinning import thin_repeats
from probes.facts import Observation, Scan, Sent, Upload, Vantage, encode

__all__ = [
    "Logbook",
    "LogbookError",
    "LogbookFull",
    "LogbookUnreadable",
    "NewerLogbook",
    "NotOurLogbook",
    "Record",
    "RecordTooLarge",
]

Record = Observation | Sent | Scan | Vantage

MOST_RECORD = 4 * 1024 * 1024  # bytes of one record's JSON
MOST_BATCH = 4 * 1024 * 1024  # bytes of JSON of one pending batch (a single record may fill it)

Result = TypeVar("Result")

_KINDS: dict[type[Record], str] = {
    Observation: "observation",
    Sent: "sent",
    Scan: "scan",
    Vantage: "vantage",
}

# Content-addressed kinds never replace (same id, same body); a scan or vantage in a new state gets a
# new position and is uploaded again.
_PUT = """
INSERT OR REPLACE INTO records (kind, id, at, address, body)
SELECT :kind, :id, :at, :address, :body
WHERE NOT EXISTS (SELECT 1 FROM records WHERE kind = :kind AND id = :id AND body = :body)
"""


class _Row(NamedTuple):
    kind: str
    id: str
    at: float | None
    address: str
    body: bytes


Waiting = tuple[list[_Row], Future[None]]


class Logbook:
    """Spool and journal in one file. Open it once per process; close it at the end.

    Raises NotOurLogbook, NewerLogbook or LogbookUnreadable when opened. `most_bytes` bounds the
    file (an absent collector must not fill somebody's disk): beyond it `put` raises LogbookFull.
    """

    def __init__(self, path: str | Path, *, most_bytes: int | None = None) -> None:
        self._path = Path(path)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="logbook")
        self._waiting: queue.SimpleQueue[Waiting] = queue.SimpleQueue()
        self._closed = False
        try:
            self._file = self._thread.submit(open_logbook, self._path, most_bytes).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def put(self, records: Sequence[Record]) -> None:
        """Make the records durable, all or none; returning is the acknowledgement.

        Known records are not stored twice. Raises LogbookFull, RecordTooLarge, LogbookUnreadable.
        """
        rows = [_row(record) for record in records]
        if not rows:
            return
        done: Future[None] = Future()
        self._waiting.put((rows, done))
        # Only after the other callers that are ready now have put theirs too.
        asyncio.get_running_loop().call_soon(self._thread.submit, self._commit_waiting)
        await asyncio.wrap_future(done)

    async def pending(self, most: int = 2000) -> tuple[Upload, int]:
        """Give what is not confirmed, oldest first, and the position through which it goes.

        At most `most` records and about MOST_BATCH bytes; an empty batch with the confirmed
        position when there is nothing.
        """
        return await self._run(lambda file: _pending(file, most))

    async def confirm(self, through: int) -> None:
        """Mark everything through this position as uploaded; a lower position changes nothing.

        Raises ValueError for a position that no record ever had.
        """
        await self._run(lambda file: _confirm(file, through))

    async def journal(self, address: str | None = None) -> list[Sent]:
        """Everything we sent, in order; only to `address` if given."""
        return await self._run(lambda file: _journal(file, address))

    async def position(self) -> tuple[int, int]:
        """Count the records (pending, in the file)."""
        return await self._run(_position)

    async def filled(self) -> float:
        """Give the share of `most_bytes` that is in use, 0..1; next to nothing without a limit."""
        return await self._run(_filled)

    async def next_sequence(self, after: int = 0) -> int:
        """Give a number higher than any given before and than `after`, durable before it is used."""
        return await self._run(lambda file: _next_sequence(file, after))

    async def thin(self, before: datetime) -> int:
        """Drop confirmed observations made before this time (the collector has them); count them."""
        return await self._run(lambda file: _thin(file, before.timestamp()))

    async def thin_repeats(self) -> int:
        """Drop observations, unconfirmed ones too, that only repeat the ones before and after them; count them."""
        return await self._run(_thin_repeats)

    async def set_aside(self, position: int, since: datetime, reason: str) -> None:
        """Pass by the record at this position, which the collector refuses for good; it stays, marked."""
        await self._run(lambda file: set_aside(file, position, since.isoformat(), reason))

    async def offer_again(self) -> int:
        """Put the records that were set aside back at the end of the spool; count them."""
        return await self._run(offer_again)

    async def aside(self) -> int:
        """Count the records that were set aside."""
        return await self._run(count_aside)

    async def keep(self, name: str, body: bytes) -> None:
        """Keep this under the name, durable on return; empty bytes take it away."""
        await self.keep_all({name: body})

    async def kept(self, name: str) -> bytes:
        """Give what is kept under the name, b"" for nothing."""
        return await self._run(lambda file: kept(file, name))

    async def keep_all(self, bodies: Mapping[str, bytes]) -> None:
        """Keep these under their names, all or none, durable on return; empty bytes take one away."""
        await self._run(lambda file: _with_room(file, lambda: keep_all(file, bodies)))

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Give all that is kept under names that begin so."""
        return await self._run(lambda file: kept_under(file, prefix))

    async def spent(self, scan: str, since: datetime) -> dict[tuple[str, str], tuple[int, int]]:
        """Count packets and bytes of payload of this scan, begun at `since`, by vantage and address."""
        return await self._run(lambda file: spent(file, scan, since.timestamp()))

    async def last_scan(self, also: Collection[str] = ()) -> Upload | None:
        """Give the newest scan that came to its end with what it saw and sent; None when there is none.

        What it and the scans `also` saw and sent is in order, oldest first.
        """
        return await self._run(lambda file: last_scan(file, also))

    async def newest_scan(self) -> Scan | None:
        """Give the scan that began last, however it ended; None before the first."""
        return await self._run(newest_scan)

    def close(self) -> None:
        """Finish what was put and close the file; a second call does nothing."""
        if not self._closed:
            self._closed = True
            self._thread.submit(self._file.close).result()
            self._thread.shutdown()

    async def _run(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        return await asyncio.wrap_future(self._thread.submit(self._on_thread, work))

    def _on_thread(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        with translated(self._path):
            return work(self._file)

    def _commit_waiting(self) -> None:
        """Write every put that waits in one transaction; on failure none of them is kept."""
        puts = list(_drain(self._waiting))
        if not puts:
            return
        try:
            with translated(self._path):
                _write(self._file, [row for rows, _ in puts for row in rows])
        except Exception as error:
            _settle(puts, error)
        else:
            _settle(puts, None)


def _drain(waiting: queue.SimpleQueue[Waiting]) -> Iterator[Waiting]:
    """Take the puts whose callers still wait for them."""
    while not waiting.empty():
        rows, done = waiting.get()
        if done.set_running_or_notify_cancel():
            yield rows, done


def _settle(puts: Iterable[Waiting], error: Exception | None) -> None:
    for _, done in puts:
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)


def _row(record: Record) -> _Row:
    body = encode(record)
    if len(body) > MOST_RECORD:
        raise RecordTooLarge(
            f"1 件の記録が大きすぎます({len(body)} バイト)。この記録は保存されていません。"
            "ほかの記録には影響ありません。開発元にお知らせください。",
            f"One record is too large ({len(body)} bytes). It was not stored; other records are not "
            "affected. Please tell the developers.",
        )
    at = record.at.timestamp() if isinstance(record, Observation | Sent) else None
    address = record.address if isinstance(record, Observation | Sent) else ""
    return _Row(_KINDS[type(record)], record.id, at, address, body)


def _write(file: sqlite3.Connection, rows: list[_Row]) -> None:
    """Store the rows, all or none."""
    _with_room(file, lambda: _insert(file, rows))


def _with_room(file: sqlite3.Connection, work: Callable[[], None]) -> None:
    """Do it; without room, at the cost of what the collector has already, then of repetitions."""
    try:
        work()
    except sqlite3.OperationalError as error:
        full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
        if not full or not (_thin(file, float("inf")) + _thin_repeats(file)):
            raise
        work()


def _insert(file: sqlite3.Connection, rows: list[_Row]) -> None:
    with transaction(file):
        file.executemany(_PUT, [row._asdict() for row in rows])


def _pending(file: sqlite3.Connection, most: int) -> tuple[Upload, int]:
    through = _mark(file, "confirmed")
    found: dict[str, list[bytes]] = {kind: [] for kind in _KINDS.values()}
    size = 0
    rows = file.execute(
        "SELECT position, kind, body FROM records WHERE position > ? ORDER BY position LIMIT ?",
        (through, max(most, 1)),
    )
    for position, kind, body in rows:
        size += len(body)
        if size > MOST_BATCH and size > len(body):
            break
        found[kind].append(body)
        through = position
    rows.close()
    return _upload(found), through


def _upload(found: dict[str, list[bytes]]) -> Upload:
    return Upload(
        scans=_decoded(found["scan"], Scan),
        vantages=_decoded(found["vantage"], Vantage),
        observations=_decoded(found["observation"], Observation),
        sent=_decoded(found["sent"], Sent),
    )


def _decoded(bodies: Iterable[bytes], kind: type[Result]) -> tuple[Result, ...]:
    decoder = msgspec.json.Decoder(kind)
    return tuple(decoder.decode(body) for body in bodies)


def _confirm(file: sqlite3.Connection, through: int) -> None:
    (highest,) = file.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'"
    ).fetchone()
    if through > highest:
        raise ValueError(f"position {through} does not exist (highest is {highest})")
    if through > _mark(file, "confirmed"):
        with transaction(file):
            file.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'confirmed'", (through,))


def _journal(file: sqlite3.Connection, address: str | None) -> list[Sent]:
    only = "" if address is None else " AND address = ?"
    rows = file.execute(
        f"SELECT body FROM records WHERE kind = 'sent'{only} ORDER BY position",  # noqa: S608 - fixed text
        () if address is None else (address,),
    )
    return list(_decoded((body for (body,) in rows), Sent))


def _position(file: sqlite3.Connection) -> tuple[int, int]:
    pending, total = file.execute(
        "SELECT (SELECT count(*) FROM records WHERE position > ?), (SELECT count(*) FROM records)",
        (_mark(file, "confirmed"),),
    ).fetchone()
    return pending, total


def _filled(file: sqlite3.Connection) -> float:
    names = ("page_count", "freelist_count", "max_page_count")
    pages, free, most = (int(file.execute(f"PRAGMA {name}").fetchone()[0]) for name in names)
    return (pages - free) / most


def _next_sequence(file: sqlite3.Connection, after: int) -> int:
    with transaction(file):
        file.execute("UPDATE marks SET value = max(value, ?) + 1 WHERE name = 'sequence'", (after,))
        return _mark(file, "sequence")


def _thin(file: sqlite3.Connection, before: float) -> int:
    with transaction(file):
        return file.execute(
            "DELETE FROM records WHERE kind = 'observation' AND position <= ? AND at < ?"
            " AND position NOT IN (SELECT position FROM set_aside)",
            (_mark(file, "confirmed"), before),
        ).rowcount


def _thin_repeats(file: sqlite3.Connection) -> int:
    with transaction(file):
        return thin_repeats(file, _mark(file, "confirmed"))


def _mark(file: sqlite3.Connection, name: str) -> int:
    (value,) = file.execute("SELECT value FROM marks WHERE name = ?", (name,)).fetchone()
    return int(value)
