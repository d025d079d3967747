# SPDX-License-Identifier: Apache-2.0
"""What was done: scans, the journal, what changed; and the register of remote maintenance."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from msgspec import to_builtins

from collector.api.declared import answer, says
from collector.api.etags import make_tag, unchanged
from collector.api.lists import Moment, read_moment
from collector.api.paging import Page, Per, cut
from collector.api.shapes.record import Changes, Journal, Register, ScanList
from collector.case_file import read_case
from collector.changed import before_last_scan, changed_json, read_changed
from collector.problems import Refused
from collector.register_lines import lines, register_json
from collector.settings import Settings
from collector.visitor import engine_of
from inventory_db import observations
from inventory_db.journal import BadCursor, address_as_kept, journal_part
from inventory_db.revision import case_revision

Cursor = Annotated[str, Query(max_length=60, description="`next` of the part before")]
Ip = Annotated[str, Query(max_length=60, description="an address as the journal has it")]


def add_records(routes: APIRouter, settings: Settings, now: Callable[[], datetime]) -> None:
    """Add the routes of what was done."""

    @routes.get("/scans", summary="When we looked", **says(ScanList))
    def give_scans(request: Request, page: Page = 1, per: Per = 100) -> Response:
        with engine_of(request).connect() as connection:
            found = observations.scans(connection)[::-1]
        shown, part = cut(found, page, per)
        return answer({"scans": to_builtins(shown), "paging": part.json()}, part.link(request))

    @routes.get("/journal", summary="Everything that we sent", **says(Journal))
    def give_journal(request: Request, address: Ip = "", cursor: Cursor = "", per: Per = 100) -> Response:
        """Newest first; `next` leads to the older part and stays right while new entries arrive."""
        try:
            with engine_of(request).connect() as connection:
                part = journal_part(connection, per, _as_kept(address), cursor)
        except BadCursor as error:
            field = {"in": "query", "name": "cursor", "problem": "not a cursor of ours"}
            raise Refused("bad-parameters", fields=[field]) from error
        return answer({"entries": to_builtins(part.entries), "next": part.next})

    @routes.get("/changes", summary="What changed", **says(Changes))
    def give_changes(request: Request, since: Moment = "", until: Moment = "") -> Response:
        """Without `since`: since the last scan began. Work grows with what was seen until then."""
        start, end = read_moment("since", since), read_moment("until", until)
        with engine_of(request).connect() as connection:
            moment = now()
            start = start or before_last_scan(connection) or end or moment
            if start > (end or moment):
                field = {"in": "query", "name": "since", "problem": "later than until, or than now"}
                raise Refused("bad-parameters", fields=[field])
            return answer(changed_json(read_changed(connection, start, moment, end)))

    @routes.get("/register", summary="The register of remote maintenance", **says(Register, tagged=True))
    def give_register(request: Request) -> Response:
        """Found, declared and confirmed paths side by side (item 2-(2))."""
        with engine_of(request).connect() as connection:
            moment = now()
            tag = make_tag("register", *case_revision(connection), moment.astimezone(settings.zone).date())
            if same := unchanged(request, tag):
                return same
            case = read_case(connection, moment, None, settings.age_limit)
        return answer(register_json(lines(case), moment), {"ETag": tag})


def _as_kept(address: str) -> str:
    """Give an address as the journal has it, "" for none; raises Refused for what is no address, of which nothing can be said."""
    try:
        return address.strip() and address_as_kept(address)
    except ValueError as error:
        field = {"in": "query", "name": "address", "problem": "not an IP address"}
        raise Refused("bad-parameters", fields=[field]) from error
