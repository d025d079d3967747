# SPDX-License-Identifier: Apache-2.0
"""`daicho backup --out FILE`: the whole ledger and its keys in one sealed file, while the collector runs."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from collector.documents.pack_key import key_folder
from deploy.backup_keys import read_lock
from deploy.row_progress import RowProgress
from deploy.site_place import note, settings_of, version
from deploy.state_keys import read_keys
from deploy.terminal import say, shell_word
from inventory_db.audit import Action
from inventory_db.backups.backup import Origin, back_up
from inventory_db.tables import look_at


def command(
    out: Annotated[Path, typer.Option(help="書くファイル / file to write")],
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "",
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="パスフレーズを書いたファイル / file with the passphrase")
    ] = None,
    to: Annotated[
        list[str] | None, typer.Option(help="受取人の公開鍵 age1… / recipient's public key")
    ] = None,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="鍵を入れない / leave the keys out")
    ] = False,
) -> None:
    """台帳のバックアップを暗号化して作ります / write an encrypted backup, while the collector runs."""
    settings = settings_of(config, ledger)
    lock = read_lock(passphrase_file, to or [])
    folder = key_folder(settings.state_folder, os.environ)
    keys = {} if without_keys else read_keys(folder)
    engine = look_at(settings.ledger)
    with RowProgress() as progress:
        made = back_up(engine, out, lock, keys, Origin(version(), datetime.now(UTC)), progress.tell)
    rows, size = sum(one.rows for one in made.tables), out.stat().st_size
    note(
        engine,
        Action.BACKUP,
        out.name,
        {"rows": rows, "bytes": size, "revision": made.revision, "files": len(keys)},
    )
    engine.dispose()
    say(
        f"{out} に書き、読み直して確かめました（{rows:,} 行、{size / 2**20:,.1f} MB、暗号化済み）。別の場所にも置いてください。",
        f"Written to {out}, read again and checked ({rows:,} rows, {size / 2**20:,.1f} MB, encrypted). Keep a copy elsewhere.",
    )
    held = "、".join(keys) or "なし / none"
    say(
        f"入れた鍵: {held}（{folder}）",
        "The keys of the state folder are inside." if keys else "No key is inside.",
    )
    say(
        f"戻すには: daicho restore {shell_word(out)} --ledger 新しい台帳",
        "To restore: daicho restore FILE --ledger NEW-LEDGER. Without passphrase or key nobody can open it, not even we.",
    )
