# SPDX-License-Identifier: Apache-2.0
"""The administrator's page of people: who is what here, links that invite, sessions, tokens for programs.

An administrator speaks for the own facility only: ending a place, not an account; and a new way in may be given
only to somebody who has no place elsewhere, or the other facility's doors would open with it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from functools import partial
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.asking_first import YES, Sure, ask_first
from collector.doors import Doors, Text, Token, check_form, whence
from collector.leaves import Leaf, leaf, query_of
from collector.safe_text import visible
from inventory_db import accounts, invitations, memberships, notes, second_factors, sessions, tokens
from inventory_db.account_tables import changing
from inventory_db.accounts import AccountRefused, Role, SignedIn
from inventory_db.audit import Action
from inventory_db.invitations import Purpose
from inventory_db.memberships import OUTSIDE, Membership, Person
from inventory_db.notes import Note

Words = Annotated[list[str] | None, Form()]
T = TypeVar("T")
MESSAGES = ("role", "ended", "again", "session", "link", "revoked", "rules")
_INVITE_DAYS, _TOKEN_DAYS = 60, 366


def router(doors: Doors) -> APIRouter:
    """Make /people."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/people")
    def show_people(request: Request, message: str = "") -> Response:
        return show(doors, request, message=message if message in MESSAGES else "")

    _add_links(routes, doors)
    _add_link_changes(routes, doors)
    _add_places(routes, doors)
    _add_sessions(routes, doors)
    _add_tokens(routes, doors)
    return routes


def show(doors: Doors, request: Request, *, message: str = "", trouble: str = "") -> Response:
    """Give the page of people."""
    who, now = doors.administrator(request), doors.now()
    in_leaves = partial(_in_leaves, request)
    with doors.engine.connect() as connection:
        people = memberships.people_of(connection, who.facility)
        context: dict[str, Any] = {
            "people": in_leaves("people", [one for one in people if one.membership.counts(now)], _texts),
            "former": in_leaves("former", [one for one in people if not one.membership.counts(now)], _texts),
            "current": {one.membership.account for one in people if one.membership.counts(now)},
            "links": in_leaves("links", invitations.list_invitations(connection, who.facility, now)),
            "all_sessions": in_leaves(
                "sessions", sessions.list_sessions(connection, now, facility=who.facility)
            ),
            "tokens": in_leaves("tokens", tokens.list_tokens(connection, who.facility)),
            "demanded": second_factors.roles_with_factor(connection, who.facility, doors.beyond_loopback),
        }
    names = {one.membership.account: one.name for one in people}
    context |= {"who": who, "now": now, "names": names, "message": message, "trouble": trouble}
    return doors.page(
        request,
        "people",
        section="people",
        status=400 if trouble else 200,
        roles=list(Role),
        own_roles=[role for role in Role if role not in OUTSIDE],
        q=query_of(request),
        scopes=tokens.SCOPES,
        **context,
    )


def _in_leaves(
    request: Request, name: str, every: Sequence[T], texts: Callable[[T], str] | None = None
) -> Leaf[T]:
    return leaf(request, every, "/people", name=name, texts=texts)


def _texts(one: Person) -> str:
    return f"{one.name} {one.login} {one.membership.bound_to}"


