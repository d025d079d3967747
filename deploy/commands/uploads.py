# SPDX-License-Identifier: Apache-2.0
"""`daicho uploads list|retry`: what agents sent, what became of it, and trying again what failed."""

from datetime import UTC, datetime
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.refusal import Refusal
from deploy.console import tell
from deploy.terminal import say
from inventory_db import jobs, uploads
from inventory_db.agents import Engine
from inventory_db.audit import Action
from inventory_db.facilities import bind, find_facility
from inventory_db.tables import open_ledger, writing
from inventory_db.uploads import State, TakenUpload

_COLUMNS = (
    "受信\nreceived",
    "エージェント\nagent",
    "新規\nnew",
    "既知\nknown",
    "状態\nstate",
    "機器\ndevices",
)
_STATES = {
    State.QUEUED: "反映待ち\nQUEUED",
    State.RECONCILED: "反映済み\nRECONCILED",
    State.NO_CHANGES: "変化なし\nNO_CHANGES",
    State.FAILED: "失敗、再試行\nFAILED",
}


def command(
    action: Annotated[str, typer.Argument(help="list | retry")],
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "daicho.sqlite",
    facility: Annotated[str, typer.Option(help="施設の見出しか番号 / key or number of the facility")] = "1",
    most: Annotated[int, typer.Option(help="新しい方から何件 / how many, newest first")] = 50,
) -> None:
    """エージェントから届いた記録と、台帳への反映 / what agents uploaded, and what became of it."""
    if action not in ("list", "retry"):
        raise Refusal(
            f"「{action[:40]}」はできません。list か retry を書いてください。",
            f"“{action[:40]}” is not known. Write list or retry.",
        )
    engine = open_ledger(ledger, create=False)
    try:
        own = _facility(engine, facility)
        code = _list(own, max(most, 1)) if action == "list" else _retry(own)
    finally:
        engine.dispose()
    if code:
        raise typer.Exit(code)


def _facility(engine: Engine, wanted: str) -> Engine:
    with engine.connect() as connection:
        found = find_facility(connection, int(wanted) if wanted.isdigit() and len(wanted) < 9 else wanted)
    if found is None:
        raise Refusal(
            f"施設「{wanted[:40]}」はありません。見出しか番号を確かめてください。",
            f"There is no facility “{wanted[:40]}”. Check its key or number.",
        )
    return bind(engine, found.id)


def _list(engine: Engine, most: int) -> int:
    """Show them; gives 1 where something failed."""
    with engine.connect() as connection:
        found, counts = uploads.list_uploads(connection, most=most), uploads.count_states(connection)
    table = Table(title="届いた記録 / uploads", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap=True)
    for one in found:
        table.add_row(*(Text(cell) for cell in _row(one)))
    Console(highlight=False).print(table)
    summary = "、".join(f"{state.value} {counts[state]}" for state in State if state in counts) or "0"
    for why in dict.fromkeys(one.reason for one in found if one.reason.ja):
        say(why.ja, why.en)
    say(f"状態ごとの件数: {summary}", f"By state: {summary.replace('、', ', ')}")
    return 1 if State.FAILED in counts else 0


def _row(one: TakenUpload) -> tuple[str, ...]:
    changed = "" if one.devices is None else str(one.devices)
    new = str(one.observations + one.sent)
    return (
        f"{one.received.astimezone():%m-%d %H:%M:%S}",
        one.agent,
        new,
        str(one.known),
        _STATES[one.state],
        changed,
    )


def _retry(engine: Engine) -> int:
    """Derive the devices at once, here; gives 1 if it failed again."""
    now = datetime.now(UTC)
    with writing(engine) as connection:
        waiting = jobs.retry(connection, now)
        tell(connection, Action.CHANGE, "uploads", "retry", {"waiting": waiting})
    worker, state = "console", State.NO_CHANGES
    while job := jobs.claim(engine, worker, datetime.now(UTC)):
        state = jobs.carry_out(engine, job, worker, lambda: datetime.now(UTC))
        if state is State.FAILED:
            say(
                "台帳への反映にまた失敗しました。理由は daicho uploads list で見られます。記録は保存済みです。",
                "It failed again; daicho uploads list shows why. The records are stored.",
            )
            return 1
    say(
        f"反映を待っていた {waiting} 件を台帳に反映しました（動いている台帳サーバーが行う場合もあります）。",
        f"{waiting} waiting upload(s) entered the ledger (or do so now in a collector that is running).",
    )
    return 0
