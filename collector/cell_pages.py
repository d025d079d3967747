# SPDX-License-Identifier: Apache-2.0
"""One cell of the ledger that people fill in, edited where it stands.

Without JavaScript the link of a cell leads to a page with one form. With it, htmx asks for the same form and puts
it into the table (`HX-Request`). A form says what stood there when it was opened: what somebody else wrote meanwhile
is shown, not lost. Undoing is writing what stood before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.auditing import told
from collector.device_view import COLUMN_OF, HUMAN
from collector.rendering import Renderer
from collector.safe_text import typed_lines
from collector.security import form_token, is_own_form
from collector.visitor import engine_of, name_of
from inventory_db import ledger
from inventory_db.audit import differences, record
from inventory_db.people import BadEntry, Entry, latest
from inventory_db.tables import writing

Word = Annotated[str, Form(max_length=2000)]
Short = Annotated[str, Form(max_length=200)]


@dataclass(frozen=True, slots=True)
class CellView:
    """One cell as a page shows it."""

    device: str
    key: str  # c8 … c12
    column: str
    number: str
    name: str
    value: str  # as the ledger shows it
    typed: str  # what a person typed, "" if nobody did
    before: str | None  # what the last word replaced, where this visitor may take it back


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /devices/{id}/cells/{key}."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/devices/{id}/cells/{key}")
    def ask(request: Request, id: str, key: str, show: bool = False, message: str = "") -> Response:
        with engine_of(request).connect() as connection:
            cell = _read(connection, id, key, name_of(request))
        done = message if message in ("saved", "unchanged") else ""
        return _answer(renderer, request, cell, shown=show, done=done)

    @routes.post("/devices/{id}/cells/{key}")
    def keep(
        request: Request, id: str, key: str, value: Word = "", seen: Word = "", token: Short = ""
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        wanted = typed_lines(value)
        with writing(engine_of(request)) as connection:
            before = _read(connection, id, key, name_of(request))
            clash = before.typed != typed_lines(seen) and before.typed != wanted
            changed = before.typed != wanted and not clash
            if changed:
                _write(connection, request, before, wanted, now())
            cell = _read(connection, id, key, name_of(request))
        if clash:
            return _answer(renderer, request, cell, wanted=wanted, trouble="clash", status=409)
        done = "saved" if changed else "unchanged"
        if not _in_place(request):
            return RedirectResponse(f"/devices/{quote(id)}/cells/{key}?message={done}", 303)
        return _answer(renderer, request, cell, shown=True, done=done)

    return routes


def _in_place(request: Request) -> bool:
    return request.headers.get("hx-request") == "true"


def _write(connection: Connection, request: Request, cell: CellView, value: str, now: datetime) -> None:
    try:
        ledger.edit(connection, cell.device, cell.column, value or None, name_of(request), now)
    except BadEntry as error:
        raise HTTPException(400) from error
    changed = differences({cell.column: cell.typed}, {cell.column: value})
    record(connection, told(request, detail={"changed": changed}))


def _read(connection: Connection, id: str, key: str, who: str) -> CellView:
    found = ledger.find_device(connection, id) if key in HUMAN else None
    if found is None:
        raise HTTPException(404)
    kept, listed = found
    row = kept.row(listed)
    column = COLUMN_OF[key]
    typed = latest(kept.typed).get(column)
    names = kept.device.names or tuple(one.ip for one in kept.device.addresses if one.ip)
    return CellView(
        device=kept.device.id,
        key=key,
        column=column,
        number=row.number,
        name=names[0] if names else "",
        value=row.cell(column).value,
        typed=(typed.value or "") if typed else "",
        before=_before([one for one in kept.typed if one.column == column], who),
    )


def _before(entries: list[Entry], who: str) -> str | None:
    """Give what stood before the last word, if that is this person's."""
    if not entries or entries[-1].who != who:
        return None
    return (entries[-2].value or "") if len(entries) > 1 else ""


def _answer(
    renderer: Renderer,
    request: Request,
    cell: CellView,
    *,
    shown: bool = False,
    wanted: str | None = None,
    trouble: str = "",
    done: str = "",
    status: int = 200,
) -> Response:
    """Give the cell as a piece of the ledger's table, or as a page of its own."""
    part = _in_place(request)
    return renderer.page(
        request,
        "cell_part" if part else "cell",
        status=200 if part else status,
        section="ledger",
        cell=cell,
        shown=shown,
        wanted=cell.typed if wanted is None else wanted,
        trouble=trouble,
        done=done,
        token=form_token(request),
    )
