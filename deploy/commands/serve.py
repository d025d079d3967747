# SPDX-License-Identifier: Apache-2.0
"""`daicho serve`: the collector and its pages."""

import contextlib
import dataclasses
import os
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from agent.refusal import Refusal
from collector.app import create_app
from collector.certificate import Certificate, find_certificate
from collector.documents.pack_key import key_folder
from collector.logs import start_logs
from collector.notices.postman import Postman, channels
from collector.sections import is_loopback
from collector.serving import MOST_WAITING, server_config
from collector.settings import Settings, load_settings
from collector.warming import warming
from deploy import interrupts
from deploy.forecast import forecast
from deploy.garbage import collect_rarely
from deploy.page_address import page_address
from deploy.structures import know_structures
from deploy.terminal import say
from inventory_db.binding import every
from inventory_db.condition import newest_backup
from inventory_db.invitations import setup_link
from inventory_db.tables import open_ledger


def command(
    config: Annotated[Path | None, typer.Option(help="collector.toml")] = None,
    ledger: Annotated[str, typer.Option(help="台帳ファイルか URL / ledger file or URL")] = "",
    port: Annotated[int, typer.Option(help="口の番号 / port")] = 0,
) -> None:
    """台帳の画面を開きます / serve the ledger's pages."""
    settings = load_settings(config) if config else Settings()
    settings = dataclasses.replace(settings, ledger=ledger or settings.ledger, port=port or settings.port)
    _check_free(settings.host, settings.port)
    certificate = _certificate(settings)
    app = create_app(settings, forecast)
    where = page_address(settings)
    say(f"台帳の画面: {where} （終わるには Ctrl-C）", f"Ledger pages: {where} (Ctrl-C ends)")
    offer_setup(settings, where)
    start_logs(settings.log_format)  # on a terminal warnings only: the first link must stay in sight
    with interrupts.waiting():
        know_structures()
    collect_rarely()
    server = uvicorn.Server(server_config(app, settings.host, settings.port, certificate))
    with (
        contextlib.suppress(KeyboardInterrupt),
        _notices(settings, certificate),
        app.state.jobs.running(),
        app.state.chores.running(),
        app.state.log_keeper.running(),
        warming(app.state.engine),
    ):
        server.run()
    if not server.started:
        raise typer.Exit(4)
    say("画面を閉じました。台帳はそのまま残っています。", "The pages are closed. The ledger is kept.")


@contextlib.contextmanager
def _notices(settings: Settings, certificate: Certificate | None) -> Iterator[None]:
    """Carry notices out beside the server, where the settings name a way for them."""
    if not channels(settings):
        yield
        return
    folder = key_folder(settings.state_folder, os.environ)
    engine = open_ledger(settings.ledger)
    postman = Postman(
        engine, settings, folder, lambda: datetime.now(UTC), certificate, lambda: newest_backup(every(engine))
    )
    stop = threading.Event()
    thread = threading.Thread(target=postman.run, args=(stop,), name="notices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(MOST_WAITING)
        postman.engine.dispose()


def _certificate(settings: Settings) -> Certificate | None:
    """Give what TLS needs; None on loopback without a certificate, and behind a proxy that has one."""
    wanted = settings.tls.certificate or not (is_loopback(settings.host) or settings.behind_proxy)
    if not wanted:
        return None
    found = find_certificate(settings, key_folder(settings.state_folder, os.environ), datetime.now(UTC))
    if found.self_signed:
        say(
            f"証明書の指紋（SHA-256）: {found.fingerprint}\nagent.toml の [collector] に fingerprint として書いてください。"
            "ブラウザーの警告では、この指紋と同じかを確かめてください。",
            f"Fingerprint of the certificate (SHA-256): {found.fingerprint}\nWrite it as fingerprint under [collector] "
            "in agent.toml, and compare it where a browser warns.",
        )
    if found.days_left(datetime.now(UTC)) < 0:
        say(
            "証明書の期限が切れています。daicho certificate renew で作り直すか、認証局から新しいものを受け取ってください。",
            "The certificate has run out. Run daicho certificate renew, or get a new one from your authority.",
        )
    return found


def offer_setup(settings: Settings, where: str) -> None:
    """While nobody has an account, print the link of the first administrator: a new one at each start."""
    engine = open_ledger(settings.ledger)
    try:
        word = setup_link(engine, datetime.now(UTC))
    finally:
        engine.dispose()
    if word:
        say(
            f"まだ誰も登録されていません。最初の管理者になる人が、1時間以内にこのリンクを開いてください（1回だけ使えます）。\n"
            f"{where}setup/{word}\n"
            "過ぎたときは、daicho serve を始め直すと新しいリンクが出ます。",
            "Nobody is registered yet. Let the first administrator open the link above within an hour; it works once. "
            "Later, start daicho serve again for a new one.",
        )


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
