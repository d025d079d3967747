# SPDX-License-Identifier: Apache-2.0
"""What is known of products: weak versions with their fixes, and how long makers support what.

Immutable values, each with its source, how sure it is and the day it is of. `confirmed` is whether
somebody read it in the maker's or CVE's record; the rest may be shown, but proves nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType

import msgspec

from collector.advisories.products import Product
from probes.facts import Sure

CLOCK_SKEW_DAYS = 2  # time zones and clocks that go ahead
AGE_LIMIT_DAYS = 31  # older data supports no はい; a facility may set another limit


class Span(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
    rename={"since": "from"},
):
    """Affected versions: from `since` (with it) up to `to` (with it) or `before` (without it), or one branch."""

    since: str = ""
    to: str = ""
    before: str = ""
    branch: str = ""  # every version of this branch: "9.1"
    only: tuple[str, ...] = ()  # these one by one
    more: bool = False  # `only` is the beginning of a longer list
    sound: tuple[str, ...] = ()  # inside the span but mended, as the record says


class Fix(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The first mended versions of one branch; `first` is empty where none will come or only words say it."""

    branch: str  # as shown
    first: tuple[str, ...] = ()  # several: one per maintenance line
    above: bool = False  # mended are only versions above `first`
    none: bool = False  # no fix will come on this branch
    words: str = ""


class Weakness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One known weakness of one or more products."""

    id: str  # CVE-…
    products: tuple[str, ...]  # product keys
    title: str = ""  # product as the source names it
    name: str = ""
    name_ja: str = ""
    since: str = ""  # known since, ISO date
    exploited: bool = False
    ransomware: bool = False
    fixed: tuple[Fix, ...] = ()
    affected: tuple[Span, ...] = ()
    condition: str = ""  # matters only where this is switched on
    condition_ja: str = ""
    source: str = ""
    as_of: str = ""  # ISO date of the data
    sure: Sure = Sure.SURE
    confirmed: bool = True
    read: str = ""  # where a person must read on, because no version in it decides
    fixed_confirmed: bool = True  # False: affected versions were read, the fixed ones inferred

    @property
    def decidable(self) -> bool:
        """Whether it says anything about versions."""
        return bool(self.fixed or self.affected)


class Cycle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One release line of a product and how long its maker mends it."""

    cycle: str
    label: str = ""
    release: str = ""
    eol: str | bool | None = None  # ISO date; False: not ended; True: ended, day not known
    extended: str | bool | None = None  # end of support that must be bought or joined
    latest: str = ""
    numbers: tuple[int, ...] = ()  # leading numbers of its versions where the name is none


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All release lines of one product."""

    product: str
    title: str = ""
    means: str = ""  # what the end date means
    extended_means: str = ""
    cycles: tuple[Cycle, ...] = ()
    source: str = ""
    as_of: str = ""
    sure: Sure = Sure.SURE


class Build(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One thing that a Windows build number may stand for."""

    product: str  # windows, windows-server
    cycle: str
    label: str
    eol: str
    extended: str = ""


class Feed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One body of data in use, and its age; `covers` are the products for which its list is whole."""

    kind: str  # kev, nvd, cve, myjvn, endoflife, distro
    title: str
    as_of: str
    shipped: bool = False
    rows: int = 0
    covers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Everything that assessments stand on."""

    products: tuple[Product, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    lifecycles: Mapping[str, Lifecycle] = field(default_factory=lambda: MappingProxyType({}))
    builds: Mapping[str, tuple[Build, ...]] = field(default_factory=lambda: MappingProxyType({}))
    feeds: tuple[Feed, ...] = ()
    age_limit_days: int = AGE_LIMIT_DAYS
    _index: Mapping[str, tuple[Weakness, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the weaknesses by product."""
        object.__setattr__(self, "_index", _by_product(self.weaknesses))

    def weaknesses_of(self, product: str) -> tuple[Weakness, ...]:
        """Give the weaknesses of one product, the latest known first."""
        return self._index.get(product, ())

    def listed(self, product: str) -> Feed | None:
        """Give the newest list of exploited weaknesses that is whole for this product; None if there is none."""
        whole = [feed for feed in self.feeds if feed.kind == "kev" and product in feed.covers]
        return max(whole, key=lambda feed: feed.as_of, default=None)

    def too_old(self, as_of: str, today: date) -> bool:
        """Whether data of this day supports no はい: past the age limit, without a day, or of the future."""
        days = age_days(as_of, today)
        return days is None or not -CLOCK_SKEW_DAYS <= days <= self.age_limit_days


def _by_product(weaknesses: tuple[Weakness, ...]) -> dict[str, tuple[Weakness, ...]]:
    found: dict[str, list[Weakness]] = {}
    for one in sorted(weaknesses, key=lambda w: (w.since, w.id), reverse=True):
        for product in one.products:
            found.setdefault(product, []).append(one)
    return {key: tuple(ones) for key, ones in found.items()}


def age_days(as_of: str, today: date) -> int | None:
    """Days since an ISO date; None if it is none."""
    day = day_of(as_of)
    return None if day is None else (today - day).days


def day_of(text: str | bool | None) -> date | None:
    """Read an ISO date (or the date part of a time); None if it is none."""
    if not isinstance(text, str):
        return None
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def merged(
    shipped: Knowledge, weaknesses: Iterable[Weakness], lifecycles: Iterable[Lifecycle], feeds: Iterable[Feed]
) -> Knowledge:
    """Add what was loaded: newer life cycles replace ours, weaknesses stand beside ours."""
    cycles = dict(shipped.lifecycles)
    for one in lifecycles:
        known = cycles.get(one.product)
        if known is None or one.as_of >= known.as_of:
            cycles[one.product] = one
    builds = _renewed(shipped.builds, cycles)
    return Knowledge(
        products=shipped.products,
        weaknesses=(*shipped.weaknesses, *weaknesses),
        lifecycles=MappingProxyType(cycles),
        builds=MappingProxyType(builds),
        feeds=(*shipped.feeds, *feeds),
        age_limit_days=shipped.age_limit_days,
    )


def _renewed(
    builds: Mapping[str, tuple[Build, ...]], cycles: Mapping[str, Lifecycle]
) -> dict[str, tuple[Build, ...]]:
    """Give the Windows builds with the dates of the life cycles, and builds that only those know."""
    found = {build: {(one.product, one.cycle): one for one in ones} for build, ones in builds.items()}
    for product, prefix in (("windows", "Windows "), ("windows-server", "Windows Server ")):
        for cycle in cycles[product].cycles if product in cycles else ():
            build = ".".join(cycle.latest.split(".")[:3])
            if day_of(cycle.eol) is None or (build not in found and build.count(".") != 2):
                continue
            known = found.setdefault(build, {})
            before = known.get((product, cycle.cycle))
            label = before.label if before else _edition(prefix, cycle)
            known[product, cycle.cycle] = Build(
                product=product,
                cycle=cycle.cycle,
                label=label,
                eol=str(cycle.eol),
                extended=cycle.extended if isinstance(cycle.extended, str) else "",
            )
    return {build: tuple(ones.values()) for build, ones in found.items()}


def _edition(prefix: str, cycle: Cycle) -> str:
    """Name a Windows release with the editions that its letters stand for."""
    name = prefix + (cycle.label or cycle.cycle).removeprefix(prefix)
    long_term = cycle.cycle.endswith("-lts")
    name = name.replace(" (E)", " Enterprise LTSC" if long_term else " Enterprise/Education")
    return name.replace(" (W)", " Home/Pro")
