# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a ledger, and the sentences that people read then."""

from sqlalchemy.exc import OperationalError


class LedgerError(Exception):
    """A ledger that cannot be used; `ja` and `en` say what happened, what it means, what to do next."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


class NotOurLedger(LedgerError):
    """The file or database holds something else; it was not touched."""


class NewerLedger(LedgerError):
    """The ledger was written by a newer version; it was not touched."""


class LedgerUnreadable(LedgerError):
    """The ledger is absent, damaged, locked or unreachable."""


class LedgerUnwritten(LedgerError):
    """The disk is full, somebody else holds the ledger, or it may not be written; nothing was changed."""

    unfinished = True


def foreign(where: object) -> NotOurLedger:
    """Say that something else is there."""
    return NotOurLedger(
        f"{where} は daicho の台帳ではありません。中身には触れていません。"
        "台帳のファイルを選び直すか、新しいファイル名を指定してください。",
        f"{where} is not a daicho ledger. It was not touched."
        " Choose the ledger file, or give a new file name.",
    )


def newer(where: object) -> NewerLedger:
    """Say that a newer version wrote it."""
    return NewerLedger(
        f"{where} は新しい版の daicho で作られた台帳です。この版では正しく読めません。"
        "中身には触れていません。daicho を更新してから開いてください。",
        f"{where} was written by a newer version of daicho. This version cannot read it correctly, so it was"
        " not touched. Update daicho, then open it again.",
    )


def absent(where: object) -> LedgerUnreadable:
    """Say that nothing is there."""
    return LedgerUnreadable(
        f"{where} に台帳がありません。まだ調査していないか、場所が違います。"
        "先に daicho scan を実行するか、--ledger で台帳の場所を指定してください。",
        f"There is no ledger at {where}. Nothing was scanned yet, or the place is another."
        " Run daicho scan first, or name the ledger with --ledger.",
    )


def not_a_target() -> LedgerUnreadable:
    """Say that the place is not written correctly."""
    return LedgerUnreadable(
        "台帳の場所の書き方が正しくないため、開けません。"
        "ファイル名か、postgresql+psycopg:// で始まる URL を指定してください。",
        "The place of the ledger is not written correctly, so it cannot be opened."
        " Give a file name or a URL that begins with postgresql+psycopg://.",
    )


def unreadable(where: object, error: Exception) -> LedgerUnreadable:
    """Say that it cannot be opened."""
    kind = type(getattr(error, "orig", None) or error).__name__
    return LedgerUnreadable(
        f"{where} の台帳を開けません（{kind}）。"
        "壊れているか、使用中か、読み書きの権限がないか、接続できません。台帳は変更していません。"
        "場所と権限、サーバーの状態を確かめ、必要ならバックアップから戻してください。",
        f"The ledger at {where} cannot be opened ({kind}):"
        " it is damaged, in use, not permitted or unreachable. The ledger was not changed."
        " Check place, permissions and server; restore a backup if needed.",
    )


_WHY_UNWRITTEN = {  # what SQLite calls it
    "SQLITE_FULL": ("ディスクがいっぱいです", "the disk is full"),
    "SQLITE_BUSY": ("ほかの処理が台帳を使い続けています", "something else keeps the ledger busy"),
    "SQLITE_READONLY": ("台帳を書く権限がありません", "the ledger may not be written"),
}


def unwritten(error: OperationalError) -> LedgerUnwritten:
    """Say why nothing could be written."""
    name = str(getattr(error.orig, "sqlite_errorname", ""))
    ja, en = _WHY_UNWRITTEN.get(name, (f"{name or '接続の誤り'}", f"{name or 'the connection failed'}"))
    return LedgerUnwritten(
        f"台帳に書けませんでした（{ja}）。何も変更していません。空き容量と権限を確かめ、もう一度実行してください。",
        f"The ledger could not be written: {en}. Nothing was changed. Check space and permissions, then run it again.",
    )
