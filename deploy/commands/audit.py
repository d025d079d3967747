# SPDX-License-Identifier: Apache-2.0
"""`daicho audit list|export|check|heads`: who did what, as a table, as a file, and whether the log is whole."""

import getpass
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from sqlalchemy import Connection, Engine

from agent.refusal import Refusal
from collector.audit_files import audit_csv, audit_jsonl
from collector.case import JAPAN
from deploy.audit_table import audit_table
from deploy.moment import read_moment, read_start
from deploy.result_file import check_result
from deploy.terminal import check_language, complain, output, say
from inventory_db import audit, audit_check, audit_log
from inventory_db.audit import Action, Event, Head, Outcome
from inventory_db.audit_check import Checked
from inventory_db.audit_log import Wanted
from inventory_db.tables import open_ledger, writing

_LOOK = 1  # exit code: done, but a person must look
_MOST_LINE = 1024 * 1024  # bytes of one line of an export

LedgerOption = Annotated[str, typer.Option("--ledger", help="台帳ファイルか URL / ledger file or URL")]
FacilityOption = Annotated[int, typer.Option(help="施設の番号、0 は設置全体 / facility, 0: the installation")]
PersonOption = Annotated[str, typer.Option(help="この人だけ / only this person")]
ActionOption = Annotated[str, typer.Option(help="この操作だけ / only this action")]
ObjectOption = Annotated[
    str, typer.Option("--object", help="この対象だけ（機器の番号など） / only this object")
]
SinceOption = Annotated[str, typer.Option(help="この日から / from this day")]
UntilOption = Annotated[str, typer.Option(help="この日まで / until this day")]


def group(_part: str) -> typer.Typer:
    """Make the commands of the audit log."""
    app = typer.Typer(no_args_is_help=True, help="監査ログ: 誰が、いつ、何をしたか / the audit log")
    app.command("list")(show)
    app.command("export")(export)
    app.command("check")(check)
    app.command("heads")(heads)
    return app


def show(
    ledger: LedgerOption = "daicho.sqlite",
    facility: FacilityOption = 1,
    person: PersonOption = "",
    action: ActionOption = "",
    object: ObjectOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
    most: Annotated[int, typer.Option(help="新しい方から何件 / how many, newest first")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="1行1件の JSON / JSON lines")] = False,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """監査ログを示します / show the audit log."""
    language, wanted = check_language(lang), _wanted(person, action, object, since, until)
    with _opened(ledger) as engine, engine.connect() as connection:
        found = audit_log.entries(connection, facility, wanted, most=max(1, most))
    if as_json:
        sys.stdout.writelines(msgspec.json.encode(one).decode() + "\n" for one in found)
        return
    if found:
        output().print(audit_table(found, language))
    else:
        say("当てはまる記録はありません。", "No entry fits.")


def export(
    out: Annotated[Path, typer.Option(help="書き出す先 .jsonl か .csv / file to write, .jsonl or .csv")],
    ledger: LedgerOption = "daicho.sqlite",
    facility: FacilityOption = 1,
    person: PersonOption = "",
    action: ActionOption = "",
    object: ObjectOption = "",
    since: SinceOption = "",
    until: UntilOption = "",
) -> None:
    """監査ログを書き出します（書き出したことも記録します） / write the log to a file; that is recorded too."""
    ending, wanted = out.suffix.lower(), _wanted(person, action, object, since, until)
    if ending not in (".jsonl", ".csv"):
        raise Refusal(
            "書き出す先の名前は .jsonl（あとで確かめられる形）か .csv（表計算用）で終えてください。",
            "Let the file's name end with .jsonl (can be checked later) or .csv (for spreadsheets).",
        )
    check_result(out)
    with _opened(ledger) as engine:
        with writing(engine) as connection:
            audit.record(connection, _exported(facility, out.name, wanted))
        with engine.connect() as connection:
            head = audit.head(connection, facility)  # before: what comes meanwhile stands behind it
            found = audit_log.stream(connection, facility, wanted)
            lines = audit_jsonl(found) if ending == ".jsonl" else audit_csv(found, JAPAN)
            count = _write(out, lines) - (ending == ".csv")
    say(f"{count} 件を {out} に書き出しました。末尾の値を控えておくと、あとで切り取りに気づけます:",
        f"{count} entries are in {out}. Note the head down, to notice later if the log was cut:")  # fmt: skip
    say(f"  {head}")


