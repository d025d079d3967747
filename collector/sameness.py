# SPDX-License-Identifier: Apache-2.0
"""Which devices may be one, and what people decided about it, as the pages show them. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from inventory_db.decided import Decision
from inventory_db.device import Device, Merge, Part
from inventory_db.official import OfficialRow
from inventory_db.scores import score_together
from inventory_db.stated import SameDevice
from inventory_db.statements import Entry


@dataclass(frozen=True, slots=True)
class Line:
    """One word of the history: what was decided of whom, or that it was taken back."""

    said: SameDevice
    who: str
    at: datetime
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Two devices that may be one, and why."""

    one: OfficialRow
    other: OfficialRow
    reasons: tuple[Merge, ...]

    @property
    def score(self) -> int:
        """How strongly the reasons speak together, 0 to 99."""
        return score_together(merge.key for merge in self.reasons)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision that stands, the devices that each of its sides leads to now, and whether they are so."""

    decision: Decision
    one: tuple[OfficialRow, ...]
    other: tuple[OfficialRow, ...]

    @property
    def holds(self) -> bool:
        """Whether the ledger is as it was decided."""
        one, other = ({row.device.id for row in side} for side in (self.one, self.other))
        return len(one | other) == 1 if self.decision.said.same else bool(one and other and not one & other)


def pairs_of(rows: Iterable[OfficialRow]) -> list[Pair]:
    """Give every two devices that are proposed to be one, each pair once; what speaks most for it first."""
    of = {row.device.id: row for row in rows}
    found: dict[tuple[str, str], list[Merge]] = {}
    for row in of.values():
        for merge in row.device.proposals:
            if merge.other in of and (merge.other, row.device.id) not in found:
                found.setdefault((row.device.id, merge.other), []).append(merge)
    pairs = [Pair(of[one], of[other], once(merges)) for (one, other), merges in found.items()]
    return sorted(pairs, key=lambda pair: -pair.score)


def between(one: Device, other: str) -> tuple[Merge, ...]:
    """Give what speaks for a device being the other."""
    return once(merge for merge in (*one.proposals, *one.parted) if merge.other == other)


def once(merges: Iterable[Merge]) -> tuple[Merge, ...]:
    """Give each reason once, though several addresses give it."""
    return tuple({(merge.key, merge.value): merge for merge in merges}.values())


def rulings(decisions: Sequence[Decision], rows: Iterable[OfficialRow]) -> list[Ruling]:
    """Give what was decided, newest first."""
    by: dict[str, dict[str, OfficialRow]] = defaultdict(dict)
    for row in rows:
        for part in row.device.parts:
            for name in _names(part):
                by[name][row.device.id] = row
    return [Ruling(one, _led(one.said.one, by), _led(one.said.other, by)) for one in reversed(decisions)]


def _names(part: Part) -> Iterable[str]:
    if part.mac:
        yield f"mac {part.mac}"
        yield from (f"mac {part.mac} {network}" for network in part.networks)
    for ip in part.ips:
        yield f"ip {ip}"
        yield from (f"ip {ip} {mark}" for mark in part.marks)


def _led(handles: Iterable[str], by: Mapping[str, Mapping[str, OfficialRow]]) -> tuple[OfficialRow, ...]:
    found: dict[str, OfficialRow] = {}
    for handle in handles:
        found.update(by.get(handle) or by.get(" ".join(handle.split(" ")[:2]), {}))
    return tuple(found.values())


def shown(handle: str) -> str:
    """Give a handle as people read it: the card or the address first."""
    kind, _, rest = handle.partition(" ")
    value, _, more = rest.partition(" ")
    return f"{value}（{more}）" if more and kind == "mac" else value


def lines_of(told: Iterable[tuple[SameDevice, Entry]]) -> tuple[Line, ...]:
    """Give the history of one device, newest first."""
    return tuple(Line(said, entry.who, entry.at, entry.said is None) for said, entry in told)[::-1]


def find_typed(rows: Iterable[OfficialRow], text: str) -> OfficialRow | None:
    """Give the device that somebody named by its id, 管理番号, address, MAC or (if only one has it) name."""
    wanted = text.strip().casefold()
    if not wanted:
        return None
    named = []
    for row in rows:
        number = row.number.casefold()
        if wanted == row.device.id or (wanted in (number, number.lstrip("0")) and number):
            return row
        places = {place for one in row.device.addresses for place in (one.ip, one.mac) if place}
        if wanted in {one.casefold() for one in (*places, *row.device.names)}:
            named.append(row)
    return named[0] if len(named) == 1 else None
