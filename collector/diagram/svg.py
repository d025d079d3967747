# SPDX-License-Identifier: Apache-2.0
"""The diagram as SVG: no script, no style sheet, nothing from outside; every text escaped."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode
from xml.sax.saxutils import quoteattr

from collector.diagram.layout import (
    BAR,
    BOX,
    BOX_HEIGHT,
    CARD,
    CHIP,
    CHIP_HEIGHT,
    MARGIN,
    TOP,
    Box,
    Chip,
    Lane,
    Layout,
)
from collector.diagram.model import Foot, Mark, Node
from collector.diagram.shapes import (
    BLUE,
    BROWN,
    GREEN,
    INK,
    LEGEND,
    LINE,
    MARK_COLOURS,
    RED,
    SOFT,
    WASH,
    paint_icon,
    paint_line,
    paint_rect,
    paint_tag,
    paint_text,
    paint_turned,
    xml_text,
)
from collector.diagram.wording import Wording, shorten, width_of, worst_match
from collector.safe_text import visible

FONTS = "BIZ UDGothic, BIZ UDPGothic, Noto Sans JP, Hiragino Sans, Yu Gothic, Meiryo, sans-serif"
_NAMES_EVERY = 8  # lanes after which a rail says again whose it is


@dataclass(frozen=True, slots=True)
class Heading:
    """The lines above and below the picture."""

    title: str
    lines: tuple[str, ...] = ()  # beside the title: facility, day
    notes: tuple[str, ...] = ()  # below the picture


def write_svg(
    layout: Layout,
    wording: Wording,
    heading: Heading,
    *,
    links: bool = False,
    window: tuple[int, int] | None = None,
) -> str:
    """Give the picture, or the rows of pixels in `window` of it; with `links` to the pages of the collector."""
    top, bottom = window or (0, layout.height)
    painter = _Painter(layout, wording, links, top, bottom)
    body = "\n".join(painter.everything(heading))
    size = f'width="{layout.width}" height="{bottom - top}" viewBox="0 {top} {layout.width} {bottom - top}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family={quoteattr(FONTS)} font-size="12">\n'
        f"<title>{xml_text(heading.title)}</title>\n{body}\n</svg>\n"
    )


class _Painter:
    """Paints one layout."""

    def __init__(self, layout: Layout, wording: Wording, links: bool, top: int, bottom: int) -> None:
        self._layout = layout
        self._say = wording
        self._links = links
        self._top = top
        self._bottom = bottom

    def _shows(self, y: float, height: float = 0) -> bool:
        return y < self._bottom and y + height > self._top

    def everything(self, heading: Heading) -> Iterator[str]:
        layout = self._layout
        lanes = [(at, lane) for at, lane in enumerate(layout.lanes) if self._shows(lane.y, lane.height)]
        boxes = [box for box in layout.boxes if self._shows(box.y, BOX_HEIGHT)]
        yield paint_rect(0, self._top, layout.width, self._bottom - self._top, fill="#ffffff")
        if self._shows(0, TOP):
            yield paint_text(MARGIN, 30, heading.title, size=18, bold=True)
            yield paint_text(
                MARGIN + width_of(heading.title) * 18 + 18, 30, "　".join(heading.lines), fill=SOFT
            )
        yield from self._outside()
        for _, lane in lanes:
            yield from self._lane(lane)
        for at, lane in lanes:
            yield from self._spine(lane, at)
        for box in layout.boxes:
            yield from self._rail(box)
        for box in boxes:
            yield from self._ways(box)
            yield from self._box(box)
        if self._shows(layout.legend, layout.height):
            yield from self._legend(heading.notes)

    def _outside(self) -> Iterator[str]:
        """Paint the bar of the outside world, its name on every stretch of it."""
        layout = self._layout
        top, bottom = max(TOP, self._top), min(layout.legend - 16, self._bottom)
        if bottom <= top:
            return
        yield paint_rect(layout.outside, top, BAR, bottom - top, fill="#e9eef6", stroke="#5a6f94", radius=6)
        name, x = self._say.words("diagram.outside"), layout.outside + BAR / 2
        parts = max(1, round((bottom - top) / 800))
        for at in range(parts):
            y = top + (bottom - top) * (2 * at + 1) / (2 * parts)
            room = (bottom - top) / parts / 13
            fits = shorten(name if width_of(name) <= room else self._say.words("diagram.outside_short"), room)
            yield paint_turned(x, y, fits, size=13, fill="#2c3f63", bold=True, anchor="middle", by=90)

    def _lane(self, lane: Lane) -> Iterator[str]:
        segment, say = lane.segment, self._say
        known = segment is not None and segment.looked_at
        mark = segment.mark if segment else Mark.SAME
        if segment:
            yield paint_line(
                MARGIN + CARD, lane.bus, self._layout.spine, lane.bus, stroke=BLUE, width=4,
                dash="" if known else "10 6",
            )  # fmt: skip
        yield paint_rect(
            MARGIN, lane.y, CARD, lane.height, fill=WASH if known else "#ffffff",
            stroke=MARK_COLOURS.get(mark, LINE), radius=6, dash="" if known else "5 4", width=2.5 if mark else 1,
        )  # fmt: skip
        title = say.clean(segment.id) if segment else say.words("diagram.nowhere")
        guess = " ?" if segment and segment.guessed else ""
        yield paint_text(MARGIN + 10, lane.y + 22, shorten(title + guess, 12.6), size=13, bold=True)
        more = [say.clean(net) for net in segment.networks[1:]] if segment else []
        lines = [*more[:1], say.segment(segment)]
        for at, line in enumerate(lines):
            yield paint_text(MARGIN + 10, lane.y + 40 + 15 * at, shorten(line, 16), size=10.5, fill=SOFT)
        if mark:
            yield from paint_tag(MARGIN + CARD - 8, lane.y - 7, say.mark(mark), mark)
        for chip in lane.chips:
            yield from self._chip(chip, lane)

    def _chip(self, chip: Chip, lane: Lane) -> Iterator[str]:
        crowd, x, y = chip.crowd, chip.x, chip.y
        changed = crowd.before is not None and crowd.before != crowd.count
        kind = self._say.words.choose("kind_short", crowd.kind)
        delta = f"{crowd.count - crowd.before:+d}" if changed and crowd.before is not None else ""
        count = f"{crowd.count}"
        drawn = [
            paint_line(x + CHIP / 2, lane.bus, x + CHIP / 2, y, stroke=BLUE, width=1.2) if y - lane.bus < 20 else "",
            paint_rect(
                x, y, CHIP, CHIP_HEIGHT, fill="#ffffff", stroke=BROWN if changed else LINE,
                radius=12, width=2 if changed else 1,
            ),
            paint_text(x + 8, y + 16, shorten(kind, 3.2), size=10.5),
            paint_text(x + CHIP - 8, y + 16, count, size=12, bold=True, anchor="end"),
        ]  # fmt: skip
        if delta:
            drawn.append(
                paint_text(
                    x + CHIP - 2, y - 1, delta, size=10, bold=True, fill=BROWN, anchor="end", halo=True
                )
            )
        full = f"{self._say.words.choose('kind', crowd.kind)} {crowd.count}"
        where = "/?" + urlencode({"network": lane.segment.id if lane.segment else "", "kind": crowd.kind})
        yield self._linked(where if crowd.count else "", full, drawn)

    def _spine(self, lane: Lane, number: int) -> Iterator[str]:
        """Let the boxes of a lane hang on the end of its bus."""
        boxes = [box for box in self._layout.boxes if box.home == number]
        if not boxes or lane.segment is None:
            return
        x = self._layout.spine
        yield paint_line(x, lane.bus - 2, x, boxes[-1].middle, stroke=BLUE, width=2)
        for box in boxes:
            foot = next(foot for foot in box.node.feet if foot.segment == lane.segment.id)
            dash = "4 4" if foot.mark is Mark.GONE else ""
            yield paint_line(x, box.middle, box.x, box.middle, stroke=_colour(box.node), width=2, dash=dash)
            if box.rail is not None:
                yield self._dot(x, box.middle, box.node)

    def _rail(self, box: Box) -> Iterator[str]:
        if box.rail is None:
            return
        node, x = box.node, box.rail
        colour, dash = _colour(node), "9 4" if node.dual else ""
        last = max(stop.y for stop in box.stops)
        if not self._shows(box.middle, last - box.middle):
            return
        if self._shows(box.middle):
            yield paint_line(self._layout.spine, box.middle, x, box.middle, stroke=colour, width=2, dash=dash)
        start, end = max(box.middle, self._top), min(last, self._bottom)
        yield paint_line(x, start, x, end, stroke=colour, width=2, dash=dash)
        for stop in box.stops:
            if not self._shows(stop.y - 8, 16):
                continue
            yield self._dot(x, stop.y, node, stop.foot)
            label = _short_address(stop.foot)
            yield paint_text(x + 7, stop.y - 6, self._say.clean(label), size=10, fill=colour, halo=True)
            if stop.foot.mark:
                yield paint_text(
                    x + 7, stop.y + 14, self._say.mark(stop.foot.mark), size=10, bold=True,
                    fill=MARK_COLOURS[stop.foot.mark], halo=True,
                )  # fmt: skip
        yield from self._rail_names(box, last, colour)

    def _rail_names(self, box: Box, last: int, colour: str) -> Iterator[str]:
        """Say again along a long rail whose it is, and at the top of a sheet."""
        name, lanes = shorten(self._say.name(box.node), 8), self._layout.lanes
        first = next((at for at, lane in enumerate(lanes) if self._shows(lane.y, lane.height)), 0)
        start = first if box.middle < self._top else box.home + 4
        for lane in lanes[start::_NAMES_EVERY]:
            if self._shows(lane.y, lane.height) and lane.y + lane.height < last:
                y = lane.y + lane.height - 2
                yield paint_turned((box.rail or 0) - 4, y, name, size=10, fill=colour, halo=True, by=-90)

    def _dot(self, x: float, y: float, node: Node, foot: Foot | None = None) -> str:
        """A round foot is a router's, a diamond that of a device on several networks."""
        hollow = foot is not None and foot.mark is Mark.GONE
        fill = "#ffffff" if hollow else _colour(node)
        if node.dual:
            points = f"{x},{y - 7} {x + 7},{y} {x},{y + 7} {x - 7},{y}"
            return f'<polygon points="{points}" fill="{fill}" stroke="{_colour(node)}" stroke-width="1.5"/>'
        return f'<circle cx="{x}" cy="{y}" r="5" fill="{fill}" stroke="{_colour(node)}" stroke-width="1.5"/>'

    def _ways(self, box: Box) -> Iterator[str]:
        node, y = box.node, box.middle
        if not node.ways and not node.outside:
            return
        left, right = box.x + BOX, self._layout.outside
        worst = worst_match(node.ways) if node.ways else "matched"
        colour = RED if worst in ("undeclared", "differs") else INK
        dash = "6 4" if worst == "not_found" else ""
        end = left + 9 if node.ways else left
        yield paint_line(right, y, end, y, stroke=colour, width=2, dash=dash)
        if node.ways:
            yield f'<polygon points="{left + 1},{y} {left + 12},{y - 6} {left + 12},{y + 6}" fill="{colour}"/>'
        else:
            yield f'<rect x="{right - 5}" y="{y - 5}" width="10" height="10" fill="{colour}"/>'
        room = (right - left - 30) / 11
        words = self._say.ways(node)
        if node.ways:
            yield paint_text(left + 18, y - 6, shorten(words, room), size=11, bold=True, fill=colour)
        lines = filter(None, (self._say.state(node), self._say.outside(node)))
        for at, line in enumerate(lines):
            yield paint_text(left + 18, y + 14 + 13 * at, shorten(line, room), size=10.5, fill=colour)

    def _box(self, box: Box) -> Iterator[str]:
        node, x, y = box.node, box.x, box.y
        lane = self._layout.lanes[box.home]
        home = lane.segment.id if lane.segment else ""
        dashed = "5 4" if node.silent or node.mark is Mark.GONE or _is_loose(node) else ""
        colour = _colour(node)
        drawn = [
            paint_rect(
                x, y, BOX, BOX_HEIGHT, fill="#fbe9ea" if node.dual == "undeclared" else "#ffffff",
                stroke=colour, radius=3 if node.routes else 8, dash=dashed, width=2,
            ),
            paint_icon(x + 20, y + BOX_HEIGHT / 2, node, colour),
            paint_text(x + 40, y + 17, shorten(self._say.name(node), 17), bold=True),
        ]  # fmt: skip
        line = " ".join(filter(None, (self._say.at_home(node, home), self._say.role(node))))
        drawn.append(paint_text(x + 40, y + 32, shorten(line, 20.4), size=10, fill=SOFT))
        if node.mark is Mark.NEW:
            drawn.insert(
                0, paint_rect(x - 4, y - 4, BOX + 8, BOX_HEIGHT + 8, stroke=GREEN, radius=9, width=1.5)
            )
        if node.count > 1:
            drawn.insert(
                0, paint_rect(x + 4, y + 4, BOX, BOX_HEIGHT, fill="#ffffff", stroke=colour, radius=8)
            )
        where = f"/devices/{quote(visible(node.device), safe='')}" if node.device else ""
        if node.count > 1:
            where = "/?" + urlencode({"network": home, "kind": node.kind, "mark": "remote"})
        yield self._linked(where, self._full(node), drawn)
        if node.mark:
            yield from paint_tag(x + BOX - 6, y - 8, self._say.mark(node.mark), node.mark)

    def _full(self, node: Node) -> str:
        """Everything about a node, for whoever points at it."""
        said = (
            self._say.name(node),
            self._say.clean(node.product),
            self._say.role(node),
            self._say.clean(" ".join(node.addresses)),
            self._say.ways(node),
            self._say.state(node),
            self._say.outside(node),
        )
        return " / ".join(dict.fromkeys(filter(None, said)))

    def _linked(self, where: str, full: str, drawn: list[str]) -> str:
        body = f"<title>{xml_text(full)}</title>{''.join(drawn)}"
        if self._links and where:
            return f'<a href="{xml_text(where)}">{body}</a>'
        return f"<g>{body}</g>"

    def _legend(self, notes: tuple[str, ...]) -> Iterator[str]:
        y, x = self._layout.legend + 6, float(MARGIN)
        say = self._say.words
        for draw, key in LEGEND:
            label = say(f"diagram.legend_{key}")
            if x + 34 + width_of(label) * 11 > self._layout.width - MARGIN:
                x, y = float(MARGIN), y + 24
            yield from draw(x, y)
            yield paint_text(x + 34, y + 4, label, size=11, fill=SOFT)
            x += 34 + width_of(label) * 11 + 22
        y += 28
        for note in notes:
            yield paint_text(
                MARGIN, y, shorten(note, (self._layout.width - 2 * MARGIN) / 11), size=11, fill=SOFT
            )
            y += 17


def _is_loose(node: Node) -> bool:
    """Whether no row of the ledger stands behind it."""
    return not node.device and node.count == 1


def _colour(node: Node) -> str:
    return RED if node.dual == "undeclared" else BLUE if node.routes else INK


def _short_address(foot: Foot) -> str:
    """Give the last part of an address: .254."""
    first = foot.addresses[0] if foot.addresses else ""
    return "." + first.rpartition(".")[2] if "." in first else ""
