# SPDX-License-Identifier: Apache-2.0
"""The figures that stand in the database: its size, who is signed in, when agents were seen; ids only, no names."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from collector.figures import Figure
from inventory_db import agents, jobs, uploads
from inventory_db.agents import Engine
from inventory_db.condition import look_at
from inventory_db.facilities import every
from inventory_db.notices import outbox
from inventory_db.sessions import Stage, list_sessions


def reader(engine: Engine, now: Callable[[], datetime]) -> Callable[[], Iterator[Figure]]:
    """Give what reads the figures of this database, when asked."""

    def read() -> Iterator[Figure]:
        condition = look_at(engine)
        yield _one("daicho_database_up", "1 while the database answers", not condition.fault)
        if condition.fault:
            return
        yield _one("daicho_database_bytes", "Size of the database", condition.size or 0)
        with every(engine).connect() as connection:
            inside = [one for one in list_sessions(connection, now()) if one.stage is Stage.IN]
            yield _one("daicho_sessions", "Sessions that let somebody in", len(inside))
            yield from _agents(agents.list_agents(connection))
            yield _messages(outbox(connection))
            yield from _uploads(uploads.count_states(connection), jobs.list_jobs(connection), now())

    return read


def _one(name: str, tells: str, value: float) -> Figure:
    return Figure(name, tells, values={(): float(value)})


def _agents(known: tuple[agents.Agent, ...]) -> Iterator[Figure]:
    living = [agent for agent in known if agent.revoked is None]
    seen: dict[tuple[str, ...], float] = {
        (agent.id,): agent.last_seen.timestamp() for agent in living if agent.last_seen
    }
    skew: dict[tuple[str, ...], float] = {
        (agent.id,): agent.skew.total_seconds() for agent in living if agent.skew is not None
    }
    yield Figure(
        "daicho_agent_last_seen_seconds", "When an agent uploaded last (Unix time)", ("agent",), seen
    )
    yield Figure("daicho_agent_clock_skew_seconds", "How far an agent's clock is ahead", ("agent",), skew)


def _uploads(
    counted: dict[uploads.State, int], waiting: tuple[jobs.Job, ...], at: datetime
) -> Iterator[Figure]:
    values: dict[tuple[str, ...], float] = {
        (state.value,): float(counted.get(state, 0)) for state in uploads.State
    }
    yield Figure("daicho_uploads", "Uploads by what became of them", ("state",), values)
    oldest = max((at - job.wanted for job in waiting), default=timedelta())
    yield _one("daicho_job_oldest_seconds", "How long the oldest job has waited", oldest.total_seconds())
    yield _one(
        "daicho_job_failures", "Failed attempts of jobs that wait", sum(job.attempts for job in waiting)
    )


def _messages(counted: dict[tuple[str, str], int]) -> Figure:
    values: dict[tuple[str, ...], float] = {key: float(count) for key, count in counted.items()}
    return Figure("daicho_notice_messages", "Notices by channel and state", ("channel", "state"), values)
