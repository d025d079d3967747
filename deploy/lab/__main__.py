# SPDX-License-Identifier: Apache-2.0
"""`daicho lab up|down|status|exec|settings`, also as `python -m deploy.lab …`."""

import argparse
import os
import sys
from pathlib import Path

from deploy.lab import lab
from deploy.lab.errors import LabError, LabUnavailable
from deploy.lab.settings_file import agent_toml

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run one command; exit codes as everywhere: 0 done, 1 nothing there, 2 bad input, 3 not permitted."""
    asked = _parser().parse_args(arguments)
    try:
        return int(asked.run(asked))
    except LabUnavailable as error:
        print(error, file=sys.stderr)
        return 3
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="daicho lab", description="仮想病院 / the virtual hospital")
    commands = parser.add_subparsers(required=True)
    up = commands.add_parser("up", help="始める / start it")
    up.add_argument("layout", nargs="?", default="hospital")
    up.add_argument(
        "--die-with", type=int, metavar="PID", help="この番号のプロセスと共に終わる / end with this process"
    )
    up.set_defaults(run=_up)
    commands.add_parser("down", help="止める / stop it").set_defaults(run=_down)
    commands.add_parser("status", help="状態 / what is up").set_defaults(run=_status)
    execute = commands.add_parser("exec", help="機器のネットワークで実行 / run in a host's network")
    execute.add_argument(
        "--inside", action="store_true", help="機器の中のプログラムを / a program of the host itself"
    )
    execute.add_argument("host")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    execute.set_defaults(run=_execute)
    settings = commands.add_parser("settings", help="この病院の agent.toml を書く / write its agent.toml")
    settings.add_argument("file", type=Path)
    settings.add_argument("--layout", default="hospital")
    settings.set_defaults(run=_settings)
    return parser


def _up(asked: argparse.Namespace) -> int:
    found = lab.up(asked.layout, die_with=asked.die_with, say=lambda line: print(line, file=sys.stderr))
    print(
        f"仮想病院「{found.layout.name}」が動いています（{len(found.hosts)} 台）。止めるには `daicho lab down`。"
    )
    print(
        f"The virtual hospital '{found.layout.name}' is up ({len(found.hosts)} hosts); stop: `daicho lab down`."
    )
    return 0


def _down(_asked: argparse.Namespace) -> int:
    ended = lab.down()
    print(
        "仮想病院を片付けました。 / The virtual hospital is gone."
        if ended
        else "動いていませんでした。 / Nothing was up."
    )
    return 0


def _status(_asked: argparse.Namespace) -> int:
    found = lab.status()
    if not found.up:
        print("動いていません。 / Nothing is up.")
        return 1
    print(f"{found.layout}: {len(found.hosts)} 台 / hosts: {' '.join(found.hosts)}")
    for line in found.ended:
        print(f"終わった / ended: {line}")
    return 1 if found.ended else 0


def _settings(asked: argparse.Namespace) -> int:
    """Write the file for its owner only: it holds credentials."""
    handle = os.open(asked.file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(agent_toml(asked.layout))
    return 0


def _execute(asked: argparse.Namespace) -> int:
    command = asked.command[1:] if asked.command[:1] == ["--"] else asked.command
    return lab.execute(asked.host, command, inside=asked.inside)


if __name__ == "__main__":
    sys.exit(main())
