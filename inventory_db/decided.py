# SPDX-License-Identifier: Apache-2.0
"""What people decided about devices: these are one, those are not. Pure, and the same for every order of observations.

The newest decision is taken first; an older one that contradicts it, and one whose handles no longer lead to single
devices, does nothing. Then come the reasons that devices show by themselves, as far as no decision forbids them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from inventory_db.device import Merge
from inventory_db.parts import Finder
from inventory_db.places import Union
from inventory_db.profiles import Profile
from inventory_db.stated import SameDevice
from inventory_db.statements import Stated

Decision = Stated[SameDevice]
BY_PERSON, KEPT_BY_PERSON = "person", "person_kept"  # keys of merges


class Grouping:
    """Units that become groups, but for those that a decision keeps apart."""

    def __init__(self) -> None:
        self._union = Union()
        self._sides: dict[str, set[int]] = defaultdict(
            set
        )  # group → ±number of decisions that it is a side of

    def find(self, one: str) -> str:
        """Give the unit that stands for the group of `one`."""
        return self._union.find(one)

    def apart(self, one: str, other: str) -> bool:
        """Whether a decision keeps their groups apart."""
        sides = self._sides.get(self.find(other), ())
        return any(-side in sides for side in self._sides.get(self.find(one), ()))

    def join(self, one: str, other: str) -> bool:
        """Make their groups one unless a decision forbids it; says whether they are one now."""
        if self.apart(one, other):
            return False
        sides = self._sides.pop(self.find(one), set()) | self._sides.pop(self.find(other), set())
        self._union.join(one, other)
        if sides:
            self._sides[self.find(one)] |= sides
        return True

    def keep_apart(self, ones: Iterable[str], others: Iterable[str], number: int) -> bool:
        """Let no group of both sides come to be; False if there is one already."""
        mine, theirs = {self.find(key) for key in ones}, {self.find(key) for key in others}
        if mine & theirs:
            return False
        for key in mine:
            self._sides[key].add(number)
        for key in theirs:
            self._sides[key].add(-number)
        return True


@dataclass(frozen=True, slots=True)
class Decided:
    """The groups as far as people decided, and what they joined: (unit, unit, why)."""

    groups: Grouping = field(default_factory=Grouping)
    joined: tuple[tuple[str, str, Merge], ...] = ()


def decide(
    profiles: Mapping[str, Profile], shown: Iterable[tuple[str, str]], decisions: Sequence[Decision]
) -> Decided:
    """Apply the decisions, newest first; `shown` are the pairs that devices show to be one by themselves."""
    if not decisions:
        return Decided()
    alone = Union()
    for pair in shown:
        alone.join(*pair)
    groups, finder = Grouping(), Finder(profiles)
    joined: list[tuple[str, str, Merge]] = []
    for place, one in enumerate(sorted(decisions, key=lambda one: -one.number), 1):
        sides = _side(one.said.one, finder, alone), _side(one.said.other, finder, alone)
        if not all(sides):
            continue
        if one.said.same:
            pairs = list(pairwise((*sides[0], *sides[1])))
            joined += [(*pair, _merge(one)) for pair in pairs if groups.join(*pair)]
        elif groups.keep_apart(*sides, place):
            kept = [pair for side in sides for pair in _kept(side, alone)]
            joined += [(*pair, _merge(one)) for pair in kept if groups.join(*pair)]
    return Decided(groups, tuple(joined))


def _side(handles: Iterable[str], finder: Finder, alone: Union) -> list[str]:
    """Give the units of one side; a handle that leads to several devices leads nowhere."""
    found: list[str] = []
    for handle in handles:
        keys = finder.find(handle)
        if len({alone.find(key) for key in keys}) == 1:
            found += keys
    return list(dict.fromkeys(found))


def _kept(side: Sequence[str], alone: Union) -> Iterator[tuple[str, str]]:
    """Pairs that keep one device what was one device by itself when a part of it was taken away."""
    of: dict[str, list[str]] = defaultdict(list)
    for key in side:
        of[alone.find(key)].append(key)
    for keys in of.values():
        yield from pairwise(keys)


def _merge(one: Decision) -> Merge:
    said = one.said
    if said.same:
        ja = f"{one.who}さんが同じ機器と決めました（{said.on}）。理由: {said.reason}"
        en = f"{one.who} decided that they are one device ({said.on}). Reason: {said.reason}"
        return Merge(BY_PERSON, said.key, (), ja, en)
    ja = f"{one.who}さんが別の機器を分けたとき、ここに残した部分です（{said.on}）。理由: {said.reason}"
    en = f"Left together when {one.who} took another device away ({said.on}). Reason: {said.reason}"
    return Merge(KEPT_BY_PERSON, said.key, (), ja, en)
