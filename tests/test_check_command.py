# SPDX-License-Identifier: Apache-2.0
"""`daicho check` and `daicho state`, run as people run them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len

from deploy.state_words import field_words
from deploy.wrapping import wrap
from inventory_db import ledger, observations
from inventory_db.stated import KINDS, Configuration, ListedDevice, Statement
from inventory_db.tables import open_ledger, writing
from probes.facts import FactKind, Observation, Outcome, Scan, Upload, Vantage, fact
from tests.cli_cases import assert_two_sentences, daicho

LAN = "192.168.1.0/24"
NOW = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the ledger of one small scan."""
    seen = Observation(
        scan="s1",
        vantage="v",
        at=NOW,
        probe="https",
        address="192.168.1.1",
        network=LAN,
        port=443,
        transport="tcp",
        outcome=Outcome.ANSWERED,
        facts=(fact(FactKind.SERVICE, "https"), fact(FactKind.REMOTE_PATH, "ssl_vpn")),
    )
    scan = Scan(id="s1", started=NOW, ended=NOW, scope=(LAN,), state="complete", planned=253, finished=253)
    vantage = Vantage(id="v", host="p", interface="e", address="192.168.1.250", network=LAN)
    engine = open_ledger(tmp_path / "daicho.sqlite")
    with writing(engine) as connection:
        observations.append(connection, Upload(scans=(scan,), vantages=(vantage,), observations=(seen,)))
        ledger.refresh(connection)
    engine.dispose()
    return tmp_path


