# SPDX-License-Identifier: Apache-2.0
"""`daicho facility list|add|rename|close|reopen|demo|remove-demo`: whose ledgers this database holds, and one to look around in."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, Engine

from agent.refusal import Refusal
from deploy.console import tell
from deploy.demo_files import is_open, remove, there_already, write_settings
from deploy.demo_hospital import fill, is_demo
from deploy.terminal import called, say
from inventory_db.audit import Action
from inventory_db.facilities import (
    Facility,
    add_facility,
    close_facility,
    find_facility,
    list_facilities,
    rename_facility,
    reopen_facility,
)
from inventory_db.tables import look_at, open_ledger, writing

_ACTIONS = ("list", "add", "rename", "close", "reopen", "demo", "remove-demo")
_DEMO = Path("daicho-demo.sqlite")


def command(
    action: Annotated[str, typer.Argument(help=" | ".join(_ACTIONS))],
    key: Annotated[str, typer.Argument(help="add: 見出し / key, rename: 見出しか番号 / key or number")] = "",
    name: Annotated[str, typer.Argument(help="施設の名前 / name")] = "",
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "daicho.sqlite",
    file: Annotated[Path, typer.Option(help="見本の台帳 / ledger of the made-up hospital")] = _DEMO,
    yes: Annotated[
        bool, typer.Option("--yes", help="remove-demo: 尋ねずに消す / remove without asking")
    ] = False,
) -> None:
    """施設の一覧・追加・改名、見本の病院 / facilities, and a made-up hospital to look around in."""
    if action not in _ACTIONS or not _is_complete(action, key, name):
        raise Refusal(
            "書き方が違います。list、add 見出し 名前、rename 見出し 名前、close 見出し、reopen 見出し、demo、remove-demo のどれかです。",
            "Write list, add KEY NAME, rename KEY NAME, close KEY, reopen KEY, demo, or remove-demo.",
        )
    if action in ("demo", "remove-demo"):
        _make_demo(file) if action == "demo" else _remove_demo(file, sure=yes)
        return
    engine = open_ledger(ledger, create=False)
    try:
        if action == "list":
            _list(engine)
        else:
            _change(engine, action, key, name)
    finally:
        engine.dispose()


def _list(engine: Engine) -> None:
    with engine.connect() as connection:
        for one in list_facilities(connection):
            closed = "" if one.closed is None else f"\t閉じている / closed {one.closed:%Y-%m-%d}"
            sys.stdout.write(f"{one.id}\t{one.key}\t{one.name or '-'}{closed}\n")


def _is_complete(action: str, key: str, name: str) -> bool:
    if action in ("add", "rename"):
        return bool(key and name.strip())
    return bool(key) or action not in ("close", "reopen")


def _change(engine: Engine, action: str, key: str, name: str) -> None:
    now = datetime.now(UTC)
    with writing(engine) as connection:
        if action == "add":
            one = add_facility(connection, key, name, now)
        else:
            found = find_facility(connection, int(key) if key.isascii() and key.isdigit() else key)
            if found is None:
                raise Refusal(
                    f"施設「{key[:40]}」はありません。daicho facility list で確かめてください。何も変更していません。",
                    f"There is no facility “{key[:40]}”; see daicho facility list. Nothing was changed.",
                )
            one = found
            _rewrite(connection, action, one.id, name, now)
        tell(connection, Action.FACILITY, "facility", one.key, {"what": action, "name": name})
    if action in ("close", "reopen"):
        _say_closed(one, action)
        return
    say(
        f"施設 {one.id}（{one.key}）: {name}。人は daicho people invite … --facility {one.id} で招待します。",
        f"Facility {one.id} ({one.key}): {name}. Invite people with daicho people invite … --facility {one.id}.",
    )


def _rewrite(connection: Connection, action: str, id: int, name: str, now: datetime) -> None:
    if action == "rename":
        rename_facility(connection, id, name)
    elif action == "close":
        close_facility(connection, id, now)
    else:
        reopen_facility(connection, id)


def _say_closed(one: Facility, action: str) -> None:
    if action == "reopen":
        say(f"施設 {one.id}（{one.key}）をまた開きました。", f"Facility {one.id} ({one.key}) is open again.")
        return
    say(
        f"施設 {one.id}（{one.key}）を閉じました。画面と API では見るだけになり、エージェントからは受け取りません。"
        f"記録は残っています。戻すには daicho facility reopen {one.key}。",
        f"Facility {one.id} ({one.key}) is closed: pages and API only read, its agents are refused, nothing was "
        f"removed. To open it again: daicho facility reopen {one.key}.",
    )


def _make_demo(file: Path) -> None:
    if file.suffix == ".toml":
        raise Refusal(
            f"{file} は設定ファイルの名前です。台帳には .sqlite で終わる名前を付けてください。何も変更していません。",
            f"{file} is a name of settings. Give the ledger one that ends in .sqlite. Nothing was changed.",
        )
    there = there_already(file)
    if there is not None:
        raise Refusal(
            f"{there} はもうあります。何も変更していません。--file で別の名前にするか、remove-demo で消してください。",
            f"{there} is there already. Nothing was changed. Choose another --file, or remove-demo.",
        )
    engine = open_ledger(file)
    try:
        with writing(engine) as connection:
            count = fill(connection, datetime.now(UTC))
            tell(connection, Action.FACILITY, "facility", "demo", {"what": "demo"})
    finally:
        engine.dispose()
    settings = write_settings(file)
    say(
        f"架空の病院（{count} 台）を {file} に作りました。本物の台帳とは別のファイルです。\n"
        f"見るには: {called()} serve --config {settings}\n"
        f"消すには: {called()} facility remove-demo{_named(file)}",
        f"A made-up hospital with {count} devices is in {file}, a file of its own. Look at it and remove it with the "
        "two commands above.",
    )


def _named(file: Path) -> str:
    return "" if file == _DEMO else f" --file {file}"


def _remove_demo(file: Path, *, sure: bool) -> None:
    if not file.is_file() or not _holds_demo(file):
        raise Refusal(
            f"{file} は見本の台帳ではありません。消していません。",
            f"{file} is no ledger of the made-up hospital. It was not removed.",
        )
    if not sure:
        raise Refusal(
            f"{file} を、そこで試しに書いたものや登録した人とともに消します。よければ --yes を付けて、もう一度打ってください。まだ消していません。",
            f"This removes {file} with what was tried and who was registered there. To do so, add --yes. Nothing was removed yet.",
        )
    if is_open(file):
        raise Refusal(
            f"{file} の画面が開いたままです。消していません。daicho serve を Ctrl-C で終えてから、もう一度実行してください。",
            f"A program has {file} open. It was not removed. End daicho serve with Ctrl-C, then try again.",
        )
    remove(file)
    say(f"見本の台帳 {file} を消しました。", f"The made-up ledger {file} was removed.")


def _holds_demo(file: Path) -> bool:
    engine = look_at(file)
    try:
        with engine.connect() as connection:
            return is_demo(connection)
    finally:
        engine.dispose()
