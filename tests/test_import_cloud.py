# SPDX-License-Identifier: Apache-2.0
"""The cloud-service ledger: eight columns brought in from Excel or CSV, shown, exported."""

import csv
import io
import json
from pathlib import Path

import openpyxl

from tests.cli_cases import daicho
from tests.import_cases import csv_file, kept_ledger, xlsx_file

HEADS = (
    "サービス提供事業者",
    "サービス名称/用途",
    "ドメイン/アドレス",
    "利用場所/アクセス経路",
    "利用者/グループ",
    "利用者認証方法",
    "利用開始日",
    "利用状況",
)
ROWS = (
    (
        "C社",
        "オンライン予約",
        "yoyaku.example.jp",
        "受付PC",
        "医事課",
        "ID・パスワード",
        "令和5年4月1日",
        "利用中",
    ),
    ("D社", "バックアップ", "backup.example.com", "サーバ室 VPN", "情報部", "証明書", "2024/10/1", "利用中"),
)


def test_it_is_shown_written_and_exported(tmp_path: Path) -> None:
    kept_ledger(tmp_path).dispose()
    path = xlsx_file(tmp_path, [("クラウドサービス台帳",), HEADS, *ROWS])
    shown = daicho("load", "cloud", str(path), cwd=tmp_path, env={"COLUMNS": "100"})
    assert shown.returncode == 0, shown.stderr
    assert "2 件: 新しい 2" in shown.stdout
    assert json.loads(daicho("ledger", "--cloud", "--format", "json", cwd=tmp_path).stdout)["services"] == []
    written = daicho("load", "cloud", str(path), "--write", "--who", "鈴木", cwd=tmp_path)
    assert written.returncode == 0, written.stderr
    table = daicho("ledger", "--cloud", "--format", "csv", "--out", "out.csv", cwd=tmp_path)
    assert table.returncode == 0, table.stderr
    text = (tmp_path / "out.csv").read_text("utf-8-sig")
    assert [tuple(row) for row in csv.reader(io.StringIO(text))] == [HEADS, *ROWS]
    again = daicho("load", "cloud", "out.csv", "--write", "--who", "鈴木", cwd=tmp_path)
    assert "変えたものはありません" in again.stderr
    assert "yoyaku.example.jp" in daicho("ledger", "--cloud", cwd=tmp_path).stdout
    assert daicho("ledger", "--format", "xlsx", "--out", "l.xlsx", cwd=tmp_path).returncode == 0
    page = openpyxl.load_workbook(tmp_path / "l.xlsx")["クラウドサービス台帳"]
    assert [cell.value for cell in page[2]] == list(ROWS[0])


def test_changes_duplicates_and_what_is_gone(tmp_path: Path) -> None:
    kept_ledger(tmp_path).dispose()
    daicho("load", "cloud", str(csv_file(tmp_path, [HEADS, *ROWS])), "--write", "--who", "鈴木", cwd=tmp_path)
    moved = (*ROWS[0][:2], "new.example.jp", *ROWS[0][3:])
    path = csv_file(tmp_path, [HEADS, moved, moved])
    run = daicho("load", "cloud", str(path), "--write", "--who", "佐藤", cwd=tmp_path)
    assert run.returncode == 1
    assert "ドメイン/アドレス「yoyaku.example.jp」→「new.example.jp」" in run.stdout
    assert "重複（先の行を採ります）: 1" in run.stdout
    assert "1 件: 新しい 0、変わった 1、同じ 0、消えた 1" in run.stdout
    assert len(_services(tmp_path)) == 2
    daicho("load", "cloud", str(path), "--write", "--who", "佐藤", "--gone", "解約", cwd=tmp_path)
    assert [one["ドメイン/アドレス"] for one in _services(tmp_path)] == ["new.example.jp"]


def test_an_empty_cloud_ledger_says_how_it_is_filled(tmp_path: Path) -> None:
    kept_ledger(tmp_path).dispose()
    assert "daicho load cloud" in daicho("ledger", "--cloud", cwd=tmp_path).stdout
    run = daicho("load", "cloud", str(csv_file(tmp_path, [HEADS])), cwd=tmp_path)
    assert run.returncode == 2
    assert "サービスの行がありません" in run.stderr


def _services(folder: Path) -> list[dict[str, str]]:
    document = json.loads(daicho("ledger", "--cloud", "--format", "json", cwd=folder).stdout)
    assert document["schema"] == "daicho/cloud/1"
    found: list[dict[str, str]] = document["services"]
    return found
