# SPDX-License-Identifier: Apache-2.0
"""The doors alone, on a ledger of the test's own and under a clock of the test's own."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.datastructures import Headers
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.doors import Doors
from collector.rendering import Renderer
from collector.security import Doorkeeper
from collector.settings import Settings
from collector.ways_in import routers
from inventory_db import passwords
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.memberships import Membership, grant
from inventory_db.passwords import hash_password

NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)
GOOD = "mizuumi to kawa no aida"
OTHER = "yama no mukou no machi"
HOST = "localhost"


@dataclass
class Clock:
    """A clock that only tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Site:
    """Doors on one ledger; several may stand on the same."""

    engine: Engine
    folder: Path
    clock: Clock = field(default_factory=Clock)
    settings: dict[str, Any] = field(default_factory=dict)
    _made: FastAPI | None = None

    def app(self) -> FastAPI:
        settings = Settings(state_folder=str(self.folder), **self.settings)
        renderer = Renderer(settings)
        app = FastAPI(openapi_url=None)
        app.add_middleware(
            Doorkeeper,
            allowed_hosts=settings.allowed_hosts,
            refuse=lambda scope, status: renderer.trouble(None, Headers(scope=scope), status),
        )
        for one in routers(Doors(settings, self.engine, renderer, self.clock)):
            app.include_router(one)
        app.add_api_route("/", lambda: PlainTextResponse("in"))
        return app

    def _ready(self) -> FastAPI:
        if self._made is None:
            self._made = self.app()
        return self._made

    def browser(self, scheme: str = "http", address: str = "192.0.2.1") -> "Browser":
        client = TestClient(
            self._ready(), base_url=f"{scheme}://{HOST}", follow_redirects=False, client=(address, 5000)
        )
        return Browser(client)

    def person(
        self,
        login: str,
        role: Role = Role.OPERATOR,
        facility: int = 1,
        *,
        hashed: str | None = None,
        **more: Any,
    ) -> Membership:
        with changing(self.engine) as c:
            made = create_account(c, login, f"{login}さん", hashed or known_hash(), self.clock.now)
            return grant(c, made.id, facility, role, self.clock.now, **more)


_hashes: list[str] = []


def known_hash() -> str:
    """The hash of GOOD, computed once."""
    if not _hashes:
        _hashes.append(hash_password(GOOD))
    return _hashes[0]


@dataclass
class Browser:
    """A client that reads the token of the page's form before it sends one, as a browser does."""

    client: TestClient

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def send(self, path: str, page: str = "", *, headers: dict[str, str] | None = None, **form: Any) -> Any:
        """Open `page` (or `path`), take its token and send the form to `path`."""
        shown = self.client.get(page or path)
        (token, *_) = re.findall(r'name="token" value="([^"]+)"', shown.text) or [""]
        return self.post(path, token, headers=headers, **form)

    def post(self, path: str, token: str, *, headers: dict[str, str] | None = None, **form: Any) -> Any:
        ours = {"Origin": str(self.client.base_url).rstrip("/")} | (headers or {})
        return self.client.post(path, data={"token": token, **form}, headers=ours)

    def log_in(self, login: str, password: str = GOOD) -> Any:
        return self.send("/login", login=login, password=password)

    def bring(self, value: str, name: str = "daicho_session") -> None:
        """Put a cookie into the jar as if the site had set it."""
        self.client.cookies.set(name, value, domain=f"{HOST}.local", path="/")

    @property
    def session(self) -> str:
        names = ("__Host-daicho_session", "daicho_session")
        return next((value for name in names if (value := self.client.cookies.get(name))), "")


@pytest.fixture
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes of little work: what they cost is the matter of tests/test_signing_in.py."""
    with monkeypatch.context() as patch:
        patch.setattr(passwords, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
        passwords._dummy.cache_clear()
        _hashes.clear()
        yield
    passwords._dummy.cache_clear()
    _hashes.clear()
