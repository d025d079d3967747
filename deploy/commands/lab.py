# SPDX-License-Identifier: Apache-2.0
"""`daicho lab up|down|status|exec|settings`: the virtual hospital."""

import signal
from typing import Annotated

import typer

from deploy.lab.__main__ import main

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def command(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """仮想病院 up | down | status | exec | settings / the virtual hospital."""
    if arguments and arguments[0] == "exec":
        signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command inside, which then ends us
    raise typer.Exit(main(arguments or ["--help"]))
