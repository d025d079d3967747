# SPDX-License-Identifier: Apache-2.0
"""What somebody must do: findings of every item in plain words, by item or by device, and the service approvals."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.case import JAPAN
from collector.checklist import Short, labels, read_day_or_refuse
from collector.edition import Line
from collector.judged import Judgement
from collector.rendering import Renderer
from collector.safe_text import typed_lines, visible
from collector.security import form_token, is_own_form
from collector.settings import Settings
from collector.standing import judged
from collector.statement_check import check_statement, known_in
from collector.stating import keep
from collector.verdict import Finding
from collector.visitor import engine_of, name_of
from inventory_db.stated import Approval
from inventory_db.statements import BadStatement
from inventory_db.tables import writing

GROUPINGS = ("item", "device")
PER_PAGE = 100
APPROVABLE = "service."  # findings of open services may be approved for a time
Reason = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True, slots=True)
class Task:
    """One finding at the item that it is about."""

    line: Line
    finding: Finding

    @property
    def may_be_approved(self) -> bool:
        """Whether it is an open service that a person may approve with reason and end."""
        return self.finding.code.startswith(APPROVABLE) and bool(self.finding.device and self.finding.port)


@dataclass(frozen=True, slots=True)
class Group:
    """Tasks under one heading."""

    key: str
    title: str
    tasks: tuple[Task, ...]


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

    return routes


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
    with engine_of(request).connect() as connection:
        case, judgement = judged(connection, "", now, settings)
    names = labels(case)
    tasks = tasks_of(judgement)
    wanted = [t for t in tasks if query.get("device", "") in ("", t.finding.device)]
    wanted = [t for t in wanted if query.get("item", "") in ("", t.line.key)]
    page = min(max(1, _number(query.get("page", ""))), max(1, -(-len(wanted) // PER_PAGE)))
    shown = wanted[(page - 1) * PER_PAGE : page * PER_PAGE]
    return renderer.page(
        request,
        "findings",
        status=400 if trouble else 200,
        section="findings",
        token=form_token(request),
        groups=grouped(shown, by, names, words.language),
        by=by,
        groupings=GROUPINGS,
        total=len(tasks),
        matching=len(wanted),
        page=page,
        pages=max(1, -(-len(wanted) // PER_PAGE)),
        narrowed={key: query.get(key, "") for key in ("device", "item") if query.get(key, "")},
        labels=names,
        basis=judgement.basis,
        trouble=trouble,
        message="approved" if query.get("message", "") == "approved" else "",
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
