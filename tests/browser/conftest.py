# SPDX-License-Identifier: Apache-2.0
"""A real collector on a free loopback port, and a real Chromium that looks at it."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, sync_playwright

from collector.app import create_app
from collector.settings import Settings
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger filled with the small hospital."""
    path = tmp_path_factory.mktemp("ledger") / "hospital.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def site(ledger_file: Path) -> Iterator[str]:
    """The address of a running collector; DAICHO_SITE names one that runs already."""
    running = os.environ.get("DAICHO_SITE", "")
    if running:
        yield running.rstrip("/")
        return
    app = create_app(Settings(ledger=str(ledger_file), facility="東山台病院"))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", server_header=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the collector did not start"
        assert time.monotonic() < deadline, "the collector did not start in 20 s"
        time.sleep(0.02)  # a real server starts on a real clock
    (socket, *_) = server.servers[0].sockets
    yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, headless, talking to nobody but us."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium on this machine (apt-get install chromium)")
    flags = [*_QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=flags)
        yield chromium
        chromium.close()
