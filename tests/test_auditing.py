# SPDX-License-Identifier: Apache-2.0
"""Every route that shows or changes something of a facility leaves an entry; refusals too; and the page that shows them."""

import csv
import io
import json

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.permissions import TABLE
from inventory_db import audit_log
from inventory_db.accounts import Role
from inventory_db.audit import Entry, head
from inventory_db.audit_check import check, read_lines
from tests.signed_in import as_role, bearer
from tests.test_permissions import GUARDED, app, ask, client, known

__all__ = ["app", "client", "known"]

# Routes that leave no entry of the gate's or of a change's, each with the reason.
SILENT = {
    "GET /api/v1/checks": "the editions there are",
    "GET /me": "one's own page",
    "POST /me/language": "one's own language",
    "GET /api/v1/scans": "when we looked, and nothing of a device",
    "GET /api/v1/openapi.json": "the same for everybody",
    "GET /api/v1/me": "what the asker is told of the asker",
    "GET /api/v1/facilities": "likewise",
    "GET /api/v1/uploads": "what came from our own agents and its state, and nothing of a device",
    "GET /welcome": "how far the first hour has come; what it changes is kept",
    "GET /api/v1/agents": "our own agents, and nothing of a device",
}


def entries(app: FastAPI, facility: int = 1) -> list[Entry]:
    with app.state.engine.connect() as connection:
        return list(audit_log.stream(connection, facility))


def test_every_route_has_an_action_or_a_reason() -> None:
    assert {key for key, rule in GUARDED.items() if rule.action is None} == set(SILENT)
    assert all(rule.action is None for key, rule in TABLE.items() if key not in GUARDED)


@pytest.mark.parametrize(
    "key", [key for key, rule in GUARDED.items() if rule.action and key.startswith("GET ")]
)
def test_every_reading_leaves_its_entry(
    app: FastAPI, client: TestClient, known: dict[str, str], key: str
) -> None:
    rule = GUARDED[key]
    role = sorted(rule.who or ())[0]
    as_role(client, app.state.engine, role, name="閲覧 花子")
    before = len(entries(app))
    form = "xlsx" if "/checks/" in key else known["form"]
    status = ask(client, key, known | {"form": form})
    new = entries(app)[before:]
    assert [one.action for one in new] == [rule.action]
    assert (new[0].name, new[0].role, new[0].origin) == ("閲覧 花子", role, "testclient")
    assert new[0].outcome == ("done" if status < 400 or status >= 500 else "failed")
    if "/devices/{id}" in key:
        assert (new[0].kind, new[0].key) == ("device", known["id"])


def test_a_change_tells_old_and_new(app: FastAPI, client: TestClient, known: dict[str, str]) -> None:
    as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")
    client.get(f"/devices/{known['id']}")
    token = client.cookies["daicho_form"]
    for place in ("サーバ室", "2階\u202eサーバ室"):
        sent = {"token": token, "c3": place}
        done = client.post(
            f"/devices/{known['id']}",
            data=sent,
            headers={"origin": "http://127.0.0.1"},
            follow_redirects=False,
        )
        assert done.status_code == 303
    changes = [one for one in entries(app) if one.action == "change"]
    assert [(one.name, one.kind, one.key) for one in changes] == [("鈴木一郎", "device", known["id"])] * 2
    old, new = next(iter(json.loads(changes[-1].detail)["changed"].values()))
    assert (old, new) == ("サーバ室", "2階\ufffdサーバ室")
    before = len(entries(app))
    client.post(
        f"/devices/{known['id']}",
        data={"token": token, "c3": "2階\u202eサーバ室"},
        headers={"origin": "http://127.0.0.1"},
    )
    assert "change" not in [one.action for one in entries(app)[before:]]  # nothing changed


def test_a_statement_and_its_withdrawal_are_entries(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")
    for name in ("A社", "B社"):
        assert (
            client.post(
                "/api/v1/statements/vendor", json={"who": "x", "statement": {"id": "v", "name": name}}
            ).status_code
            == 201
        )
    assert client.delete("/api/v1/statements/vendor?key=v").status_code == 204
    told = [one for one in entries(app) if one.action == "statement"][-3:]
    assert [one.key for one in told] == ["v"] * 3
    assert json.loads(told[1].detail)["changed"] == {"name": ["A社", "B社"]}
    assert "taken back" in told[2].detail


def test_each_change_over_the_api_is_an_entry(
    app: FastAPI, client: TestClient, known: dict[str, str]
) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR, name="鈴木一郎")
    before = len(entries(app))
    wish = {"columns": {"利用者": "放射線科"}}
    assert client.patch(f"/api/v1/devices/{known['id']}", json=wish).status_code == 200
    many = {"devices": [{"id": known["id"], "columns": {"利用者": None, "状態": "稼働"}}]}
    assert client.patch("/api/v1/devices", json=many).status_code == 200
    binary = {"content-type": "application/octet-stream"}
    sent = client.post("/api/v1/attachments?name=a.txt", content=b"a", headers=binary).json()
    assert client.post("/api/v1/agents/codes", json={"name": "検査室"}).status_code == 201
    assert client.patch("/api/v1/devices/nobody", json=wish).status_code == 404
    new = entries(app)[before:]
    assert [(one.action, one.kind, one.key) for one in new] == [
        ("change", "device", known["id"]),
        ("change", "device", known["id"]),
        ("statement", "attachment", sent["id"]),
        ("agent_enrolled", "agent", "検査室"),
    ]
    assert json.loads(new[0].detail)["changed"] == {"利用者": ["", "放射線科"]}
    assert json.loads(new[1].detail)["changed"] == {"利用者": ["放射線科", ""], "状態": ["", "稼働"]}


