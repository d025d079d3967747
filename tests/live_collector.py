# SPDX-License-Identifier: Apache-2.0
"""A real collector on loopback for tests: uvicorn, the agents' routes, a SQLite ledger.

As a script (`python -m tests.live_collector LEDGER PORT`) it is a process that can be killed.
"""

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Connection

from collector import agent_keys
from collector import agents as routes
from collector.audit_queue import AuditQueue
from collector.back_pressure import Admission
from collector.job_runner import JobRunner
from collector.settings import Settings
from inventory_db import agents, observations
from inventory_db.tables import open_ledger, writing
from probes.facts import Sent


def system_now() -> datetime:
    return datetime.now(UTC)


class LiveCollector:
    """Runs while its `with` block does; may be started again on the same port and ledger."""

    def __init__(self, ledger: Path, now: Callable[[], datetime] = system_now, **tls: Any) -> None:
        self.ledger, self._now, self._tls = ledger, now, tls
        self.engine = open_ledger(ledger)
        self.port = free_port()
        self.refreshed: list[datetime] = []
        self.admission = Admission()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def _refreshed(self, _: Connection) -> None:
        self.refreshed.append(self._now())

    def __enter__(self) -> Self:
        self.runner = JobRunner(self.engine, self._now, self._refreshed)
        self._server = uvicorn.Server(config(self.app(), self.port, **self._tls))
        self._working = self.runner.running()
        self._working.__enter__()
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the collector did not start"
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._working.__exit__(None, None, None)
        self.engine.dispose()

    def app(self) -> FastAPI:
        app = FastAPI(openapi_url=None)
        app.state.audit = AuditQueue(self.engine)
        app.include_router(
            routes.router(
                Settings(),
                self.engine,
                asked=self.runner.wake,
                now=self._now,
                admission=self.admission,
            )
        )
        app.include_router(agent_keys.router(self.engine, self._now))
        return app

    def code(self, valid_for: timedelta = timedelta(hours=1)) -> str:
        with writing(self.engine) as connection:
            return routes.create_enrolment(connection, "病院の機械", valid_for, now=self._now())

    def agents(self) -> tuple[agents.Agent, ...]:
        with self.engine.connect() as connection:
            return agents.list_agents(connection)

    def revoke(self, id: str) -> None:
        with writing(self.engine) as connection:
            agents.revoke(connection, id, self._now())

    def observations(self) -> list[str]:
        with self.engine.connect() as connection:
            return [stored.id for stored in observations.load(connection)]

    def journal(self) -> list[Sent]:
        with self.engine.connect() as connection:
            return observations.journal(connection)


def config(app: FastAPI, port: int, **tls: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app, host="127.0.0.1", port=port, log_level=logging.WARNING, access_log=False, ws="none", **tls
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    ledger = open_ledger(sys.argv[1])
    alone, jobs = FastAPI(openapi_url=None), JobRunner(ledger, system_now)
    alone.state.audit = AuditQueue(ledger)
    alone.include_router(routes.router(Settings(), ledger, asked=jobs.wake))
    with jobs.running():
        uvicorn.Server(config(alone, int(sys.argv[2]))).run()
