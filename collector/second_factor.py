# SPDX-License-Identifier: Apache-2.0
"""The second door: a code or a key after the password, or the setting up of one where it is demanded."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector import one_time_codes, passkeys
from collector.doors import Doors, Text, Token, check_form, whence
from collector.passkeys import MOST_CREDENTIAL, place_of
from collector.session_cookie import session_token, set_session
from collector.visitor import HOME
from inventory_db import accounts, memberships, notes, second_factors, sessions, tries
from inventory_db.account_tables import changing
from inventory_db.audit import Action
from inventory_db.notes import Note, Whence
from inventory_db.sessions import Session, Stage

Credential = Annotated[str, Form(max_length=MOST_CREDENTIAL)]


def router(doors: Doors) -> APIRouter:
    """Make /second-factor."""
    routes = APIRouter(include_in_schema=False)
    _add_asking(routes, doors)
    _add_enrolment(routes, doors)
    return routes


def _add_asking(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/second-factor")
    def ask(request: Request) -> Response:
        with doors.engine.connect() as connection:
            found = sessions.find_session(connection, session_token(request), doors.now())
        if found is not None and found.stage is Stage.ENROL:
            return _show_enrolment(doors, request, found)
        return _ask(doors, request, doors.half_way(request, Stage.FACTOR))

    @routes.post("/second-factor")
    def take_code(request: Request, code: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        half, now = doors.half_way(request, Stage.FACTOR), doors.now()
        with changing(doors.engine) as connection:
            factor = one_time_codes.check(connection, doors.folder, half.account, code, now)
            new = _finish(connection, doors, request, half, factor)
            home = _home(connection, half)
        return _into(request, home, new) if new else _ask(doors, request, half, trouble="code_refused")

    @routes.post("/second-factor/key")
    def take_key(
        request: Request, credential: Credential = "", word: Text = "", token: Token = ""
    ) -> Response:
        check_form(request, token)
        half, now = doors.half_way(request, Stage.FACTOR), doors.now()
        with changing(doors.engine) as connection:
            place = place_of(request)
            good = passkeys.check_known(connection, place, half.account, word, credential, now)
            new = _finish(connection, doors, request, half, "key" if good else "")
            home = _home(connection, half)
        return _into(request, home, new) if new else _ask(doors, request, half, trouble="key_refused")


def _add_enrolment(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/second-factor/app")
    def enrol_app(request: Request, code: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        half, now = doors.half_way(request, Stage.ENROL), doors.now()
        with changing(doors.engine) as connection:
            good = one_time_codes.confirm(connection, doors.folder, half.account, code, now)
            enrolled = _enrol(connection, doors, request, half, "totp" if good else "")
        return _enrolled(doors, request, half, enrolled)

    @routes.post("/second-factor/new-key")
    def enrol_key(
        request: Request, credential: Credential = "", word: Text = "", name: Text = "", token: Token = ""
    ) -> Response:
        check_form(request, token)
        half, now = doors.half_way(request, Stage.ENROL), doors.now()
        with changing(doors.engine) as connection:
            place = place_of(request)
            good = passkeys.keep_new(connection, place, half.account, word, credential, name, now)
            enrolled = _enrol(connection, doors, request, half, "key" if good else "")
        return _enrolled(doors, request, half, enrolled)


def _ask(doors: Doors, request: Request, half: Session, *, trouble: str = "") -> Response:
    with changing(doors.engine) as connection:
        app = second_factors.find_totp(connection, half.account)
        key = passkeys.ask_known(connection, place_of(request), half.account, doors.now())
    return doors.page(
        request,
        "second_factor",
        status=403 if trouble else 200,
        script=key is not None,
        has_app=app is not None and app.confirmed,
        key=key,
        trouble=trouble,
    )


def _show_enrolment(doors: Doors, request: Request, half: Session, *, trouble: str = "") -> Response:
    place = place_of(request)
    with changing(doors.engine) as connection:
        person = accounts.account(connection, half.account)
        secret = one_time_codes.begin(connection, doors.folder, person)
        key = passkeys.ask_new(connection, place, person, doors.now()) if place.usable else None
    return doors.page(
        request,
        "enrol_factor",
        status=403 if trouble else 200,
        script=key is not None,
        picture=one_time_codes.picture(secret, person, doors.settings.facility),
        secret=one_time_codes.spaced(secret),
        key=key,
        trouble=trouble,
    )


@dataclass(frozen=True, slots=True)
class _Enrolled:
    token: str
    codes: tuple[str, ...]
    home: str


def _enrol(
    connection: Connection, doors: Doors, request: Request, half: Session, factor: str
) -> _Enrolled | None:
    new = _finish(connection, doors, request, half, factor)
    if not new:
        return None
    codes = second_factors.new_recovery_codes(connection, half.account)
    return _Enrolled(new, codes, _home(connection, half))


def _enrolled(doors: Doors, request: Request, half: Session, enrolled: _Enrolled | None) -> Response:
    """Show the recovery codes once, or the enrolment again."""
    if enrolled is None:
        return _show_enrolment(doors, request, half, trouble="code_refused")
    response = doors.page(request, "codes", codes=enrolled.codes, onward=enrolled.home)
    set_session(response, request, enrolled.token)
    return response


def _finish(connection: Connection, doors: Doors, request: Request, half: Session, factor: str) -> str:
    """Let somebody in whose factor was right, under a new token; "" for a wrong one.

    Either is noted, but of an address that has tried too often not each wrong one: the log is not flooded.
    """
    now, here = doors.now(), _whence(connection, request, half)
    new = ""
    if factor:
        new = sessions.advance(connection, session_token(request), now, here, stage=Stage.IN, factor=factor)
    elif not tries.take_address(connection, here.address, now) and not tries.just_ran_out(
        connection, here.address
    ):
        return ""
    entry = Note(Action.SECOND_FACTOR, now, here, key=half.account, detail=factor, refused=not factor)
    notes.note(connection, entry)
    return new


def _whence(connection: Connection, request: Request, half: Session) -> Whence:
    person = accounts.account(connection, half.account)
    return whence(request).as_who(person.id, person.name, half.facility)


def _into(request: Request, home: str, new: str) -> Response:
    response = RedirectResponse(home, 303)
    set_session(response, request, new)
    return response


def _home(connection: Connection, half: Session) -> str:
    return HOME.get(memberships.find(connection, half.facility, half.membership).role, "/")
