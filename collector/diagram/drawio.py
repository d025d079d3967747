# SPDX-License-Identifier: Apache-2.0
"""The diagram as a draw.io file, to go on drawing: places kept, connectors tied to what they connect.

Source: draw.io's file format, an uncompressed mxGraphModel (https://www.drawio.com/doc/faq/diagram-source-edit).
Every value is a plain label (`html=0`), so no word of a device is ever markup.
"""

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from collector.diagram.drawing import Clean, Drawing
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
    Lane,
    Layout,
)
from collector.diagram.shapes import xml_text
from collector.diagram.wording import Wording
from collector.safe_text import visible

_FONT = "fontFamily=BIZ UDGothic;fontSize=11;fontColor=#1b2526;whiteSpace=wrap;html=0;"
_DASHED = "dashed=1;"
_OUTSIDE = "outside"


def write_drawio(drawing: Drawing, clean: Clean = visible) -> str:
    """Give the file's text."""
    layout, wording = drawing.layout, Wording(drawing.words, clean)
    heading = drawing.heading(clean)
    cells = "\n".join(_cells(layout, wording, heading.title, heading.lines, heading.notes))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<mxfile host="daicho">\n'
        f'<diagram id="network" name="{xml_text(heading.title)}">\n'
        f'<mxGraphModel grid="1" gridSize="10" page="1" pageWidth="{layout.width}" pageHeight="{layout.height}">\n'
        f'<root>\n<mxCell id="0"/>\n<mxCell id="1" parent="0"/>\n{cells}\n</root>\n'
        "</mxGraphModel>\n</diagram>\n</mxfile>\n"
    )


def _cells(
    layout: Layout, say: Wording, title: str, lines: tuple[str, ...], notes: tuple[str, ...]
) -> Iterator[str]:
    head = "　".join((title, *lines))
    style = f"text;{_FONT}fontSize=18;fontStyle=1;align=left;"
    yield _vertex("title", head, style, (MARGIN, 10, layout.width - 2 * MARGIN, 30))
    bar = (layout.outside, TOP, BAR, layout.legend - 16 - TOP)
    yield _vertex(
        _OUTSIDE, say.words("diagram.outside"), f"{_FONT}rounded=1;fillColor=#e9eef6;horizontal=0;", bar
    )
    for lane in layout.lanes:
        yield from _lane(lane, layout, say)
    for box in layout.boxes:
        yield from _box(box, layout, say)
    place = (MARGIN, layout.legend, layout.width - 2 * MARGIN, 60)
    yield _vertex("notes", "\n".join(notes), f"text;{_FONT}align=left;verticalAlign=top;", place)


def _lane(lane: Lane, layout: Layout, say: Wording) -> Iterator[str]:
    segment = lane.segment
    name = _lane_id(lane)
    known = segment is not None and segment.looked_at
    title = say.clean(", ".join(segment.networks)) if segment else say.words("diagram.nowhere")
    mark = f"【{say.mark(segment.mark)}】" if segment and segment.mark else ""
    style = f"{_FONT}rounded=1;arcSize=8;fillColor=#eef1ef;strokeColor=#7c8885;align=left;verticalAlign=top;spacing=8;"
    yield _vertex(
        name, f"{mark}{title}\n{say.segment(segment)}", style + ("" if known else _DASHED),
        (MARGIN, lane.y, CARD, lane.height),
    )  # fmt: skip
    if segment is None:
        return
    style = "rounded=0;fillColor=#155e63;strokeColor=none;html=0;"
    bus = (MARGIN + CARD, lane.bus - 2, layout.spine - MARGIN - CARD, 4)
    yield _vertex(f"bus:{segment.id}", "", style, bus)
    for chip in lane.chips:
        before = chip.crowd.before
        change = f" ({chip.crowd.count - before:+d})" if before not in (None, chip.crowd.count) else ""
        label = f"{say.words.choose('kind_short', chip.crowd.kind)} {chip.crowd.count}{change}"
        style = f"{_FONT}rounded=1;arcSize=50;strokeColor=#7c8885;fontSize=10;"
        yield _vertex(f"{name}/{chip.crowd.kind}", label, style, (chip.x, chip.y, CHIP, CHIP_HEIGHT))


