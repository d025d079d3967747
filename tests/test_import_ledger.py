# SPDX-License-Identifier: Apache-2.0
"""Import of a facility's own ledger: shown first, written whole, twice the same, nobody's words lost."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from rich.cells import cell_len
from sqlalchemy import Engine

from collector import exports
from collector.imports.ledger_import import Import, Wanted, Written, prepare, write
from collector.imports.ledger_plan import ledger_name
from collector.imports.trouble import BadImport
from inventory_db import ledger, observations
from inventory_db.stated import ColumnMapping, DeviceDetail, ListedDevice
from inventory_db.statements import BadStatement, standing, state
from inventory_db.tables import writing
from tests.cli_cases import assert_two_sentences, daicho
from tests.import_cases import HEADINGS, ROWS, csv_file, kept_ledger, xlsx_file
from tests.inventory_cases import arp, seen, upload

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)
TABLE = (HEADINGS, *ROWS)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = kept_ledger(tmp_path)
    yield made
    made.dispose()


def preview(engine: Engine, path: Path, **wanted: Any) -> Import:
    with engine.connect() as connection:
        return prepare(connection, path, Wanted(**wanted))


def bring(engine: Engine, path: Path, gone: str = "", **wanted: Any) -> tuple[Import, Written]:
    with writing(engine) as connection:
        made = prepare(connection, path, Wanted(**wanted))
        return made, write(connection, made, "鈴木", NOW, gone)


def rows(engine: Engine) -> dict[str, tuple[str, ...]]:
    """Every row of the official ledger by its IP address."""
    with engine.connect() as connection:
        found = [row.values for row in ledger.official_rows(connection)]
        found += [row.values for row in ledger.listed_rows(connection)]
    return {values[5]: values for values in found}


def listed(engine: Engine) -> list[ListedDevice]:
    with engine.connect() as connection:
        return [one.said for one in standing(connection, ListedDevice).values()]


def changed(row: Sequence[Any], **cells: Any) -> tuple[Any, ...]:
    return tuple(cells.get(heading, value) for heading, value in zip(HEADINGS, row, strict=True))


def test_the_preview_writes_nothing(engine: Engine, tmp_path: Path) -> None:
    before = rows(engine)
    made = preview(engine, csv_file(tmp_path, TABLE))
    assert len(made.plan.items) == 3
    assert rows(engine) == before
    assert listed(engine) == []


def test_what_people_wrote_fills_the_rows_of_the_devices_that_it_is_about(
    engine: Engine, tmp_path: Path
) -> None:
    _, done = bring(engine, csv_file(tmp_path, TABLE, "cp932"))
    assert done == Written(rows=3, cells=9, gone=0, mappings=1)
    found = rows(engine)
    assert found["10.1.0.20"][7:] == ("サーバ室", "情報部", "2020/12/1", "稼働", "")
    assert found["10.1.0.3"][7:] == ("受付", "医事課 佐藤", "2020/4/1", "稼働", "予備あり")
    assert found["10.1.0.77"][0] == "004"
    assert found["10.1.0.77"][-1] == "［調査では未確認］［元の台帳の番号: A-003］"
    assert [(one.matched_by, one.cells["登録日"]) for one in listed(engine)] == [
        ("mac,ip", "令和2年12月1日"),
        ("ip,name", "R2.4.1"),
        ("", "S60/4/1"),
    ]


def test_the_same_file_again_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    path = xlsx_file(tmp_path, TABLE)
    bring(engine, path)
    before = rows(engine), listed(engine)
    made, done = bring(engine, path)
    assert done == Written(0, 0, 0, 0)
    assert made.tables[0].kept_before
    assert (rows(engine), listed(engine)) == before


@pytest.mark.parametrize("copies", [2, 3])
def test_rows_that_are_the_same_stay_as_many(engine: Engine, tmp_path: Path, copies: int) -> None:
    table = [("メーカー", "機種", "設置場所"), *[("EIZO", "モニター", "倉庫")] * copies]
    bring(engine, csv_file(tmp_path, table))
    assert len(listed(engine)) == copies
    assert bring(engine, csv_file(tmp_path, table))[1].rows == 0


def test_next_months_file_updates_rows_and_shows_what_changed(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE, name="台帳_202606.csv"))
    later = [
        HEADINGS,
        ("A-000", "new", "10.1.0.200", "", "", "", "", "", "", "", ""),
        changed(ROWS[0], 設置場所="第2サーバ室"),
        *ROWS[1:],
    ]
    made, done = bring(engine, csv_file(tmp_path, later, name="台帳_202607.csv"))
    assert [item.changed for item in made.plan.items] == [(), ("設置場所",), (), ()]
    assert done == Written(rows=2, cells=1, gone=0, mappings=0)
    assert rows(engine)["10.1.0.20"][7] == "第2サーバ室"


def test_a_persons_later_word_is_kept_and_shown(engine: Engine, tmp_path: Path) -> None:
    path = csv_file(tmp_path, TABLE)
    bring(engine, path)
    device = listed(engine)[0].device
    with writing(engine) as connection:
        ledger.edit(connection, device, "設置場所", "電算室", "佐藤", NOW)
    made, done = bring(engine, path)
    assert [(one.theirs, one.ours) for one in made.plan.kept] == [("サーバ室", "電算室")]
    assert done.cells == 0
    assert rows(engine)["10.1.0.20"][7] == "電算室"
    assert bring(engine, path, replace=True)[1].cells == 1
    assert rows(engine)["10.1.0.20"][7] == "サーバ室"


def test_an_empty_cell_erases_nothing(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE))
    bring(engine, csv_file(tmp_path, [HEADINGS, changed(ROWS[0], 設置場所=""), *ROWS[1:]]), replace=True)
    assert rows(engine)["10.1.0.20"][7] == "サーバ室"


def test_scanned_columns_are_never_overwritten_and_the_difference_is_shown(
    engine: Engine, tmp_path: Path
) -> None:
    before = rows(engine)["10.1.0.20"][:6]
    path = csv_file(tmp_path, [HEADINGS, changed(ROWS[0], メーカ="富士通", IPアドレス="10.1.0.21")])
    made, _ = bring(engine, path)
    assert {one.column for one in made.plan.against_scan} == {"メーカー", "IPアドレス"}
    assert rows(engine)["10.1.0.20"][:6] == before
    assert listed(engine)[0].cells["メーカー"] == "富士通"


def test_their_ledger_fills_what_no_scan_knows_and_gives_way_to_a_scan(
    engine: Engine, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, [HEADINGS, changed(ROWS[0], OS="Win11")])
    bring(engine, path)
    with engine.connect() as connection:
        (row,) = (
            row for row in ledger.official_rows(connection) if row.cell("IPアドレス").value == "10.1.0.20"
        )
    assert (row.cell("OS").value, row.cell("OS").source, row.cell("OS").who) == ("Win11", "listed", "鈴木")
    assert (row.cell("コンピュータ名").value, row.cell("コンピュータ名").source) == ("sv01", "listed")
    made = preview(engine, csv_file(tmp_path, [HEADINGS, changed(ROWS[0], OS="Linux")], name="later.csv"))
    assert made.plan.against_scan == []
    with writing(engine) as connection:
        observations.append(connection, upload(seen("10.1.0.20", OS="Ubuntu", minute=5)))
        ledger.refresh(connection)
    assert rows(engine)["10.1.0.20"][2] == "Ubuntu"
    assert [one.column for one in preview(engine, path).plan.against_scan] == ["OS"]


def test_duplicates_and_unclear_rows_are_shown_and_not_linked(engine: Engine, tmp_path: Path) -> None:
    table = [HEADINGS, ("A-1", "pc-a", "10.1.0.3", *[""] * 8), ("A-1", "pc-b", "10.1.0.3", *[""] * 8)]
    made, _ = bring(engine, csv_file(tmp_path, table))
    assert {(one.kind_ja, one.value) for one in made.plan.duplicates} == {
        ("管理番号", "a-1"),
        ("IPアドレス", "10.1.0.3"),
    }
    assert len(made.plan.unclear) == 2
    assert all("コンピュータ名が違います" in item.match.ja for item in made.plan.unclear)
    assert all(one.device == "" for one in listed(engine))


def test_one_address_on_two_networks_is_not_decided(engine: Engine, tmp_path: Path) -> None:
    twin = arp("10.1.0.3", "00:11:32:00:09:09", minute=3, network="10.2.0.0/24", vantage="v-mod")
    with writing(engine) as connection:
        observations.append(
            connection,
            upload(twin, seen("10.1.0.3", minute=4, network="10.2.0.0/24", vantage="v-mod", NAME="other")),
        )
        ledger.refresh(connection)
    made = preview(engine, csv_file(tmp_path, [("管理番号", "IPアドレス"), ("1", "10.1.0.3")]))
    assert made.plan.unclear[0].match.device == ""
    assert len(made.plan.unclear[0].match.candidates) == 2


def test_two_rows_of_one_device_that_disagree_are_shown(engine: Engine, tmp_path: Path) -> None:
    other = changed(ROWS[0], 管理番号="A-009", 設置場所="別館")
    made, _ = bring(engine, csv_file(tmp_path, [HEADINGS, ROWS[0], other]))
    assert [(one.theirs, one.ours) for one in made.plan.within] == [("別館", "サーバ室")]
    assert rows(engine)["10.1.0.20"][7] == "サーバ室"


def test_rows_that_left_the_file_stay_until_somebody_says_why(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE))
    shorter = csv_file(tmp_path, TABLE[:-1])
    made, done = bring(engine, shorter)
    assert [one.cells["コンピュータ名"] for one in made.plan.gone] == ["mri"]
    assert done.gone == 0
    assert "10.1.0.77" in rows(engine)
    assert bring(engine, shorter, gone="廃棄")[1].gone == 1
    assert "10.1.0.77" not in rows(engine)
    assert [(one.present, one.reason) for one in listed(engine)] == [(True, ""), (True, ""), (False, "廃棄")]
    bring(engine, csv_file(tmp_path, TABLE))
    assert "10.1.0.77" in rows(engine)


def test_another_ledgers_rows_are_not_gone(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE, name="PC台帳_202606.csv"))
    made = preview(
        engine, csv_file(tmp_path, [HEADINGS, ("S-1", "sw1", "10.1.0.100", *[""] * 8)], name="NW機器.csv")
    )
    assert made.plan.gone == []


def test_what_two_ledgers_say_of_one_device_are_two_rows(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE, name="PC台帳.csv"))
    other = csv_file(
        tmp_path,
        [("ホスト名", "IPアドレス", "設置場所", "保守業者"), ("sv01", "10.1.0.20", "別館", "A社")],
        name="保守.csv",
    )
    made, _ = bring(engine, other)
    assert [item.before for item in made.plan.items] == [None]
    assert [(one.column, one.theirs, one.ours) for one in made.plan.kept] == [
        ("設置場所", "別館", "サーバ室")
    ]
    assert [one.cells.get("管理番号") for one in listed(engine)] == ["A-001", "A-002", "A-003", None]
    assert made.plan.editions == {"保守": "PC台帳"}
    made, done = bring(engine, csv_file(tmp_path, TABLE, name="別名.csv"), name="PC台帳")
    assert (made.plan.editions, done.rows) == ({}, 0)


def test_a_listed_device_that_shows_up_later_is_linked_and_its_number_never_used_again(
    engine: Engine, tmp_path: Path
) -> None:
    path = csv_file(tmp_path, TABLE)
    bring(engine, path)
    with writing(engine) as connection:
        observations.append(connection, upload(arp("10.1.0.77", "00:0e:8c:00:00:01", minute=9)))
        ledger.refresh(connection)
    assert bring(engine, path)[1].rows == 1
    found = rows(engine)
    assert found["10.1.0.77"][0] == "005"
    assert found["10.1.0.77"][7] == "MRI室"
    assert len(found) == 4


def test_rows_that_swap_addresses_keep_their_identity(engine: Engine, tmp_path: Path) -> None:
    heads = ("ホスト名", "IPアドレス", "備考")
    bring(engine, csv_file(tmp_path, [heads, ("a", "10.9.0.1", "甲"), ("b", "10.9.0.2", "乙")]))
    ids = {one.cells["コンピュータ名"]: one.id for one in listed(engine)}
    bring(
        engine,
        csv_file(
            tmp_path, [heads, ("c", "10.9.0.1", "丙"), ("a", "10.9.0.2", "甲"), ("b", "10.9.0.3", "乙")]
        ),
    )
    now = {one.cells["コンピュータ名"]: one.id for one in listed(engine)}
    assert {name: now[name] for name in "ab"} == ids
    assert len(now) == 3


def test_columns_can_be_given_and_are_remembered(engine: Engine, tmp_path: Path) -> None:
    path = csv_file(tmp_path, [("端末", "IPアドレス", "色"), ("pc1", "10.9.0.1", "赤")])
    bring(engine, path, overrides={"端末": "コンピュータ名", "色": ""})
    assert listed(engine)[0].cells == {"コンピュータ名": "pc1", "IPアドレス": "10.9.0.1"}
    with engine.connect() as connection:
        (kept,) = standing(connection, ColumnMapping).values()
    assert kept.said.columns == {"端末": "コンピュータ名", "IPアドレス": "IPアドレス", "色": ""}
    assert [column.ours for column in preview(engine, path).tables[0].columns] == [
        "コンピュータ名",
        "IPアドレス",
        "",
    ]
    with pytest.raises(BadImport, match="no column"):
        preview(engine, path, overrides={"ない列": "OS"})


def test_what_the_bcp_lists_ask_is_taken_from_their_columns(engine: Engine, tmp_path: Path) -> None:
    heads = ("ホスト名", "IPアドレス", "用途", "ウイルス対策", "管理者権限")
    path = csv_file(
        tmp_path,
        [heads, ("pc-recept", "10.1.0.3", "受付", "あり（A社）", "無し"), ("x", "10.9.0.9", "予備", "", "")],
    )
    bring(engine, path)
    (detail,) = details(engine)
    assert (detail.use, detail.antivirus, detail.admin_logon) == ("受付", "あり（A社）", False)
    assert bring(engine, path)[1] == Written(0, 0, 0, 0)
    with writing(engine) as connection:
        state(connection, msgspec.structs.replace(detail, use="会計", admin_logon=True), "佐藤", NOW)
    made, _ = bring(engine, path)
    assert [(one.column, one.ours) for one in made.plan.kept] == [
        ("使用用途", "会計"),
        ("管理者権限", "あり"),
    ]
    assert details(engine)[0].use == "会計"
    bring(engine, path, replace=True)
    assert details(engine)[0].use == "受付"


def details(engine: Engine) -> list[DeviceDetail]:
    with engine.connect() as connection:
        return [one.said for one in standing(connection, DeviceDetail).values()]


def test_nothing_is_written_half(engine: Engine, tmp_path: Path) -> None:
    before = rows(engine)
    with engine.connect() as connection:
        made = prepare(connection, csv_file(tmp_path, TABLE), Wanted())
    with pytest.raises(BadStatement), writing(engine) as connection:
        write(connection, made, " ", NOW)
    assert rows(engine) == before
    assert listed(engine) == []


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_our_own_ledger_comes_back_unchanged(engine: Engine, tmp_path: Path, form: str) -> None:
    bring(engine, csv_file(tmp_path, TABLE))
    before, known = rows(engine), {one.id: one.cells for one in listed(engine)}
    with engine.connect() as connection:
        data = (
            exports.ledger_csv(connection)
            if form == "csv"
            else exports.ledger_xlsx(connection, "〇〇病院", UTC, NOW)
        )
    path = tmp_path / f"daicho.{form}"
    path.write_bytes(data)
    made, done = bring(engine, path)
    assert (made.plan.kept, made.plan.against_scan, made.plan.gone, done.cells) == ([], [], [], 0)
    assert rows(engine) == before
    now = {one.id: one.cells for one in listed(engine)}
    assert {id: now[id] for id in known} == known
    assert {now[id].get("管理番号") for id in known} == {"A-001", "A-002", "A-003"}
    assert len(now) == 4  # the device that only the scan knew is listed now as well
    assert bring(engine, path)[1] == Written(0, 0, 0, 0)


def test_the_excel_file_shows_their_rows_beside_ours(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE))
    with engine.connect() as connection:
        book = openpyxl.load_workbook(io.BytesIO(exports.ledger_xlsx(connection, "", UTC, NOW)))
    values = [[cell.value for cell in row] for row in book["元の台帳"].iter_rows()]
    assert values[1][:5] == [rows(engine)["10.1.0.20"][0], "A-001", "確認", "台帳.csv", "2"]
    assert values[3][1:3] == ["A-003", "未確認"]


def test_the_json_document_lists_them_apart(engine: Engine, tmp_path: Path) -> None:
    bring(engine, csv_file(tmp_path, TABLE))
    with engine.connect() as connection:
        document = json.loads(json.dumps(ledger.document(connection)))
    assert len(document["devices"]) == 3
    unseen = [one for one in document["listed"] if one["device"] is None]
    assert [(one["number"], one["own_number"], one["row"]) for one in unseen] == [("004", "A-003", 4)]
    assert unseen[0]["official"]["説明"].startswith("［調査では未確認］")


@pytest.mark.parametrize(
    ("file", "sheet", "name"),
    [
        ("機器台帳_202606.xlsx", "PC", "機器台帳/PC"),
        ("機器台帳 2026年7月 最新 (2).xlsx", "PC", "機器台帳/PC"),
        ("機器台帳_R8.7.csv", "", "機器台帳"),
        ("2026.csv", "", "2026"),
    ],
)
def test_editions_of_one_ledger_have_one_name(file: str, sheet: str, name: str) -> None:
    assert ledger_name(file, sheet) == name


def test_the_command_shows_then_writes(engine: Engine, tmp_path: Path) -> None:
    path = csv_file(tmp_path, [*TABLE, ("=cmd()", "\u202eevil\x1b[2J", "10.1.0.78", *[""] * 8)])
    shown = daicho("load", "ledger", str(path), cwd=tmp_path, env={"COLUMNS": "80"})
    assert shown.returncode == 0, shown.stderr
    assert "列の対応" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert "まだ何も書き込んでいません" in shown.stderr
    assert listed(engine) == []
    refused = daicho("load", "ledger", str(path), "--write", cwd=tmp_path)
    assert refused.returncode == 2
    assert_two_sentences(refused.stderr, "--who", "Add --who")
    written = daicho("load", "ledger", str(path), "--write", "--who", "鈴木", "--lang", "en", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    assert "書き込みました: 4 行" in written.stderr
    terminal = daicho("ledger", cwd=tmp_path, env={"COLUMNS": "80"}).stdout
    assert "元の台帳にあり調査では未確認 2 台" in terminal
    assert max(cell_len(line) for line in terminal.splitlines()) <= 80
    table = daicho("ledger", "--format", "csv", cwd=tmp_path).stdout
    assert [row[6] for row in csv.reader(io.StringIO(table))][-2:] == ["mri", "\ufffdevil\ufffd[2J"]


def test_the_command_refuses_in_two_sentences(tmp_path: Path) -> None:
    (tmp_path / "x.xlsx").write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 504 + "EncryptedPackage".encode("utf-16-le")
    )
    kept_ledger(tmp_path).dispose()
    for file, ja, en in (("x.xlsx", "パスワード", "password"), ("none.xlsx", "読めません", "Cannot read")):
        run = daicho("load", "ledger", file, cwd=tmp_path)
        assert run.returncode == 2
        assert_two_sentences(run.stderr, ja, en)
    run = daicho("load", "ledger", "x.xlsx", "--map", "x=色", cwd=tmp_path)
    assert run.returncode == 2
    assert_two_sentences(run.stderr, "という列は台帳にありません", "has no column")
    run = daicho("load", "ledgr", "x.xlsx", cwd=tmp_path)
    assert_two_sentences(run.stderr, "ledger のことですか", "Did you mean ledger")