def check(
    ledger: LedgerOption = "daicho.sqlite",
    file: Annotated[
        Path | None, typer.Option(help="書き出した .jsonl を確かめる / check an exported .jsonl")
    ] = None,
    facility: Annotated[
        int | None, typer.Option(help="この施設だけ、0 は設置全体 / only this facility, 0: the installation")
    ] = None,
    head: Annotated[
        list[str] | None, typer.Option(help="控えた末尾の値 施設:番号:ハッシュ / a head noted down")
    ] = None,
    partial: Annotated[
        bool, typer.Option(help="絞り込んだ書き出し（抜けがある） / a filtered export, with gaps")
    ] = False,
) -> None:
    """監査ログが書かれたときのままかを確かめます（鍵は要りません） / check that nothing in the log was changed."""
    known = [_head(text) for text in head or []]
    if file:
        results = [_check_file(file, known, facility, partial=partial)]
    else:
        with _opened(ledger) as engine, engine.connect() as connection:
            results = [
                _check_chain(connection, number, known) for number in _chains(connection, facility, known)
            ]
    for number, found in results:
        _tell(number, found, known)
    if any(found.broken for _, found in results):
        raise typer.Exit(_LOOK)


def heads(ledger: LedgerOption = "daicho.sqlite") -> None:
    """末尾の値を示します。紙や別の機械に控えてください / show the heads, to be noted down elsewhere."""
    with _opened(ledger) as engine, engine.connect() as connection:
        sys.stdout.writelines(f"{one}\n" for one in audit.heads(connection))


@contextmanager
def _opened(ledger: str) -> Iterator[Engine]:
    engine = open_ledger(ledger, create=False)
    try:
        yield engine
    finally:
        engine.dispose()


def _wanted(person: str, action: str, object: str, since: str, until: str) -> Wanted:
    if action and action not in list(Action):
        raise Refusal(
            f"「{action[:40]}」という操作はありません。使えるもの: {'、'.join(Action)}。",
            f"There is no action “{action[:40]}”. Actions: {', '.join(Action)}.",
        )
    start, end = read_start(since, JAPAN), read_moment(until, JAPAN)
    return Wanted(person=person, action=action, key=object, since=start, until=end)


def _exported(facility: int, name: str, wanted: Wanted) -> Event:
    asked = {field: str(value) for field in wanted.__slots__ if (value := getattr(wanted, field))}
    return Event(
        action=Action.EXPORT,
        facility=facility,
        name=getpass.getuser(),
        origin="console",
        kind="audit",
        key=name,
        detail=asked,
        outcome=Outcome.DONE,
    )


def _write(out: Path, lines: Iterator[bytes]) -> int:
    count = 0
    try:
        with open(out, "wb", opener=_private) as file:
            for data in lines:
                file.write(data)
                count += 1
    except OSError as error:
        raise Refusal(
            f"{out} に書けません（{error.strerror}）。空き容量と権限を確かめてください。",
            f"{out} cannot be written ({error.strerror}). Check space and permissions.",
        ) from error
    return count


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _head(text: str) -> Head:
    try:
        return audit_check.read_head(text)
    except ValueError as error:
        raise Refusal(
            f"控えた値「{text[:40]}」は 施設:番号:ハッシュ（64桁の16進）の形で書いてください。",
            f"Write the head “{text[:40]}” as facility:number:hash (64 hexadecimal digits).",
        ) from error


def _chains(connection: Connection, facility: int | None, known: list[Head]) -> list[int]:
    there = {head.facility for head in audit.heads(connection)} | {head.facility for head in known}
    return sorted(there if facility is None else {facility})


def _check_chain(connection: Connection, facility: int, known: list[Head]) -> tuple[int | None, Checked]:
    wanted = [head for head in known if head.facility == facility]
    return facility, audit_check.check(audit_log.stream(connection, facility), wanted)


def _check_file(
    path: Path, known: list[Head], facility: int | None, *, partial: bool
) -> tuple[int | None, Checked]:
    wanted = known if facility is None else [head for head in known if head.facility == facility]
    try:
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(_MOST_LINE), b"")
            return facility, audit_check.check(audit_check.read_lines(lines), wanted, partial=partial)
    except OSError as error:
        raise Refusal(
            f"{path} を読めません（{error.strerror}）。場所と権限を確かめてください。",
            f"{path} cannot be read ({error.strerror}). Check its place and permissions.",
        ) from error


def _tell(facility: int | None, found: Checked, known: list[Head]) -> None:
    where = f"施設 {facility}: " if facility else "設置全体: " if facility == 0 else ""
    where_en = f"facility {facility}: " if facility else "installation: " if facility == 0 else ""
    if found.broken:
        at = found.broken.number
        complain(
            f"{where}番号 {at} で壊れています。{found.broken.ja}"
            "ここから後の記録は信用できません。バックアップの同じ番号と比べてください。",
            f"{where_en}broken at number {at}: {found.broken.en}. "
            "Do not trust what follows; compare with the same number in a backup.",
        )
        return
    end = str(found.head) if found.head else "-"
    say(
        f"{where}{found.entries} 件、書かれたときのままです。末尾: {end}",
        f"{where_en}{found.entries} entries, as they were written. Head: {end}",
    )
    if not known:
        say(
            "控えた値（--head）がないので、末尾の切り取りと全体の書き直しは分かりません。",
            "Without a head that was noted down (--head), a cut end or a log written anew cannot be noticed.",
        )
