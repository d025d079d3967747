# SPDX-License-Identifier: Apache-2.0
"""An agent that scans by itself says when, and the page shows what it said: nothing of one that scans once."""

import asyncio
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from agent.collector_client import CollectorClient
from agent.logbook import Logbook
from agent.records import Spool
from agent.rounds import Rounds
from agent.schedule import next_start, plan_of
from agent.settings import Blackout, Collector, ScheduleSection
from agent.uplink import Uplink, enrol
from collector.app import create_app
from collector.scan_pages import LATE, planned
from collector.settings import Settings
from inventory_db import observations, tables
from inventory_db.accounts import Role
from probes.facts import Plan, Scan, Upload
from tests.live_collector import LiveCollector
from tests.signed_in import as_role
from tests.test_uplink import START, TestClock, until

TOKYO = ZoneInfo("Asia/Tokyo")
EVENINGS = ScheduleSection(
    at="18:05", days=("Wed", "Sat"), jitter_minutes=20
)  # START is a Wednesday, 18:00 there
DAYTIME = (Blackout(start="08:30", end="18:00"),)


async def reported(folder: Path, *, once: bool) -> None:
    """Let an agent scan and hand over what it wrote, by its schedule or once."""
    clock = TestClock(START.astimezone(TOKYO))  # an agent's clock shows the time of its site
    handed_over = asyncio.Event()

    async def scan(spool: Spool) -> Scan:
        ended = Scan(id="s1", started=clock.now(), ended=clock.now(), state="complete")
        await spool.put([ended])
        await until(lambda: uplink.state.uploaded > 0)
        handed_over.set()
        return ended

    with LiveCollector(folder / "ledger.sqlite", clock.now) as live:
        collector, state = Collector(url=live.url), folder / "state"
        identity = await enrol(collector, state, live.code(timedelta(days=30)), clock)
        with Logbook(state / "logbook") as book:
            async with CollectorClient(collector, clock) as client:
                uplink = Uplink(book, identity, client, clock, lambda: 0.5)
                rounds = Rounds(
                    EVENINGS, DAYTIME, identity.agent, state, book, uplink, scan, lambda *_: None, clock
                )
                if once:
                    await asyncio.wait_for(rounds.run_once(), 90)
                    return
                working = asyncio.ensure_future(rounds.run())
                await asyncio.wait_for(handed_over.wait(), 90)
                working.cancel()
                await asyncio.gather(working, return_exceptions=True)


async def test_what_the_agent_said_is_on_the_page(tmp_path: Path) -> None:
    await reported(tmp_path, once=False)
    app = create_app(Settings(ledger=str(tmp_path / "ledger.sqlite"), state_folder=str(tmp_path)))
    with app.state.engine.connect() as connection:
        ((agent, scan),) = observations.planned_scans(connection)
        plan = scan.plan
        assert plan
        assert plan.next
        assert plan.next == next_start(EVENINGS, DAYTIME, scan.started, scan.started, agent)
        assert [one.missed for one in planned(connection, plan.next + LATE)] == [False]
        assert [one.missed for one in planned(connection, plan.next + LATE + timedelta(seconds=1))] == [True]
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        page = client.get("/scans").text
        at = plan.next.astimezone(TOKYO)
        for shown in ("水・土", "18:05", "20分まで", "毎日", "08:30–18:00", f"{at:%Y-%m-%d}", f"{at:%H:%M}"):
            assert shown in page, shown
        assert "病院の機械" in page
        (row,) = client.get("/api/v1/scans").json()["scans"]
        assert (row["plan"]["at"], row["plan"]["days"]) == ("18:05", ["Wed", "Sat"])


async def test_who_scans_once_says_no_schedule(tmp_path: Path) -> None:
    await reported(tmp_path, once=True)
    engine = tables.open_ledger(tmp_path / "ledger.sqlite")
    with engine.connect() as connection:
        assert [one.id for one in observations.scans(connection)] == ["s1"]
        assert observations.planned_scans(connection) == []
    engine.dispose()


def test_the_newest_scan_of_each_agent_speaks_and_the_unknown_is_silent(tmp_path: Path) -> None:
    engine = tables.open_ledger(tmp_path / "ledger.sqlite")
    old = Scan(id="o", started=START, plan=Plan(at="01:00"))
    new = Scan(id="n", started=START + timedelta(days=1))
    with tables.writing(engine) as connection:
        observations.append(connection, Upload(scans=(old,)), "a1")
        assert [scan.id for _, scan in observations.planned_scans(connection)] == ["o"]
        assert planned(connection, START) == []  # not an agent of this ledger
        observations.append(connection, Upload(scans=(new,)), "a1")
        assert observations.planned_scans(connection) == []
    engine.dispose()


@pytest.mark.parametrize("schedule", [ScheduleSection(every_hours=6.0), ScheduleSection(at="02:00")])
def test_a_schedule_that_is_always_dark_never_begins(schedule: ScheduleSection) -> None:
    dark = (Blackout(start="00:00", end="12:00"), Blackout(start="12:00", end="00:00"))
    assert plan_of(schedule, dark, START, START, "a").next is None
