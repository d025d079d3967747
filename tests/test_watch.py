# SPDX-License-Identifier: Apache-2.0
"""When a host in trouble is let go, and when its segment: pure, and driven by random answers."""

from hypothesis import given
from hypothesis import strategies as st

from agent.watch import (
    BASELINE,
    FIRST_CHECK,
    GROWTH,
    MOST_TROUBLED,
    NEXT_CHECK,
    SLOW_LEAST,
    SLOWED,
    STOPPED,
    Brakes,
    HostWatch,
)


def watched(*seconds: float) -> HostWatch:
    watch = HostWatch()
    for one in seconds:
        watch.answered(22, is_open=True, seconds=one)
    return watch


def test_a_host_that_never_answered_is_not_checked_and_in_no_trouble() -> None:
    watch = HostWatch()
    for _ in range(40):
        watch.silent()
    assert (watch.check_port, watch.trouble) == (0, "")


def test_silence_after_answers_asks_the_closed_port_that_answered_last_then_stops() -> None:
    watch = HostWatch()
    watch.answered(443)
    watch.answered(445)
    watch.answered(22, is_open=True, seconds=0.001)
    watch.silent()
    assert watch.check_port == 0  # one closed filter is no sign
    watch.silent()
    assert watch.check_port == 445
    watch.checked(False)
    assert watch.trouble == STOPPED
    assert watch.check_port == 0


def test_a_packet_filter_is_no_trouble_and_costs_few_checks() -> None:
    watch = watched(0.001)
    checks = 0
    for _ in range(40):
        watch.silent()
        if watch.check_port:
            checks += 1
            watch.checked(True)
    assert watch.trouble == ""
    assert checks == 1 + (40 - FIRST_CHECK) // NEXT_CHECK


def test_answers_that_take_five_times_as_long_stop_the_host() -> None:
    watch = watched(0.05, 0.05, 0.05, 0.26)
    assert watch.trouble == ""  # one slow answer may be chance
    watch.answered(22, seconds=0.27)
    assert watch.trouble == SLOWED


def test_growth_that_nobody_can_feel_is_no_trouble() -> None:
    assert watched(0.0001, 0.0001, 0.0001, *(0.09,) * 9).trouble == ""


@given(st.lists(st.floats(0, 1), min_size=BASELINE, max_size=40))
def test_no_host_is_stopped_whose_answers_never_grew(seconds: list[float]) -> None:
    watch = watched(*seconds)
    first = sorted(seconds[:BASELINE])[BASELINE // 2]
    grown = [s for s in seconds[BASELINE:] if s >= max(SLOW_LEAST, GROWTH * first)]
    if watch.trouble:
        assert len(grown) >= 2
    if len(grown) == len(seconds) - BASELINE >= 2:
        assert watch.trouble == SLOWED


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5)), max_size=20))
def test_a_segment_stops_at_three_devices_and_no_other_segment_with_it(
    troubles: list[tuple[str, int]],
) -> None:
    brakes = Brakes()
    for segment, device in troubles:
        brakes.trouble(segment, f"mac{device}", f"10.0.0.{device}")
    for segment in "ab":
        devices = {device for where, device in troubles if where == segment}
        assert bool(brakes.refuses(segment)) == (len(devices) >= MOST_TROUBLED)
        assert any(note.startswith(f"{segment}:") for note in brakes.notes()) == bool(brakes.refuses(segment))
