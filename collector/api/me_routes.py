# SPDX-License-Identifier: Apache-2.0
"""Who asks, and which facilities they may enter."""

from collections.abc import Callable
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.api.declared import answer, says
from collector.api.shapes.people import FacilityList, Me
from collector.visitor import engine_of, visitor_of
from inventory_db import memberships
from inventory_db.facilities import Facility, list_facilities, unbound


def add_me(routes: APIRouter, now: Callable[[], datetime]) -> None:
    """Add the routes about the asker."""

    @routes.get("/me", summary="Who asks", **says(Me))
    def give_me(request: Request) -> Response:
        visitor = visitor_of(request).person
        return answer(
            {
                "name": visitor.name,
                "role": str(visitor.role),
                "facility": visitor.facility,
                "scopes": None if visitor.scopes is None else sorted(visitor.scopes),
                "until": visitor.until and visitor.until.isoformat(),
            }
        )

    @routes.get("/facilities", summary="Facilities that I may enter", **says(FacilityList))
    def give_facilities(request: Request) -> Response:
        """Everything else is of the current one; a person changes it on the pages, a token is of one."""
        visitor = visitor_of(request).person
        roles = {visitor.facility: str(visitor.role)}
        with unbound(engine_of(request)).connect() as connection:
            if visitor.account:
                mine = memberships.places(connection, visitor.account, now())
                roles = {one.facility: str(one.role) for one in mine} | roles
            found = [one for one in list_facilities(connection) if one.id in roles and one.closed is None]
        rows = [_row(one, roles[one.id], one.id == visitor.facility) for one in found]
        return answer({"facilities": rows})


def _row(one: Facility, role: str, current: bool) -> dict[str, object]:
    return {"id": one.id, "key": one.key, "name": one.name, "role": role, "current": current}
