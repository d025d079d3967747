# SPDX-License-Identifier: Apache-2.0
"""`daicho load KIND FILE…`: files that people bring into the ledger; each kind is one file of deploy/loading."""

import typer

from deploy import loading
from deploy.by_place import check_word, load_from, names_in


def group(wanted: str) -> typer.Typer:
    """Make the command's own line of commands: the one kind that is wanted, or all; raises Refusal."""
    check_word(wanted, names_in(loading), "読み込む種類", "kind")
    app = typer.Typer(
        no_args_is_help=True,
        help="ファイルを台帳に読み込みます / load a file into the ledger",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, module in load_from(loading, wanted, "daicho load").items():
        app.command(name=name, context_settings=getattr(module, "SETTINGS", None))(module.command)
    return app


def _root() -> None:
    pass
