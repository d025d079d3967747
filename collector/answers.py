# SPDX-License-Identifier: Apache-2.0
"""Verdicts and statements over HTTP, for people of the facility on this machine.

    GET    /api/v1/checks                        editions there are
    GET    /api/v1/checks/{edition}?at=          daicho/check/1, as of now or of a moment
    GET    /api/v1/statements/{kind}             what stands; ?history=true: everything ever stated
    POST   /api/v1/statements/{kind}             {"who", "statement"} → {"kind", "key"}
    DELETE /api/v1/statements/{kind}?key=&who=   takes back what stands under the key

Changes are taken only as `application/json` and only from our own origin, so that no foreign web
site can make a reader's browser send them. Errors are `application/problem+json` (RFC 9457).
"""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Query
from fastapi.datastructures import Headers
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from collector.case import JAPAN
from collector.check_document import check_document, edition_summary
from collector.checking import NoSuchEdition, check
from collector.edition import edition_names, load_edition
from collector.security import Message, Receive, Send, is_own_origin
from collector.settings import Settings
from collector.statement_check import check_statement, known_in
from inventory_db import statements
from inventory_db.agents import Engine
from inventory_db.stated import KINDS
from inventory_db.statements import BadStatement, Entry
from inventory_db.tables import writing

MOST_BODY = 5 * 1024 * 1024  # bytes of one statement as sent
MEDIA, RAW = "application/json", "application/octet-stream"
PROBLEM = "application/problem+json"
SCHEMA = "daicho/statements/1"
_YEARS = range(1971, 2999)

Now = Callable[[], datetime]


class Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of a change: who states it, and the statement as JSON."""

    who: str
    statement: msgspec.Raw


class GuardedRoute(APIRoute):
    """A route that refuses foreign, oversized and non-JSON changes before a byte of the body is read."""

    def handle(self, scope: Message, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Answer an objection here; the body then goes on as bytes, for our own strict reader."""
        problem = _objection(scope["method"], Headers(scope=scope))
        plain = [(name, value) for name, value in scope["headers"] if name != b"content-type"]
        scope["headers"] = [*plain, (b"content-type", RAW.encode())]
        return (problem or super().handle)(scope, receive, send)


def router(settings: Settings, engine: Engine, now: Now) -> APIRouter:
    """Make the API of verdicts and statements on this ledger."""
    routes = APIRouter(prefix="/api/v1", route_class=GuardedRoute, include_in_schema=False)
    _add_checks(routes, settings, engine, now)
    _add_statements(routes, engine, now)
    return routes


def _add_checks(routes: APIRouter, settings: Settings, engine: Engine, now: Now) -> None:
    @routes.get("/checks")
    def list_editions() -> Response:
        return JSONResponse({"editions": [edition_summary(load_edition(name)) for name in edition_names()]})

    @routes.get("/checks/{edition}")
    def give_check(edition: str, at: str = "") -> Response:
        moment = _moment(at)
        if at and moment is None:
            return _problem(
                400,
                "時刻は 2026-04-01T00:00:00+09:00 の形で書いてください。",
                "Write the time like 2026-04-01T00:00:00+09:00.",
            )
        try:
            with engine.connect() as connection:
                return JSONResponse(
                    check_document(check(connection, edition, now(), moment, settings.age_limit))
                )
        except NoSuchEdition as error:
            return _problem(404, error.ja, error.en)


def _add_statements(routes: APIRouter, engine: Engine, now: Now) -> None:
    @routes.get("/statements/{kind}")
    def list_statements(kind: str, history: bool = False) -> Response:
        if kind not in KINDS:
            return _no_such_kind()
        with engine.connect() as connection:
            if history:
                entries = statements.history(connection, kind)
            else:
                stands = statements.standing(connection, KINDS[kind])
                entries = [Entry(kind, key, one.said, one.who, one.at) for key, one in stands.items()]
        return JSONResponse({"schema": SCHEMA, "kind": kind, "statements": [_entry(one) for one in entries]})

    @routes.post("/statements/{kind}")
    def state(kind: str, body: Annotated[bytes, Body(media_type=RAW)] = b"") -> Response:
        if kind not in KINDS:
            return _no_such_kind()
        try:
            return JSONResponse(_state(engine, kind, body, now()), 201)
        except BadStatement as error:
            return _problem(422, error.ja, error.en)

    @routes.delete("/statements/{kind}")
    def withdraw(
        kind: str,
        key: Annotated[str, Query(max_length=statements.MOST_KEY)],
        who: Annotated[str, Query(max_length=255)],
    ) -> Response:
        if kind not in KINDS:
            return _no_such_kind()
        try:
            with writing(engine) as connection:
                done = statements.withdraw(connection, kind, key, who, now())
        except BadStatement as error:
            return _problem(422, error.ja, error.en)
        return Response(status_code=204) if done else _nothing_stands()


def _state(engine: Engine, kind: str, body: bytes, now: datetime) -> dict[str, str]:
    try:
        wish = msgspec.json.decode(body, type=Wish)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadStatement(
            '{"who": 名前, "statement": {…}} の形の JSON ではありません。何も変更していません。',
            'The body is not JSON like {"who": name, "statement": {…}}. Nothing was changed.',
        ) from error
    said = statements.read_statement(kind, bytes(wish.statement))
    with writing(engine) as connection:
        check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
        statements.state(connection, said, wish.who, now)
    return {"kind": kind, "key": said.key}


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "key": one.key,
        "who": one.who,
        "at": one.at.isoformat(),
        "statement": None if one.said is None else msgspec.to_builtins(one.said),
    }


def _moment(at: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    if moment.year not in _YEARS:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=JAPAN)


def _objection(method: str, headers: Headers) -> Response | None:
    """Say why a change is not even read."""
    if method in ("GET", "HEAD"):
        return None
    if not is_own_origin(headers):
        return _problem(
            403,
            "別のサイトからの変更は受け付けません。何も変更していません。",
            "Changes from another site are not taken. Nothing was changed.",
        )
    if method == "DELETE":
        return None
    length = headers.get("content-length", "")
    if not (length.isascii() and length.isdigit()):
        return _problem(
            411,
            "データの長さ(Content-Length)を付けて送り直してください。",
            "Send it again with its Content-Length.",
        )
    if len(length) > 12 or int(length) > MOST_BODY:
        return _problem(
            413,
            f"大きすぎます（{MOST_BODY // 2**20} MB まで）。何も変更していません。",
            f"It is too large (at most {MOST_BODY // 2**20} MB). Nothing was changed.",
        )
    if headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA:
        return _problem(
            415,
            "application/json で送ってください。何も変更していません。",
            "Send it as application/json. Nothing was changed.",
        )
    return None


def _no_such_kind() -> Response:
    names = list(KINDS)
    return _problem(
        404,
        f"その記入の種類はありません。使えるもの: {'、'.join(names)}。",
        f"There is no such kind of statement. Kinds: {', '.join(names)}.",
    )


def _nothing_stands() -> Response:
    return _problem(
        404,
        "その見出しの記入はありません。何も変更していません。",
        "Nothing stands under that key. Nothing was changed.",
    )


def _problem(status: int, ja: str, en: str) -> Response:
    content = {"type": "about:blank", "status": status, "title": en.partition(".")[0], "ja": ja, "en": en}
    return JSONResponse(content, status, media_type=PROBLEM)
