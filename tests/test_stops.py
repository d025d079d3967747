# SPDX-License-Identifier: Apache-2.0
"""A scan stopped from a page: the agent hears it with its next upload, obeys for its own scan only, and hears nothing else."""

import asyncio
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from agent.collector_client import CollectorClient
from agent.headway import NAME
from agent.logbook import Logbook
from agent.records import Spool
from agent.rounds import Rounds
from agent.settings import Collector, ScheduleSection
from agent.stopping_spool import StoppingSpool
from agent.uplink import Uplink, _stops_in, enrol
from collector.app import create_app
from collector.looked_at import look_at, looked_at
from collector.scan_pages import time_left
from collector.scope_picture import cover
from collector.settings import Settings
from inventory_db import observations, tables
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.ledger import devices
from inventory_db.stops import ask_stop, asked_stops, stops_of
from probes.facts import Scan, Upload
from tests.import_cases import kept_ledger
from tests.inventory_engines import ledger_engine
from tests.live_collector import LiveCollector
from tests.signed_in import as_role
from tests.test_uplink import START, TestClock, until

__all__ = ["ledger_engine"]
ORIGIN = {"Origin": "http://127.0.0.1"}
RUNNING = Scan(
    id="r1", started=START, scope=("10.10.1.0/24",), planned=254, finished=127, left_out=("10.10.1.250/31",)
)


def test_only_a_scan_under_way_is_stopped_and_only_its_agent_hears(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        observations.append(connection, Upload(scans=(RUNNING,)), "a1")
        done = Scan(id="d1", started=START, ended=START, state="complete")
        observations.append(connection, Upload(scans=(done,)), "a1")
        assert [ask_stop(connection, id, "鈴木一郎", START) for id in ("none", "d1", "r1", "r1")] == [
            False,
            False,
            True,
            True,
        ]
        assert [(one.scan, one.who) for one in asked_stops(connection)] == [("r1", "鈴木一郎")]
        assert (stops_of(connection, "a1"), stops_of(connection, "a2")) == (["r1"], [])
        over = Scan(id="r1", started=START, ended=START, state="stopped")
        observations.append(connection, Upload(scans=(over,)), "a1")
        assert stops_of(connection, "a1") == []


async def test_the_agent_stops_its_scan_and_keeps_what_it_saw(tmp_path: Path) -> None:
    clock, told = TestClock(), []

    async def scan(spool: Spool) -> Scan:
        await book.keep(NAME, b"as far as it came")
        await spool.put([RUNNING])
        try:
            await asyncio.Event().wait()
        finally:
            await spool.put([Scan(id="r1", started=START, ended=clock.now(), state="stopped")])
        raise AssertionError("nobody stopped it")

    with LiveCollector(tmp_path / "ledger.sqlite", clock.now) as live:
        collector, state = Collector(url=live.url), tmp_path / "state"
        identity = await enrol(collector, state, live.code(), clock)
        with Logbook(state / "logbook") as book:
            async with CollectorClient(collector, clock) as client:
                uplink = Uplink(book, identity, client, clock, lambda: 0.5)
                rounds = Rounds(
                    ScheduleSection(),
                    (),
                    "a",
                    state,
                    book,
                    uplink,
                    scan,
                    lambda ja, en: told.append(en),
                    clock,
                )
                working = asyncio.ensure_future(rounds.run_once())
                await until(lambda: uplink.state.uploaded > 0)
                with tables.writing(live.engine) as connection:
                    assert ask_stop(connection, "r1", "鈴木一郎", clock.now())
                await book.put([Scan(id="r1", started=START, planned=254, finished=128)])
                assert await asyncio.wait_for(working, 90) is None
                assert await book.kept(NAME) == b""  # the next start begins anew, not where this one was
        with live.engine.connect() as connection:
            assert [one.state for one in observations.scans(connection)] == ["stopped"]
    assert any("stopped from the collector" in one for one in told)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"stop": "r1"},
        {"stop": {"r1": 1}},
        {"stop": ["r"] * 300},
        {"stop": [1, None]},
        {"scope": ["0.0.0.0/0"]},
    ],
)
def test_nothing_but_a_short_list_of_scans_is_heard(answer: dict[str, object]) -> None:
    assert _stops_in(answer) == frozenset()


def test_another_scan_goes_on() -> None:
    stopped: list[bool] = []
    spool = StoppingSpool(None, lambda: stopped.append(True), scan="r2")  # type: ignore[arg-type]
    spool.heed({"r1"})
    assert (stopped, spool.asked) == ([], False)
    spool.heed({"r2"})
    spool.heed({"r2"})
    assert (stopped, spool.asked) == ([True], True)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    engine = kept_ledger(tmp_path)
    with tables.writing(engine) as connection:
        observations.append(connection, Upload(scans=(RUNNING,)), "a1")
    engine.dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def test_the_page_asks_once_and_tells_who_did(client: TestClient) -> None:
    page = client.get("/scans").text
    assert ("この調査を止める" in page, "127 / 254" in page, "daicho agent" in page) == (True, True, True)
    token = re.findall(r'name="token" value="([^"]+)"', page)[0]
    assert client.post("/scans/r1/stop", data={"token": "x" * 40}, headers=ORIGIN).status_code == 403
    answer = client.post("/scans/r1/stop", data={"token": token}, headers=ORIGIN).text
    assert ("止めるように頼みました" in answer, "鈴木一郎" in answer, "この調査を止める" in answer) == (
        True,
        True,
        False,
    )
    assert "もう動いていません" in client.post("/scans/none/stop", data={"token": token}, headers=ORIGIN).text
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        assert [one.key for one in entries(connection, 1) if one.kind == "scan"] == ["r1"]
    as_role(client, client.app.state.engine, Role.EXECUTIVE)  # type: ignore[attr-defined]
    assert "この調査を止める" not in client.get("/scans").text
    assert client.post("/scans/r1/stop", data={"token": token}, headers=ORIGIN).status_code == 403


def test_time_left_and_what_is_covered(client: TestClient) -> None:
    assert time_left(RUNNING, START + timedelta(minutes=10)) == timedelta(minutes=10)
    assert (
        time_left(Scan(id="x", started=START, planned=254, finished=3), START + timedelta(minutes=1)) is None
    )
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        found = looked_at(connection)
        ips = {one.ip for device in devices(connection) for one in device.addresses if one.ip}
        assert found == look_at(ips, [why for one in devices(connection) for why in one.touched.held_back])
    (one,) = cover(("10.1.0.0/24", "<script>"), ("10.1.0.250/31", "=cmd"), found)
    assert (one.addresses, one.left_out, one.seen, one.rest) == (256, 2, 3, 251)
    assert (one.squares, one.rows, one.each, one.never) == (256, 4, 1, ("10.1.0.250/31",))
    assert (one.seen_path.count("M"), one.left_path.count("M")) == (3, 2)
    assert one.left_path.startswith("M58.15 3.15")  # 250 = 3 rows of 64, and 58
    (twice,) = cover(("10.1.0.0/24",), ("10.1.0.16/28", "10.1.0.18", "10.1.0.16/31"), found)
    assert (twice.left_out, twice.left_path.count("M")) == (16, 16)  # entries within another count once
    wide, narrow, other = cover(("10.0.0.0/8", "10.1.0.0/30", "fd00::/64"), ("10.0.0.0/8",), found)
    assert (wide.squares, wide.each, wide.seen_path.count("M"), wide.left_path.count("M")) == (
        256,
        65536,
        1,
        256,
    )
    assert (narrow.squares, narrow.rows, narrow.left_out, other.left_out) == (4, 1, 4, 0)
