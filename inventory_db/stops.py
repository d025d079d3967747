# SPDX-License-Identifier: Apache-2.0
"""People ask that a scan under way be stopped: the agent hears it with the answer to its next upload. Nothing else can be asked."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import Connection, delete, insert, select

from inventory_db import tables
from inventory_db.binding import facility_of
from probes.facts import Scan

MOST = 50  # that are remembered, the newest
_MARK = "stop:{}"  # by facility


@dataclass(frozen=True, slots=True)
class Stop:
    """Somebody asked that this scan be stopped."""

    scan: str
    who: str
    at: datetime


def ask_stop(connection: Connection, scan: str, who: str, at: datetime) -> bool:
    """Remember that this scan shall stop; False if no such scan is under way. Needs the writer's lock."""
    if scan not in {one.id for one in _under_way(connection)}:
        return False
    told = asked_stops(connection)
    if scan not in {one.scan for one in told}:
        key = _MARK.format(facility_of(connection))
        body = msgspec.json.encode([*told, Stop(scan, who, at)][-MOST:]).decode()
        connection.execute(delete(tables.marks).where(tables.marks.c.key == key))
        connection.execute(insert(tables.marks).values(key=key, value=body))
    return True


def asked_stops(connection: Connection) -> list[Stop]:
    """Give what was asked, oldest first, also of scans that have ended."""
    key = _MARK.format(facility_of(connection))
    body = connection.execute(select(tables.marks.c.value).where(tables.marks.c.key == key)).scalar()
    return msgspec.json.decode(body, type=list[Stop]) if body else []


def stops_of(connection: Connection, agent: str) -> list[str]:
    """Give the scans of this agent that are under way and shall stop."""
    asked = {one.scan for one in asked_stops(connection)}
    return sorted(one.id for one in _under_way(connection, agent) if one.id in asked) if asked else []


def _under_way(connection: Connection, agent: str | None = None) -> list[Scan]:
    query = select(tables.scans.c.body).order_by(tables.scans.c.started.desc()).limit(200)
    if agent is not None:
        query = query.where(tables.scans.c.agent == agent)
    found = (msgspec.json.decode(body, type=Scan) for (body,) in connection.execute(query))
    return [one for one in found if one.ended is None and one.state == "running"]
