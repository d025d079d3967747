# SPDX-License-Identifier: Apache-2.0
"""A person's own page: password, second factors, sessions, places and language."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.asking_first import YES, Sure, ask_first
from collector.doors import Doors, Text, Token, check_form, whence
from collector.invited import Password, new_password_hash
from collector.passkeys import place_of
from collector.session_cookie import session_token, set_session
from collector.settings import LANGUAGES
from inventory_db import accounts, memberships, notes, second_factors, sessions
from inventory_db.account_tables import changing
from inventory_db.accounts import Account, AccountRefused, SignedIn
from inventory_db.audit import Action
from inventory_db.notes import Note
from inventory_db.signing_in import check_password, stage_for

_YEAR = 365 * 24 * 3600
FRESH = timedelta(minutes=10)
MESSAGES = ("password", "factor", "removed", "ended", "language", "added")


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A person has shown once more that it is they, by their password."""

    who: SignedIn
    person: Account


class NotFresh(AccountRefused):
    """Somebody without a password shows by a login of these minutes that it is they; this one is older."""

    code = "not_fresh"


class NotConfirmed(AccountRefused):
    """The password that was asked for once more is wrong."""

    code = "not_confirmed"


def router(doors: Doors) -> APIRouter:
    """Make /me."""
    routes = APIRouter(include_in_schema=False)
    _add_page(routes, doors)
    _add_password(routes, doors)
    _add_sessions(routes, doors)
    return routes


def confirmed(doors: Doors, request: Request, password: str, token: str) -> Confirmation:
    """Let a change of ways in through only from the form and with the password.

    Who comes by the site's own sign-on has none, and must have come just now. Raises NotConfirmed, NotFresh.
    """
    check_form(request, token)
    who = doors.who(request)
    with doors.engine.connect() as connection:
        person = accounts.account(connection, who.account)
        current = sessions.find_session(connection, session_token(request), doors.now())
    if not person.has_password and (current is None or doors.now() - current.created > FRESH):
        raise NotFresh
    if person.has_password:
        found = check_password(doors.engine, person.login, password, whence(request, who), doors.now())
        if found is None:
            raise NotConfirmed
    return Confirmation(who, person)


def show(doors: Doors, request: Request, *, message: str = "", trouble: str = "", **more: Any) -> Response:
    """Give the person's own page."""
    who, now = doors.who(request), doors.now()
    with doors.engine.connect() as connection:
        app = second_factors.find_totp(connection, who.account)
        context: dict[str, Any] = {
            "person": accounts.account(connection, who.account),
            "has_app": app is not None and app.confirmed,
            "keys": second_factors.list_passkeys(connection, who.account),
            "codes_left": second_factors.recovery_codes_left(connection, who.account),
            "own_sessions": sessions.list_sessions(connection, now, account=who.account),
            "places": memberships.places(connection, who.account, now),
            "current": sessions.find_session(connection, session_token(request), now),
        }
    context |= {"who": who, "keys_usable": place_of(request).usable, "message": message, "trouble": trouble}
    return doors.page(request, "me", section="me", status=400 if trouble else 200, **context, **more)