def state(folder: Path, *arguments: str) -> str:
    done = daicho("state", *arguments, "--who", "鈴木一郎", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_what_is_stated_comes_back_in_the_check(folder: Path) -> None:
    state(folder, "facility", "name=東山台病院", "networks=192.168.1.0/24", "has_system=はい")
    state(folder, "vendor", "id=a", "name=A社", "devices=001")
    state(folder, "answer", "edition=R6-hospital", "item=server/2-4", "answer=はい", "on=令和6年6月1日")
    done = daicho("check", "--format", "json", cwd=folder)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema"] == "daicho/check/1"
    assert document["basis"]["complete"]
    sheets = {
        (sheet["sheet"], (sheet["vendor"] or {}).get("id")): sheet["items"] for sheet in document["sheets"]
    }
    assert {key: len(items) for key, items in sheets.items()} == {("facility", None): 19, ("vendor", "a"): 14}
    answered = next(one for one in sheets["facility", None] if one["key"] == "server/2-4")
    assert answered["mark"] == "はい"
    assert answered["answers"]["first"]["who"] == "鈴木一郎"
    assert answered["answers"]["first"]["on"] == "2024-06-01"


def test_something_to_look_at_ends_with_one(folder: Path) -> None:
    state(folder, "answer", "edition=R6-hospital", "item=server/2-4", "answer=いいえ", "on=2024-06-01")
    done = daicho("check", cwd=folder, env={"COLUMNS": "80"})
    assert done.returncode == 1
    assert "目標日がありません" in done.stdout


@pytest.mark.parametrize("width", ["80", "120"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_table_fits_the_terminal(folder: Path, width: str, language: str) -> None:
    state(folder, "vendor", "id=a", "name=A社")
    done = daicho("check", "--lang", language, cwd=folder, env={"COLUMNS": width})
    assert done.returncode == 0, done.stderr
    wide = [line for line in done.stdout.splitlines() if cell_len(line) > int(width)]
    assert not wide
    cut = [line for line in done.stdout.splitlines() if line.rstrip().endswith("…") or "…  " in line]
    assert not cut  # nothing is cut off; a sentence may hold the character itself


def test_a_file_is_attached_and_a_statement_taken_back(folder: Path) -> None:
    (folder / "bcp.pdf").write_bytes(b"%PDF-1.7 plan")
    state(folder, "document", "id=b", "type=bcp", "on=2024-06-01", "--attach", "bcp.pdf")
    found = json.loads(daicho("check", "--format", "json", cwd=folder).stdout)
    verdict = {one["key"]: one["verdict"] for one in found["sheets"][0]["items"]}
    assert verdict["organisation/3-3"] == "はいを支持"
    assert "bcp" in daicho("state", "document", "--list", cwd=folder).stdout
    assert "取り下げました" in state(folder, "document", "--withdraw", "b")
    again = json.loads(daicho("check", "--format", "json", cwd=folder).stdout)
    assert {one["key"]: one["verdict"] for one in again["sheets"][0]["items"]}[
        "organisation/3-3"
    ] == "人が確認"


def test_statements_come_from_a_file_whole_or_not_at_all(folder: Path) -> None:
    both = [{"id": "a", "name": "A社"}, {"id": "b", "name": "B社", "contract_until": "1000-01-01"}]
    (folder / "vendors.json").write_text(json.dumps(both), encoding="utf-8")
    done = daicho("state", "vendor", "--json", "vendors.json", "--who", "鈴木", cwd=folder)
    assert done.returncode == 2
    assert_two_sentences(done.stderr, "contract_until", "contract_until")
    assert daicho("state", "vendor", "--list", cwd=folder).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "ja"),
    [
        (["vendr", "id=a"], "vendor のことですか"),
        (["vendor", "id=a", "nmae=x"], "name のことですか"),
        (["vendor", "id=a"], "name がありません"),
        (["vendor", "A社"], "項目=値"),
        (["vendor", "id=a", "name= "], "空です"),
        (["vendor", "id=a", "name=A社", "contract_until=来年"], "contract_until"),
        (["vendor", "id=a", "name=A社", "devices=10.9.9.9"], "台帳にありません"),
        (["vendor", "id=a", "name=A社", "contract=maybe"], "はい か いいえ"),
        (["vendor", "id=a", "name=A\u202e社"], "見えない文字"),
        (["facility", "name=x", "networks=192.168.1"], "192.168.1.0/24"),
        (["facility", "name=x", "form=clinic"], "hospital"),
        (["answer", "edition=R6-hospital", "item=2-7", "answer=はい", "on=2024-06-01"], "一つに決まりません"),
        (["answer", "edition=R9", "item=server/2-7", "answer=はい", "on=2024-06-01"], "R6-hospital"),
        (["answer", "edition=R6-hospital", "item=pc/2-8", "answer=はい", "on=2024-06-01"], "pc/2-8"),
        (["answer", "edition=R6-hospital", "item=pc/2-7", "answer=多分", "on=2024-06-01"], "対象外"),
        (["answer", "edition=R6-hospital", "item=pc/2-7", "answer=はい", "on=2099-06-01"], "今日より先"),
        (["confirmation", "vendor=a", "path=x", "state=confirmed", "by=x", "on=2024-06-01"], "vendor"),
        (["approval", "device=001", "port=99999", "reason=x", "approver=y", "until=2027-01-01"], "65535"),
        (["review", "subject=台帳", "by=院長", "on=2024-06-01"], "ledger"),
        (["document", "id=b", "type=bcp", "on=2024-06-01", "--attach", "nowhere.pdf"], "読めません"),
        (["approval", "--withdraw", "x/tcp/1"], "取り下げる記入がありません"),
    ],
)
def test_what_cannot_be_right_is_refused_with_the_field(folder: Path, arguments: list[str], ja: str) -> None:
    done = daicho("state", *arguments, "--who", "鈴木", cwd=folder)
    assert done.returncode == 2, done.stdout + done.stderr
    assert_two_sentences(done.stderr, ja)
    assert daicho("state", "--list", cwd=folder).stdout == ""


@pytest.mark.parametrize(
    ("arguments", "ja"),
    [
        (["--edition", "R99"], "R6-hospital"),
        (["--format", "docx"], "形式「docx」"),
        (["--out", "x"], "表は画面用"),
        (["--at", "昨日"], "2026-04-01"),
        (["--at", "9999-12-31"], "2026-04-01"),
        (["--days", "0"], "--days"),
        (["--ledger", "nowhere.sqlite"], "台帳がありません"),
    ],
)
def test_a_check_that_cannot_be_done_is_refused(folder: Path, arguments: list[str], ja: str) -> None:
    done = daicho("check", *arguments, cwd=folder)
    assert done.returncode == 2
    assert_two_sentences(done.stderr, ja)


def test_as_of_an_earlier_day_nothing_was_known(folder: Path) -> None:
    state(folder, "facility", "name=東山台病院")
    found = json.loads(daicho("check", "--format", "json", "--at", "2020-01-01", cwd=folder).stdout)
    assert found["facility"] is None
    assert not found["basis"]["complete"]


def test_every_kind_has_an_example_in_the_help(folder: Path) -> None:
    told = daicho("state", cwd=folder).stdout
    assert "daicho state confirmation" in told
    assert "必須" in daicho("state", "answer", cwd=folder).stdout


def test_lines_break_between_letters_and_never_before_a_full_stop() -> None:
    lines = wrap("機器の一覧を、年に一度は見直してください。詳しくは manual-2024 を。", 20, "  ")
    assert all(cell_len(line) <= 20 for line in lines)
    assert not any(line.strip().startswith(("、", "。")) for line in lines)
    assert any("manual-2024" in line for line in lines)
    assert "".join(line.strip() for line in lines).replace(" ", "") == (
        "機器の一覧を、年に一度は見直してください。詳しくはmanual-2024を。"
    )


def test_an_opening_bracket_goes_with_what_it_opens() -> None:
    lines = wrap("この口は、この機器では想定していません（VNC security type: none）。", 40)
    assert all(cell_len(line) <= 40 for line in lines)
    assert not any(line.rstrip().endswith("（") for line in lines)
    assert "".join(lines).replace(" ", "") == (
        "この口は、この機器では想定していません（VNCsecuritytype:none）。"
    )


@pytest.mark.parametrize("kind", KINDS.values())
def test_every_field_that_people_state_is_explained(kind: type[Statement]) -> None:
    unsaid = [f.name for f in msgspec.structs.fields(kind) if not all(field_words(kind, f.name))]
    assert not unsaid or kind in (Configuration, ListedDevice), "the imports write these two"
