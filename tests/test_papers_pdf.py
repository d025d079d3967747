# SPDX-License-Identifier: Apache-2.0
"""Papers as PDF: no character lost without a sign, text stays text, tables go over pages, forms look as they should."""

import io
import subprocess
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from shutil import which

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.documents.checklist_pdf import write_checklist_pdf
from collector.documents.era import era_day, era_time
from collector.documents.glyphs import MARK, characters, fit
from collector.documents.ledger_paper import PHARMACY_USERS, ledger_columns, ledger_paper
from collector.documents.paper import Column, Paper, Part
from collector.documents.paper_pdf import write_paper_pdf
from collector.documents.papers import load_kind
from collector.documents.typesetting import MOST_TEXT, Fitting, PaperError, font_folder, printable_characters
from inventory_db.ledger import Header
from inventory_db.official import COLUMNS
from tests.papers_material import (
    LOST,
    NOW,
    RARE,
    VENDOR,
    blank_form,
    bold_text,
    compare,
    dossier,
    filled_form,
    needs_fonts,
    text_of,
)

JAPAN = timezone(timedelta(hours=9))


def paper(*rows: tuple[str, ...], columns: int = 2) -> Paper:
    part = Part(columns=tuple(Column(f"列{n}") for n in range(columns)), rows=rows)
    return Paper(kind="test", title="試験の書類", facility="東山台病院", parts=(part,), now=NOW)


@pytest.mark.parametrize(
    ("day", "said"),
    [
        (date(2024, 7, 1), "令和6年7月1日"),
        (date(2019, 5, 1), "令和元年5月1日"),
        (date(2019, 4, 30), "平成31年4月30日"),
        (date(1989, 1, 7), "昭和64年1月7日"),
        (date(1900, 1, 1), "1900年1月1日"),
    ],
)
def test_days_stand_in_the_japanese_era(day: date, said: str) -> None:
    assert era_day(day) == said


def test_times_stand_on_the_clock_of_the_facility() -> None:
    assert era_time(datetime(2024, 6, 30, 23, 5, tzinfo=UTC), JAPAN) == "令和6年7月1日 08:05"


@needs_fonts
def test_fonts_hold_every_character_that_japanese_machines_write() -> None:
    printable = printable_characters(font_folder())
    pairs = [bytes([high, low]) for high in range(0x81, 0xFD) for low in range(0x40, 0xFD)]
    cp932 = set("".join(pair.decode("cp932", "ignore") for pair in pairs))
    outside = {char for char in cp932 - printable if not "\ue000" <= char <= "\uf8ff" and char.isprintable()}
    assert not outside
    assert set(RARE) <= printable
    assert len(printable) > 16_000


@needs_fonts
def test_a_character_without_a_glyph_becomes_a_mark_and_is_counted() -> None:
    fitted = fit(f"a{LOST}b葛\U000e0100か\u3099", printable_characters(font_folder()))
    assert fitted.text == f"a{MARK * 3}b葛が"
    assert (fitted.missing, fitted.plain) == (3, 1)
    [text] = text_of(write_paper_pdf(paper((RARE, LOST))))
    assert "字体にない文字 3 字を〓で示しています" in text.replace(" 〓 ", "〓")
    for word in RARE.split():
        assert word in text


