# SPDX-License-Identifier: Apache-2.0
"""Days and times as a Japanese official paper writes them: 令和6年7月1日.

Source: 元号法 and the orders on its names (昭和 from 1926-12-25, 平成 1989-01-08, 令和 2019-05-01).
"""

from datetime import date, datetime, tzinfo

from collector.settings import in_zone

_ERAS = (
    (date(2019, 5, 1), "令和"),
    (date(1989, 1, 8), "平成"),
    (date(1926, 12, 25), "昭和"),
)


def era_day(day: date) -> str:
    """Write a day in the Japanese era: 令和元年5月1日; before 昭和 in the western calendar."""
    for first, name in _ERAS:
        if day >= first:
            year = day.year - first.year + 1
            return f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日"
    return f"{day.year}年{day.month}月{day.day}日"


def era_time(moment: datetime, zone: tzinfo) -> str:
    """Write a moment on the clock of the facility: 令和8年11月29日 14:05."""
    local = in_zone(moment, zone)
    return f"{era_day(local.date())} {local:%H:%M}"
