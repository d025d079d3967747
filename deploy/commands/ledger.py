# SPDX-License-Identifier: Apache-2.0
"""`daicho ledger`: the device ledger, as a table or a file."""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.documents.ledger_csv import ledger_csv
from collector.documents.ledger_xlsx import ledger_xlsx
from deploy.terminal import print_ledger, say
from inventory_db import ledger as ledgers
from inventory_db.tables import open_ledger

_FORMATS = ("table", "json", "csv", "xlsx")


def command(
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    form: Annotated[str, typer.Option("--format", help=" | ".join(_FORMATS))] = "table",
    out: Annotated[Path | None, typer.Option(help="出力先 / where to")] = None,
    at: Annotated[str, typer.Option(help="この日時の台帳 / as of this date")] = "",
) -> None:
    """機器台帳を示します / show the ledger."""
    if form not in _FORMATS:
        raise Refusal(
            f"形式「{form[:40]}」はありません。{'、'.join(_FORMATS)} から選んでください。",
            f"There is no format “{form[:40]}”. Choose one of {', '.join(_FORMATS)}.",
        )
    moment = _moment(at)
    with open_ledger(ledger, create=False).connect() as connection:
        document = ledgers.document(connection, at=moment)
        if form == "table" and out is None:
            print_ledger(document)
            return
        data = {
            "table": lambda: json.dumps(document, ensure_ascii=False, default=str, indent=1).encode(),
            "json": lambda: json.dumps(document, ensure_ascii=False, default=str, indent=1).encode(),
            "csv": lambda: ledger_csv(connection),
            "xlsx": lambda: ledger_xlsx(connection),
        }[form]()
    if out is None:
        sys.stdout.buffer.write(data)
        return
    out.write_bytes(data)
    say(f"{out} に書きました。", f"Written to {out}.")


def _moment(at: str) -> datetime | None:
    if not at:
        return None
    try:
        return datetime.fromisoformat(at).astimezone()
    except ValueError as error:
        raise Refusal(
            f"日付「{at[:40]}」は 2026-04-01 の形で書いてください。",
            f"Write the date “{at[:40]}” like 2026-04-01.",
        ) from error
