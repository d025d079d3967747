# SPDX-License-Identifier: Apache-2.0
"""The checklist as a page: every item with its verdict and evidence, and beside it the mark that a person makes."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.case import JAPAN, Case
from collector.checking import NoSuchEdition
from collector.edition import edition_names, load_edition
from collector.judged import JudgedItem, JudgedSheet, Judgement
from collector.rendering import Renderer
from collector.safe_text import typed_lines
from collector.security import form_token, is_own_form
from collector.settings import Settings
from collector.standing import judged
from collector.statement_check import check_statement, known_in
from collector.stating import keep, take_back
from collector.verdict import Verdict
from collector.visitor import engine_of
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer
from inventory_db.statements import BadStatement
from inventory_db.tables import writing

SIGNS = {  # of each verdict: its word in class names, and a sign that stands beside the word
    Verdict.SUPPORTS_YES: ("yes", "✓"),
    Verdict.PROVES_NO: ("no", "✕"),
    Verdict.CANNOT_TELL: ("unknown", "?"),
    Verdict.ASK_PERSON: ("person", "☞"),
    Verdict.NOT_APPLICABLE: ("none", "–"),
}
ONLY = ("look", "open", "due")  # what the list may be narrowed to
_DAYS = {
    "on": ("確認日", "checked on"),
    "target_date": ("目標日", "target date"),
    "until": ("期限", "last day"),
    "review_by": ("見直しの日", "day of review"),
}
Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=2000)]
MOST_EVIDENCE = 40  # of one item that the page shows; the file has all of it


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sheet is filled in."""

    needed: int
    marked: int
    look: int  # items at which a person must look

    @property
    def percent(self) -> int:
        """Share of the needed items that have a mark."""
        return 100 * self.marked // self.needed if self.needed else 100


def progress(items: Iterable[JudgedItem]) -> Progress:
    """Count what is filled in."""
    found = list(items)
    needed = [item for item in found if item.needed]
    return Progress(len(needed), sum(1 for item in needed if item.mark), sum(i.needs_a_look for i in found))


def is_shown(item: JudgedItem, only: str) -> bool:
    """Say whether the item stays when the list is narrowed."""
    answer = item.second or item.first
    return {
        "look": item.needs_a_look,
        "open": item.needed and not item.mark,
        "due": bool(answer and answer.said.answer == NO and answer.said.target_date),
    }.get(only, True)


