# SPDX-License-Identifier: Apache-2.0
"""Downloads: what a device calls itself stays text, in CSV and in Excel."""

import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.documents.ledger_csv import BOM, write_ledger_csv
from collector.documents.ledger_xlsx import Sheet, write_ledger_xlsx
from collector.safe_text import neutral_cell, visible
from inventory_db.official import COLUMNS

HOSTILE = ("=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1+1")


def sheet(*rows: tuple[str, ...]) -> Sheet:
    return Sheet(
        title="機器台帳",
        facility="東山台病院",
        updated=(("最終更新日", "2026-11-21"), ("最終更新者", "鈴木一郎")),
        columns=COLUMNS,
        rows=rows,
        evidence_title="根拠",
        evidence_columns=("管理番号", "項目", "値", "確かさ", "理由", "記録"),
        evidence=[("001", "OS", "=1+1", "確実", "理由", "記録")],
        created=datetime(2026, 11, 21, tzinfo=UTC),
    )


@pytest.mark.parametrize("text", HOSTILE)
def test_a_formula_is_neutralised(text: str) -> None:
    assert neutral_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "HIS-DB01", "1.2-3", "a=b", "〇〇電子カルテ", "10.0.0.1\n10.0.0.2"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert neutral_cell(text) == text


@given(st.text())
def test_no_cell_of_any_text_begins_like_a_formula(text: str) -> None:
    cell = neutral_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    cell.encode()


def test_text_that_reorders_or_hides_is_shown_as_such() -> None:
    assert visible("a\u202egnp.exe\x00\u200b\ud800") == "a\ufffdgnp.exe\ufffd\ufffd\ufffd"
    assert visible("1階　受付\t\n") == "1階　受付\t\n"


@pytest.mark.parametrize("mark", [True, False])
def test_csv_reads_back_as_rows(mark: bool) -> None:
    rows = [("001", *HOSTILE, "改行\nあり", '引"用', "カンマ,")]
    data = write_ledger_csv(COLUMNS, rows, byte_order_mark=mark)
    assert data.startswith(BOM) is mark
    head, line = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    assert head == list(COLUMNS)
    assert line[1 : len(HOSTILE) + 1] == [neutral_cell(text) for text in HOSTILE]
    assert line[-3:] == ["改行\nあり", '引"用', "カンマ,"]
    assert b"\r\n" in data


def test_excel_reads_back_as_text_in_the_official_order() -> None:
    row = ("001", *HOSTILE[:6], "https://evil.example", "x" * 40_000, "mailto:a@b", "{=1}", "\x07bell")
    book = openpyxl.load_workbook(io.BytesIO(write_ledger_xlsx(sheet(row))))
    page = book["機器台帳"]
    assert (page["A2"].value, page["C2"].value) == ("最終更新日", "2026-11-21")
    assert (page["A3"].value, page["C3"].value) == ("最終更新者", "鈴木一郎")
    assert tuple(cell.value for cell in page[5]) == COLUMNS
    cells = page[6]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [cell.hyperlink for cell in cells] == [None] * 12
    assert cells[1].value == HOSTILE[0]
    assert len(str(cells[8].value)) == 32_767
    assert book["根拠"]["C2"].value == "=1+1"
    assert book["根拠"]["C2"].data_type == "s"


def test_an_empty_ledger_is_a_form_to_fill_in() -> None:
    page = openpyxl.load_workbook(io.BytesIO(write_ledger_xlsx(sheet())))["機器台帳"]
    assert page.max_row == 5
