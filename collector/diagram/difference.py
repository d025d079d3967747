# SPDX-License-Identifier: Apache-2.0
"""Marks on a diagram what differs from an earlier one: new, gone, changed. Pure."""

from collections.abc import Iterable
from dataclasses import replace

from collector.diagram.model import Crowd, Diagram, Foot, Mark, Node, Segment, Way


def compare(now: Diagram, before: Diagram, day: str) -> Diagram:
    """Give `now` with every difference to `before` (of `day`) marked; what is gone stays on it."""
    earlier = {one.id: one for one in before.segments}
    nodes = {one.id: one for one in before.nodes}
    held = {address for node in now.nodes for address in node.addresses}
    ids = {node.id for node in now.nodes}
    gone = [
        replace(one, mark=Mark.GONE)
        for one in before.nodes
        if one.id not in ids and not held.intersection(one.addresses) and one.count == 1 and not one.device
    ]
    kept = {one.id for one in now.segments}
    lost = [
        replace(one, mark=Mark.GONE, crowds=tuple(Crowd(c.kind, 0, c.count) for c in one.crowds))
        for one in before.segments
        if one.id not in kept
    ]
    return Diagram(
        segments=(*(_segment(one, earlier.get(one.id)) for one in now.segments), *lost),
        nodes=(*(_node(one, nodes.get(one.id)) for one in now.nodes), *gone),
        compared=day,
        not_scanned=now.not_scanned,
    )


def _segment(now: Segment, before: Segment | None) -> Segment:
    if before is None:
        return replace(now, mark=Mark.NEW, crowds=tuple(replace(one, before=0) for one in now.crowds))
    counts = {one.kind: one.count for one in before.crowds}
    crowds = [replace(one, before=counts.pop(one.kind, 0)) for one in now.crowds]
    crowds += [Crowd(kind, 0, count) for kind, count in counts.items() if count]
    changed = now.networks != before.networks
    return replace(now, crowds=tuple(crowds), mark=Mark.CHANGED if changed else Mark.SAME)


def _node(now: Node, before: Node | None) -> Node:
    if before is None:
        return replace(now, mark=Mark.NEW)
    if now.silent and not before.silent:
        return replace(now, mark=Mark.GONE)
    feet = tuple(_feet(now.feet, before.feet))
    ways = tuple(_ways(now.ways, before.ways))
    plain = replace(now, feet=(), ways=()) != replace(before, feet=(), ways=())
    changed = plain or any(foot.mark for foot in feet) or any(way.mark for way in ways)
    return replace(now, feet=feet, ways=ways, mark=Mark.CHANGED if changed else Mark.SAME)


def _feet(now: Iterable[Foot], before: Iterable[Foot]) -> Iterable[Foot]:
    earlier = {one.segment: one for one in before}
    for foot in now:
        old = earlier.pop(foot.segment, None)
        same = old is not None and old.addresses == foot.addresses
        yield foot if same else replace(foot, mark=Mark.NEW if old is None else Mark.CHANGED)
    for old in earlier.values():
        yield replace(old, mark=Mark.GONE)


def _ways(now: Iterable[Way], before: Iterable[Way]) -> Iterable[Way]:
    earlier = {(one.kind, one.port): one for one in before}
    for way in now:
        old = earlier.pop((way.kind, way.port), None)
        yield way if old == way else replace(way, mark=Mark.NEW if old is None else Mark.CHANGED)
    for old in earlier.values():
        yield replace(old, mark=Mark.GONE)
