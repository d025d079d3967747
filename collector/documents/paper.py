# SPDX-License-Identifier: Apache-2.0
"""A paper as a value: title, header lines, parts with a table each; one value, written as PDF, Excel or JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from collector.diagram.drawing import Drawing

UNKNOWN = "要確認"  # what stands where nobody knows yet and somebody has to


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: its heading, how wide it is beside the others, and whether words stay whole."""

    title: str
    width: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One heading with sentences, a table and notes; each may be missing."""

    heading: str = ""
    sheet: str = ""  # name of the Excel sheet, at most 31 characters; "" takes the heading
    lines: tuple[str, ...] = ()  # sentences above the table
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    empty: str = "該当なし"  # what the table says without rows
    notes: tuple[str, ...] = ()  # small sentences below the table
    new_page: bool = False
    most_printed: int = 0  # rows beyond are left to Excel and JSON, and the PDF says so; 0: print all


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """One paper of the facility."""

    kind: str  # short English name: ledger, bcp, survey, annex …
    title: str
    form_name: str = ""  # 様式名, at the top left
    facility: str = ""
    header: tuple[tuple[str, str], ...] = ()  # label and value, beside the title
    lines: tuple[str, ...] = ()  # sentences below the title
    parts: tuple[Part, ...] = ()
    landscape: bool = True
    made: str = ""  # when and by what it was made, in the footer
    drawing: Drawing | None = None  # stands before the tables
    now: datetime


def paper_json(paper: Paper) -> dict[str, Any]:
    """Give the paper as JSON values: a row is an object of heading → text."""
    return {
        "schema": "daicho/paper/1",
        "kind": paper.kind,
        "title": paper.title,
        "form_name": paper.form_name,
        "facility": paper.facility,
        "generated_at": paper.now.isoformat(),
        "header": [{"label": label, "value": value} for label, value in paper.header],
        "lines": list(paper.lines),
        "parts": [_part_json(part) for part in paper.parts],
    }


def _part_json(part: Part) -> Mapping[str, Any]:
    titles = [column.title for column in part.columns]
    return {
        "heading": part.heading,
        "lines": list(part.lines),
        "columns": titles,
        "rows": [dict(zip(titles, row, strict=True)) for row in part.rows],
        "notes": list(part.notes),
    }
