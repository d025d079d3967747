# SPDX-License-Identifier: Apache-2.0
"""The collector's routes over a real ledger: headers, hostile content, forms, downloads, trouble."""

import csv
import io
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.security import MOST_FORM, TOKEN_COOKIE
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.official import COLUMNS
from inventory_db.tables import open_ledger, writing
from tests.browser.material import FORMULA, IMAGE, SCRIPT, upload
from tests.signed_in import as_role

OUR_SCRIPT = r'<script src="/static/[\w./-]+\.js" defer></script>'
ORIGIN = {"Origin": "http://127.0.0.1"}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    engine.dispose()
    return path


def visit(path: Path, **settings: Any) -> TestClient:
    app = create_app(Settings(ledger=str(path), **settings))
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    return as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


@pytest.fixture(scope="module")
def client(filled: Path) -> Iterator[TestClient]:
    with visit(filled) as client:
        yield client


@pytest.fixture
def devices(client: TestClient) -> dict[str, Any]:
    """Each device of the ledger by its first IP address."""
    found = client.get("/api/v1/ledger").json()["devices"]
    return {device["addresses"][0]["ip"]: device for device in found}


def rows_of(page: str) -> list[str]:
    return re.findall(
        r'<th scope="row" class="number">(?:<input[^>]*>)?<a href="/devices/[^"]+">(\d+)</a>', page
    )


PAGES = (
    "/",
    "/scans",
    "/journal",
    "/healthz",
    "/ledger.csv",
    "/api/v1/ledger",
    "/static/daicho.css",
    "/none",
)


@pytest.mark.parametrize("address", PAGES)
def test_every_answer_carries_the_security_headers(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    own_files = "script-src 'self'" in headers["content-security-policy"]
    assert own_files or "script-src" not in headers["content-security-policy"]
    assert own_files <= (address == "/")  # htmx, where it is there
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_pages_hold_no_script_and_no_inline_style(client: TestClient, devices: dict[str, Any]) -> None:
    for address in ("/", "/scans", "/journal", f"/devices/{devices['10.20.1.66']['id']}"):
        page = client.get(address).text
        assert re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=\s*\"[^&]", page) is None, (
            address
        )


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "[", "a b"]
)
def test_an_unknown_host_name_is_turned_away(client: TestClient, host: str) -> None:
    answer = client.get("/", headers={"Host": host})
    assert answer.status_code == 421
    assert "10.10.1" not in answer.text


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "LOCALHOST", "[::1]:8000", "daicho.example"])
def test_known_host_names_are_let_in(filled: Path, host: str) -> None:
    with visit(filled, host_names=("daicho.example",)) as client:
        assert client.get("/healthz", headers={"Host": host}).text == "ok\n"


@pytest.mark.parametrize("address", ["/docs", "/redoc", "/openapi.json"])
def test_the_machinery_of_the_framework_is_off(client: TestClient, address: str) -> None:
    assert client.get(address).status_code == 404


def test_the_ledger_has_the_official_columns_in_both_languages(client: TestClient) -> None:
    page = client.get("/", headers={"Accept-Language": "ja"}).text
    places = [page.index(f">{column}") for column in COLUMNS]
    assert places == sorted(places)
    english = client.get("/?lang=en")
    assert '<html lang="en">' in english.text
    assert "Device ledger" in client.get("/").text  # the cookie remembers
    client.cookies.delete("daicho_language")


def test_search_filters_sorting_and_paging_work_on_the_server(
    client: TestClient, devices: dict[str, Any]
) -> None:
    everything = rows_of(client.get("/?per=500").text)
    assert len(everything) == len(devices) > 60
    assert len(rows_of(client.get("/").text)) == 50
    assert rows_of(client.get("/?page=2").text) == everything[50:]
    assert len(rows_of(client.get("/?q=HIS-DB01").text)) == 1
    assert rows_of(client.get("/?per=500&sort=c1&down=1").text) == everything[::-1]
    dual = [ip for ip, device in devices.items() if device["dual_homed"]]
    assert len(rows_of(client.get("/?mark=dual&per=500").text)) == len(dual) == 1
    assert client.get("/?page=zzz&sort=';--&kind=zzz&per=9").status_code == 200


