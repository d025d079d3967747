# SPDX-License-Identifier: Apache-2.0
"""Files that hospitals bring: read as they stand, or refused whole with what to do; never half, never a bomb."""

import struct
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.imports import container, grid
from collector.imports.columns import device_form, guess
from collector.imports.table import Read, name_tables, read_lines
from collector.imports.table_file import read_table
from collector.imports.trouble import BadImport, letters
from inventory_db.typed_values import day_in, folded, ips_in, macs_in, names_in
from tests.import_cases import HEADINGS, ROWS, csv_file, with_part, xls_file, xlsx_file

TABLE = (HEADINGS, *ROWS)


def read(path: Path, **options: Any) -> Read:
    return read_lines(name_tables(read_table(path), device_form(), {}, **options))


def refused(path: Path) -> BadImport:
    with pytest.raises(BadImport) as caught:
        read(path)
    assert "何も変更していません" in caught.value.ja
    assert "Nothing was changed" in caught.value.en
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "utf-16"])
def test_csv_in_every_encoding_of_the_field(tmp_path: Path, encoding: str) -> None:
    rows = [*TABLE, ("①", "髙橋PC", "10.1.0.9", "", "㈱富士通", "", "2F", "﨑山", "H31.4.30", "稼働", "㍻")]
    found = read(csv_file(tmp_path, rows, encoding)).lines
    assert [line.cells["コンピュータ名"] for line in found] == ["sv01", "PC-RECEPT", "mri", "髙橋PC"]
    assert found[3].cells["メーカー"] == "㈱富士通"
    assert found[3].cells["利用者"] == "﨑山"


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_separators_and_line_ends_inside_quotes(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "x.csv"
    lines = [
        separator.join(("ホスト名", "IPアドレス", "備考")),
        f'a{separator}10.0.0.1{separator}"一行目\n二行目, ; "',
        f"b{separator}10.0.0.2{separator}",
    ]
    path.write_text("\r\n".join(lines), encoding="cp932", newline="")
    found = read(path).lines
    assert found[0].cells["説明"].startswith("一行目\n二行目")
    assert [line.row for line in found] == [2, 4]


def test_titles_two_heading_rows_merged_places_and_ditto_marks(tmp_path: Path) -> None:
    rows = [
        ("〇〇病院 情報機器台帳",),
        ("最終更新日", "令和6年7月1日", "", "最終更新者：鈴木一郎"),
        (),
        ("資産番号", "機器名", "ネットワーク", None, "設置場所", "使用者"),
        (None, None, "IPアドレス", "MACアドレス", None, None),
        ("1", "pc1", "10.0.0.1", "00:11:32:00:00:01", "3階病棟", "看護部"),
        ("2", "pc2", "10.0.0.2", "00:11:32:00:00:02", None, "〃"),
        ("■サーバ",),
        ("3", "sv1", "10.0.0.3", "00:11:32:00:00:03", "サーバ室", "同上"),
        ("合計", 3),
    ]
    merged = ["C4:D4", "A4:A5", "B4:B5", "E4:E5", "F4:F5", "E6:E7"]
    path = xlsx_file(tmp_path, rows, merged)
    tables = name_tables(read_table(path), device_form(), {})
    assert tables[0].heading.updated == "2024/7/1"
    assert tables[0].heading.updated_by == "鈴木一郎"
    found = read_lines(tables)
    assert [line.cells["設置場所"] for line in found.lines] == ["3階病棟", "3階病棟", "サーバ室"]
    assert [line.cells["利用者"] for line in found.lines] == ["看護部"] * 3
    assert [line.cells["MACアドレス"][-2:] for line in found.lines] == ["01", "02", "03"]
    assert [(one.row, one.ja[:6]) for one in found.skipped] == [(8, "1つの列だけ"), (10, "合計などの行")]


def test_values_are_written_as_excel_shows_them(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.append(["管理番号", "ホスト名", "IPアドレス", "バージョン", "登録日", "備考"])
    page.append([7, "pc1", "10.0.0.1", 2, date(2020, 12, 1), datetime(2020, 12, 1, 9, 5)])  # noqa: DTZ001 - Excel has no zones
    page["A2"].number_format, page["D2"].number_format = "000", "0.0"
    page.append([8, "pc2", "10.0.0.2", 3.5, 44166, True])
    book.save(tmp_path / "x.xlsx")
    one, two = (line.cells for line in read(tmp_path / "x.xlsx").lines)
    assert (one["管理番号"], one["ソフトウェアバージョン"]) == ("007", "2.0")
    assert (one["登録日"], one["説明"]) == ("2020/12/1", "2020/12/1 9:05")
    assert (two["登録日"], two["ソフトウェアバージョン"], two["説明"]) == ("2020/12/1", "3.5", "TRUE")


def test_a_formula_without_its_result_is_named(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, [*TABLE, ("A-004", "=B2", "10.1.0.9")])
    found = read(path)
    assert [one.place[0] for one in found.problems] == ["「機器」シート 5 行目 B 列"]
    assert found.lines[-1].cells["IPアドレス"] == "10.1.0.9"


def test_formulas_are_read_by_what_excel_computed(tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, [*TABLE, ("A-004", "=B2", "10.1.0.9")])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    done = sheet.replace(b"<f>B2</f><v /></c>", b"<f>B2</f><v>pc9</v></c>").replace(
        b"<f>B2</f><v></v>", b"<f>B2</f><v>pc9</v>"
    )
    assert done != sheet
    done = done.replace(b'<c r="B5"', b'<c r="B5" t="str"')
    found = read(with_part(path, tmp_path / "y.xlsx", "xl/worksheets/sheet1.xml", done))
    assert not found.problems
    assert found.lines[-1].cells["コンピュータ名"] == "pc9"


def test_macros_are_never_run_and_said(tmp_path: Path) -> None:
    path = with_part(xlsx_file(tmp_path, TABLE), tmp_path / "m.xlsm", "xl/vbaProject.bin", b"\xd0\xcf")
    book = read_table(path)
    assert "実行していません" in book.notes[0][0]
    assert len(read(path).lines) == 3


def test_errors_of_excel_are_empty_and_named(tmp_path: Path) -> None:
    found = read(xlsx_file(tmp_path, [*TABLE, ("A-004", "pc4", "#REF!")]))
    assert found.problems[0].place[0] == "「機器」シート 5 行目 C 列"
    assert "IPアドレス" not in found.lines[-1].cells


def test_only_sheets_with_a_ledger_are_read_unless_one_is_named(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover["A1"] = "表紙"
    for title, hidden in (("PC", False), ("サーバ", False), ("旧", True)):
        page = book.create_sheet(title)
        for row in TABLE:
            page.append(row)
        page.sheet_state = "hidden" if hidden else "visible"
    book.save(tmp_path / "x.xlsx")
    opened = read_table(tmp_path / "x.xlsx")
    assert [t.sheet.name for t in name_tables(opened, device_form(), {})] == ["PC", "サーバ"]
    assert [t.sheet.name for t in name_tables(opened, device_form(), {}, only="旧")] == ["旧"]
    with pytest.raises(BadImport, match="no sheet"):
        name_tables(opened, device_form(), {}, only="ない")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "空のファイル"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"<html><table>", "HTML"),
        (b"\x00\x01\x02" * 100, "文字の表ではありません"),
        (b"PK\x03\x04 and nothing more", "壊れている"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, "Excel のブックではありません"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600 + "Workbook".encode("utf-16-le"),
            "Excel の決まり",
        ),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 504 + "EncryptedPackage".encode("utf-16-le"),
            "パスワード",
        ),
        ("ホスト名,IPアドレス\na,10.0.0.1\n".encode() + b"\xff\xfe\x81,x\n", "3 行目"),
        ('ホスト名,IPアドレス\na,10.0.0.1\nb,"10.0.0.2\nc,10.0.0.3\n'.encode(), "引用符"),
        ("名前なし,値\nx,y\n".encode(), "見出し"),
        ("ホスト名,IPアドレス,備考\n".encode(), ""),
    ],
)
def test_what_is_no_ledger_is_refused_with_what_to_do(tmp_path: Path, data: bytes, words: str) -> None:
    path = tmp_path / "x.xlsx"
    path.write_bytes(data)
    if words:
        assert words in refused(path).ja
    else:
        assert read(path).lines == []


