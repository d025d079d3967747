# SPDX-License-Identifier: Apache-2.0
"""collector/ASVS.md names tests that exist, and every line of it says what it is worth."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINES = [
    line.split(" | ")
    for line in (ROOT / "collector" / "ASVS.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| \d", line)
]
ANSWERS = ("met: `", "met by reading, no test: ", "does not apply: ", "not met: ")


def test_every_test_that_is_named_exists() -> None:
    named = {pair for *_, answer in LINES for pair in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", answer)}
    missing = [
        f"{file}::{name}"
        for file, name in named
        if f"def {name}(" not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert missing == []
    assert len(named) > 60


def test_every_line_says_what_it_is_worth() -> None:
    assert [line for line in LINES if len(line) != 3 or not line[2].startswith(ANSWERS)] == []
    chapters = {int(numbers.strip("| ").partition(".")[0]) for numbers, *_ in LINES}
    assert chapters == set(range(1, 15))


def test_no_number_stands_twice() -> None:
    numbers = [one for numbers, *_ in LINES for one in re.findall(r"\d+\.\d+\.\d+", numbers)]
    assert sorted(numbers) == sorted(set(numbers))
