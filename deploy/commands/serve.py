# SPDX-License-Identifier: Apache-2.0
"""`daicho serve`: the collector and its pages, on loopback."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from collector.app import create_app
from collector.settings import Settings, load_settings
from deploy.terminal import say


def command(
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "",
    port: Annotated[int, typer.Option(help="口の番号 / port")] = 0,
) -> None:
    """台帳の画面を開きます / serve the ledger's pages."""
    settings = load_settings(config) if config else Settings()
    settings = dataclasses.replace(settings, ledger=ledger or settings.ledger, port=port or settings.port)
    app = create_app(settings)
    where = f"http://{settings.host}:{settings.port}/"
    say(f"台帳の画面: {where} （終わるには Ctrl-C）", f"Ledger pages: {where} (Ctrl-C ends)")
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", server_header=False)
