# SPDX-License-Identifier: Apache-2.0
"""A drawing as a file of its own: SVG, PNG, or draw.io's format to go on with."""

from collections.abc import Callable
from pathlib import Path

from collector.diagram.drawio import write_drawio
from collector.documents.paper import Paper
from collector.documents.typesetting import PaperError, typeset

FORMS = ("svg", "png", "drawio")


def write_drawing(paper: Paper, form: str, *, fonts: Path | None = None) -> bytes:
    """Give the paper's drawing in one of FORMS; raises PaperError, also for a paper without a drawing."""
    drawing = paper.drawing
    if drawing is None:
        raise PaperError(
            f"「{paper.title}」には図がありません。pdf、xlsx、json のどれかで作ってください。",
            f"The paper “{paper.kind}” has no drawing. Make it as pdf, xlsx or json.",
        )
    if form == "png":
        return typeset(
            "picture.typ", {}, paper.now, fonts=fonts, picture=True, draw=lambda clean: [drawing.svg(clean)]
        )
    write: Callable[[], str] = drawing.svg if form == "svg" else lambda: write_drawio(drawing)
    return write().encode()
