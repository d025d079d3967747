# SPDX-License-Identifier: Apache-2.0
"""When the next scan begins. Pure: the schedule, the blackout windows and a moment in, a moment out.

Days and times of day are those of the schedule's time zone; between two moments real time counts,
also over a change to or from summer time (all comparisons are made in UTC). A time that such a
change leaves out is read as if the clock had not changed (02:30 is 03:30 on that night); one that
comes twice is the first of the two.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo

from agent.scope import in_blackout
from agent.settings import Blackout, ScheduleSection, find_zone
from probes.facts import Plan, Window

LONGEST_BLACKOUT = timedelta(days=8)  # windows repeat weekly: what is dark for longer is dark for ever
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_BACK, _AHEAD = 10, 9  # days around the moment in which a time of day may become the next start
_DAY, _MINUTE = timedelta(days=1), timedelta(minutes=1)


def next_start(
    schedule: ScheduleSection,
    blackouts: Sequence[Blackout],
    after: datetime,
    last: datetime | None = None,
    agent: str = "",
) -> datetime | None:
    """Give the first start later than `after`; None if there is none, ever (no schedule, always dark).

    With `at` a start is strictly later, so that asking with the last start gives another one. With
    `every_hours` it counts from `last`, and what is overdue (or was never done) begins at `after`.
    `agent` decides how its starts lie within the jitter, the same ones each time it is asked.
    All moments have an offset; the answer is in the schedule's zone.
    """
    zone = find_zone(schedule.time_zone)
    if schedule.every_hours:
        return first_clear(blackouts, _due(schedule, after, last, agent).astimezone(zone))
    if not schedule.at:
        return None
    starts = (first_clear(blackouts, slot) for slot in _slots(schedule, zone, after.astimezone(zone), agent))
    return min((start for start in starts if start and _utc(start) > _utc(after)), key=_utc, default=None)


def plan_of(
    schedule: ScheduleSection, blackouts: Sequence[Blackout], begun: datetime, now: datetime, agent: str
) -> Plan:
    """Say the schedule for people, with the start that follows the scan begun at `begun`."""
    return Plan(
        at=schedule.at,
        days=schedule.days if schedule.at else (),
        every_hours=schedule.every_hours,
        time_zone=schedule.time_zone,
        jitter_minutes=schedule.jitter_minutes,
        windows=tuple(Window(start=one.start, end=one.end, days=one.days) for one in blackouts),
        next=next_start(schedule, blackouts, now, begun, agent),
    )


def first_clear(blackouts: Sequence[Blackout], moment: datetime) -> datetime | None:
    """Give the first moment from this one on that lies in no blackout window; None if there is none."""
    zone, found = moment.tzinfo, moment
    while in_blackout(blackouts, found):
        if _utc(found) - _utc(moment) > LONGEST_BLACKOUT:
            return None
        ends = [_next_time(found, time.fromisoformat(window.end)) for window in blackouts]
        later = [end for end in ends if _utc(end) > _utc(found)]
        found = min(later, key=_utc, default=(_utc(found) + _MINUTE).astimezone(zone))
    return found


def spread(agent: str, moment: datetime) -> float:
    """Give a share 0..1 that looks random but is always the same for this agent and moment."""
    digest = hashlib.blake2b(f"{agent}\n{_utc(moment).isoformat()}".encode(), digest_size=4).digest()
    return int.from_bytes(digest) / 2**32


def _due(schedule: ScheduleSection, after: datetime, last: datetime | None, agent: str) -> datetime:
    if last is None:
        return after
    begun = min(last, after, key=_utc)  # a start in the future was written by a wrong clock
    jitter = timedelta(minutes=schedule.jitter_minutes * spread(agent, begun))
    return max(_utc(begun) + timedelta(hours=schedule.every_hours) + jitter, _utc(after))


def _slots(schedule: ScheduleSection, zone: tzinfo, around: datetime, agent: str) -> Iterator[datetime]:
    """Give the written times of the days around a moment, each moved by its jitter."""
    at = time.fromisoformat(schedule.at)
    for distance in range(-_BACK, _AHEAD + 1):
        day = around.date() + distance * _DAY
        if _WEEKDAYS[day.weekday()] in schedule.days:
            slot = _utc(datetime.combine(day, at, zone))
            jitter = timedelta(minutes=schedule.jitter_minutes * spread(agent, slot))
            yield (slot + jitter).astimezone(zone)


def _next_time(moment: datetime, wanted: time) -> datetime:
    """Give the next moment at which the clock shows this time of the day."""
    today = datetime.combine(moment.date(), wanted, moment.tzinfo)
    day = today if wanted > moment.time() else today + _DAY
    return _utc(day).astimezone(moment.tzinfo)


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
