# SPDX-License-Identifier: Apache-2.0
"""What an interrupted scan leaves behind, and who goes on with it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.clock import SystemClock
from agent.headway import (
    GOES_ON,
    NAME,
    Headway,
    digest_of,
    keep_going,
    keep_headway,
    read_going,
    read_headway,
    write_off,
)
from agent.logbook import Logbook
from agent.pace import KERNEL_KEPT
from agent.scope import write_scope
from agent.settings import Collector, PaceSection, ScheduleSection, ScopeSection, Settings, SnmpSecret
from agent.survey import Survey
from probes.facts import Scan, Sent
from tests.test_agent_command import HOUR, START, Stop, Watched
from tests.test_uplink import TestClock

NOW = datetime(2026, 11, 29, 2, 0, tzinfo=UTC)


def headway(at: datetime = NOW) -> Headway:
    scan = Scan(id="s1", started=at - HOUR, planned=65_534)
    return Headway(scan=scan, settings="d", at=at, swept={"eth0": 4096}, found={"10.0.0.1": ""}, asked=[])


async def test_a_killed_scan_is_written_down_as_stopped(tmp_path: Path) -> None:
    with Logbook(tmp_path / "book") as book:
        await book.put([headway().scan])
        await keep_headway(book, headway())
        assert await write_off(book, book) == msgspec.structs.replace(headway())
        upload, _ = await book.pending()
        assert [(scan.id, scan.state, scan.ended) for scan in upload.scans] == [("s1", "stopped", NOW)]
        await keep_headway(book, None)
        assert await read_headway(book) is None
        assert await write_off(book, book) is None


async def test_what_cannot_be_read_counts_as_nothing(tmp_path: Path) -> None:
    with Logbook(tmp_path / "book") as book:
        await book.keep(NAME, b"{")
        assert await read_headway(book) is None


@pytest.mark.parametrize(
    ("settings", "later", "goes_on"),
    [
        ("d", timedelta(minutes=1), True),
        ("other", timedelta(minutes=1), False),
        ("d", GOES_ON + timedelta(minutes=1), False),
        ("d", -timedelta(minutes=1), False),  # the clock was set back: nobody knows how old it is
    ],
)
def test_only_the_same_scan_goes_on_and_not_for_ever(settings: str, later: timedelta, goes_on: bool) -> None:
    assert headway().goes_on(settings, NOW + later) is goes_on


def test_another_pace_or_collector_is_the_same_scan_other_credentials_are_not() -> None:
    plain = Settings()
    same = Settings(
        pace=PaceSection(packets=50),
        schedule=ScheduleSection(at="02:00"),
        collector=Collector(url="https://x"),
    )
    other = Settings(snmp=(SnmpSecret(hosts=("10.0.0.1",), community="c"),))
    assert digest_of(plain, ("10.0.0.0/24",)) == digest_of(same, ("10.0.0.0/24",))
    assert digest_of(plain, ("10.0.0.0/24",)) != digest_of(other, ("10.0.0.0/24",))
    assert digest_of(plain, ("10.0.0.0/24",)) != digest_of(plain, ("10.0.0.0/23",))


async def test_packets_and_bytes_of_a_killed_scan_count_when_it_goes_on(tmp_path: Path) -> None:
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)
    now = SystemClock().now()
    scan = Scan(id="s1", started=now, scope=(f"{here}/32",), planned=1)
    before = Sent(
        scan="s1", vantage="v", at=now, address=here, action="tcp connect", packets=50, payload_bytes=30_000
    )
    with Logbook(tmp_path / "book") as book:
        await book.put([scan, before])
        await keep_headway(book, Headway(scan=scan, settings=digest_of(settings, scan.scope), at=now))
        assert await book.spent("s1", now) == {("v", here): (50, 30_000)}
        survey = Survey(settings, scope, book, privileged=False, notebook=book)
        ended = await survey.run()
        sent = sum(line.packets for line in await book.journal()) - 50
    pace = survey._shared.pace
    assert ended.id == "s1"
    assert pace.spent(here) == 50 + KERNEL_KEPT + sent
    assert not pace.say(here, 2_769)
    assert pace.say(here, 2_768)


async def test_a_conversation_that_a_kill_cut_off_counts_too(tmp_path: Path) -> None:
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)
    with Logbook(tmp_path / "book") as book:
        first = Survey(settings, scope, book, privileged=False, notebook=book)
        running = asyncio.create_task(first.run())
        while not running.done() and not (going := await read_going(book, first.id)):  # noqa: ASYNC110 - on the disk
            await asyncio.sleep(0.01)
        packets, _ = going[here]
        assert packets > 0
        assert (await running).state == "complete"
        assert await read_going(book, first.id) == {}
        scan = Scan(id="s1", started=SystemClock().now(), scope=(f"{here}/32",), planned=1)
        before = Sent(scan="s1", vantage="v", at=scan.started, address=here, action="tcp connect", packets=10)
        await book.put([scan, before])
        left = Headway(scan=scan, settings=digest_of(settings, scan.scope), at=scan.started)
        await keep_headway(book, left)
        await keep_going(book, "s1", {here: (50, 900)})
        assert await read_going(book, "another") == {}
        already = sum(line.packets for line in await book.journal())
        second = Survey(settings, scope, book, privileged=False, notebook=book)
        assert (await second.run()).id == "s1"
        sent = [line for line in (await book.journal()) if line.scan == "s1"]
        new = sum(line.packets for line in await book.journal()) - already
    pace = second._shared.pace
    assert (pace.spent(here), pace.said(here)) == (50 + new, 900 + sum(line.payload_bytes for line in sent))


@pytest.mark.parametrize(("ago", "at_once"), [(timedelta(minutes=5), True), (3 * HOUR, False)])
async def test_after_a_restart_an_interrupted_scan_goes_on_at_once_or_at_the_next_start(
    tmp_path: Path, ago: timedelta, at_once: bool
) -> None:
    with Logbook(tmp_path / "logbook") as book:
        await keep_headway(book, headway(START - ago))
    watched = Watched(tmp_path, TestClock(), 1)
    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"))
    assert (watched.starts[0] - START < HOUR) is at_once
    assert any("続きを始めます" in line for line in watched.told) is at_once
