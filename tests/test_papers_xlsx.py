# SPDX-License-Identifier: Apache-2.0
"""Papers as Excel: opened again, marks in the right boxes, set up for A4, nothing that runs."""

import io
from typing import Any

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText
from openpyxl.worksheet.worksheet import Worksheet

from collector.documents.checklist_filling import forms_of
from collector.documents.checklist_xlsx import CIRCLE, write_checklist_xlsx
from collector.documents.paper import Column, Paper, Part, paper_json
from collector.documents.paper_xlsx import MOST_CELL, sheet_name, write_paper_xlsx
from collector.documents.papers import load_kind, paper_kinds
from inventory_db.stated import Facility, Vendor
from tests.papers_material import NOW, RARE, VENDOR, blank_form, dossier, filled_form

HOSTILE = ("=cmd|' /C calc'!A0", "+1", "@SUM(A1)", "http://example.invalid", "\t=1")


def opened(data: bytes) -> Any:
    return openpyxl.load_workbook(io.BytesIO(data), rich_text=True)


def rows(page: Worksheet) -> list[list[str]]:
    return [[str(cell or "") for cell in row] for row in page.iter_rows(values_only=True)]


def line(page: Worksheet, number: str, place: int = 0) -> list[str]:
    """Give the row of the item with this printed number."""
    return [row for row in rows(page) if number in row[1]][place]


@pytest.mark.parametrize("kind", paper_kinds())
def test_every_paper_opens_again_with_its_rows(kind: str) -> None:
    paper = load_kind(kind).make(dossier(VENDOR))
    book = opened(write_paper_xlsx(paper))
    assert len(book.sheetnames) == len(paper.parts)
    for page, part in zip(book.worksheets, paper.parts, strict=True):
        texts = rows(page)
        titles = [column.title for column in part.columns]
        assert titles in [row[: len(titles)] for row in texts]
        for row in part.rows:
            assert next(cell for cell in row if cell) in {cell for line in texts for cell in line}
        assert page.page_setup.paperSize == 9
        assert page.page_setup.fitToHeight == 0
        assert page.print_title_rows
        assert page.sheet_properties.pageSetUpPr.fitToPage


def test_no_cell_runs_and_none_is_lost() -> None:
    part = Part(
        sheet="a/b:c", columns=(Column("列"),), rows=tuple((text,) for text in (*HOSTILE, "x" * 40_000))
    )
    paper = Paper(kind="t", title="=1+1", facility="@a", parts=(part,), now=NOW)
    page = opened(write_paper_xlsx(paper)).worksheets[0]
    cells = [cell for row in page.iter_rows() for cell in row if cell.value is not None]
    assert {cell.data_type for cell in cells} == {"s"}
    assert not any(cell.hyperlink for cell in cells)
    assert set(HOSTILE) <= {cell.value for cell in cells}
    assert max(len(str(cell.value)) for cell in cells) == MOST_CELL


def test_rows_are_as_tall_as_their_text() -> None:
    part = Part(
        columns=(Column("短い"), Column("列")),
        rows=(("x", "y"), ("長い説明" * 10, "1\n2"), ("長" * 4000, "")),
    )
    page = opened(write_paper_xlsx(Paper(kind="t", title="t", parts=(part,), now=NOW))).worksheets[0]
    top = next(row[0].row for row in page.iter_rows() if row[0].value == "短い")
    plain, long, huge = (page.row_dimensions[top + place].height for place in (1, 2, 3))
    assert plain is None
    assert 80 < long < 120
    assert huge == 405


@pytest.mark.parametrize(
    ("title", "name"), [("a/b:c*?", "a_b_c__"), ("", "1"), ("'x'", "x"), ("長" * 40, "長" * 31)]
)
def test_sheets_have_names_that_excel_takes(title: str, name: str) -> None:
    assert sheet_name(title) == name


