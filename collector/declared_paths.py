# SPDX-License-Identifier: Apache-2.0
"""The form with which people of the facility declare a remote path, change what was declared, or take it back.

A form says which word of the record it was made from, and a new one which path it will make. What somebody else
wrote meanwhile is shown and not written over; the same form sent twice makes one path.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.case import JAPAN
from collector.checklist import Short, day_or_none, labels
from collector.rendering import Renderer
from collector.safe_text import typed_lines, visible
from collector.security import form_token, is_own_form, set_form_cookie
from collector.settings import Settings
from collector.standing import standing_case
from collector.statement_check import check_statement, known_in
from collector.stating import keep, take_back
from collector.vendors import MEANS
from collector.visitor import engine_of
from inventory_db.ledger import official_rows
from inventory_db.stated import RemoteAccess, Vendor
from inventory_db.statements import BadStatement, Stated, standing, version_of
from inventory_db.tables import LedgerError, writing

WORDS = (
    "product",
    "where",
    "authentication",
    "ids",
    "terminal_safety",
    "timing",
    "purpose",
)  # as one types them
FIELDS = ("id", "device", "vendor", "means", "port", "sources", "started", *WORDS)
Text = Annotated[str, Form(max_length=2000)]
NUMBER_DIGITS = 3  # of the numbers that daicho gives: 003
_MOST_PORT = 65535


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /register/declare and /register/withdraw."""
    routes = APIRouter(include_in_schema=False)

    show = partial(_show, settings, renderer, now)

    @routes.get("/register/declare")
    def show_form(request: Request) -> Response:
        asked = {name: request.query_params.get(name, "")[:200] for name in FIELDS}
        if not asked["id"]:
            return show(request, asked | {"id": f"p-{secrets.token_hex(8)}"}, version="0", by_number=False)
        with engine_of(request).connect() as connection:
            stood = _stands(connection, asked["id"])
        if stood is None:
            raise HTTPException(404)
        return show(request, _typed(stood.said), version=str(stood.number), by_number=False)

    @routes.post("/register/declare")
    def declare(  # one parameter for each field of the form
        request: Request,
        id: Short = "",
        device: Short = "",
        vendor: Short = "",
        means: Short = "",
        port: Short = "",
        sources: Text = "",
        started: Short = "",
        product: Short = "",
        where: Text = "",
        authentication: Text = "",
        ids: Text = "",
        terminal_safety: Text = "",
        timing: Text = "",
        purpose: Text = "",
        version: Short = "",
        token: Short = "",
    ) -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        typed = {
            "id": id, "device": device, "vendor": vendor, "means": means, "port": port, "sources": sources,
            "started": started, "product": product, "where": where, "authentication": authentication, "ids": ids,
            "terminal_safety": terminal_safety, "timing": timing, "purpose": purpose,
        }  # fmt: skip
        moment = now()
        try:
            if not _declare(request, typed, version, moment):
                return show(request, typed, clash=True)
        except LedgerError as error:
            return show(request, typed, trouble=error, version=version)
        return RedirectResponse("/register?message=declared", 303)

    _offer_withdrawal(routes, show, now)
    return routes


def _offer_withdrawal(routes: APIRouter, show: Callable[..., Response], now: Callable[[], datetime]) -> None:
    @routes.post("/register/withdraw")
    def withdraw(request: Request, id: Short, version: Short = "", token: Short = "") -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        with writing(engine_of(request)) as connection:
            stood = _stands(connection, id)
            clash = stood is not None and _is_other(connection, id, version)
            if not clash:
                take_back(connection, request, RemoteAccess.KIND, id, now())
        if stood is not None and clash:
            return show(request, _typed(stood.said), clash=True, version=str(stood.number), by_number=False)
        return RedirectResponse("/register?message=taken_back", 303)


def _declare(request: Request, typed: Mapping[str, str], version: str, now: datetime) -> bool:
    """Keep what was typed; False if something else stands there since the form was made. Raises BadStatement."""
    with writing(engine_of(request)) as connection:
        said = _said({**typed, "device": _device(connection, typed["device"])})
        check_statement(said, known_in(connection), now.astimezone(JAPAN).date())
        if _is_other(connection, said.id, version):
            stood = _stands(connection, said.id)
            return stood is not None and stood.said == said
        keep(connection, request, said, now)
        return True


