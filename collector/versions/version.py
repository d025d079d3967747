# SPDX-License-Identifier: Apache-2.0
"""One version as a maker writes it, and the only orders that may be read from it.

A version belongs to a line (what may be compared at all), a branch of that line, and has a place inside
its branch. A device that does not tell its build has a shorter place: then the answer is "unknown",
never "the same". Branches of one line follow each other by number, which ranges need and fixes must not use.
"""

import enum
from dataclasses import dataclass


class Order(enum.StrEnum):
    """How one version stands to another."""

    LESS = "less"
    EQUAL = "equal"
    GREATER = "greater"
    UNKNOWN = "unknown"

    @property
    def turned(self) -> "Order":
        """The same answer seen from the other side."""
        return _TURNED[self]


_TURNED = {
    Order.LESS: Order.GREATER,
    Order.GREATER: Order.LESS,
    Order.EQUAL: Order.EQUAL,
    Order.UNKNOWN: Order.UNKNOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version taken apart; `full` is how many numbers a completely told `place` has."""

    text: str
    line: str  # scheme, with train letters or platform code where they part what cannot be compared
    branch: tuple[int, ...]
    place: tuple[int, ...]
    full: int
    stem: int = 0  # leading numbers of `place` that name a maintenance line with hotfixes of its own; 0: none
    hotfix: bool = False  # a hotfix in a scheme whose maker mends older maintenance lines one by one
    build: str = ""  # a mark without order: two versions that differ only in it cannot be told apart

    @property
    def told(self) -> bool:
        """Whether the device told all of it."""
        return len(self.place) == self.full


def by_numbers(one: tuple[int, ...], other: tuple[int, ...]) -> Order:
    """Compare two tuples of equal length; UNKNOWN if their common start is equal and one goes on."""
    for left, right in zip(one, other, strict=False):
        if left != right:
            return Order.LESS if left < right else Order.GREATER
    return Order.EQUAL if len(one) == len(other) else Order.UNKNOWN


def inside_branch(one: Version, other: Version) -> Order:
    """Compare two versions of one branch; UNKNOWN across branches and where either does not tell enough."""
    if one.line != other.line or one.branch != other.branch:
        return Order.UNKNOWN
    order = by_numbers(one.place, other.place)
    if order is not Order.EQUAL:
        return order
    if not one.told or (one.build and other.build and one.build != other.build):
        return Order.UNKNOWN
    return Order.EQUAL


def across_branches(one: Version, other: Version) -> Order:
    """Compare by release, also from branch to branch of one line. For ranges, not for fixes."""
    if one.line == other.line and one.branch == other.branch:
        return inside_branch(one, other)
    if one.line != other.line or len(one.branch) != len(other.branch):
        return Order.UNKNOWN
    return by_numbers(one.branch, other.branch)


def against_bound(one: Version, bound: Version) -> Order:
    """Place a version against the end of a range, as finely as the end is written.

    "13.1" as an end means every build of 13.1: a version there is EQUAL to it.
    """
    if one.line != bound.line or one.branch != bound.branch:
        return across_branches(one, bound)
    if len(one.place) < len(bound.place):
        return by_numbers(one.place, bound.place)
    order = by_numbers(one.place[: len(bound.place)], bound.place)
    if order is Order.EQUAL and bound.told and one.build and bound.build and one.build != bound.build:
        return Order.UNKNOWN
    return order
