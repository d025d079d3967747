# SPDX-License-Identifier: Apache-2.0
"""A real collector on a free loopback port, and a real Chromium that looks at it."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload
from tests.browser.serving import serving
from tests.browser.story import Story
from tests.browser.story_site import StorySite
from tests.signed_in import COOKIE, sign_in

_QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--no-first-run",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)


visitors: dict[Role, str] = {}  # the session cookie of a person with each role, while the site runs


def visit(browser: Browser, site: str, role: Role | None = Role.OPERATOR, **more: Any) -> BrowserContext:
    """Give a window of the browser in which somebody with this role is signed in."""
    context = browser.new_context(**more)
    if role is not None:
        context.add_cookies([{"name": COOKIE, "value": visitors[role], "url": site}])
    return context


@pytest.fixture(scope="session")
def ledger_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger filled with the small hospital; DAICHO_LEDGER names another, of which a copy is shown."""
    path = tmp_path_factory.mktemp("ledger") / "hospital.sqlite"
    if given := os.environ.get("DAICHO_LEDGER", ""):
        shutil.copyfile(given, path)
        return path
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def site(ledger_file: Path) -> Iterator[str]:
    """The address of a running collector."""
    folder = str(ledger_file.parent / "state")
    app = create_app(Settings(ledger=str(ledger_file), facility="東山台病院", state_folder=folder))
    visitors.update({role: sign_in(app.state.engine, role, name="鈴木一郎") for role in Role})
    with serving(app) as address:
        yield address


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


@pytest.fixture
def story(browser: Browser, tmp_path: Path) -> Iterator[Story]:
    """A collector that nobody has used yet, and nobody there."""
    with StorySite(tmp_path) as site:
        one = Story(browser, site)
        yield one
        for person in one.people:
            person.leave()
