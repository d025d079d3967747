# SPDX-License-Identifier: Apache-2.0
"""`daicho state KIND field=value…`: what people state: answers, vendors, remote paths, approvals, documents."""

import json
import mimetypes
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection, Engine

from agent.refusal import Refusal
from collector.basis import AGE_LIMIT
from collector.case import JAPAN
from collector.pinning import pin_signed
from collector.statement_check import check_statement, known_in
from collector.stating import follow
from deploy.by_place import check_word
from deploy.console import tell
from deploy.state_fields import read_fields
from deploy.state_kinds import kinds, words
from deploy.state_words import field_words
from deploy.terminal import output, plain, say
from deploy.wrapping import wrap
from inventory_db import attachments, ledger, statements
from inventory_db.audit import Action
from inventory_db.stated import KINDS, Statement
from inventory_db.tables import open_ledger, writing

_MOST_TOLD = 100  # entries of the audit log for one file of statements; the rest is one more
MOST_FILE = 4 * 1024 * 1024  # bytes of a JSON file of statements


def command(
    kind: Annotated[str, typer.Argument(help="記入の種類 / kind of statement", metavar="KIND")] = "",
    fields: Annotated[list[str] | None, typer.Argument(help="項目=値 / field=value")] = None,
    ledger_file: Annotated[Path, typer.Option("--ledger", help="台帳ファイル / ledger file")] = Path(
        "daicho.sqlite"
    ),
    who: Annotated[str, typer.Option(help="記入する人の名前 / who states it")] = "",
    from_json: Annotated[
        Path | None, typer.Option("--json", help="JSON ファイル（1件または一覧） / one or a list, as JSON")
    ] = None,
    listing: Annotated[bool, typer.Option("--list", help="今の記入を示す / show what stands")] = False,
    withdraw: Annotated[str, typer.Option(help="この見出しの記入を取り下げる / take back this key")] = "",
    attach: Annotated[list[Path] | None, typer.Option(help="添付するファイル / file to attach")] = None,
) -> None:
    """人が記入します（回答・事業者・遠隔保守・承認・文書） / state what no scan can see."""
    check_word(kind, list(KINDS), "記入の種類", "kind")
    if listing:
        _list(open_ledger(ledger_file, create=False), kind)
    elif withdraw:
        _withdraw(open_ledger(ledger_file, create=False), _needed(kind), withdraw, _name(who))
    elif fields or from_json or attach:
        engine = open_ledger(ledger_file, create=False)
        _state(engine, _needed(kind), fields or [], from_json, _name(who), attach or [])
    elif kind:
        _explain(kind)
    else:
        _explain_all()


def _state(
    engine: Engine, kind: str, fields: Sequence[str], file: Path | None, who: str, attach: Sequence[Path]
) -> None:
    """Keep all statements and files, or none."""
    if file and fields:
        raise Refusal(
            "項目=値 と --json は一度に使えません。どちらかにしてください。",
            "Use either field=value or --json, not both.",
        )
    texts = _texts(file) if file else []
    data = [(path, _bytes(path, attachments.MOST_BYTES)) for path in attach]
    now = datetime.now(UTC)
    with writing(engine) as connection:
        ids = [_attach(connection, path, held, who, now) for path, held in data]
        if texts:
            said = [statements.read_statement(kind, text) for text in texts]
        else:
            said = [read_fields(kind, fields, ledger.official_rows(connection))]
        said = [_with_files(one, ids) for one in said]
        known, today = known_in(connection), now.astimezone(JAPAN).date()
        for one in said:
            check_statement(one, known, today)
            known = known.plus(one)
        statements.state_all(connection, said, who, now)
        follow(connection, {one.KIND for one in said})
        for one in said[:_MOST_TOLD]:
            tell(connection, Action.STATEMENT, kind, one.key, {}, who=who)
        if len(said) > _MOST_TOLD:
            tell(connection, Action.STATEMENT, kind, "", {"more": len(said) - _MOST_TOLD}, who=who)
    pin_signed(engine, now, AGE_LIMIT)
    for one in said:
        say(f"記入しました: {one.KIND} {one.key}".rstrip(), f"Stated: {one.KIND} {one.key}".rstrip())


def _texts(file: Path) -> list[bytes]:
    data = _bytes(file, MOST_FILE)
    try:
        read = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refusal(
            f"{file} は JSON として読めません。何も変更していません。中身を確かめてください。",
            f"{file} is not JSON. Nothing was changed. Check its content.",
        ) from error
    return [
        json.dumps(one, ensure_ascii=False).encode() for one in (read if isinstance(read, list) else [read])
    ]