def test_refusals_are_entries_and_a_flood_is_counted(
    app: FastAPI, client: TestClient, known: dict[str, str]
) -> None:
    as_role(client, app.state.engine, Role.VENDOR, name="保守 太郎")
    for _ in range(20):
        assert client.get(f"/devices/{known['id']}").status_code == 403
    refused = [one for one in entries(app) if one.name == "保守 太郎"]
    assert 1 <= len(refused) <= 4  # at most two minutes, first and count each
    assert {(one.action, one.outcome) for one in refused} == {("refused", "refused")}
    client.cookies.clear()
    before = len(entries(app, 0))
    for _ in range(20):
        assert client.get("/api/v1/ledger").status_code == 401
    assert before <= len(entries(app, 0)) <= before + 4


def test_the_other_facility_leaves_its_own_entries_and_sees_no_others(
    app: FastAPI, client: TestClient, known: dict[str, str]
) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR, 2, name="東の管理者")
    assert client.get(f"/devices/{known['id']}").status_code == 404
    theirs = entries(app, 2)
    assert [one.outcome for one in theirs if one.key == known["id"]] == ["failed"]
    assert "東の管理者" in client.get("/audit").text
    assert "閲覧 花子" not in client.get("/audit").text
    lines = client.get("/audit.jsonl").content.splitlines(keepends=True)
    assert check(read_lines(lines)).broken is None
    assert {json.loads(one)["facility"] for one in lines} == {2}


def test_the_page_filters_and_pages(app: FastAPI, client: TestClient, known: dict[str, str]) -> None:
    as_role(client, app.state.engine, Role.OPERATOR, name="<script>alert(1)</script>")
    for _ in range(105):
        client.get(f"/devices/{known['id']}")
    as_role(client, app.state.engine, Role.EXECUTIVE, name="院長")
    page = client.get("/audit", params={"person": "<script>alert(1)</script>"}).text
    assert "<script" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 100
    assert "before=" in page
    older = page.rpartition("before=")[2].partition('"')[0]
    rest = client.get("/audit", params={"person": "<script>alert(1)</script>", "before": older}).text
    assert rest.count(f"/devices/{known['id']}") == 5
    assert client.get("/audit?since=nonsense&until=&before=x&action=y").status_code == 200
    assert client.get("/audit?lang=en&since=2001-01-01&until=2001-01-02").text.count("<tr>") == 0


def test_the_downloads_are_whole_recorded_and_harmless(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR, name="=HYPERLINK(1)")
    data = client.get("/audit.jsonl").content
    with app.state.engine.connect() as connection:
        end = head(connection, 1)
    found = check(read_lines(data.splitlines(keepends=True)), [end])
    assert (found.broken, found.head) == (None, end)
    assert json.loads(data.splitlines()[-1])["action"] == "export"  # the export stands in the export
    rows = list(csv.reader(io.StringIO(client.get("/audit.csv").content.decode("utf-8-sig"))))
    assert not [cell for row in rows for cell in row if cell.startswith(("=", "+", "@"))]
    assert "'=HYPERLINK(1)" in rows[-1]


def test_a_token_is_named(app: FastAPI, client: TestClient) -> None:
    client.cookies.clear()
    assert client.get("/api/v1/ledger", headers=bearer(app.state.engine, Role.OPERATOR)).status_code == 200
    assert entries(app)[-1].name == "test"


def test_an_agent_that_is_refused_is_an_entry_of_the_installation(app: FastAPI, client: TestClient) -> None:
    client.cookies.clear()
    sent = {"content-type": "application/octet-stream"}
    assert client.post("/api/v1/agents/nobody/uploads", content=b"x", headers=sent).status_code == 400
    last = entries(app, 0)[-1]
    assert (last.action, last.kind, last.key, last.outcome) == (
        "ingest_refused",
        "agent",
        "nobody",
        "refused",
    )
    assert json.loads(last.detail) == {"why": "bad-headers"}
