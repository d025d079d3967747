# SPDX-License-Identifier: Apache-2.0
"""`daicho restore FILE --ledger X`: a backup into an empty place, whole or not at all."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from agent.refusal import Refusal
from collector.documents.pack_key import key_folder
from deploy.backup_keys import read_key
from deploy.row_progress import RowProgress
from deploy.site_place import note, settings_of
from deploy.state_keys import keys_ready
from deploy.terminal import say
from inventory_db.audit import Action
from inventory_db.backups.restore import Checked, Restored, check_backup, restore_to_file, restore_to_server
from inventory_db.backups.sealing import Key
from inventory_db.tables import file_of, look_at, server


def command(
    file: Annotated[Path, typer.Argument(help="バックアップ / the backup", metavar="FILE")],
    ledger: Annotated[str, typer.Option(help="戻す先の台帳ファイルか URL / ledger file or URL")] = "",
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="パスフレーズを書いたファイル / file with the passphrase")
    ] = None,
    identity: Annotated[
        Path | None, typer.Option(help="age の秘密鍵のファイル / file with age identities")
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="今の台帳を別名で残して置き換える / set the present one aside")
    ] = False,
    without_keys: Annotated[
        bool, typer.Option("--without-keys", help="鍵は戻さない / leave the keys")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="読んで確かめるだけ / only read and check")] = False,
) -> None:
    """バックアップから台帳を戻します / restore a ledger from a backup."""
    if not (ledger or config or check):
        raise Refusal(
            "戻す先を --ledger か --config で指定してください。何も変更していません。",
            "Name the place to restore to with --ledger or --config. Nothing was changed.",
        )
    settings, now = settings_of(config, ledger), datetime.now(UTC)
    folder, put = key_folder(settings.state_folder, os.environ), list[str]()
    with _open(file) as backup, RowProgress() as progress:
        key = read_key(passphrase_file, identity)
        checked = check_backup(backup, key, progress.tell)
        if not check:
            with keys_ready(folder, {} if without_keys else checked.files, now, put):
                done = _restore(backup, key, settings.ledger, now, progress, checked, replace)
            _note(settings.ledger, file, done)
    _tell(checked)
    if not check:
        _tell_restored(done, put, folder)


def _restore(
    backup: BinaryIO,
    key: Key,
    ledger: str,
    now: datetime,
    progress: RowProgress,
    checked: Checked,
    replace: bool,
) -> Restored:
    path = file_of(ledger)
    if path is not None:
        return restore_to_file(backup, key, path, now, progress.tell, checked, replace=replace)
    if replace:
        raise Refusal(
            "--replace は台帳ファイルだけに使えます。PostgreSQL では新しい空のデータベースを作ってください。何も変更していません。",
            "--replace is for ledger files only. With PostgreSQL make a new, empty database. Nothing was changed.",
        )
    engine = server(ledger)
    try:
        return restore_to_server(backup, key, engine, progress.tell, checked)
    finally:
        engine.dispose()


def _note(ledger: str, file: Path, done: Restored) -> None:
    """Tell the restored ledger's audit log; what was not in the backup is missing before this entry."""
    engine = look_at(ledger)
    made = {
        "made_at": done.manifest.made_at,
        "revision": done.manifest.revision,
        "heads": done.manifest.audit_heads,
    }
    note(engine, Action.RESTORE, file.name, made)
    engine.dispose()


def _open(file: Path) -> BinaryIO:
    try:
        return file.open("rb")
    except OSError as error:
        raise Refusal(
            f"{file} を読めません（{error.strerror}）。場所と権限を確かめてください。何も変更していません。",
            f"Cannot read {file} ({error.strerror}). Check its place and permissions. Nothing was changed.",
        ) from error


def _tell(checked: Checked) -> None:
    rows = sum(one.rows for one in checked.manifest.tables)
    say(
        f"バックアップは全部読め、検査値も合いました（{checked.header.made_at}、{checked.header.made_by}、{rows:,} 行）。",
        f"The backup could be read whole and its digests agree ({checked.header.made_at}, {rows:,} rows).",
    )


def _tell_restored(done: Restored, put: list[str], folder: Path) -> None:
    say(
        "台帳を戻し、行数と検査値を確かめました。", "The ledger is restored; counts and digests were checked."
    )
    if done.aside:
        say(f"前の台帳は {done.aside} にあります。", f"The ledger that was there is now {done.aside}.")
    if put:
        say(f"鍵を戻しました: {'、'.join(put)}（{folder}）", f"Keys put into {folder}: {', '.join(put)}")
    say("次に daicho serve で開いて確かめてください。", "Next: daicho serve, and look whether all is there.")
