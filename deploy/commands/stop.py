# SPDX-License-Identifier: Apache-2.0
"""`daicho stop`: the stop switch of the agent on this machine."""

import getpass
import os
from pathlib import Path
from typing import Annotated

import typer

from agent.clock import SystemClock
from agent.settings import find_zone
from agent.state_folder import find_state_folder
from agent.stop_switch import Stop, StopSwitch
from deploy.site import read_site
from deploy.terminal import say

_SOMETHING_TO_SEE = 1


def command(
    config: Annotated[Path, typer.Option(help="agent.toml")],
    why: Annotated[str, typer.Option(help="理由 / why, for those who come later")] = "",
    lift: Annotated[bool, typer.Option("--lift", help="停止を解く / let it scan again")] = False,
    show: Annotated[bool, typer.Option("--show", help="状態を見るだけ / only say how it stands")] = False,
) -> None:
    """この機械のエージェントの送信を1秒以内に止めます / stops the agent here within a second."""
    site = read_site((), config)
    switch = StopSwitch(find_state_folder(site.settings.state_folder, os.environ))
    if show:
        raise typer.Exit(_show(switch))
    if lift:
        was = switch.turn_off()
        say(*(_LIFTED if was else _NOT_STOPPED))
        return
    now = SystemClock(find_zone(site.settings.schedule.time_zone)).now()
    switch.turn_on(Stop(_who(), now, why[:500]))
    say(*_STOPPED)


def _show(switch: StopSwitch) -> int:
    """Say how it stands; 1 when it is stopped."""
    stop = switch.read()
    if stop is None:
        say(*_NOT_STOPPED)
        return 0
    reason = f"「{stop.why}」" if stop.why else "—"
    say(
        f"停止中です（{stop.at:%Y-%m-%d %H:%M}、{stop.who}、理由 {reason}）。--lift で解きます。",
        f"Stopped since {stop.at:%Y-%m-%d %H:%M} by {stop.who}, because: {stop.why or '—'}. --lift lets it scan again.",
    )
    return _SOMETHING_TO_SEE


def _who() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return str(os.getuid())


_STOPPED = (
    "止めました。動いている調べは1秒以内に終わり、見たものは残ります。--lift を付けて実行するまで、再起動しても何も送りません。",
    "Stopped. A running scan ends within a second, what was seen is kept; nothing is sent, after a restart neither, until "
    "you run this with --lift.",
)
_LIFTED = (
    "停止を解きました。次の予定から調べます（途中だった調べは、その続きから）。",
    "Lifted. It scans again at its next start, an interrupted scan from where it was.",
)
_NOT_STOPPED = ("停止していません。", "It is not stopped.")
