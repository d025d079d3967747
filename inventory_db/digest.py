# SPDX-License-Identifier: Apache-2.0
"""All observations ever made, as far as devices need them: those kept, and what is known of those passed over. Pure.

`add` takes what came since; the result is the same as of everything at once, whatever the batches were.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from inventory_db.condensed import condense, contradiction, tables_passed
from inventory_db.networks import network
from inventory_db.observations import Stored
from inventory_db.places import Agents, Places
from inventory_db.sightings import Elsewhere, Land, Proxy, nowhere, proxies_of, sight, survey
from probes.facts import Vantage

# who may reach a service, and what a network reaches: nothing about what a device is
NOT_OF_DEVICES = frozenset({"access", "outside"})
VERSION = 15  # of how devices are derived and observations condensed: with another one all are derived anew


class Known(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What must be known of observations that were passed over."""

    version: int = 0  # VERSION when this was made; never its default, which would not be written out
    scans: dict[str, str] = {}  # scan → a vantage of it
    roots: dict[str, str] = {}  # vantage → the one that stands for its agent
    ground: dict[str, str] = {}  # vantage → what decides where its observations are
    networks: frozenset[str] = frozenset()
    proxies: frozenset[Proxy] = frozenset()
    left: frozenset[str] = frozenset()  # see condensed.Condensed
    decided: int = 0  # the last decision of people that the devices honour (statements.entry)
    tables_until: int = 0  # until when neighbour tables were passed over, microseconds
    ground_word: str = ""  # of all that every device is derived on, see identify.ground_of


@dataclass(frozen=True, slots=True)
class Digest:
    """What devices are derived from."""

    known: Known = field(default_factory=Known)
    kept: tuple[Stored, ...] = ()  # oldest first
    passed: frozenset[str] = frozenset()
    repeated: frozenset[str] = frozenset()  # ids of kept ones that a later one says again
    follows: Mapping[str, Stored] = field(default_factory=dict)  # see condensed.Condensed
    contradiction: str = (
        ""  # why `known` and `kept` cannot take up what came: start again from all observations
    )
    places: Places = field(default_factory=lambda: Places(Agents(), ()))
    land: Land = field(default_factory=lambda: survey(()))


def add(
    before: Digest,
    new: Iterable[Stored],
    vantages: Sequence[Vantage],
    pinned: Container[str] = (),
    elsewhere: Elsewhere = nowhere,
    held: Container[str] | None = None,
) -> Digest:
    """Take up what came; observations with an id in `pinned` are never passed over.

    Where `before` is a part of what is known, `elsewhere` says which of some places the rest shows the holder of.
    `held` are the ids that devices were derived from last, if some of what came since stands in `before` already.
    """
    known, have = before.known, {one.id for one in before.kept}
    fresh = {one.id: one for one in new if one.probe not in NOT_OF_DEVICES and one.id not in have}
    agents = Agents(known.scans, known.roots).meet(fresh.values())
    places = Places(agents, vantages)
    ground = places.ground()
    every = (*before.kept, *fresh.values())
    land = survey(sight(every, places), elsewhere)
    why = _moved(known, ground) or contradiction(
        land, fresh.keys(), before.passed, known.left, known.tables_until
    )
    short = condense(land, pinned, before.passed, have if held is None else held)
    now = Known(
        version=VERSION,
        scans=agents.scans,
        roots=agents.roots(),
        ground=ground,
        networks=known.networks | {one.network for one in fresh.values() if network(one.network)},
        proxies=known.proxies | proxies_of((one for one in land.sightings if not one.table), land.named),
        left=known.left | short.left,
        tables_until=max(known.tables_until, tables_passed(short.kept, short.passed)),
    )
    if len(short.kept) < len(every):
        left = {one.key for one in short.kept}
        placed = [one for one in land.sightings if not one.table and one.seen.key in left]
        land = survey(placed, elsewhere)
    return Digest(now, short.kept, short.passed, short.repeated, short.follows, why, places, land)


def _moved(known: Known, ground: dict[str, str]) -> str:
    """Whether anything that was placed before is somewhere else now."""
    moved = [id for id, where in known.ground.items() if ground.get(id) != where]
    return f"what was seen from {moved[0]!r} is now known to be elsewhere" if moved else ""
