# SPDX-License-Identifier: Apache-2.0
"""`daicho check`: the checklist's answers with their evidence, as a table or a file."""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.check_document import check_document
from collector.checking import check
from collector.judged import Judgement
from collector.settings import Settings
from deploy.check_table import print_check
from deploy.moment import read_moment
from deploy.result_file import check_result, write_result
from deploy.terminal import check_language, output, say
from inventory_db.tables import open_ledger

_FORMATS = ("table", "json", "xlsx", "pdf")
_SOMETHING_TO_SEE = 1
_PLACE = Settings()


def command(
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    edition: Annotated[str, typer.Option(help="様式の版 / edition, e.g. R6-hospital")] = "",
    form: Annotated[str, typer.Option("--format", help=" | ".join(_FORMATS))] = "table",
    out: Annotated[Path | None, typer.Option(help="出力先のファイル / file to write")] = None,
    at: Annotated[str, typer.Option(help="この日の終わりの判定 / as of the end of this day")] = "",
    days: Annotated[int, typer.Option(help="調べの有効日数 / days that a scan counts for はい")] = 31,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """チェックリストの答えを根拠とともに示します / the checklist's answers with evidence."""
    language, moment = check_language(lang), read_moment(at, _PLACE.zone)
    _check(form, out, days)
    with open_ledger(ledger, create=False).connect() as connection:
        found = check(connection, edition, datetime.now(UTC), moment, timedelta(days=days))
    if form == "json":
        _deliver((json.dumps(check_document(found), ensure_ascii=False, indent=1) + "\n").encode(), out)
    else:
        print_check(output(), found, language)
    raise typer.Exit(_code(found))


def _code(found: Judgement) -> int:
    return _SOMETHING_TO_SEE if found.needs_a_look else 0


def _check(form: str, out: Path | None, days: int) -> None:
    if form not in _FORMATS:
        raise Refusal(
            f"形式「{form[:40]}」はありません。{'、'.join(_FORMATS)} から選んでください。",
            f"There is no format “{form[:40]}”. Choose one of {', '.join(_FORMATS)}.",
        )
    if form in ("xlsx", "pdf"):
        raise Refusal(
            "この版ではまだ様式を PDF や Excel にできません。--format json か table を使ってください。",
            "This version cannot write the form as PDF or Excel yet. Use --format json or table.",
        )
    if not 1 <= days <= 3660:
        raise Refusal("--days は 1 から 3660 までの日数で書いてください。", "Write --days as 1 to 3660 days.")
    if form == "table" and out is not None:
        raise Refusal(
            "表は画面用です。ファイルにするには --format json、xlsx、pdf のどれかを付けてください。",
            "The table is for the terminal. For a file add --format json, xlsx or pdf.",
        )
    if out is not None:
        check_result(out)


def _deliver(data: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write_result(out, data)
    say(f"{out} に書きました。", f"Written to {out}.")
