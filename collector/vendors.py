# SPDX-License-Identifier: Apache-2.0
"""A vendor's own pages: its hospitals, the paths that look like its own, and its word on each of them.

Every word is kept in the name of the person who is signed in, under the key that the account is bound to.
"""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.auditing import told
from collector.case import JAPAN
from collector.doors import Doors, Text, Token, check_form
from collector.overviews import read_day
from collector.register import CORRECTED, NONE, NONE_IN_USE, STATES
from collector.safe_text import visible
from collector.vendor_contract import Contract, keep_words, read_contract
from collector.vendor_view import Stand, VendorPath
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db import facilities, memberships
from inventory_db.accounts import Role
from inventory_db.audit import record
from inventory_db.stated import Confirmation
from inventory_db.statements import BadStatement, history, withdraw
from inventory_db.tables import writing

Long = Annotated[str, Form(max_length=2000)]
Many = Annotated[list[str] | None, Form()]
MESSAGES = ("kept", "none", "again")
MEANS = (
    "ssl_vpn", "ipsec", "openvpn", "l2tp", "pptp", "softether", "wireguard", "rdp", "vnc", "remote_tool",
    "mobile_router", "port_mapping", "ssh", "telnet", "web_admin",
)  # fmt: skip
FIELDS = ("users", "where", "restriction", "authentication", "terminal_safety", "timing", "purpose")


def router(doors: Doors) -> APIRouter:
    """Make /vendor."""
    routes = APIRouter(include_in_schema=False)
    _add_home(routes, doors)
    _add_path(routes, doors)
    return routes


