# SPDX-License-Identifier: Apache-2.0
"""Compares what agents hold as acknowledged with the database: lost, doubled, half applied."""

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec
from sqlalchemy import Engine, func, select

from inventory_db import tables
from inventory_db.agents import find_agent
from inventory_db.facilities import every
from inventory_db.uploads import WAITING, uploads
from probes.facts import Observation, Sent


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of everything; all but the first two should be 0."""

    acknowledged: int
    stored: int
    lost: int  # the agent was told yes, and the database does not have it
    doubled: int  # one serial number, several rows
    half_applied: int  # uploads whose line and records do not fit, or whose sequence was not noted
    waiting: int  # uploads that no device knows of
    set_aside: int  # records that the agent could not hand over
    full: int = 0  # agents that still held something when the time was over

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not (
            self.lost or self.doubled or self.half_applied or self.waiting or self.set_aside or self.full
        )


def acknowledged(logbook: Path) -> tuple[set[str], int]:
    """Give the ids that the collector has taken, as the agent's spool has it, and how many were set aside."""
    with closing(sqlite3.connect(f"file:{logbook}?mode=ro", uri=True)) as file:
        (through,) = file.execute("SELECT value FROM marks WHERE name = 'confirmed'").fetchone()
        (aside,) = file.execute("SELECT count(*) FROM set_aside").fetchone()
        kinds = "SELECT id FROM records WHERE position <= ? AND kind IN ('observation', 'sent')"
        return {id for (id,) in file.execute(kinds, (through,))}, int(aside)


def check(engine: Engine, agents: dict[str, Path]) -> Verdict:
    """Compare; `agents` gives the logbook of each agent by its id."""
    told, aside, half = set[str](), 0, 0
    for id, logbook in agents.items():
        mine, left = acknowledged(logbook)
        told, aside, half = told | mine, aside + left, half + _half_applied(engine, id)
    stored, serials = _stored(engine)
    with every(engine).connect() as connection:
        states = [state.value for state in WAITING]
        waits = connection.execute(select(func.count()).where(uploads.c.state.in_(states))).scalar_one()
    doubled = sum(count - 1 for count in serials.values())
    return Verdict(len(told), len(stored), len(told - stored), doubled, half, waits, aside)


def _stored(engine: Engine) -> tuple[set[str], Counter[str]]:
    ids, serials = set[str](), Counter[str]()
    seen, sent = msgspec.json.Decoder(Observation), msgspec.json.Decoder(Sent)
    with every(engine).connect() as connection:
        for id, body in connection.execute(select(tables.observations.c.id, tables.observations.c.body)):
            ids.add(id)
            serials[seen.decode(body).reason] += 1
        for id, body in connection.execute(select(tables.journal.c.id, tables.journal.c.body)):
            ids.add(id)
            serials[f"sent {sent.decode(body).why}"] += 1
    return ids, serials


def _half_applied(engine: Engine, agent: str) -> int:
    """Count what does not fit between the lines of the uploads and the rows that came with them."""
    mine = uploads.c.agent == agent
    columns = (
        func.coalesce(func.sum(uploads.c.observations), 0),
        func.coalesce(func.sum(uploads.c.sent), 0),
        func.coalesce(func.max(uploads.c.sequence), 0),
    )
    with every(engine).connect() as connection:
        observed, sent, last = connection.execute(select(*columns).where(mine)).one()
        rows = [
            connection.execute(select(func.count()).where(table.c.agent == agent)).scalar_one()
            for table in (tables.observations, tables.journal)
        ]
        known = find_agent(connection, agent)
    sequence = known.sequence if known else 0
    return sum((int(observed) != rows[0], int(sent) != rows[1], int(last) != sequence))
