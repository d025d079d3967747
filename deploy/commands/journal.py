# SPDX-License-Identifier: Apache-2.0
"""`daicho journal`: everything we sent, to whom, when and why."""

import ipaddress
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.refusal import Refusal
from inventory_db import observations
from inventory_db.tables import open_ledger
from probes.facts import Sent


def command(
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    address: Annotated[str, typer.Option(help="この機器だけ / only this device")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="1行1件の JSON / JSON lines")] = False,
) -> None:
    """送ったものの記録を示します / what we sent."""
    if address:
        _check(address)
    with open_ledger(ledger, create=False).connect() as connection:
        lines = observations.journal(connection, address or None)
    console = Console(highlight=False)
    if as_json:
        for line in lines:
            console.out(msgspec.json.encode(line).decode(), highlight=False)
        return
    console.print(_table(lines))
    total = sum(line.packets for line in lines)
    console.print(f"{len(lines)} 件、{total} パケット / {len(lines)} lines, {total} packets")


def _check(address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise Refusal(
            f"「{address[:80]}」は IP アドレスではありません。例: 192.168.1.20",
            f"“{address[:80]}” is not an IP address. Example: 192.168.1.20",
        ) from error


def _table(lines: list[Sent]) -> Table:
    table = Table(title="送信の記録 / journal")
    for name in (
        "時刻 / at",
        "宛先 / to",
        "何を / what",
        "口 / port",
        "包 / packets",
        "バイト / payload",
        "なぜ / why",
    ):
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(
            *(
                Text(cell)
                for cell in (
                    line.at.astimezone().strftime("%Y-%m-%d %H:%M:%S"),
                    line.address,
                    f"{line.action} ({line.probe})" if line.probe else line.action,
                    f"{line.port}/{line.transport}" if line.port else line.transport,
                    str(line.packets),
                    str(line.payload_bytes),
                    line.why,
                )
            )
        )
    return table
