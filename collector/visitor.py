# SPDX-License-Identifier: Apache-2.0
"""Who is asking: the gate before every route finds the person or program and binds them to one facility.

The gate is one dependency of the whole application. It reads the session's cookie or the bearer
token, looks the route up in `collector.permissions`, and leaves a Visitor on the request. Routes
take their engine from there (`engine_of`), so that none can read another facility's rows.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from collector.permissions import TABLE, Rule, check_table
from collector.session_cookie import session_token
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, SignedIn
from inventory_db.facilities import FIRST, bind
from inventory_db.sessions import arrive, touch
from inventory_db.tokens import arrive_by_token, touch_token

STATIC = "/static"  # our own stylesheet, fonts and one script: the only mount, for everybody
HOME = {Role.VENDOR: "/vendor", Role.INSPECTOR: "/inspection"}  # where a person begins; others at "/"


class NotSignedIn(Exception):
    """Nobody is signed in, and the route is not for everybody."""


class NotAllowed(Exception):
    """Somebody is signed in who may not do this; `visitor` says who."""

    def __init__(self, visitor: "Visitor") -> None:
        super().__init__("not allowed")
        self.visitor = visitor


class FacilityClosed(NotAllowed):
    """The route would change a facility that is closed."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is asking, and the engine that shows their facility only."""

    who: SignedIn | None  # None: nobody
    engine: Engine
    rule: Rule
    facility_name: str = ""
    closed: bool = False  # the facility is: only read

    @property
    def person(self) -> SignedIn:
        """Who is signed in; raises NotSignedIn for nobody."""
        if self.who is None:
            raise NotSignedIn
        return self.who

    @property
    def facility(self) -> int | None:
        """The facility whose rows are shown; None for nobody."""
        return self.who.facility if self.who else None

    @property
    def account(self) -> str | None:
        """The id of the account; "" for a program, None for nobody."""
        return self.who.account if self.who else None

    @property
    def name(self) -> str:
        """The name under which changes are kept."""
        return self.person.name

    def may(self, route: str) -> bool:
        """Say whether this visitor may use a route of the table ("GET /journal")."""
        rule = TABLE.get(route)
        if rule is None or (self.closed and rule.changes):
            return False
        return rule.who is None or (self.who is not None and rule.allows(self.who.role, self.who.scopes))


Witness = Callable[[Request, Visitor], AbstractContextManager[None]]


def visitor_of(request: Request) -> Visitor:
    """Give the visitor whom the gate let in."""
    visitor: Visitor = request.state.visitor
    return visitor


def known_visitor(request: Request | None) -> Visitor | None:
    """Give the visitor if the gate has seen the request; pages of trouble may come before it."""
    return None if request is None else getattr(request.state, "visitor", None)


def engine_of(request: Request) -> Engine:
    """Give the engine bound to the visitor's facility; raises NotSignedIn for nobody."""
    visitor = visitor_of(request)
    visitor.person  # noqa: B018 - nobody has no facility
    return visitor.engine


def name_of(request: Request) -> str:
    """Give the name under which this visitor's changes are kept."""
    return visitor_of(request).name


def make_gate(
    engine: Engine, facility: str, now: Callable[[], datetime], witness: Witness
) -> Callable[[Request], Iterator[None]]:
    """Make the gate of one collector; `facility` is what the settings call facility 1.

    `witness` stands around every route, refusals of the gate included, and tells the audit log.
    """

    def gate(request: Request) -> Iterator[None]:
        rule = TABLE[_key(request.method, request.scope["route"].path)]
        visitor = _named(find_visitor(engine, request, rule, now()), facility)
        request.state.visitor = visitor
        with witness(request, visitor):
            _admit(visitor)
            yield

    return gate


def _admit(visitor: Visitor) -> None:
    """Raise NotSignedIn, NotAllowed or FacilityClosed unless the rule lets this visitor in."""
    if visitor.rule.who is None:
        return
    if visitor.who is None:
        raise NotSignedIn
    if not visitor.rule.allows(visitor.who.role, visitor.who.scopes):
        raise NotAllowed(visitor)
    if visitor.closed and visitor.rule.changes:
        raise FacilityClosed(visitor)


def find_visitor(engine: Engine, request: Request, rule: Rule, now: datetime) -> Visitor:
    """Find who is asking by bearer token or, without one, by the session's cookie."""
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    word, by_token = bearer.strip(), kind.lower() == "bearer"
    if not by_token:
        word = session_token(request)
    find, note_use = (arrive_by_token, touch_token) if by_token else (arrive, touch)
    with engine.connect() as connection:
        found = find(connection, word, now) if word else None
    if found is None:
        return Visitor(None, engine, rule)
    if found.due:
        with changing(engine) as connection:
            note_use(connection, word, now)
    return Visitor(
        found.who, bind(engine, found.who.facility), rule, found.facility_name, found.facility_closed
    )


def check_routes(app: FastAPI) -> None:
    """Raise permissions.Undeclared unless every route of the application is in the table."""
    check_table(route_keys(app.routes))


def route_keys(routes: Any) -> Iterator[str]:
    """Give each route as the table names it."""
    for route in routes:
        if (included := getattr(route, "original_router", None)) is not None:
            yield from route_keys(included.routes)  # FastAPI keeps included routers as they are
        elif isinstance(route, APIRoute):
            yield from (
                _key(method, route.path) for method in sorted(route.methods or ()) if method != "HEAD"
            )
        elif (path := getattr(route, "path", "")) != STATIC:
            yield f"PAST THE GATE {path}"  # a mount or a plain route has no dependencies; the table names none


def _key(method: str, path: str) -> str:
    return f"{'GET' if method == 'HEAD' else method} {path}"


def _named(visitor: Visitor, first: str) -> Visitor:
    """Give the first facility the name that the settings have for it, until somebody names it."""
    unnamed = visitor.who is not None and visitor.who.facility == FIRST and not visitor.facility_name
    return replace(visitor, facility_name=first) if unnamed else visitor
