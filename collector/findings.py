# SPDX-License-Identifier: Apache-2.0
"""What somebody must do: findings of every item in plain words, who sees to each and by when, and service approvals."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.assigned import WHOSE, Held, held_of, is_whose, read_assigned, work_on
from collector.case import JAPAN
from collector.checklist import Short, day_or_none, labels, read_day_or_refuse
from collector.edition import Line
from collector.judged import Judgement
from collector.rendering import Renderer
from collector.safe_text import typed_lines, visible
from collector.security import form_token, is_own_form
from collector.settings import Settings
from collector.standing import judged
from collector.statement_check import check_statement, known_in
from collector.stating import keep, take_back
from collector.verdict import Finding, Text
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db.memberships import OUTSIDE, people_of
from inventory_db.stated import Approval, Assignment, Vendor
from inventory_db.statements import BadStatement, standing
from inventory_db.tables import writing

GROUPINGS = ("item", "device")
PER_PAGE = 100
KEPT = ("by", "device", "item", "whose", "page")  # of the list's address, for the way back to it
MESSAGES = ("approved", "assigned", "unassigned")
APPROVABLE = "service."  # findings of open services may be approved for a time
Reason = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Task:
    """One finding at the item that it is about."""

    line: Line
    finding: Finding
    held: Held | None = None  # who sees to it, and by when; None: not read

    @property
    def may_be_approved(self) -> bool:
        """Whether it is an open service that a person may approve with reason and end."""
        return self.finding.code.startswith(APPROVABLE) and bool(self.finding.device and self.finding.port)

    @property
    def mark(self) -> str:
        """Its finding's key as a form carries it: 32 hex digits, for the key may be long and of any characters."""
        return hashlib.sha256(work_on(self.finding).key.encode(errors="backslashreplace")).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks under one heading."""

    key: str
    title: str
    tasks: tuple[Task, ...]

    @property
    def piles(self) -> list[tuple[Text | None, tuple[Task, ...]]]:
        """Its tasks by what is to do, in the order in which each first comes."""
        together: dict[Text | None, list[Task]] = defaultdict(list)
        for task in self.tasks:
            together[task.finding.todo].append(task)
        return [(todo, tuple(some)) for todo, some in together.items()]


def tasks_of(judgement: Judgement) -> list[Task]:
    """Give every finding that speaks against はい, on the facility's own sheet, each once, proven ones first."""
    found: dict[tuple[str, Finding], Task] = {}
    for sheet in judgement.sheets[:1]:
        for item in sheet.items:
            for finding in item.judged.findings:
                if finding.against:
                    found.setdefault((item.line.item.number, finding), Task(item.line, finding))
    return sorted(found.values(), key=lambda task: not task.finding.proven)


def grouped(tasks: Iterable[Task], by: str, names: Mapping[str, str], language: str) -> list[Group]:
    """Put the tasks under items in the form's order, or under devices, those with the most first."""
    together: dict[str, list[Task]] = defaultdict(list)
    for task in tasks:
        together[task.finding.device if by == "device" else task.line.key].append(task)
    groups = [Group(key, _title(by, some[0], names, language), tuple(some)) for key, some in together.items()]
    return sorted(groups, key=lambda group: -len(group.tasks)) if by == "device" else groups


