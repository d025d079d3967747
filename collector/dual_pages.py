# SPDX-License-Identifier: Apache-2.0
"""Devices on two networks: the list of found and declared ones, and the form that declares one or takes it back."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.case import JAPAN, Case
from collector.checklist import Short, labels, read_day_or_refuse
from collector.dual_homed import Dual, Standing, duals
from collector.rendering import Renderer
from collector.safe_text import typed_lines, visible
from collector.security import form_token, is_own_form, set_form_cookie
from collector.settings import Settings
from collector.standing import standing_case
from collector.statement_check import check_statement, known_in
from collector.stating import keep, take_back
from collector.visitor import engine_of
from inventory_db.device import Device
from inventory_db.stated import DeclaredDual
from inventory_db.statements import BadStatement
from inventory_db.tables import LedgerError, writing

Text = Annotated[str, Form(max_length=2000)]
TROUBLED = frozenset({Standing.UNDECLARED, Standing.DIFFERS, Standing.OVERDUE, Standing.BARE})
BLANK = dict.fromkeys(("device", "networks", "purpose", "approver", "on", "review_by", "remark"), "")
MESSAGES = ("declared", "taken_back")


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /dual-homed."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/dual-homed")
    def show_duals(request: Request) -> Response:
        return _show(settings, renderer, request, now())

    @routes.post("/dual-homed")
    def declare(
        request: Request,
        device: Short,
        networks: Text = "",
        purpose: Text = "",
        approver: Short = "",
        on: Short = "",
        review_by: Short = "",
        remark: Text = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        moment = now()
        typed = {"networks": networks, "purpose": purpose, "approver": approver, "on": on}
        typed |= {"device": device, "review_by": review_by, "remark": remark}
        try:
            said = _said(typed)
            with writing(engine_of(request)) as connection:
                check_statement(said, known_in(connection), moment.astimezone(JAPAN).date())
                keep(connection, request, said, moment)
        except LedgerError as error:
            return _show(settings, renderer, request, moment, error, typed)
        return RedirectResponse(f"/dual-homed?device={quote(device)}&message=declared", 303)

    @routes.post("/dual-homed/withdraw")
    def withdraw(request: Request, device: Short, token: Short = "") -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        with writing(engine_of(request)) as connection:
            take_back(connection, request, DeclaredDual.KIND, device, now())
        return RedirectResponse(f"/dual-homed?device={quote(device)}&message=taken_back", 303)

    return routes


def _said(typed: dict[str, str]) -> DeclaredDual:
    """Make the statement of what was typed; raises BadStatement that names what is missing."""
    for field, ja, en in (("purpose", "目的", "purpose"), ("approver", "承認した人", "approver")):
        if not typed[field].strip():
            raise BadStatement(
                f"{ja}がありません。書いてからもう一度送ってください。何も変更していません。",
                f"The {en} is missing. Write it and send the form again. Nothing was changed.",
            )
    parts = typed["networks"].replace("、", ",").replace("\n", ",").replace(" ", ",").split(",")
    return DeclaredDual(
        device=typed["device"],
        networks=tuple(part.strip() for part in parts if part.strip()),
        purpose=typed_lines(typed["purpose"]).strip(),
        approver=visible(typed["approver"]).strip(),
        on=read_day_or_refuse(typed["on"], "on"),
        review_by=read_day_or_refuse(typed["review_by"], "review_by"),
        remark=typed_lines(typed["remark"]).strip(),
    )


def _show(
    settings: Settings,
    renderer: Renderer,
    request: Request,
    now: datetime,
    trouble: LedgerError | None = None,
    typed: dict[str, str] | None = None,
) -> Response:
    with engine_of(request).connect() as connection:
        case = standing_case(connection, now, settings)
    found, asked = duals(case), (typed or {}).get("device", request.query_params.get("device", ""))
    message, token = request.query_params.get("message", ""), form_token(request)
    response = renderer.page(
        request,
        "dual_homed",
        status=400 if trouble else 200,
        section="register",
        duals=found,
        troubled=TROUBLED,
        asked=_asked(case, asked, found),
        typed=typed or BLANK,
        blank=BLANK,
        labels=labels(case),
        today=case.today.isoformat(),
        message=message if message in MESSAGES else "",
        trouble=trouble,
        token=token,
    )
    set_form_cookie(response, request, token)
    return response


def _asked(case: Case, id: str, found: tuple[Dual, ...]) -> Device | None:
    """The device that somebody wants to declare though it was found on one network only."""
    known = {one.device.id for one in found}
    return next((one for one in case.devices if one.id == id and id not in known), None)
