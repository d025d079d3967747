# SPDX-License-Identifier: Apache-2.0
"""`daicho journal`: everything we sent, to whom, when and why."""

import ipaddress
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from agent.refusal import Refusal
from deploy.journal_file import journal_file
from deploy.journal_table import journal_table
from deploy.result_file import write_result
from deploy.terminal import check_language, output, plain, say
from inventory_db import observations
from inventory_db.tables import open_ledger


def command(
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    address: Annotated[str, typer.Option(help="この機器だけ / only this device")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="1行1件の JSON / JSON lines")] = False,
    out: Annotated[
        Path | None, typer.Option(help="書き出す先 .csv か .jsonl / file to write, .csv or .jsonl")
    ] = None,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """送ったものの記録を示します / what we sent."""
    language, only = check_language(lang), _address(address)
    with open_ledger(ledger, create=False).connect() as connection:
        lines = observations.journal(connection, only)
    if out:
        write_result(out, journal_file(lines, out))
        say(f"{len(lines)} 件を {out} に書きました。", f"{len(lines)} lines are written to {out}.")
        return
    if as_json:
        sys.stdout.writelines(msgspec.json.encode(line).decode() + "\n" for line in lines)
        return
    console = output()
    if lines:
        console.print(journal_table(lines, language, console.width))
    packets, held = sum(line.packets for line in lines), sum(line.action == "held back" for line in lines)
    if language == "ja":
        console.print(plain(f"{len(lines)} 件、{packets} パケット、送るのを控えた記録 {held} 件"))
    else:
        console.print(plain(f"{len(lines)} lines, {packets} packets, {held} times held back"))


def _address(text: str) -> str | None:
    """Give the address as the journal writes it; None for all."""
    if not text:
        return None
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise Refusal(
            f"「{text[:80]}」は IP アドレスではありません。192.168.1.20 のように書いてください。",
            f"“{text[:80]}” is not an IP address. Write it like 192.168.1.20.",
        ) from error
