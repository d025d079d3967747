# SPDX-License-Identifier: Apache-2.0
"""`daicho plan`: what a scan would send, to whom, in how long. Sends nothing."""

import asyncio
import json
import socket
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from agent.ground import survey_ground
from agent.vantage import vantages
from deploy.dry_run import DryRun, dry_run
from deploy.site import Site, read_site


def command(
    scope: Annotated[list[str] | None, typer.Argument(help="調べる網 / networks")] = None,
    exclude: Annotated[str, typer.Option(help="触れない網 / networks to leave alone")] = "",
    profile: Annotated[str, typer.Option(help="listen | gentle | standard | deep")] = "",
    config: Annotated[Path | None, typer.Option(help="agent.toml")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON で / as JSON")] = False,
    yes_large: Annotated[
        bool, typer.Option("--yes-large", help="/16 より広い範囲 / wider than a /16")
    ] = False,
) -> None:
    """何を・誰に・どれだけ送るかを示します（送信しません） / dry run, sends nothing."""
    site = read_site(scope or (), config, exclude=exclude, profile=profile, yes_large=yes_large)
    plan = asyncio.run(_plan(site))
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps(asdict(plan)))
    else:
        _print(console, plan)


async def _plan(site: Site) -> DryRun:
    standings = await vantages(loopback=any(n.is_loopback for n in site.scope.networks))
    return dry_run(
        site.settings, site.scope, await survey_ground(site.scope, standings, socket.gethostname())
    )


def _print(console: Console, plan: DryRun) -> None:
    table = Table(title="送信の見積り（まだ何も送っていません） / what would be sent (nothing was sent)")
    for name in (
        "網 / network",
        "口 / interface",
        "届き方 / reached",
        "アドレス / addresses",
        "探す包 / packets",
        "秒 / s",
    ):
        table.add_column(name)
    for segment in plan.segments:
        way = "同じ網 / on the link" if segment.on_link else "ルータ越し / routed"
        table.add_row(
            segment.network,
            segment.interface,
            way,
            str(segment.addresses),
            str(segment.finding_packets),
            f"{segment.seconds:.0f}",
        )
    console.print(table)
    known, unknown = len(plan.questions_classified), len(plan.questions_unclassified)
    console.print(
        f"見つかった機器ごと: 種類が分かれば {known} 問まで、分からないうちは聞くだけの接続 {unknown} 回まで、"
        f"1台 {plan.most_packets_per_host} パケットまで、1秒に {plan.packets_per_second_host} パケットまで"
        f"（全体 {plan.packets_per_second}）。壊れやすい機器には送りません。"
    )
    console.print(
        f"Per live host: up to {known} questions once classified, up to {unknown} listening connections before; "
        f"at most {plan.most_packets_per_host} packets, {plan.packets_per_second_host} a second "
        f"({plan.packets_per_second} in all). Fragile devices get none."
    )
    for network in plan.never:
        console.print(f"避ける / left alone: {network}")
