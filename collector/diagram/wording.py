# SPDX-License-Identifier: Apache-2.0
"""The words on the diagram, from the catalogue, and how much of them fits. Pure."""

import unicodedata
from collections.abc import Callable

from collector.diagram.model import Mark, Node, Segment, Way
from collector.translation import Words

_WORST = ("undeclared", "differs", "not_found", "matched")
_SIGNS = {"undeclared": "▲", "differs": "≠", "not_found": "？", "matched": "○"}
MARKS = {Mark.NEW: "diagram.mark_new", Mark.CHANGED: "diagram.mark_changed", Mark.GONE: "diagram.mark_gone"}


def width_of(text: str) -> float:
    """Give the width of a text in ems, as the fonts of our papers set it."""
    return sum(1.0 if unicodedata.east_asian_width(char) in "WFA" else 0.52 for char in text)


def shorten(text: str, most: float) -> str:
    """Cut text to `most` ems with … at the end."""
    if width_of(text) <= most:
        return text
    kept = ""
    for char in text:
        if width_of(kept + char) > most - 1:
            break
        kept += char
    return kept.rstrip() + "…"


class Wording:
    """Says what stands where, in one language; `clean` makes text harmless or printable first."""

    def __init__(self, words: Words, clean: Callable[[str], str]) -> None:
        self.words = words
        self.clean = clean

    def name(self, node: Node) -> str:
        """Give what a node is called."""
        kind = self.words.choose("kind", node.kind)
        if node.count > 1:
            return self.words("diagram.many", kind=kind, count=node.count)
        named = node.name or node.product or (node.addresses[0] if node.addresses else kind)
        return self.clean(f"{node.number} {named}".strip())

    def role(self, node: Node) -> str:
        """Give what a node is, in few words: class, router, dual-homed, silent."""
        if node.id.startswith("declared:"):
            return self.words("diagram.not_in_ledger")
        said = [] if node.dual else [self.words.choose("kind", node.kind)]
        if node.id.startswith("router:"):
            said = [self.words("diagram.unlisted_router")]
        elif node.default_gateway:
            said.append(self.words("diagram.default_gateway"))
        if node.dual:
            said.append(self.words(f"diagram.dual_{node.dual}"))
        if node.dual and node.routes:
            said.append(self.words("badge.forwards"))
        if node.silent:
            said.append(self.words("diagram.silent"))
        return "・".join(said) if self.words.language == "ja" else ", ".join(said)

    def at_home(self, node: Node, segment: str) -> str:
        """Give its addresses in its own lane."""
        return " ".join(
            self.clean(ip) for foot in node.feet if foot.segment == segment for ip in foot.addresses
        )

    def segment(self, segment: Segment | None) -> str:
        """Say how well a segment is known."""
        if segment is None:
            return self.words("diagram.nowhere_note")
        known = "looked_at" if segment.looked_at else "only_told"
        return self.words(f"diagram.{known}")

    def ways(self, node: Node) -> str:
        """Name the ways in, each kind once with its ports."""
        kinds: dict[tuple[str, Mark], list[int]] = {}
        for way in node.ways:
            kinds.setdefault((way.kind, way.mark), []).append(way.port)
        named = [
            "".join(
                (
                    self._mark(mark),
                    f"{self.way(kind)} {'/'.join(str(port) for port in ports if port)}".strip(),
                )
            )
            for (kind, mark), ports in kinds.items()
        ]
        return "、".join(named) if self.words.language == "ja" else ", ".join(named)

    def way(self, kind: str) -> str:
        """Name one kind of way."""
        return self.clean(self.words.choose("path", kind)) or self.words("diagram.some_way")

    def state(self, node: Node) -> str:
        """Say how the ways in stand to what was declared, the worst first."""
        found = (match for match in _WORST if any(way.match == match for way in node.ways))
        return "　".join(self._match(node, match) for match in found)

    def outside(self, node: Node) -> str:
        """Name the addresses that lie outside."""
        if not node.outside:
            return ""
        return self.words("diagram.outside_address", address=self.clean(", ".join(node.outside)))

    def _match(self, node: Node, match: str) -> str:
        """Say it of all ways, or name those of which it is true."""
        sentence = f"{_SIGNS[match]} {self.words(f'diagram.match_{match}')}"
        if all(way.match == match for way in node.ways):
            return sentence
        kinds = dict.fromkeys(self.way(way.kind) for way in node.ways if way.match == match)
        return f"{sentence}: {', '.join(kinds)}"

    def _mark(self, mark: Mark) -> str:
        return f"[{self.mark(mark)}]" if mark else ""

    def mark(self, mark: Mark) -> str:
        """Name a difference."""
        return self.words(MARKS[mark]) if mark else ""


def worst_match(ways: tuple[Way, ...]) -> str:
    """Give the most worrying of the matches."""
    found = {way.match for way in ways}
    return next(one for one in _WORST if one in found)
