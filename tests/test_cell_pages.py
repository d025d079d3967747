# SPDX-License-Identifier: Apache-2.0
"""A cell edited where it stands: without JavaScript, as a piece of the table, undone, and not lost to somebody else."""

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.ledger import official_rows
from tests.browser.material import SCRIPT
from tests.import_cases import kept_ledger
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}
PIECE = {"HX-Request": "true"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    kept_ledger(tmp_path).dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def cell_of(client: TestClient, column: str = "設置場所") -> tuple[str, str]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        row = official_rows(connection)[0]
    return f"/devices/{row.device.id}/cells/c8", row.cell(column).value


def hidden(page: str, name: str) -> str:
    found: list[str] = re.findall(f'name="{name}" value="([^"]*)"', page)
    return html.unescape(found[0])


def write(client: TestClient, address: str, value: str, *, seen: str | None = None, **headers: str) -> Any:
    page = client.get(address).text
    data = {
        "token": hidden(page, "token"),
        "seen": hidden(page, "seen") if seen is None else seen,
        "value": value,
    }
    return client.post(address, data=data, headers=ORIGIN | headers)


def test_a_form_of_its_own_and_a_way_back(client: TestClient) -> None:
    address, _ = cell_of(client)
    assert f'href="{address}"' in client.get("/").text
    page = write(client, address, f"1階 {SCRIPT}").text
    assert ("保存しました" in page, "元に戻す" in page, SCRIPT in page) == (True, True, False)
    assert cell_of(client)[1] == f"1階 {SCRIPT}"
    write(client, address, "2階")
    back = hidden(client.get(f"{address}?message=saved").text, "value")
    assert back == f"1階 {SCRIPT}"
    write(client, address, "")
    assert cell_of(client)[1] == ""
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        told = [one for one in entries(connection, 1) if "changed" in one.detail]
    assert "2階" in str(told[0].detail)


def test_a_piece_of_the_table_is_no_page(client: TestClient) -> None:
    address, _ = cell_of(client)
    asked = client.get(address, headers=PIECE).text
    assert ("<html" in asked, "hx-post" in asked, "autofocus" in asked) == (False, True, True)
    saved = write(client, address, "受付", **PIECE)
    assert (saved.status_code, "<html" in saved.text, "hx-swap-oob" in saved.text) == (200, False, True)
    assert ("受付" in saved.text, hidden(saved.text, "value"), hidden(saved.text, "seen")) == (
        True,
        "",
        "受付",
    )
    assert "hx-post" not in client.get(f"{address}?show=1", headers=PIECE).text


def test_what_somebody_else_wrote_meanwhile_is_not_lost(client: TestClient) -> None:
    address, _ = cell_of(client)
    write(client, address, "受付")
    answer = write(client, address, "倉庫", seen="")
    assert (answer.status_code, "ほかの人が書き換えました" in answer.text) == (409, True)
    assert (cell_of(client)[1], hidden(answer.text, "seen")) == ("受付", "受付")
    assert write(client, address, "倉庫", seen="", **PIECE).status_code == 200
    assert cell_of(client)[1] == "受付"


def test_only_hands_write_and_only_human_columns(client: TestClient) -> None:
    address, _ = cell_of(client)
    token = hidden(client.get(address).text, "token")
    for path, given, status in (
        (address.replace("c8", "c6"), token, 404),
        ("/devices/none/cells/c8", token, 404),
        (address, "x" * 40, 403),
    ):
        data = {"token": given, "seen": "", "value": "x"}
        assert client.post(path, data=data, headers=ORIGIN).status_code == status
    as_role(client, client.app.state.engine, Role.EXECUTIVE)  # type: ignore[attr-defined]
    assert (client.get(address).status_code, "/cells/" in client.get("/").text) == (403, False)


def test_a_session_that_ended_leads_the_whole_page_to_the_login(client: TestClient) -> None:
    address, _ = cell_of(client)
    client.cookies.clear()
    answer = client.get(address, headers=PIECE, follow_redirects=False)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/login")
    assert client.get(address, follow_redirects=False).status_code == 303


def test_script_may_run_on_the_ledger_alone_and_never_inline(client: TestClient) -> None:
    address, _ = cell_of(client)
    policy = client.get("/").headers["Content-Security-Policy"]
    assert ("unsafe" in policy, "default-src 'none'" in policy) == (False, True)
    assert "script-src" not in client.get(address).headers["Content-Security-Policy"]
