# SPDX-License-Identifier: Apache-2.0
"""A person's own second factors: an app, keys, recovery codes; every change asks for the password once more."""

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector import one_time_codes, passkeys
from collector.asking_first import YES, Sure
from collector.doors import Doors, Text, Token, check_form
from collector.invited import Password
from collector.me import Confirmation, ask_own, confirmed, note_factor, show
from collector.passkeys import place_of
from collector.second_factor import Credential
from inventory_db import accounts, pending, second_factors
from inventory_db.account_tables import changing
from inventory_db.accounts import AccountRefused, SignedIn


def router(doors: Doors) -> APIRouter:
    """Make the second factors' part of /me."""
    routes = APIRouter(include_in_schema=False)
    _add_app(routes, doors)
    _add_keys(routes, doors)
    return routes


def _add_app(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/me/app")
    def begin(request: Request, current: Password = "", token: Token = "") -> Response:
        try:
            proof = confirmed(doors, request, current, token)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        return _show_app(doors, request, proof.who)

    @routes.post("/me/app/confirm")
    def confirm(request: Request, code: Text = "", word: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.who(request), doors.now()
        with changing(doors.engine) as connection:
            begun = pending.take(connection, "app_new", word, now)
            asked = begun is not None and begun["session"] == who.session
            good = asked and one_time_codes.confirm(connection, doors.folder, who.account, code, now)
            if good:
                codes = second_factors.new_recovery_codes(connection, who.account)
                note_factor(connection, doors, request, who, "app added")
        if not asked:  # the secret is shown only to who gave the password in this session
            return show(doors, request, trouble="code_refused")
        if not good:
            return _show_app(doors, request, who, trouble="code_refused")
        return doors.page(request, "codes", codes=codes, onward="/me?message=factor")

    @routes.post("/me/app/remove")
    def remove(request: Request, current: Password = "", sure: Sure = "", token: Token = "") -> Response:
        if sure != YES:
            return ask_own(doors, request, "app", "", token)
        try:
            proof = confirmed(doors, request, current, token)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        with changing(doors.engine) as connection:
            second_factors.remove_totp(connection, proof.person.id)
            note_factor(connection, doors, request, proof.who, "app removed")
        return RedirectResponse("/me?message=removed", 303)


def _show_app(doors: Doors, request: Request, who: SignedIn, *, trouble: str = "") -> Response:
    with changing(doors.engine) as connection:
        app = second_factors.find_totp(connection, who.account)
        if app is not None and app.confirmed:
            raise HTTPException(303, headers={"Location": "/me"})
        person = accounts.account(connection, who.account)
        secret = one_time_codes.begin(connection, doors.folder, person)
        word = pending.begin(connection, "app_new", {"session": who.session}, doors.now())
    return doors.page(
        request,
        "my_app",
        section="me",
        status=403 if trouble else 200,
        picture=one_time_codes.picture(secret, person, doors.settings.facility),
        secret=one_time_codes.spaced(secret),
        word=word,
        trouble=trouble,
    )


def _add_keys(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/me/keys")
    def begin(request: Request, current: Password = "", token: Token = "") -> Response:
        try:
            proof = confirmed(doors, request, current, token)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        return _show_key(doors, request, proof)

    @routes.post("/me/keys/confirm")
    def confirm(
        request: Request, credential: Credential = "", word: Text = "", name: Text = "", token: Token = ""
    ) -> Response:
        check_form(request, token)
        who, now, place = doors.who(request), doors.now(), place_of(request)
        with changing(doors.engine) as connection:
            good = passkeys.keep_new(connection, place, who.account, word, credential, name, now)
            if good:
                fresh = second_factors.recovery_codes_left(connection, who.account) == 0
                codes = second_factors.new_recovery_codes(connection, who.account) if fresh else ()
                note_factor(connection, doors, request, who, "key added")
        if not good:
            return show(doors, request, trouble="key_refused")
        if not codes:
            return RedirectResponse("/me?message=factor", 303)
        return doors.page(request, "codes", codes=codes, onward="/me?message=factor")

    @routes.post("/me/keys/{id}/remove")
    def remove(
        request: Request, id: str, current: Password = "", sure: Sure = "", token: Token = ""
    ) -> Response:
        check_form(request, token)
        if sure != YES:
            with doors.engine.connect() as connection:
                every = second_factors.list_passkeys(connection, doors.who(request).account)
            found = next((one for one in every if one.id == id), None)
            if found is None:
                raise HTTPException(404)
            return ask_own(doors, request, "key", found.name, token)
        try:
            proof = confirmed(doors, request, current, token)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        with changing(doors.engine) as connection:
            if not second_factors.remove_passkey(connection, proof.person.id, id):
                raise HTTPException(404)
            note_factor(connection, doors, request, proof.who, "key removed")
        return RedirectResponse("/me?message=removed", 303)


def _show_key(doors: Doors, request: Request, proof: Confirmation) -> Response:
    place = place_of(request)
    if not place.usable:
        return show(doors, request, trouble="key_needs_name")
    with changing(doors.engine) as connection:
        question = passkeys.ask_new(connection, place, proof.person, doors.now())
    return doors.page(request, "my_key", section="me", script=True, key=question)
