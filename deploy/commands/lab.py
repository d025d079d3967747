# SPDX-License-Identifier: Apache-2.0
"""`daicho lab up|down|status|exec|settings`: the virtual hospital."""

from typing import Annotated

import typer

from deploy.lab.__main__ import main

SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


def command(arguments: Annotated[list[str] | None, typer.Argument()] = None) -> None:
    """仮想病院 up | down | status | exec | settings / the virtual hospital."""
    raise typer.Exit(main(arguments or ["--help"]))
