# SPDX-License-Identifier: Apache-2.0
"""`daicho serve`: the collector and its pages, on loopback."""

import dataclasses
import socket
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from agent.refusal import Refusal
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
    _check_free(settings.host, settings.port)
    app = create_app(settings)
    where = f"http://{settings.host}:{settings.port}/"
    say(f"台帳の画面: {where} （終わるには Ctrl-C）", f"Ledger pages: {where} (Ctrl-C ends)")
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", server_header=False)
    say("画面を閉じました。台帳はそのまま残っています。", "The pages are closed. The ledger is kept.")


def _check_free(host: str, port: int) -> None:
    """Raise Refusal while another program holds the port; nothing listens here yet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refusal(
                f"{host} の {port} 番の口を開けません（{error.strerror}）。ほかのプログラムが使っています。"
                f"それを終えるか、--port {port + 1 if port < 65535 else 8001} のように別の番号を付けてください。",
                f"Port {port} of {host} cannot be opened ({error.strerror}): another program has it. "
                f"End that one, or choose another port with --port.",
            ) from error
