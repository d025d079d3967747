# SPDX-License-Identifier: Apache-2.0
"""棚卸し over a real collector: every word keeps who and when, the ledger's cells stay as they were."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.case_file import read_case
from collector.coverage import cover
from collector.settings import Settings
from collector.stocktake import first_day
from inventory_db import statements
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.ledger import edit, official_rows
from inventory_db.listed_ledger import number_listed
from inventory_db.stated import ListedDevice, StockTake
from inventory_db.tables import writing
from tests.browser.material import SCRIPT
from tests.import_cases import kept_ledger
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}
SPRING = datetime(2026, 4, 2, tzinfo=UTC)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    engine = kept_ledger(tmp_path)
    with writing(engine) as connection:
        first, second, _ = official_rows(connection)
        for row in (first, second):
            edit(connection, row.device.id, "設置場所", f"受付{SCRIPT}", "佐藤", SPRING)
        listed = ListedDevice(id="l1", cells={"コンピュータ名": "old-pc", "設置場所": "倉庫"})
        statements.state(connection, listed, "佐藤", SPRING)
        number_listed(connection, ["l1"])
    engine.dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def asked(page: str) -> str:
    return "".join(re.findall(r'name="item" value="([^"]+)"', page))


def say(client: TestClient, page: str, found: str, **more: str) -> tuple[int, str]:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/import").text)[0]
    data = {"token": token, "item": asked(page), "found": found, "place": f"受付{SCRIPT}", **more}
    answer = client.post("/stocktake", data=data, headers=ORIGIN)
    return answer.status_code, answer.text


def test_one_walks_through_a_place(client: TestClient) -> None:
    start = client.get("/stocktake").text
    assert (SCRIPT in start, "倉庫" in start, "0 / 2" in start) == (False, True, True)
    page = client.get("/stocktake", params={"at": "1", "place": f"受付{SCRIPT}"}).text
    first = asked(page)
    later = client.get("/stocktake", params={"at": "1", "place": f"受付{SCRIPT}", "skip": first}).text
    assert asked(later) not in ("", first)
    status, page = say(client, page, "yes")
    assert (status, asked(page) not in ("", first)) == (200, True)
    second = asked(page)
    _, page = say(client, page, "no")
    assert (asked(page), "全部確かめました" in page, "「ない」とされた機器" in page) == ("", True, True)
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        words = statements.standing(connection, StockTake)
        told = [one for one in entries(connection, 1) if "stock_take" in one.detail]
        checked = cover(read_case(connection, datetime.now(UTC), None, Settings().age_limit)).checked
    assert {key: (one.said.found, one.who) for key, one in words.items()} == {
        first: ("yes", "鈴木一郎"),
        second: ("no", "鈴木一郎"),
    }
    assert len(told) == 2
    assert checked == words[first].said.on


def test_a_row_that_no_scan_has_seen_is_looked_for_too(client: TestClient) -> None:
    page = client.get("/stocktake", params={"at": "1", "place": "倉庫"}).text
    assert ("old-pc" in page, asked(page)) == (True, "l1")
    assert say(client, page, "unknown", place="倉庫")[0] == 200
    assert "わからない" in client.get("/stocktake", params={"at": "1", "place": "倉庫"}).text


def test_a_new_round_asks_again(client: TestClient) -> None:
    said = StockTake(item="l1", found="yes", on=date(2026, 4, 2))
    with writing(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        statements.state(connection, said, "佐藤", SPRING)
    assert asked(client.get("/stocktake?at=1&place=倉庫&since=2026-04-01").text) == ""
    assert asked(client.get("/stocktake?at=1&place=倉庫&since=2026-04-03").text) == "l1"
    assert (first_day(date(2027, 3, 31)), first_day(date(2027, 4, 1))) == (date(2026, 4, 1), date(2027, 4, 1))


def test_nonsense_is_refused(client: TestClient) -> None:
    page = client.get("/stocktake", params={"at": "1", "place": "倉庫"}).text
    assert say(client, page, "maybe")[0] == 400
    assert say(client, page, "yes", item="none")[0] == 404
    assert say(client, page, "yes", token="x" * 40)[0] == 403


def test_a_row_that_no_scan_has_seen_has_its_own_marked_page(client: TestClient) -> None:
    page = client.get("/listed").text
    assert ("old-pc" in page, "［調査では未確認］" in page or "未確認" in page) == (True, True)
    assert "old-pc" not in client.get("/listed?q=nothing&page=99").text
    assert '<a href="/listed">' in client.get("/").text


def test_a_devices_page_tells_who_typed_what(client: TestClient) -> None:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        first = official_rows(connection)[0].device.id
    page = client.get(f"/devices/{first}").text
    assert ("人の記入の履歴" in page, SCRIPT in page, page.count("佐藤") >= 2) == (True, False, True)
