# SPDX-License-Identifier: Apache-2.0
"""`daicho audit`: the log as table and file, and the check that finds the first broken entry."""

import csv
import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from collector.audit_files import audit_csv
from inventory_db import audit
from inventory_db.audit import Head, made_entry
from inventory_db.tables import open_ledger, writing
from tests.cli_cases import assert_two_sentences, daicho
from tests.test_audit import event


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    path = tmp_path / "daicho.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        audit.record_all(connection, [event(n, name="=cmd|' /C calc'!A0") for n in range(1, 4)])
        audit.record(connection, event(4, facility=0))
    engine.dispose()
    return path


def test_list_shows_and_filters(ledger: Path) -> None:
    shown = daicho("audit", "list", cwd=ledger.parent)
    assert shown.returncode == 0, shown.stderr
    assert [word for word in ("d1", "d2", "d3", "read_device") if word not in shown.stdout] == []
    lines = daicho("audit", "list", "--object", "d2", "--json", cwd=ledger.parent).stdout.splitlines()
    assert [json.loads(one)["number"] for one in lines] == [2]
    wrong = daicho("audit", "list", "--action", "nothing", cwd=ledger.parent)
    assert wrong.returncode == 2
    assert_two_sentences(wrong.stderr, "nothing", "no action")


def test_export_is_recorded_and_checks_offline(ledger: Path) -> None:
    done = daicho("audit", "export", "--out", "log.jsonl", cwd=ledger.parent)
    assert done.returncode == 0, done.stderr
    head = done.stderr.split()[-1]
    file = ledger.parent / "log.jsonl"
    assert file.stat().st_mode & 0o077 == 0
    entries = [json.loads(one) for one in file.read_text("utf-8").splitlines()]
    assert [one["action"] for one in entries] == ["read_device"] * 3 + ["export"]
    assert entries[-1]["key"] == "log.jsonl"
    assert daicho("audit", "check", "--file", "log.jsonl", "--head", head, cwd=ledger.parent).returncode == 0
    file.write_text(file.read_text("utf-8").replace('"key":"d2"', '"key":"d9"'), "utf-8")
    broken = daicho("audit", "check", "--file", "log.jsonl", cwd=ledger.parent)
    assert broken.returncode == 1
    assert_two_sentences(broken.stderr, "番号 2", "broken at number 2")


def test_check_finds_what_was_changed_past_the_triggers(ledger: Path) -> None:
    heads = daicho("audit", "heads", cwd=ledger.parent).stdout.split()
    assert [one.rpartition(":")[0] for one in heads] == ["0:1", "1:3"]
    known = [word for head in heads for word in ("--head", head)]
    assert daicho("audit", "check", *known, cwd=ledger.parent).returncode == 0
    with closing(sqlite3.connect(ledger)) as raw:
        raw.execute("DROP TRIGGER audit_no_delete")
        raw.execute("DELETE FROM audit WHERE facility = 1 AND number = 3")
        raw.commit()
    assert (
        daicho("audit", "check", cwd=ledger.parent).returncode == 0
    )  # the end was cut: the chain alone is whole
    cut = daicho("audit", "check", *known, cwd=ledger.parent)
    assert cut.returncode == 1
    assert_two_sentences(cut.stderr, "番号 3", "its end was cut off")


def test_csv_runs_nothing_in_a_spreadsheet() -> None:
    entry = made_entry(Head(1), event(1, name="=1+1", key="\t@SUM(A1)", detail={"old": "+1", "new": '"\n'}))
    data = b"".join(audit_csv([entry], ZoneInfo("Asia/Tokyo")))
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1][3] == "'=1+1"
    assert not [cell for cell in rows[1] if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert rows[1][1] == "2026-11-29T18:00:01.000000+09:00"


def test_bad_heads_and_files_are_explained(ledger: Path) -> None:
    for arguments in (["--head", "1:2"], ["--file", "absent.jsonl"]):
        wrong = daicho("audit", "check", *arguments, cwd=ledger.parent)
        assert wrong.returncode == 2
        assert_two_sentences(wrong.stderr)
    wrong = daicho("audit", "export", "--out", "log.txt", cwd=ledger.parent)
    assert wrong.returncode == 2
    assert_two_sentences(wrong.stderr, ".jsonl", ".csv")


def test_what_is_done_at_the_console_is_told(ledger: Path) -> None:
    folder = ledger.parent
    assert daicho("agents", "code", "病棟の機械", cwd=folder).returncode == 0
    assert daicho("state", "vendor", "id=v1", "name=A社", "--who", "鈴木一郎", cwd=folder).returncode == 0
    assert daicho("state", "vendor", "--withdraw", "v1", "--who", "鈴木一郎", cwd=folder).returncode == 0
    (folder / "cloud.csv").write_text("サービス提供事業者,サービス名称/用途\nA社,予約\n", "utf-8")
    run = daicho(
        "load", "cloud", "cloud.csv", "--ledger", str(ledger), "--write", "--who", "鈴木一郎", cwd=folder
    )
    assert run.returncode in (0, 1), run.stderr
    lines = daicho("audit", "list", "--json", cwd=folder).stdout.splitlines()
    told = [(one["action"], one["kind"], one["key"]) for one in map(json.loads, lines)][::-1]
    assert told[3:] == [
        ("invite", "agent", "病棟の機械"),
        ("statement", "vendor", "v1"),
        ("statement", "vendor", "v1"),
        ("import", "file", "cloud.csv"),
    ]
    assert "鈴木一郎" in json.loads(lines[0])["name"]
