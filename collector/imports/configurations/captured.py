# SPDX-License-Identifier: Apache-2.0
"""What surrounds the configuration in its file: when it was taken, and where a second device begins. Pure."""

import re
from dataclasses import replace
from datetime import date

from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import Problem

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TAKEN = (
    re.compile(r"^# (?:by RouterOS.{0,10} at )?(?P<month>[a-z]{3}|\d{4})[/-](?P<day>\d\d)[/-](?P<year>\d{2,4}) \d\d:\d\d:\d\d by RouterOS"),
    re.compile(r"^# Reporting Date: (?P<month>[A-Z][a-z]{2}) +(?P<day>\d{1,2}) [\d:]{8} (?P<year>\d{4})"),
    re.compile(r"^! Current time (?P<month>[A-Z][a-z]{2}) (?P<day>\d\d)-[A-Z][a-z]{2}-(?P<year>\d{4}) "),
)  # fmt: skip
# a line that stands once in a device's configuration and names the device
_BEGINS = (
    re.compile(r"^hostname (\S+)"),
    re.compile(r"^#config-version=(\S+?):"),
    re.compile(r"^# software id = (\S+)"),
    re.compile(r"^# ((?:RTX|NVR|FWX|SRT|vRX)\w*) Rev\."),
    re.compile(r"^\s*<(pfsense|opnsense|config)[ >]"),
)


def taken_on(lines: Lines) -> date | None:
    """Give the day on which the device wrote the file, where its heading says it."""
    for row in lines.rows[:60]:
        for pattern in _TAKEN:
            if found := pattern.match(row.text):
                return _date(found["year"], found["month"], found["day"])
    return None


def _date(year: str, month: str, day: str) -> date | None:
    if len(month) == 4:  # 2024-04-01: the groups stand in another order
        year, month, day = month, day, year
    number = (
        _MONTHS.index(month.lower()) + 1
        if month.lower() in _MONTHS
        else int(month)
        if month.isdecimal()
        else 0
    )
    try:
        return date(int(year), number, int(day))
    except ValueError:
        return None


def first_device(lines: Lines) -> Lines:
    """Cut the file where a second device begins, and say at which line."""
    seen: dict[int, str] = {}
    last_end = 0
    for index, row in enumerate(lines.rows):
        if row.text in ("end", "exit"):
            last_end = index
        for number, pattern in enumerate(_BEGINS):
            found = pattern.match(row.text[:200])
            if found is None or seen.setdefault(number, found[1]) == found[1]:
                continue
            return _cut(lines, last_end + 1 if last_end else index, row.number)
    return lines


def _cut(lines: Lines, keep: int, at: int) -> Lines:
    problem = Problem(
        line=at,
        ja=f"{at} 行目から別の機器の設定です。1台目だけを読みました。機器ごとのファイルに分けてください。",
        en=f"Another device begins at line {at}; only the first was read. Split the file, one device each.",
    )
    kept = lines.rows[:keep]
    text = "\n".join(row.text for row in kept)
    return replace(lines, rows=kept, text=text, problems=(*lines.problems, problem))
