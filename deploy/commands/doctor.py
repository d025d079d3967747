# SPDX-License-Identifier: Apache-2.0
"""`daicho doctor`: what this machine can do."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deploy.doctor import examine


def command(as_json: Annotated[bool, typer.Option("--json", help="JSON で / as JSON")] = False) -> None:
    """この機械でできることを調べます / what this machine can do."""
    findings = examine()
    console = Console(highlight=False)
    if as_json:
        console.print_json(json.dumps([finding.as_json() for finding in findings], ensure_ascii=False))
        raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
    table = Table(title="診断 / doctor")
    for name in ("", "項目 / what", "日本語", "English"):
        table.add_column(name, overflow="fold")
    for finding in findings:
        table.add_row("○" if finding.ok else "×", *(Text(t) for t in (finding.name, finding.ja, finding.en)))
    console.print(table)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
