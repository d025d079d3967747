# SPDX-License-Identifier: Apache-2.0
"""Patterns that cannot backtrack: RE2, linear in the length of the text whatever the pattern and the text.

The syntax is RE2's: no look-around, no back-references; `\\d`, `\\w`, `\\s` and `\\b` are ASCII.
"""

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import re2

SHORT = 256  # characters in which many patterns are looked for at once
_LITTLE, _PLENTY = (
    1 << 17,
    8 << 20,
)  # bytes in which a pattern may remember texts; RE2's own limit is the larger


class BadPattern(ValueError):
    """A pattern that RE2 does not take; the text says why."""


class Match(Protocol):
    """What a pattern found."""

    def __getitem__(self, group: str | int) -> Any: ...
    def groupdict(self) -> dict[str, Any]: ...  # noqa: D102
    def start(self, group: str | int = 0) -> int: ...  # noqa: D102
    def end(self, group: str | int = 0) -> int: ...  # noqa: D102


class Pattern(Protocol):
    """A compiled pattern."""

    @property
    def groupindex(self) -> Mapping[str, int]: ...  # noqa: D102
    def search(self, text: str) -> Match | None: ...  # noqa: D102
    def finditer(self, text: str) -> Iterator[Match]: ...  # noqa: D102
    def sub(self, new: str, text: str) -> str: ...  # noqa: D102


@functools.cache
def compiled(pattern: str) -> Pattern:
    """Compile once, at first use; raises BadPattern.

    There are a thousand patterns, so each gets little memory; one that does not fit gets more.
    """
    try:
        return _within(_LITTLE, pattern)
    except re2.error:
        pass
    try:
        return _within(_PLENTY, pattern)
    except re2.error as error:
        raise BadPattern(str(error)) from error


def _within(memory: int, pattern: str) -> Pattern:
    options = re2.Options()
    options.log_errors, options.max_mem = False, memory
    return cast(Pattern, re2.compile(pattern, options))  # type: ignore[no-untyped-call]


@functools.cache
def several(patterns: tuple[str, ...]) -> Callable[[str], Sequence[int]]:
    """Give what says which of the patterns occur in a text of at most SHORT characters, by their places.

    In a longer one RE2 could run out of memory for all of them at once, and would then say nothing.
    """
    if not patterns:
        return lambda _text: ()
    found = re2.Set.SearchSet()  # type: ignore[no-untyped-call]
    for pattern in patterns:
        found.Add(pattern)
    found.Compile()
    return lambda text: found.Match(text) or ()
