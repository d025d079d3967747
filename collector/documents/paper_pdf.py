# SPDX-License-Identifier: Apache-2.0
"""A paper as PDF on A4: heading row on every page, page numbers, any number of rows."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from collector.documents.paper import Paper, Part
from collector.documents.typesetting import Draw, typeset

MOST_TAGGED = 800  # rows; a larger table goes without accessibility tags, which are nine tenths of the file
_SHAPE = 262 / 396  # height to width of the room for a drawing on A3 landscape
_TOGETHER = 500  # rows laid out as one table; the pages of two tables are set at the same time


def write_paper_pdf(paper: Paper, *, fonts: Path | None = None) -> bytes:
    """Give the paper as PDF/A-2u; raises collector.documents.typesetting.PaperError."""
    parts = [_printed(part) for part in paper.parts]
    rows = sum(len(part.rows) for part in parts)
    data = {
        "title": paper.title,
        "form_name": paper.form_name,
        "facility": paper.facility,
        "header": [list(one) for one in paper.header],
        "lines": paper.lines,
        "landscape": paper.landscape,
        "made": paper.made,
        "parts": [one for part in parts for one in _pieces(part)],
    }
    drawing = paper.drawing
    draw: Draw | None = None if drawing is None else lambda clean: drawing.sheets(clean, _SHAPE)
    return typeset("paper.typ", data, paper.now, fonts=fonts, tagged=rows <= MOST_TAGGED, draw=draw)


def _printed(part: Part) -> Part:
    """Cut a part to the rows that are printed, with a note on the others."""
    left = len(part.rows) - part.most_printed
    if not part.most_printed or left <= 0:
        return part
    note = f"ほかに {left:,} 件あり、同じ書類の Excel と JSON に載っています。"
    return replace(part, rows=part.rows[: part.most_printed], notes=(*part.notes, note))


def _pieces(part: Part) -> Iterator[dict[str, Any]]:
    """Cut a long table into pieces that start on a page of their own."""
    starts = range(0, max(len(part.rows), 1), _TOGETHER)
    for start in starts:
        first, last = start == 0, start + _TOGETHER >= len(part.rows)
        yield {
            "heading": part.heading if first else "",
            "lines": part.lines if first else (),
            "columns": [column.title for column in part.columns],
            "widths": [column.width for column in part.columns],
            "rows": part.rows[start : start + _TOGETHER],
            "empty": part.empty,
            "notes": part.notes if last else (),
            "new_page": part.new_page or not first,
        }
