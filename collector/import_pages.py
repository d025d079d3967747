# SPDX-License-Identifier: Apache-2.0
"""Taking in the facility's own ledger on the pages: hand in, look through, correct the columns, then yes or no."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector import import_draft
from collector.auditing import told
from collector.import_draft import MOST_FILE, ImportDraft
from collector.import_lists import count, lists_of, sheets_of
from collector.import_upload import Uploaded
from collector.imports.ledger_import import Import, Wanted, write
from collector.imports.trouble import BadImport
from collector.rendering import Renderer
from collector.safe_text import visible
from collector.security import form_token, is_own_form
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db.audit import record
from inventory_db.ledger import official_rows
from inventory_db.listed import OTHER_COLUMNS
from inventory_db.official import COLUMNS
from inventory_db.people import BadEntry
from inventory_db.statements import BadStatement
from inventory_db.tables import writing

MOST_SHOWN = 20  # lines of one list, unless all are asked for
MOST_EVER = 2000
OURS = (*COLUMNS, *OTHER_COLUMNS)
Short = Annotated[str, Form(max_length=200)]
Names = Annotated[list[Annotated[str, Form(max_length=600)]], Form(max_length=1000)]
Trouble = BadImport | BadStatement | BadEntry
Tell = Callable[..., Response]


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /import."""
    routes = APIRouter(include_in_schema=False)

    def show(request: Request, trouble: Trouble | None = None) -> Response:
        return _show(renderer, request, trouble)

    @routes.get("/import")
    def begin(request: Request) -> Response:
        return show(request)

    @routes.post("/import")
    def hand_in(request: Request, upload: Uploaded) -> Response:
        _check(request, upload.token)
        draft = ImportDraft(upload.name, upload.data)
        try:
            return _try_and_keep(request, draft, now())
        except BadImport as error:
            return show(request, error)

    _add_preview(routes, renderer, now)
    _add_decision(routes, renderer, now)
    return routes


def _add_preview(routes: APIRouter, renderer: Renderer, now: Callable[[], datetime]) -> None:
    @routes.get("/import/preview")
    def preview(request: Request) -> Response:
        return _preview(renderer, request)

    @routes.post("/import/columns")
    def correct(
        request: Request,
        label: Names | None = None,
        ours: Names | None = None,
        was: Names | None = None,
        sheet: Short = "",
        ledger: Short = "",
        win: Short = "",
        token: Short = "",
    ) -> Response:
        _check(request, token)
        draft = _draft(request)
        if draft is None:
            return RedirectResponse("/import", 303)
        same_sheet = sheet == draft.wanted.sheet
        columns = _chosen(draft.wanted.overrides, label or [], ours or [], was or []) if same_sheet else {}
        wanted = Wanted(sheet, columns, visible(ledger).strip(), bool(win))
        try:
            return _try_and_keep(request, replace(draft, wanted=wanted), now())
        except BadImport as error:
            return _preview(renderer, request, error)


def _add_decision(routes: APIRouter, renderer: Renderer, now: Callable[[], datetime]) -> None:
    @routes.post("/import/apply")
    def apply(request: Request, gone: Short = "", token: Short = "") -> Response:
        _check(request, token)
        draft = _draft(request)
        if draft is None:
            return RedirectResponse("/import", 303)
        try:
            done = _apply(request, draft, visible(gone).strip(), now())
        except (BadImport, BadStatement, BadEntry) as error:
            return _preview(renderer, request, error)
        return RedirectResponse(f"/import?{done}", 303)

    @routes.post("/import/discard")
    def discard(request: Request, token: Short = "") -> Response:
        _check(request, token)
        with writing(engine_of(request)) as connection:
            import_draft.drop(connection, _account(request))
            record(connection, told(request, kind="import", detail={"discarded": True}))
        return RedirectResponse("/import?discarded=1", 303)


def _check(request: Request, token: str) -> None:
    if not is_own_form(request, token):
        raise HTTPException(403)


def _account(request: Request) -> str:
    return visitor_of(request).account or ""