def labels(case: Case) -> dict[str, str]:
    """Give number and name of each device, as findings name it."""
    names = {one.id: next(iter(one.names), "") for one in case.devices}
    numbers = {row.device.id: row.number for row in case.rows}
    return {
        id: " ".join(part for part in (numbers.get(id, ""), name) if part) or id for id, name in names.items()
    }


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /checklist."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/checklist")
    def show_newest(request: Request) -> Response:
        return _show(settings, renderer, request, now(), "")

    @routes.get("/checklist/{edition}")
    def show_edition(request: Request, edition: str) -> Response:
        if edition not in edition_names():
            raise HTTPException(404)
        return _show(settings, renderer, request, now(), edition)

    @routes.post("/checklist/{edition}")
    def mark(
        request: Request,
        edition: str,
        sheet: Short,
        target: Short,
        number: Short,
        vendor: Short = "",
        round: Short = "1",
        answer: Short = "",
        on: Short = "",
        target_date: Short = "",
        remark: Long = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        typed = {"sheet": sheet, "target": target, "number": number, "vendor": vendor, "round": round}
        typed |= {"answer": answer, "on": on, "target_date": target_date, "remark": typed_lines(remark)}
        try:
            _keep(request, edition, typed, now())
        except BadStatement as error:
            return _show(settings, renderer, request, now(), edition, (typed, error))
        back = urlencode({"vendor": vendor, "message": "kept" if answer else "taken_back"})
        return RedirectResponse(f"/checklist/{quote(edition)}?{back}#{_anchor(typed)}", 303)

    return routes


def _keep(request: Request, edition: str, typed: dict[str, str], now: datetime) -> None:
    """Keep the mark, or take it back where none was chosen; raises BadStatement."""
    with writing(engine_of(request)) as connection:
        if not typed["answer"]:
            key = "/".join(
                (edition, *(typed[part] for part in ("sheet", "vendor", "target", "number", "round")))
            )
            take_back(connection, request, Answer.KIND, key, now)
            return
        said = _answer(edition, typed, now.astimezone(JAPAN).date())
        check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
        keep(connection, request, said, now)


def _answer(edition: str, typed: dict[str, str], today: date) -> Answer:
    return Answer(
        edition=edition,
        sheet=typed["sheet"],
        target=typed["target"],
        number=typed["number"],
        vendor=typed["vendor"],
        round=2 if typed["round"] == "2" else 1,
        answer=typed["answer"],
        on=day_or_none("on", typed["on"]) or today,
        target_date=day_or_none("target_date", typed["target_date"]),
        remark=typed["remark"],
    )


def read_day_or_refuse(text: str, name: str = "until") -> date:
    """Read a day that must be there; raises BadStatement."""
    day = day_or_none(name, text)
    if day is None:
        raise BadStatement(
            f"日付（{_DAYS[name][0]}）がありません。2026-12-31 の形で書いてください。何も変更していません。",
            f"The date ({_DAYS[name][1]}) is missing. Write it like 2026-12-31. Nothing was changed.",
        )
    return day


def day_or_none(name: str, text: str) -> date | None:
    """Read a day that may be left open; raises BadStatement."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise BadStatement(
            f"日付（{_DAYS[name][0]}）は 2026-04-01 の形で書いてください。何も変更していません。",
            f"Write the date ({_DAYS[name][1]}) like 2026-04-01. Nothing was changed.",
        ) from error


Trouble = tuple[dict[str, str], BadStatement]


def _show(
    settings: Settings,
    renderer: Renderer,
    request: Request,
    now: datetime,
    edition: str,
    trouble: Trouble | None = None,
) -> Response:
    query = request.query_params
    with engine_of(request).connect() as connection:
        try:
            case, judgement = judged(connection, edition, now, settings)
        except NoSuchEdition as error:
            raise HTTPException(404) from error
    only = query.get("only", "") if query.get("only", "") in ONLY else ""
    sheet = _chosen(judgement, trouble[0]["vendor"] if trouble else query.get("vendor", ""))
    return renderer.page(
        request,
        "checklist",
        status=400 if trouble else 200,
        section="checklist",
        token=form_token(request),
        judgement=judgement,
        editions=[load_edition(name) for name in edition_names()],
        sheet=sheet,
        items=[item for item in sheet.items if is_shown(item, only)],
        only=only,
        narrowings=ONLY,
        progress=progress(sheet.items),
        counts=Counter(item.judged.verdict for item in sheet.items),
        signs=SIGNS,
        answers=(YES, NO, NOT_APPLICABLE),
        today=case.today.isoformat(),
        labels=labels(case),
        message=query.get("message", "") if query.get("message", "") in ("kept", "taken_back") else "",
        typed=trouble[0] if trouble else {},
        trouble=trouble[1] if trouble else None,
        most=MOST_EVIDENCE,
        anchor=_anchor,
    )


def _chosen(judgement: Judgement, vendor: str) -> JudgedSheet:
    """Give the vendor's sheet, or the facility's where that vendor has none."""
    fitting = [one for one in judgement.sheets if (one.vendor.id if one.vendor else "") == vendor]
    return (fitting or list(judgement.sheets))[0]


def _anchor(place: Any) -> str:
    """Give the id that an item has on the page."""
    if isinstance(place, JudgedItem):
        return f"item-{place.line.group.target}-{place.line.item.number}"
    return f"item-{place['target']}-{place['number']}"