def test_a_wrong_extension_is_read_by_content_and_said(tmp_path: Path) -> None:
    path = csv_file(tmp_path, TABLE, name="台帳.xls")
    assert "拡張子は .xls ですが" in read_table(path).notes[-1][0]
    assert len(read(path).lines) == 3


def test_other_office_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    assert "Word の文書" in refused(path).ja


def test_a_zip_bomb_is_refused_before_it_is_inflated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MOST_INFLATED", 5_000_000)
    path = with_part(xlsx_file(tmp_path, TABLE), tmp_path / "b.xlsx", "xl/media/a.xml", b" " * 20_000_000)
    assert "展開すると大きすぎます" in refused(path).ja


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"])
def test_a_text_longer_than_excel_can_is_refused(tmp_path: Path, part: str) -> None:
    endless = b"<a><t>" + b"A" * 5_000_000 + b"</t></a>"
    path = with_part(xlsx_file(tmp_path, TABLE), tmp_path / "b.xlsx", part, endless)
    assert "Excel では作れない長さ" in refused(path).ja


def test_a_part_that_is_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    source = with_part(xlsx_file(tmp_path, TABLE), tmp_path / "b.xlsx", "xl/media/a.bin", b" " * 3_000_000)
    data = source.read_bytes()
    lying = data.replace(struct.pack("<I", 3_000_000), struct.pack("<I", 1000))
    assert lying != data
    source.write_bytes(lying)
    assert "壊れている" in refused(source).ja


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_an_entity_bomb_is_refused(tmp_path: Path, part: str) -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc"><!ENTITY d "&b;&b;&b;">]><a>&d;</a>'
    assert "DOCTYPE" in refused(with_part(xlsx_file(tmp_path, TABLE), tmp_path / "e.xlsx", part, bomb)).ja


