# SPDX-License-Identifier: Apache-2.0
"""`daicho doctor`: what this machine can do."""

import json
from typing import Annotated

import typer

from deploy.doctor import examine
from deploy.terminal import output, plain


def command(as_json: Annotated[bool, typer.Option("--json", help="JSON で / as JSON")] = False) -> None:
    """この機械でできることを調べます / what this machine can do."""
    findings, console = examine(), output()
    if as_json:
        text = json.dumps([finding.as_json() for finding in findings], ensure_ascii=False, indent=1)
        console.out(text, highlight=False)
    else:
        for finding in findings:
            mark = "○" if finding.ok else "×"
            console.print(plain(f"{mark} {finding.name}: {finding.ja}", "" if finding.ok else "yellow"))
            if finding.en != finding.ja:
                console.print(plain(f"  {finding.en}", "dim"))
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)
