# SPDX-License-Identifier: Apache-2.0
"""Doors that open once: the first administrator's link, invitations, and links for people who lost their way in.

Looking at a link uses nothing up (mail programs look at links by themselves); only the form does.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.doors import Doors, Text, Token, check_form, whence
from collector.safe_text import visible
from collector.session_cookie import session_token
from inventory_db import accounts, invitations, memberships, sessions
from inventory_db.account_tables import changing
from inventory_db.accounts import Account, AccountRefused, Role, SignedIn
from inventory_db.invitations import Invitation, LinkRefused, Purpose
from inventory_db.passwords import hash_password, weakness
from inventory_db.signing_in import Entry, come_in

Password = Annotated[str, Form(max_length=1000)]


class BadPassword(AccountRefused):
    """A new password is refused; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = f"password_{code}"


def router(doors: Doors) -> APIRouter:
    """Make /setup and /invited; both words of a link work at both, so that nobody has to know which is which."""
    routes = APIRouter(include_in_schema=False)

    def show_link(request: Request, word: str) -> Response:
        return _show(doors, request, word)

    def use_link(
        request: Request,
        word: str,
        login: Text = "",
        name: Text = "",
        password: Password = "",
        again: Password = "",
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        try:
            entry = _accept(doors, request, word, login, visible(name).strip(), password, again)
        except AccountRefused as refused:
            return _show(doors, request, word, trouble=refused.code, login=login, name=name)
        if entry is None:
            return RedirectResponse("/login", 303)
        first = entry.membership.role is Role.ADMINISTRATOR and request.url.path.startswith("/setup/")
        return doors.entered(request, entry, "/welcome" if first else "")

    for place in ("/setup/{word}", "/invited/{word}"):
        routes.add_api_route(place, show_link, methods=["GET"])
        routes.add_api_route(place, use_link, methods=["POST"])

    @routes.post("/invited/{word}/mine")
    def add_to_mine(request: Request, word: str, token: Token = "") -> Response:
        check_form(request, token)
        who = doors.who(request)
        try:
            target = _add(doors, request, word, who)
        except AccountRefused as refused:
            return _show(doors, request, word, trouble=refused.code)
        return target

    return routes


def new_password_hash(password: str, again: str, *known: str) -> str:
    """Check a new password that was typed twice and give its hash; raises BadPassword, TooBusy."""
    why = "differs" if password != again else weakness(password, *known)
    if why:
        raise BadPassword(why)
    return hash_password(password)


def _show(
    doors: Doors, request: Request, word: str, *, trouble: str = "", login: str = "", name: str = ""
) -> Response:
    now = doors.now()
    try:
        with doors.engine.connect() as connection:
            link = invitations.find_invitation(connection, word, now)
            who = sessions.signed_in(connection, session_token(request), now)
            person = accounts.account(connection, link.account) if link.account else None
    except LinkRefused as refused:
        return doors.page(request, "link", status=410, trouble=refused.code)
    return doors.page(
        request,
        "invited",
        status=400 if trouble else 200,
        link=link,
        word=word,
        who=who,
        person=person,
        trouble=trouble,
        login=login,
        typed_name=name or link.name,
        sign_on=doors.settings.sign_on.name if doors.settings.sign_on else "",
    )


def _accept(
    doors: Doors, request: Request, word: str, login: str, name: str, password: str, again: str
) -> Entry | None:
    """Use the link; the slow hash is computed before anything is locked."""
    now = doors.now()
    with doors.engine.connect() as connection:
        link = invitations.find_invitation(connection, word, now)
        known = accounts.account(connection, link.account) if link.account else None
    names = (known.login, known.name) if known else (login, name)
    hashed = new_password_hash(password, again, *names)
    with changing(doors.engine) as connection:
        person = _become(connection, doors, request, link, word, (login, name, hashed))
        return come_in(
            connection,
            person,
            now,
            whence(request),
            doors.limits,
            beyond_loopback=doors.beyond_loopback,
            how=f"link {link.purpose.value}",
        )


def _become(
    connection: Connection,
    doors: Doors,
    request: Request,
    link: Invitation,
    word: str,
    new: tuple[str, str, str],
) -> Account:
    login, name, hashed = new
    if link.purpose is Purpose.RESET:
        return invitations.accept_reset(connection, word, hashed, doors.now(), whence(request))
    place = invitations.accept_as_new(connection, word, login, name, hashed, doors.now(), whence(request))
    return accounts.account(connection, place.account)


def _add(doors: Doors, request: Request, word: str, who: SignedIn) -> Response:
    now = doors.now()
    with changing(doors.engine) as connection:
        place = invitations.accept_as_known(connection, word, who.account, now, whence(request, who))
        memberships.places(connection, who.account, now)
    return RedirectResponse(f"/me?message=added#place-{place.id}", 303)
