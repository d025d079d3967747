# SPDX-License-Identifier: Apache-2.0
"""Releasing the papers to an inspection: what would be shown, then the making, the readers' links, the end.

Only an administrator or the executives release. What is released is a copy; nothing live is ever shown to a reader.
"""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from collector.asking_first import YES, Sure, ask_first
from collector.auditing import told
from collector.checking import NoSuchEdition
from collector.documents.typesetting import PaperError
from collector.doors import Doors, Text, Token, check_form, whence
from collector.edition import edition_names, load_edition
from collector.inspectors import attachment
from collector.leaves import leaf, query_of
from collector.overviews import end_of, read_day
from collector.release_making import Wish, dossier_now, end_release, make_release, summarise
from collector.safe_text import visible
from collector.visitor import engine_of, visitor_of
from inventory_db import invitations, memberships
from inventory_db.account_tables import changing
from inventory_db.accounts import AccountRefused, Role
from inventory_db.releases import MOST_NOTE, Release, find_release, list_releases, pack_of

USUAL = timedelta(days=14)
_A_LEAF = 10
MESSAGES = ("made", "withdrawn")
TROUBLES = ("release_day", "release_edition")
Note = Annotated[str, Form(max_length=MOST_NOTE)]


class BadWish(Exception):
    """What was asked for cannot be released; `code` names the sentence."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def router(doors: Doors) -> APIRouter:
    """Make /releases."""
    routes = APIRouter(include_in_schema=False)
    _add_list(routes, doors)
    _add_making(routes, doors)
    _add_one(routes, doors)
    return routes


def _add_list(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/releases")
    def show_releases(request: Request, message: str = "", trouble: str = "") -> Response:
        return _show(
            doors,
            request,
            message=message if message in MESSAGES else "",
            trouble=trouble if trouble in TROUBLES else "",
        )

    @routes.get("/releases/new")
    def ask(
        request: Request,
        until: Annotated[str, Query(max_length=40)] = "",
        edition: Annotated[str, Query(max_length=64)] = "",
        note: Annotated[str, Query(max_length=MOST_NOTE)] = "",
    ) -> Response:
        try:
            wish = _wish(doors, until, edition, note)
            with engine_of(request).connect() as connection:
                name = visitor_of(request).facility_name
                summary = summarise(dossier_now(doors, connection, name, wish.edition))
        except (BadWish, NoSuchEdition) as error:
            return RedirectResponse(f"/releases?trouble={getattr(error, 'code', TROUBLES[1])}", 303)
        return doors.page(
            request, "release_ask", section="releases", summary=summary, wish=wish, until=until.strip()
        )


def _add_making(routes: APIRouter, doors: Doors) -> None:
    @routes.post("/releases")
    def make(
        request: Request, until: Text = "", edition: Text = "", note: Note = "", token: Token = ""
    ) -> Response:
        check_form(request, token)
        try:
            wish = _wish(doors, until, edition, note)
            name = visitor_of(request).facility_name
            make_release(doors, engine_of(request), name, wish, told(request))
        except BadWish as bad:
            return _show(doors, request, trouble=bad.code)
        except NoSuchEdition:
            return _show(doors, request, trouble=TROUBLES[1])
        except PaperError as error:
            return _show(doors, request, fault=error)
        return RedirectResponse("/releases?message=made", 303)


def _add_one(routes: APIRouter, doors: Doors) -> None:
    @routes.get("/releases/{id}/pack.zip")
    def download(request: Request, id: str) -> Response:
        with engine_of(request).connect() as connection:
            data = pack_of(connection, id)
        if data is None:
            raise HTTPException(404)
        return attachment(data, "立入検査の資料.zip", "application/zip", "pack.zip")

    @routes.post("/releases/{id}/withdraw")
    def withdraw(request: Request, id: str, sure: Sure = "", token: Token = "") -> Response:
        check_form(request, token)
        facility = visitor_of(request).person.facility
        if sure != YES:
            with engine_of(request).connect() as connection:
                found = find_release(connection, id)
            if found is None or found.withdrawn:
                raise HTTPException(404)
            return ask_first(doors, request, "release", found.note or found.edition, "/releases")
        if not end_release(engine_of(request), facility, id, doors.now(), told(request)):
            raise HTTPException(404)
        return RedirectResponse("/releases?message=withdrawn", 303)

    @routes.post("/releases/{id}/invite")
    def invite(request: Request, id: str, name: Text = "", email: Text = "", token: Token = "") -> Response:
        check_form(request, token)
        who, now = visitor_of(request).person, doors.now()
        with engine_of(request).connect() as connection:
            release = find_release(connection, id)
        if release is None:
            raise HTTPException(404)
        if not release.stands(now) or not visible(name).strip():
            return _show(doors, request, trouble="release_over" if not release.stands(now) else "no_name")
        try:
            with changing(doors.engine) as connection:
                word = invitations.create_invitation(
                    connection,
                    who.facility,
                    Role.INSPECTOR,
                    visible(name),
                    now,
                    whence(request, who),
                    valid_for=release.until - now,
                    bound_to=release.id,
                    until=release.until,
                    email=visible(email),
                )
        except AccountRefused as refused:
            return _show(doors, request, trouble=refused.code)
        return show_link(doors, request, word, visible(name), release.until, "releases")


def show_link(
    doors: Doors, request: Request, word: str, name: str, expires: datetime, section: str
) -> Response:
    """Show a new link, once."""
    link = f"{request.url.scheme}://{request.headers.get('host', '')}/invited/{word}"
    last = min(expires, doors.now() + invitations.LONGEST)
    return doors.page(
        request,
        "shown_once",
        section=section,
        secret=link,
        kind="invite",
        person=name,
        expires=last,
    )


def _show(
    doors: Doors, request: Request, *, message: str = "", trouble: str = "", fault: PaperError | None = None
) -> Response:
    now, who = doors.now(), visitor_of(request).person
    with engine_of(request).connect() as connection:
        found = list_releases(connection)
        people = memberships.people_of(connection, who.facility)
        links = invitations.list_invitations(connection, who.facility, now)
    readers = {one.id: [p for p in people if p.membership.bound_to == one.id] for one in found}
    return doors.page(
        request,
        "releases",
        section="releases",
        status=400 if trouble else 503 if fault else 200,
        releases=leaf(
            request,
            [(one, _state(one, now)) for one in found],
            "/releases",
            per=_A_LEAF,
            texts=lambda one: f"{one[0].made} {one[0].by} {one[0].edition} {one[0].note} {one[0].sha256}",
        ),
        q=query_of(request),
        readers=readers,
        links={one.id: [link for link in links if link.bound_to == one.id] for one in found},
        editions=[(name, load_edition(name).name) for name in edition_names()],
        day=_usual_day(doors),
        now=now,
        message=message,
        trouble=trouble,
        fault=fault,
    )


def _state(release: Release, now: datetime) -> str:
    return "withdrawn" if release.withdrawn else "stands" if release.stands(now) else "over"


def _usual_day(doors: Doors) -> date:
    return (doors.now() + USUAL).astimezone(doors.settings.zone).date()


def _wish(doors: Doors, until: str, edition: str, note: str) -> Wish:
    day = read_day(until.strip())
    last = end_of(day, doors.settings.zone) if day else None
    if last is None or last <= doors.now():
        raise BadWish("release_day")
    if edition and edition not in edition_names():
        raise BadWish("release_edition")
    return Wish(edition=edition, until=last, note=visible(note).strip())
