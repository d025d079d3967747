# SPDX-License-Identifier: Apache-2.0
"""What of many nights of "still the same" must be looked at again: of what was said alike, the first and the last. Pure.

Two observations are alike if all that devices are derived from is the same: who was asked where from, the question,
its outcome, and what the answer says. Those of one address while one network card held it are one class, and of a
class only the first and the last are kept. Condensing what was condensed, with what came since, gives the same as
condensing everything at once, unless something comes late and contradicts it: `contradiction` says so.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Container, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

from inventory_db.observations import Stored, microseconds
from inventory_db.services import heeded
from inventory_db.sightings import Binding, Entry, Land, Place, Sighting, held_at
from inventory_db.traits import recognised
from inventory_db.ways_out import default_routes
from probes.facts import Fact, FactKind
from probes.recognise import Recognition

_NEIGHBOUR = FactKind.NEIGHBOUR
_SAID_NOWHERE = frozenset(
    {
        *(FactKind.SNMP_UPTIME, FactKind.OPENVPN_SESSION, FactKind.LLDP_NEIGHBOUR),
        *(FactKind.CHECKED, FactKind.CHECKED_SINCE),
    }
)
_TABLES = frozenset(
    {FactKind.SWITCH_PORT, FactKind.NEIGHBOUR}
)  # the newest, and what `_begun_by_table` keeps
_TEXTS = frozenset(
    {FactKind.HTTP_BODY, FactKind.HTTP_COOKIE}
)  # differ at every look; only what they name counts
# many differ by the time of day alone: what they name counts, and all else but numbers, days and months
BANNERS = frozenset({FactKind.BANNER, FactKind.FTP_BANNER, FactKind.SMTP_BANNER, FactKind.TELNET_BANNER})
_CLOCK = re.compile(
    r"\d+|\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun|Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|AM|PM)\b"
)
_FORMS = frozenset({FactKind.SNMP_ENGINE_TIME, FactKind.INTERFACE})
_PECULIAR = _SAID_NOWHERE | _TABLES | _TEXTS | BANNERS | _FORMS | {FactKind.ROUTE}


@dataclass(frozen=True, slots=True)
class Condensed:
    """What is kept, and what is known of the rest."""

    kept: tuple[Stored, ...]  # oldest first
    passed: frozenset[str]  # ids of those kept ones that stand for others before them, which were passed over
    left: frozenset[str]  # scans whose last word on something was passed over
    repeated: frozenset[str]  # ids of those kept ones that a later one says again
    follows: Mapping[
        str, Stored
    ]  # the last of each class → the last of it that was held before, maybe itself


def likeness(seen: Stored) -> Hashable:
    """Give all of an observation that devices are derived from, but when it was made and its id."""
    facts: tuple[Hashable, ...] = seen.facts
    if not _PECULIAR.isdisjoint([fact.kind for fact in seen.facts]):
        facts = tuple([one for fact in seen.facts for one in _essence(fact)])
    return (
        seen.probe, seen.vantage, seen.address, seen.mac, seen.network, seen.port, seen.transport,
        seen.outcome, heeded(seen), facts,
    )  # fmt: skip


def _essence(fact: Fact) -> Sequence[Hashable]:
    """Give what counts of a fact, as several values or none."""
    if fact.kind not in _PECULIAR:
        return (fact,)
    if fact.kind in _TEXTS:
        return ((fact.kind, fact.sure, _named(fact)),)
    if fact.kind in BANNERS:
        return ((fact.kind, fact.sure, _named(fact), without_clock(fact.value)),)
    if fact.kind in _FORMS:
        return ((fact.kind, fact.sure, _form(fact)),)
    if fact.kind is FactKind.ROUTE:  # of a table only the way that leads everywhere
        return tuple(default_routes((fact.value,)))
    return ()


def without_clock(banner: str) -> str:
    """Give the banner with what a clock changes in it struck out."""
    return _CLOCK.sub("#", banner)


def _named(fact: Fact) -> tuple[tuple[Recognition, ...], tuple[bool, ...]]:
    """What the text names, and which of the versions stand in it."""
    found = recognised((fact,))
    versions = ((one.version or one.os_version or one.firmware_version or "") for one in found)
    return found, tuple(version in fact.value for version in versions)


def _form(fact: Fact) -> str:
    if fact.kind is FactKind.INTERFACE:  # its speed and status change as people come and go
        return " ".join(fact.value.split(" ")[:-2])
    usable = fact.value.isdecimal() and fact.value.strip("0") and len(fact.value) < 12
    return "some" if usable else fact.value


def condense(
    land: Land, pinned: Container[str] = (), passed: Container[str] = (), held: Container[str] = ()
) -> Condensed:
    """Keep the first and last of each class, and what is pinned; `passed` and `held` are of the condensing before."""
    classes = _classes(land)
    wanted = set(_wanted(classes, land))
    kept: set[str] = set()
    flagged: set[str] = set()
    left: set[str] = set()
    repeated: set[str] = set()
    follows: dict[str, Stored] = {}
    for many in classes:
        if many[0].table:
            continue
        own = [key for one in many if (key := one.seen.key) in wanted or key in pinned]
        kept.update(own)
        repeated.update(own[:-1])
        if before := next((one.seen for one in reversed(many) if one.seen.key in held), None):
            follows[own[-1]] = before
        if len(own) < len(many) or any(key in passed for key in own):
            flagged.add(own[-1])
            left.update(_left(many, wanted))
    seen = tuple([one.seen for one in land.sightings if not one.table and one.seen.key in kept])
    return Condensed(seen, frozenset(flagged), frozenset(left), frozenset(repeated), follows)


def _classes(land: Land) -> Collection[Sequence[Sighting]]:
    """Give the sightings by what is alike, oldest first."""
    runs = _runs(land)
    classes: dict[Hashable, list[Sighting]] = defaultdict(list)
    for one in land.sightings:
        classes[one.table, one.link, _held_by(one, runs), likeness(one.seen)].append(one)
    return classes.values()


def _left(many: Sequence[Sighting], kept: Container[str]) -> Iterator[str]:
    """Scans whose last look of this class is passed over, or a neighbour table of which later ones may need."""
    last = {one.seen.scan: one.seen.key for one in many}
    yield from (scan for scan, id in last.items() if id not in kept)
    for one in many:
        if one.seen.key not in kept and _NEIGHBOUR in [fact.kind for fact in one.seen.facts]:
            yield one.seen.scan


def _runs(land: Land) -> dict[Place, list[int]]:
    """Since when each next network card held an address."""
    runs = {place: list(_begun(held)) for place, held in land.bindings.items()}
    for place, entries in land.tables.items():
        if place not in runs:
            runs[place] = [at for at, _ in _begun_by_table(entries)]
    return runs


def _begun(held: Sequence[Binding]) -> Iterator[int]:
    before = None
    for at, *holder in held:
        if holder != before:
            yield at
        before = holder


def _begun_by_table(entries: Sequence[Entry]) -> Iterator[tuple[int, str]]:
    """When a table first names another card, and the id of the answer."""
    before = None
    for at, mac, answer in entries:
        if mac != before:
            yield at, answer.id
        before = mac


def _held_by(one: Sighting, runs: Mapping[Place, Sequence[int]]) -> int:
    """The how manieth holder the address has: until the next, what is alike is about one thing."""
    begun = runs.get((one.realm, one.ip), ())
    return max(bisect_right(begun, one.at), 1) if len(begun) > 1 else 1


def _wanted(classes: Iterable[Sequence[Sighting]], land: Land) -> Iterator[str]:
    """Ids of the first and last of each class, of what confirms them, and of tables that name another card."""
    for many in classes:
        for one in (many[0], many[-1]):
            yield one.seen.key
            if one.table:
                yield one.asked
    for place, entries in land.tables.items():
        if place not in land.bindings:
            yield from (id for _, id in _begun_by_table(entries))


def contradiction(
    land: Land, fresh: Set[str], passed: Set[str], left: Set[str], tables_until: int = 0
) -> str:
    """Say why what came now contradicts what was passed over before, so that all must be looked at again; "" if not.

    `land` is of what was kept and of what came now (`fresh`, ids); of neighbour tables some until `tables_until`
    were passed over.
    """
    late = next((s.seen.scan for s in land.sightings if s.seen.key in fresh and s.seen.scan in left), None)
    if late is not None:
        return f"more of scan {late!r} came after a later one"
    until = {(s.realm, s.ip): s.at for s in land.sightings if s.seen.key in passed}
    return _late_card(land, fresh, until) or _late_table(land, fresh, until, tables_until)


def tables_passed(kept: Iterable[Stored], passed: Container[str]) -> int:
    """Give until when neighbour tables were passed over, in microseconds; 0 for none."""
    at = (
        microseconds(one.at)
        for one in kept
        if one.id in passed and _NEIGHBOUR in [fact.kind for fact in one.facts]
    )
    return max(at, default=0)


def _late_card(land: Land, fresh: Set[str], until: Mapping[Place, int]) -> str:
    """Whether another card held an address at a time of which things were passed over."""
    late: dict[Place, list[Binding]] = defaultdict(list)
    old: dict[Place, list[Binding]] = defaultdict(list)
    for one in land.sightings:
        place, at = (one.realm, one.ip), one.at
        if one.mac and one.ip and one.alive and place in until:
            if one.seen.key not in fresh and one.asked not in fresh:
                old[place].append((at, one.mac, one.link))
            elif at <= until[place]:
                late[place].append((at, one.mac, one.link))
    for place, came in late.items():
        for at, *holder in came:
            if holder != list(held_at(old.get(place) or came, at)[1:]):
                return f"another card held {place[1]} before"
    return ""


def _late_table(land: Land, fresh: Set[str], until: Mapping[Place, int], tables_until: int) -> str:
    """Whether a router's table named another card for an address that only tables tell of."""
    for place, entries in land.tables.items():
        if place not in land.bindings:
            most = max(tables_until, until.get(place, 0))
            late = [one for one in entries if one[2].id in fresh and one[0] <= most]
            old = [one for one in entries if one[2].id not in fresh]
            if any(held_at(old or late, at)[1] != mac for at, mac, _ in late):
                return f"a table named another card at {place[1]} before"
    return ""