@pytest.mark.parametrize("end", [100, 1000, -200, -1])
def test_a_cut_file_is_refused(tmp_path: Path, end: int) -> None:
    path = xlsx_file(tmp_path, TABLE)
    path.write_bytes(path.read_bytes()[:end])
    refused(path)


def test_broken_xml_inside_is_refused(tmp_path: Path) -> None:
    path = with_part(
        xlsx_file(tmp_path, TABLE),
        tmp_path / "e.xlsx",
        "xl/worksheets/sheet1.xml",
        b"<worksheet><sheetData><row>",
    )
    assert "Excel の決まり" in refused(path).ja


def test_too_many_rows_are_refused_with_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.imports.table.MOST_ROWS", 2)
    assert "2 行を超えています" in refused(csv_file(tmp_path, TABLE)).ja


def test_very_large_sheets_are_read_the_same_by_the_faster_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("台帳",), *TABLE, ("A-009", "pc9", "10.1.0.9", None, None, None, None, "x", date(2020, 12, 1))]
    path = xlsx_file(tmp_path, rows, ["G5:G6"])
    slow = read(path)
    monkeypatch.setattr("collector.imports.excel.LARGE", 0)
    assert read(path).lines == slow.lines
    assert slow.lines[-1].cells["設置場所"] == "MRI室"


