# SPDX-License-Identifier: Apache-2.0
"""A paper as Excel: one sheet for each part, set up for A4, every cell text and none a formula."""

import io
from collections.abc import Iterable, Sequence

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from collector.documents.paper import Paper, Part
from collector.safe_text import visible

MOST_CELL = 32_000  # characters that we put into one cell; Excel holds 32,767
MOST_ROWS = 1_048_000
_UNIT = 14  # characters of a column of width 1
_LEAST = 6  # characters of the narrowest column
_LINE = 13.5  # points of a line of text
_TALLEST = 405  # points; Excel takes no more than 409
_FONT = {"font_name": "BIZ UDGothic", "font_size": 10, "valign": "top"}


def write_paper_xlsx(paper: Paper) -> bytes:
    """Give the workbook of the paper."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties(
        {"title": paper.title, "company": visible(paper.facility), "created": paper.now.replace(tzinfo=None)}
    )
    looks = {
        "title": book.add_format({**_FONT, "bold": True, "font_size": 14}),
        "label": book.add_format({**_FONT, "font_color": "#53605F"}),
        "head": book.add_format(
            {
                **_FONT,
                "bold": True,
                "border": 1,
                "bg_color": "#EEF1F1",
                "text_wrap": True,
                "valign": "vcenter",
            }
        ),
        "cell": book.add_format({**_FONT, "border": 1, "text_wrap": True, "num_format": "@"}),
    }
    for number, part in enumerate(paper.parts, 1):
        page = book.add_worksheet(sheet_name(part.sheet or part.heading or f"{number}"))
        _write_part(page, paper, part, looks)
    book.close()
    return file.getvalue()


def _write_part(page: Worksheet, paper: Paper, part: Part, looks: dict[str, Format]) -> None:
    title = paper.title if part.heading in ("", paper.title) else f"{paper.title}　{part.heading}"
    page.write_string(0, 0, _text(f"{title}　{paper.facility}".strip()), looks["title"])
    line = 1
    for label, value in paper.header:
        page.write_string(line, 0, _text(label), looks["label"])
        page.write_string(line, 2, _text(value), looks["label"])
        line += 1
    for sentence in (*paper.lines, *part.lines):
        page.write_string(line, 0, _text(sentence), looks["label"])
        line += 1
    top = line + 1
    page.set_row(0, 22)
    widths = [max(_LEAST, column.width * _UNIT) for column in part.columns]
    for place, column in enumerate(part.columns):
        page.set_column(place, place, widths[place])
        page.write_string(top, place, _text(column.title), looks["head"])
    page.set_row(top, _height((column.title for column in part.columns), widths) + 4)
    last = _write_rows(page, part, top, looks)
    for number, sentence in enumerate(part.notes, last + 2):
        page.write_string(number, 0, _text(f"・{sentence}"), looks["label"])
    _arrange(page, paper, part, top, last)


def _write_rows(page: Worksheet, part: Part, top: int, looks: dict[str, Format]) -> int:
    cell, write = looks["cell"], page.write_string
    widths = [max(_LEAST, column.width * _UNIT) for column in part.columns]
    if not part.rows and part.columns:
        write(top + 1, 0, _text(part.empty), looks["label"])
        return top + 1
    line = top
    for line, row in enumerate(part.rows[:MOST_ROWS], top + 1):
        for place, text in enumerate(row):
            write(line, place, _text(text), cell)
        height = _height(row, widths)
        if height > _LINE:
            page.set_row(line, height)
    return line


def _height(cells: Iterable[str], widths: Sequence[float]) -> float:
    """Give the height of a row in points, so that wrapped cells show whole: a Japanese character is two wide."""
    most = 1
    for text, width in zip(cells, widths, strict=True):
        if 2 * len(text) < width and "\n" not in text:
            continue
        lines = (len(line) + sum(not char.isascii() for char in line) for line in text.split("\n"))
        most = max(most, sum(int(length // (width - 1)) + 1 for length in lines))
    return min(most * _LINE, _TALLEST)


def _arrange(page: Worksheet, paper: Paper, part: Part, top: int, last: int) -> None:
    page.freeze_panes(top + 1, 1)
    if part.rows:
        page.autofilter(top, 0, last, len(part.columns) - 1)
    page.repeat_rows(top)
    if paper.landscape:
        page.set_landscape()
    page.set_paper(9)  # A4
    page.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)
    page.fit_to_pages(1, 0)
    page.set_footer("&L&8&A&C&8&P / &N")


def sheet_name(title: str) -> str:
    """Give a name that Excel accepts for a sheet: 31 characters, none of []:*?/\\, no quote at the ends."""
    name = "".join("_" if char in "[]:*?/\\" else char for char in visible(title))[:31]
    return name.strip("'") or "1"


def _text(value: str) -> str:
    return visible(value)[:MOST_CELL]
