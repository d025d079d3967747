# SPDX-License-Identifier: Apache-2.0
"""`daicho agents code|list|revoke`: who may upload to this collector."""

import sys
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent.refusal import Refusal
from deploy.console import tell
from deploy.terminal import say
from inventory_db import agents
from inventory_db.agents import Agent, Engine
from inventory_db.audit import Action
from inventory_db.tables import open_ledger, writing

_MOST_HOURS = 24 * 30
_COLUMNS = (
    "番号\nid",
    "名前\nname",
    "登録\nenrolled",
    "最後の連絡\nlast seen",
    "時計\nclock",
    "状態\nstate",
)


def command(
    action: Annotated[str, typer.Argument(help="code | list | revoke")],
    what: Annotated[str, typer.Argument(help="code: 名前 / name, revoke: 番号 / id")] = "",
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "daicho.sqlite",
    hours: Annotated[float, typer.Option(help="コードの有効時間 / hours that a code is valid")] = 24.0,
    yes: Annotated[bool, typer.Option("--yes", help="revoke: 尋ねずに取り消す / without asking")] = False,
) -> None:
    """エージェントの登録コード・一覧・取り消し / enrolment codes, list and revocation of agents."""
    _check(action, what, hours)
    engine = open_ledger(ledger, create=False)
    try:
        if action == "code":
            _make_code(engine, what, hours)
        elif action == "list":
            _list(engine)
        else:
            _revoke(engine, what, sure=yes)
    finally:
        engine.dispose()


def _check(action: str, what: str, hours: float) -> None:
    if action not in ("code", "list", "revoke"):
        raise Refusal(
            f"「{action[:40]}」はできません。code 名前、list、revoke 番号 のどれかを書いてください。",
            f"“{action[:40]}” is not known. Write one of: code NAME, list, revoke ID.",
        )
    if bool(what.strip()) == (action == "list"):
        raise Refusal(
            "書き方が違います。daicho agents code 名前、daicho agents list、daicho agents revoke 番号 です。",
            "Write daicho agents code NAME, daicho agents list, or daicho agents revoke ID.",
        )
    if not 0 < hours <= _MOST_HOURS:
        raise Refusal(
            f"--hours は 0 より大きく {_MOST_HOURS} までにしてください。",
            f"--hours must be more than 0 and at most {_MOST_HOURS}.",
        )


def _make_code(engine: Engine, name: str, hours: float) -> None:
    with writing(engine) as connection:
        code = agents.create_enrolment(connection, name.strip(), timedelta(hours=hours))
        tell(connection, Action.INVITE, "agent", name.strip(), {"hours": hours})
    sys.stdout.write(code + "\n")
    say(
        f"{hours:g} 時間以内に1回だけ使えます。控えは残りません。エージェントで: daicho agent --config agent.toml --enrol {code}",
        f"Good once, within {hours:g} hours; it is kept nowhere. On the agent: daicho agent --config agent.toml --enrol {code}",
    )


def _list(engine: Engine) -> None:
    with engine.connect() as connection:
        known = agents.list_agents(connection)
    table = Table(title="エージェント / agents", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for name in _COLUMNS:
        table.add_column(name, overflow="fold", no_wrap="名前" not in name)
    for agent in known:
        table.add_row(*(Text(cell) for cell in _row(agent)))
    Console(highlight=False).print(table)


def _row(agent: Agent) -> tuple[str, ...]:
    skew = "" if agent.skew is None else f"{agent.skew.total_seconds():+.0f} s"
    state = "取り消し\nrevoked" if agent.revoked else "有効\nactive"
    return agent.id, agent.name, _local(agent.enrolled), _local(agent.last_seen), skew, state


def _local(moment: datetime | None) -> str:
    return moment.astimezone().strftime("%Y-%m-%d %H:%M") if moment else "-"


def _revoke(engine: Engine, id: str, *, sure: bool) -> None:
    with writing(engine) as connection:
        found = agents.find_agent(connection, id)
        if found is None:
            raise Refusal(
                f"番号「{id[:40]}」のエージェントはありません。daicho agents list で確かめてください。",
                f"There is no agent “{id[:40]}”. See daicho agents list.",
            )
        if not sure:
            raise Refusal(
                f"{found.name} の鍵を取り消すと、この先は記録を送れません。元には戻せず、使うには登録をやり直します。よければ --yes を付けて、もう一度打ってください。まだ取り消していません。",
                f"Without its key {found.name} cannot upload any more. It cannot be undone; to use it, it has to be enrolled again. To do so, add --yes. Nothing was revoked yet.",
            )
        agents.revoke(connection, id, datetime.now(UTC))
        tell(connection, Action.AGENT_REVOKED, "agent", id, {"name": found.name})
    say(
        f"{found.name} の登録を取り消しました。届いた記録は残ります。",
        f"{found.name} is revoked; what it has uploaded stays.",
    )