def _bytes(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise Refusal(
            f"{path} を読めません（{error.strerror}）。場所と権限を確かめてください。何も変更していません。",
            f"Cannot read {path} ({error.strerror}). Check its place and permissions. Nothing was changed.",
        ) from error
    if len(data) > most:
        raise Refusal(
            f"{path} が大きすぎます（{most // 2**20} MB まで）。何も変更していません。",
            f"{path} is too large (at most {most // 2**20} MB). Nothing was changed.",
        )
    return data


def _attach(connection: Connection, path: Path, data: bytes, who: str, now: datetime) -> str:
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return attachments.attach(connection, data, path.name, media_type, who, now)


def _with_files(said: Statement, ids: Sequence[str]) -> Statement:
    if not ids:
        return said
    if not hasattr(said, "attachments"):
        raise Refusal(
            f"記入（{said.KIND}）にファイルは付けられません。何も変更していません。",
            f"A statement of kind {said.KIND} takes no files. Nothing was changed.",
        )
    held = tuple(dict.fromkeys((*said.attachments, *ids)))
    return msgspec.structs.replace(said, attachments=held)


def _list(engine: Engine, kind: str) -> None:
    shown = 0
    with engine.connect() as connection:
        for name in [kind] if kind else kinds():
            for key, one in statements.standing(connection, KINDS[name]).items():
                text = json.dumps(msgspec.to_builtins(one.said), ensure_ascii=False)
                when = one.at.astimezone(JAPAN).strftime("%Y-%m-%d %H:%M")
                output().print(plain(f"{name}  {key}".rstrip(), "bold"))
                output().print(plain(f"  {when} {one.who}  {text}"), soft_wrap=True)
                shown += 1
    if not shown:
        say("記入はまだありません。", "Nothing is stated yet.")


def _withdraw(engine: Engine, kind: str, key: str, who: str) -> None:
    with writing(engine) as connection:
        done = statements.withdraw(connection, kind, key, who, datetime.now(UTC))
        if done:
            tell(connection, Action.STATEMENT, kind, key, {"taken_back": True}, who=who)
            follow(connection, {kind})
    if not done:
        raise Refusal(
            f"取り下げる記入がありません（{kind} {key[:60]}）。daicho state {kind} --list で見出しを確かめてください。",
            f"Nothing stands under {kind} {key[:60]}. See the keys: daicho state {kind} --list.",
        )
    say(
        f"取り下げました: {kind} {key}（履歴には残ります）",
        f"Taken back: {kind} {key} (the history keeps it)",
    )


def _needed(kind: str) -> str:
    if not kind:
        raise Refusal(
            f"記入の種類を書いてください: {'、'.join(kinds())}。",
            f"Name the kind of statement: {', '.join(kinds())}.",
        )
    return kind


def _name(who: str) -> str:
    if not who.strip():
        raise Refusal(
            "記入する人の名前を --who で書いてください。例: --who 鈴木一郎。何も変更していません。",
            "Say who states it: --who NAME. Nothing was changed.",
        )
    return who


def _explain(kind: str) -> None:
    ja, en, example = words(kind)
    console = output()
    console.print(plain(f"{kind}: {ja} / {en}", "bold"), soft_wrap=True)
    fields = msgspec.structs.fields(KINDS[kind])
    widest = max(len(field.name) for field in fields)
    console.print(plain("  * は必須 / * is needed", "dim"))
    for field in fields:
        ja_of, en_of = field_words(KINDS[kind], field.name)
        head = f"  {'*' if field.required else ' '} {field.name:{widest}}  "
        for line in wrap(f"{head}{ja_of} / {en_of}", console.width, " " * len(head)):
            console.print(plain(line), no_wrap=True)
    if example:
        console.print(plain(f"例 / example: daicho state {kind} {example} --who 鈴木一郎"), soft_wrap=True)
    sys.stdout.flush()


def _explain_all() -> None:
    console = output()
    console.print(
        plain("daicho state 種類 項目=値 … --who 名前 / daicho state KIND field=value … --who NAME", "bold")
    )
    for kind in kinds():
        ja, en, example = words(kind)
        console.print(plain(f"\n{kind}: {ja} / {en}", "bold"), soft_wrap=True)
        if example:
            console.print(plain(f"  daicho state {kind} {example}", "dim"), soft_wrap=True)
