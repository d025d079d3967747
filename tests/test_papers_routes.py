# SPDX-License-Identifier: Apache-2.0
"""Downloads of papers from the pages, and the commands that write them."""

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.documents.pack_check import check_pack
from collector.documents.papers import paper_kinds
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import Facility, Vendor
from inventory_db.statements import state_all
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload
from tests.cli_cases import assert_two_sentences, daicho
from tests.papers_material import needs_fonts, text_of
from tests.signed_in import as_role

SAID = (Facility(name="𠮷祥会病院"), Vendor(id="v1", name="髙木システム㈱"))


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("papers") / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
        state_all(connection, SAID, "鈴木一郎", datetime(2026, 11, 21, tzinfo=UTC))
    engine.dispose()
    return path


@pytest.fixture
def client(filled: Path, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(ledger=str(filled), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


@needs_fonts
def test_the_ledger_and_the_checklist_as_pdf(client: TestClient) -> None:
    ledger = client.get("/ledger.pdf")
    assert ledger.headers["content-type"] == "application/pdf"
    assert "attachment" in ledger.headers["content-disposition"]
    assert ledger.headers["cache-control"] == "no-store"
    assert "𠮷祥会病院" in text_of(ledger.content)[0]
    checks = "".join(text_of(client.get("/checks/R6-hospital.pdf").content))
    assert "医療機関確認用" in checks
    assert "髙木システム㈱" in checks


def test_the_checklist_as_excel_holds_every_sheet(client: TestClient) -> None:
    data = client.get("/checks/R6-hospital.xlsx").content
    assert openpyxl.load_workbook(io.BytesIO(data)).sheetnames[0] == "医療機関確認用"


@pytest.mark.parametrize("kind", paper_kinds())
def test_every_paper_can_be_downloaded(client: TestClient, kind: str) -> None:
    assert client.get(f"/papers/{kind}.xlsx").status_code == 200
    assert client.get(f"/papers/{kind}.json").json()["kind"] == kind


@needs_fonts
def test_the_pack_is_signed_with_the_facilitys_own_key(client: TestClient, tmp_path: Path) -> None:
    data = client.get("/pack.zip").content
    assert not check_pack(data).problems
    assert (tmp_path / "pack.key").stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE" not in b"".join(
        zipfile.ZipFile(io.BytesIO(data)).read(name) for name in zipfile.ZipFile(io.BytesIO(data)).namelist()
    )


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/papers/nothing.pdf", 404),
        ("/papers/bcp.exe", 400),
        ("/checks/nothing.pdf", 404),
        ("/checks/..%2f..%2fetc%2fpasswd.pdf", 404),
    ],
)
def test_what_is_not_there_is_said(client: TestClient, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_another_site_cannot_make_us_work(client: TestClient) -> None:
    for address in ("/pack.zip", "/ledger.pdf", "/papers/bcp.xlsx"):
        assert client.get(address, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.get("/pack.zip", headers={"Host": "evil.example"}).status_code == 421


@needs_fonts
@pytest.mark.parametrize("kind", paper_kinds())
def test_the_command_writes_every_paper(filled: Path, tmp_path: Path, kind: str) -> None:
    run = daicho("papers", kind, "--ledger", str(filled), "--out", "x.pdf", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert text_of((tmp_path / "x.pdf").read_bytes())


def test_the_command_writes_json_and_excel_by_the_name_of_the_file(filled: Path, tmp_path: Path) -> None:
    for name in ("bcp.json", "bcp.xlsx"):
        run = daicho("papers", "bcp", "--ledger", str(filled), "--out", name, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
    assert json.loads((tmp_path / "bcp.json").read_text("utf-8"))["schema"] == "daicho/paper/1"
    assert openpyxl.load_workbook(tmp_path / "bcp.xlsx").sheetnames[0] == "サーバ・端末PC一覧"


@needs_fonts
def test_the_check_is_written_as_the_official_form(filled: Path, tmp_path: Path) -> None:
    for form in ("pdf", "xlsx"):
        run = daicho("check", "--ledger", str(filled), "--format", form, "--out", f"c.{form}", cwd=tmp_path)
        assert run.returncode in (0, 1), run.stderr
    assert "医療機関確認用" in text_of((tmp_path / "c.pdf").read_bytes())[0]
    assert openpyxl.load_workbook(tmp_path / "c.xlsx").sheetnames[0] == "医療機関確認用"


@needs_fonts
def test_a_pack_is_made_and_checked_by_command(filled: Path, tmp_path: Path) -> None:
    made = daicho("pack", "--ledger", str(filled), "--out", "p.zip", "--state", "keys", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    good = daicho("pack", "--verify", "p.zip", cwd=tmp_path)
    assert good.returncode == 0
    mark = next(
        line
        for line in made.stderr.splitlines()
        if line.count(" ") > 10 and "。" not in line and "." not in line
    )
    assert mark.strip() in good.stderr
    data = bytearray((tmp_path / "p.zip").read_bytes())
    at = data.index(b"daicho.css") + 200
    data[at] ^= 1
    (tmp_path / "p.zip").write_bytes(bytes(data))
    bad = daicho("pack", "--verify", "p.zip", cwd=tmp_path)
    assert bad.returncode == 1
    assert "書き換えられています: daicho.css" in bad.stderr


@pytest.mark.parametrize(
    ("arguments", "ja"),
    [
        (["papers", "nothing", "--out", "x.pdf"], "書類はありません"),
        (["papers", "bcp", "--out", "x.doc"], "形式「doc」"),
        (["papers", "bcp", "--out", "no/x.pdf"], "書けません"),
        (["pack"], "どちらか一方"),
        (["pack", "--out", "a.zip", "--verify", "b.zip"], "どちらか一方"),
        (["pack", "--verify", "none.zip"], "読めません"),
        (["papers", "bcp", "--out", "x.pdf", "--ledger", "none.sqlite"], "台帳がありません"),
    ],
)
def test_wrong_use_is_said_and_nothing_is_written(tmp_path: Path, arguments: list[str], ja: str) -> None:
    run = daicho(*arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert_two_sentences(run.stderr, ja)
    assert not list(tmp_path.iterdir())


def test_an_edition_that_is_not_there_is_said(filled: Path, tmp_path: Path) -> None:
    run = daicho("pack", "--ledger", str(filled), "--out", "a.zip", "--edition", "R99", cwd=tmp_path)
    assert run.returncode == 2
    assert_two_sentences(run.stderr, "R99")
    assert not (tmp_path / "a.zip").exists()
