# SPDX-License-Identifier: Apache-2.0
"""`daicho doctor`: what this machine can do; with `--config`, how the collector stands."""

import json
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from deploy.doctor import Finding, examine
from deploy.terminal import output, plain


def command(
    as_json: Annotated[bool, typer.Option("--json", help="JSON で / as JSON")] = False,
    config: Annotated[
        Path | None, typer.Option(help="collector.toml: 台帳サーバーを点検 / look at the collector")
    ] = None,
    mail: Annotated[
        bool, typer.Option("--mail", help="メールサーバーにもつないでみる / connect to the mail server, too")
    ] = False,
) -> None:
    """この機械でできること、または台帳サーバーの様子を調べます / what this machine can do, or how the collector stands."""
    findings, console = _examine(config, mail), output()
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


def _examine(config: Path | None, mail: bool) -> tuple[Finding, ...]:
    if config is None:
        if mail:
            raise Refusal(
                "--mail は --config collector.toml と一緒に書いてください。",
                "Write --mail together with --config collector.toml.",
            )
        return examine()
    from deploy.collector_doctor import examine_collector  # noqa: PLC0415 - an agent's machine has no collector

    return examine_collector(config, mail=mail)
