# SPDX-License-Identifier: Apache-2.0
"""The `daicho` command.

Exit codes: 0 done, 1 done but with something a person must look at, 2 wrong use or bad input,
3 not permitted, 4 could not finish (what was seen is kept).
Only the module of the command that is called is loaded, so that an agent needs no web server
and a collector no packet library.
"""

import importlib
import pkgutil
import sys

import typer

from deploy import commands
from deploy.terminal import complain

_WRONG_USE, _NOT_PERMITTED, _UNFINISHED = 2, 3, 4


def command_line(wanted: str = "") -> typer.Typer:
    """Make the command line: with the one command that is wanted, or with all of them."""
    names = [info.name for info in pkgutil.iter_modules(commands.__path__)]
    app = typer.Typer(
        add_completion=False,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        help="台帳: 院内網の機器と外からの道を調べ、機器台帳を作ります / learns what is on a hospital's network",
    )
    app.callback()(_root)
    for name in [wanted] if wanted in names else names:
        module = importlib.import_module(f"deploy.commands.{name}")
        app.command(name=name, context_settings=getattr(module, "SETTINGS", None))(module.command)
    return app


def _root() -> None:
    pass


def main() -> None:
    """Run the command line; a refusal becomes two sentences and an exit code, never a traceback."""
    try:
        command_line(sys.argv[1] if len(sys.argv) > 1 else "")()
    except KeyboardInterrupt:
        complain("中断しました。見たものは保存されています。", "Interrupted. What was seen is kept.")
        sys.exit(_UNFINISHED)
    except Exception as error:
        if not (hasattr(error, "ja") and hasattr(error, "en")):
            raise
        complain(error.ja, error.en)
        sys.exit(_WRONG_USE if getattr(error, "permitted", True) else _NOT_PERMITTED)
