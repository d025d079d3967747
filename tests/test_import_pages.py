# SPDX-License-Identifier: Apache-2.0
"""Taking in a messy ledger on the pages of a real collector: nothing is written before a person says yes."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.import_upload import plain_name
from collector.security import LARGER_FORMS
from collector.settings import Settings
from inventory_db import statements
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.people import entries as typed
from inventory_db.stated import ColumnMapping, ListedDevice
from tests.browser.material import SCRIPT
from tests.import_cases import HEADINGS, ROWS, csv_file, kept_ledger, with_part, xlsx_file
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}
MESSY = (("機器台帳（最新）",), (), HEADINGS, *ROWS, (), ("合計", 3))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    kept_ledger(tmp_path).dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def token_on(page: str) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', page)[0])


def hand_in(client: TestClient, data: bytes, name: str = "台帳.xlsx") -> tuple[int, str]:
    fields = {"token": token_on(client.get("/import").text)}
    answer = client.post("/import", data=fields, files={"file": (name, data)}, headers=ORIGIN)
    return answer.status_code, answer.text


def post(client: TestClient, step: str, **fields: object) -> tuple[int, str]:
    data = {"token": token_on(client.get("/import").text), **fields}
    answer = client.post(f"/import/{step}", data=data, headers=ORIGIN)
    return answer.status_code, answer.text


def listed(client: TestClient) -> list[ListedDevice]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return [one.said for one in statements.standing(connection, ListedDevice).values()]


def places(client: TestClient) -> set[str]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return {entry.value or "" for entry in typed(connection) if entry.column == "設置場所"}


def test_a_messy_ledger_is_looked_at_then_taken_in(client: TestClient, tmp_path: Path) -> None:
    status, page = hand_in(client, xlsx_file(tmp_path, MESSY).read_bytes())
    assert (status, "まだ何も変えていません" in page, listed(client)) == (200, True, [])
    assert 'name="label" value="ホスト名"' in page
    assert "<option selected>IPアドレス</option>" in page  # named as ours is: chosen by that name
    assert "MACアドレス" in page[page.index('id="linked"') :]  # why a row is which device
    status, page = post(client, "apply")
    assert (status, "取り込みました" in page) == (200, True)
    assert {one.cells["管理番号"] for one in listed(client)} == {"A-001", "A-002", "A-003"}
    assert places(client) == {"サーバ室", "受付"}
    assert client.get("/import/preview").url.path == "/import"  # nothing is waiting any more
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        told = [one for one in entries(connection, 1) if one.action == "import"]
    assert ['"written":true' in one.detail.replace(" ", "") for one in told] == [True, False]
    assert {(one.name, one.key) for one in told} == {("鈴木一郎", "台帳.xlsx")}


def test_a_column_is_corrected_and_remembered(client: TestClient, tmp_path: Path) -> None:
    rows = (
        ("IPアドレス", "MACアドレス", "端末の呼び名", "ばしょ"),
        ("10.1.0.3", "00-11-32-00-00-03", "PC-RECEPT", "受付"),
        ("10.1.0.20", "00-11-32-00-00-14", "sv01", "奥"),
    )
    hand_in(client, csv_file(tmp_path, rows).read_bytes(), "台帳.csv")
    asked = {
        "label": ["IPアドレス", "端末の呼び名", "ばしょ"],
        "was": ["IPアドレス", "端末の呼び名", "ばしょ"],
        "ours": ["IPアドレス", "コンピュータ名", "設置場所"],
    }
    status, page = post(client, "columns", **asked)
    assert (status, page.count("指定のとおり")) == (200, 2)
    post(client, "apply")
    assert places(client) == {"受付", "奥"}
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        (kept,) = statements.standing(connection, ColumnMapping).values()
    assert kept.said.columns["ばしょ"] == "設置場所"
    assert post(client, "columns", label=["a"], was=[], ours=[])[0] in (200, 400)


def test_it_can_be_thrown_away_and_others_do_not_see_it(client: TestClient, tmp_path: Path) -> None:
    hand_in(client, xlsx_file(tmp_path, MESSY).read_bytes())
    engine = client.app.state.engine  # type: ignore[attr-defined]
    mine = client.cookies["daicho_session"]
    as_role(client, engine, Role.OPERATOR)
    assert "途中の取り込み" not in client.get("/import").text
    client.cookies.clear()
    client.cookies.set("daicho_session", mine)
    assert "途中の取り込み" in client.get("/import").text
    assert "台帳は変わっていません" in post(client, "discard")[1]
    assert listed(client) == []


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "cccc"><!ENTITY d "&b;&b;&b;">]><a>&d;</a>'


@pytest.mark.parametrize("kind", ["entities", "zip of zeros", "pdf", "empty", "no table"])
def test_a_hostile_or_useless_file_is_refused_in_plain_words(
    client: TestClient, tmp_path: Path, kind: str
) -> None:
    plain = xlsx_file(tmp_path, MESSY)
    files: dict[str, Callable[[], bytes]] = {
        "entities": lambda: with_part(plain, tmp_path / "e.xlsx", "xl/workbook.xml", BOMB).read_bytes(),
        "zip of zeros": lambda: with_part(
            plain, tmp_path / "z.xlsx", "xl/worksheets/sheet1.xml", bytes(700 * 2**20)
        ).read_bytes(),
        "pdf": lambda: b"%PDF-1.7\n\x00\xff",
        "empty": lambda: b"",
        "no table": "あいうえお\nかきくけこ\n".encode,
    }
    status, page = hand_in(client, files[kind]())
    assert (status, 'role="alert"' in page, "変更していません" in page) == (400, True, True)
    assert "Traceback" not in page
    assert "途中の取り込み" not in client.get("/import").text


def test_markup_in_a_file_is_text(client: TestClient, tmp_path: Path) -> None:
    rows = (
        HEADINGS,
        (SCRIPT, SCRIPT, "10.1.0.3", SCRIPT, SCRIPT, "", SCRIPT, SCRIPT, SCRIPT, SCRIPT, SCRIPT),
    )
    _, page = hand_in(client, xlsx_file(tmp_path, rows).read_bytes(), f"../../{SCRIPT}.xlsx")
    assert "<script" not in page
    assert "&lt;script" in page or "&lt;" in page


def test_the_form_is_bounded_and_guarded(client: TestClient, tmp_path: Path) -> None:
    data = xlsx_file(tmp_path, MESSY).read_bytes()
    files = {"file": ("a.xlsx", data)}
    assert client.post("/import", data={"token": "x" * 40}, files=files, headers=ORIGIN).status_code == 403
    large = {"content-length": str(LARGER_FORMS["/import"] + 1), **ORIGIN}
    assert client.post("/import", content=b"x", headers=large).status_code == 413
    assert client.post("/import", content=b"token=x", headers=ORIGIN).status_code == 400
    assert client.post("/devices/x", content=b"x" * 70_000, headers=ORIGIN).status_code == 413


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("C:\\Users\\a\\台帳.xlsx", "台帳.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("..", "file"),
        ("", "file"),
        ("あ" * 300 + ".xlsx", "あ" * 54 + ".xlsx"),
    ],
)
def test_a_files_name_is_no_path(name: str, plain: str) -> None:
    assert plain_name(name) == plain
