# SPDX-License-Identifier: Apache-2.0
"""Takes in one upload: its sequence, its records, its line in `uploads` and the wish for devices, or nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from inventory_db import agents, jobs, observations, uploads
from inventory_db.ledger_errors import unwritten
from inventory_db.observations import Appended
from inventory_db.tables import writing
from inventory_db.uploads import State
from probes.facts import Upload

MOST_BACKLOG = 5000  # uploads of one facility that wait to become devices; beyond it agents are asked to wait


class Backlogged(Exception):
    """Too much waits to become devices; nothing was taken in."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What came with an upload."""

    agent: str
    sequence: int
    size: int  # bytes of the body as sent
    at: datetime  # when it came, by our clock
    skew: timedelta  # how far the agent's clock is ahead


def take_in(engine: Engine, envelope: Envelope, batch: Upload, most: int = MOST_BACKLOG) -> Appended:
    """Store one upload in one transaction, once; the same records again are known.

    `engine` is bound to the agent's facility. Raises agents.AgentRefused, Backlogged, tables.LedgerUnwritten.
    """
    agent = envelope.agent
    rows = observations.prepare(batch, agent)
    with storing(engine) as connection:
        agents.accept(connection, agent, envelope.sequence, envelope.at, envelope.skew)
        if uploads.backlog(connection, most) >= most:
            raise Backlogged
        done = observations.append(connection, rows)
        state = uploads.note(connection, agent, envelope.sequence, envelope.size, done, envelope.at)
        ended = any(scan.ended is not None for scan in batch.scans)
        if ended or state is State.QUEUED:
            jobs.want(connection, envelope.at, urgent=ended)
    return done


@contextmanager
def storing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only adds; on PostgreSQL it does not wait for whoever derives devices.

    Uploads of one agent wait for each other by the agent's row, which comes first. Raises LedgerUnwritten.
    """
    if engine.dialect.name != "postgresql":
        with writing(engine) as connection:
            yield connection
        return
    try:
        with engine.begin() as connection:
            yield connection
    except OperationalError as error:
        raise unwritten(error) from error
