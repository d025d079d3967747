# SPDX-License-Identifier: Apache-2.0
"""The audit log for administrators and executives: a page with filters, and the whole of it to take along."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, tzinfo

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from sqlalchemy import Engine
from starlette.datastructures import QueryParams

from collector.audit_files import audit_csv, audit_jsonl
from collector.overviews import end_of, read_day, start_of
from collector.rendering import Renderer
from collector.settings import Settings
from collector.visitor import engine_of, visitor_of
from inventory_db import audit_log
from inventory_db.audit import Action, Entry, head
from inventory_db.audit_log import MOST_COUNTED, Wanted

PAGE = 100  # entries on one page
_FIELDS = ("person", "action", "device", "since", "until")


def router(settings: Settings, renderer: Renderer) -> APIRouter:
    """Make the page of the audit log and its downloads."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/audit")
    def show_audit(request: Request) -> Response:
        asked, wanted = _asked(request.query_params, settings.zone)
        before, facility = (
            _number(request.query_params.get("before", "")),
            visitor_of(request).person.facility,
        )
        with engine_of(request).connect() as connection:
            found = audit_log.entries(connection, facility, wanted, before=before, most=PAGE + 1)
            total = audit_log.count(connection, facility, wanted)
            last = head(connection, facility)
        return renderer.page(
            request,
            "audit",
            section="audit",
            asked=asked,
            entries=found[:PAGE],
            older=found[PAGE - 1].number if len(found) > PAGE else 0,
            first=before == 0,
            total=min(total, MOST_COUNTED),
            more=total > MOST_COUNTED,
            actions=list(Action),
            head=last,
            details={one.number: read_detail(one.detail) for one in found[:PAGE]},
        )

    @routes.get("/audit.csv")
    def download_csv(request: Request) -> Response:
        return _download(
            request, settings, "text/csv; charset=utf-8", "csv", lambda some: audit_csv(some, settings.zone)
        )

    @routes.get("/audit.jsonl")
    def download_jsonl(request: Request) -> Response:
        return _download(request, settings, "application/jsonl", "jsonl", audit_jsonl)

    return routes


def _download(
    request: Request,
    settings: Settings,
    media_type: str,
    ending: str,
    write: Callable[[Iterator[Entry]], Iterator[bytes]],
) -> Response:
    """Stream the wanted entries in bounded memory."""
    _, wanted = _asked(request.query_params, settings.zone)
    facility, engine = visitor_of(request).person.facility, engine_of(request)
    headers = {"Content-Disposition": f'attachment; filename="audit.{ending}"'}
    return StreamingResponse(write(_stream(engine, facility, wanted)), media_type=media_type, headers=headers)


def _stream(engine: Engine, facility: int, wanted: Wanted) -> Iterator[Entry]:
    with engine.connect() as connection:
        yield from audit_log.stream(connection, facility, wanted)


def _asked(query: QueryParams, zone: tzinfo) -> tuple[dict[str, str], Wanted]:
    """Read the filters; what is no day or no action is left out and shown empty."""
    asked = {name: query.get(name, "").strip()[:200] for name in _FIELDS}
    since, until = read_day(asked["since"]), read_day(asked["until"])
    asked["action"] = asked["action"] if asked["action"] in list(Action) else ""
    asked |= {"since": since.isoformat() if since else "", "until": until.isoformat() if until else ""}
    return asked, Wanted(
        person=asked["person"],
        action=asked["action"],
        key=asked["device"],
        since=_moment(since, zone, start_of),
        until=_moment(until, zone, end_of),
    )


def read_detail(text: str) -> list[str]:
    """Give what an entry says beyond who and what as lines a person reads; what is no JSON object as it stands."""
    try:
        held = json.loads(text or "{}")
    except ValueError:
        return [text]
    if not isinstance(held, dict):
        return [text]
    changed = held.pop("changed", {})
    lines = [str(held.pop("route"))] if "route" in held else []
    lines += [f"{name}: {_short(value)}" for name, value in held.items()]
    if not isinstance(changed, dict):
        return [*lines, _short(changed)]
    return [*lines, *(f"{name}: {_change(value)}" for name, value in changed.items())]


def _change(value: object) -> str:
    """Give what stood before and what stands now, where an entry holds both."""
    if isinstance(value, list) and len(value) == 2:
        return f"{_short(value[0])} → {_short(value[1])}"
    return _short(value)


def _short(value: object) -> str:
    if value is None or value == "":
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _moment(day: object, zone: tzinfo, edge: Callable[..., datetime]) -> datetime | None:
    return edge(day, zone) if day else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else 0
