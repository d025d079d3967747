# SPDX-License-Identifier: Apache-2.0
"""`daicho agent` and `daicho agents` as processes on loopback, and the rounds on a clock of their own."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.keys import Identity, find_key
from agent.logbook import Logbook, LogbookFull
from agent.records import Spool
from agent.refusal import Refusal
from agent.rounds import Rounds
from agent.settings import Blackout, Collector, ScheduleSection, Settings, read_settings
from agent.state_folder import (
    _LAST_START_FILE,
    find_state_folder,
    only_one,
    read_last_start,
    write_last_start,
)
from agent.uplink import Uplink
from collector.settings import Settings as CollectorSettings
from collector.settings import load_settings
from inventory_db import observations
from probes.facts import Observation, Outcome, Scan
from tests import forked
from tests.cli_cases import environment
from tests.live_collector import LiveCollector, free_port
from tests.test_uplink import TestClock

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "deploy" / "examples"
START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "deploy", *map(str, arguments)]


def daicho(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return forked.run([str(one) for one in arguments], ROOT, environment())


class Site:
    """An agent.toml with a state folder of its own, and a collector that may come and go."""

    def __init__(self, folder: Path) -> None:
        self.collector = LiveCollector(folder / "ledger.sqlite")
        self.state, self.config = folder / "state", folder / "agent.toml"
        self.write()

    def write(self, networks: str = '"127.0.0.2/32"', more: str = "", url: str | None = None) -> None:
        self.config.write_text(
            f'profile = "gentle"\nlisten_seconds = 0.0\nstate_folder = "{self.state}"\n'
            f"[scope]\nnetworks = [{networks}]\n"
            f'[collector]\nurl = "{self.collector.url if url is None else url}"\n{more}'
        )

    def agent(self, *more: object) -> "subprocess.CompletedProcess[str]":
        return daicho("agent", "--config", self.config, *more)

    def agents(self, *more: object) -> "subprocess.CompletedProcess[str]":
        return daicho("agents", *more, "--ledger", self.collector.ledger)

    def code(self) -> str:
        made = self.agents("code", "2F 放射線科")
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()

    def stored(self) -> dict[str, list[str]]:
        """Ids of everything in the ledger, with repetitions if there were any."""
        with self.collector.engine.connect() as connection:
            seen = [one.id for one in observations.load(connection)]
            sent = [line.id for line in observations.journal(connection)]
            scans = [scan.state for scan in observations.scans(connection)]
        return {"seen": sorted(seen), "sent": sorted(sent), "scans": scans}

    def spooled(self) -> tuple[dict[str, list[str]], int]:
        """The same of everything in the logbook, and how many records wait."""
        return asyncio.run(spooled(self.state))


async def spooled(state: Path) -> tuple[dict[str, list[str]], int]:
    import sqlite3

    with Logbook(state / "logbook") as book:
        waiting, _ = await book.position()
        sent = sorted(line.id for line in await book.journal())
    with sqlite3.connect(state / "logbook") as file:
        seen = sorted(id for (id,) in file.execute("SELECT id FROM records WHERE kind = 'observation'"))
        bodies = file.execute("SELECT body FROM records WHERE kind = 'scan' ORDER BY position").fetchall()
    file.close()
    scans = [msgspec.json.decode(body, type=Scan).state for (body,) in bodies]
    return {"seen": seen, "sent": sent, "scans": scans}, waiting


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.collector.engine.dispose()


# ---- the examples ------------------------------------------------------------------------------


def keys_of(kind: type) -> Iterator[str]:
    for field in msgspec.inspect.type_info(kind).fields:  # type: ignore[attr-defined]
        yield field.encode_name
        inner = getattr(field.type, "item_type", field.type)
        if isinstance(inner, msgspec.inspect.StructType):
            yield from keys_of(inner.cls)


def test_the_examples_load_and_name_every_setting() -> None:
    agent = read_settings(EXAMPLES / "agent.toml")
    assert agent.schedule
    assert agent.scope.networks
    text = (EXAMPLES / "agent.toml").read_text("utf-8")
    assert [key for key in keys_of(Settings) if key not in text] == []
    collector = load_settings(EXAMPLES / "collector.toml")
    text = (EXAMPLES / "collector.toml").read_text("utf-8")
    assert [key for key in CollectorSettings.__slots__ if key not in text] == []
    assert collector.allowed_hosts


# ---- wrong use ---------------------------------------------------------------------------------


def test_without_a_scope_nothing_is_sent(site: Site) -> None:
    site.write(networks="", more="[schedule]\nevery_hours = 1\n")
    done = site.agent()
    assert done.returncode == 3
    assert "範囲" in done.stderr


@pytest.mark.parametrize(
    ("write", "arguments", "said"),
    [
        ({}, (), "--once"),
        ({"url": ""}, ("--once",), "url"),
        ({"url": "ftp://here"}, ("--once",), "URL"),
        ({}, ("--once",), "--enrol"),
        ({"more": "[schedule]\nevery_hour = 1\n"}, (), "every_hour"),
        ({"more": 'spool = "1G"\n'}, (), "spool"),
    ],
)
def test_wrong_use_is_one_clear_sentence_and_leaves_no_trace(
    site: Site, write: dict[str, Any], arguments: tuple[str, ...], said: str
) -> None:
    site.write(**write)
    done = site.agent(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (site.state / "logbook").exists()


def test_a_code_of_nobody_and_an_absent_collector_are_told_apart(site: Site) -> None:
    absent = site.agent("--once", "--enrol", "AAAA-BBBB")
    assert absent.returncode == 4
    assert "つながりません" in absent.stderr
    with site.collector:
        unknown = site.agent("--once", "--enrol", "AAAA-BBBB")
    assert unknown.returncode == 2
    assert "登録コード" in unknown.stderr
    assert not (site.state / "logbook").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("code",),
        ("list", "x"),
        ("revoke",),
        ("remove", "x"),
        ("code", "x", "--hours", "0"),
        ("revoke", "nobody"),
    ],
)
def test_wrong_use_of_agents_is_told(site: Site, arguments: tuple[str, ...]) -> None:
    done = site.agents(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("✗ ")
    assert not done.stdout


def test_a_code_is_not_made_in_a_ledger_that_is_not_there(tmp_path: Path) -> None:
    done = daicho("agents", "code", "x", "--ledger", tmp_path / "absent.sqlite")
    assert done.returncode == 2
    assert not list(tmp_path.iterdir())


# ---- the whole way -----------------------------------------------------------------------------


def test_everything_acknowledged_arrives_once_also_after_an_absence(site: Site) -> None:
    with site.collector:
        first = site.agent("--once", "--enrol", site.code())
    assert first.returncode == 0, first.stderr
    spool, waiting = site.spooled()
    assert waiting == 0
    assert site.stored() == spool
    assert spool["scans"] == ["complete"]
    assert len(spool["seen"]) == len(set(spool["seen"])) > 0

    absent = site.agent("--once")
    assert absent.returncode == 1, absent.stderr
    assert "つながりません" in absent.stderr
    assert site.stored() == spool
    both, waiting = site.spooled()
    assert waiting > 0

    with site.collector:
        third = site.agent("--once")
    assert third.returncode == 0, third.stderr
    all_three, waiting = site.spooled()
    assert waiting == 0
    assert site.stored() == all_three
    assert set(both["seen"]) < set(all_three["seen"])
    assert all_three["scans"] == ["complete"] * 3
    (agent,) = site.collector.agents()
    assert agent.name == "2F 放射線科"


def test_list_shows_and_revoke_turns_away(site: Site) -> None:
    with site.collector:
        assert site.agent("--once", "--enrol", site.code()).returncode == 0
        (agent,) = site.collector.agents()
        listed = site.agents("list")
        assert agent.id in listed.stdout.replace("\n", "")
        asked = site.agents("revoke", agent.id)
        assert (asked.returncode, "--yes" in asked.stderr) == (2, True)
        assert site.collector.agents()[0].revoked is None
        assert site.agents("revoke", agent.id, "--yes").returncode == 0
        before = site.stored()
        refused = site.agent("--once")
    assert refused.returncode == 1
    assert "取り消されています" in refused.stderr
    assert site.stored() == before
    assert site.collector.agents()[0].revoked


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_order_within_a_second_and_the_ledger_knows(
    site: Site, number: signal.Signals
) -> None:
    site.write(
        networks='"127.0.0.2", "127.7.0.0/23"', more="[schedule]\nevery_hours = 1\n[pace]\npackets = 20\n"
    )
    with site.collector:
        arguments = command("agent", "--config", site.config, "--enrol", site.code())
        with subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True) as agent:
            assert agent.stderr is not None
            lines = iter(agent.stderr.readline, "")
            assert any("探しています" in line for line in lines)
            time.sleep(0.7)  # real time: something is on its way
            sent = time.monotonic()
            agent.send_signal(number)
            stopping = ""
            while "途中で止めました" not in stopping and (line := agent.stderr.readline()):
                stopping += line
            took = time.monotonic() - sent  # nothing is sent from here on; the rest is handed over
            rest = stopping + agent.stderr.read()
            assert agent.wait(10) == 0
            print(f"stopped after {took:.2f} s, ended after {time.monotonic() - sent:.2f} s")
    assert took < 1.0, rest
    assert "途中で止めました" in stopping
    assert "止まりました" in rest
    assert "Traceback" not in rest
    spool, waiting = site.spooled()
    assert waiting == 0
    assert spool["scans"] == ["stopped"]
    assert site.stored() == spool


def test_two_agents_never_share_a_state_folder(site: Site) -> None:
    with only_one(site.state):
        done = site.agent("--once", "--enrol", "AAAA")
    assert done.returncode == 2
    assert "すでに動いています" in done.stderr


# ---- the rounds, on a clock of their own -------------------------------------------------------


class Stop(Exception):
    """The test has seen enough."""


class Watched:
    """Rounds whose scans take a written time and put one observation; ends after some scans."""

    def __init__(self, folder: Path, clock: TestClock, most: int, lasts: timedelta = HOUR) -> None:
        self.clock, self.most, self.lasts = clock, most, lasts
        self.folder = folder
        self.starts: list[datetime] = []
        self.told: list[str] = []
        self.most_bytes: int | None = None
        self.observations = 1

    async def scan(self, spool: Spool) -> Scan:
        if len(self.starts) == self.most:
            raise Stop
        self.starts.append(self.clock.now())
        self.clock.time += self.lasts
        for number in range(self.observations):
            at = self.clock.now() + timedelta(microseconds=number)
            seen = Observation(
                scan="s",
                vantage="v",
                at=at,
                probe="p",
                outcome=Outcome.SILENT,
                transcript=os.urandom(50_000).hex(),
            )
            await spool.put([seen])
        return Scan(id="s", started=self.starts[-1], ended=self.clock.now(), state="complete")

    async def run(
        self,
        schedule: ScheduleSection,
        *blackouts: Blackout,
        more: Callable[[Rounds], Any] = lambda rounds: rounds.run(),
    ) -> None:
        identity = Identity("agent1", find_key(self.folder))
        collector = Collector(url=f"http://127.0.0.1:{free_port()}")
        async with CollectorClient(collector, self.clock) as client:
            with Logbook(self.folder / "logbook", most_bytes=self.most_bytes) as book:
                uplink = Uplink(book, identity, client, self.clock)
                await more(
                    Rounds(
                        schedule,
                        blackouts,
                        "agent1",
                        self.folder,
                        book,
                        uplink,
                        self.scan,
                        lambda ja, en: self.told.append(f"{ja} / {en}"),
                        self.clock,
                    )
                )


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


def near(found: list[datetime], wanted: list[datetime]) -> bool:
    """The uplink sleeps on the same clock, so a start may come a little later, never earlier."""
    return len(found) == len(wanted) and all(
        timedelta(0) <= f - w < timedelta(minutes=10) for f, w in zip(found, wanted, strict=True)
    )


async def test_scans_begin_at_the_written_time_and_skip_what_falls_into_a_running_one(
    tmp_path: Path, clock: TestClock
) -> None:
    watched = Watched(tmp_path, clock, 3, lasts=30 * HOUR)
    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"))
    assert near(watched.starts, [START + 17 * HOUR, START + 65 * HOUR, START + 113 * HOUR])
    assert any("調べが終わりました" in line for line in watched.told)


async def test_hours_apart_go_on_after_a_restart(tmp_path: Path, clock: TestClock) -> None:
    schedule = ScheduleSection(every_hours=6.0, time_zone="UTC")
    with pytest.raises(Stop):
        await Watched(tmp_path, clock, 1).run(schedule)
    last = read_last_start(tmp_path)
    assert last
    again = Watched(tmp_path, clock, 1)
    with pytest.raises(Stop):
        await again.run(schedule)
    assert near(again.starts, [last + 6 * HOUR])


async def test_a_start_in_a_blackout_waits(tmp_path: Path, clock: TestClock) -> None:
    watched = Watched(tmp_path, clock, 2)
    with pytest.raises(Stop):
        await watched.run(
            ScheduleSection(every_hours=1.0, time_zone="UTC"), Blackout(start="08:00", end="18:00")
        )
    assert near(watched.starts, [START + 9 * HOUR, START + 10 * HOUR])


async def test_a_blackout_of_all_time_is_refused(tmp_path: Path, clock: TestClock) -> None:
    watched = Watched(tmp_path, clock, 1)
    with pytest.raises(Refusal, match="blackout"):
        await watched.run(ScheduleSection(at="02:00"), Blackout(start="00:00", end="00:00"))
    assert watched.starts == []


class JumpingClock(TestClock):
    """A clock that somebody sets ahead by six hours, once, while the agent waits."""

    jumped = False

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if not self.jumped and self.time > START + 16 * HOUR + timedelta(minutes=30):
            self.jumped = True
            self.time += 6 * HOUR


async def test_a_start_that_was_slept_through_is_not_made_up_for_in_the_daytime(tmp_path: Path) -> None:
    watched = Watched(tmp_path, JumpingClock(), 1)
    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"))
    assert near(watched.starts, [START + 41 * HOUR])
    assert any("逃しました" in line for line in watched.told)


class AnHourOff(TestClock):
    """A clock that somebody sets by an hour, once, at a written time."""

    def __init__(self, at: datetime, by: timedelta) -> None:
        super().__init__()
        self.at, self.by = at, by

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        if self.by and self.time >= self.at:
            self.time, self.by = self.time + self.by, timedelta(0)


@pytest.mark.parametrize(
    ("at", "by"),
    [
        (START + 16 * HOUR + timedelta(minutes=30), HOUR),  # over the start
        (START + 16 * HOUR + timedelta(minutes=30), -HOUR),
        (START + 18 * HOUR + timedelta(minutes=20), -HOUR),  # after the scan, back to just after its start
    ],
)
async def test_a_clock_set_by_an_hour_neither_loses_nor_doubles_a_night(
    tmp_path: Path, at: datetime, by: timedelta
) -> None:
    watched = Watched(tmp_path, AnHourOff(at, by), 3)
    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"))
    assert [start.day - START.day for start in watched.starts] == [1, 2, 3]
    assert all(2 <= start.hour < 4 for start in watched.starts)


async def test_the_room_is_told_at_each_level_and_a_full_logbook_ends_the_scan(
    tmp_path: Path, clock: TestClock
) -> None:
    watched = Watched(tmp_path, clock, 12)
    watched.most_bytes, watched.observations = 4_000_000, 4

    async def look(rounds: Rounds) -> None:
        for _ in range(12):
            await rounds._scan()
            await rounds._look_at_room()
            await rounds._look_at_room()

    await watched.run(ScheduleSection(), more=look)
    room = [line for line in watched.told if "spool_bytes" in line]
    assert len(room) == 3
    full = [line for line in watched.told if "続けられません" in line]
    assert full
    assert "空きがありません" in full[0]


async def test_a_disk_that_is_full_for_a_night_costs_that_night_only(tmp_path: Path) -> None:
    """An ended agent would not be started again by systemd: its state folder counts as a wrong setting then."""
    clock = TestClock()
    watched = Watched(tmp_path, clock, 2)
    blocked = (tmp_path / _LAST_START_FILE).with_suffix(".new")
    blocked.mkdir()  # nothing can be written there, also not by root

    def told(ja: str, en: str) -> None:
        watched.told.append(ja)
        if "書けません" in ja:
            blocked.rmdir()

    async def run(rounds: Rounds) -> None:
        rounds.tell = told
        await rounds.run()

    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"), more=run)
    assert [start.day - START.day for start in watched.starts] == [2, 3]
    assert sum("書けません" in line for line in watched.told) == 1


async def test_a_disk_without_room_to_make_room_does_not_end_the_agent(tmp_path: Path) -> None:
    watched = Watched(tmp_path, TestClock(), 2)

    async def run(rounds: Rounds) -> None:
        async def full() -> float:
            raise LogbookFull("空きなし", "full")

        rounds.logbook.filled = full  # type: ignore[method-assign]
        await rounds.run()

    with pytest.raises(Stop):
        await watched.run(ScheduleSection(at="02:00", time_zone="UTC"), more=run)
    assert len(watched.starts) == 2
    assert sum("空きなし" in line for line in watched.told) == 1


async def test_a_logbook_that_is_full_for_the_scans_own_notes_is_told_and_the_agent_lives(
    tmp_path: Path, clock: TestClock
) -> None:
    watched = Watched(tmp_path, clock, 2)

    async def look(rounds: Rounds) -> None:
        async def scan(_: Spool) -> Scan:
            raise BaseExceptionGroup("a task group's", [LogbookFull("満杯", "full")])

        rounds.scan = scan
        assert await rounds._scan() is None

    await watched.run(ScheduleSection(), more=look)
    assert [line for line in watched.told if "続けられません" in line and "満杯" in line]


async def test_a_scan_that_a_person_stopped_on_a_full_disk_does_not_end_the_agent(
    tmp_path: Path, clock: TestClock
) -> None:
    watched = Watched(tmp_path, clock, 2)

    async def look(rounds: Rounds) -> None:
        async def scan(spool: Spool) -> Scan:
            spool.scan = "s"  # type: ignore[attr-defined]
            spool.heed({"s"})  # type: ignore[attr-defined]
            await asyncio.Event().wait()
            raise AssertionError

        async def full(name: str, body: bytes) -> None:
            raise LogbookFull("満杯", "full")

        rounds.scan = scan
        rounds.logbook.keep = full  # type: ignore[method-assign]
        assert await rounds._scan() is None

    await watched.run(ScheduleSection(), more=look)
    assert any("満杯" in line for line in watched.told)


async def test_a_fault_of_the_scan_that_nobody_foresaw_is_not_hidden(
    tmp_path: Path, clock: TestClock
) -> None:
    with pytest.raises(Stop):
        await Watched(tmp_path, clock, 0).run(ScheduleSection(), more=lambda rounds: rounds.run_once())


# ---- the state folder --------------------------------------------------------------------------


def test_the_state_folder_follows_setting_and_environment() -> None:
    assert find_state_folder("/var/lib/daicho", {}) == Path("/var/lib/daicho")
    assert find_state_folder("", {"XDG_STATE_HOME": "/x"}) == Path("/x/daicho")
    assert find_state_folder("", {}) == Path.home() / ".local/state/daicho"


def test_a_damaged_note_of_the_last_start_counts_as_none(tmp_path: Path) -> None:
    now = SystemClock(UTC).now()
    write_last_start(tmp_path, now)
    assert read_last_start(tmp_path) == now
    for damaged in (b"", b"yesterday", b"\xff\xfe", b"2026-04-01T02:00:00"):
        (tmp_path / "last_start").write_bytes(damaged)
        assert read_last_start(tmp_path) is None


def test_a_state_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match="state folder"), only_one(tmp_path / "file" / "state"):
        pass