def _add_home(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/vendor")
    def show_home(request: Request, message: str = "") -> Response:
        who, now = visitor_of(request).person, doors.now()
        contract = read_contract(doors, request)
        with doors.engine.connect() as connection:
            mine = [
                one for one in memberships.places(connection, who.account, now) if one.role is Role.VENDOR
            ]
            names = {one.facility: _facility(doors, connection, one.facility) for one in mine}
        if contract.case.facility:
            names[who.facility] = contract.case.facility.name
        return doors.page(
            request,
            "vendor",
            section="vendor",
            view=contract.view,
            stands=list(Stand),
            hospitals=[(one, names[one.facility]) for one in mine],
            here=who.facility,
            message=message if message in MESSAGES else "",
        )

    @routes.post("/vendor/none")
    def use_none(request: Request, evidence: Long = "", token: Token = "") -> Response:
        check_form(request, token)
        contract = read_contract(doors, request)
        said = Confirmation(
            vendor=contract.vendor.id,
            path=NONE_IN_USE,
            state=NONE,
            by=name_of(request),
            on=_today(doors),
            evidence=visible(evidence).strip(),
        )
        keep_words(doors, request, [said])
        return RedirectResponse("/vendor?message=none", 303)

    @routes.post("/vendor/none/take-back")
    def use_some(request: Request, token: Token = "") -> Response:
        check_form(request, token)
        key = f"{read_contract(doors, request).vendor.id}/{NONE_IN_USE}"
        with writing(engine_of(request)) as connection:
            if withdraw(connection, Confirmation.KIND, key, name_of(request), doors.now()):
                what = {"changed": {"statement": ["stood", "taken back"]}}
                record(connection, told(request, kind=Confirmation.KIND, key=key, detail=what))
        return RedirectResponse("/vendor?message=again", 303)


def _add_path(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/vendor/paths/{id}")
    def show_path(request: Request, id: str) -> Response:
        contract = read_contract(doors, request)
        return _show(doors, request, contract, _own(contract, id))

    @routes.post("/vendor/paths/{id}")
    def say(
        request: Request,
        id: str,
        state: Text = "",
        users: Long = "",
        where: Long = "",
        sources: Long = "",
        means: Text = "",
        product: Text = "",
        restriction: Long = "",
        authentication: Long = "",
        ids: Text = "",
        terminal_safety: Long = "",
        timing: Long = "",
        purpose: Long = "",
        correction: Long = "",
        evidence: Long = "",
        valid_until: Text = "",
        attachments: Many = None,
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        contract = read_contract(doors, request)
        path = _own(contract, id)
        typed = {
            "users": users, "where": where, "sources": sources, "means": means, "product": product,
            "restriction": restriction, "authentication": authentication, "ids": ids,
            "terminal_safety": terminal_safety, "timing": timing, "purpose": purpose,
            "correction": correction, "evidence": evidence, "valid_until": valid_until, "state": state,
        }  # fmt: skip
        typed = {name: _tidy(value) for name, value in typed.items()}
        trouble = _objection(typed)
        if trouble:
            return _show(doors, request, contract, path, typed=typed, trouble=trouble)
        said = _confirmation(contract, path, typed, attachments or [], name_of(request), _today(doors))
        try:
            keep_words(doors, request, [said])
        except BadStatement as error:
            return _show(doors, request, contract, path, typed=typed, fault=error)
        return RedirectResponse("/vendor?message=kept", 303)


def _show(
    doors: Doors,
    request: Request,
    contract: Contract,
    path: VendorPath,
    *,
    typed: dict[str, str] | None = None,
    trouble: str = "",
    fault: BadStatement | None = None,
) -> Response:
    key = f"{contract.vendor.id}/{path.key}"
    with engine_of(request).connect() as connection:
        earlier = history(connection, Confirmation.KIND, key)
    return doors.page(
        request,
        "vendor_path",
        section="vendor",
        status=400 if trouble or fault else 200,
        path=path,
        typed=typed or _prefilled(path),
        chosen=set(path.said.attachments) if path.said else set(),
        documents=contract.view.documents,
        means=MEANS,
        fields=FIELDS,
        earlier=earlier[::-1],
        trouble=trouble,
        fault=fault,
    )


def _own(contract: Contract, id: str) -> VendorPath:
    """Give one of the vendor's own paths; another's is as unknown as none."""
    found = contract.view.path(id)
    if found is None:
        raise HTTPException(404)
    return found


def _prefilled(path: VendorPath) -> dict[str, str]:
    """Give what the form begins with: the vendor's last word, else what the facility declared."""
    source: object = path.said or path.declared
    names = (*FIELDS, "ids", "product", "means", "correction", "evidence")
    typed = {name: str(getattr(source, name, "") or "") for name in names}
    typed["sources"] = "\n".join(getattr(source, "sources", ()))
    until = path.said.valid_until if path.said else None
    typed |= {"state": path.said.state if path.said else "", "valid_until": str(until or "")}
    typed["product"] = typed["product"] or path.product
    typed["means"] = typed["means"] or path.kind
    return typed


def _objection(typed: dict[str, str]) -> str:
    if typed["state"] not in STATES or typed["state"] == NONE:
        return "vendor_state"
    if typed["state"] == CORRECTED and not typed["correction"]:
        return "vendor_correction"
    if typed["means"] and typed["means"] not in MEANS:
        return "vendor_state"
    if typed["valid_until"] and read_day(typed["valid_until"]) is None:
        return "vendor_day"
    return ""


def _confirmation(
    contract: Contract, path: VendorPath, typed: dict[str, str], files: list[str], by: str, today: date
) -> Confirmation:
    own = {id for one in contract.view.documents for id in one.attachments}
    return Confirmation(
        vendor=contract.vendor.id,
        path=path.key,
        state=typed["state"],
        by=by,
        on=today,
        evidence=typed["evidence"],
        attachments=tuple(id for id in dict.fromkeys(files) if id in own),
        correction=typed["correction"],
        valid_until=read_day(typed["valid_until"]),
        sources=tuple(_network(word) for word in typed["sources"].replace(",", " ").split()),
        means=typed["means"],
        product=typed["product"],
        ids=typed["ids"] if typed["ids"] in ("個人", "共用") else "",
        **{name: typed[name] for name in FIELDS},
    )


def _network(word: str) -> str:
    """Give one address as a network of one; check_statement refuses what is neither."""
    if "/" in word:
        return word
    return f"{word}/128" if ":" in word else f"{word}/32"


def _tidy(text: str) -> str:
    return visible(text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _today(doors: Doors) -> date:
    return doors.now().astimezone(JAPAN).date()


def _facility(doors: Doors, connection: Connection, id: int) -> str:
    found = facilities.find_facility(connection, id)
    name = found.name if found else ""
    return name or (doors.settings.facility if id == facilities.FIRST else "") or str(id)
