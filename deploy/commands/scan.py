# SPDX-License-Identifier: Apache-2.0
"""`daicho scan`: one scan into an embedded ledger."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from agent.scope import overlap
from deploy.doctor import may_send_frames
from deploy.ledger_summary import print_ledger, print_next, print_summary
from deploy.result_file import check_result, write_result
from deploy.scan_progress import ScanProgress
from deploy.scanning import Done, scan_into
from deploy.site import Site, read_site
from deploy.terminal import check_language, errors, output, say
from inventory_db import ledger as ledgers
from probes.facts import Scan

_SOMETHING_TO_SEE, _UNFINISHED = 1, 4


def command(
    scope: Annotated[
        list[str] | None, typer.Argument(help="調べる網 / networks, e.g. 192.168.1.0/24")
    ] = None,
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    exclude: Annotated[str, typer.Option(help="触れない網 / networks to leave alone")] = "",
    profile: Annotated[str, typer.Option(help="listen | gentle | standard | deep")] = "",
    config: Annotated[Path | None, typer.Option(help="agent.toml")] = None,
    json_to: Annotated[str, typer.Option("--json", help="JSON の出力先、- は標準出力 / JSON file or -")] = "",
    max_pps_host: Annotated[int, typer.Option(help="1台あたり毎秒 / packets per second and host")] = 0,
    max_pps: Annotated[int, typer.Option(help="全体で毎秒 / packets per second in all")] = 0,
    yes_large: Annotated[
        bool, typer.Option("--yes-large", help="/16 より広い範囲 / wider than a /16")
    ] = False,
    progress: Annotated[str, typer.Option(help="進み方 auto | plain | json / how progress is told")] = "auto",
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """範囲を調べて台帳に書きます / scan the scope into the ledger."""
    language, shown = check_language(lang), ScanProgress(progress)
    if json_to and json_to != "-":
        check_result(Path(json_to))
    site = read_site(
        scope or (),
        config,
        exclude=exclude,
        profile=profile,
        pace={"packets_per_host": max_pps_host, "packets": max_pps},
        yes_large=yes_large,
    )
    for network in overlap(site.scope):
        say(
            f"{network} は触れない一覧にあるので避けます。",
            f"{network} is on the never-list and is left alone.",
        )
    with shown:
        done = scan_into(ledger, site.settings, site.scope, shown.tell)
    with done.engine.connect() as connection:
        document = ledgers.document(connection)
    _write(document, json_to, language)
    code = _tell(done, document, site, ledger)
    print_next(errors, ledger, language)
    raise typer.Exit(code)


def _write(document: dict[str, Any], json_to: str, language: str) -> None:
    text = json.dumps(document, ensure_ascii=False, default=str, indent=1) + "\n"
    if json_to == "-":
        sys.stdout.write(text)
        sys.stdout.flush()
        print_summary(errors, document, language)
        return
    if json_to:
        write_result(Path(json_to), text.encode())
    print_ledger(output(), document, language)


def _tell(done: Done, document: dict[str, Any], site: Site, ledger: Path) -> int:
    """Say what a person should look at; gives the exit code."""
    say(f"台帳は {ledger} に保存しました。", f"The ledger is saved in {ledger}.")
    scan = done.scan
    if scan is None or scan.state != "complete":
        _tell_unfinished(scan)
        return _UNFINISHED
    if not scan.privileged and not may_send_frames():
        say(
            "権限がないため、ARP で答える機器の一部と受信だけで分かることは見えていません。sudo を付けると見えます。",
            "Without privileges (CAP_NET_RAW), hosts that only answer ARP and what is heard were not seen; use sudo.",
        )
    return _SOMETHING_TO_SEE if _things_to_see(document) or overlap(site.scope) else 0


def _tell_unfinished(scan: Scan | None) -> None:
    note = f"（{scan.note}）" if scan and scan.note else ""
    say(
        f"調べは途中で終わりました{note}。見たものは保存されています。もう一度実行すると続きから台帳に加わります。",
        "The scan did not finish. What was seen is kept. Run it again: the ledger grows, nothing is counted twice.",
    )


def _things_to_see(document: dict[str, Any]) -> bool:
    """Whether a machine stands on two networks and nobody has declared it; the summary names it."""
    found = (device["dual_homed"] for device in document["devices"])
    return any(dual and not dual["declared"] for dual in found)
