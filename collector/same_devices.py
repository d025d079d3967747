# SPDX-License-Identifier: Apache-2.0
"""Pages on which a person decides that two devices are one or are not, takes a part of one away, or takes it back.

Every decision is a statement (`same_device`); the devices are derived again in its own transaction, so the answer
shows what came of it. A decision that changes nothing because its parts lead to several devices is not kept.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.case import JAPAN
from collector.leaves import leaf
from collector.rendering import Renderer
from collector.safe_text import typed_lines
from collector.sameness import between, find_typed, pairs_of, rulings
from collector.sameness import shown as readable
from collector.security import form_token, is_own_form
from collector.settings import Settings
from collector.standing import standing_case
from collector.stating import keep, take_back
from collector.visitor import engine_of
from inventory_db import ledger
from inventory_db.decisions import decisions
from inventory_db.device import Device
from inventory_db.official import OfficialRow
from inventory_db.stated import SameDevice
from inventory_db.tables import writing

PER_PAGE = 20
MOST_RULINGS = 200  # shown, the newest
Short = Annotated[str, Form(max_length=200)]
Reason = Annotated[str, Form(max_length=1000)]
Handles = Annotated[list[str], Form(default_factory=list)]
_DONE = ("merged", "parted", "undone", "nothing")


class NotSo(Exception):
    """The devices would not be as decided; nothing is kept."""


def router(settings: Settings, renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /same-devices."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/same-devices")
    def show(request: Request) -> Response:
        return _show(settings, renderer, request, now())

    @routes.get("/same-devices/pair")
    def ask(request: Request, one: str = "", other: str = "") -> Response:
        return _ask(settings, renderer, request, now(), one[:200], other[:200])

    @routes.post("/same-devices/pair")
    def decide(
        request: Request,
        one: Short = "",
        other: Short = "",
        same: Short = "",
        reason: Reason = "",
        token: Short = "",
    ) -> Response:
        _check(request, token)
        if same not in ("yes", "no"):
            raise HTTPException(400)
        if not (reason := typed_lines(reason)):
            return _ask(settings, renderer, request, now(), one, other, "no_reason")
        try:
            _decide(request, (one, other), same == "yes", reason, now())
        except NotSo:
            return _ask(settings, renderer, request, now(), one, other, "not_so")
        return _to(f"/devices/{quote(one)}", "merged") if same == "yes" else _to("/same-devices", "parted")

    @routes.post("/same-devices/split")
    def split(
        request: Request, part: Handles, device: Short = "", reason: Reason = "", token: Short = ""
    ) -> Response:
        _check(request, token)
        back = f"/devices/{quote(device)}"
        if not (reason := typed_lines(reason)):
            return _to(back, "no_reason", "parts")
        try:
            _split(request, device, part, reason, now())
        except NotSo:
            return _to(back, "not_so", "parts")
        return _to(back, "parted")

    @routes.post("/same-devices/undo")
    def undo(request: Request, key: Short = "", token: Short = "") -> Response:
        _check(request, token)
        with writing(engine_of(request)) as connection:
            stands = any(one.said.key == key for one in decisions(connection))
            take_back(connection, request, SameDevice.KIND, key, now())
        return _to("/same-devices", "undone" if stands else "nothing")

    return routes


def _check(request: Request, token: str) -> None:
    if not is_own_form(request, token):
        raise HTTPException(403)


def _to(address: str, message: str, part: str = "") -> Response:
    return RedirectResponse(f"{address}?message={message}{'#' + part if part else ''}", 303)


def _decide(request: Request, ids: Sequence[str], same: bool, reason: str, now: datetime) -> None:
    with writing(engine_of(request)) as connection:
        one, other = (_device(connection, id) for id in ids)
        if one.id == other.id:
            raise NotSo
        _state(connection, request, _handles(one), _handles(other), same, reason, now)
        if (_device(connection, one.id).id == _device(connection, other.id).id) != same:
            raise NotSo


def _split(request: Request, id: str, chosen: Sequence[str], reason: str, now: datetime) -> None:
    with writing(engine_of(request)) as connection:
        every = _handles(_device(connection, id))
        away = tuple(handle for handle in every if handle in chosen)
        stays = tuple(handle for handle in every if handle not in away)
        _state(connection, request, away, stays, False, reason, now)
        left = set(_handles(_device(connection, id)))
        if left & set(away) and left & set(stays):
            raise NotSo


def _state(
    connection: Connection,
    request: Request,
    one: tuple[str, ...],
    other: tuple[str, ...],
    same: bool,
    reason: str,
    now: datetime,
) -> None:
    if not one or not other:
        raise NotSo
    on = now.astimezone(JAPAN).date()
    said = SameDevice(one=one, other=other, same=same, reason=reason, on=on)
    keep(connection, request, said, now)


def _device(connection: Connection, id: str) -> Device:
    found = ledger.find_device(connection, id)
    if found is None:
        raise HTTPException(404)
    return found[0].device


def _handles(device: Device) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.handle for part in device.parts))


def _show(settings: Settings, renderer: Renderer, request: Request, now: datetime) -> Response:
    query = request.query_params
    with engine_of(request).connect() as connection:
        rows = standing_case(connection, now, settings).rows
        decided = rulings(decisions(connection), rows)
    pairs = pairs_of(rows)
    return renderer.page(
        request,
        "same_devices",
        section="same_devices",
        token=form_token(request),
        pairs=leaf(request, pairs, "/same-devices", per=PER_PAGE),
        rulings=decided[:MOST_RULINGS],
        readable=readable,
        message=query.get("message", "") if query.get("message", "") in _DONE else "",
        empty=not rows,
    )


def _ask(
    settings: Settings,
    renderer: Renderer,
    request: Request,
    now: datetime,
    one: str,
    other: str,
    trouble: str = "",
) -> Response:
    with engine_of(request).connect() as connection:
        rows = standing_case(connection, now, settings).rows
    found = [find_typed(rows, text) for text in (one, other)]
    both = [row for row in found if row is not None]
    if not trouble and (one or other):
        trouble = _trouble(found)
    return renderer.page(
        request,
        "same_pair",
        status=400 if trouble and request.method == "POST" else 200,
        section="same_devices",
        token=form_token(request),
        typed=(one, other),
        both=both if len(both) == 2 and both[0].device.id != both[1].device.id else [],
        reasons=between(both[0].device, both[1].device.id) if len(both) == 2 else (),
        readable=readable,
        trouble=trouble,
    )


def _trouble(found: Sequence[OfficialRow | None]) -> str:
    one, other = found
    if one is None or other is None:
        return "not_found"
    return "one_only" if one.device.id == other.device.id else ""
