# SPDX-License-Identifier: Apache-2.0
"""`daicho check`: the checklist's answers with their evidence, as a table or a file."""

import json
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection

from agent.refusal import Refusal
from collector.check_document import check_document
from collector.checking import check
from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_form import Form
from collector.documents.checklist_pdf import write_checklist_pdf
from collector.documents.checklist_xlsx import write_checklist_xlsx
from collector.dossier_reading import read_dossier
from collector.judged import Judgement
from collector.settings import Settings
from deploy.check_table import print_check
from deploy.moment import read_moment
from deploy.result_file import check_result, write_result
from deploy.terminal import check_language, output, say
from inventory_db.tables import open_ledger

_FORMATS = ("table", "json", "xlsx", "pdf")
_PAPERS: dict[str, Callable[[Form], bytes]] = {"pdf": write_checklist_pdf, "xlsx": write_checklist_xlsx}
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
        given = (connection, edition, datetime.now(UTC), moment, timedelta(days=days))
        if form in _PAPERS and out is not None:
            raise typer.Exit(_code(_write_papers(given, form, out)))
        found = check(*given)
    if form == "json":
        _deliver((json.dumps(check_document(found), ensure_ascii=False, indent=1) + "\n").encode(), out)
    else:
        print_check(output(), found, language)
    raise typer.Exit(_code(found))


def _write_papers(
    given: tuple[Connection, str, datetime, datetime | None, timedelta], form: str, out: Path
) -> Judgement:
    """Write the facility's sheet to `out`, and each vendor's beside it with the vendor's id in its name."""
    connection, edition, now, at, age_limit = given
    dossier = read_dossier(connection, _PLACE.facility, _PLACE.zone, now, edition, at, age_limit)
    judgement = dossier.judgement
    if judgement is None:
        raise Refusal("判定がありません。", "There is no judgement.")
    for sheet, filled in zip(judgement.sheets, forms_of(dossier), strict=True):
        path = (
            out if sheet.vendor is None else out.with_name(f"{out.stem}-{_word(sheet.vendor.id)}{out.suffix}")
        )
        write_result(path, _PAPERS[form](filled))
        say(f"{path} に書きました。", f"Written to {path}.")
    return judgement


def _word(id: str) -> str:
    """Make a vendor's id fit for a file name."""
    return re.sub(r"[^\w.-]+", "_", id).strip("._") or "vendor"


def _code(found: Judgement) -> int:
    return _SOMETHING_TO_SEE if found.needs_a_look else 0


def _check(form: str, out: Path | None, days: int) -> None:
    if form not in _FORMATS:
        raise Refusal(
            f"形式「{form[:40]}」はありません。{'、'.join(_FORMATS)} から選んでください。",
            f"There is no format “{form[:40]}”. Choose one of {', '.join(_FORMATS)}.",
        )
    if form in _PAPERS and out is None:
        raise Refusal(
            f"--out checklist.{form} のように出力先を付けてください。事業者確認用は、その名前に事業者の番号を付けて並べて書きます。",
            f"Name a file: --out checklist.{form}. Each vendor's sheet is written beside it, with the vendor's id in its name.",
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
