# SPDX-License-Identifier: Apache-2.0
"""`daicho stop`: on, shown, lifted; and an agent that starts while it is on."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.refusal import Refusal
from agent.settings import ScheduleSection
from agent.stop_switch import Stop, StopSwitch
from deploy.cli import command_line
from tests.test_agent_command import HOUR, Watched
from tests.test_agent_command import Stop as Enough
from tests.test_uplink import TestClock


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    file = tmp_path / "agent.toml"
    file.write_text(f'state_folder = "{tmp_path / "state"}"\n[scope]\nnetworks = ["10.0.0.0/24"]\n')
    return file


def stop(config: Path, *more: str) -> int:
    return int(command_line("stop")(["stop", "--config", str(config), *more], standalone_mode=False) or 0)


def test_on_shown_and_lifted(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    switch = StopSwitch(config.parent / "state")
    assert stop(config, "--show") == 0
    assert stop(config, "--why", "monitor alarm in 3F") == 0
    noted = switch.read()
    assert noted
    assert (noted.why, bool(noted.who), switch.is_on) == ("monitor alarm in 3F", True, True)
    capsys.readouterr()
    assert stop(config, "--show") == 1
    assert "monitor alarm in 3F" in capsys.readouterr().err
    assert stop(config, "--lift") == 0
    assert not switch.is_on
    assert stop(config, "--lift") == 0


def test_a_note_that_cannot_be_read_stops_all_the_same(tmp_path: Path) -> None:
    switch = StopSwitch(tmp_path)
    (tmp_path / "stop").write_bytes(b"\xff")
    assert switch.is_on
    assert switch.read() is not None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refusal, match="systemctl stop"):
        StopSwitch(tmp_path / "file").turn_on(Stop("me", datetime.now(UTC)))


async def test_starts_are_left_out_until_it_is_lifted(tmp_path: Path) -> None:
    switch, clock = StopSwitch(tmp_path), TestClock()
    switch.turn_on(Stop("me", clock.now()))
    watched = Watched(tmp_path, clock, 1)
    begun = clock.now()

    class Lifting(TestClock):
        """A clock on which somebody lifts the stop after six hours."""

        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds)
            if self.time > begun + 6 * HOUR:
                switch.turn_off()

    watched.clock = Lifting()
    with pytest.raises(Enough):
        await watched.run(ScheduleSection(every_hours=4.0, time_zone="UTC"))
    assert watched.starts[0] > begun + 6 * HOUR
    assert any("停止スイッチ" in line for line in watched.told)


async def test_a_single_scan_is_refused(tmp_path: Path) -> None:
    StopSwitch(tmp_path).turn_on(Stop("me", datetime.now(UTC)))
    with pytest.raises(Refusal, match="stop switch"):
        await Watched(tmp_path, TestClock(), 1).run(ScheduleSection(), more=lambda rounds: rounds.run_once())
