# SPDX-License-Identifier: Apache-2.0
"""Putting a backup back: read whole and checked first, then written whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection, Engine

from inventory_db.backups.archive import Header, Manifest
from inventory_db.backups.backup import Watcher, read_archive
from inventory_db.backups.loading import Loader, check_loaded, loading
from inventory_db.backups.new_file import check_place, new_file
from inventory_db.backups.rows import Tell, count_rows, driver_of
from inventory_db.backups.sealing import Key
from inventory_db.backups.shape import read_shapes
from inventory_db.backups.trouble import BackupRefused, damaged, told
from inventory_db.ledger_errors import foreign, newer
from inventory_db.schema import known_revisions, raise_to, revision_of
from inventory_db.tables import lock

SEEDED = {"daicho_marks", "facilities"}  # what an empty ledger has from its migrations


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: the manifest, the files of the state folder, and where an older ledger went."""

    manifest: Manifest
    files: dict[str, bytes]
    aside: Path | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A backup that was read whole: all its digests agree."""

    header: Header
    manifest: Manifest
    files: dict[str, bytes]
    size: int


def check_backup(file: BinaryIO, key: Key, tell: Tell) -> Checked:
    """Read a backup whole without writing anything; raises BackupRefused."""
    with told():
        checked = Checked(*read_archive(file, key, Watcher(tell, "read")))
    check_revision(checked.header.revision)
    return checked


def restore_to_file(
    file: BinaryIO,
    key: Key,
    target: Path,
    now: datetime,
    tell: Tell,
    checked: Checked,
    *,
    replace: bool = False,
) -> Restored:
    """Make `target` the ledger of the backup; raises BackupRefused and BackupUnwritten, the target untouched then."""
    check_place(target, replace)
    check_space(target, checked.size)
    aside: list[Path] = []
    with new_file(target, now, aside.append) as connection:
        _load(connection, file, key, checked, tell, made=False)
    return Restored(checked.manifest, checked.files, aside[0] if aside else None)


def restore_to_server(file: BinaryIO, key: Key, engine: Engine, tell: Tell, checked: Checked) -> Restored:
    """Fill an empty PostgreSQL (an engine that sees all facilities) in one transaction; raises as restore_to_file."""
    with empty_server(engine, checked.header.revision) as (connection, made):
        _load(connection, file, key, checked, tell, made=made)
    return Restored(checked.manifest, checked.files, None)


def check_revision(revision: str) -> None:
    """Raise NewerLedger for a schema that a newer version made, BackupRefused for one that nobody made."""
    known = known_revisions()
    if int(revision) > int(known[-1]):
        raise newer("バックアップ / the backup")
    if revision not in known:
        raise damaged("知らない版の台帳です", "its schema is unknown")


def check_space(target: Path, size: int) -> None:
    """Raise BackupRefused where the rows alone would not fit."""
    free = shutil.disk_usage(target.parent).free
    if size > free:
        raise BackupRefused(
            f"空き容量が足りません（必要 約 {size // 2**20} MB、空き {free // 2**20} MB）。何も変更していません。空けるか、別の場所を指定してください。",
            f"There is not enough space (about {size // 2**20} MB needed, {free // 2**20} MB free). Nothing was "
            "changed. Make room or give another place.",
        )


@contextmanager
def empty_server(engine: Engine, revision: str) -> Iterator[tuple[Connection, bool]]:
    """Hold an empty database for one transaction; says whether its tables are already made (in this revision)."""
    with told(engine.dialect.loaded_dbapi.Error), engine.begin() as connection:
        lock(connection)
        shapes = read_shapes(connection)
        if shapes and all(one.name not in SEEDED for one in shapes):
            raise foreign("PostgreSQL")
        driver = driver_of(connection)
        full = [one.name for one in shapes if one.name not in SEEDED and count_rows(driver, one)]
        if full or (shapes and revision_of(connection) != revision):
            names = "、".join(full[:3]) or str(revision_of(connection))
            raise BackupRefused(
                f"移し先のデータベースは空ではありません（{names}）。何も変更していません。新しい空のデータベースを作って指定してください。",
                f"The target database is not empty ({names}). Nothing was changed. Make a new, empty one and name it.",
            )
        yield connection, bool(shapes)


def _load(
    connection: Connection, file: BinaryIO, key: Key, checked: Checked, tell: Tell, *, made: bool
) -> None:
    with loading(connection, checked.header.revision, made=made):
        header, manifest, _, _ = read_archive(file, key, Loader(connection, tell, {}))
    if (header, manifest) != (checked.header, checked.manifest):
        raise damaged("読んでいる間に変わりました", "it changed while it was read")
    check_loaded(connection, manifest.tables, header.tables, tell)
    raise_to(connection)
