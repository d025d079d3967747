# SPDX-License-Identifier: Apache-2.0
"""`daicho lab`: the virtual hospital."""

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from deploy.lab import lab, settings_file
from deploy.lab.errors import LabError
from deploy.terminal import complain, say

app = typer.Typer(help="仮想病院 / the virtual hospital", no_args_is_help=True)


@app.command()
def up(
    layout: Annotated[str, typer.Argument(help="配置 / layout")] = "hospital",
    die_with: Annotated[int, typer.Option(help="この処理が終われば終わる / end with this process")] = 0,
) -> None:
    """仮想病院を建てます / build it."""
    try:
        made = lab.up(layout, die_with=die_with or None, say=say)
    except LabError as error:
        _refuse(error)
    say(
        f"仮想病院が動いています（{len(made.hosts)} 台）。",
        f"The virtual hospital is up ({len(made.hosts)} hosts).",
    )


@app.command()
def down() -> None:
    """仮想病院を片付けます / tear it down."""
    was_up = lab.down()
    say(*(("片付けました。", "Torn down.") if was_up else ("動いていませんでした。", "It was not up.")))


@app.command()
def status() -> None:
    """仮想病院の様子 / how it is."""
    now = lab.status()
    Console(highlight=False).print(now)
    raise typer.Exit(0 if now.up and not now.ended else 1)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def execute(context: typer.Context, host: str) -> None:
    """機器の網の中で命令を実行します / run a command of this machine in a host's network."""
    try:
        raise typer.Exit(lab.execute(host, context.args))
    except LabError as error:
        _refuse(error)


@app.command()
def settings(
    out: Annotated[Path, typer.Argument(help="書く先 / file")],
    layout: Annotated[str, typer.Option(help="配置 / layout")] = "hospital",
) -> None:
    """この病院の agent.toml を書きます / write this hospital's agent.toml."""
    text = settings_file.agent_toml(layout)
    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _refuse(error: LabError) -> None:
    ja, _, en = str(error).partition(" / ")
    complain(ja, en)
    raise typer.Exit(3)