def test_the_marks_stand_in_the_right_boxes() -> None:
    page = opened(write_checklist_xlsx(filled_form())).worksheets[0]
    first = line(page, "(1-(1))")
    assert first[2] == f"{CIRCLE}はい・いいえ\n（令和6年7月1日）"
    assert first[4].startswith("はい・いいえ\n（")
    patches = line(page, "(2-(7))", 2)  # servers, PCs, network devices
    assert patches[2] == f"はい・{CIRCLE}いいえ\n（令和6年7月1日）"
    assert patches[3] == "（令和7年1月31日）"
    assert patches[4] == f"{CIRCLE}はい・いいえ\n（令和7年1月20日）"
    assert RARE in patches[5]
    assert CIRCLE not in "".join(line(page, "(2-(7))", 0))
    excluded = line(page, "(2-(9))", 1)
    assert CIRCLE not in excluded[2]
    assert excluded[5] == "対象外"


def test_the_chosen_word_is_bold() -> None:
    page = opened(write_checklist_xlsx(filled_form())).worksheets[0]
    [cell] = [
        cell
        for row in page.iter_rows()
        for cell in row
        if isinstance(cell.value, CellRichText) and str(cell.value).startswith(f"はい・{CIRCLE}いいえ")
    ]
    bold = [part.text for part in cell.value if not isinstance(part, str) and part.font.b]
    assert bold == [f"{CIRCLE}いいえ"]


def test_a_blank_form_has_no_mark() -> None:
    text = "".join("".join(row) for row in rows(opened(write_checklist_xlsx(blank_form())).worksheets[0]))
    assert CIRCLE not in text
    assert "令和6年7月" not in text
    assert text.count("はい・いいえ") == 19 + 18  # item 0 has one round


def test_each_page_of_the_form_is_one_sheet_and_one_page_of_a4() -> None:
    for edition, pages in (
        ("R6-hospital", ["医療機関確認用"]),
        ("R5-pharmacy", ["薬局確認用", "薬局確認用 (2)"]),
    ):
        book = opened(write_checklist_xlsx(blank_form(edition)))
        assert book.sheetnames[:-1] == pages
        for page in book.worksheets[:-1]:
            assert page.page_setup.paperSize == 9
            assert page.page_setup.orientation in (None, "portrait")
            assert page.sheet_properties.pageSetUpPr.fitToPage
            assert (page.page_setup.fitToHeight or 1) == 1
            assert page.print_area


def test_what_daicho_says_stands_on_a_sheet_of_its_own() -> None:
    book = opened(write_checklist_xlsx(filled_form()))
    assert book.sheetnames == ["医療機関確認用", "daichoの判定"]
    assert "判定できない" not in "".join("".join(row) for row in rows(book.worksheets[0]))
    assert "判定できない" in "".join("".join(row) for row in rows(book.worksheets[1]))


def test_one_sheet_for_each_vendor_under_contract() -> None:
    said = (
        Facility(name="東山台病院"),
        VENDOR,
        Vendor(id="v2", name="B社"),
        Vendor(id="v3", name="C社", contract=False),
    )
    forms = forms_of(dossier(*said))
    assert [form.vendor for form in forms] == ["", "髙木システム㈱", "B社"]
    book = opened(write_checklist_xlsx(*forms))
    assert book.sheetnames[::2] == ["医療機関確認用", "01 髙木システム㈱", "02 B社"]
    assert "事業者名：B社" in "".join("".join(row) for row in rows(book["02 B社"]))


def test_what_needs_no_answer_stays_blank_and_says_why() -> None:
    out = Vendor(id="v1", name="A社", excluded=("server/2-6",))
    page = opened(write_checklist_xlsx(forms_of(dossier(out))[1])).worksheets[0]
    assert line(page, "(2-(6))")[2].startswith("はい・いいえ")
    assert line(page, "(2-(6))")[5] == "対象外（契約に含まれないため）"
    alone = Facility(name="院", has_vendor_contract=False)
    [form] = forms_of(dossier(alone))
    page = opened(write_checklist_xlsx(form)).worksheets[0]
    assert line(page, "(2-(3))")[5] == "記入不要（事業者との契約なし）"
    assert line(page, "(2-(4))")[5] == ""


def test_a_paper_as_json_names_every_cell() -> None:
    values = paper_json(load_kind("bcp").make(dossier(VENDOR)))
    first = values["parts"][0]["rows"][0]
    assert first["管理番号"] == "003"
    assert first["使用用途"] == "要確認"
    assert values["facility"] == "東山台病院"
