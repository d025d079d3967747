# SPDX-License-Identifier: Apache-2.0
"""The facility's agents, for its administrator: which there are, a one-time code for a new one, turning one away."""

from collections.abc import Callable
from datetime import datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from collector.api.declared import Raw, answer, read, says, takes
from collector.api.lists import ThingId
from collector.api.shapes.people import AgentList, CodeWish, EnrolmentCode
from collector.auditing import told
from collector.problems import Refused
from collector.visitor import engine_of
from inventory_db import agents
from inventory_db.audit import record
from inventory_db.tables import writing
from probes.facts import printable


def add_agents(routes: APIRouter, now: Callable[[], datetime]) -> None:
    """Add the routes of agents; their uploads are in collector.agents."""

    @routes.get("/agents", summary="Enrolled agents", **says(AgentList))
    def give_agents(request: Request) -> Response:
        with engine_of(request).connect() as connection:
            return answer({"agents": [_row(one) for one in agents.list_agents(connection)]})

    @routes.post(
        "/agents/codes",
        summary="Make a one-time enrolment code",
        **says(EnrolmentCode, status=201, body=takes(CodeWish)),
    )
    def make_code(request: Request, body: Raw) -> Response:
        wish = read(body, CodeWish)
        moment, valid = now(), timedelta(minutes=wish.valid_minutes)
        name = printable(wish.name, 100).strip()
        if not name:
            field = {"in": "body", "name": "name", "problem": "it is empty"}
            raise Refused("bad-parameters", fields=[field])
        with writing(engine_of(request)) as connection:
            code = agents.create_enrolment(connection, name, valid, now=moment)
            until = {"until": (moment + valid).isoformat()}
            record(connection, told(request, kind="agent", key=name, detail=until))
        return answer({"code": code, "name": name, "expires": (moment + valid).isoformat()}, status=201)

    @routes.delete("/agents/{id}", summary="Turn an agent away", **says(None, 404, status=204))
    def revoke(request: Request, id: ThingId) -> Response:
        """For good; what it has uploaded stays."""
        with writing(engine_of(request)) as connection:
            if agents.find_agent(connection, id) is None:
                raise Refused("not-found")
            agents.revoke(connection, id, now())
            record(connection, told(request, kind="agent", key=id))
        return Response(status_code=204)


def _row(one: agents.Agent) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "enrolled": one.enrolled.isoformat(),
        "revoked": one.revoked and one.revoked.isoformat(),
        "last_seen": one.last_seen and one.last_seen.isoformat(),
        "sequence": one.sequence,
        "skew_seconds": None if one.skew is None else one.skew.total_seconds(),
    }
