# SPDX-License-Identifier: Apache-2.0
"""One column of many devices changed at once: looked at first, and the last change can be taken back as one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.auditing import told
from collector.rendering import Renderer
from collector.safe_text import visible
from collector.security import form_token, is_own_form
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db import people
from inventory_db.audit import differences, record_all
from inventory_db.drafts import Draft, drop_draft, find_draft, keep_draft
from inventory_db.ledger import edit_all, official_rows
from inventory_db.people import HUMAN_COLUMNS, BadEntry, Entry
from inventory_db.tables import writing

MOST = 500  # devices at once: one page of the ledger
Ids = Annotated[list[Annotated[str, Form(max_length=64)]], Form(max_length=MOST)]
Short = Annotated[str, Form(max_length=200)]
Typed = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Planned:
    """One device that would change."""

    id: str
    number: str
    name: str
    before: str  # what a person typed there, "" for nothing


@dataclass(frozen=True, slots=True)
class LastChange:
    """The last change of many devices by one person."""

    column: str
    value: str
    before: Mapping[str, str]  # device id → what stood there
    at: datetime


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /bulk."""
    routes = APIRouter(include_in_schema=False)

    @routes.post("/bulk")
    def look(
        request: Request, id: Ids | None = None, column: Short = "", value: Typed = "", token: Short = ""
    ) -> Response:
        _check(request, token, column)
        text = people.clean(visible(value))
        with engine_of(request).connect() as connection:
            planned = plan(connection, id or [], column, text)
        return renderer.page(
            request,
            "bulk",
            section="ledger",
            token=form_token(request),
            planned=planned,
            chosen=len(set(id or [])),
            column=column,
            value=text,
        )

    @routes.post("/bulk/apply")
    def apply(
        request: Request, id: Ids | None = None, column: Short = "", value: Typed = "", token: Short = ""
    ) -> Response:
        _check(request, token, column)
        try:
            count = _apply(request, id or [], column, people.clean(visible(value)), now())
        except BadEntry as error:
            raise HTTPException(400) from error
        return RedirectResponse(f"/?changed={count}", 303)

    @routes.post("/bulk/undo")
    def undo(request: Request, token: Short = "") -> Response:
        _check(request, token)
        return RedirectResponse(f"/?back={_undo(request, now())}", 303)

    return routes


def _check(request: Request, token: str, column: str = HUMAN_COLUMNS[0]) -> None:
    if not is_own_form(request, token):
        raise HTTPException(403)
    if column not in HUMAN_COLUMNS:
        raise HTTPException(400)


def plan(connection: Connection, ids: list[str], column: str, value: str) -> list[Planned]:
    """Give the devices among these whose column would become another, by number."""
    wanted, found = set(ids), []
    for row in official_rows(connection):
        if row.device.id in wanted:
            cell = row.cell(column)
            before = cell.value if cell.source == "person" else ""
            if before != value:
                name = row.cell("コンピュータ名").value or row.cell("IPアドレス").value
                found.append(Planned(row.device.id, row.number, name, before))
    return found


def _form(request: Request) -> str:
    return f"bulk/{visitor_of(request).account or ''}"


def last_change(connection: Connection, request: Request) -> LastChange | None:
    """Give this person's last change of many devices, if it was not taken back."""
    return _read(find_draft(connection, _form(request)))


def _read(draft: Draft | None) -> LastChange | None:
    if draft is None:
        return None
    before = msgspec.json.decode(draft.fields["before"], type=dict[str, str])
    return LastChange(draft.fields["column"], draft.fields["value"], before, draft.at)


def _apply(request: Request, ids: list[str], column: str, value: str, now: datetime) -> int:
    with writing(engine_of(request)) as connection:
        planned = plan(connection, ids, column, value)
        if not planned:
            return 0
        before = {one.id: one.before for one in planned}
        _set(connection, request, column, dict.fromkeys(before, value), before, now)
        fields = {"column": column, "value": value, "before": msgspec.json.encode(before).decode()}
        keep_draft(connection, _form(request), fields, name_of(request), now)
    return len(planned)


def _undo(request: Request, now: datetime) -> int:
    """Put back what stood before, where nobody has typed anything else since."""
    with writing(engine_of(request)) as connection:
        last = last_change(connection, request)
        if last is None:
            return 0
        newest = _newest(connection, last.column)
        mine = {
            id for id, entry in newest.items() if (entry.value or "") == last.value and entry.at == last.at
        }
        back = {id: text for id, text in last.before.items() if id in mine}
        _set(connection, request, last.column, back, dict.fromkeys(back, last.value), now)
        drop_draft(connection, _form(request))
    return len(back)


def _newest(connection: Connection, column: str) -> dict[str, Entry]:
    return {entry.device_id: entry for entry in people.entries(connection) if entry.column == column}


def _set(
    connection: Connection,
    request: Request,
    column: str,
    values: Mapping[str, str],
    before: Mapping[str, str],
    now: datetime,
) -> None:
    """Type one value for each device, each with its entry in the audit log."""
    edit_all(connection, ((id, column, value or None) for id, value in values.items()), name_of(request), now)
    event = told(request, kind="device")
    record_all(
        connection,
        [
            replace(
                event,
                key=id,
                detail={**event.detail, "changed": differences({column: before[id]}, {column: value})},
            )
            for id, value in values.items()
        ],
    )
