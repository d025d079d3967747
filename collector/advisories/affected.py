# SPDX-License-Identifier: Apache-2.0
"""Whether one version has one weakness: yes, no, or cannot be told. Pure.

Rules: fixes count inside their branch only; a branch without a listed fix is decided by the affected
range (inside it no fix will come there, outside it is not affected); where a maker mends older maintenance
lines by hotfixes, each line has its own first mended version.
"""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass

from collector.advisories.knowledge import Fix, Span, Weakness
from collector.versions import Order, Version, against_bound, parse
from collector.versions.version import across_branches, inside_branch

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


class Answer(enum.StrEnum):
    """Whether a version has a weakness."""

    AFFECTED = "affected"
    SOUND = "not affected"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer; which version mends it; whether none will come on the branch; whether it rests on what was read."""

    answer: Answer
    fixed_in: str = ""
    no_fix: bool = False
    confirmed: bool = True


def decide(scheme: str, version: Version, weakness: Weakness) -> Decision:
    """Decide one weakness for one version of the product's scheme."""
    fix = _fix_of(scheme, version, weakness.fixed)
    mended = None if fix is None else _mended(scheme, version, fix)
    inside = _inside(scheme, version, weakness.affected)
    if mended is True:
        return Decision(Answer.SOUND, confirmed=weakness.confirmed and weakness.fixed_confirmed)
    if fix is not None and mended is None:
        told = Answer.SOUND if inside is False and not fix.words else Answer.UNKNOWN
        return Decision(told, _shown(scheme, version, weakness), confirmed=weakness.confirmed)
    if (
        inside is None and fix is not None and weakness.affected
    ):  # older than the fix, on no range that we can read
        return Decision(Answer.AFFECTED, _shown(scheme, version, weakness), fix.none, confirmed=False)
    if inside is None and fix is None:
        return Decision(Answer.UNKNOWN, _shown(scheme, version, weakness), confirmed=weakness.confirmed)
    if inside is False and weakness.affected:
        if fix is not None and _past_the_ranges(scheme, version, fix, weakness.affected):
            return Decision(Answer.AFFECTED, _shown(scheme, version, weakness), confirmed=False)
        return Decision(Answer.SOUND, confirmed=weakness.confirmed)
    if fix is None and version.hotfix:  # a range knows nothing of hotfixes of older maintenance lines
        return Decision(Answer.UNKNOWN, _shown(scheme, version, weakness), confirmed=weakness.confirmed)
    read = weakness.confirmed and (inside is True or weakness.fixed_confirmed)
    shown = _shown(scheme, version, weakness)
    no_fix = fix.none if fix is not None else bool(weakness.fixed)
    return Decision(Answer.AFFECTED, shown, no_fix, read)


def branch_matches(version: Version, numbers: tuple[int, ...]) -> bool:
    """Whether the version lies on the branch with these leading numbers."""
    whole = version.branch + version.place
    return bool(numbers) and whole[: len(numbers)] == numbers


def numbers_in(label: str, scheme: str) -> tuple[int, ...]:
    """Read a branch label: "7.2", "R81.20", "9.x"; a Check Point release has two numbers (R82 is R82.00)."""
    numbers = tuple(int(part) for part in _NUMBER.findall(label[:60]))
    return (*numbers, 0) if scheme == "checkpoint" and len(numbers) == 1 else numbers


def _fix_of(scheme: str, version: Version, fixes: Iterable[Fix]) -> Fix | None:
    """The fix of the version's branch, the closest label first."""
    found = [
        (len(numbers), fix)
        for fix in fixes
        if branch_matches(version, numbers := numbers_in(fix.branch, scheme))
    ]
    return max(found, key=lambda pair: pair[0], default=(0, None))[1]


