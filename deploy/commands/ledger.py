# SPDX-License-Identifier: Apache-2.0
"""`daicho ledger`: the device ledger, as a table or a file."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from agent.refusal import Refusal
from collector import exports
from collector.documents.paper import Paper
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.paper_xlsx import write_paper_xlsx
from collector.export_formats import format_names, load_format
from collector.holding import read_holding
from collector.settings import Settings
from deploy.cloud_preview import print_cloud_ledger
from deploy.ledger_summary import print_ledger, print_next
from deploy.moment import read_moment
from deploy.result_file import write_result
from deploy.terminal import check_language, errors, output, say
from inventory_db import ledger as ledgers
from inventory_db.tables import open_ledger

_FORMATS = ("table", "json", "csv", "xlsx", "pdf", *format_names())
_PLACE = Settings()  # the facility and time zone of a ledger that no collector.toml speaks for


def command(
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    form: Annotated[str, typer.Option("--format", help=" | ".join(_FORMATS))] = "table",
    out: Annotated[Path | None, typer.Option(help="出力先のファイル / file to write")] = None,
    at: Annotated[str, typer.Option(help="この日の終わりの台帳 / as of the end of this day")] = "",
    cloud: Annotated[bool, typer.Option("--cloud", help="クラウドサービス台帳 / of cloud services")] = False,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """機器台帳を示します / show the ledger."""
    _check(form, out, cloud)
    language, moment = check_language(lang), read_moment(at, _PLACE.zone)
    with open_ledger(ledger, create=False).connect() as connection:
        if form == "table" and cloud:
            print_cloud_ledger(output(), exports.cloud_services(connection, moment), language)
            return
        if form == "table":
            print_ledger(output(), ledgers.document(connection, at=moment), language)
            print_next(errors, ledger, language)
            return
        data = _write(connection, form, cloud, moment)
    _deliver(data, out)


def _write(connection: Connection, form: str, cloud: bool, at: datetime | None) -> bytes:
    if form in format_names():
        holding = read_holding(connection, _PLACE.facility, datetime.now(UTC), at)
        return load_format(form).write(holding)
    return (_CLOUD_WRITERS if cloud else _WRITERS)[form](connection, at)


def _check(form: str, out: Path | None, cloud: bool) -> None:
    if form not in _FORMATS:
        raise Refusal(
            f"形式「{form[:40]}」はありません。{'、'.join(_FORMATS)} から選んでください。",
            f"There is no format “{form[:40]}”. Choose one of {', '.join(_FORMATS)}.",
        )
    if cloud and form in format_names():
        raise Refusal(
            f"クラウドサービス台帳には {form} 形式がありません。--cloud を外すか、xlsx、csv、json にしてください。",
            f"The ledger of cloud services has no form {form}. Leave out --cloud, or use xlsx, csv or json.",
        )
    ending = load_format(form).ENDING if form in format_names() else form
    if ending in ("xlsx", "pdf", "zip") and out is None and sys.stdout.isatty():
        raise Refusal(
            f"{form} ファイルは画面に表示できません。--out 台帳.{ending} のように出力先を指定してください。",
            f"A file of the form {form} cannot be shown on a terminal. Name a file: --out ledger.{ending}.",
        )
    if form == "table" and out is not None:
        raise Refusal(
            "表は画面用です。ファイルにするには --format xlsx、csv、json のどれかを付けてください。",
            "The table is for the terminal. For a file add --format xlsx, csv or json.",
        )


def _json(connection: Connection, at: datetime | None) -> bytes:
    document: dict[str, Any] = ledgers.document(connection, at=at)
    return (json.dumps(document, ensure_ascii=False, default=str, indent=1) + "\n").encode()


def _xlsx(connection: Connection, at: datetime | None) -> bytes:
    return exports.ledger_xlsx(connection, _PLACE.facility, _PLACE.zone, datetime.now(UTC), at)


def _pdf(connection: Connection, at: datetime | None) -> bytes:
    return exports.ledger_pdf(connection, _PLACE.facility, _PLACE.zone, datetime.now(UTC), at)


_WRITERS: dict[str, Callable[[Connection, datetime | None], bytes]] = {
    "json": _json,
    "csv": exports.ledger_csv,
    "xlsx": _xlsx,
    "pdf": _pdf,
}


def _cloud_paper(connection: Connection, at: datetime | None) -> Paper:
    return exports.cloud_paper(connection, _PLACE.facility, _PLACE.zone, datetime.now(UTC), at)


_CLOUD_WRITERS: dict[str, Callable[[Connection, datetime | None], bytes]] = {
    "json": exports.cloud_json,
    "csv": exports.cloud_csv,
    "xlsx": lambda connection, at: write_paper_xlsx(_cloud_paper(connection, at)),
    "pdf": lambda connection, at: write_paper_pdf(_cloud_paper(connection, at)),
}


def _deliver(data: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    write_result(out, data)
    say(f"{out} に書きました。", f"Written to {out}.")
