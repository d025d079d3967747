# SPDX-License-Identifier: Apache-2.0
"""The front door: name and password, and the way out. One sentence for every refusal."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.doors import Doors, Text, Token, check_form, own_path, whence
from collector.security import is_own_form
from collector.session_cookie import session_token
from inventory_db import notes, sessions
from inventory_db.account_tables import changing
from inventory_db.audit import Action
from inventory_db.notes import Note
from inventory_db.passwords import TooBusy
from inventory_db.signing_in import Entry, check_password, come_in


def router(doors: Doors) -> APIRouter:
    """Make /login and /logout."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/login")
    def show_login(request: Request, next: str = "") -> Response:
        return _page(doors, request, "", "", own_path(next), 200)

    @routes.post("/login")
    def log_in(
        request: Request, login: Text = "", password: Text = "", token: Token = "", next: Text = ""
    ) -> Response:
        wanted = own_path(next)
        if not is_own_form(request, token):
            return _page(doors, request, "again", login, wanted, 403)
        try:
            entry = _enter(doors, request, login, password)
        except TooBusy:
            return _page(doors, request, "busy", login, wanted, 503)
        if entry is None:
            return _page(doors, request, "refused", login, wanted, 403)
        return doors.entered(request, entry, wanted)

    @routes.post("/logout")
    def log_out(request: Request, token: Token = "") -> Response:
        check_form(request, token)
        _leave(doors, request)
        return doors.gone(request)

    return routes


def _page(doors: Doors, request: Request, trouble: str, login: str, wanted: str, status: int) -> Response:
    sign_on = doors.settings.sign_on
    return doors.page(
        request,
        "login",
        status=status,
        trouble=trouble,
        login=login,
        next=wanted,
        sign_on=sign_on.name if sign_on else "",
    )


def _enter(doors: Doors, request: Request, login: str, password: str) -> Entry | None:
    now, place = doors.now(), whence(request)
    person = check_password(doors.engine, login, password, place, now)
    if person is None:
        return None
    with changing(doors.engine) as connection:
        return come_in(
            connection,
            person,
            now,
            place,
            doors.limits,
            beyond_loopback=doors.beyond_loopback,
            how="password",
        )


def _leave(doors: Doors, request: Request) -> None:
    token, now = session_token(request), doors.now()
    with changing(doors.engine) as connection:
        who = sessions.signed_in(connection, token, now)
        ended = sessions.end_session(connection, sessions.secret_hash(token))
        if who and ended:
            notes.note(connection, Note(Action.LOGOUT, now, whence(request, who), key=who.account))