def _mended(scheme: str, version: Version, fix: Fix) -> bool | None:
    """Whether the version holds the fix; None if that cannot be told."""
    if fix.none:
        return False
    firsts = [first for first in (parse(scheme, text) for text in fix.first) if first is not None]
    if not firsts or len(firsts) < len(fix.first):
        return None
    orders = [(first, across_branches(version, first)) for first in firsts]
    enough = (Order.GREATER,) if fix.above else (Order.GREATER, Order.EQUAL)
    if all(order in enough for _, order in orders):
        return True
    if any(order is Order.UNKNOWN for _, order in orders):
        return None
    own = [order for first, order in orders if _same_line(version, first)]
    if own:
        return any(order in enough for order in own)
    if version.hotfix and len(firsts) == 1:
        return None  # a hotfix of an older maintenance release may hold it; the list names one release only
    return False


def _same_line(version: Version, first: Version) -> bool:
    """Whether both lie on one maintenance line that gets hotfixes of its own."""
    stem = version.stem
    return bool(stem) and version.branch == first.branch and version.place[:stem] == first.place[:stem]


def _inside(scheme: str, version: Version, spans: Iterable[Span]) -> bool | None:
    """Whether any span holds the version; None if one may."""
    answers = [_within(scheme, version, span) for span in spans]
    if any(answer is True for answer in answers):
        return True
    return None if not answers or any(answer is None for answer in answers) else False


def _within(scheme: str, version: Version, span: Span) -> bool | None:
    if any(_order(scheme, version, text) is Order.EQUAL for text in span.sound):
        return False
    if span.branch:
        return branch_matches(version, numbers_in(span.branch, scheme))
    if span.only:
        return _listed(scheme, version, span)
    orders = (
        _bound(scheme, version, span.since, outside=(Order.LESS,)),
        _bound(scheme, version, span.to, outside=(Order.GREATER,)),
        _bound(scheme, version, span.before, outside=(Order.EQUAL, Order.GREATER)),
    )
    if False in orders:
        return False
    return None if None in orders else True


def _bound(scheme: str, version: Version, text: str, outside: tuple[Order, ...]) -> bool | None:
    if not text:
        return True
    bound = parse(scheme, text)
    order = Order.UNKNOWN if bound is None else against_bound(version, bound)
    return None if order is Order.UNKNOWN else order not in outside


def _past_the_ranges(scheme: str, version: Version, fix: Fix, spans: Iterable[Span]) -> bool:
    """Whether it lies after an affected range of its branch but before the fix: the record leaves a gap there."""
    numbers = numbers_in(fix.branch, scheme)
    ends = [parse(scheme, span.to or span.before) for span in spans]
    return any(
        end is not None
        and branch_matches(end, numbers)
        and against_bound(version, end) in (Order.GREATER, Order.EQUAL)
        for end in ends
    )


def _order(scheme: str, version: Version, text: str) -> Order:
    other = parse(scheme, text)
    return Order.UNKNOWN if other is None else inside_branch(version, other)


def _listed(scheme: str, version: Version, span: Span) -> bool | None:
    """Whether the version stands in the list; a version of a listed branch that does not stays open."""
    listed = [parse(scheme, text) for text in span.only]
    if any(one is not None and inside_branch(version, one) is Order.EQUAL for one in listed):
        return True
    near = any(one is None or (one.line, one.branch) == (version.line, version.branch) for one in listed)
    return None if near or span.more else False


def _shown(scheme: str, version: Version, weakness: Weakness) -> str:
    """The nearest mended version ahead: on its maintenance line, else its branch, else each other branch."""
    fix = _fix_of(scheme, version, weakness.fixed)
    if fix is None and not weakness.fixed:
        ends = (one.before for one in weakness.affected if one.before)
        return next((end for end in ends if _order(scheme, version, end) is Order.LESS), "")
    if fix is None or fix.none:
        return " / ".join(one.first[0] for one in weakness.fixed if one.first and not one.none)
    parsed = [(text, parse(scheme, text)) for text in fix.first]
    ahead = [(text, first) for text, first in parsed if first is not None]
    for text, first in ahead:
        if _same_line(version, first):
            return _marked(text, fix)
    later = [(first.place, text) for text, first in ahead if across_branches(version, first) is Order.LESS]
    text = min(later)[1] if later else (fix.first[0] if fix.first else "")
    return _marked(text, fix) if text else fix.words


def _marked(text: str, fix: Fix) -> str:
    return f"> {text}" if fix.above else text
