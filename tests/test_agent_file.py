# SPDX-License-Identifier: Apache-2.0
"""agent.toml that is rewritten while the agent runs: taken whole at its next look, or refused whole with the line named."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.refusal import Refusal
from agent.rounds import Orders, Rounds
from agent.scope import Scope
from agent.settings import read_settings
from deploy.agent_file import AgentFile
from deploy.site import Site, read_site
from probes.facts import Scan
from tests.test_agent_command import HOUR, START, Stop, Watched, near
from tests.test_uplink import TestClock

GOOD = """[scope]
networks = ["10.0.0.0/24"]
[collector]
url = "https://there"
[schedule]
at = "02:00"
time_zone = "UTC"
"""


@pytest.fixture(autouse=True)
def _long_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.rounds.LONGEST_SLEEP", 900.0)


class Night(Watched):
    """Rounds by a file, which is rewritten when the clock has come to a moment."""

    def __init__(self, folder: Path, clock: TestClock, most: int, rewritten: str, after: timedelta) -> None:
        super().__init__(folder, clock, most)
        path = folder / "agent.toml"
        path.write_text(GOOD)
        self.file = AgentFile(path, lambda _: None, self.say)
        self.scopes: list[Scope] = []
        self.rewritten, self.after = rewritten, after

    def say(self, ja: str, en: str) -> None:
        self.told.append(f"{ja} / {en}")

    async def scan(self, spool: Any) -> Scan:
        self.scopes.append(self.file.site.scope)
        return await super().scan(spool)

    async def reread(self) -> Orders | None:
        if self.rewritten and self.clock.now() >= START + self.after:
            self.file.path.write_text(self.rewritten)
            self.rewritten = ""
        if not await self.file.changed(self.clock):
            return None
        return Orders(self.file.site.settings.schedule, self.file.site.scope.blackouts)

    async def nights(self) -> None:
        def more(rounds: Rounds) -> Any:
            rounds.reread = self.reread
            return rounds.run()

        with pytest.raises(Stop):
            await self.run(self.file.site.settings.schedule, more=more)


@pytest.mark.parametrize(
    ("after", "starts"),
    [
        (timedelta(hours=3), [START + 15 * HOUR, START + 39 * HOUR]),  # while it waits
        (
            timedelta(hours=16, minutes=59, seconds=50),
            [START + 39 * HOUR, START + 63 * HOUR],
        ),  # at the last moment
    ],
)
async def test_a_changed_file_is_in_force_at_the_next_look(
    tmp_path: Path, after: timedelta, starts: list[Any]
) -> None:
    changed = GOOD.replace("02:00", "00:00").replace("10.0.0.0/24", "10.0.1.0/24")
    night = Night(tmp_path, TestClock(), 2, changed, after)
    await night.nights()
    assert near(night.starts, starts), night.starts
    assert [str(scope.networks[0]) for scope in night.scopes[:2]] == ["10.0.1.0/24"] * 2


async def test_a_change_of_the_scope_alone_loses_no_start(tmp_path: Path) -> None:
    never = GOOD.replace("networks", 'never = ["10.0.0.66/32"]\nnetworks')
    night = Night(tmp_path, TestClock(), 1, never, timedelta(hours=16, minutes=59, seconds=50))
    await night.nights()
    assert near(night.starts, [START + 17 * HOUR])
    assert night.scopes[0].refuses("10.0.0.66", START)


@pytest.mark.parametrize("seconds", [50, -1])  # at the last moment; a minute before
async def test_other_times_that_leave_tonights_start_as_it_is_lose_no_start(
    tmp_path: Path, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.rounds.LONGEST_SLEEP", 60.0)
    noon = GOOD + '[[scope.blackout]]\nfrom = "12:00"\nto = "13:00"\n'
    night = Night(tmp_path, TestClock(), 1, noon, timedelta(hours=16, minutes=59, seconds=seconds))
    await night.nights()
    assert near(night.starts, [START + 17 * HOUR])


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        (lambda text: text.replace('["10.0.0.0/24"]', '["10.0.0.0/24"'), "line 3"),
        (lambda text: text.replace("10.0.0.0/24", "10.0.0.0/33"), "Line 2"),
        (lambda text: text.replace("10.0.0.0/24", "8.8.8.0/24"), "Line 2"),
        (lambda text: text.replace("at =", "att ="), "Line 6"),
        (lambda text: text + "[pace]\npackets_per_host = 5000\n", "Line 9"),
        (lambda text: text + '[[ssh]]\nhosts = ["10.0.0.1"]\nfamily = "x"\nuser = "u"\n', "Line 10"),
        (lambda text: text.replace('"02:00"', "9" * 5000).replace('"05:00"', "9" * 5000), "not valid TOML"),
        (lambda text: text.replace('"05:00"', "[" * 3000), "not valid TOML"),
        (lambda text: text + '[[scope.blackout]]\nfrom = "00:00"\nto = "00:00"\n', "no time to scan"),
    ],
)
async def test_a_broken_file_is_refused_whole_with_its_line_and_the_old_one_stays(
    tmp_path: Path, broken: Callable[[str], str], line: str
) -> None:
    text = broken(GOOD.replace("02:00", "05:00"))  # what is good in it does not count either
    night = Night(tmp_path, TestClock(), 2, text, timedelta(hours=3))
    await night.nights()
    assert near(night.starts, [START + 17 * HOUR, START + 41 * HOUR])
    assert [str(scope.networks[0]) for scope in night.scopes[:2]] == ["10.0.0.0/24"] * 2
    (told,) = (said for said in night.told if "前の設定" in said)  # once, not at every look
    assert line in told


async def test_what_stands_until_the_next_start_of_the_agent_is_said(tmp_path: Path) -> None:
    night = Night(tmp_path, TestClock(), 1, "", timedelta(days=9))
    night.file.path.write_text(
        GOOD.replace("there", "elsewhere")
        .replace("UTC", "Asia/Tokyo")
        .replace("[scope]", "spool_bytes = 70000000\n[scope]")
    )
    assert await night.file.changed(night.clock)
    settings = night.file.site.settings
    assert (settings.collector.url, settings.schedule.time_zone) == ("https://there", "UTC")
    assert "collector, spool_bytes, schedule.time_zone" in night.told[-1]
    assert not await night.file.changed(night.clock)


async def test_a_file_that_is_being_written_is_left_for_the_next_look(tmp_path: Path) -> None:
    night = Night(tmp_path, TestClock(), 1, "", timedelta(days=9))

    class Writing(TestClock):
        async def sleep(self, seconds: float) -> None:
            night.file.path.write_text(GOOD + "# the rest\n")

    night.file.path.write_text(GOOD[:40])
    assert not await night.file.changed(Writing())
    assert night.told == []


@pytest.mark.parametrize("rest", [GOOD + 'profile = "x"\n', GOOD.replace("/24", "/25")])
async def test_a_file_that_is_rewritten_while_it_is_read_is_left_for_the_next_look(
    tmp_path: Path, rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    night = Night(tmp_path, TestClock(), 1, "", timedelta(days=9))
    night.file.path.write_text(GOOD.replace("/24", "/26"))

    def read_meanwhile(networks: Any, path: Path) -> Site:
        path.write_text(rest)
        return read_site(networks, path)

    monkeypatch.setattr("deploy.agent_file.read_site", read_meanwhile)
    assert not await night.file.changed(night.clock)
    assert (night.told, str(night.file.site.scope.networks[0])) == ([], "10.0.0.0/24")


async def test_a_file_that_is_rewritten_at_the_start_is_taken_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_before(networks: Any, path: Path) -> Site:
        site = read_site(networks, path)
        path.write_text(GOOD.replace("/24", "/26"))
        return site

    with monkeypatch.context() as patch:
        patch.setattr("deploy.agent_file.read_site", read_before)
        night = Night(tmp_path, TestClock(), 1, "", timedelta(days=9))
    assert await night.file.changed(night.clock)
    assert str(night.file.site.scope.networks[0]) == "10.0.0.0/26"


def test_a_wrong_value_names_its_line_at_the_first_start_too(tmp_path: Path) -> None:
    (tmp_path / "agent.toml").write_text(GOOD + "[pace]\nbroadcasts = 5000\n")
    with pytest.raises(Refusal, match="Line 9: "):
        read_settings(tmp_path / "agent.toml")