def test_a_far_away_cell_costs_nothing(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in TABLE:
        page.append(row)
    page["XFD3"] = "遠く"
    page["A1048576"] = "最後"
    book.save(tmp_path / "x.xlsx")
    assert len(read(tmp_path / "x.xlsx").lines) == 3
    assert "IV 列より右" in read_table(tmp_path / "x.xlsx").notes[0][0]


def test_same_headings_and_unknown_ones_are_kept_apart(tmp_path: Path) -> None:
    rows = [("ホスト名", "IPアドレス", "備考", "備考", "色"), ("a", "10.0.0.1", "x", "y", "赤")]
    assert read(csv_file(tmp_path, rows)).lines[0].cells == {
        "コンピュータ名": "a",
        "IPアドレス": "10.0.0.1",
        "説明": "x",
        "備考（D 列）": "y",
        "色": "赤",
    }


def test_several_address_columns_are_one(tmp_path: Path) -> None:
    rows = [("ホスト名", "IPアドレス(有線)", "IPアドレス(無線)"), ("a", "10.0.0.1", "10.0.0.2")]
    assert read(csv_file(tmp_path, rows)).lines[0].cells["IPアドレス"] == "10.0.0.1、10.0.0.2"


@pytest.mark.parametrize(
    ("headings", "expected"),
    [
        (("機器名", "ホスト名", "IP"), ("機器名", "コンピュータ名", "IPアドレス")),
        (("機器名", "ｼﾘｱﾙNo.", "IP ADDRESS"), ("コンピュータ名", "製造番号", "IPアドレス")),
        (("No.", "PC名", "購入日"), ("項番", "コンピュータ名", "登録日")),
        (("管理No.", "端末名", "導入日", "購入日"), ("管理番号", "コンピュータ名", "登録日", "購入日")),
        (("設置部署", "ユーザー名", "部門"), ("設置場所", "利用者", "管理部門")),
        (("メーカー\n（製造元）", "型番", "S/N"), ("メーカー", "機種", "製造番号")),
        (
            ("ウイルス対策ソフト", "管理者権限の有無", "リモート保守"),
            ("ウイルス対策", "管理者権限", "リモート保守"),
        ),
        (("端末のIPアドレス", "OS/バージョン", "主な利用者属性"), ("IPアドレス", "OS", "利用者")),
    ],
)
def test_headings_of_the_field(headings: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert tuple(column.ours for column in guess(headings, [], device_form())) == expected


def test_a_month_alone_is_no_problem_and_no_day(tmp_path: Path) -> None:
    rows = [
        ("ホスト名", "IPアドレス", "導入日"),
        *[("a", "", month) for month in ("2019年4月", "R3.10", "H31/4", "令和元年5月")],
        ("b", "", "春ごろ"),
    ]
    assert [one.row for one in read(csv_file(tmp_path, rows)).problems] == [6]


def test_addresses_are_recognised_by_their_values() -> None:
    samples = [("pc1", "10.0.0.1", "00:11:32:00:00:01"), ("pc2", "10.0.0.2", "00:11:32:00:00:02")]
    found = guess(("ホスト名", "接続", "固有"), samples, device_form())
    assert [column.ours for column in found] == ["コンピュータ名", "IPアドレス", "MACアドレス"]


def test_a_heading_that_promises_addresses_but_holds_none_is_not_one() -> None:
    samples = [(f"pc{n}", "固定") for n in range(5)]
    assert guess(("ホスト名", "IP"), samples, device_form())[1].ours == "IP"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("令和2年12月1日", date(2020, 12, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("R2.12.1", date(2020, 12, 1)),
        ("Ｒ０２／１２／０１", date(2020, 12, 1)),
        ("㋿2年12月1日", date(2020, 12, 1)),
        ("S60/4/1", date(1985, 4, 1)),
        ("H31.4.30(火)", date(2019, 4, 30)),
        ("2020-12-01 00:00:00", date(2020, 12, 1)),
        ("2020年12月1日", date(2020, 12, 1)),
        ("20201201", date(2020, 12, 1)),
        ("44166", date(2020, 12, 1)),
        ("44166.5", date(2020, 12, 1)),
        ("20/12/1", None),
        ("2020年12月", None),
        ("S70/1/1", None),
        ("2020/13/1", None),
        ("不明", None),
        ("10.1.0.20", None),
    ],
)
def test_days_as_people_write_them(text: str, day: date | None) -> None:
    assert day_in(text, serials=True) == day


@pytest.mark.parametrize(
    ("text", "ips", "rest"),
    [
        ("１９２．１６８．１．１０", ["192.168.1.10"], ""),
        ("192.168.001.010", ["192.168.1.10"], ""),
        ("192.168.1.10/24", ["192.168.1.10"], ""),
        ("192.168.1.10、10.0.0.1\n10.0.0.2", ["192.168.1.10", "10.0.0.1", "10.0.0.2"], ""),
        ("10.0.0.1 / 10.0.0.2", ["10.0.0.1", "10.0.0.2"], ""),
        ("192。168。1。10", ["192.168.1.10"], ""),
        ("10.0.0.1(無線)", ["10.0.0.1"], "無線"),
        ("2001:DB8::1", ["2001:db8::1"], ""),
        ("192.168.〇.〇", [], "192.168.〇.〇"),
        ("192.168.1.10-20", [], "192.168.1.10-20"),
        ("なし", [], ""),
    ],
)
def test_addresses_as_people_write_them(text: str, ips: list[str], rest: str) -> None:
    assert ips_in(text) == (ips, rest)


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80) | st.text("0123456789.:/-年月日RHS令和平成 、\n", max_size=40))
def test_no_text_breaks_the_readers(text: str) -> None:
    day = day_in(text, serials=True)
    assert day is None or date(1868, 1, 1) <= day <= date(9999, 12, 31)
    for ip in ips_in(text)[0]:
        assert ips_in(ip)[0] == [ip]
    for mac in macs_in(text)[0]:
        assert macs_in(mac) == ([mac], "")
    assert all(name == folded(name) for name in names_in(text))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text("ab1\n\"',;\t= ", max_size=6), max_size=4), max_size=6))
