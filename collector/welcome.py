# SPDX-License-Identifier: Apache-2.0
"""The first hour: from the first administrator's link to the first ledger, one step after the other.

Nothing is remembered of where somebody stopped: each step is done when the database holds what it asks for.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from collector.auditing import told
from collector.case import JAPAN
from collector.rendering import Renderer
from collector.safe_text import typed_lines, visible
from collector.scope_forecast import Forecaster
from collector.security import form_token, is_own_form
from collector.statement_check import Known, check_statement
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db import agents, memberships, observations, statements
from inventory_db.audit import record
from inventory_db.facilities import facility_of, rename_facility
from inventory_db.listed_ledger import last_listed
from inventory_db.networks import IPNetwork, network
from inventory_db.stated import Facility
from inventory_db.statements import BadStatement
from inventory_db.tables import writing
from probes.facts import Scan, Vantage

CODE_VALID = timedelta(hours=24)
WIDE = 65536  # addresses of one network; wider ones need a second thought, and wider IPv6 is not swept
STEPS = ("facility", "people", "agent", "scope", "scan", "import")
OPTIONAL = ("people", "import")
_MOST_NETWORKS = 200
Short = Annotated[str, Form(max_length=200)]
Long = Annotated[str, Form(max_length=8000)]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the ledger holds of each step."""

    facility: Facility | None
    people: int
    agents: tuple[agents.Agent, ...]
    vantages: tuple[Vantage, ...]
    last: Scan | None
    listed: bool

    def done(self, step: str) -> bool:
        """Say whether a step of STEPS is behind us."""
        return {
            "facility": self.facility is not None,
            "people": self.people > 1,
            "agent": bool(self.agents or self.vantages),
            "scope": bool(self.facility and self.facility.networks),
            "scan": self.last is not None and self.last.ended is not None,
            "import": self.listed,
        }[step]

    @property
    def next(self) -> str:
        """The first step that is needed and not done; "" when all are."""
        return next((step for step in STEPS if step not in OPTIONAL and not self.done(step)), "")


def read_standing(connection: Connection) -> Standing:
    """Read what is there already."""
    stated = statements.standing(connection, Facility).values()
    known = memberships.people_of(connection, facility_of(connection))
    scans = observations.scans(connection)
    return Standing(
        facility=next((one.said for one in stated), None),
        people=len({one.membership.account for one in known}),
        agents=tuple(one for one in agents.list_agents(connection) if one.revoked is None),
        vantages=tuple(observations.vantages(connection)),
        last=scans[-1] if scans else None,
        listed=last_listed(connection) is not None,
    )


def addresses_in(networks: Iterable[str]) -> int:
    """Count the addresses of these networks that a device can have; wide IPv6 networks, which nobody sweeps, not."""
    found = [one for one in map(network, networks) if one is not None and not _is_listened_to(one)]
    return sum(
        max(1, one.num_addresses - (2 if one.version == 4 and one.prefixlen < 31 else 0)) for one in found
    )


def _is_listened_to(one: IPNetwork) -> bool:
    return one.version == 6 and one.num_addresses > WIDE


def listened_to(networks: Iterable[str]) -> list[str]:
    """Give the IPv6 networks that are too wide to be asked address by address."""
    found = [one for one in map(network, networks) if one is not None]
    return [str(one) for one in found if _is_listened_to(one)]


def _is_one_links(text: str) -> bool:
    one = network(text)
    return one is not None and one.is_link_local


def proposed(standing: Standing) -> tuple[str, ...]:
    """Give the networks that the form proposes: those scanned last and those an agent stands on, none of one link."""
    seen = (*(standing.last.scope if standing.last else ()), *(one.network for one in standing.vantages))
    found = (network(one) for one in dict.fromkeys(seen))
    return tuple(str(one) for one in found if one is not None and not one.is_link_local)


def time_left(scan: Scan, now: datetime) -> timedelta | None:
    """Estimate how long a running scan still needs, from how fast it went so far; None where that says nothing."""
    if scan.ended is not None or not 0 < scan.finished <= scan.planned:
        return None
    return (now - scan.started) * (scan.planned - scan.finished) / scan.finished


