# SPDX-License-Identifier: Apache-2.0
"""Which maker's language a file is written in, from its own lines; a file that does not tell stays unknown."""

import importlib
import pkgutil
import re
from collections.abc import Mapping
from functools import cache
from typing import Protocol, cast

from collector.imports.configurations import families
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import Reading

ENOUGH = 0.6  # below it the maker is not named
SURE = 0.9
MOST_LINES = 6_000


class Family(Protocol):
    """What a module in families/ offers; both are pure and total."""

    SIGNS: Mapping[str, float]  # pattern at a line's start → how much one such line says (negative: against)

    def read(self, lines: Lines) -> Reading:
        """Read the file, whatever is in it."""
        ...


@cache
def family_names() -> tuple[str, ...]:
    """Give the names of all families, sorted."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(families.__path__)))


@cache
def load(name: str) -> Family:
    """Give a family's module."""
    return cast(Family, importlib.import_module(f"{families.__name__}.{name}"))


@cache
def _patterns() -> tuple[tuple[str, re.Pattern[str], float], ...]:
    return tuple(
        (name, re.compile(sign), weight)
        for name in family_names()
        for sign, weight in load(name).SIGNS.items()
    )


def scores(lines: Lines) -> dict[str, float]:
    """Give how well each family fits, 0 to 1: every sign counts once."""
    texts = [row.text[:200] for row in lines.rows[:MOST_LINES]]
    doubt: dict[str, float] = {}
    against: dict[str, float] = {}
    for name, pattern, weight in _patterns():
        if not any(pattern.match(text) for text in texts):
            continue
        if weight > 0:
            doubt[name] = doubt.get(name, 1.0) * (1 - weight)
        else:
            against[name] = against.get(name, 1.0) * (1 + weight)
    return {name: (1 - left) * against.get(name, 1.0) for name, left in doubt.items()}


def family_of(lines: Lines) -> tuple[str, float]:
    """Give the family that fits best and how well; "" if none fits well enough or two fit alike."""
    ranked = sorted(scores(lines).items(), key=lambda item: -item[1])
    if not ranked or ranked[0][1] < ENOUGH:
        return "", ranked[0][1] if ranked else 0.0
    if len(ranked) > 1 and ranked[0][1] - ranked[1][1] < 0.02:
        return "", ranked[0][1]
    return ranked[0]