def test_what_a_hostile_device_says_is_text(client: TestClient, devices: dict[str, Any]) -> None:
    device = devices["10.20.1.66"]
    for address in ("/?per=500", f"/devices/{device['id']}", "/?q=" + SCRIPT):
        page = client.get(address).text
        assert re.sub(OUR_SCRIPT, "", page).count("<script") == 0
        assert "<img" not in page
        assert not set(page) & set("\u202e\x00\x1b")
    assert "&lt;script&gt;" in client.get(f"/devices/{device['id']}").text


def test_a_device_page_says_what_answered_and_what_did_not(
    client: TestClient, devices: dict[str, Any]
) -> None:
    page = client.get(f"/devices/{devices['10.20.1.88']['id']}").text
    for words in (
        "返事がない",
        "断られた",
        "あえて聞かなかった",
        "こちらの失敗",
        "別の通信規約で答えた",
        "印刷されるため",
    ):
        assert words in page
    assert "scanbox eth2 (10.20.1.0/24)" in page


def test_every_reason_leads_to_an_observation_on_the_page(
    client: TestClient, devices: dict[str, Any]
) -> None:
    page = client.get(f"/devices/{devices['10.10.1.20']['id']}").text
    links = set(re.findall(r'href="#(o\d+)"', page))
    assert links
    assert links <= set(re.findall(r'id="(o\d+)"', page))
    (transcript, *_) = re.findall(r'href="(/devices/[^"]+/observations/[^"]+)"', page)
    assert '<pre class="transcript"' in client.get(transcript).text


def test_a_transcript_is_shown_only_under_its_own_device(client: TestClient, devices: dict[str, Any]) -> None:
    page = client.get(f"/devices/{devices['10.10.1.31']['id']}").text
    (observation, *_) = re.findall(r"/observations/([^\"]+)\"", page)
    other = devices["10.20.1.66"]["id"]
    assert client.get(f"/devices/{other}/observations/{observation}").status_code == 404


def fill_in(client: TestClient, address: str, origin: dict[str, str] = ORIGIN, **fields: str) -> Any:
    token = client.cookies.get(TOKEN_COOKIE) or ""
    data = {"token": token, **fields}
    return client.post(address, data=data, headers=origin, follow_redirects=False)


def test_people_fill_in_columns_and_a_scan_does_not_overwrite_them(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    with visit(path) as client:
        device = client.get("/api/v1/ledger").json()["devices"][0]["id"]
        client.get(f"/devices/{device}")
        answer = fill_in(client, f"/devices/{device}", c8="1階 サーバ室", c12="=1+1")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/devices/{device}?message=saved")
        with writing(engine) as connection:
            refresh(connection)
        page = client.get(answer.headers["location"]).text
        assert "1階 サーバ室" in page
        assert "鈴木一郎" in page
        again = fill_in(client, f"/devices/{device}", c8="1階 サーバ室", c12="=1+1")
        assert again.headers["location"].endswith("unchanged")
        assert len(rows_of(client.get("/?q=サーバ室").text)) == 1
        assert "鈴木一郎" in client.get("/").text  # 最終更新者
        assert "'=1+1" in client.get("/ledger.csv").text
    engine.dispose()


def test_a_form_from_elsewhere_is_refused(client: TestClient, devices: dict[str, Any]) -> None:
    address = f"/devices/{devices['10.10.1.31']['id']}"
    client.get(address)
    before = client.get("/ledger.csv").content
    for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}, {"Referer": "http://[evil"}):
        assert fill_in(client, address, origin, c8="x").status_code == 403
    assert fill_in(client, address, token="x" * 43, c8="x").status_code == 403
    assert fill_in(client, address, token="", c8="x").status_code == 403
    assert client.get("/ledger.csv").content == before