def _add_links(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/people/invite")
    def invite(
        request: Request,
        name: Text = "",
        role: Text = "",
        bound_to: Text = "",
        until: Text = "",
        days: Annotated[int, Form(ge=1, le=_INVITE_DAYS)] = 7,
        email: Text = "",
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        try:
            last = _end_of_day(doors, until)
            with changing(doors.engine) as connection:
                word = invitations.create_invitation(
                    connection,
                    who.facility,
                    _role(role),
                    visible(name),
                    now,
                    whence(request, who),
                    valid_for=timedelta(days=days),
                    bound_to=visible(bound_to),
                    until=last,
                    email=visible(email),
                )
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        link = _link(request, word)
        return _show_secret(doors, request, link, "invite", visible(name), now + timedelta(days=days))


def _add_link_changes(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/people/invitations/{id}/take-back")
    def take_back(request: Request, id: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who = doors.administrator(request)
        if sure != YES:
            with doors.engine.connect() as connection:
                every = invitations.list_invitations(connection, who.facility, doors.now())
            return _ask(doors, request, "link", [one.name for one in every if one.id == id])
        with changing(doors.engine) as connection:
            if not invitations.take_back(connection, who.facility, id, doors.now(), whence(request, who)):
                raise HTTPException(404)
        return RedirectResponse("/people?message=link", 303)

    @routes.post("/people/{membership}/reset")
    def reset(request: Request, membership: str, token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        with changing(doors.engine) as connection:
            place = _found(connection, who, membership)
            alone = memberships.only_here(connection, place.account, who.facility, now)
            word = alone and invitations.create_invitation(
                connection,
                who.facility,
                place.role,
                "",
                now,
                whence(request, who),
                valid_for=invitations.RESET_VALID,
                purpose=Purpose.RESET,
                account=place.account,
            )
        if not word:
            return show(doors, request, trouble="elsewhere")
        return _show_secret(doors, request, _link(request, word), "reset", "", now + invitations.RESET_VALID)


def _add_places(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/people/{membership}/role")
    def change_role(request: Request, membership: str, role: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        try:
            with changing(doors.engine) as connection:
                old = _found(connection, who, membership)
                new = memberships.change_role(connection, who.facility, membership, _role(role), now)
                _note_rights(connection, doors, request, who, new, f"{old.role.value} → {new.role.value}")
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        return RedirectResponse("/people?message=role", 303)

    @routes.post("/people/{membership}/end")
    def end(request: Request, membership: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        if sure != YES:
            with doors.engine.connect() as connection:
                every = memberships.people_of(connection, who.facility)
            return _ask(
                doors, request, "place", [one.name for one in every if one.membership.id == membership]
            )
        try:
            with changing(doors.engine) as connection:
                _found(connection, who, membership)
                old = memberships.end(connection, who.facility, membership, now)
                _note_rights(connection, doors, request, who, old, f"{old.role.value} → –")
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        return RedirectResponse("/people?message=ended", 303)

    @routes.post("/people/{membership}/again")
    def let_in_again(request: Request, membership: str, token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        with changing(doors.engine) as connection:
            old = _found(connection, who, membership)
            here = [p for p in memberships.places(connection, old.account, now) if p.facility == who.facility]
            if old.role in OUTSIDE or here:
                raise HTTPException(400)
            new = memberships.grant(connection, old.account, who.facility, old.role, now)
            _note_rights(connection, doors, request, who, new, f"– → {new.role.value}")
        return RedirectResponse("/people?message=again", 303)


def _add_sessions(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/people/sessions/{id}/end")
    def end_session(request: Request, id: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who = doors.administrator(request)
        if sure != YES:
            with doors.engine.connect() as connection:
                every = sessions.list_sessions(connection, doors.now(), facility=who.facility)
                found = [accounts.account(connection, one.account).name for one in every if one.id == id]
            return _ask(doors, request, "session", found)
        with changing(doors.engine) as connection:
            if not sessions.end_session(connection, id, facility=who.facility):
                raise HTTPException(404)
            here = whence(request, who)
            notes.note(connection, Note(Action.SESSION_ENDED, doors.now(), here, "session", id[:16]))
        return RedirectResponse("/people?message=session", 303)

    @routes.post("/people/rules")
    def demand(request: Request, roles: Words = None, token: Token = "") -> Response:
        check_form(request, token)
        who = doors.administrator(request)
        chosen = sorted({_role(word) for word in roles or []})
        with changing(doors.engine) as connection:
            second_factors.demand_factor(connection, who.facility, chosen)
            here, said = whence(request, who), "second factor: " + " ".join(chosen)
            notes.note(connection, Note(Action.SETTINGS, doors.now(), here, "rules", detail=said))
        return RedirectResponse("/people?message=rules", 303)


def _add_tokens(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/people/tokens")
    def make_token(
        request: Request,
        name: Text = "",
        role: Text = "",
        scopes: Words = None,
        days: Annotated[int, Form(ge=1, le=_TOKEN_DAYS)] = 90,
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        expires, wanted = now + timedelta(days=days), frozenset(scopes or [])
        try:
            with changing(doors.engine) as connection:
                made, secret = tokens.create_token(
                    connection, who.facility, visible(name), _role(role), wanted, expires, who.name, now
                )
                said = f"{made.name}: {made.role.value} {' '.join(sorted(made.scopes))}"
                entry = Note(Action.TOKEN, now, whence(request, who), "token", made.id, said)
                notes.note(connection, entry)
        except AccountRefused as refused:
            return show(doors, request, trouble=refused.code)
        return _show_secret(doors, request, secret, "token", made.name, expires)

    @routes.post("/people/tokens/{id}/revoke")
    def revoke(request: Request, id: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = doors.administrator(request), doors.now()
        if sure != YES:
            with doors.engine.connect() as connection:
                every = tokens.list_tokens(connection, who.facility)
            return _ask(doors, request, "token", [one.name for one in every if one.id == id])
        with changing(doors.engine) as connection:
            if not tokens.revoke_token(connection, who.facility, id, now):
                raise HTTPException(404)
            entry = Note(Action.TOKEN, now, whence(request, who), "token", id, "revoked")
            notes.note(connection, entry)
        return RedirectResponse("/people?message=revoked", 303)


def _ask(doors: Doors, request: Request, act: str, found: Sequence[str]) -> Response:
    """Ask before something of the facility's own goes; what is not here is not asked about."""
    if not found:
        raise HTTPException(404)
    return ask_first(doors, request, act, found[0], "/people")


def _show_secret(
    doors: Doors, request: Request, secret: str, kind: str, name: str, expires: datetime
) -> Response:
    return doors.page(
        request, "shown_once", section="people", secret=secret, kind=kind, person=name, expires=expires
    )


def _link(request: Request, word: str) -> str:
    return f"{request.url.scheme}://{request.headers.get('host', '')}/invited/{word}"


def _role(word: str) -> Role:
    try:
        return Role(word)
    except ValueError as error:
        raise HTTPException(400) from error


def _end_of_day(doors: Doors, text: str) -> datetime | None:
    """Give the end of a day that was typed, on the facility's clock; raises AccountRefused for nonsense."""
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").date()  # noqa: DTZ007 - a day on the facility's clock
        last = datetime.combine(day + timedelta(days=1), time(), doors.settings.zone)
    except (ValueError, OverflowError) as error:
        raise BadDay from error
    if last <= doors.now():
        raise BadDay
    return last


class BadDay(AccountRefused):
    """What was typed is no day of the future."""

    code = "bad_day"


def _found(connection: Connection, who: SignedIn, membership: str) -> Membership:
    try:
        return memberships.find(connection, who.facility, membership)
    except memberships.NotHere as error:
        raise HTTPException(404) from error


def _note_rights(
    connection: Connection, doors: Doors, request: Request, who: SignedIn, place: Membership, said: str
) -> None:
    entry = Note(Action.RIGHTS, doors.now(), whence(request, who), "account", place.account, said)
    notes.note(connection, entry)