def _add_page(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/me")
    def show_me(request: Request, message: str = "") -> Response:
        return show(doors, request, message=message if message in MESSAGES else "")

    @routes.post("/me/language")
    def choose_language(request: Request, language: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        who = doors.who(request)
        if language not in LANGUAGES:
            raise HTTPException(400)
        with changing(doors.engine) as connection:
            accounts.set_language(connection, who.account, language)
        return RedirectResponse(f"/me?message=language&lang={language}", 303)

    @routes.post("/me/place")
    def change_place(request: Request, place: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.who(request), doors.now()
        with changing(doors.engine) as connection:
            target = _place(connection, who, place, now)
            current = sessions.find_session(connection, session_token(request), now)
            passed = current.factor if current else ""
            stage = stage_for(connection, target, beyond_loopback=doors.beyond_loopback, passed=passed)
            here = whence(request, who)
            new = sessions.switch_facility(
                connection, session_token(request), target.id, now, here, stage=stage
            )
            there = here.as_who(who.account, who.name, target.facility, target.role.value)
            notes.note(connection, Note(Action.LOGIN, now, there, key=who.account, detail="place"))
        response = RedirectResponse("/" if stage is sessions.Stage.IN else "/second-factor", 303)
        set_session(response, request, new)
        return response


def _place(connection: Connection, who: SignedIn, id: str, now: datetime) -> memberships.Membership:
    for one in memberships.places(connection, who.account, now):
        if one.id == id:
            return one
    raise HTTPException(404)


def _add_password(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/me/password")
    def change_password(
        request: Request,
        current: Password = "",
        password: Password = "",
        again: Password = "",
        token: Token = "",
    ) -> Response:
        try:
            proof = confirmed(doors, request, current, token)
            hashed = new_password_hash(password, again, proof.person.login, proof.person.name)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        mine = sessions.secret_hash(session_token(request))
        with changing(doors.engine) as connection:
            accounts.set_password(connection, proof.person.id, hashed)
            sessions.end_sessions(connection, proof.person.id, but=mine)
            entry = Note(Action.PASSWORD, doors.now(), whence(request, proof.who), key=proof.person.id)
            notes.note(connection, entry)
        return RedirectResponse("/me?message=password", 303)

    @routes.post("/me/codes")
    def new_codes(request: Request, current: Password = "", sure: Sure = "", token: Token = "") -> Response:
        if sure != YES:
            return ask_own(doors, request, "codes", "", token)
        try:
            proof = confirmed(doors, request, current, token)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        with changing(doors.engine) as connection:
            codes = second_factors.new_recovery_codes(connection, proof.person.id)
            note_factor(connection, doors, request, proof.who, "recovery codes")
        return doors.page(request, "codes", codes=codes, onward="/me")


def ask_own(doors: Doors, request: Request, act: str, name: str, token: str) -> Response:
    """Ask before a way in of one's own goes; the answer needs the password, where there is one."""
    check_form(request, token)
    who = doors.who(request)
    with doors.engine.connect() as connection:
        person = accounts.account(connection, who.account)
    return ask_first(doors, request, act, name, "/me", password=person.has_password)


def note_factor(connection: Connection, doors: Doors, request: Request, who: SignedIn, what: str) -> None:
    """Tell the audit log of a change of second factors."""
    entry = Note(Action.SECOND_FACTOR, doors.now(), whence(request, who), key=who.account, detail=what)
    notes.note(connection, entry)


def _add_sessions(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/me/sessions/{id}/end")
    def end_one(request: Request, id: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who = doors.who(request)
        if sure != YES:
            with doors.engine.connect() as connection:
                every = sessions.list_sessions(connection, doors.now(), account=who.account)
            found = next((one for one in every if one.id == id), None)
            if found is None:
                raise HTTPException(404)
            return ask_first(doors, request, "session", f"{found.browser} {found.address}".strip(), "/me")
        with changing(doors.engine) as connection:
            if not sessions.end_session(connection, id, account=who.account):
                raise HTTPException(404)
            _note_end(connection, doors, request, who, id)
        return RedirectResponse("/me?message=ended", 303)

    @routes.post("/me/sessions/end-others")
    def end_others(request: Request, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who = doors.who(request)
        if sure != YES:
            return ask_first(doors, request, "sessions", "", "/me")
        with changing(doors.engine) as connection:
            sessions.end_sessions(connection, who.account, but=who.session)
            _note_end(connection, doors, request, who, "others")
        return RedirectResponse("/me?message=ended", 303)


def _note_end(connection: Connection, doors: Doors, request: Request, who: SignedIn, which: str) -> None:
    entry = Note(Action.SESSION_ENDED, doors.now(), whence(request, who), "session", which[:16])
    notes.note(connection, entry)
