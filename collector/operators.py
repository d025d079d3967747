# SPDX-License-Identifier: Apache-2.0
"""What people of the facility read and fill in: the ledger, a device, the scans, the journal, downloads."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from collector import ledger_view
from collector.auditing import told
from collector.bulk_edit import last_change
from collector.device_view import COLUMN_OF
from collector.reading import Reading
from collector.rendering import Renderer
from collector.safe_text import visible
from collector.security import SECURITY_HEADERS, form_token, is_own_form, set_form_cookie
from collector.settings import Settings
from collector.visitor import engine_of, visitor_of
from inventory_db.audit import Event
from inventory_db.journal import address_as_kept
from inventory_db.ledger import BY_SCAN
from inventory_db.observations import MOST_COUNTED
from inventory_db.people import HUMAN_COLUMNS, BadEntry

AT_ONCE = 15  # rows that stand at once while somebody types; the rest comes when nobody has typed on
MOST_JOURNAL = 500  # entries on one page, the newest
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_SAID = 40_000  # characters of a transcript on its page, which may weigh 300 KB
Token = Annotated[str, Form(max_length=200)]
Typed = Annotated[str | None, Form(max_length=2000)]
Back = Annotated[int, Query(ge=0, le=100_000)]  # pages of observations before the newest
EDITING_POLICY = f"{SECURITY_HEADERS['Content-Security-Policy']}; script-src 'self'; connect-src 'self'"
_MESSAGES = ("saved", "unchanged", "merged", "parted", "no_reason", "not_so")
Read = Callable[[Request], Reading]


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make the pages, the downloads and the JSON of the ledger."""

    def reading(request: Request) -> Reading:
        return Reading(engine_of(request), now)

    routes = APIRouter(include_in_schema=False)
    _add_ledger(routes, reading, renderer)
    _add_device(routes, reading, renderer)
    _add_records(routes, reading, renderer)
    _add_downloads(routes, reading, settings)
    return routes


def _add_ledger(routes: APIRouter, reading: Read, renderer: Renderer) -> None:
    @routes.get("/")
    def show_ledger(request: Request) -> Response:
        ledger = reading(request).ledger(ledger_view.ask(request.query_params))
        response = renderer.page(
            request,
            f"ledger{_piece(request)}",
            section="ledger",
            answer=ledger.answer,
            at_once=AT_ONCE,
            updated=ledger.updated,
            updated_by=ledger.updated_by,
            by_scan=BY_SCAN,
            last_scan=ledger.last_scan,
            kinds=ledger_view.CLASSES,
            columns=ledger_view.TABLE,
            page_sizes=ledger_view.PAGE_SIZES,
            scripted=has_htmx(),
            **_for_changes(request),
        )
        if has_htmx():
            response.headers["Content-Security-Policy"] = EDITING_POLICY
        return response


def _piece(request: Request) -> str:
    """Name what htmx asks for while somebody types: the list alone, then the rest of it; "" for the whole page."""
    if request.headers.get("hx-request") != "true":
        return ""
    if "rest" in request.query_params:
        return "_rest"
    return "_part" if request.headers.get("hx-target") == "rows" else ""


@cache
def has_htmx() -> bool:
    """Whether deploy/build_frontend.sh has put htmx there; without it cells are edited on pages of their own."""
    return (files("collector") / "static" / "vendor" / "htmx.min.js").is_file()


def _for_changes(request: Request) -> dict[str, Any]:
    """Give what the ledger page needs for changing several devices at once."""
    may = visitor_of(request).may("POST /bulk/apply")
    with engine_of(request).connect() as connection:
        last = last_change(connection, request) if may else None
    counts = {name: request.query_params.get(name, "") for name in ("changed", "back")}
    told_of = {name: int(text) if re.fullmatch("[0-9]{1,3}", text) else None for name, text in counts.items()}
    return {
        "may_change": may,
        "token": form_token(request),
        "human_columns": HUMAN_COLUMNS,
        "last": last,
        **told_of,
    }


