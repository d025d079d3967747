# SPDX-License-Identifier: Apache-2.0
"""Where everything on the diagram stands, in pixels. Pure, and the same diagram always gives the same places.

Every segment is a lane with its bus; a device across segments stands in its first lane and drops a rail to
the others; the outside world is the bar at the right, and every way in is an arrow from it. Lanes stand in
the order in which networks were first seen, rails in that of 管理番号, so what is new is put behind what was
there. No line has to be routed around anything: the picture stays readable from 5 to 200 networks.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from collector.diagram.model import Crowd, Diagram, Foot, Node, Segment

MARGIN, TOP, GAP = 20, 58, 12
CARD, CHIP, CHIP_HEIGHT, CHIPS_IN_ROW = 186, 66, 24, 5
PITCH = 34  # between rails
BOX, BOX_HEIGHT, ROW = 252, 40, 50
WAYS, BAR = 262, 40
_BUS = 20  # below the lane's top
_LEAST = 66  # height of a lane
_CHIPS_X = MARGIN + CARD + 12
_RAILS_X = _CHIPS_X + CHIPS_IN_ROW * (CHIP + 6) + 26
_LEGEND = 96
_SPARE = 3  # room for rails is made for so many at a time, so that the next one moves nothing
_ENDLESS = 10**6
_MOST_ENDLESS = 12  # routers whose rail nobody else shares, so that it can grow without moving others


@dataclass(frozen=True, slots=True)
class Chip:
    """One crowd on its bus."""

    x: int
    y: int
    crowd: Crowd


@dataclass(frozen=True, slots=True)
class Lane:
    """One segment; None holds what stands on no known network."""

    segment: Segment | None
    y: int
    height: int
    chips: tuple[Chip, ...] = ()

    @property
    def bus(self) -> int:
        """The height of the bus."""
        return self.y + _BUS


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a rail meets a bus."""

    foot: Foot
    y: int


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its rail; `rail` is None for one that stands in one lane only."""

    node: Node
    x: int
    y: int
    home: int  # place of its lane
    rail: int | None = None
    stops: tuple[Stop, ...] = ()

    @property
    def middle(self) -> int:
        """The height of its connectors."""
        return self.y + BOX_HEIGHT // 2


@dataclass(frozen=True, slots=True)
class Layout:
    """The picture."""

    diagram: Diagram
    width: int
    height: int
    spine: int  # where a bus ends and its boxes hang
    outside: int  # left edge of the bar of the outside world
    lanes: tuple[Lane, ...]
    boxes: tuple[Box, ...]
    legend: int  # top of the legend


def lay_out(diagram: Diagram) -> Layout:
    """Give every part of the diagram its place."""
    place = {segment.id: number for number, segment in enumerate(diagram.segments)}
    homes: dict[str, int] = {}
    nowhere = len(diagram.segments)
    for node in diagram.nodes:
        homes[node.id] = min((place[foot.segment] for foot in node.feet), default=nowhere)
    lanes = _lanes(diagram, homes)
    rails = _rails(diagram.nodes, place)
    room = -(-(1 + max(rails.values(), default=0)) // _SPARE) * _SPARE
    spine = _RAILS_X + PITCH * room + 4
    boxes = _boxes(diagram.nodes, homes, lanes, place, rails, spine + 20)
    outside = spine + 20 + BOX + WAYS
    legend = (lanes[-1].y + lanes[-1].height if lanes else TOP) + 16
    return Layout(
        diagram, outside + BAR + MARGIN, legend + _LEGEND, spine, outside, tuple(lanes), boxes, legend
    )


def _lanes(diagram: Diagram, homes: dict[str, int]) -> list[Lane]:
    y, lanes = TOP, []
    rows = list(homes.values())
    everything: list[Segment | None] = [*diagram.segments]
    if len(diagram.segments) in rows:
        everything.append(None)
    for number, segment in enumerate(everything):
        crowds = segment.crowds if segment else ()
        chip_rows = -(-len(crowds) // CHIPS_IN_ROW)
        height = max(_LEAST, 34 + chip_rows * (CHIP_HEIGHT + 6), 34 + rows.count(number) * ROW)
        chips = tuple(
            Chip(
                _CHIPS_X + (at % CHIPS_IN_ROW) * (CHIP + 6),
                y + 32 + at // CHIPS_IN_ROW * (CHIP_HEIGHT + 6),
                crowd,
            )
            for at, crowd in enumerate(crowds)
        )
        lanes.append(Lane(segment, y, height, chips))
        y += height + GAP
    return lanes


def _rails(nodes: Iterable[Node], place: dict[str, int]) -> dict[str, int]:
    """Give each device across segments its rail: the first that is free along all its lanes."""
    across = [node for node in nodes if len(node.feet) > 1]
    endless = {node.id for node in across if node.routes and not node.dual}
    if len(endless) > _MOST_ENDLESS:
        endless = set()
    taken: list[list[tuple[int, int]]] = []
    rails: dict[str, int] = {}
    for node in across:
        lanes = [place[foot.segment] for foot in node.feet]
        first, last = min(lanes), _ENDLESS if node.id in endless else max(lanes)
        free = (at for at, spans in enumerate(taken) if all(last < a or b < first for a, b in spans))
        at = next(free, len(taken))
        if at == len(taken):
            taken.append([])
        taken[at].append((first, last))
        rails[node.id] = at
    return rails


def _boxes(
    nodes: Iterable[Node],
    homes: dict[str, int],
    lanes: list[Lane],
    place: dict[str, int],
    rails: dict[str, int],
    x: int,
) -> tuple[Box, ...]:
    used: dict[int, int] = {}
    boxes = []
    for node in nodes:
        home = homes[node.id]
        row = used.get(home, 0)
        used[home] = row + 1
        stops = tuple(
            Stop(foot, lanes[place[foot.segment]].bus) for foot in node.feet if place[foot.segment] != home
        )
        rail = _RAILS_X + PITCH * rails[node.id] if node.id in rails else None
        boxes.append(Box(node, x, lanes[home].y + 32 + row * ROW, home, rail, stops))
    return tuple(boxes)