def test_forms_have_bounds(client: TestClient, devices: dict[str, Any]) -> None:
    address = f"/devices/{devices['10.10.1.31']['id']}"
    client.get(address)
    assert fill_in(client, address, c8="x" * 2001).status_code == 400
    assert fill_in(client, address, c12="x" * MOST_FORM).status_code == 413
    assert client.post(address, content=iter([b"c8=x"]), headers=ORIGIN).status_code == 411
    assert fill_in(client, "/devices/none", c8="x").status_code == 404


def test_downloads_hold_every_device_and_no_formula(client: TestClient, devices: dict[str, Any]) -> None:
    lines = list(csv.reader(io.StringIO(client.get("/ledger.csv").content.decode("utf-8-sig"))))
    assert lines[0] == list(COLUMNS)
    assert len(lines) == len(devices) + 1
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))]
    assert [cell for line in lines for cell in line if cell == "'" + FORMULA]
    book = openpyxl.load_workbook(io.BytesIO(client.get("/ledger.xlsx").content))
    first, second = book.worksheets
    assert {cell.data_type for row in first.iter_rows() for cell in row} <= {"s", "n"}
    assert [cell.value for row in first.iter_rows() for cell in row if cell.value == FORMULA]
    assert second.max_row > len(devices)


def test_json_is_the_document_of_the_ledger(client: TestClient, devices: dict[str, Any]) -> None:
    whole = client.get("/ledger.json")
    assert json.loads(whole.content)["schema"] == "daicho/ledger/1"
    assert "attachment" in whole.headers["content-disposition"]
    one = client.get(f"/api/v1/devices/{devices['10.10.1.20']['id']}").json()
    assert one["device"]["dual_homed"]["networks"] == ["10.10.1.0/24", "10.20.1.0/24"]


def test_the_journal_is_narrowed_to_an_address(client: TestClient) -> None:
    page = client.get("/journal?address=10.20.1.88").text
    assert "10.20.1.88" in page
    assert "10.20.1.66" not in page
    for written in (
        "１０．２０．１．８８",
        "::ffff:10.20.1.88",
    ):  # never "nothing was sent" for want of the right letters
        assert client.get("/journal", params={"address": written}).text.count(
            "<td>10.20.1.88</td>"
        ) == page.count("<td>10.20.1.88</td>")
    assert page.count("<td>10.20.1.88</td>") > 0
    assert "IPアドレスではありません" in client.get("/journal", params={"address": IMAGE}).text


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/none", 404),
        ("GET", "/devices/none", 404),
        ("GET", "/devices/a/observations/b", 404),
        ("PUT", "/", 405),
    ],
)
def test_trouble_is_a_page_in_both_languages(
    client: TestClient, method: str, address: str, status: int
) -> None:
    answer = client.request(method, address, headers={"Content-Length": "0"})
    assert answer.status_code == status
    assert "次にすること" in answer.text
    assert 'lang="en"' in answer.text


def test_trouble_of_the_api_is_a_problem_document(client: TestClient) -> None:
    answer = client.get("/api/v1/devices/none")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["ja"]
    assert answer.json()["status"] == 404


def test_a_fault_of_ours_shows_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with visit(path) as client:
        with closing(sqlite3.connect(path)) as raw:
            raw.execute("DROP TABLE devices")  # damaged under a running collector
        answer = client.get("/")
        assert answer.status_code == 500
        assert "Traceback" not in answer.text
        assert "sqlite" not in answer.text.lower()
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_empty_ledger_says_what_to_do(tmp_path: Path) -> None:
    with visit(tmp_path / "new.sqlite", facility="東山台病院") as client:
        page = client.get("/").text
        assert "daicho scan" in page
        assert "東山台病院" in page
        assert client.get("/ledger.xlsx").status_code == 200


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [("/api/v1/remote-paths?kind=%00", {}, 400), ("/api/v1/ledger", {"Host": "elsewhere.example"}, 421)],
)
def test_what_the_door_refuses_of_the_api_is_a_problem_document(
    client: TestClient, address: str, headers: dict[str, str], status: int
) -> None:
    answer = client.get(address, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.json()["status"] == status
