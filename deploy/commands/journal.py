# SPDX-License-Identifier: Apache-2.0
"""`daicho journal`: everything we sent, to whom, when and why."""

import sys
from collections.abc import Iterator
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
from inventory_db.journal import address_as_kept
from inventory_db.tables import open_ledger
from probes.facts import Sent, Vantage


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
        stood = {one.id: one for one in observations.vantages(connection)}
    if out:
        write_result(out, journal_file(lines, out))
        say(f"{len(lines)} 件を {out} に書きました。", f"{len(lines)} lines are written to {out}.")
        return
    if as_json:
        sys.stdout.writelines(msgspec.json.encode(line).decode() + "\n" for line in lines)
        return
    console = output()
    for vantage, group in _by_vantage(lines, apart=only is not None):
        if vantage:  # the same address on two networks is two devices
            console.print(plain(_from(stood.get(vantage), vantage, group, language), "bold"))
        console.print(journal_table(group, language, console.width))
    packets, held = sum(line.packets for line in lines), sum(line.action == "held back" for line in lines)
    if language == "ja":
        console.print(plain(f"{len(lines)} 件、{packets} パケット、送るのを控えた記録 {held} 件"))
    else:
        console.print(plain(f"{len(lines)} lines, {packets} packets, {held} times held back"))


def _by_vantage(lines: list[Sent], *, apart: bool) -> Iterator[tuple[str, list[Sent]]]:
    """Give the lines by the vantage that they left from, where there are several and they are of one address; else all, for ""."""
    groups: dict[str, list[Sent]] = {}
    for line in lines:
        groups.setdefault(line.vantage if apart else "", []).append(line)
    if len(groups) == 1:
        groups = {"": lines}
    yield from groups.items()


def _from(stood: Vantage | None, vantage: str, lines: list[Sent], language: str) -> str:
    """Say from where these left, and to which cards."""
    where = f"{stood.host} {stood.interface} {stood.network}" if stood else vantage
    cards = " ".join(sorted({line.mac for line in lines if line.mac}))
    packets = sum(line.packets for line in lines)
    if language == "ja":
        return f"{where} から {len(lines)} 件、{packets} パケット" + (
            f"（宛先 MAC {cards}）" if cards else ""
        )
    return f"From {where}: {len(lines)} lines, {packets} packets" + (f" (to MAC {cards})" if cards else "")


def _address(text: str) -> str | None:
    """Give the address as the journal writes it; None for all."""
    if not text:
        return None
    try:
        return address_as_kept(text)
    except ValueError as error:
        raise Refusal(
            f"「{text[:80]}」は IP アドレスではありません。192.168.1.20 のように書いてください。",
            f"“{text[:80]}” is not an IP address. Write it like 192.168.1.20.",
        ) from error
