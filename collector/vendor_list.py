# SPDX-License-Identifier: Apache-2.0
"""The facility's side of its vendors: who has answered what, whom to ask, the contract's data, and the way in."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.case import Case
from collector.case_file import read_case
from collector.checking import choose_edition
from collector.doors import Doors, Text, Token, check_form, whence
from collector.edition import VENDOR, Line
from collector.leaves import leaf, query_of
from collector.overviews import read_day
from collector.register import register
from collector.releases import show_link
from collector.safe_text import visible
from collector.vendor_contract import keep_words
from collector.vendor_files import give_file
from collector.vendor_view import Stand, VendorView, vendor_view
from collector.visitor import engine_of, visitor_of
from inventory_db import invitations, memberships
from inventory_db.account_tables import changing
from inventory_db.accounts import AccountRefused, Role
from inventory_db.audit import Action
from inventory_db.audit_log import last_times
from inventory_db.invitations import Invitation
from inventory_db.memberships import Person
from inventory_db.stated import Vendor
from inventory_db.statements import BadStatement

Long = Annotated[str, Form(max_length=20_000)]
Many = Annotated[list[str] | None, Form()]
MESSAGES = ("kept",)
VALID = timedelta(days=14)
_ID = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class BadVendor(Exception):
    """The form cannot be taken as it is; `code` names the sentence, `what` the word that is wrong."""

    def __init__(self, code: str, what: str = "") -> None:
        super().__init__(code)
        self.code, self.what = code, what


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One vendor in the list."""

    view: VendorView
    people: tuple[Person, ...]
    links: tuple[Invitation, ...]  # that nobody has used yet
    last_login: datetime | None

    @property
    def wrong(self) -> int:
        """Paths on which vendor, scan and declaration disagree."""
        return self.view.count(Stand.DENIED, Stand.DIFFERS)

    @property
    def open(self) -> int:
        """Paths without a word that holds."""
        return self.view.count(Stand.OPEN, Stand.WEAK)