def _draft(request: Request) -> ImportDraft | None:
    with engine_of(request).connect() as connection:
        return import_draft.find(connection, _account(request))


def _try_and_keep(request: Request, draft: ImportDraft, now: datetime) -> Response:
    """Keep the file if it can be read so; raises BadImport, and then all is as before."""
    if len(draft.data) > MOST_FILE:
        raise HTTPException(413)
    with engine_of(request).connect() as connection:
        import_draft.work_out(connection, draft)
    with writing(engine_of(request)) as connection:
        import_draft.keep(connection, _account(request), draft, name_of(request), now)
        told_of = {
            "bytes": len(draft.data),
            "sha256": hashlib.sha256(draft.data).hexdigest(),
            "written": False,
        }
        record(connection, told(request, kind="import", key=draft.name, detail=told_of))
    return RedirectResponse("/import/preview", 303)


def _chosen(before: Mapping[str, str], labels: list[str], ours: list[str], was: list[str]) -> dict[str, str]:
    """Give their column → ours for those that a person changed, now or earlier."""
    if not len(labels) == len(ours) == len(was):
        raise HTTPException(400)
    return {
        theirs: name
        for theirs, name, shown in zip(labels, ours, was, strict=True)
        if (name != shown or theirs in before) and (name in OURS or name in ("", theirs))
    }


def _apply(request: Request, draft: ImportDraft, gone: str, now: datetime) -> str:
    """Write all of it at once, with its entry in the audit log; gives what was done as a query string."""
    with writing(engine_of(request)) as connection:
        made = import_draft.work_out(connection, draft)
        done = write(connection, made, name_of(request), now, gone)
        import_draft.drop(connection, _account(request))
        counts = {"rows": done.rows, "cells": done.cells, "gone": done.gone}
        sha = hashlib.sha256(draft.data).hexdigest()
        detail = {**counts, "sha256": sha, "written": True, **({"reason": gone} if gone else {})}
        record(connection, told(request, kind="import", key=draft.name, detail=detail))
    return "&".join(f"{name}={number}" for name, number in counts.items())


def _show(renderer: Renderer, request: Request, trouble: Trouble | None) -> Response:
    draft = _draft(request)
    return renderer.page(
        request,
        "import",
        status=400 if trouble else 200,
        section="ledger",
        token=form_token(request),
        waiting=draft.name if draft else "",
        most=MOST_FILE // 2**20,
        trouble=trouble,
        done=_done(request.query_params),
        discarded=request.query_params.get("discarded") == "1",
    )


def _done(query: Mapping[str, str]) -> dict[str, int] | None:
    found = {name: query.get(name, "") for name in ("rows", "cells", "gone")}
    if not all(text.isascii() and text.isdigit() and len(text) < 8 for text in found.values()):
        return None
    return {name: int(text) for name, text in found.items()}


def _preview(renderer: Renderer, request: Request, trouble: Trouble | None = None) -> Response:
    draft = _draft(request)
    if draft is None:
        return RedirectResponse("/import", 303)
    try:
        with engine_of(request).connect() as connection:
            made = import_draft.work_out(connection, draft)
            numbers = {row.device.id: row.number for row in official_rows(connection)}
    except BadImport as error:  # the ledger changed since, or the file cannot be read any more
        return _show(renderer, request, error)
    return _page(renderer, request, draft, made, numbers, trouble)


def _page(
    renderer: Renderer,
    request: Request,
    draft: ImportDraft,
    made: Import,
    numbers: dict[str, str],
    trouble: Trouble | None,
) -> Response:
    everything = request.query_params.get("all", "")
    return renderer.page(
        request,
        "import_preview",
        status=400 if trouble else 200,
        section="ledger",
        token=form_token(request),
        draft=draft,
        made=made,
        counts=count(made),
        lists=lists_of(made, numbers),
        most=MOST_SHOWN,
        most_ever=MOST_EVER,
        everything=everything,
        sheets=sheets_of(made),
        official=COLUMNS,
        others=OTHER_COLUMNS,
        trouble=trouble,
    )
