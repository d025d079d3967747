# SPDX-License-Identifier: Apache-2.0
"""Makers' own SNMP variables for model, serial number and version: which to ask, what they say. Pure.

The table is `recognised/snmp_vendor.yaml`. A variable belongs to a device when its maker's prefix of
sysObjectID fits; heard on any other device (agents on net-snmp or Windows) it is likely at best.
"""

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from probes.enterprises import ENTERPRISES, number_of, organisation_of
from probes.facts import Fact, FactKind, Sure, fact
from probes.fillers import FORMS, meaning
from probes.patterns import compiled
from probes.rows import load

MOST_ASKED = 10  # variables of one GET
MOST_COLUMNS = 2
_FIELDS = {
    "maker": FactKind.MAKER,
    "model": FactKind.MODEL,
    "serial": FactKind.SERIAL,
    "firmware_version": FactKind.FIRMWARE_VERSION,
    "os": FactKind.OS,
    "os_version": FactKind.OS_VERSION,
}
_EVERYWHERE = ("printer", "ups", "rmon", "med")  # groups of standard MIBs: theirs whoever the maker is
_WINDOWS = ("311",)
_RANK = {Sure.SURE: 0, Sure.LIKELY: 1, Sure.GUESS: 2}
_MOST_TEXT = 200  # characters of one value that are looked at


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Another variable that must have this value."""

    oid: str
    value: str


class Variable(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One row of the table: where a field stands and what of the value it is."""

    oid: str
    field: str
    sure: Sure = Sure.SURE
    pattern: str = ""
    form: str = "{v}"
    when: Condition | None = None
    maker: str = ""  # of a shared row, where the variable alone names the maker

    def at(self, arcs: tuple[str, ...]) -> str:
        """Give the whole OID for a device whose sysObjectID has these arcs; "" where it has too few."""
        if not self.oid.startswith("@"):
            return self.oid if self.oid.startswith("1.") else ENTERPRISES + self.oid
        count, _, rest = self.oid[1:].partition(".")
        own = arcs[: int(count)]
        return f"{ENTERPRISES}{'.'.join(own)}.{rest}" if len(own) == int(count) else ""

    def said_in(self, text: str) -> str:
        """Give what of the value is the field, "" if it says nothing."""
        found = compiled(self.pattern).search(text) if self.pattern else None
        value = meaning((found["v"] or "") if found else "" if self.pattern else text)
        return self.form.replace("{v}", value) if value else ""


class Maker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of the devices below one prefix of sysObjectID."""

    maker: str = ""
    values: tuple[Variable, ...] = ()
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A variable with its OID for one device, and whether it is of the device's own maker."""

    oid: str
    variable: Variable
    own: bool
    maker: str


@functools.cache
def makers() -> Mapping[str, Maker]:
    """The table by prefix; raises msgspec.ValidationError for a row that is not in form."""
    return msgspec.convert(load("snmp_vendor.yaml")["makers"], dict[str, Maker])


@functools.cache
def groups() -> Mapping[str, tuple[Variable, ...]]:
    """Variables that several makers share, by the group's name."""
    return msgspec.convert(load("snmp_vendor.yaml")["groups"], dict[str, tuple[Variable, ...]])


def arcs_of(object_id: str) -> tuple[str, ...]:
    """Give the arcs of a sysObjectID below the enterprises, () for any other."""
    whole = object_id.removeprefix(".")
    return tuple(whole[len(ENTERPRISES) :].split(".")[:16]) if whole.startswith(ENTERPRISES) else ()


def to_ask(object_id: str) -> tuple[str, ...]:
    """Give the variables worth one GET to a device with this sysObjectID, at most ten, best first."""
    arcs = arcs_of(object_id)
    own = (place for place in _own(arcs) if place.oid and not place.oid.endswith("*"))
    wanted: dict[str, None] = {}
    for place in own:
        wanted[place.oid] = None
        if place.variable.when:
            wanted[place.variable.when.oid] = None
    return tuple(wanted)[:MOST_ASKED]


