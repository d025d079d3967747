# SPDX-License-Identifier: Apache-2.0
"""A collector with two facilities for the tests of the API; somebody of each role, at home and next door."""

import atexit
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload
from tests.ledger_copies import copy_ledger
from tests.signed_in import as_role

API = "/api/v1"
JSON = {"content-type": "application/json"}


def fill(engine: Engine) -> None:
    """Put the small hospital of the browser tests into a facility."""
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)


@cache
def _filled() -> Path:
    """The ledger that each site begins with; it goes with the process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name, "filled.sqlite")
    engine = open_ledger(path)
    fill(engine)
    engine.dispose()
    return path


@dataclass(frozen=True)
class Site:
    """A running collector and what a test needs of it."""

    app: FastAPI
    engine: Engine
    client: TestClient

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"{API}{path}", **more)

    def devices(self) -> dict[str, Any]:
        """Each device by its first IP address."""
        found = self.get("/ledger").json()["devices"]
        return {device["addresses"][0]["ip"]: device for device in found}


def make_site(folder: Path) -> Site:
    """Make a collector on a ledger of its own, with the small hospital in its first facility."""
    path = folder / "ledger.sqlite"
    copy_ledger(_filled(), path)
    engine = open_ledger(path)
    app = create_app(Settings(ledger=str(path)))
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    return Site(app, engine, as_role(client, engine, Role.ADMINISTRATOR, name="鈴木一郎"))
