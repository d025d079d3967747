# SPDX-License-Identifier: Apache-2.0
"""How far a scan is and how long it still needs, in numbers, in words, and as JSON lines."""

import json

import pytest

from agent.refusal import Refusal
from agent.time_left import Progress, TimeLeft
from deploy.scan_progress import ScanProgress, in_words


def test_the_time_left_is_what_the_limits_say_then_what_the_speed_says() -> None:
    left = TimeLeft(0.02)
    assert left.of("find", 0, 65_534, 100.0) == pytest.approx(1310.68)
    assert left.of("find", 6_554, 65_534, 250.0) == pytest.approx(1350, rel=0.01)
    assert left.of("find", 65_534, 65_534, 1500.0) == 0.0
    assert left.of("ask", 0, 40, 1500.0) is None  # no host has come to its end: nobody can tell
    assert left.of("ask", 10, 40, 1510.0) == pytest.approx(30.0)


def test_what_a_scan_before_had_swept_is_no_speed_of_this_one() -> None:
    left = TimeLeft(0.02)
    left.of("find", 60_000, 65_534, 0.0)
    assert left.of("find", 60_100, 65_534, 10.0) == pytest.approx(543.4)


def test_a_line_at_each_stage_and_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    shown = ScanProgress("json", lambda: now[0])
    for at, stage, done in (
        (0.0, "listen", 0),
        (0.1, "find", 0),
        (0.2, "find", 5),
        (1.2, "find", 9),
        (1.3, "ask", 1),
    ):
        now[0] = at
        shown.tell(Progress(stage, done, 10, 3, 50, 12.0))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["stage"], line["done"]) for line in lines] == [
        ("listen", 0), ("find", 0), ("find", 9), ("ask", 1)
    ]  # fmt: skip
    assert lines[0] == {
        "schema": "daicho/progress/1",
        "stage": "listen",
        "done": 0,
        "total": 10,
        "found": 3,
        "packets": 50,
        "left": 12.0,
        "segments": [],
    }


def test_in_words_with_the_time_left() -> None:
    ja, en = in_words(Progress("find", 6554, 65_534, 3, 9000, 1310.0))
    assert "6554/65534" in ja
    assert "残り約 22 分" in ja
    assert "about 22 min left" in en
    assert "残り" not in in_words(Progress("ask", 0, 3, 3, 9000))[0]


def test_another_way_to_show_it_is_refused() -> None:
    with pytest.raises(Refusal, match="plain"):
        ScanProgress("dots")
