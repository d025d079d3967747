# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with backups, in sentences that people act on.

Error tree::

    LedgerError
    ├── BackupRefused    the file, its key or the target is not what it must be; nothing was changed
    └── BackupUnwritten  the work did not reach its end (disk full, connection lost); nothing half is left
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError

from inventory_db.ledger_errors import LedgerError

_FULL = ("ディスクがいっぱいです", "the disk is full")
_SERVER_FULL = "53100"  # SQLSTATE disk_full


class BackupRefused(LedgerError):
    """The backup, its key or the target is not what it must be; nothing was changed."""


class BackupUnwritten(LedgerError):
    """The work did not reach its end; nothing half is left."""

    unfinished = True


def damaged(why_ja: str, why_en: str) -> BackupRefused:
    """Say that the backup cannot be trusted, and why."""
    return BackupRefused(
        f"このバックアップは使えません（{why_ja}）。何も変更していません。別の日のバックアップか、控えのファイルを使ってください。",
        f"This backup cannot be used: {why_en}. Nothing was changed. Use a backup of another day or another copy.",
    )


def unwritten(error: BaseException) -> BackupUnwritten:
    """Say why the work could not be finished."""
    ja, en = _why(error)
    return BackupUnwritten(
        f"最後までできませんでした（{ja}）。途中のものは残していません。元の台帳はそのままです。空き容量と権限、サーバーを確かめ、もう一度実行してください。",
        f"It could not be finished: {en}. Nothing half is left, and the ledger is as it was. Check space, permissions "
        "and server, then run it again.",
    )


@contextmanager
def told(*databases: type[Exception]) -> Iterator[None]:
    """Turn what the system and the databases raise into BackupUnwritten."""
    caught: tuple[type[Exception], ...] = (OSError, DBAPIError, *databases)
    try:
        yield
    except caught as error:
        raise unwritten(error) from error


def _why(error: BaseException) -> tuple[str, str]:
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        return _FULL
    name = str(getattr(error, "sqlite_errorname", "") or getattr(error, "sqlstate", "") or "")
    if name in ("SQLITE_FULL", _SERVER_FULL):
        return _FULL
    said = str(getattr(error, "strerror", "") or name or type(error).__name__)
    return said, said
