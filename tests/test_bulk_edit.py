# SPDX-License-Identifier: Apache-2.0
"""One column of many devices over a real collector: looked at first, changed at once, taken back as one."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.ledger import edit, official_rows
from inventory_db.tables import writing
from tests.browser.material import SCRIPT
from tests.import_cases import kept_ledger
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    engine = kept_ledger(tmp_path)
    with writing(engine) as connection:
        first = official_rows(connection)[0].device.id
        edit(connection, first, "設置場所", "旧館", "佐藤", datetime(2026, 4, 2, tzinfo=UTC))
    engine.dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def ids(client: TestClient) -> list[str]:
    return re.findall(r'form="bulk" name="id" value="([^"]+)"', client.get("/").text)


def places(client: TestClient) -> list[str]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return [row.cell("設置場所").value for row in official_rows(connection)]


def post(client: TestClient, path: str, **fields: object) -> tuple[int, str]:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/").text)[0]
    answer = client.post(path, data={"token": token, **fields}, headers=ORIGIN)
    return answer.status_code, answer.text


def test_looked_at_changed_and_taken_back(client: TestClient) -> None:
    asked: dict[str, Any] = {"id": ids(client)[:2], "column": "設置場所", "value": f"新館{SCRIPT}"}
    status, page = post(client, "/bulk", **asked)
    assert (status, "2台の設置場所を「新館" in page, "旧館" in page, SCRIPT in page) == (
        200,
        True,
        True,
        False,
    )
    assert places(client) == ["旧館", "", ""]  # only looked at
    assert "2台を変えました" in post(client, "/bulk/apply", **asked)[1]
    assert places(client) == [f"新館{SCRIPT}", f"新館{SCRIPT}", ""]
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        told = [one for one in entries(connection, 1) if one.action == "change"]
    assert {one.key for one in told} == set(asked["id"])
    assert "2台を元に戻しました" in post(client, "/bulk/undo")[1]
    assert places(client) == ["旧館", "", ""]
    assert "0台を元に戻しました" in post(client, "/bulk/undo")[1]


def test_what_somebody_typed_since_is_not_undone(client: TestClient) -> None:
    asked: dict[str, Any] = {"id": ids(client), "column": "設置場所", "value": "新館"}
    post(client, "/bulk/apply", **asked)
    with writing(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        edit(connection, asked["id"][1], "設置場所", "屋上", "佐藤", datetime.now(UTC))
    assert "2台を元に戻しました" in post(client, "/bulk/undo")[1]
    assert places(client) == ["旧館", "屋上", ""]


def test_nonsense_and_others_change_nothing(client: TestClient) -> None:
    some = ids(client)
    assert "選ばれていません" in post(client, "/bulk", column="状態", value="x")[1]
    assert "もうその値" in post(client, "/bulk", id=some[:1], column="設置場所", value="旧館")[1]
    assert post(client, "/bulk", id=some, column="IPアドレス", value="x")[0] == 400
    assert post(client, "/bulk/apply", id=["none"], column="状態", value="x")[0] == 200
    assert post(client, "/bulk/apply", id=some, column="状態", value="x", token="y" * 40)[0] == 403
    as_role(client, client.app.state.engine, Role.EXECUTIVE)  # type: ignore[attr-defined]
    page = client.get("/").text
    assert ('form="bulk"' in page, "/bulk/undo" in page) == (False, False)
    assert places(client) == ["旧館", "", ""]
