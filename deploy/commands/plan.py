# SPDX-License-Identifier: Apache-2.0
"""`daicho plan`: what a scan would send, to whom, in how long. Sends nothing."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich import box
from rich.table import Table

from agent.logbook import Logbook, LogbookError
from agent.memory import Memory
from agent.settings import Settings
from agent.state_folder import LOGBOOK_FILE, find_state_folder, wishes_whole
from deploy.dry_run import DryRun, SegmentPlan, dry_run
from deploy.journal_table import ACTIONS, why_in
from deploy.scanning import reach, spool_of
from deploy.site import read_site
from deploy.terminal import check_language, output, plain
from probes.facts import Upload

_HEADS = {
    "ja": ("調べる網", "インターフェース", "届き方", "アドレス", "探索パケット", "秒", "調べ方"),
    "en": ("Network", "Interface", "Reached", "Addresses", "Packets", "Seconds", "Profile"),
}


def command(
    scope: Annotated[list[str] | None, typer.Argument(help="調べる網 / networks")] = None,
    exclude: Annotated[str, typer.Option(help="触れない網 / networks to leave alone")] = "",
    profile: Annotated[str, typer.Option(help="listen | gentle | standard | deep")] = "",
    config: Annotated[Path | None, typer.Option(help="agent.toml")] = None,
    ledger: Annotated[Path, typer.Option(help="前回の調べがある台帳 / ledger with the last scan")] = Path(
        "daicho.sqlite"
    ),
    as_json: Annotated[bool, typer.Option("--json", help="JSON で / as JSON")] = False,
    yes_large: Annotated[
        bool, typer.Option("--yes-large", help="/16 より広い範囲 / wider than a /16")
    ] = False,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """何を・誰に・どれだけ送るかを示します（送信しません） / dry run, sends nothing."""
    language = check_language(lang)
    site = read_site(scope or (), config, exclude=exclude, profile=profile, yes_large=yes_large)
    ground = asyncio.run(reach(site.scope))
    last, memory = _before(site.settings, ledger)
    plan = dry_run(site.settings, site.scope, ground, last, memory)
    console = output()
    if as_json:
        console.out(msgspec.json.format(msgspec.json.encode(plan), indent=1).decode(), highlight=False)
        return
    console.print(_table(plan, language))
    console.print()
    for line in (*_lines(plan, language), *_outside(plan, language), *_forecast(plan, language)):
        console.print(plain(line))


def _before(settings: Settings, ledger: Path) -> tuple[Upload | None, Memory | None]:
    """Give the last complete scan of this ledger, else that of the agent of this machine with what it remembers."""
    folder = find_state_folder(settings.state_folder, os.environ)
    for file, remembers in ((spool_of(ledger), False), (folder / LOGBOOK_FILE, True)):
        try:
            if file.exists():
                with Logbook(file) as logbook:
                    return asyncio.run(_read(logbook, settings, folder if remembers else None))
        except (LogbookError, OSError):  # somebody else's: the plan is what it is without it
            continue
    return None, None


async def _read(
    logbook: Logbook, settings: Settings, folder: Path | None
) -> tuple[Upload | None, Memory | None]:
    days, now = settings.schedule.whole_every_days, datetime.now(UTC)
    memory = await Memory.open(logbook, days, now, wish=wishes_whole(folder)) if folder else None
    return await logbook.last_scan(memory.scans() if memory else ()), memory


def _outside(plan: DryRun, language: str) -> list[str]:
    """Say from which networks the address outside that the site named is tried, and from which not and why."""
    ja = language == "ja"
    said = []
    for one in plan.outside:
        if one.why_not:
            no = "は試しません" if ja else "is not tried"
            said.append(f"{one.address} {no} ({why_in(one.why_not, language)})")
        elif ja:
            said.append(
                f"{one.address} へ TCP 接続を1回だけ試します（{one.packets} パケットまで、データは送りません）"
            )
        else:
            said.append(
                f"{one.address} is tried by one TCP connection ({one.packets} packets at most, no data)"
            )
    head = "・外への到達" if ja else "- reach of the outside, from"
    return [f"{head} {one.network}: {text}" for one, text in zip(plan.outside, said, strict=True)]


def _forecast(plan: DryRun, language: str) -> list[str]:
    """Say what a scan would send now, if the hosts are as the last scan met them."""
    forecast = plan.forecast
    if forecast is None:
        return []
    kinds = sorted(forecast.kinds.items(), key=lambda kind: -kind[1])
    most = max(forecast.addresses.values(), default=0)
    if language == "ja":
        listed = "、".join(f"{ACTIONS.get(kind, kind)} {count}" for kind, count in kinds)
        return [
            f"・前回の調べのときと機器が同じなら、送るのは全部で {forecast.packets} パケット、1台に最大 {most}（{listed}）",
        ]
    listed = ", ".join(f"{kind} {count}" for kind, count in kinds)
    return [
        f"- if the devices are as the last scan met them: {forecast.packets} packets, {most} at most to one ({listed})"
    ]


def _table(plan: DryRun, language: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for place, head in enumerate(_HEADS[language]):
        table.add_column(head, justify="right" if 2 < place < 6 else "left")
    for segment in plan.segments:
        table.add_row(*(plain(cell) for cell in _cells(segment, language)))
    return table


def _cells(segment: SegmentPlan, language: str) -> tuple[str, ...]:
    ways = {"ja": ("ルータ越し", "同じ網"), "en": ("routed", "on the link")}
    return (
        segment.network,
        segment.interface,
        ways[language][segment.on_link],
        str(segment.addresses),
        str(segment.finding_packets),
        f"{segment.seconds:.0f}",
        segment.profile,
    )


def _lines(plan: DryRun, language: str) -> list[str]:
    known, unknown = len(plan.questions_classified), len(plan.questions_unclassified)
    host, second, all_second = (
        plan.most_packets_per_host,
        plan.packets_per_second_host,
        plan.packets_per_second,
    )
    if language == "ja":
        return [
            "まだ何も送っていません。上は機器を探すまでの見積りです。",
            f"・見つかった機器ごと: 種類が分かれば {known} 問まで、分からないうちは聞くだけの接続を {unknown} 回まで",
            f"・速さ: 1台に毎秒 {second} パケット・合計 {host} パケットまで、全体で毎秒 {all_second} パケットまで",
            "・壊れやすい種類と分かった機器には、それから先は1パケットも送りません（同じ網では、探すための ARP が全機器に届きます）",
            *(f"・避ける: {network}" for network in plan.never),
        ]
    return [
        "Nothing was sent. The table is what finding the devices takes.",
        f"- per live host: up to {known} questions once classified, up to {unknown} silent connections before",
        f"- pace: {second} packets a second and {host} in all per host, {all_second} a second for everything",
        "- devices known to be of a fragile kind get no packet from then on (the ARP that finds devices reaches all on the link)",
        *(f"- left alone: {network}" for network in plan.never),
    ]