def to_walk(object_id: str) -> tuple[str, ...]:
    """Give the columns of which one row is worth a request, at most two, best first."""
    columns = (place.oid for place in _own(arcs_of(object_id)) if place.oid.endswith(".*"))
    return tuple(dict.fromkeys(oid.removesuffix(".*") for oid in columns))[:MOST_COLUMNS]


def _own(arcs: tuple[str, ...]) -> Iterator[Place]:
    for count in range(len(arcs), 0, -1):
        entry = makers().get(".".join(arcs[:count]))
        if entry:
            yield from _places(entry, arcs, own=True)


def _places(entry: Maker, arcs: tuple[str, ...], *, own: bool) -> Iterator[Place]:
    shared = (variable for name in entry.also for variable in groups()[name])
    for variable in (*entry.values, *(shared if own else ())):
        yield Place(variable.at(arcs), variable, own, variable.maker or entry.maker)


@functools.lru_cache(maxsize=32)
def places(arcs: tuple[str, ...]) -> tuple[Place, ...]:
    """Give every variable of the table as one device would have it, its own maker's first."""
    found = list(_own(arcs))
    if arcs[:1] != _WINDOWS:  # its printers are queues, not itself
        found += [Place(v.at(arcs), v, True, "") for name in _EVERYWHERE for v in groups()[name]]
    for entry in makers().values():
        found += _places(entry, (), own=False)
    once: dict[tuple[str, ...], Place] = {}
    for place in found:
        once.setdefault((place.oid, place.variable.field, place.variable.pattern), place)
    return tuple(place for place in once.values() if place.oid)


@functools.lru_cache(maxsize=32)
def _lines(arcs: tuple[str, ...]) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
    """Give the OIDs of one device's variables: those that are asked for whole, and columns of which one row counts."""
    found = places(arcs)
    whole = {place.oid for place in found} | {p.variable.when.oid for p in found if p.variable.when}
    exact = frozenset(oid.encode() for oid in whole if not oid.endswith("*"))
    return exact, tuple(sorted(oid[:-1].encode() for oid in whole if oid.endswith("*")))


def forget_places() -> None:
    """Forget what was worked out from the table, for a measurement that changes it."""
    places.cache_clear()
    _lines.cache_clear()


class Wanted:
    """Picks the table's variables of one device out of the lines of a walk."""

    def __init__(self, object_id: str) -> None:
        self._places = places(arcs_of(object_id))
        self._unnamed = organisation_of(number_of(object_id)) is None
        self._exact, self._columns = _lines(arcs_of(object_id))
        self.heard: dict[str, str] = {}

    def offer(self, oid: bytes) -> str | None:
        """Tell under which OID of the table a line's value belongs, None if it is not wanted."""
        if oid in self._exact:
            return oid.decode("ascii")
        if oid.startswith(self._columns):
            return next(c for c in self._columns if oid.startswith(c)).decode("ascii") + "*"
        return None

    def keep(self, oid: str, text: str) -> None:
        """Keep the first value heard of a variable."""
        self.heard.setdefault(oid, text[:_MOST_TEXT])

    def facts(self) -> Iterator[Fact]:
        """Give the surest value of each field, the own maker's before any other's."""
        said = [one for place in self._places if place.oid in self.heard for one in self._said(place)]
        best: dict[FactKind, Fact] = {}
        for one in sorted(said, key=lambda found: _RANK[found.sure]):
            best.setdefault(one.kind, one)
        return iter(best.values())

    def _said(self, place: Place) -> Iterator[Fact]:
        variable = place.variable
        if variable.when and self.heard.get(variable.when.oid, "").removeprefix(".") != variable.when.value:
            return
        value = variable.said_in(self.heard.get(place.oid, ""))
        if not value or not FORMS.get(variable.field, bool)(value):
            return
        if not place.own and not self._unnamed and variable.field != "serial":
            return  # a part or a bought-in software speaks for itself
        weakest = Sure.SURE if place.own else Sure.LIKELY
        yield fact(_FIELDS[variable.field], value, max(variable.sure, weakest, key=_RANK.__getitem__))
        if place.maker and self._unnamed:
            yield fact(FactKind.MAKER, place.maker, Sure.LIKELY)
