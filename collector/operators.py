# SPDX-License-Identifier: Apache-2.0
"""What people of the facility read and fill in: the ledger, a device, the scans, the journal, downloads."""

import ipaddress
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from collector import ledger_view
from collector.device_view import COLUMN_OF
from collector.reading import Reading
from collector.rendering import Renderer
from collector.safe_text import visible
from collector.security import TOKEN_COOKIE, form_token, is_own_form
from collector.settings import Settings
from inventory_db.ledger import BY_SCAN
from inventory_db.people import BadEntry

MOST_JOURNAL = 500  # entries on one page, the newest
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Token = Annotated[str, Form(max_length=200)]
Typed = Annotated[str | None, Form(max_length=2000)]
Who = Annotated[str, Form(min_length=1, max_length=100)]


def router(settings: Settings, reading: Reading, renderer: Renderer) -> APIRouter:
    """Make the pages, the downloads and the JSON of the ledger."""
    routes = APIRouter(include_in_schema=False)
    _add_ledger(routes, reading, renderer)
    _add_device(routes, reading, renderer)
    _add_records(routes, reading, renderer)
    _add_downloads(routes, reading, settings)
    return routes


def _add_ledger(routes: APIRouter, reading: Reading, renderer: Renderer) -> None:
    @routes.get("/")
    def show_ledger(request: Request) -> Response:
        ledger = reading.ledger()
        return renderer.page(
            request,
            "ledger",
            section="ledger",
            answer=ledger_view.answer(ledger.entries, ledger_view.ask(request.query_params)),
            updated=ledger.updated,
            updated_by=ledger.updated_by,
            by_scan=BY_SCAN,
            last_scan=ledger.last_scan,
            kinds=ledger_view.CLASSES,
            columns=ledger_view.TABLE,
            page_sizes=ledger_view.PAGE_SIZES,
        )


def _add_device(routes: APIRouter, reading: Reading, renderer: Renderer) -> None:
    @routes.get("/devices/{id}")
    def show_device(request: Request, id: str, message: str = "") -> Response:
        view = _found(reading.device(id))
        token = form_token(request)
        response = renderer.page(
            request,
            "device",
            section="ledger",
            view=view,
            kinds=ledger_view.CLASSES,
            token=token,
            message=message if message in ("saved", "unchanged") else "",
        )
        response.set_cookie(TOKEN_COOKIE, token, samesite="strict", httponly=True, path="/")
        return response

    @routes.post("/devices/{id}")
    def fill_in(
        request: Request,
        id: str,
        who: Who,
        token: Token = "",
        c2: Typed = None,
        c3: Typed = None,
        c4: Typed = None,
        c5: Typed = None,
        c6: Typed = None,
        c7: Typed = None,
        c8: Typed = None,
        c9: Typed = None,
        c10: Typed = None,
        c11: Typed = None,
        c12: Typed = None,
        kind: Typed = None,
        declared: Typed = None,
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        _found(reading.device_document(id))
        typed = {"c2": c2, "c3": c3, "c4": c4, "c5": c5, "c6": c6, "c7": c7, "c8": c8, "c9": c9}
        typed |= {"c10": c10, "c11": c11, "c12": c12, "kind": kind, "declared": declared}
        changed = _keep(reading, id, typed, _tidy(who))
        return RedirectResponse(f"/devices/{quote(id)}?message={'saved' if changed else 'unchanged'}", 303)

    @routes.get("/devices/{id}/observations/{observation}")
    def show_transcript(request: Request, id: str, observation: str) -> Response:
        seen, transcript = _found(reading.observation(id, observation))
        return renderer.page(
            request, "transcript", section="ledger", device_id=id, seen=seen, transcript=transcript
        )


def _add_records(routes: APIRouter, reading: Reading, renderer: Renderer) -> None:
    @routes.get("/scans")
    def show_scans(request: Request) -> Response:
        return renderer.page(request, "scans", section="scans", scans=reading.scans()[::-1])

    @routes.get("/journal")
    def show_journal(request: Request, address: str = "") -> Response:
        address = address.strip()[:60]
        good = not address or _is_address(address)
        entries = reading.journal(address or None) if good else []
        return renderer.page(
            request,
            "journal",
            section="journal",
            address=address,
            bad_address=not good,
            entries=entries[: -MOST_JOURNAL - 1 : -1],
            total=len(entries),
        )


def _add_downloads(routes: APIRouter, reading: Reading, settings: Settings) -> None:
    @routes.get("/ledger.csv")
    def download_csv() -> Response:
        return _download(reading.csv(), "text/csv; charset=utf-8", "csv")

    @routes.get("/ledger.xlsx")
    def download_xlsx() -> Response:
        return _download(reading.xlsx(settings.facility, settings.zone), XLSX, "xlsx")

    @routes.get("/ledger.json")
    def download_json() -> Response:
        return _download(JSONResponse(reading.document()).body, "application/json", "json")

    @routes.get("/api/v1/ledger")
    def give_ledger() -> Response:
        return JSONResponse(reading.document())

    @routes.get("/api/v1/devices/{id}")
    def give_device(id: str) -> Response:
        return JSONResponse(_found(reading.device_document(id)))


def _download(body: bytes | memoryview, media_type: str, ending: str) -> Response:
    named = f"attachment; filename=\"ledger.{ending}\"; filename*=UTF-8''{quote(f'機器台帳.{ending}')}"
    return Response(bytes(body), media_type=media_type, headers={"Content-Disposition": named})


def _found(thing: Any) -> Any:
    if thing is None:
        raise HTTPException(404)
    return thing


def _keep(reading: Reading, id: str, typed: Mapping[str, str | None], who: str) -> bool:
    if not who:
        raise HTTPException(400)
    values = {COLUMN_OF[key]: _tidy(value) for key, value in typed.items() if value is not None}
    try:
        return reading.fill_in(id, values, who)
    except BadEntry as error:
        raise HTTPException(400) from error


def _tidy(text: str) -> str:
    """What a person typed, without hidden characters, blanks at the ends and Windows line ends."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
