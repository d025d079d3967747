# SPDX-License-Identifier: Apache-2.0
"""A checklist's sheet as Excel that prints like the official form on A4, daicho's view on a sheet of its own.

Excel has no circle around a word in a cell: the chosen word gets ◯ before it and stands in bold.
"""

import io
from dataclasses import dataclass

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from collector.documents.checklist_form import (
    Form,
    FormLine,
    FormPart,
    FormSection,
    Mark,
    is_circled,
    item_text,
    remark_text,
)
from collector.documents.paper_xlsx import sheet_name
from collector.safe_text import visible
from inventory_db.stated import NO, YES

CIRCLE = "◯"
MOST_CELL = 32_000
_WIDTHS = (13, 40, 17, 15, 17, 20, 7)  # characters: section, item, first, goal, second, remark, mark
_OPINION_WIDTHS = (9, 12, 34, 9, 13, 40, 34, 16)
_OPINION_HEADS = ("番号", "対象", "項目", "人の印", "判定", "理由", "「はい」にするには", "証拠")
_FONT = {"font_name": "BIZ UDGothic", "font_size": 9, "text_wrap": True, "valign": "vcenter"}


def write_checklist_xlsx(*forms: Form) -> bytes:
    """Give the workbook: for each form its sheet, then daicho's view; every cell is text, none a formula."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(
        file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"title": forms[0].page_title, "created": forms[0].now.replace(tzinfo=None)})
    looks = _make_formats(book)
    for place, form in enumerate(forms):
        name = form.form_name if place == 0 else f"{place:02d} {form.vendor or form.form_name}"
        for page, parts in enumerate(_pages(form), 1):
            title = sheet_name(name) if page == 1 else f"{sheet_name(name)[:27]} ({page})"
            _FormSheet(book.add_worksheet(title), form, parts, looks).write()
        if form.opinions:
            number = f" {place:02d}" if place else ""
            _write_opinions(book, book.add_worksheet(f"daichoの判定{number}"), form)
    book.close()
    return file.getvalue()


def _pages(form: Form) -> list[list[FormPart]]:
    """Give the parts of each page: Excel forgets page breaks where a sheet is fitted to pages."""
    pages: list[list[FormPart]] = []
    for part in form.parts:
        if part.new_page or not pages:
            pages.append([])
        pages[-1].append(part)
    return pages


@dataclass(slots=True)
class _FormSheet:
    """Writes one page of the form from the top down; `_row` is the next free row."""

    _page: Worksheet
    form: Form
    parts: list[FormPart]
    _formats: dict[str, Format]
    _row: int = 0

    def write(self) -> None:
        """Write the sheet and set it up for paper."""
        for place, width in enumerate(_WIDTHS):
            self._page.set_column(place, place, width)
        self._write_head()
        for part in self.parts:
            self._write_part(part)
        self._write_vendor()
        _set_paper(self._page, self._row, len(_WIDTHS), tall=1)

    def _write_head(self) -> None:
        self._across(self.form.edition_line, "plain", 0, 4)
        self._page.merge_range(self._row, 5, self._row, 6, _text(self.form.form_name), self._formats["name"])
        self._row += 1
        self._line(self.form.title, "title", 24)
        if self.form.provisional:
            self._line(f"暫定版　{self.form.provisional}", "warning", 24)
        if not self.form.vendor_field:
            self._line(f"施設名：{self.form.facility}", "right")

    def _write_vendor(self) -> None:
        if self.form.vendor_field:
            self._line(f"{self.form.vendor_field}：{self.form.vendor}", "right")
            if self.form.facility:
                self._line(f"提出先：{self.form.facility}", "right")

    def _write_part(self, part: FormPart) -> None:
        for sentence in filter(None, (part.heading, *part.notes)):
            self._line(sentence, "plain")
        self._write_columns(part)
        for section in part.sections:
            self._write_section(part, section)
        for sentence in part.footnotes:
            self._line(f"・{sentence}", "small", 24 if len(sentence) > 70 else None)
        self._row += 1

    def _write_columns(self, part: FormPart) -> None:
        head, row, page = self._formats["head"], self._row, self._page
        if part.rounds == 1:
            cells = ("", "チェック項目", "確認結果（日付）")
            for place, title in enumerate(cells):
                page.write_string(row, place, title, head)
            page.merge_range(row, 3, row, 6, "備考", head)
            self._row += 1
            return
        for place, title in ((0, ""), (1, "チェック項目")):
            page.merge_range(row, place, row + 1, place, title, head)
        if part.mark_heading:
            page.merge_range(row, 5, row + 1, 5, "備考", head)
            page.merge_range(row, 6, row + 1, 6, _text(part.mark_heading), head)
        else:
            page.merge_range(row, 5, row + 1, 6, "備考", head)
        page.merge_range(row, 2, row, 4, "確認結果（日付）", head)
        for place, title in ((2, "1回目"), (3, "目標日"), (4, "2回目")):
            page.write_string(row + 1, place, title, head)
        self._row += 2

    def _write_section(self, part: FormPart, section: FormSection) -> None:
        first = self._row
        for group in section.groups:
            if group.heading:
                self._page.merge_range(
                    self._row, 1, self._row, 6, _text(group.heading), self._formats["group"]
                )
                self._row += 1
            for line in group.lines:
                self._write_line(part, line)
        if self._row - first > 1:
            self._page.merge_range(first, 0, self._row - 1, 0, _text(section.title), self._formats["section"])
        else:
            self._page.write_string(first, 0, _text(section.title), self._formats["section"])

    def _write_line(self, part: FormPart, line: FormLine) -> None:
        page, row, formats = self._page, self._row, self._formats
        text = item_text(self.form, line) + (f"\n{line.note}" if line.note else "")
        page.write_string(row, 1, _text(text), formats["cell"])
        self._write_mark(2, line.first)
        remark = remark_text(line)
        if part.rounds == 1:
            page.merge_range(row, 3, row, 6, _text(remark), formats["cell"])
        else:
            page.write_string(row, 3, _text(line.goal), formats["middle"])
            self._write_mark(4, line.second)
            self._write_remark(part, line, remark)
        rows = max(_rows(text, _WIDTHS[1]), _rows(remark, _WIDTHS[5]), 2)
        page.set_row(row, 4 + 12.5 * rows)
        self._row += 1

    def _write_remark(self, part: FormPart, line: FormLine, remark: str) -> None:
        page, row, formats = self._page, self._row, self._formats
        if part.mark_heading:
            page.write_string(row, 5, _text(remark), formats["cell"])
            page.write_string(row, 6, _text(line.mark), formats["middle"])
        else:
            page.merge_range(row, 5, row, 6, _text(remark), formats["cell"])

    def _write_mark(self, place: int, mark: Mark) -> None:
        """Write はい・いいえ with the chosen word marked, and the date below."""
        cell, bold, font = self._formats["middle"], self._formats["chosen"], self._formats["font"]
        day = f"\n{_text(mark.day)}"
        if is_circled(mark, YES):
            self._page.write_rich_string(self._row, place, bold, f"{CIRCLE}{YES}", font, f"・{NO}{day}", cell)
        elif is_circled(mark, NO):
            self._page.write_rich_string(
                self._row, place, font, f"{YES}・", bold, f"{CIRCLE}{NO}", font, day, cell
            )
        else:
            self._page.write_string(self._row, place, f"{YES}・{NO}{day}", cell)

    def _line(self, text: str, look: str, height: float | None = None) -> None:
        self._across(text, look, 0, 6)
        if height:
            self._page.set_row(self._row, height)
        self._row += 1

    def _across(self, text: str, look: str, first: int, last: int) -> None:
        self._page.merge_range(self._row, first, self._row, last, _text(text), self._formats[look])


def _write_opinions(book: xlsxwriter.Workbook, page: Worksheet, form: Form) -> None:
    head = book.add_format({**_FONT, "border": 1, "bold": True, "bg_color": "#EEF1F1"})
    cell = book.add_format({**_FONT, "border": 1, "valign": "top", "num_format": "@"})
    plain = book.add_format({**_FONT, "text_wrap": False})
    page.write_string(0, 0, "daicho の判定（参考資料。様式の一部ではありません）", plain)
    page.write_string(1, 0, _text(f"調べの完全さと新しさ：{form.basis}"), plain)
    for place, (title, width) in enumerate(zip(_OPINION_HEADS, _OPINION_WIDTHS, strict=True)):
        page.set_column(place, place, width)
        page.write_string(3, place, title, head)
    row = 3
    for row, one in enumerate(form.opinions, 4):
        reason = f"{one.reason}\n{one.conflict}".strip()
        texts = (one.printed, one.target, one.text, one.answered, one.verdict, reason, one.toward_yes)
        for place, text in enumerate((*texts, "、".join(one.evidence))):
            page.write_string(row, place, _text(text), cell)
    page.repeat_rows(3)
    page.freeze_panes(4, 0)
    _set_paper(page, row + 1, len(_OPINION_HEADS), landscape=True)


def _set_paper(page: Worksheet, rows: int, columns: int, *, tall: int = 0, landscape: bool = False) -> None:
    page.set_paper(9)  # A4
    if landscape:
        page.set_landscape()
    page.set_margins(left=0.4, right=0.4, top=0.45, bottom=0.55)
    page.center_horizontally()
    page.print_area(0, 0, max(rows - 1, 0), columns - 1)
    page.fit_to_pages(1, tall)
    page.set_footer("&L&8&A&C&8&P / &N")
    page.hide_gridlines(2)


def _make_formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    boxed = {**_FONT, "border": 1}
    looks = {
        "plain": _FONT,
        "small": {**_FONT, "font_size": 8},
        "right": {**_FONT, "align": "right"},
        "warning": {**_FONT, "font_color": "#9A2A10", "border": 1},
        "title": {**_FONT, "font_size": 14, "bold": True, "align": "center"},
        "name": {**boxed, "font_size": 11, "bold": True, "align": "center"},
        "head": {**boxed, "align": "center", "bg_color": "#EEF1F1"},
        "section": {**boxed, "bold": True},
        "group": {**boxed, "bold": True, "bg_color": "#F6F8F8"},
        "cell": {**boxed, "num_format": "@"},
        "middle": {**boxed, "align": "center", "num_format": "@"},
        "font": {"font_name": "BIZ UDGothic", "font_size": 9},
        "chosen": {"bold": True, "font_name": "BIZ UDGothic", "font_size": 9, "font_color": "#10409A"},
    }
    return {name: book.add_format(look) for name, look in looks.items()}


def _rows(text: str, width: int) -> int:
    """Estimate how many lines the text takes: a Japanese character is two wide."""
    return sum(
        -(-sum(1 if char.isascii() else 2 for char in line) // (width - 1)) or 1 for line in text.split("\n")
    )


def _text(value: str) -> str:
    return visible(value)[:MOST_CELL]
