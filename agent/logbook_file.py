# SPDX-License-Identifier: Apache-2.0
"""The logbook's file: making, checking and opening it, and its errors in plain words.

Error tree::

    LogbookError             .ja and .en: what happened, what it means, what to do next
    ├── NotOurLogbook        the file is something else; it was not touched
    ├── NewerLogbook         a newer version wrote it; it was not touched
    ├── LogbookFull          no room; nothing of this put was kept, everything before it was
    ├── RecordTooLarge       one record is larger than an upload may be
    └── LogbookUnreadable    the file cannot be opened, read or written
"""

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

APPLICATION_ID = int.from_bytes(b"DaLB")  # in bytes 68..71 of the file's header
VERSION = 1  # user_version of the files that this code writes
PAGE = 4096  # bytes

# One table: its position is the order in which records became durable. AUTOINCREMENT never gives a
# position twice, so one mark is enough to say what the collector has.
_TABLES = """
CREATE TABLE records (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    at REAL,
    address TEXT NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (kind, id)
);
CREATE INDEX records_of_address ON records (address, position) WHERE kind = 'sent';
CREATE TABLE marks (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO marks VALUES ('confirmed', 0), ('sequence', 0);
CREATE TRIGGER journal_stays BEFORE DELETE ON records WHEN old.kind = 'sent'
BEGIN SELECT RAISE(ABORT, 'the journal is kept for ever'); END;
"""

# Records that the collector refuses for good (agent.set_aside).
SET_ASIDE = """
CREATE TABLE IF NOT EXISTS set_aside (position INTEGER PRIMARY KEY, since TEXT NOT NULL, reason TEXT NOT NULL)
"""


# Small things kept from one run to the next, by name (agent.headway).
KEPT = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, body BLOB NOT NULL)"


class LogbookError(Exception):
    """The logbook cannot do it; `ja` and `en` are whole sentences for people."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(f"{ja} / {en}")
        self.ja = ja
        self.en = en


class NotOurLogbook(LogbookError):
    """The file is something else; it was not touched."""


class NewerLogbook(LogbookError):
    """A newer version of this program wrote the file; it was not touched."""


class LogbookFull(LogbookError):
    """No room on the disk or under the configured limit."""


class RecordTooLarge(LogbookError):
    """One record is larger than an upload may be."""


class LogbookUnreadable(LogbookError):
    """The file cannot be opened, read or written."""


def open_logbook(path: Path, most_bytes: int | None) -> sqlite3.Connection:
    """Open or make a logbook; a foreign or newer file is refused without touching it."""
    with translated(path):
        if not path.exists():
            _create(path)
        _check_header(path)
        file = sqlite3.connect(path, isolation_level=None, timeout=10)
        try:
            _check_version(path, int(file.execute("PRAGMA user_version").fetchone()[0]))
            file.execute("PRAGMA synchronous = FULL")
            for name, table in (("set_aside", SET_ASIDE), ("kept", KEPT)):
                if not file.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (name,)).fetchone():
                    file.execute(table)  # older versions do not look at it
            if most_bytes is not None:
                file.execute(f"PRAGMA max_page_count = {max(most_bytes // PAGE, 1)}")
        except BaseException:
            file.close()
            raise
        return file


def _create(path: Path) -> None:
    """Make a new file under another name and give it ours when it is whole: no half-made logbook."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".logbook-") as folder:  # mode 0700
        new = Path(folder) / "new"
        new.touch(mode=0o600)
        file = sqlite3.connect(new, isolation_level=None)
        try:
            file.execute(f"PRAGMA page_size = {PAGE}")
            file.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            file.execute(f"PRAGMA user_version = {VERSION}")
            file.executescript(_TABLES)
            file.execute("PRAGMA journal_mode = WAL")
        finally:
            file.close()
        try:
            os.link(new, path)
        except FileExistsError:
            return  # another process was faster; its file is as good as ours
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_header(path: Path) -> None:
    """Look at the SQLite header (https://sqlite.org/fileformat.html, 1.3) without opening the database."""
    with path.open("rb") as file:
        header = file.read(100)
    ours = header[:16] == b"SQLite format 3\0" and header[68:72] == APPLICATION_ID.to_bytes(4)
    if not ours:
        raise NotOurLogbook(
            f"{path} は daicho の作業記録ではありません。ファイルには手を付けていません。"
            "設定の保存先を別の名前に変えてください。",
            f"{path} is not a daicho logbook. The file was not touched. "
            "Choose another name for the logbook in the settings.",
        )
    _check_version(path, int.from_bytes(header[60:64]))


def _check_version(path: Path, version: int) -> None:
    if version > VERSION:
        raise NewerLogbook(
            f"{path} は新しい版の daicho が作ったものです(形式 {version}、この版は {VERSION} まで)。"
            "ファイルには手を付けていません。daicho を更新してください。",
            f"{path} was written by a newer daicho (format {version}, this one knows {VERSION}). "
            "The file was not touched. Update daicho.",
        )


_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn errors of SQLite and of the disk into LogbookError, once."""
    try:
        yield
    except sqlite3.Error as error:
        raise (_full(path) if _code(error) in _NO_ROOM else _unreadable(path, str(error))) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise _unreadable(path, str(error)) from error


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0)


def _full(path: Path) -> LogbookFull:
    return LogbookFull(
        f"作業記録 {path} に書き込む空きがありません。今回の記録は保存されていませんが、"
        "それより前の記録は無事です。ディスクの空きを増やすか、台帳サーバーへの送信を再開してください。",
        f"There is no room left to write the logbook {path}. These records were not stored; everything "
        "before them is safe. Free some disk space, or let the agent reach its collector again.",
    )


def _unreadable(path: Path, why: str) -> LogbookUnreadable:
    return LogbookUnreadable(
        f"作業記録 {path} を読み書きできません({why})。この操作は行われていません。"
        "保存先の権限とディスクを確かめてください。",
        f"The logbook {path} cannot be read or written ({why}). Nothing was done. "
        "Check the folder's permissions and the disk.",
    )


@contextmanager
def transaction(file: sqlite3.Connection) -> Iterator[None]:
    """Commit on leaving, roll back on any exception."""
    file.execute("BEGIN IMMEDIATE")
    try:
        yield
        file.execute("COMMIT")
    except BaseException:
        if file.in_transaction:  # a full disk makes SQLite roll back by itself
            file.execute("ROLLBACK")
        raise