def _add_device(routes: APIRouter, reading: Read, renderer: Renderer) -> None:
    @routes.get("/devices/{id}")
    def show_device(request: Request, id: str, message: str = "", back: Back = 0) -> Response:
        view = _found(reading(request).device(id, back))
        token = form_token(request)
        response = renderer.page(
            request,
            "device",
            section="ledger",
            view=view,
            kinds=ledger_view.CLASSES,
            token=token,
            message=message if message in _MESSAGES else "",
        )
        set_form_cookie(response, request, token)
        return response

    @routes.post("/devices/{id}")
    def fill_in(
        request: Request,
        id: str,
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
        _found(reading(request).device_document(id))
        typed = {"c2": c2, "c3": c3, "c4": c4, "c5": c5, "c6": c6, "c7": c7, "c8": c8, "c9": c9}
        typed |= {"c10": c10, "c11": c11, "c12": c12, "kind": kind, "declared": declared}
        changed = _keep(reading(request), id, typed, told(request))
        return RedirectResponse(f"/devices/{quote(id)}?message={'saved' if changed else 'unchanged'}", 303)

    @routes.get("/devices/{id}/observations/{observation}")
    def show_transcript(request: Request, id: str, observation: str) -> Response:
        seen, transcript = _found(reading(request).observation(id, observation))
        shown = {"seen": seen, "transcript": transcript, "most": MOST_SAID}
        return renderer.page(request, "transcript", section="ledger", device_id=id, **shown)


def _add_records(routes: APIRouter, reading: Read, renderer: Renderer) -> None:
    @routes.get("/journal")
    def show_journal(request: Request, address: str = "") -> Response:
        address = address.strip()[:60]
        kept = _as_kept(address)
        good = kept is not None
        entries, total = reading(request).journal(kept or None, MOST_JOURNAL) if good else ([], 0)
        return renderer.page(
            request,
            "journal",
            section="journal",
            address=address,
            bad_address=not good,
            entries=entries,
            total=f"{total}" if address or total <= MOST_COUNTED else f"{MOST_COUNTED}+",
        )


def _add_downloads(routes: APIRouter, reading: Read, settings: Settings) -> None:
    @routes.get("/ledger.csv")
    def download_csv(request: Request) -> Response:
        return _download(reading(request).csv(), "text/csv; charset=utf-8", "csv")

    @routes.get("/ledger.xlsx")
    def download_xlsx(request: Request) -> Response:
        return _download(
            reading(request).xlsx(visitor_of(request).facility_name, settings.zone), XLSX, "xlsx"
        )

    @routes.get("/ledger.json")
    def download_json(request: Request) -> Response:
        return _download(JSONResponse(reading(request).document()).body, "application/json", "json")


def _download(body: bytes | memoryview, media_type: str, ending: str) -> Response:
    named = f"attachment; filename=\"ledger.{ending}\"; filename*=UTF-8''{quote(f'機器台帳.{ending}')}"
    return Response(bytes(body), media_type=media_type, headers={"Content-Disposition": named})


def _found(thing: Any) -> Any:
    if thing is None:
        raise HTTPException(404)
    return thing


def _keep(reading: Reading, id: str, typed: Mapping[str, str | None], event: Event) -> bool:
    values = {COLUMN_OF[key]: _tidy(value) for key, value in typed.items() if value is not None}
    try:
        return reading.fill_in(id, values, event)
    except BadEntry as error:
        raise HTTPException(400) from error


def _tidy(text: str) -> str:
    """What a person typed, without hidden characters, blanks at the ends and Windows line ends."""
    return visible(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _as_kept(text: str) -> str | None:
    """Give an address as the journal has it, "" for none, and None for what is no address."""
    try:
        return text and address_as_kept(text)
    except ValueError:
        return None
