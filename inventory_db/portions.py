# SPDX-License-Identifier: Apache-2.0
"""Many rows in portions that are bounded in number and in bytes: what a device says may be small or large."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

MOST_ROWS = 2000
MOST_BYTES = 4 * 1024 * 1024
AT_A_TIME = 100  # rows with bodies that a driver reads ahead: their sizes are known only once they are here
_One = TypeVar("_One")


def portions(
    every: Iterable[_One],
    size: Callable[[_One], int],
    most_rows: int = MOST_ROWS,
    most_bytes: int = MOST_BYTES,
) -> Iterator[list[_One]]:
    """Give them in order, so many or of so many bytes together, and the one that goes beyond; never an empty portion."""
    some: list[_One] = []
    total = 0
    for one in every:
        some.append(one)
        total += size(one)
        if total >= most_bytes or len(some) >= most_rows:
            yield some
            some, total = [], 0
    if some:
        yield some


def bytes_of(values: Iterable[object]) -> int:
    """Give about how many bytes a row's texts and bodies take."""
    return sum(len(value) for value in values if isinstance(value, str | bytes))
