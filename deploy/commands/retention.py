# SPDX-License-Identifier: Apache-2.0
"""`daicho retention`: what the rules in collector.toml let go of, and letting go of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.letting_go import OfFacility, rules_of, run_retention
from collector.settings import Settings, load_settings
from deploy.terminal import output, plain, say
from inventory_db.retention_run import LetGo
from inventory_db.tables import open_ledger

_KINDS = {
    "confirmations": ("「前と同じ」の記録", "confirmations"),
    "transcripts": ("応答の全文", "transcripts"),
    "journal": ("送ったものの記録", "journal"),
}


def command(
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "",
    apply: Annotated[bool, typer.Option("--apply", help="消す / let go")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="何が消えるかを示すだけ / only say what would go")
    ] = False,
) -> None:
    """保存期間を過ぎたものを、決まりどおりに消します / let go of what the rules say."""
    if apply == dry_run:
        raise Refusal(
            "何が消えるかを見るには --dry-run、消すには --apply のどちらか一方を付けてください。",
            "Give either --dry-run to see what would go, or --apply to let it go.",
        )
    settings = load_settings(config) if config else Settings()
    rules = rules_of(settings.retention)
    if rules.keep_all:
        say(
            "保存の決まり（collector.toml の [retention]）がないので、何も消しません。",
            "There is no rule ([retention] in collector.toml), so nothing goes.",
        )
        return
    engine = open_ledger(ledger or settings.ledger, create=False)
    try:
        found = run_retention(engine, datetime.now(UTC), rules, settings.age_limit, apply=apply)
    finally:
        engine.dispose()
    for one in found:
        _tell(one, apply)


def _tell(one: OfFacility, apply: bool) -> None:
    console = output()
    console.print(plain(f"施設 {one.facility} {one.name} / facility {one.facility}", "bold"), soft_wrap=True)
    for gone in one.gone:
        console.print(plain(_line(gone, apply)), soft_wrap=True)


def _line(gone: LetGo, apply: bool) -> str:
    ja, en = _KINDS[gone.kind]
    day = f"{gone.before:%Y-%m-%d}"
    done_ja, done_en = ("消しました", "let go") if apply else ("消えます", "would go")
    return (
        f"  {ja}: {day} より古い {len(gone.ids)} 件を{done_ja}。根拠なので残すもの {gone.kept} 件。"
        f" / {en}: {len(gone.ids)} older than {day} {done_en}, {gone.kept} stay as evidence."
    )
