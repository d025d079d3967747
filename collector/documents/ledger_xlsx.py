# SPDX-License-Identifier: Apache-2.0
"""The ledger as an Excel file: the official form, and a second sheet with the evidence behind it.

Every cell is written as a string (Office Open XML `t="s"`): what a device calls itself is never a formula.
"""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from collector.safe_text import visible

MOST_CELL = 32_767  # characters that a cell can hold
MOST_ROWS = 1_048_000  # rows that a sheet can hold, with room for the headings
_WIDTHS = (8, 16, 20, 22, 16, 18, 20, 14, 18, 12, 8, 28)
_EVIDENCE_WIDTHS = (8, 18, 28, 10, 60, 36)


@dataclass(frozen=True, slots=True)
class FurtherSheet:
    """A sheet behind the two: title, columns with their widths, rows."""

    title: str
    columns: Sequence[tuple[str, int]]
    rows: Iterable[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What goes into the file; times stand as people read them."""

    title: str
    facility: str
    updated: Sequence[tuple[str, str]]  # header rows: 最終更新日, 最終更新者
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    evidence_title: str
    evidence_columns: Sequence[str]
    evidence: Iterable[Sequence[str]]
    created: datetime
    further: Sequence[FurtherSheet] = ()


def write_ledger_xlsx(sheet: Sheet) -> bytes:
    """Give the workbook: sheet 1 the official columns under their header rows, sheet 2 the evidence."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": sheet.title, "company": visible(sheet.facility), "created": sheet.created})
    formats = _make_formats(book)
    _write_official(book.add_worksheet(_sheet_name(sheet.title)), sheet, formats)
    _write_evidence(book.add_worksheet(_sheet_name(sheet.evidence_title)), sheet, formats)
    for one in sheet.further:
        page = book.add_worksheet(_sheet_name(one.title))
        last = _write_table(page, 0, [name for name, _ in one.columns], one.rows, formats)
        _arrange(page, 0, last, [width for _, width in one.columns])
    book.close()
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class _Formats:
    title: Format
    label: Format
    head: Format
    cell: Format


def _make_formats(book: xlsxwriter.Workbook) -> _Formats:
    font = {"font_name": "BIZ UDGothic", "font_size": 10, "valign": "top"}
    boxed = {**font, "border": 1, "border_color": "#9AA5A2", "text_wrap": True}
    return _Formats(
        title=book.add_format({**font, "bold": True, "font_size": 14}),
        label=book.add_format({**font, "font_color": "#53605F"}),
        head=book.add_format({**boxed, "bold": True, "bg_color": "#E3EFF0", "valign": "vcenter"}),
        cell=book.add_format({**boxed, "num_format": "@"}),
    )


def _write_official(page: Worksheet, sheet: Sheet, formats: _Formats) -> None:
    page.write_string(0, 0, _text(f"{sheet.title}  {sheet.facility}".strip()), formats.title)
    for number, (label, value) in enumerate(sheet.updated, 1):
        page.write_string(number, 0, _text(label), formats.label)
        page.write_string(number, 2, _text(value), formats.label)
    top = len(sheet.updated) + 2
    last = _write_table(page, top, sheet.columns, sheet.rows, formats)
    _arrange(page, top, last, _WIDTHS)


def _write_evidence(page: Worksheet, sheet: Sheet, formats: _Formats) -> None:
    last = _write_table(page, 0, sheet.evidence_columns, sheet.evidence, formats)
    _arrange(page, 0, last, _EVIDENCE_WIDTHS)


def _write_table(
    page: Worksheet,
    top: int,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    formats: _Formats,
) -> int:
    """Write heading and rows from row `top`; gives the number of the last row written."""
    for place, column in enumerate(columns):
        page.write_string(top, place, _text(column), formats.head)
    line = top
    for line, row in enumerate(rows, top + 1):
        if line > MOST_ROWS:
            page.write_string(
                line, 0, "…（Excel の行数の上限を超えるため、ここから後は省略しました / cut here）"
            )
            return line
        for place, cell in enumerate(row):
            page.write_string(line, place, _text(cell), formats.cell)
    return line


def _arrange(page: Worksheet, top: int, last: int, widths: Sequence[int]) -> None:
    for place, width in enumerate(widths):
        page.set_column(place, place, width)
    page.freeze_panes(top + 1, 1)
    page.autofilter(top, 0, last, len(widths) - 1)
    page.repeat_rows(top)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.set_footer("&C&P / &N")


def _text(value: str) -> str:
    return visible(value)[:MOST_CELL]


def _sheet_name(title: str) -> str:
    return "".join("_" if char in "[]:*?/\\" else char for char in title)[:31]