def router(doors: Doors) -> APIRouter:
    """Make /vendors."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, doors)
    _add_form(routes, doors)
    _add_invitation(routes, doors)
    return routes


def _add_list(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/vendors")
    def show_vendors(request: Request, message: str = "") -> Response:
        case = _case(doors, request)
        rows = register(case)
        found = _listed(doors, request, [vendor_view(case, one, rows) for one in case.said(Vendor)])
        found.sort(key=lambda one: (-one.wrong, -one.open, one.view.vendor.name))
        return doors.page(
            request,
            "vendors",
            section="vendors",
            vendors=leaf(request, found, "/vendors", texts=_texts),
            q=query_of(request),
            stands=Stand,
            message=message if message in MESSAGES else "",
        )

    @routes.get("/vendors/new")
    def begin(request: Request) -> Response:
        case = _case(doors, request)
        taken = {one.id for one in case.said(Vendor)}
        number = next(n for n in range(1, len(taken) + 2) if f"v{n}" not in taken)
        return _show(doors, request, case, None, _boxes(case, Vendor(id=f"v{number}", name="")))

    @routes.get("/vendors/{id}")
    def show_vendor(request: Request, id: str) -> Response:
        case = _case(doors, request)
        vendor = _vendor(case, id)
        return _show(doors, request, case, vendor, _boxes(case, vendor))

    @routes.get("/vendors/{id}/files/{file}")
    def download(request: Request, id: str, file: str) -> Response:
        case = _case(doors, request)
        view = vendor_view(case, _vendor(case, id), ())
        own = {one: said.title for said in view.documents for one in said.attachments}
        if file not in own:
            raise HTTPException(404)
        return give_file(request, file, own[file])


def _texts(one: Listed) -> str:
    said = one.view.vendor
    return " ".join((said.name, said.contact, *said.systems, *(person.name for person in one.people)))


def _add_form(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/vendors")
    def keep(
        request: Request,
        id: Text = "",
        name: Text = "",
        contract: Text = "",
        contract_until: Text = "",
        systems: Long = "",
        contact: Long = "",
        devices: Long = "",
        excluded: Many = None,
        new: Text = "",
        token: Token = "",
    ) -> Response:
        check_form(request, token)
        case = _case(doors, request)
        stood = next((one for one in case.said(Vendor) if one.id == id), None)
        boxes: dict[str, Any] = {
            "id": visible(id).strip(),
            "name": visible(name).strip(),
            "contract": bool(contract),
            "contract_until": visible(contract_until).strip(),
            "systems": visible(systems.replace("\r", "")).strip(),
            "contact": visible(contact.replace("\r", "")).strip(),
            "devices": visible(devices.replace("\r", "")).strip(),
            "excluded": set(excluded or []),
        }
        try:
            if bool(new) == (stood is not None):
                raise BadVendor("vendor_taken" if stood else "vendor_unknown")
            keep_words(doors, request, [_stated(case, boxes, new=bool(new))])
        except BadVendor as bad:
            return _show(doors, request, case, stood, boxes, new=bool(new), trouble=bad)
        except BadStatement as error:
            return _show(doors, request, case, stood, boxes, new=bool(new), fault=error)
        return RedirectResponse("/vendors?message=kept", 303)


def _add_invitation(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/vendors/{id}/invite")
    def invite(request: Request, id: str, name: Text = "", email: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        case, who, now = _case(doors, request), visitor_of(request).person, doors.now()
        vendor = _vendor(case, id)
        try:
            if not visible(name).strip():
                raise BadVendor("no_name")
            with changing(doors.engine) as connection:
                word = invitations.create_invitation(
                    connection,
                    who.facility,
                    Role.VENDOR,
                    visible(name),
                    now,
                    whence(request, who),
                    valid_for=VALID,
                    bound_to=vendor.id,
                    email=visible(email),
                )
        except AccountRefused as refused:
            return _show(doors, request, case, vendor, _boxes(case, vendor), trouble=BadVendor(refused.code))
        except BadVendor as bad:
            return _show(doors, request, case, vendor, _boxes(case, vendor), trouble=bad)
        return show_link(doors, request, word, visible(name), now + VALID, "vendors")


def _show(
    doors: Doors,
    request: Request,
    case: Case,
    vendor: Vendor | None,
    boxes: dict[str, Any],
    *,
    new: bool = False,
    trouble: BadVendor | None = None,
    fault: BadStatement | None = None,
) -> Response:
    found = _listed(doors, request, [vendor_view(case, vendor)]) if vendor and not new else []
    return doors.page(
        request,
        "vendor_edit",
        section="vendors",
        status=400 if trouble or fault else 200,
        one=found[0] if found else None,
        boxes=boxes,
        lines=_lines(case),
        sizes=case.attachments,
        now=doors.now(),
        trouble=trouble,
        fault=fault,
    )


def _case(doors: Doors, request: Request) -> Case:
    with engine_of(request).connect() as connection:
        return read_case(connection, doors.now(), None, doors.settings.age_limit)


def _vendor(case: Case, id: str) -> Vendor:
    found = next((one for one in case.said(Vendor) if one.id == id), None)
    if found is None:
        raise HTTPException(404)
    return found


def _listed(doors: Doors, request: Request, views: Iterable[VendorView]) -> list[Listed]:
    facility, now = visitor_of(request).person.facility, doors.now()
    with doors.engine.connect() as connection:
        every = memberships.people_of(connection, facility)
        people = [one for one in every if one.membership.role is Role.VENDOR and one.membership.counts(now)]
        links = invitations.list_invitations(connection, facility, now)
        seen = last_times(connection, facility, Action.LOGIN, [one.membership.account for one in people])
    found = []
    for view in views:
        own = tuple(one for one in people if one.membership.bound_to == view.vendor.id)
        times = [seen[one.membership.account] for one in own if one.membership.account in seen]
        to_them = tuple(one for one in links if one.role is Role.VENDOR and one.bound_to == view.vendor.id)
        found.append(Listed(view=view, people=own, links=to_them, last_login=max(times, default=None)))
    return found


def _lines(case: Case) -> list[Line]:
    sheet = choose_edition("", case).sheet(VENDOR)
    return [*sheet.lines()] if sheet else []


def _boxes(case: Case, vendor: Vendor) -> dict[str, Any]:
    numbers = {row.device.id: row.number for row in case.rows}
    return {
        "id": vendor.id,
        "name": vendor.name,
        "contract": vendor.contract,
        "contract_until": str(vendor.contract_until or ""),
        "systems": "\n".join(vendor.systems),
        "contact": vendor.contact,
        "devices": "\n".join(numbers.get(id, id) for id in vendor.devices),
        "excluded": set(vendor.excluded),
    }


def _stated(case: Case, boxes: dict[str, Any], *, new: bool) -> Vendor:
    """Give the statement that the form makes; raises BadVendor."""
    if new and (not boxes["id"] or not set(boxes["id"]) <= _ID):
        raise BadVendor("vendor_id")
    if not boxes["name"]:
        raise BadVendor("vendor_name")
    until = read_day(boxes["contract_until"])
    if boxes["contract_until"] and until is None:
        raise BadVendor("vendor_day")
    ids = {row.number: row.device.id for row in case.rows} | {one.id: one.id for one in case.devices}
    ids = {number.lstrip("0"): id for number, id in ids.items()} | ids
    wanted = boxes["devices"].replace(",", " ").replace("、", " ").split()
    for word in wanted:
        if word not in ids:
            raise BadVendor("vendor_device", word)
    said = Vendor(id=boxes["id"], name=boxes["name"])
    return msgspec.structs.replace(
        said,
        contract=boxes["contract"],
        contract_until=until,
        systems=tuple(filter(None, (line.strip() for line in boxes["systems"].splitlines()))),
        contact=boxes["contact"],
        devices=tuple(dict.fromkeys(ids[word] for word in wanted)),
        excluded=tuple(line.key for line in _lines(case) if line.key in boxes["excluded"]),
    )
