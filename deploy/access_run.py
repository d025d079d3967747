# SPDX-License-Identifier: Apache-2.0
"""One access test, into a ledger on this machine or into the agent's logbook and from there to the collector."""

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from agent.access_test import AccessTest
from agent.clock import Clock, SystemClock
from agent.collector_client import CollectorClient
from agent.keys import Identity, load_identity
from agent.logbook import Logbook
from agent.refusal import Refusal
from agent.settings import find_zone
from agent.state_folder import LOGBOOK_FILE, find_state_folder, only_one
from agent.uplink import Uplink
from collector.case import Case
from collector.case_file import read_case
from deploy.scanning import drain, run_until_signal, spool_of
from deploy.site import Site
from inventory_db import ledger as ledgers
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Scan

TRIES = 3  # uploads; what is left then goes with the agent's next run
NOTE_FILE = "made"


@dataclass(slots=True)
class Ran:
    """What came of a test: how it ended, what was seen, and all that the ledger knows beside it."""

    scan: Scan | None = None
    seen: list[Observation] = field(default_factory=list)
    case: Case | None = None  # None where the ledger is elsewhere
    waiting: int = 0  # records that are still here and not with the collector


def clock_of(site: Site) -> Clock:
    """Give the clock of the site, in which its times of the day are read."""
    return SystemClock(find_zone(site.settings.schedule.time_zone))


def run_into_ledger(site: Site, ledger: Path, wait: float) -> Ran:
    """Test after `wait` seconds and bring everything into the ledger file."""
    engine, ran, clock = open_ledger(ledger), Ran(), clock_of(site)
    with contextlib.closing(Logbook(spool_of(ledger))) as logbook:
        asyncio.run(drain(logbook, engine))
        note = ledger.with_name(f"{ledger.name}.{NOTE_FILE}")
        ran.scan = run_until_signal(_test(site, logbook, note, clock, wait, ran))
        asyncio.run(drain(logbook, engine))
    with writing(engine) as connection:
        ledgers.refresh(connection)
        ran.case = read_case(connection, clock.now())
    return ran


def run_into_logbook(site: Site, wait: float) -> Ran:
    """Test as the enrolled agent, and upload; what the collector does not take now waits in the logbook.

    Raises Refusal when the agent is not enrolled, or runs already.
    """
    state = find_state_folder(site.settings.state_folder, os.environ)
    with only_one(state):
        identity = load_identity(state)
        if identity is None:
            raise Refusal(
                "このエージェントはまだ台帳サーバーに登録されていません。daicho agent --enrol で登録するか、"
                "--ledger で台帳ファイルを指定してください。何も送信していません。",
                "This agent is not enrolled with its collector. Enrol it with daicho agent --enrol, or name a ledger "
                "file with --ledger. Nothing was sent.",
            )
        ran, clock = Ran(), clock_of(site)
        with Logbook(state / LOGBOOK_FILE, most_bytes=site.settings.spool_bytes) as logbook:
            ran.scan = run_until_signal(_test(site, logbook, state / NOTE_FILE, clock, wait, ran))
            ran.waiting = asyncio.run(_upload(site, logbook, identity, clock))
    return ran


def _test(
    site: Site, logbook: Logbook, note: Path, clock: Clock, wait: float, ran: Ran
) -> Coroutine[None, None, Scan]:
    test = AccessTest(site.settings, site.scope, logbook, note, clock, also=ran.seen.append)

    async def run() -> Scan:
        await clock.sleep(wait)
        return await test.run()

    return run()


async def _upload(site: Site, logbook: Logbook, identity: Identity, clock: Clock) -> int:
    """Hand over what waits; gives how many records are left."""
    async with CollectorClient(site.settings.collector, clock) as client:
        uplink = Uplink(logbook, identity, client, clock)
        for attempt in range(TRIES):
            await clock.sleep(float(attempt))
            await uplink.step()
            if uplink.state.problem is None:
                break
    return (await logbook.position())[0]
