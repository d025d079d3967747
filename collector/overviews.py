# SPDX-License-Identifier: Apache-2.0
"""Pages that look at the whole facility: the network diagram, what changed, the register of remote maintenance."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta, tzinfo
from functools import partial

from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from sqlalchemy import Connection

from collector.boundaries import boundaries
from collector.case import Case
from collector.changed import QUIET, SECTIONS, Changed, Section, before_last_scan, say_looks
from collector.diagram.drawing import Drawing
from collector.diagram.model import Diagram
from collector.diagram.reading import diagram_in
from collector.dossier_reading import earlier_case
from collector.leaves import Leaf, leaf, query_of
from collector.register_lines import LISTS, Line, lines, of_match
from collector.rendering import Renderer
from collector.settings import Settings, in_zone
from collector.standing import remembered, standing_case, standing_changes
from collector.translation import Words
from collector.visitor import engine_of, visitor_of
from inventory_db.changes import Change
from inventory_db.stated import Facility

PER_PAGE = 100  # paths, and of each of the three lists
FIRST_CHANGES = 50  # of each section, as long as none is chosen
ZOOMS = (50, 100, 150, 200)  # percent
_FITS = 1500  # pixels; a wider drawing is not made smaller to fit the window
_YEARS = range(1971, 2999)


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make the pages; each reads the ledger in one transaction."""
    routes = APIRouter(include_in_schema=False)
    _add_diagram(routes, settings, renderer, now)
    _add_changes(routes, settings, renderer, now)
    _add_register(routes, settings, renderer, now)
    return routes


def _add_diagram(
    routes: APIRouter, settings: Settings, renderer: Renderer, now: Callable[[], datetime]
) -> None:
    @routes.get("/diagram")
    def show_diagram(request: Request, since: str = "", zoom: str = "") -> Response:
        since = since.strip()[:40]
        day = read_day(since)
        moment = end_of(day, settings.zone) if day else None
        with engine_of(request).connect() as connection:
            case = standing_case(connection, now(), settings)
            diagram = _diagram(connection, case, moment, settings)
        facility = next((one.name for one in case.said(Facility)), "") or visitor_of(request).facility_name
        words = renderer.words(request.query_params, request.cookies, request.headers)
        made = words("diagram.made", day=f"{in_zone(case.now, settings.zone):%Y-%m-%d}")
        drawing = Drawing(diagram, words, (facility, made))
        svg = _sized(drawing, int(zoom) if zoom in map(str, ZOOMS) else 0)
        return renderer.page(
            request,
            "diagram",
            section="diagram",
            empty=not (diagram.segments or diagram.nodes),
            boundaries=boundaries(case),
            numbers={row.device.id: row.number for row in case.rows},
            drawing=Markup(svg),  # noqa: S704 - our own SVG, every text in it escaped
            since=since,
            bad_day=bool(since) and day is None,
            zooms=ZOOMS,
            zoom=zoom if zoom in map(str, ZOOMS) else "",
        )


def _sized(drawing: Drawing, zoom: int) -> str:
    """Give the picture as wide as the page bears (0), or so many percent of the size in which it was drawn."""
    svg = drawing.svg(links=True)
    if not zoom:
        return svg.replace("<svg ", f'<svg class="{_fitting(drawing)}" ', 1)
    wide, high = drawing.layout.width, drawing.layout.height
    size = f'class="zoomed" width="{wide * zoom // 100}" height="{high * zoom // 100}"'
    return svg.replace(f'width="{wide}" height="{high}"', size, 1)


def _diagram(connection: Connection, case: Case, since: datetime | None, settings: Settings) -> Diagram:
    def make() -> tuple[Diagram, int]:
        return diagram_in(case, earlier_case(connection, case, since)), len(case.devices)

    return remembered(connection, ("diagram", since), case.now, settings, make)


def _add_changes(
    routes: APIRouter, settings: Settings, renderer: Renderer, now: Callable[[], datetime]
) -> None:
    @routes.get("/changes")
    def show_changes(request: Request, since: str = "", until: str = "", only: str = "") -> Response:
        since, until = since.strip()[:40], until.strip()[:40]
        words = renderer.words(request.query_params, request.cookies, request.headers)
        first, last = read_day(since), read_day(until)
        trouble, changed = "", None
        for text, day in ((since, first), (until, last)):
            if text and day is None:
                trouble = words("changes.bad_day", text=text)
        with engine_of(request).connect() as connection:
            start = start_of(first, settings.zone) if first else before_last_scan(connection)
            moment = now()
            end = end_of(last, settings.zone) if last else moment
            if start and start > end and not trouble:
                trouble = words("changes.bad_order")
            if start and not trouble:
                changed = standing_changes(connection, start, moment, end if last else None, settings)
        return renderer.page(
            request,
            "changes",
            section="changes",
            since=since,
            until=until,
            trouble=trouble,
            changed=changed,
            parts=_parts(request, changed, only) if changed else [],
            only=only if only in SECTIONS else "",
            q=query_of(request),
            quiet=QUIET,
            looks=say_looks(changed, words) if changed else [],
            period=[f"{in_zone(one, settings.zone):%Y-%m-%d %H:%M}" for one in (start or end, end)],
        )


def _parts(request: Request, changed: Changed, only: str) -> list[tuple[Section, Leaf[Change]]]:
    """Give the sections that are asked for, each with its changes that are shown now."""

    def texts(change: Change) -> str:
        return f"{change.number} {change.name} {change.ja} {change.en}"

    per = PER_PAGE if only in SECTIONS else FIRST_CHANGES
    wanted = [one for one in changed.sections if only in ("", one.key) or only not in SECTIONS]
    cut = [(one, leaf(request, one.changes, "/changes", per=per, texts=texts)) for one in wanted]
    return [(one, part) for one, part in cut if part.matching]


def _add_register(
    routes: APIRouter, settings: Settings, renderer: Renderer, now: Callable[[], datetime]
) -> None:
    @routes.get("/register")
    def show_register(request: Request) -> Response:
        message = request.query_params.get("message", "")
        with engine_of(request).connect() as connection:
            case = standing_case(connection, now(), settings)
        found = lines(case)
        words = renderer.words(request.query_params, request.cookies, request.headers)
        return renderer.page(
            request,
            "register",
            section="register",
            lines=found,
            empty_ledger=not case.devices,
            lists=[(str(match), of_match(found, match)) for match in LISTS],
            every=leaf(request, found, "/register", per=PER_PAGE, texts=partial(_path_texts, words)),
            q=query_of(request),
            most=PER_PAGE,
            message=message if message in ("declared", "taken_back") else "",
        )


def _path_texts(words: Words, one: Line) -> str:
    said, vendor = one.said, one.vendor or one.carer
    path = f"{words.choose('path', one.kind)} {one.product} {one.port or ''}"
    return f"{one.number} {one.name} {path} {vendor.name if vendor else ''} {said.where} {said.purpose}"


def _fitting(drawing: Drawing) -> str:
    return "fits" if drawing.layout.width <= _FITS else "wide"


def read_day(text: str) -> date | None:
    """Read a day as people type it into a form; None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def start_of(day: date, zone: tzinfo) -> datetime:
    """Give the first moment of a day at the facility."""
    return datetime.combine(day, time(), zone)


def end_of(day: date, zone: tzinfo) -> datetime:
    """Give the last moment of a day at the facility."""
    return datetime.combine(day + timedelta(days=1), time(), zone) - timedelta(microseconds=1)
