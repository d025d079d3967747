# SPDX-License-Identifier: Apache-2.0
"""When scans begin: times of the day, hours apart, jitter, blackout windows, summer time, by property."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.refusal import Refusal
from agent.schedule import first_clear, next_start, spread
from agent.scope import in_blackout
from agent.settings import Blackout, ScheduleSection, find_zone, settings_from

TOKYO, NEW_YORK = ZoneInfo("Asia/Tokyo"), ZoneInfo("America/New_York")
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
FRIDAY = datetime(2026, 4, 3, 12, 0, tzinfo=TOKYO)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

clock_times = st.times().map(lambda found: found.strftime("%H:%M"))
days = st.sets(st.sampled_from(WEEKDAYS), min_size=1).map(lambda found: tuple(sorted(found)))
windows = st.lists(st.builds(Blackout, start=clock_times, end=clock_times, days=days), max_size=3)
zones = st.sampled_from(("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "UTC"))
moments = st.timedeltas(timedelta(0), timedelta(days=730)).map(
    lambda ago: datetime(2026, 1, 1, tzinfo=UTC) + ago
)
at_times = st.builds(
    ScheduleSection,
    at=clock_times,
    days=days,
    time_zone=zones,
    jitter_minutes=st.one_of(st.just(0.0), st.floats(0, 1439)),
)
hours_apart = st.builds(
    ScheduleSection,
    every_hours=st.floats(0.25, 400),
    time_zone=zones,
    jitter_minutes=st.one_of(st.just(0.0), st.floats(0, 1439)),
)


def section(**changed: Any) -> ScheduleSection:
    return ScheduleSection(**changed)


def start_after(schedule: ScheduleSection, after: datetime, *blackouts: Blackout, **more: Any) -> datetime:
    found = next_start(schedule, blackouts, after, **more)
    assert found is not None
    return found


def test_a_time_of_the_day_is_that_of_the_zone() -> None:
    assert start_after(section(at="02:00"), FRIDAY) == datetime(2026, 4, 3, 17, 0, tzinfo=UTC)
    assert start_after(section(at="02:00", time_zone="UTC"), FRIDAY) == datetime(2026, 4, 4, 2, tzinfo=UTC)


def test_only_the_named_days_count() -> None:
    found = start_after(section(at="02:00", days=("Sun",)), FRIDAY)
    assert found == datetime(2026, 4, 5, 2, 0, tzinfo=TOKYO)
    assert start_after(section(at="02:00", days=("Sun",)), found) == found + timedelta(days=7)


def test_hours_count_from_the_last_start_and_the_first_scan_is_at_once() -> None:
    every = section(every_hours=6.0)
    assert start_after(every, FRIDAY) == FRIDAY
    assert start_after(every, FRIDAY, last=FRIDAY - HOUR) == FRIDAY + 5 * HOUR
    assert start_after(every, FRIDAY, last=FRIDAY - 9 * HOUR) == FRIDAY, "overdue after a long night"
    assert start_after(every, FRIDAY, last=FRIDAY + 9999 * DAY) == FRIDAY + 6 * HOUR, "a clock that was wrong"


def test_a_start_inside_a_blackout_waits_for_its_end() -> None:
    night = Blackout(start="22:00", end="06:30")
    assert start_after(section(at="02:00"), FRIDAY, night) == datetime(2026, 4, 4, 6, 30, tzinfo=TOKYO)
    at_noon = Blackout(start="08:30", end="18:00")
    assert start_after(section(every_hours=1.0), FRIDAY, at_noon) == FRIDAY + 6 * HOUR


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins_in_the_sites_zone() -> None:
    friday_night = Blackout(start="22:00", end="06:00", days=("Fri",))  # FRIDAY is a Friday noon in Tokyo
    for zone in (TOKYO, UTC):  # whatever zone the machine keeps
        after = FRIDAY.astimezone(zone)
        five = start_after(section(at="05:00", days=("Sat",)), after, friday_night)
        assert five == datetime(2026, 4, 4, 6, 0, tzinfo=TOKYO)
        late = start_after(section(at="23:00", days=("Sat",)), after, friday_night)
        assert late == datetime(2026, 4, 4, 23, 0, tzinfo=TOKYO)
    midnight = section(at="00:00", days=("Mon",))
    just_before = datetime(2026, 4, 5, 14, 59, tzinfo=UTC)  # a Sunday there and in Tokyo
    assert start_after(midnight, just_before) == datetime(2026, 4, 6, 0, 0, tzinfo=TOKYO)
    sunday = Blackout(start="23:00", end="01:00", days=("Sun",))
    assert start_after(midnight, just_before, sunday) == datetime(2026, 4, 6, 1, 0, tzinfo=TOKYO)


def test_several_days_held_up_by_one_blackout_give_one_start() -> None:
    weekend = (Blackout(start="00:00", end="00:00", days=("Sat", "Sun")),)  # the whole of both days
    first = start_after(section(at="02:00"), FRIDAY, *weekend)
    assert first == datetime(2026, 4, 6, 0, 0, tzinfo=TOKYO)
    assert start_after(section(at="02:00"), first, *weekend) == first + 2 * HOUR


def test_nothing_ever_starts_where_all_time_is_dark_or_nothing_is_written() -> None:
    always = (Blackout(start="06:00", end="06:00"),)
    assert next_start(section(at="02:00"), always, FRIDAY) is None
    assert next_start(section(every_hours=1.0), always, FRIDAY) is None
    assert next_start(section(), (), FRIDAY) is None
    assert not section()


def test_summer_time_leaves_a_time_out_once_and_gives_it_twice_once() -> None:
    schedule = section(at="02:30", time_zone="America/New_York")
    left_out = start_after(schedule, datetime(2026, 3, 7, 12, tzinfo=NEW_YORK))
    assert left_out.astimezone(UTC) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    schedule = section(at="01:30", time_zone="America/New_York")
    first = start_after(schedule, datetime(2026, 10, 31, 12, tzinfo=NEW_YORK))
    assert first.astimezone(UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert start_after(schedule, first).date() == datetime(2026, 11, 2, tzinfo=NEW_YORK).date()


def test_an_hour_is_an_hour_also_in_the_night_of_the_change() -> None:
    before = datetime(2026, 3, 8, 1, 0, tzinfo=NEW_YORK)
    found = start_after(section(every_hours=2.0, time_zone="America/New_York"), before, last=before)
    assert found.astimezone(UTC) - before.astimezone(UTC) == 2 * HOUR
    assert found.hour == 4


@settings(deadline=None)
@given(at_times, windows, moments, st.text(max_size=8))
def test_starts_are_later_clear_and_never_the_same_twice(
    schedule: ScheduleSection, blackouts: list[Blackout], after: datetime, agent: str
) -> None:
    for _ in range(4):
        found = next_start(schedule, blackouts, after, agent=agent)
        if found is None:
            assert dark_all_week(blackouts, after)
            return
        assert found.astimezone(UTC) > after.astimezone(UTC)
        assert not in_blackout(blackouts, found)
        assert found.utcoffset() == found.astimezone(find_zone(schedule.time_zone)).utcoffset()
        after = found


@settings(deadline=None)
@given(at_times.filter(lambda one: one.jitter_minutes == 0), moments)
def test_without_blackouts_no_written_time_is_left_out(schedule: ScheduleSection, after: datetime) -> None:
    """Walk the minutes between the moment and the start: the clock never showed the written time before it."""
    found = next_start(schedule, (), after)
    assert found is not None
    zone = find_zone(schedule.time_zone)
    minute = after.replace(second=0, microsecond=0) + MINUTE
    assert found.astimezone(UTC) - after <= 7 * DAY + 2 * HOUR
    while minute < found.astimezone(UTC):
        local = minute.astimezone(zone)
        shown = local.strftime("%H:%M") == schedule.at and WEEKDAYS[local.weekday()] in schedule.days
        assert not shown or local.fold, f"{local} was left out"
        minute += MINUTE


@settings(deadline=None)
@given(hours_apart, windows, moments, st.floats(0, 2000), st.text(max_size=8))
def test_hours_apart_are_kept_and_the_jitter_only_adds(
    schedule: ScheduleSection, blackouts: list[Blackout], last: datetime, gone: float, agent: str
) -> None:
    after = last + timedelta(hours=gone)
    found = next_start(schedule, blackouts, after, last, agent)
    if found is None:
        assert dark_all_week(blackouts, after)
        return
    due = last + timedelta(hours=schedule.every_hours)
    assert found.astimezone(UTC) >= max(due, after)
    assert not in_blackout(blackouts, found)
    if not blackouts:
        assert found.astimezone(UTC) <= max(due + schedule.jitter_minutes * MINUTE, after)


@settings(deadline=None)
@given(windows, moments)
def test_the_first_clear_moment_has_no_clear_minute_before_it(
    blackouts: list[Blackout], moment: datetime
) -> None:
    local = moment.astimezone(TOKYO)
    found = first_clear(blackouts, local)
    if found is None:
        assert dark_all_week(blackouts, moment)
        return
    while local < found:
        assert in_blackout(blackouts, local)
        local += MINUTE


@settings(deadline=None)
@given(st.text(max_size=20), moments)
def test_the_jitter_of_an_agent_is_a_share_and_stays(agent: str, moment: datetime) -> None:
    assert 0 <= spread(agent, moment) < 1
    assert spread(agent, moment) == spread(agent, moment.astimezone(TOKYO))


def test_a_restart_within_the_jitter_keeps_the_start_and_agents_differ() -> None:
    schedule = section(at="02:00", jitter_minutes=60.0)
    starts = {start_after(schedule, FRIDAY, agent=f"agent{number}") for number in range(50)}
    assert len(starts) > 40
    assert all(datetime(2026, 4, 4, 2, tzinfo=TOKYO) <= start for start in starts)
    for start in starts:
        agent = next(n for n in range(50) if start_after(schedule, FRIDAY, agent=f"agent{n}") == start)
        assert start_after(schedule, start - MINUTE, agent=f"agent{agent}") == start


def dark_all_week(blackouts: list[Blackout], around: datetime) -> bool:
    hours = (around.astimezone(TOKYO) + n * 15 * MINUTE for n in range(7 * 96))
    return all(in_blackout(blackouts, hour) for hour in hours)


@pytest.mark.parametrize(
    ("written", "named"),
    [
        ({"every_hours": 6, "at": "02:00"}, "schedule"),
        ({"every_hours": -1}, "every_hours"),
        ({"every_hours": 0.01}, "every_hours"),
        ({"every_hours": float("nan")}, "every_hours"),
        ({"at": "2:00"}, "schedule.at"),
        ({"at": "25:00"}, "schedule.at"),
        ({"at": "02:00+09:00"}, "schedule.at"),
        ({"at": "02:00", "days": []}, "days"),
        ({"at": "02:00", "days": ["6"]}, "days"),
        ({"at": "02:00", "time_zone": "Asia/Nowhere"}, "time_zone"),
        ({"at": "02:00", "time_zone": "../../etc/passwd"}, "time_zone"),
        ({"at": "02:00", "jitter_minutes": -1}, "jitter_minutes"),
        ({"at": "02:00", "jitter_minutes": float("inf")}, "jitter_minutes"),
        ({"hours": 2}, "hours"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused_and_named(written: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal) as refused:
        settings_from({"schedule": written}, "agent.toml")
    assert named in refused.value.ja
    assert named in refused.value.en
