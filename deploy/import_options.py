# SPDX-License-Identifier: Apache-2.0
"""What every `daicho load` of a table shares: its options, the ledger it compares with, the hint how to write."""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from agent.refusal import Refusal
from deploy.console import tell
from deploy.terminal import errors, plain, say, shell_word
from inventory_db.audit import Action
from inventory_db.tables import open_ledger, writing


def read_overrides(words: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Read THEIRS=OURS; OURS "" leaves the column out. Raises Refusal for an unknown column of ours."""
    columns = tuple(known)
    found = {}
    for word in words:
        theirs, equals, ours = word.rpartition("=")
        if not equals or not theirs.strip():
            raise Refusal(
                f"--map「{word[:60]}」は「列名=台帳の列」の形で書いてください。例: --map '機器名=コンピュータ名'",
                f"Write --map “{word[:60]}” as THEIRS=OURS, for example --map '機器名=コンピュータ名'.",
            )
        if ours.strip() and ours.strip() not in columns:
            raise Refusal(
                f"「{ours[:40]}」という列は台帳にありません。使えるもの: {'、'.join(columns)}。",
                f"The ledger has no column “{ours[:40]}”. Columns: {', '.join(columns)}.",
            )
        found[theirs.strip()] = ours.strip()
    return found


def check_writing(do_write: bool, who: str, gone: str) -> None:
    """Raise Refusal if it cannot be written as asked: nobody's name, or a reason without writing."""
    if do_write and not who.strip():
        raise Refusal(
            "書き込む人の名前がありません。--who 名前 を付けてください。何も変更していません。",
            "Who writes it? Add --who NAME. Nothing was changed.",
        )
    if gone and not do_write:
        raise Refusal(
            "--gone は --write と一緒に使います。何も変更していません。",
            "Use --gone together with --write. Nothing was changed.",
        )


@contextmanager
def ledger_for(ledger: Path, do_write: bool, file: Path, who: str) -> Iterator[Connection]:
    """Open the ledger: for writing in one transaction, else to look; one that is not there yet is an empty one."""
    with tempfile.TemporaryDirectory() as folder:
        absent = not do_write and not ledger.exists() and "://" not in str(ledger)
        if absent:
            say(
                f"{ledger} はまだ無いので、空の台帳と比べます。",
                f"{ledger} is not there yet, so this compares with an empty ledger.",
            )
        engine = open_ledger(Path(folder) / "empty.sqlite" if absent else ledger, create=do_write or absent)
        try:
            with writing(engine) if do_write else engine.connect() as connection:
                yield connection
                if do_write:
                    tell(connection, Action.IMPORT, "file", file.name, {}, who=who)
        finally:
            engine.dispose()


def tell_next(kind: str, file: Path, ledger: Path) -> None:
    """Say that nothing was written, and how to write it."""
    say("まだ何も書き込んでいません。書き込むには:", "Nothing was written yet. To write it:")
    again = f"  daicho load {kind} {shell_word(file)} --ledger {shell_word(ledger)} --write --who 名前"
    errors.print(plain(again, "dim"), soft_wrap=True)
