# SPDX-License-Identifier: Apache-2.0
"""Until when a maker mends one version: ended, still going, only for those who pay, or not clear which. Pure."""

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from collector.advisories.affected import branch_matches
from collector.advisories.knowledge import Cycle, Knowledge, Lifecycle, day_of
from collector.advisories.products import Product
from collector.versions import Version

_WINDOWS = ("windows", "windows-server")
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_CLIENT = re.compile(r"^Windows (?:XP|Vista|7|8|8\.1|10|11)\b", re.IGNORECASE)


class State(enum.StrEnum):
    """How a version's support stands."""

    GOING = "supported"
    ENDED = "end of support"
    EXTENDED = "extended support only"  # mended only where it was bought or joined, which no scan sees
    AMBIGUOUS = "ambiguous"  # it may be several releases, some of them ended
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class End:
    """One release that the version may be, with the last day of its support."""

    label: str
    last: str  # ISO date; "" if support ended or goes on without a known day
    past: bool
    extended: str = ""  # ISO date
    extended_past: bool = True


@dataclass(frozen=True, slots=True)
class Support:
    """How the support of one version stands, and every release it may be."""

    state: State
    ends: tuple[End, ...] = ()
    key: str = ""  # "eol:PRODUCT/CYCLE", what a vendor's statement refers to
    source: str = ""
    as_of: str = ""
    latest: str = ""  # the newest release of the branch on the day of the data
    inferred: bool = False  # older than every release on the list, the oldest of which has ended


def support_of(
    product: Product, version: Version, system: str | None, knowledge: Knowledge, today: date
) -> Support:
    """Say how the support of this version of the product stands; `system` is the os as the device says it."""
    if product.key == "windows":
        return _windows(version, system, knowledge, today)
    lifecycle = knowledge.lifecycles.get(product.lifecycle)
    if lifecycle is None:
        return Support(State.UNKNOWN)
    found = _cycles_of(version, lifecycle.cycles)
    if found:
        ends = tuple(_end(one.label or one.cycle, one.eol, one.extended, today) for one in found)
        support = _support(ends, f"eol:{product.key}/{found[0].cycle}", lifecycle.source, lifecycle.as_of)
        return replace(support, latest=found[0].latest) if len(found) == 1 else support
    return _older_than_all(product, version, lifecycle, today)


def _windows(version: Version, system: str | None, knowledge: Knowledge, today: date) -> Support:
    build = ".".join(map(str, version.branch))
    candidates = knowledge.builds.get(build, ())
    if system and "/" not in system:
        server, client = "server" in system.lower(), bool(_CLIENT.match(system))
        if server != client:
            wanted = "windows-server" if server else "windows"
            candidates = tuple(one for one in candidates if one.product == wanted) or candidates
    ends = tuple(_end(one.label, one.eol, one.extended or None, today) for one in candidates)
    known = [knowledge.lifecycles[key].as_of for key in _WINDOWS if key in knowledge.lifecycles]
    as_of = min(known, default="")
    return _support(ends, f"eol:windows/{build}", "endoflife.date (MIT)", as_of)


def _support(ends: tuple[End, ...], key: str, source: str, as_of: str) -> Support:
    if not ends:
        return Support(State.UNKNOWN, (), key, source, as_of)
    past = [one for one in ends if one.past]
    if not past:
        state = State.GOING
    elif len(past) < len(ends):
        state = State.AMBIGUOUS
    else:
        state = State.EXTENDED if any(not one.extended_past for one in ends) else State.ENDED
    return Support(state, ends, key, source, as_of)


def _cycles_of(version: Version, cycles: Iterable[Cycle]) -> list[Cycle]:
    """The cycles on whose branch the version lies, the closest names only."""
    found: dict[int, list[Cycle]] = {}
    for one in cycles:
        numbers = _numbers(one)
        if branch_matches(version, numbers) and one.eol is not None:
            found.setdefault(len(numbers), []).append(one)
    return found[max(found)] if found else []


def _older_than_all(product: Product, version: Version, lifecycle: Lifecycle, today: date) -> Support:
    """A branch before the oldest one listed has ended if that one has."""
    length = len(version.branch)
    listed = [
        (numbers[:length], one)
        for one in lifecycle.cycles
        if len(numbers := _numbers(one)) >= length and one.eol is not None
    ]
    numbers, oldest = min(listed, key=lambda pair: pair[0], default=((), None))
    if oldest is None or not length or version.branch >= numbers:
        return Support(State.UNKNOWN, (), "", lifecycle.source, lifecycle.as_of)
    end = _end(oldest.label or oldest.cycle, oldest.eol, oldest.extended, today)
    if not end.past or not end.extended_past:
        return Support(State.UNKNOWN, (), "", lifecycle.source, lifecycle.as_of)
    key = f"eol:{product.key}/{'.'.join(map(str, version.branch))}"
    return Support(State.ENDED, (end,), key, lifecycle.source, lifecycle.as_of, inferred=True)


def _numbers(cycle: Cycle) -> tuple[int, ...]:
    return cycle.numbers or tuple(int(part) for part in _NUMBER.findall(cycle.cycle.split("-")[0]))


def _end(label: str, eol: str | bool | None, extended: str | bool | None, today: date) -> End:
    last, more = day_of(eol), day_of(extended)
    past = eol is True or (last is not None and last < today)
    extended_past = extended is not False and (more is None or more < today)
    return End(
        label,
        last.isoformat() if last else "",
        past,
        more.isoformat() if more else "",
        extended_past or not past,
    )
