# SPDX-License-Identifier: Apache-2.0
"""`daicho changes`: what differs since a day, and what is still the same."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.changed import changed_json, read_changed
from collector.settings import Settings
from deploy.changes_table import print_changed
from deploy.moment import read_moment, read_start
from deploy.terminal import check_language, output
from inventory_db.tables import open_ledger

_FORMATS = ("table", "json")
_PLACE = Settings()


def command(
    since: Annotated[str, typer.Option(help="この日の始めから / from the start of this day, 2026-04-01")],
    until: Annotated[
        str, typer.Option(help="この日の終わりまで / to the end of this day（省くと今 / now）")
    ] = "",
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    form: Annotated[str, typer.Option("--format", help=" | ".join(_FORMATS))] = "table",
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the table")] = "ja",
) -> None:
    """ある日からの変化を示します / show what changed since a day."""
    language = check_language(lang)
    start, end = _period(since, until)
    if form not in _FORMATS:
        raise Refusal(
            f"形式「{form[:40]}」はありません。{'、'.join(_FORMATS)} から選んでください。",
            f"There is no format “{form[:40]}”. Choose one of {', '.join(_FORMATS)}.",
        )
    with open_ledger(ledger, create=False).connect() as connection:
        changed = read_changed(connection, start, end, end if until else None)
    if form == "json":
        sys.stdout.write(json.dumps(changed_json(changed), ensure_ascii=False, indent=1) + "\n")
        return
    print_changed(output(), changed, language, _PLACE.zone)


def _period(since: str, until: str) -> tuple[datetime, datetime]:
    start, end = read_start(since, _PLACE.zone), read_moment(until, _PLACE.zone) or datetime.now(UTC)
    if start is None:
        raise Refusal(
            "いつからの変化かがありません。--since 2026-04-01 のように書いてください。",
            "The day to start from is missing. Write --since 2026-04-01.",
        )
    if start >= end:
        raise Refusal(
            f"始め（{since[:40]}）が終わり（{until[:40] or '今'}）より後です。日付を入れ替えるか、--since を早い日にしてください。",
            f"The start ({since[:40]}) lies after the end ({until[:40] or 'now'}). Swap the dates or take an earlier --since.",
        )
    return start, end
