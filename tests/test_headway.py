# SPDX-License-Identifier: Apache-2.0
"""What an interrupted scan leaves behind, and who goes on with it."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent.ahead import LOST_PAYLOAD, most_ahead
from agent.clock import SystemClock
from agent.headway import (
    GOES_ON,
    GOING,
    NAME,
    Headway,
    digest_of,
    keep_going,
    keep_headway,
    read_going,
    read_headway,
    write_off,
)
from agent.logbook import Logbook, LogbookFull
from agent.pace import KERNEL_KEPT
from agent.records import Record
from agent.scope import write_scope
from agent.settings import Collector, PaceSection, ScheduleSection, ScopeSection, Settings, SnmpSecret
from agent.survey import Survey
from probes.facts import Scan, Sent
from tests.test_agent_command import HOUR, START, Stop, Watched
from tests.test_uplink import TestClock

AHEAD = most_ahead(PaceSection().packets_per_host - 1, PaceSection().packets_per_host_and_scan)
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
        ("d", -HOUR, True),  # the clock was set back by an hour
        ("d", -3 * HOUR, False),  # nobody knows how old it is
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
    before = Sent(  # by a clock that was set back while the scan ran
        scan="s1",
        vantage="v",
        at=now - HOUR,
        address=here,
        action="tcp connect",
        packets=50,
        payload_bytes=26_000,
    )
    with Logbook(tmp_path / "book") as book:
        await book.put([scan, before])
        await keep_headway(book, Headway(scan=scan, settings=digest_of(settings, scan.scope), at=now))
        assert await book.spent("s1", now) == {("v", here): (50, 26_000)}
        survey = Survey(settings, scope, book, privileged=False, notebook=book)
        ended = await survey.run()
        sent = sum(line.packets for line in await book.journal()) - 50
    pace = survey._shared.pace
    assert ended.id == "s1"
    assert pace.spent(here) == 50 + AHEAD + KERNEL_KEPT + sent  # and what may have left besides
    assert not pace.say(here, 2_769 - LOST_PAYLOAD + 4_000)
    assert pace.say(here, 2_768 - LOST_PAYLOAD + 4_000)


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
    said = sum(line.payload_bytes for line in sent)
    lost = AHEAD + KERNEL_KEPT
    assert (pace.spent(here), pace.said(here)) == (50 + lost + new, 900 + LOST_PAYLOAD + said)


async def test_what_was_under_way_at_one_kill_is_not_forgotten_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.survey.WINDOW", 30.0)  # before it begins to send again
    settings, here, other = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9", "127.0.0.8"
    scope = write_scope(ScopeSection(), [f"{here}/32", f"{other}/32"], (), yes_large=False)
    with Logbook(tmp_path / "book") as book:
        networks = (f"{here}/32", f"{other}/32")
        scan = Scan(id="s1", started=SystemClock().now(), scope=networks, planned=2)
        await keep_headway(book, Headway(scan=scan, settings=digest_of(settings, networks), at=scan.started))
        await keep_going(book, "s1", {here: (50, 900)})
        for kills in (1, 2):
            survey = Survey(settings, scope, book, privileged=False, notebook=book)
            running = asyncio.create_task(survey.run())
            await asyncio.sleep(1.2)  # it has written, and waits still
            before = {name: await book.kept(name) for name in (NAME, GOING)}
            left, going = await read_headway(book), await read_going(book, "s1")
            running.cancel()
            await asyncio.wait({running})
            assert (left and (left.kills, left.closed)) == (kills, False)
            assert going.get(here) == (50, 900)
            assert survey._shared.pace.spent(here) == 50 + kills * (AHEAD + KERNEL_KEPT)
            ordered = await read_headway(book)
            assert ordered
            assert ordered.closed
            await book.keep_all(before)  # it was killed, as far as the next one can know


async def test_who_waits_for_the_disk_has_what_left_written_and_not_all_hosts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.survey.WINDOW", 30.0)  # it waits, and only writes
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)
    whole, small = 0, 0

    async def count(book: Logbook, headway: Headway | None) -> None:
        nonlocal whole
        whole += 1
        await keep_headway(book, headway)

    with Logbook(tmp_path / "book") as book:
        scan = Scan(id="s1", started=SystemClock().now(), scope=(f"{here}/32",), planned=1)
        await keep_headway(
            book, Headway(scan=scan, settings=digest_of(settings, scan.scope), at=scan.started)
        )
        survey = Survey(settings, scope, book, privileged=False, notebook=book)
        running = asyncio.create_task(survey.run())
        await asyncio.sleep(0.3)
        monkeypatch.setattr("agent.survey.keep_headway", count)
        ahead, until = survey._shared.pace.ahead, asyncio.get_running_loop().time() + 1.2
        while asyncio.get_running_loop().time() < until:
            small += not ahead.called
            ahead.called = survey._headway.news = True
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait({running})
    assert whole <= 4  # twice a second, and at the end
    assert small >= 8  # where somebody waits


async def test_a_scan_that_a_full_disk_ended_says_so_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)

    class FullOnce:
        puts = 0

        async def put(self, records: Sequence[Record]) -> None:
            self.puts += 1
            if self.puts == 2:
                raise LogbookFull("満杯", "full")
            await book.put(records)

    with Logbook(tmp_path / "book") as book:
        survey = Survey(settings, scope, FullOnce(), privileged=False, notebook=book)
        with pytest.raises(BaseExceptionGroup):
            await survey.run()
        upload, _ = await book.pending()
        left = await read_headway(book)
        assert [(one.state, one.note) for one in upload.scans] == [("stopped", "満杯 / full")]
        assert left
        assert left.scan.id == survey.id
        ended = await Survey(settings, scope, book, privileged=False, notebook=book).run()
    assert (ended.id, ended.state) == (survey.id, "complete")


async def test_a_scan_killed_so_often_that_nothing_may_leave_is_not_called_complete(tmp_path: Path) -> None:
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)
    with Logbook(tmp_path / "book") as book:
        scan = Scan(id="s1", started=SystemClock().now(), scope=(f"{here}/32",), planned=1)
        left = Headway(scan=scan, settings=digest_of(settings, scan.scope), at=scan.started, kills=8)
        await keep_headway(book, left)
        ended = await Survey(settings, scope, book, privileged=False, notebook=book).run()
        assert await book.journal() == []
        assert (
            await read_headway(book) is None
        )  # the next start begins anew: this one could send nothing then either
    assert (ended.state, ended.finished) == ("stopped", 0)
    assert "at 1 addresses nobody was looked for" in ended.note


async def test_a_scan_stopped_in_order_counts_nothing_that_did_not_leave(tmp_path: Path) -> None:
    settings, here = Settings(profile="gentle", listen_seconds=0.0), "127.0.0.9"
    scope = write_scope(ScopeSection(), [f"{here}/32"], (), yes_large=False)
    with Logbook(tmp_path / "book") as book:
        scan = Scan(id="s1", started=SystemClock().now(), scope=(f"{here}/32",), planned=1)
        left = Headway(scan=scan, settings=digest_of(settings, scan.scope), at=scan.started, closed=True)
        await keep_headway(book, left)
        survey = Survey(settings, scope, book, privileged=False, notebook=book)
        await survey.run()
        sent = sum(line.packets for line in await book.journal())
    assert survey._shared.pace.spent(here) == sent > 0


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
