# SPDX-License-Identifier: Apache-2.0
"""A spool whose collector is away for days: repetitions go, findings stay, and people are warned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from agent.logbook import Logbook, LogbookFull
from agent.rounds import Rounds
from agent.settings import ScheduleSection
from agent.thinning import repeats
from probes.facts import Fact, FactKind, Observation, Outcome, Sent
from tests.test_agent_command import Watched
from tests.test_uplink import TestClock

BEGIN = datetime(2026, 11, 1, 2, 0, tzinfo=UTC)


def seen(night: int, host: int, version: str, size: int = 0, uptime: int = 0) -> Observation:
    return Observation(
        scan=f"night {night}",
        vantage="v",
        at=BEGIN + timedelta(days=night, seconds=host),
        probe="ssh",
        address=f"10.0.0.{host}",
        port=22,
        transport="tcp",
        outcome=Outcome.ANSWERED,
        facts=(Fact(FactKind.VERSION, version), Fact(FactKind.SNMP_UPTIME, str(uptime))),
        transcript="< " + "x" * size,
    )


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("ab")), max_size=40))
def test_no_change_is_ever_lost_and_first_and_last_stay(said: list[tuple[int, str]]) -> None:
    all_of_it = [(at, seen(at, host, version, uptime=at)) for at, (host, version) in enumerate(said)]
    gone = set(repeats(all_of_it))
    for host in range(3):
        before = [(at, version) for at, (one, version) in enumerate(said) if one == host]
        after = [(at, version) for at, version in before if at not in gone]
        assert after[:1] == before[:1]
        assert after[-1:] == before[-1:]
        assert _changes([v for _, v in after]) == _changes([v for _, v in before])
        runs = len(_changes([v for _, v in before]))
        assert len(after) <= 2 * runs


def _changes(versions: list[str]) -> list[str]:
    return [v for at, v in enumerate(versions) if at == 0 or versions[at - 1] != v]


async def test_thirty_nights_without_a_collector_fit_and_no_finding_is_lost(tmp_path: Path) -> None:
    watched = Watched(tmp_path, TestClock(), 1)
    watched.most_bytes = 2_000_000

    async def nights(rounds: Rounds) -> None:
        for night in range(30):
            found = [
                seen(night, host, "2" if (night, host) >= (17, 5) and host == 5 else "1", 2500)
                for host in range(50)
            ]
            sent = Sent(
                scan=f"night {night}", vantage="v", at=found[0].at, address="10.0.0.1", action="x", packets=1
            )
            await rounds.logbook.put([*found, sent])
            await rounds._look_at_room()
        upload, _ = await rounds.logbook.pending(100_000)
        kept.extend(upload.observations)
        lines.extend(await rounds.logbook.journal())

    kept: list[Observation] = []
    lines: list[Sent] = []
    await watched.run(ScheduleSection(), more=nights)
    five = [(o.scan, next(iter(o.of(FactKind.VERSION)))) for o in kept if o.address == "10.0.0.5"]
    assert ("night 0", "1") in five
    assert ("night 17", "2") in five  # the day it changed
    assert ("night 29", "2") in five  # and that it still is so
    assert len(lines) == 30  # the journal stays whole
    assert len([o for o in kept if o.scan == "night 29"]) == 50


async def test_a_full_spool_lets_repetitions_go_before_it_gives_up(tmp_path: Path) -> None:
    with Logbook(tmp_path / "book", most_bytes=1_000_000) as book:
        for night in range(60):
            await book.put([seen(night, host, "1", 4000) for host in range(20)])  # 60 x 80 kB into 1 MB
        try:
            for night in range(60):
                await book.put([seen(night, host, f"new {night}", 4000) for host in range(20)])
        except LogbookFull:
            upload, _ = await book.pending(100_000)
            assert len({next(iter(o.of(FactKind.VERSION))) for o in upload.observations}) > 5
        else:
            raise AssertionError("findings of 4.8 MB cannot fit into 1 MB")