def router(renderer: Renderer, now: Callable[[], datetime], forecast: Forecaster | None = None) -> APIRouter:
    """Make /welcome."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/welcome")
    def show(request: Request) -> Response:
        return _show(renderer, request, now(), forecast)

    @routes.post("/welcome/facility")
    def name_facility(
        request: Request, name: Short = "", form: Short = "hospital", zone: Short = "", token: Short = ""
    ) -> Response:
        typed = {"name": visible(name).strip(), "form": form, "zone": zone.strip() or "Asia/Tokyo"}
        return _keep(renderer, request, now(), forecast, token, typed, "facility")

    @routes.post("/welcome/scope")
    def keep_networks(request: Request, networks: Long = "", token: Short = "") -> Response:
        return _keep(renderer, request, now(), forecast, token, {"networks": typed_lines(networks)}, "scope")

    @routes.post("/welcome/agent")
    def make_code(request: Request, name: Short = "", token: Short = "") -> Response:
        _check(request, token)
        moment, called = now(), visible(name).strip()[:100] or "agent"
        with writing(engine_of(request)) as connection:
            code = agents.create_enrolment(connection, called, CODE_VALID, now=moment)
            until = {"until": (moment + CODE_VALID).isoformat()}
            record(connection, told(request, kind="agent", key=called, detail=until))
        return _show(renderer, request, moment, forecast, code=code)

    return routes


def _check(request: Request, token: str) -> None:
    if not is_own_form(request, token):
        raise HTTPException(403)


def _keep(
    renderer: Renderer,
    request: Request,
    now: datetime,
    forecast: Forecaster | None,
    token: str,
    typed: dict[str, str],
    step: str,
) -> Response:
    """Keep a step's form in the facility's statement, or show it again with what is wrong."""
    _check(request, token)
    try:
        with writing(engine_of(request)) as connection:
            standing = statements.standing(connection, Facility).values()
            said = _facility(
                next((one.said for one in standing), None), typed, visitor_of(request).facility_name
            )
            check_statement(said, Known(), now.astimezone(JAPAN).date())
            statements.state(connection, said, name_of(request), now)
            if step == "facility":
                rename_facility(connection, visitor_of(request).facility or 0, said.name)
            changed = {name: getattr(said, name) for name in typed}
            record(connection, told(request, kind="facility", key=said.key, detail=changed))
    except BadStatement as error:
        return _show(renderer, request, now, forecast, trouble=error, typed=typed, at=step)
    return RedirectResponse(f"/welcome?message={step}#{step}", 303)


def _facility(before: Facility | None, typed: dict[str, str], known_as: str) -> Facility:
    """Give the statement with the form's fields in it; raises BadStatement."""
    if "networks" in typed:
        networks = read_networks(typed["networks"])
        return msgspec.structs.replace(before or Facility(name=known_as or "未定"), networks=networks)
    try:
        ZoneInfo(typed["zone"])
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadStatement(
            "時間帯の名前が分かりません。日本なら Asia/Tokyo と書いてください。何も変更していません。",
            "That time zone is not known. In Japan write Asia/Tokyo. Nothing was changed.",
        ) from error
    return msgspec.structs.replace(before or Facility(name=typed["name"]), **typed)


def read_networks(text: str) -> tuple[str, ...]:
    """Read networks that a person typed, one a line or with commas; raises BadStatement for what is none."""
    words = [word for word in re.split(r"[\s,、]+", text) if word]
    found = {word: network(word) for word in words}
    wrong = next((word for word, one in found.items() if one is None), "")
    if wrong or len(words) > _MOST_NETWORKS:
        raise BadStatement(
            f"「{wrong[:40]}」はネットワークとして読めません。10.1.0.0/24 のように、1行に1つ（{_MOST_NETWORKS} まで）書いてください。"
            "何も変更していません。",
            f"“{wrong[:40]}” is no network. Write one a line, like 10.1.0.0/24, at most {_MOST_NETWORKS}. Nothing was changed.",
        )
    return tuple(dict.fromkeys(str(one) for one in found.values()))


def _show(
    renderer: Renderer,
    request: Request,
    now: datetime,
    forecast: Forecaster | None,
    *,
    code: str = "",
    trouble: BadStatement | None = None,
    typed: dict[str, str] | None = None,
    at: str = "",
) -> Response:
    with engine_of(request).connect() as connection:
        standing = read_standing(connection)
    facility = standing.facility
    networks = facility.networks if facility else ()
    left = time_left(standing.last, now) if standing.last else None
    message = request.query_params.get("message", "")
    return renderer.page(
        request,
        "welcome",
        status=400 if trouble else 200,
        section="",
        token=form_token(request),
        standing=standing,
        steps=STEPS,
        optional=OPTIONAL,
        networks=networks or proposed(standing),
        stands=[one for one in standing.vantages if not _is_one_links(one.network)],
        addresses=addresses_in(networks),
        listened=listened_to(networks),
        wide=[one for one in networks if addresses_in([one]) >= WIDE - 2],
        forecast=forecast(networks) if forecast and networks else None,
        minutes=None if left is None else max(1, round(left.total_seconds() / 60)),
        code=code,
        expires=now + CODE_VALID,
        trouble=trouble,
        at=at,
        typed=dict.fromkeys(("name", "form", "zone", "networks"), "") | (typed or {}),
        message=message if message in STEPS else "",
    )
