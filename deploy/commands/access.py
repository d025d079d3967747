# SPDX-License-Identifier: Apache-2.0
"""`daicho access`: who may reach a service, asked from an allowed and a not allowed source in the same minute."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from agent.access_reach import check_reach, ground_of
from agent.refusal import Refusal
from collector.case import Case
from collector.rules import source_limits
from collector.verdict import Finding
from deploy.access_plan_view import plan_lines, plan_rows
from deploy.access_run import Ran, clock_of, run_into_ledger, run_into_logbook
from deploy.site import Site, read_site
from deploy.terminal import check_language, output, plain, say
from probes.facts import FactKind, Observation, Outcome

_SOMETHING_TO_SEE, _UNFINISHED = 1, 4
_HEADS = {
    "ja": ("機器", "口", "どこから", "時刻", "結果"),
    "en": ("Device", "Port", "From", "At", "Result"),
}
_PLAN_HEADS = {
    "ja": ("機器", "口", "どこから", "回数", "何を尋ねるか"),
    "en": ("Device", "Port", "From", "Times", "What is asked"),
}


def command(
    config: Annotated[Path, typer.Option(help="agent.toml（access の節を書く / with an access section）")],
    ledger: Annotated[
        Path | None,
        typer.Option(
            help="台帳ファイル。なければ設定のサーバー、 なければ daicho.sqlite / "
            "ledger file; else the collector of the settings, else daicho.sqlite"
        ),
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="送らずに示す / say what would be sent")] = False,
    at: Annotated[
        str, typer.Option(help="この時刻に始める 14:30（別の場所の agent と同じ分に）/ begin at this time")
    ] = "",
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """許可した送信元とそうでない送信元から、同じ分に同じ問いをします / test of source limits."""
    language = check_language(lang)
    site = read_site((), config)
    if not site.settings.access:
        raise Refusal(
            f"{config} に [[access]] がありません。調べる機器・口・送信元を書いてください。何も送信していません。",
            f"{config} has no [[access]] section. Write device, ports and sources. Nothing was sent.",
        )
    ground = asyncio.run(ground_of(site.scope))
    check_reach(site.settings.access, site.scope, ground)
    console = output()
    if plan:
        _show(console, _PLAN_HEADS[language], plan_rows(site, ground, language))
        for line in plan_lines(site, language):
            console.print(plain(line))
        return
    wait = _waiting(at, site)
    if wait:
        say(f"{wait:.0f} 秒待って始めます。", f"Begins in {wait:.0f} seconds.")
    upload = ledger is None and bool(site.settings.collector.url)
    file = ledger or Path("daicho.sqlite")
    ran = run_into_logbook(site, wait) if upload else run_into_ledger(site, file, wait)
    _show(console, _HEADS[language], [_row(one, language) for one in ran.seen if _is_look(one)])
    findings = _worth(ran.case, ran.seen) if ran.case else []
    for finding in findings:
        text = finding.text.ja if language == "ja" else finding.text.en
        console.print(plain(f"{'✗' if finding.against and finding.proven else '・'} {text}"), soft_wrap=True)
    _tell_place(ran, None if upload else file)
    raise typer.Exit(_tell(ran, findings))


def _waiting(at: str, site: Site) -> float:
    """Seconds until the time of day; raises Refusal for one that is none."""
    if not at:
        return 0.0
    now = clock_of(site).now()
    try:
        clock = datetime.strptime(at, "%H:%M").replace(tzinfo=now.tzinfo)
    except ValueError as error:
        raise Refusal(
            f"時刻「{at[:20]}」は 14:30 の形で書いてください。何も送信していません。",
            f"Write the time “{at[:20]}” like 14:30. Nothing was sent.",
        ) from error
    start = now.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)
    return ((start if start > now else start + timedelta(days=1)) - now).total_seconds()


def _worth(case: Case, seen: list[Observation]) -> list[Finding]:
    """Give what the looks of this run show, with all that the ledger knows beside them."""
    ids = {one.id for one in seen}
    judged = source_limits.judge(case, "network")
    return [finding for finding in judged.findings if ids.intersection(finding.observations)]


def _is_look(one: Observation) -> bool:
    return not any(one.of(FactKind.ACCESS_CONTROL))


def _show(console: Console, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for head in heads:
        table.add_column(head)
    for row in rows:
        table.add_row(*(plain(cell) for cell in row))
    console.print(table)


_ROLES = {
    "allowed": ("許可した側", "allowed"),
    "not_allowed": ("許可していない側", "not allowed"),
    "unlisted_mac": ("登録していない MAC", "unlisted MAC"),
}
_REACH = {
    "spoke": ("応答した", "answered"),
    "ended": ("受けて黙って切った", "took it, hung up"),
    "connected": ("接続だけできた", "connected, no word"),
    "refused": ("拒んだ", "refused"),
    "nothing": ("応答なし", "silent"),
}
_OUTCOME = {
    Outcome.HELD_BACK: ("送らなかった", "not sent"),
    Outcome.OUR_FAULT: ("こちらの故障", "our fault"),
}


def _row(one: Observation, language: str) -> tuple[str, ...]:
    place = 0 if language == "ja" else 1
    role = next(one.of(FactKind.ACCESS_SOURCE), "")
    reach = next(one.of(FactKind.ACCESS_REACH), "nothing")
    result = _OUTCOME.get(one.outcome, _REACH[reach])[place]
    result += "".join(f"（HTTP {status}）" for status in one.of(FactKind.HTTP_STATUS))
    if one.outcome in _OUTCOME:
        result += f": {one.reason}"
    address = next(one.of(FactKind.ACCESS_FROM), "").partition(" ")[0]
    return (
        one.address,
        f"{one.port}/{one.transport}",
        f"{_ROLES.get(role, (role, role))[place]} {address}",
        one.at.strftime("%H:%M:%S"),
        result,
    )


def _tell_place(ran: Ran, ledger: Path | None) -> None:
    if ledger is not None:
        say(f"台帳は {ledger} に保存しました。", f"The ledger is saved in {ledger}.")
    elif ran.waiting:
        say(
            f"{ran.waiting} 件の記録がまだ手元にあります。次に動いたときに送ります。",
            f"{ran.waiting} records are still here; they are sent when the agent runs again.",
        )
    else:
        say("台帳サーバーへ送りました。", "Everything was handed to the collector.")


def _tell(ran: Ran, findings: list[Finding]) -> int:
    """Say how it ended; gives the exit code."""
    if ran.scan is None or ran.scan.state != "complete":
        note = f"（{ran.scan.note}）" if ran.scan and ran.scan.note else ""
        say(
            f"試験は途中で終わりました{note}。作ったアドレスは残していません。見たものは保存されています。",
            "The test did not finish. Nothing made for it was left behind; what was seen is kept.",
        )
        return _UNFINISHED
    say(
        "2-(8) の判定は daicho check で見られます。",
        "daicho check shows what it is worth for item 2-(8).",
    )
    odd = any(one.outcome in _OUTCOME for one in ran.seen) or any(one.against for one in findings)
    return _SOMETHING_TO_SEE if odd or ran.waiting else 0
