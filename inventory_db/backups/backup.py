# SPDX-License-Identifier: Apache-2.0
"""Writing a backup: one moment of the ledger, sealed, read again, and only then given its name."""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from sqlalchemy import Connection, Engine

from inventory_db import audit
from inventory_db.backups import archive, sealing
from inventory_db.backups.archive import Archive, Header, KeptFile, Manifest
from inventory_db.backups.rows import Row, Tally, Tell, count_rows, counted, driver_of, pack, read_batches
from inventory_db.backups.sealing import Key, Lock
from inventory_db.backups.shape import TableShape, read_shapes
from inventory_db.backups.snapshot import snapshot
from inventory_db.backups.trouble import BackupRefused, told
from inventory_db.schema import revision_of

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(frozen=True, slots=True)
class Origin:
    """By which version a backup is made, and when."""

    made_by: str
    made_at: datetime


def back_up(
    engine: Engine, out: Path, lock: Lock, files: Mapping[str, bytes], origin: Origin, tell: Tell
) -> Manifest:
    """Write the ledger (an engine that sees all facilities) and the files to `out`; gives what is in it.

    Raises BackupRefused and BackupUnwritten; then `out` is as it was before.
    """
    sealing.check_lock(lock)
    _check_out(out)
    with told(engine.dialect.loaded_dbapi.Error):
        handle, name = tempfile.mkstemp(prefix=f".{out.name[:100]}.", dir=out.parent)
        try:
            with os.fdopen(handle, "w+b") as file:
                with snapshot(engine) as connection:
                    key = sealing.seal(
                        file, archive.compressed(_frames(connection, files, origin, tell)), lock
                    )
                file.flush()
                os.fsync(file.fileno())
                file.seek(0)
                sealing.check_passphrase(file, lock)
                manifest = read_archive(file, key, Watcher(tell, "read"))[1]
            Path(name).replace(out)
            sync_folder(out.parent)
        finally:
            Path(name).unlink(missing_ok=True)
    return manifest


def read_archive(
    file: BinaryIO, key: Key, reader: archive.Reader
) -> tuple[Header, Manifest, dict[str, bytes], int]:
    """Read a backup whole; gives header, manifest, files and its unpacked size. Raises BackupRefused."""
    file.seek(0)
    inside = Archive(reader)
    sealing.unseal(file, inside, key)
    return *inside.finish(), inside.files, inside.given


class Watcher:
    """A reader that keeps nothing and tells how far it has come."""

    def __init__(self, tell: Tell, stage: str) -> None:
        self._tell, self._stage = tell, stage
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}

    def header(self, header: Header) -> None:
        """Learn how many rows there will be."""
        self._totals = header.rows

    def rows(self, table: TableShape, rows: list[Row]) -> None:
        """Tell of these rows."""
        done = self._done[table.name] = self._done.get(table.name, 0) + len(rows)
        self._tell(self._stage, table.name, done, self._totals.get(table.name, 0))


def sync_folder(folder: Path) -> None:
    """Make a new name in this folder last through a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_out(out: Path) -> None:
    """Never put a backup in the place of a ledger or of somebody's file."""
    if not out.parent.is_dir() or not os.access(out.parent, os.W_OK) or out.is_dir():
        raise BackupRefused(
            f"{out} に書けません。フォルダがあるか、書き込みの権限があるかを確かめてください。何も作っていません。",
            f"Cannot write {out}. Check that its folder exists and may be written to. Nothing was made.",
        )
    if not out.exists():
        return
    with told(), out.open("rb") as file:
        opening = file.read(max(map(len, sealing.OPENINGS)))
    if not opening.startswith(sealing.OPENINGS):
        raise BackupRefused(
            f"{out} はバックアップではないファイルなので、上書きしません。別の名前を --out に指定してください。",
            f"{out} is a file that is no backup, so it is not replaced. Give another name with --out.",
        )


def _frames(
    connection: Connection, files: Mapping[str, bytes], origin: Origin, tell: Tell
) -> Iterator[bytes]:
    shapes, driver = read_shapes(connection), driver_of(connection)
    made_at, revision = origin.made_at.isoformat(timespec="seconds"), revision_of(connection)
    totals = {table.name: count_rows(driver, table) for table in shapes}
    header = Header(archive.FORMAT, revision or "0", made_at, origin.made_by, totals, shapes)
    yield archive.frame(b"H", _encode(header))
    tallies = [Tally() for _ in shapes]
    for number, table in enumerate(shapes):
        for _, encoded in read_batches(connection, table):
            tallies[number].add(encoded)
            yield archive.frame(b"R", number.to_bytes(2, "big") + pack(encoded))
            tell("write", table.name, tallies[number].rows, totals[table.name])
    for name, data in files.items():
        yield archive.frame(b"F", msgspec.msgpack.encode(KeptFile(name, data)))
    told_of = tuple(counted(*one) for one in zip(shapes, tallies, strict=True))
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = Manifest(
        header.revision, made_at, origin.made_by, told_of, digests, _heads(connection, shapes)
    )
    yield archive.frame(b"M", _encode(manifest))


def _heads(connection: Connection, shapes: Sequence[TableShape]) -> tuple[str, ...]:
    """Give the last link of every chain of the audit log, where the ledger has one already."""
    if not any(one.name == audit.audit.name for one in shapes):
        return ()
    return tuple(str(head) for head in audit.heads(connection))
