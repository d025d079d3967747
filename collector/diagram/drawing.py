# SPDX-License-Identifier: Apache-2.0
"""A diagram with its words around it, ready to be painted in one language. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

from collector.diagram.layout import Layout, lay_out
from collector.diagram.model import Diagram
from collector.diagram.svg import Heading, write_svg
from collector.diagram.wording import Wording
from collector.safe_text import visible
from collector.translation import Words

Clean = Callable[[str], str]
_BEFORE = 10  # pixels above a lane that a sheet begins with: the marks stand there


@dataclass(frozen=True, slots=True)
class Drawing:
    """One diagram in one language."""

    diagram: Diagram
    words: Words
    lines: tuple[str, ...]  # facility, day

    @property
    def layout(self) -> Layout:
        """Where everything stands."""
        return lay_out(self.diagram)

    def heading(self, clean: Clean) -> Heading:
        """Give title and notes."""
        words, diagram = self.words, self.diagram
        notes = [words("diagram.not_compared")]
        if diagram.compared:
            notes = [words("diagram.compared", day=diagram.compared)]
        if diagram.not_scanned:
            notes.append(words("diagram.note_not_scanned", networks=clean(", ".join(diagram.not_scanned))))
        notes.append(words("diagram.note_made"))
        return Heading(
            words("diagram.title"), tuple(clean(line) for line in self.lines if line), tuple(notes)
        )

    def svg(self, clean: Clean = visible, *, links: bool = False) -> str:
        """Give the whole picture."""
        return write_svg(self.layout, Wording(self.words, clean), self.heading(clean), links=links)

    def sheets(self, clean: Clean, shape: float) -> list[str]:
        """Give the picture cut between lanes into sheets at most `shape` times as high as wide."""
        layout, heading = self.layout, self.heading(clean)
        wording = Wording(self.words, clean)
        return [write_svg(layout, wording, heading, window=one) for one in windows(layout, shape)]


def windows(layout: Layout, shape: float) -> list[tuple[int, int]]:
    """Cut the height of a layout into sheets, never through a lane; a little too high stays one sheet."""
    most = int(layout.width * shape)
    if layout.height <= most * 1.3:
        return [(0, layout.height)]
    cuts = [0]
    for lane in layout.lanes[1:]:
        if lane.y + lane.height - cuts[-1] > most:
            cuts.append(lane.y - _BEFORE)
    if layout.height - cuts[-1] > most:
        cuts.append(layout.legend - _BEFORE)
    return list(zip(cuts, [*cuts[1:], layout.height], strict=True))