def _stands(connection: Connection, id: str) -> Stated[RemoteAccess] | None:
    return standing(connection, RemoteAccess).get(id)


def _is_other(connection: Connection, id: str, version: str) -> bool:
    """Whether the last word on the path is another one than the form was made from."""
    return version != str(version_of(connection, RemoteAccess.KIND, id)) and bool(
        version or _stands(connection, id)
    )


def _device(connection: Connection, typed: str) -> str:
    """Give the device with a 管理番号 as people type it; "" for none. Raises BadStatement for one that nobody has."""
    number = typed.strip()
    if not number:
        return ""
    held = {row.number: row.device.id for row in official_rows(connection)}
    found = held.get(number) or held.get(number.zfill(NUMBER_DIGITS))
    if found is None:
        raise BadStatement(
            f"管理番号「{number[:20]}」の機器は台帳にありません。台帳の番号を書くか、空にしてください。何も変更していません。",
            f"No device has the number “{number[:20]}”. Write a number of the ledger, or leave it empty. Nothing was changed.",
        )
    return found


def _typed(said: RemoteAccess) -> dict[str, str]:
    """Give the form's fields of what was declared."""
    held = {name: str(getattr(said, name) or "") for name in FIELDS}
    return held | {"sources": "\n".join(said.sources)}


def _said(typed: Mapping[str, str]) -> RemoteAccess:
    """Make the statement of what was typed; raises BadStatement that names what cannot be right."""
    if not typed["purpose"].strip() or typed["means"] not in MEANS:
        raise BadStatement(
            "つなぎ方と目的を書いてから、もう一度送ってください。何も変更していません。",
            "Give the way in and its purpose, then send the form again. Nothing was changed.",
        )
    port = typed["port"].strip() or "0"
    if not (port.isascii() and port.isdigit() and int(port[:6]) <= _MOST_PORT):
        raise BadStatement(
            "口の番号は 0 から 65535 までの数です。分からなければ空にしてください。何も変更していません。",
            "A port is a number up to 65535; leave it empty if you do not know. Nothing was changed.",
        )
    return RemoteAccess(
        id=visible(typed["id"]).strip() or f"p-{secrets.token_hex(8)}",
        device=typed["device"],
        vendor=typed["vendor"],
        means=typed["means"],
        port=int(port),
        sources=tuple(one for one in re.split(r"[\s,、]+", typed["sources"]) if one),
        started=day_or_none("on", typed["started"]),
        **{name: typed_lines(typed[name]).strip() for name in WORDS},
    )


def _show(
    settings: Settings,
    renderer: Renderer,
    now: Callable[[], datetime],
    request: Request,
    typed: Mapping[str, str],
    *,
    trouble: LedgerError | None = None,
    by_number: bool = True,
    version: str | None = None,
    clash: bool = False,
) -> Response:
    """Give the form; `clash`: beside what was typed, what somebody else wrote meanwhile, from which it is made anew."""
    with engine_of(request).connect() as connection:
        case = standing_case(connection, now(), settings)
        # first the version: what comes between is shown and is another one still
        last = str(version_of(connection, RemoteAccess.KIND, typed["id"]))
        stood = _stands(connection, typed["id"])
    numbers = {row.device.id: row.number for row in case.rows}
    if not by_number:
        typed = {**typed, "device": numbers.get(typed["device"], "")}
    token = form_token(request)
    held = _typed(stood.said) if stood else {}
    response = renderer.page(
        request,
        "declared_path",
        status=409 if clash else 400 if trouble else 200,
        section="register",
        typed=typed,
        known=stood is not None,
        version=last if version is None else version,
        clash=clash,
        stood=stood,
        held=held | {"device": numbers.get(held["device"], held["device"])} if held else held,
        shown=FIELDS[1:],
        words_of=WORDS,
        means=MEANS,
        vendors=[(one.id, one.name) for one in case.said(Vendor)],
        device_name=next(
            (labels(case)[id] for id, number in numbers.items() if number == typed["device"]), ""
        ),
        trouble=trouble,
        token=token,
    )
    set_form_cookie(response, request, token)
    return response
