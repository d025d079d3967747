# SPDX-License-Identifier: Apache-2.0
"""Between two scans the agent may listen: what is heard belongs to the newest scan, and nothing is sent."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from agent import between
from agent.between import AGAIN_AFTER, Between
from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.ground import Ground
from agent.keys import Identity, find_key
from agent.logbook import Logbook
from agent.packet_worker import HeardFrame
from agent.rounds import Rounds
from agent.scope import write_scope
from agent.settings import Collector, ScheduleSection, ScopeSection
from agent.state_folder import write_last_start
from agent.uplink import Uplink
from agent.vantage import Standing
from probes.contract import OurFault
from probes.facts import Scan

NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SCOPE = write_scope(ScopeSection(), ["10.77.0.0/24"], (), yes_large=False)
STANDING = Standing("eth0", 2, "02:00:00:00:77:fa", "10.77.0.250", "10.77.0.0/24", (), True, False)
WHO_HAS = bytes.fromhex(
    "ffffffffffff020000007705080600010800060400010200000077050a4d00050000000000000a4d0001"
)


class Worker:
    """A packet worker that hears one frame again and again, and would fail if it were asked to send."""

    started: list[tuple[Any, ...]] = []  # noqa: RUF012 - what the code under test asked for

    @classmethod
    async def start(cls, *given: Any) -> Self:
        cls.started.append(given)
        return cls()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def heard(self) -> HeardFrame:
        await asyncio.sleep(0)
        return HeardFrame("eth0", NOW, WHO_HAS, False)


class Quick(SystemClock):
    """A clock that never waits, and stops the work after some waits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self.most = most

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        if len(self.waits) >= self.most:
            raise asyncio.CancelledError
        await asyncio.sleep(0.01)


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    async def ground(*_: object) -> Ground:
        vantage = STANDING.as_vantage("me")
        return Ground((STANDING,), (vantage,), ((SCOPE.networks[0], 0),), SCOPE)

    async def standings(**_: object) -> tuple[Standing, ...]:
        return (STANDING,)

    Worker.started = []
    monkeypatch.setattr(between, "PacketWorker", Worker)
    monkeypatch.setattr(between, "survey_ground", ground)
    monkeypatch.setattr(between, "vantages", standings)
    return Worker.started


def run(book: Logbook, clock: Quick, told: list[str]) -> None:
    work = Between(SCOPE, book, clock, book.newest_scan, lambda ja, _: told.append(ja))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work.run())


def test_what_is_heard_belongs_to_the_newest_scan_and_the_same_is_written_once(
    tmp_path: Path, heard: list[tuple[Any, ...]]
) -> None:
    with Logbook(tmp_path / "book") as book:
        scans = [Scan(id=f"s{n}", started=NOW - timedelta(days=n), state="stopped") for n in (2, 1, 3)]
        asyncio.run(book.put(scans))
        run(book, Quick(5), [])
        upload, _ = asyncio.run(book.pending())
    seen = [(one.scan, one.address, one.mac, one.at, one.transport) for one in upload.observations]
    assert seen == [("s1", "10.77.0.5", "02:00:00:00:77:05", NOW, "heard")]
    assert upload.sent == ()
    assert heard == [(("eth0",),)]  # no network is named to the worker: it can send nothing


def test_before_the_first_scan_nothing_is_heard(tmp_path: Path, heard: list[tuple[Any, ...]]) -> None:
    with Logbook(tmp_path / "book") as book:
        clock = Quick(2)
        run(book, clock, [])
    assert (clock.waits, heard) == ([AGAIN_AFTER] * 2, [])


def test_a_fault_is_told_once_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: object) -> Ground:
        raise OurFault("no way")

    monkeypatch.setattr(between, "survey_ground", fails)
    with Logbook(tmp_path / "book") as book:
        asyncio.run(book.put([Scan(id="s", started=NOW)]))
        clock, told = Quick(3), list[str]()
        run(book, clock, told)
    assert (clock.waits, len(told)) == ([AGAIN_AFTER] * 3, 1)


def test_the_agent_listens_while_it_waits_and_not_while_it_scans(tmp_path: Path) -> None:
    story: list[str] = []

    async def listening() -> None:
        story.append("listens")
        try:
            await asyncio.Event().wait()
        finally:
            story.append("ends")

    async def scan(_: object) -> Scan:
        story.append("scans")
        return Scan(id="s", started=NOW, ended=NOW, state="complete")

    class Hours(SystemClock):
        """A clock on which each wait is over at once."""

        ahead = timedelta()

        def now(self) -> datetime:
            return super().now() + self.ahead

        async def sleep(self, seconds: float) -> None:
            self.ahead += timedelta(seconds=seconds)
            await asyncio.sleep(0)
            if story.count("scans") >= 2:
                raise asyncio.CancelledError

    async def work() -> None:
        clock = Hours()
        write_last_start(tmp_path, clock.now())
        with Logbook(tmp_path / "book") as book:
            async with CollectorClient(Collector(url="http://127.0.0.1:9"), clock) as client:
                uplink = Uplink(book, Identity("a", find_key(tmp_path)), client, SystemClock())
                hourly = ScheduleSection(every_hours=1.0)
                await Rounds(
                    hourly, (), "a", tmp_path, book, uplink, scan, lambda *_: None, clock, listening
                ).run()  # fmt: skip

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(work())
    assert story[:6] == ["listens", "ends", "scans", "listens", "ends", "scans"]
