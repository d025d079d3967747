# SPDX-License-Identifier: Apache-2.0
"""What people state: what stands, everything ever stated, stating, taking back; the name kept is the asker's own.

A statement's `version` goes, quoted, into If-Match: a change that would overwrite somebody's newer word is
refused with 412. `If-None-Match: *` states only what nobody has stated.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Query, Request
from fastapi import Path as InPath
from fastapi.responses import Response
from msgspec import to_builtins

from collector.api.declared import Raw, answer, asked_etags, read, says, takes
from collector.api.etags import check_unchanged, make_tag, unchanged
from collector.api.shapes.people import StatementWish
from collector.api.shapes.record import Stated, Statements
from collector.auditing import told
from collector.case import JAPAN
from collector.pinning import pin_signed
from collector.problems import Refused
from collector.safe_text import visible
from collector.settings import Settings
from collector.statement_check import check_statement, known_in
from collector.stating import TAKEN_BACK, follow
from collector.visitor import engine_of, visitor_of
from inventory_db import statements
from inventory_db.agents import Connection
from inventory_db.audit import differences, record
from inventory_db.revision import statements_revision
from inventory_db.stated import KINDS, Answer
from inventory_db.statements import BadStatement, Entry
from inventory_db.tables import writing

SCHEMA = "daicho/statements/1"
StatementKind = Annotated[str, InPath(max_length=32, json_schema_extra={"enum": list(KINDS)})]
Who = Annotated[str, Query(max_length=100, description="for whom a program says that it speaks")]
Key = Annotated[str, Query(max_length=statements.MOST_KEY)]


def add_statements(routes: APIRouter, settings: Settings, now: Callable[[], datetime]) -> None:
    """Add the routes of statements."""

    @routes.get("/statements/{kind}", summary="What stands", **says(Statements, 404, tagged=True))
    def list_statements(
        request: Request, kind: StatementKind, history: bool = False, key: Key = ""
    ) -> Response:
        """With `history` everything ever stated; with `key` of that key only."""
        _check_kind(kind)
        with engine_of(request).connect() as connection:
            tag = make_tag("statements", kind, *statements_revision(connection, kind), request.url.query)
            if same := unchanged(request, tag):
                return same
            found = [_entry(one) for one in _entries(connection, kind, history) if key in ("", one.key)]
        return answer({"schema": SCHEMA, "kind": kind, "statements": found}, {"ETag": tag})

    @routes.post("/statements/answer", summary="Answer an item of the checklist", **_stating(412))
    def state_answer(request: Request, body: Raw, after: BackgroundTasks) -> Response:
        """はい, いいえ or 対象外: a person's mark. Only somebody with a login may; a token is refused."""
        return _state(request, Answer.KIND, body, after, settings, now())

    @routes.delete("/statements/answer", summary="Take an answer back", **says(None, 404, 412, status=204))
    def withdraw_answer(request: Request, key: Key) -> Response:
        """Only somebody with a login may; the history keeps what stood."""
        return _withdraw(request, Answer.KIND, key, "", now())

    @routes.post("/statements/{kind}", summary="State something", **_stating(404, 412))
    def state(request: Request, kind: StatementKind, body: Raw, after: BackgroundTasks) -> Response:
        """Anything but an answer of the checklist, which has an address of its own."""
        return _state(request, kind, body, after, settings, now())

    @routes.delete("/statements/{kind}", summary="Take back", **says(None, 404, 412, status=204))
    def withdraw(request: Request, kind: StatementKind, key: Key, who: Who = "") -> Response:
        """The history keeps what stood."""
        return _withdraw(request, kind, key, who, now())


def _stating(*problems: int) -> dict[str, Any]:
    return says(Stated, *problems, status=201, body=takes(StatementWish))


def _state(
    request: Request, kind: str, body: bytes, after: BackgroundTasks, settings: Settings, now: datetime
) -> Response:
    _check_kind(kind)
    wish = read(body, StatementWish)
    try:
        said = statements.read_statement(kind, bytes(wish.statement))
        with writing(engine_of(request)) as connection:
            _check_version(request, statements.version_of(connection, kind, said.key))
            check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
            stood = statements.standing(connection, type(said)).get(said.key)
            statements.state(connection, said, _who(request, wish.who), now)
            changed = differences(to_builtins(stood.said) if stood else {}, to_builtins(said))
            version = statements.version_of(connection, kind, said.key)
            record(connection, told(request, kind=kind, key=said.key, detail={"changed": changed}))
            follow(connection, (kind,))
    except BadStatement as error:
        raise Refused("bad-parameters", error.ja, error.en) from error
    after.add_task(pin_signed, engine_of(request), now, settings.age_limit)
    return answer({"kind": kind, "key": said.key, "version": version}, {"ETag": f'"{version}"'}, 201)


def _withdraw(request: Request, kind: str, key: str, who: str, now: datetime) -> Response:
    _check_kind(kind)
    try:
        with writing(engine_of(request)) as connection:
            _check_version(request, statements.version_of(connection, kind, key))
            done = statements.withdraw(connection, kind, key, _who(request, who), now)
            if done:
                record(connection, told(request, kind=kind, key=key, detail=TAKEN_BACK))
                follow(connection, (kind,))
    except BadStatement as error:
        raise Refused("bad-parameters", error.ja, error.en) from error
    if not done:
        raise Refused("not-found")
    return Response(status_code=204)


def _entries(connection: Connection, kind: str, history: bool) -> list[Entry]:
    if history:
        return statements.history(connection, kind)
    stands = statements.standing(connection, KINDS[kind])
    return [Entry(kind, key, one.said, one.who, one.at, one.number) for key, one in stands.items()]


def _entry(one: Entry) -> dict[str, Any]:
    return {
        "key": one.key,
        "version": one.number,
        "who": one.who,
        "at": one.at.isoformat(),
        "statement": None if one.said is None else to_builtins(one.said),
    }


def _who(request: Request, said: str) -> str:
    """Give the name that is kept: the visitor's; of a program also the person for whom it says that it speaks."""
    visitor = visitor_of(request)
    spoken = visible(said).strip() if visitor.person.scopes is not None else ""
    return f"{spoken}（{visitor.name}）" if spoken else visitor.name


def _check_version(request: Request, version: int) -> None:
    check_unchanged(asked_etags(request, "if-match"), f'"{version}"')
    if version and "*" in asked_etags(request, "if-none-match"):
        raise Refused("changed-meanwhile")


def _check_kind(kind: str) -> None:
    if kind not in KINDS:
        names = list(KINDS)
        raise Refused(
            "not-found",
            f"その記入の種類はありません。使えるもの: {'、'.join(names)}。",
            f"There is no such kind of statement. Kinds: {', '.join(names)}.",
        )