def test_any_csv_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    path = csv_file(tmp_path_factory.mktemp("csv"), [("ホスト名", "IPアドレス", "備考"), *rows])
    with suppress(BadImport):
        assert all(line.cells for line in read(path).lines)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_workbook_never_breaks_us(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = xlsx_file(tmp_path_factory.mktemp("xlsx"), TABLE)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, 2**20)) % len(whole)  # the file's length is not the same every second
        whole[at] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    with suppress(BadImport):
        assert all(line.cells for line in read(path).lines)


def test_columns_have_their_letters() -> None:
    assert [letters(n) for n in (1, 26, 27, 256, 16384)] == ["A", "Z", "AA", "IV", "XFD"]
    assert letters(grid.MOST_COLUMNS) == "IV"


def test_an_old_xls_is_read(tmp_path: Path) -> None:
    rows = [
        ("情報機器台帳",),
        *TABLE,
        ("A-004", "pc4", "10.1.0.9", "", "", "", "", "", 44166.0, "稼働", "ﾒﾓ"),
    ]
    path = xls_file(tmp_path, rows)
    assert read_table(path).form == "Excel (.xls)"
    found = read(path).lines
    assert [line.row for line in found] == [3, 4, 5, 6]
    assert found[0].cells["設置場所"] == "サーバ室"
    assert found[3].cells["登録日"] == "2020/12/1"
    assert found[3].cells["説明"] == "ﾒﾓ"


def test_an_old_xls_with_a_password_is_refused(tmp_path: Path) -> None:
    assert "パスワード" in refused(xls_file(tmp_path, TABLE, locked=True)).ja


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_xls_never_breaks_us(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    path = xls_file(tmp_path_factory.mktemp("xls"), TABLE)
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, 3500))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(whole))
    with suppress(BadImport):
        assert all(line.cells for line in read(path).lines)
