# SPDX-License-Identifier: Apache-2.0
"""The shapes that the diagram is painted with, as pieces of SVG; colours are never the only sign."""

from collections.abc import Callable, Iterator
from xml.sax.saxutils import escape

from collector.diagram.model import Mark, Node
from collector.diagram.wording import width_of
from collector.safe_text import visible

INK, SOFT, LINE, WASH = "#1b2526", "#53605f", "#7c8885", "#eef1ef"
BLUE, RED, GREEN, BROWN = "#155e63", "#9c1f2e", "#1d6b3a", "#8a4300"
MARK_COLOURS = {Mark.NEW: GREEN, Mark.CHANGED: BROWN, Mark.GONE: "#53605f"}


def xml_text(text: str) -> str:
    """Escape text for XML; characters that XML cannot hold or that mislead the eye become U+FFFD."""
    kept = "".join(char if char not in "\t\n\ufffe\uffff" else " " for char in visible(text))
    return escape(kept, {'"': "&quot;"})


def paint_tag(right: float, y: float, word: str, mark: Mark) -> Iterator[str]:
    """Paint a small label that ends at `right`."""
    width = width_of(word) * 10.5 + 12
    yield paint_rect(right - width, y, width, 16, fill=MARK_COLOURS[mark], radius=3)
    yield paint_text(right - width / 2, y + 12, word, size=10.5, bold=True, fill="#ffffff", anchor="middle")


def paint_icon(x: float, y: float, node: Node, colour: str) -> str:
    """Draw the shape of a class: round arrows for a router, a wall for a gateway, a tower for a server …"""
    paths = {
        "network": "M-10 0a10 10 0 1 0 20 0a10 10 0 1 0-20 0M-5-3h8l-3-3M5 3h-8l3 3",
        "gateway": "M-10-9h20v18h-20zM-10-3h20M-10 3h20M0-9v6M-5-3v6M5-3v6M0 3v6",
        "server": "M-7-10h14v20h-14zM-7-4h14M-7 2h14M-4-7h3M-4-1h3",
        "pc": "M-10-8h20v13h-20zM-5 9h10M0 5v4",
        "medical": "M-10-10h20v20h-20zM0-6v12M-6 0h12",
        "printer": "M-6-3v-7h12v7M-10-3h20v9h-20zM-6 3h12v7h-12z",
        "phone": "M-6-10h12v20h-12zM-2 7h4",
        "iot": "M-9-4a12 12 0 0 1 18 0M-5 1a7 7 0 0 1 10 0M0 7h.1",
    }
    drawn = paths.get(node.kind, "M-9-9h18v18h-18zM-3-3a3 3 0 1 1 3 3v2M0 6h.1")
    return (
        f'<path transform="translate({x:g} {y:g})" d="{drawn}" fill="none" stroke="{colour}" stroke-width="1.6" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )


def paint_rect(
    x: float, y: float, width_: float, height: float, *, fill: str = "none", stroke: str = "none",
    radius: float = 0, dash: str = "", width: float = 1,
) -> str:  # fmt: skip
    """Paint a rectangle."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width_:g}" height="{height:g}" rx="{radius:g}" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="{width:g}"{dashed}/>'
    )


def paint_line(
    x1: float, y1: float, x2: float, y2: float, *, stroke: str, width: float, dash: str = ""
) -> str:
    """Paint a line."""
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{stroke}" stroke-width="{width:g}"{dashed}/>'


def paint_text(
    x: float, y: float, text: str, *, size: float = 12, bold: bool = False, fill: str = INK,
    anchor: str = "start", halo: bool = False, turn: str = "",
) -> str:  # fmt: skip
    """Paint one line of text; nothing for ""."""
    if not text:
        return ""
    weight = ' font-weight="700"' if bold else ""
    place = f' text-anchor="{anchor}"' if anchor != "start" else ""
    around = ' paint-order="stroke" stroke="#ffffff" stroke-width="3" stroke-linejoin="round"' if halo else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{fill}"{weight}{place}{around}{turn}>'
        f"{xml_text(text)}</text>"
    )


def paint_turned(
    x: float, y: float, text: str, *, size: float, fill: str, by: int, bold: bool = False,
    anchor: str = "start", halo: bool = False,
) -> str:  # fmt: skip
    """Paint a line of text turned by so many degrees."""
    turn = f' transform="rotate({by} {x:g} {y:g})"'
    return paint_text(x, y, text, size=size, bold=bold, fill=fill, anchor=anchor, halo=halo, turn=turn)


def _show_router(x: float, y: float) -> Iterator[str]:
    yield paint_line(x, y, x + 28, y, stroke=BLUE, width=2)
    yield f'<circle cx="{x + 14}" cy="{y}" r="5" fill="{BLUE}"/>'


def _show_dual(x: float, y: float) -> Iterator[str]:
    yield paint_line(x, y, x + 28, y, stroke=RED, width=2, dash="9 4")
    yield f'<polygon points="{x + 14},{y - 7} {x + 21},{y} {x + 14},{y + 7} {x + 7},{y}" fill="{RED}"/>'


def _show_way(x: float, y: float) -> Iterator[str]:
    yield paint_line(x + 8, y, x + 28, y, stroke=RED, width=2)
    yield f'<polygon points="{x},{y} {x + 11},{y - 6} {x + 11},{y + 6}" fill="{RED}"/>'


def _show_outside(x: float, y: float) -> Iterator[str]:
    yield paint_line(x, y, x + 24, y, stroke=INK, width=2)
    yield paint_rect(x + 18, y - 5, 10, 10, fill=INK)


def _show_unseen(x: float, y: float) -> Iterator[str]:
    yield paint_rect(x, y - 7, 28, 14, stroke=LINE, dash="5 4", radius=3)


def _show_crowd(x: float, y: float) -> Iterator[str]:
    yield paint_rect(x, y - 8, 28, 16, stroke=LINE, radius=8)
    yield paint_text(x + 14, y + 4, "12", size=10, bold=True, anchor="middle")


LEGEND: tuple[tuple[Callable[[float, float], Iterator[str]], str], ...] = (
    (_show_crowd, "crowd"),
    (_show_router, "router"),
    (_show_dual, "dual"),
    (_show_way, "way"),
    (_show_outside, "outside"),
    (_show_unseen, "unseen"),
)
