# SPDX-License-Identifier: Apache-2.0
"""Scans: those under way with time left and a stop button, what each scope covers, what was held back and why.

What an agent may touch and when stands in its own agent.toml. These pages can ask it to stop, and for nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import RedirectResponse, Response

from collector.auditing import told
from collector.doors import Token
from collector.leaves import leaf
from collector.looked_at import looked_at
from collector.reaching_out import outward_of
from collector.rendering import Renderer
from collector.scope_picture import cover
from collector.security import form_token, is_own_form
from collector.visitor import engine_of, name_of
from inventory_db.agents import Connection, list_agents
from inventory_db.audit import record
from inventory_db.observations import load_some, planned_scans, scans
from inventory_db.stops import Stop, ask_stop, asked_stops
from inventory_db.tables import writing
from probes.facts import Plan, Scan

PER_PAGE = 50
LATE = timedelta(hours=2)  # after a start was due, before we say that nothing came
LEAST_DONE = 10  # addresses dealt with before a time left is told


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A scan under way."""

    scan: Scan
    left: timedelta | None  # None: too early to tell
    stop: Stop | None

    @property
    def minutes(self) -> int:
        """Minutes left, at least 1."""
        return max(1, round(self.left / timedelta(minutes=1))) if self.left else 0


@dataclass(frozen=True, slots=True)
class Planned:
    """When an agent scans by itself, as it said at its latest scan."""

    agent: str
    scan: Scan
    plan: Plan
    missed: bool  # its next start is over, and nothing came


def planned(connection: Connection, now: datetime) -> list[Planned]:
    """Give what each agent in use said of its schedule, by name."""
    names = {one.id: one.name for one in list_agents(connection) if one.revoked is None}
    said = ((names.get(agent), scan, scan.plan) for agent, scan in planned_scans(connection))
    found = [
        Planned(name, scan, plan, bool(plan.next and plan.next + LATE < now))
        for name, scan, plan in said
        if name is not None and plan
    ]
    return sorted(found, key=lambda one: one.agent)


def time_left(scan: Scan, now: datetime) -> timedelta | None:
    """Give how long it goes on if it goes on as until now; None while too little is done to tell."""
    if scan.finished < LEAST_DONE or scan.planned <= scan.finished or now <= scan.started:
        return None
    return (now - scan.started) * (scan.planned - scan.finished) / scan.finished


def router(renderer: Renderer, now: Callable[[], datetime]) -> APIRouter:
    """Make /scans."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/scans")
    def show(request: Request, message: str = "") -> Response:
        moment = now()
        with engine_of(request).connect() as connection:
            every = scans(connection)[::-1]
            asked = {one.scan: one for one in asked_stops(connection)}
            looked = looked_at(connection)
            plans = planned(connection, moment)
            reached = outward_of(load_some(connection, every[0].outside if every else ()))
        running = [one for one in every if one.ended is None and one.state == "running"]
        last = next(iter(every), None)
        return renderer.page(
            request,
            "scans",
            section="scans",
            scans=leaf(request, every, "/scans", per=PER_PAGE),
            running=[UnderWay(one, time_left(one, moment), asked.get(one.id)) for one in running],
            asked=asked,
            covered=cover(last.scope, last.left_out, looked) if last else [],
            last=last,
            plans=plans,
            reached=tuple(reached.values()),
            held_back=looked.held_back,
            token=form_token(request),
            message=message if message in ("asked", "over") else "",
        )

    @routes.post("/scans/{id}/stop")
    def stop(request: Request, id: str, token: Token = "") -> Response:
        if not is_own_form(request, token):
            raise HTTPException(403)
        with writing(engine_of(request)) as connection:
            done = ask_stop(connection, id, name_of(request), now())
            if done:
                record(connection, told(request, kind="scan", key=id, detail={"stop": "asked"}))
        return RedirectResponse(f"/scans?message={'asked' if done else 'over'}", 303)

    return routes
