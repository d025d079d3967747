# SPDX-License-Identifier: Apache-2.0
"""One scan into an embedded ledger: the agent's spool beside the ledger, drained into it."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from agent.clock import SystemClock
from agent.ground import Ground, survey_ground
from agent.logbook import Logbook
from agent.scope import Scope
from agent.settings import Settings, find_zone
from agent.survey import Survey
from agent.time_left import Progress
from agent.vantage import vantages
from inventory_db import ledger, observations
from inventory_db.tables import open_ledger, writing
from probes.facts import Scan


@dataclass(frozen=True, slots=True)
class Done:
    """A scan that has ended, and the ledger it went into."""

    scan: Scan | None  # None when it was stopped before it had an end
    engine: Engine


def spool_of(ledger_file: Path) -> Path:
    """The agent's spool and journal lie beside the ledger."""
    return ledger_file.with_name(ledger_file.name + ".spool")


def scan_into(
    ledger_file: Path,
    settings: Settings,
    scope: Scope,
    tell: Callable[[Progress], None] = lambda _: None,
) -> Done:
    """Scan and bring everything seen into the ledger, also what an interrupted scan before left behind.

    Raises Refusal for a scope that this machine does not reach, before any file is made or changed.
    """
    asyncio.run(reach(scope))
    engine = open_ledger(ledger_file)
    with contextlib.closing(Logbook(spool_of(ledger_file))) as logbook:
        asyncio.run(drain(logbook, engine))
        clock = SystemClock(find_zone(settings.schedule.time_zone))  # in which blackout windows are read
        scan = asyncio.run(_scan(Survey(settings, scope, logbook, clock, tell=tell, notebook=logbook)))
        asyncio.run(drain(logbook, engine))
    with writing(engine) as connection:
        ledger.refresh(connection)
    return Done(scan, engine)


async def reach(scope: Scope) -> Ground:
    """Find from where each network of the scope is reached; raises Refusal for one that is not. Sends nothing."""
    standings = await vantages(loopback=any(network.is_loopback for network in scope.networks))
    return await survey_ground(scope, standings, socket.gethostname())


def run_until_signal(work: Coroutine[None, None, Scan]) -> Scan | None:
    """Run a scan of any kind; Ctrl-C and a termination signal end it in order, then it gives None."""
    return asyncio.run(_until_signal(work))


async def _scan(survey: Survey) -> Scan | None:
    return await _until_signal(survey.run())


async def _until_signal(work: Coroutine[None, None, Scan]) -> Scan | None:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - asyncio.run gives one
    with _stopping(task):
        try:
            return await work
        except asyncio.CancelledError:
            task.uncancel()
            return None


@contextlib.contextmanager
def _stopping(task: "asyncio.Task[Scan | None]") -> Iterator[None]:
    """Ctrl-C and a termination signal end the scan in order: what was seen is kept."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


async def drain(logbook: Logbook, engine: Engine) -> int:
    """Bring everything that waits in the spool into the ledger; gives the number of new observations."""
    new = 0
    while True:
        upload, through = await logbook.pending()
        if not (upload.observations or upload.sent or upload.scans or upload.vantages):
            return new
        with writing(engine) as connection:
            new += observations.append(connection, upload).observations_new
        await logbook.confirm(through)