def _box(box: Box, layout: Layout, say: Wording) -> Iterator[str]:
    node, lane = box.node, layout.lanes[box.home]
    home = lane.segment.id if lane.segment else ""
    mark = f"【{say.mark(node.mark)}】" if node.mark else ""
    below = " ".join(filter(None, (say.at_home(node, home), say.role(node))))
    colour = "#9c1f2e" if node.dual == "undeclared" else "#155e63" if node.routes else "#1b2526"
    style = f"{_FONT}rounded=1;strokeColor={colour};strokeWidth=2;align=left;spacingLeft=8;"
    style += _DASHED if node.silent else ""
    label = f"{mark}{say.name(node)}\n{below}"
    yield _vertex(f"node:{node.id}", label, style, (box.x, box.y, BOX, BOX_HEIGHT))
    line = f"edgeStyle=orthogonalEdgeStyle;rounded=0;html=0;endArrow=oval;endFill=1;strokeColor={colour};strokeWidth=2;"
    line += _DASHED if node.dual else ""
    if home:
        yield _edge(
            f"foot:{node.id}/{home}", "", line + "exitX=0;exitY=0.5;entryX=1;entryY=0.5;",
            (f"node:{node.id}", f"bus:{home}"), [(layout.spine, box.middle)],
        )  # fmt: skip
    for stop in box.stops:
        if box.rail is None:
            continue
        along = (box.rail - MARGIN - CARD) / (layout.spine - MARGIN - CARD)
        label = say.clean(" ".join(stop.foot.addresses))
        yield _edge(
            f"foot:{node.id}/{stop.foot.segment}", label,
            f"{line}exitX=0;exitY=0.5;entryX={along:.4f};entryY=0.5;fontSize=9;",
            (f"node:{node.id}", f"bus:{stop.foot.segment}"), [(box.rail, box.middle)],
        )  # fmt: skip
    if node.ways or node.outside:
        along = (box.middle - TOP) / max(layout.legend - 16 - TOP, 1)
        arrow = "endArrow=classic;" if node.ways else "endArrow=none;startArrow=box;"
        label = "\n".join(filter(None, (say.ways(node), say.state(node), say.outside(node))))
        yield _edge(
            f"way:{node.id}", label,
            f"{_FONT}rounded=0;strokeWidth=2;{arrow}exitX=0;exitY={along:.4f};entryX=1;entryY=0.5;",
            (_OUTSIDE, f"node:{node.id}"), [],
        )  # fmt: skip


def _lane_id(lane: Lane) -> str:
    return f"segment:{lane.segment.id}" if lane.segment else "segment:nowhere"


def _vertex(id: str, value: str, style: str, place: tuple[int, int, int, int]) -> str:
    x, y, width, height = place
    return (
        f'<mxCell id={_attribute(id)} value={_attribute(value)} style={quoteattr(style)} vertex="1" parent="1">'
        f'<mxGeometry x="{x}" y="{y}" width="{width}" height="{height}" as="geometry"/></mxCell>'
    )


def _edge(id: str, value: str, style: str, ends: tuple[str, str], points: list[tuple[int, int]]) -> str:
    between = "".join(f'<mxPoint x="{x}" y="{y}"/>' for x, y in points)
    array = f'<Array as="points">{between}</Array>' if points else ""
    return (
        f'<mxCell id={_attribute(id)} value={_attribute(value)} style={quoteattr(style)} edge="1" parent="1" '
        f"source={_attribute(ends[0])} target={_attribute(ends[1])}>"
        f'<mxGeometry relative="1" as="geometry">{array}</mxGeometry></mxCell>'
    )


def _attribute(text: str) -> str:
    """Write an attribute; line feeds stay line feeds."""
    lines = [xml_text(line) for line in text.split("\n")]
    return f'"{"&#10;".join(lines)}"'
