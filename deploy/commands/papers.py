# SPDX-License-Identifier: Apache-2.0
"""`daicho papers`: one of the official papers, as PDF, Excel or JSON."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.documents.drawing_files import FORMS, write_drawing
from collector.documents.paper import Paper, paper_json
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.paper_xlsx import write_paper_xlsx
from collector.documents.papers import load_kind, paper_kinds
from collector.dossier_reading import read_dossier
from collector.settings import Settings
from deploy.result_file import check_result, write_result
from deploy.terminal import say
from inventory_db.tables import open_ledger

_PLACE = Settings()  # facility and time zone of a ledger that no collector.toml speaks for


def _json(paper: Paper) -> bytes:
    return (json.dumps(paper_json(paper), ensure_ascii=False, indent=1) + "\n").encode()


_TITLES = {
    "annex": "証拠一覧",
    "bcp": "BCP確認表1-1",
    "cloud": "クラウドサービス台帳",
    "coverage": "台帳の点検",
    "diagram": "ネットワーク構成図",
    "ledger": "機器台帳",
    "register": "遠隔保守",
    "survey": "リモートゲートウェイ調査",
}
_WRITERS: dict[str, Callable[[Paper], bytes]] = {
    "pdf": write_paper_pdf,
    "xlsx": write_paper_xlsx,
    "json": _json,
    **{form: partial(write_drawing, form=form) for form in FORMS},
}


def _kinds() -> str:
    return ", ".join(f"{kind} {_TITLES[kind]}" if kind in _TITLES else kind for kind in paper_kinds())


def command(
    kind: Annotated[str, typer.Argument(help=_kinds(), metavar="KIND")],
    out: Annotated[Path, typer.Option(help="出力先のファイル / file to write")],
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    form: Annotated[
        str,
        typer.Option(
            "--format",
            help="pdf | xlsx | json、図は svg | png | drawio も（なければ名前から / else by name）",
        ),
    ] = "",
) -> None:
    """書類を作ります / write one of the papers."""
    chosen = form or out.suffix.removeprefix(".").lower()
    _check(kind, chosen)
    check_result(out)
    with open_ledger(ledger, create=False).connect() as connection:
        dossier = read_dossier(connection, _PLACE.facility, _PLACE.zone, datetime.now(UTC))
        paper = load_kind(kind).make(dossier)
    write_result(out, _WRITERS[chosen](paper))
    say(f"{paper.title} を {out} に書きました。", f"Written to {out}.")


def _check(kind: str, form: str) -> None:
    if kind not in paper_kinds():
        raise Refusal(
            f"「{kind[:40]}」という書類はありません。{'、'.join(paper_kinds())} から選んでください。",
            f"There is no paper “{kind[:40]}”. Choose one of {', '.join(paper_kinds())}.",
        )
    if form not in _WRITERS:
        raise Refusal(
            f"形式「{form[:40]}」では書けません。ファイル名を .pdf、.xlsx、.json のどれか（図は .svg、.png、.drawio も）で終えるか、--format で選んでください。",
            f"Cannot write the format “{form[:40]}”. End the file's name in .pdf, .xlsx or .json (a diagram's also in .svg, .png or .drawio), or use --format.",
        )