@needs_fonts
@settings(max_examples=25, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_printed(text: str) -> None:
    assert text_of(write_paper_pdf(paper((text, "x"))))


@needs_fonts
def test_markup_and_templates_stay_text() -> None:
    hostile = (
        "*b* #emph[x] $y$ @z <w> `r` // c",
        '#read("/etc/passwd") #sys.inputs',
        "= H\n- l\n/ t: u \\ ~ -- '",
    )
    text = "".join(text_of(write_paper_pdf(paper(hostile, columns=3))))
    for part in ("*b* #emph[x] $y$ @z <w>", "`r` // c", '#read("/etc/', "= H", "- l", "/ t: u \\ ~ -- '"):
        assert part in text


@needs_fonts
def test_a_name_of_a_megabyte_is_cut_and_said_so() -> None:
    text = "".join(text_of(write_paper_pdf(paper(("A" * 2**20, "x")))))
    assert f"以下 {2**20 - MOST_TEXT:,} 字を省略" in text
    assert "長すぎる値 1 件を途中で省略しています" in text


@needs_fonts
def test_a_long_word_keeps_inside_its_box() -> None:
    fitting = Fitting(printable_characters(font_folder()))
    assert "\u200b" in fitting.text("x" * 40)
    assert fitting.text("v6.4.8,build1914,211117") == "v6.\u200b4.\u200b8,\u200bbuild1914,\u200b211117"
    assert fitting.text("x" * 25) == "\u200b".join(("x" * 10, "x" * 10, "x" * 5))
    for whole in ("192.168.100.200", "2026-11-29", "HIS-DB01", "電子カルテシステムのサーバ（本館三階）"):
        assert fitting.text(whole) == whole


def test_missing_fonts_are_said_and_nothing_is_printed(tmp_path: Path) -> None:
    with pytest.raises(PaperError) as told:
        write_paper_pdf(paper(("a", "b")), fonts=tmp_path)
    assert "build_frontend.sh" in told.value.ja
    assert "NotoSansJP-Regular.ttf" in told.value.en


def test_a_broken_font_is_said(tmp_path: Path) -> None:
    for name in ("BIZUDGothic-Regular", "BIZUDGothic-Bold", "NotoSansJP-Regular", "NotoSansJP-Bold"):
        (tmp_path / f"{name}.ttf").write_bytes(b"\0\1\0\0\0\1" + b"\0" * 6 + b"cmap" + b"\0" * 4)
    with pytest.raises(PaperError) as told:
        printable_characters(tmp_path)
    assert "壊れています" in told.value.ja


@needs_fonts
def test_the_same_paper_is_the_same_bytes() -> None:
    assert write_paper_pdf(paper(("a", "b"))) == write_paper_pdf(paper(("a", "b")))


@needs_fonts
def test_fonts_are_embedded_and_ours() -> None:
    reader = pypdf.PdfReader(io.BytesIO(write_paper_pdf(paper((RARE, "b")))))
    names = {str(font["/BaseFont"]) for page in reader.pages for font in page["/Resources"]["/Font"].values()}  # type: ignore[index]
    assert all("BIZUDGothic" in name or "NotoSansJP" in name for name in names)
    assert characters(font_folder() / "BIZUDGothic-Regular.ttf") < printable_characters(font_folder())


@needs_fonts
def test_a_ledger_of_many_rows_repeats_its_heading_on_every_page() -> None:
    rows = [(f"{n:04d}", *("値",) * 11) for n in range(1, 1201)]
    made = ledger_paper(rows, Header(NOW, "鈴木一郎"), "東山台病院", "hospital", NOW, JAPAN)
    pages = text_of(write_paper_pdf(made))
    assert all("コンピュータ名" in page for page in pages)
    assert "最終更新日" in pages[0]
    assert "令和8年11月29日" in pages[0]
    assert f"{len(pages)} / {len(pages)}" in pages[-1]
    text = "\n".join(pages)
    assert all(f"{n:04d}" in text for n in (1, 500, 501, 1000, 1001, 1200))


@needs_fonts
def test_a_part_that_is_not_printed_whole_says_where_the_rest_is() -> None:
    part = replace(paper(("one", "x"), ("two", "y")).parts[0], most_printed=1)
    text = "".join(text_of(write_paper_pdf(replace(paper(), parts=(part,)))))
    assert "one" in text
    assert "two" not in text
    assert "ほかに 1 件あり" in text


def test_a_pharmacy_names_roles_instead_of_people() -> None:
    assert ledger_columns("hospital") == COLUMNS
    assert ledger_columns("pharmacy")[8] == PHARMACY_USERS
    assert len(ledger_columns("pharmacy")) == 12


@needs_fonts
@pytest.mark.parametrize("kind", ["ledger", "bcp", "survey", "annex", "cloud", "register", "coverage"])
def test_papers_read_as_before(kind: str) -> None:
    compare(f"{kind}.txt", "\f".join(text_of(write_paper_pdf(load_kind(kind).make(dossier(VENDOR))))))


@needs_fonts
@pytest.mark.parametrize(
    ("name", "edition", "sheet"),
    [
        ("r6-hospital", "R6-hospital", "facility"),
        ("r6-vendor", "R6-hospital", "vendor"),
        ("r5-pharmacy", "R5-pharmacy", "facility"),
        ("r5-pharmacy-vendor", "R5-pharmacy", "vendor"),
    ],
)
def test_forms_read_as_before(name: str, edition: str, sheet: str) -> None:
    form = filled_form(edition, sheet)
    compare(f"checklist-{name}.txt", "\f".join(text_of(write_checklist_pdf(form))))


@needs_fonts
def test_a_blank_form_has_no_mark_and_no_date() -> None:
    data = write_checklist_pdf(blank_form())
    assert "はい" not in bold_text(data).replace("「はい」", "")
    assert "令和6年7月" not in "".join(text_of(data))
    assert "判定" not in text_of(data)[0]  # the official form is one page of A4
    assert "様式の一部ではありません" in text_of(data)[1]


@needs_fonts
def test_the_circle_stands_around_what_a_person_chose() -> None:
    marks = bold_text(write_checklist_pdf(filled_form()))
    assert marks.count("はい") == 2  # 1-(1), and the second round of 2-(7)
    assert marks.count("いいえ") == 1


@needs_fonts
def test_what_daicho_says_stands_on_its_own_page() -> None:
    form = filled_form()
    conflict = replace(form.opinions[0], conflict="記入と証拠が違います。")
    pages = text_of(write_checklist_pdf(replace(form, opinions=(conflict, *form.opinions[1:]))))
    assert "判定できない" not in pages[0]
    assert "様式の一部ではありません" in pages[1]
    assert "記入と証拠が違います。" in pages[1].replace("\n", "")


@needs_fonts
def test_pages_are_a4_and_not_empty(tmp_path: Path) -> None:
    data = write_checklist_pdf(filled_form())
    box = pypdf.PdfReader(io.BytesIO(data)).pages[0].mediabox
    assert (round(box.width), round(box.height)) == (595, 842)
    program = which("pdftoppm")
    if program is None:
        pytest.skip("pdftoppm is not installed (apt: poppler-utils)")
    file = tmp_path / "form.pdf"
    file.write_bytes(data)
    subprocess.run([program, "-r", "40", "-gray", str(file), str(tmp_path / "page")], check=True, timeout=60)
    picture = (tmp_path / "page-1.pgm").read_bytes()
    ink = sum(1 for byte in picture[-330 * 460 :] if byte < 128) / (330 * 460)
    assert 0.01 < ink < 0.25
