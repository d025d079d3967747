# SPDX-License-Identifier: Apache-2.0
"""What all ways in share: where sessions are kept, who asks, from where, and how a page of a door is made."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Engine

from collector.documents.pack_key import key_folder
from collector.rendering import LANGUAGE_COOKIE, Renderer
from collector.safe_text import visible
from collector.security import (
    SECURITY_HEADERS,
    clear_form_cookie,
    form_token,
    is_own_form,
    set_form_cookie,
)
from collector.session_cookie import clear_session, session_token, set_session
from collector.settings import Settings
from collector.visitor import HOME
from inventory_db import accounts, sessions
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, SignedIn
from inventory_db.notes import Whence
from inventory_db.sessions import Limits, Session, Stage
from inventory_db.signing_in import Entry

Token = Annotated[str, Form(max_length=200)]
Text = Annotated[str, Form(max_length=300)]
SCRIPT_POLICY = SECURITY_HEADERS["Content-Security-Policy"] + "; script-src 'self'"
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Doors:
    """The ways into one collector."""

    settings: Settings
    engine: Engine
    renderer: Renderer
    now: Callable[[], datetime]

    @property
    def limits(self) -> Limits:
        """How long a session lives."""
        minutes, hours = self.settings.session_idle_minutes, self.settings.session_hours
        return Limits(timedelta(minutes=minutes), timedelta(hours=hours))

    @property
    def beyond_loopback(self) -> bool:
        """Whether others than this machine may reach the pages."""
        return bool(self.settings.allowed_hosts - _LOOPBACK)

    @property
    def folder(self) -> Path:
        """The state folder, where the key of sealed secrets lies."""
        return key_folder(self.settings.state_folder, os.environ)

    def page(
        self, request: Request, name: str, *, status: int = 200, script: bool = False, **context: Any
    ) -> Response:
        """Give a page whose forms carry the token; `script` lets our own script file run on it."""
        token = form_token(request)
        context.setdefault("section", "")
        response = self.renderer.page(request, name, status=status, token=token, **context)
        if not session_token(request):
            set_form_cookie(response, request, token)
        if script:
            response.headers["Content-Security-Policy"] = SCRIPT_POLICY
        return response

    def who(self, request: Request) -> SignedIn:
        """Say who is signed in; sends others to the login."""
        with self.engine.connect() as connection:
            found = sessions.signed_in(connection, session_token(request), self.now())
        if found is None:
            raise HTTPException(303, headers={"Location": "/login"})
        return found

    def administrator(self, request: Request) -> SignedIn:
        """Give the administrator who is signed in; refuses everybody else."""
        found = self.who(request)
        if found.role is not Role.ADMINISTRATOR:
            raise HTTPException(403)
        return found

    def half_way(self, request: Request, stage: Stage) -> Session:
        """Give the session of somebody who still has to pass or set up the second factor; sends others away."""
        with self.engine.connect() as connection:
            found = sessions.find_session(connection, session_token(request), self.now())
        if found is None:
            raise HTTPException(303, headers={"Location": "/login"})
        if found.stage is not stage:
            raise HTTPException(303, headers={"Location": "/"})
        return found

    def entered(self, request: Request, entry: Entry, wanted: str = "") -> Response:
        """Send somebody on who has just come in, under a session of their own, never one they brought."""
        self.end_old(request)
        home = HOME.get(entry.membership.role, "/")
        target = "/second-factor" if entry.stage is not Stage.IN else wanted or home
        response = RedirectResponse(target, 303)
        set_session(response, request, entry.token)
        clear_form_cookie(response, request)
        self._speak(response, entry.membership.account)
        return response

    def end_old(self, request: Request) -> None:
        """End the session that the browser brought along, if any."""
        old = session_token(request)
        if old:
            with changing(self.engine) as connection:
                sessions.end_session(connection, sessions.secret_hash(old))

    def gone(self, request: Request, target: str = "/login") -> Response:
        """Send somebody away whose session has ended."""
        response = RedirectResponse(target, 303)
        clear_session(response, request)
        return response

    def _speak(self, response: Response, account: str) -> None:
        with self.engine.connect() as connection:
            language = accounts.account(connection, account).language
        if language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR, samesite="lax", httponly=True)


def check_form(request: Request, token: str) -> None:
    """Refuse a form that does not come from our own page in this very session."""
    if not is_own_form(request, token):
        raise HTTPException(403)


def whence(request: Request, who: SignedIn | None = None) -> Whence:
    """Say where a request came from, and who made it."""
    address = request.client.host if request.client else ""
    browser = visible(request.headers.get("user-agent", ""))[:255]
    if who is None:
        return Whence(address, browser)
    return Whence(address, browser, who.account, who.name, who.role.value, who.facility)


def own_path(wanted: str) -> str:
    """Give the path to return to, or "" for anything that could lead elsewhere."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\", "/login", "/logout"))
    return wanted if plain and len(wanted) <= 500 and wanted.isprintable() and "\\" not in wanted else ""