def _title(by: str, task: Task, names: Mapping[str, str], language: str) -> str:
    if by == "device":
        return names.get(task.finding.device, task.finding.device)
    item = task.line.item
    return f"{item.printed or item.number} {item.text if language == 'ja' else item.en}"


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /findings."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/findings")
    def show_findings(request: Request) -> Response:
        return _show(settings, renderer, request, now())

    @routes.post("/findings/approve")
    def approve(
        request: Request,
        device: Short,
        port: Annotated[int, Form(ge=1, le=65535)],
        transport: Short = "tcp",
        service: Short = "",
        reason: Reason = "",
        until: Short = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        moment = now()
        try:
            said = Approval(
                device=device,
                port=port,
                transport=transport,
                service=visible(service),
                reason=typed_lines(reason),
                approver=name_of(request),
                until=read_day_or_refuse(until),
            )
            with writing(engine_of(request)) as connection:
                check_statement(said, known_in(connection), moment.astimezone(JAPAN).date())
                keep(connection, request, said, moment)
        except BadStatement as error:
            return _show(settings, renderer, request, moment, error)
        return RedirectResponse(f"/findings?by=device&device={quote(device)}&message=approved", 303)

    _add_assigning(routes, settings, renderer, now)
    return routes


def _add_assigning(
    routes: APIRouter, settings: Settings, renderer: Renderer, now: Callable[[], datetime]
) -> None:
    @routes.post("/findings/assign")
    def assign(
        request: Request,
        finding: Short,
        assignee: Short = "",
        target_date: Short = "",
        at: Short = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        moment = now()
        try:
            who, day = visible(assignee).strip(), day_or_none("target_date", target_date)
            kept = _assign(settings, request, finding, who, day, moment)
        except BadStatement as error:
            return _show(settings, renderer, request, moment, error)
        query = {key: request.query_params[key] for key in KEPT if request.query_params.get(key)}
        query["message"] = "assigned" if kept else "unassigned"
        place = f"#{at}" if at.startswith("f") and at[1:].replace("-", "").isdecimal() else ""
        return RedirectResponse(f"/findings?{urlencode(query)}{place}", 303)


def _assign(
    settings: Settings, request: Request, mark: str, assignee: str, day: date | None, now: datetime
) -> bool:
    """Keep who sees to a finding, or take it back where nothing is set (False); raises BadStatement."""
    with engine_of(request).connect() as connection:
        _, judgement = judged(connection, "", now, settings)
    meant = next((task.finding for task in tasks_of(judgement) if task.mark == mark), None)
    if meant is None:
        raise BadStatement(
            "これはもう「やること」の一覧にありません。何も変更していません。",
            "This is no longer among what is to do. Nothing was changed.",
        )
    said = work_on(meant, assignee, day)
    with writing(engine_of(request)) as connection:
        if not said.assignee and said.target_date is None:
            take_back(connection, request, said.KIND, said.key, now)
            return False
        check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
        stood = standing(connection, Assignment).get(said.key)
        if stood is None or stood.said != said:
            keep(connection, request, said, now)
    return True


def _who_may_be_given(connection: Connection, facility: int | None, now: datetime) -> list[str]:
    """Names that the field proposes: people who work here, then vendors; any other words may be typed."""
    here = [] if facility is None else people_of(connection, facility)
    counting = [one for one in here if one.membership.counts(now) and not one.disabled]
    people = [one.name for one in counting if one.membership.role not in OUTSIDE]
    return list(dict.fromkeys([*people, *(one.said.name for one in standing(connection, Vendor).values())]))


def _show(
    settings: Settings,
    renderer: Renderer,
    request: Request,
    now: datetime,
    trouble: BadStatement | None = None,
) -> Response:
    query = request.query_params
    words = renderer.words(query, request.cookies, request.headers)
    by = query.get("by", "") if query.get("by", "") in GROUPINGS else "item"
    whose = query.get("whose", "") if query.get("whose", "") in WHOSE else "all"
    with engine_of(request).connect() as connection:
        case, judgement = judged(connection, "", now, settings)
        said = read_assigned(connection)
        names_to_give = _who_may_be_given(connection, visitor_of(request).facility, now)
    names = labels(case)
    every = [replace(task, held=held_of(task.finding, said)) for task in tasks_of(judgement)]
    narrowed = {key: query.get(key, "") for key in ("device", "item") if query.get(key, "")}
    here = [task for task in every if _is_there(task, narrowed)]
    reader = name_of(request)
    piles = {one: [task for task in here if _is_whose(task, one, reader, case.today)] for one in WHOSE}
    wanted = piles[whose]
    pages = max(1, -(-len(wanted) // PER_PAGE))
    page = min(max(1, _number(query.get("page", ""))), pages)
    return renderer.page(
        request,
        "findings",
        status=400 if trouble else 200,
        section="findings",
        token=form_token(request),
        groups=grouped(wanted[(page - 1) * PER_PAGE : page * PER_PAGE], by, names, words.language),
        by=by,
        groupings=GROUPINGS,
        total=len(every),
        matching=len(wanted),
        page=page,
        pages=pages,
        narrowed=narrowed,
        whose=whose,
        counts={one: len(pile) for one, pile in piles.items()},
        today=case.today,
        names_to_give=names_to_give,
        labels=names,
        basis=judgement.basis,
        trouble=trouble,
        message=query.get("message", "") if query.get("message", "") in MESSAGES else "",
    )


def _is_there(task: Task, narrowed: Mapping[str, str]) -> bool:
    return narrowed.get("device", "") in ("", task.finding.device) and narrowed.get("item", "") in (
        "",
        task.line.key,
    )


def _is_whose(task: Task, whose: str, reader: str, today: date) -> bool:
    return task.held is None or is_whose(task.held, whose, reader, today)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
