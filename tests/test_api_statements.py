# SPDX-License-Identifier: Apache-2.0
"""Verdicts and statements over HTTP: what is kept, what is refused before it is read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.api.declared import MOST_JSON
from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from tests.signed_in import as_role, bearer

STATEMENTS = "/api/v1/statements"
VENDOR = {"id": "a", "name": "A社"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite")))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def post(client: TestClient, kind: str, statement: object, **headers: str) -> Any:
    body = json.dumps({"statement": statement})
    sent = {"content-type": "application/json", **headers}
    return client.post(f"{STATEMENTS}/{kind}", content=body, headers=sent)


def test_a_statement_is_kept_given_back_and_taken_back(client: TestClient) -> None:
    assert post(client, "vendor", VENDOR).status_code == 201
    (kept,) = client.get(f"{STATEMENTS}/vendor").json()["statements"]
    me = client.get("/api/v1/me").json()["name"]
    assert (kept["key"], kept["who"], kept["statement"]) == ("a", me, VENDOR)
    assert client.delete(f"{STATEMENTS}/vendor?key=a").status_code == 204
    assert client.get(f"{STATEMENTS}/vendor").json()["statements"] == []
    history = client.get(f"{STATEMENTS}/vendor?history=true").json()["statements"]
    assert [(one["who"], one["statement"] is None) for one in history] == [(me, False), (me, True)]
    assert client.delete(f"{STATEMENTS}/vendor?key=a").status_code == 404


def test_nobody_states_in_another_s_name(client: TestClient) -> None:
    body = json.dumps({"who": "院長", "statement": VENDOR})
    kept = client.post(f"{STATEMENTS}/vendor", content=body, headers={"content-type": "application/json"})
    assert kept.status_code == 201
    (entry,) = client.get(f"{STATEMENTS}/vendor").json()["statements"]
    assert entry["who"] == client.get("/api/v1/me").json()["name"]


def test_nobody_overwrites_a_newer_word(client: TestClient) -> None:
    first = post(client, "vendor", VENDOR)
    version = first.headers["etag"]
    assert version == f'"{first.json()["version"]}"'
    assert (
        client.get(f"{STATEMENTS}/vendor?key=a").json()["statements"][0]["version"] == first.json()["version"]
    )
    assert post(client, "vendor", VENDOR | {"name": "B社"}, **{"If-Match": version}).status_code == 201
    late = post(client, "vendor", VENDOR | {"name": "C社"}, **{"If-Match": version})
    assert (late.status_code, late.json()["title"]) == (412, "changed-meanwhile")
    gone = client.delete(f"{STATEMENTS}/vendor?key=a", headers={"If-Match": version})
    assert gone.status_code == 412
    assert post(client, "vendor", VENDOR, **{"If-None-Match": "*"}).status_code == 412
    assert post(client, "vendor", VENDOR | {"id": "b"}, **{"If-None-Match": "*"}).status_code == 201
    assert client.get(f"{STATEMENTS}/vendor?key=a").json()["statements"][0]["statement"]["name"] == "B社"


def test_the_check_shows_what_was_answered(client: TestClient) -> None:
    answer = {"edition": "R6-hospital", "sheet": "facility", "target": "server", "number": "2-4"}
    assert post(client, "answer", answer | {"answer": "はい", "on": "2024-06-01"}).status_code == 201
    document = client.get("/api/v1/checks/R6-hospital").json()
    assert document["schema"] == "daicho/check/1"
    (item,) = [one for one in document["sheets"][0]["items"] if one["key"] == "server/2-4"]
    assert item["mark"] == "はい"
    earlier = client.get("/api/v1/checks/R6-hospital?at=2020-01-01").json()
    assert all(one["mark"] is None for one in earlier["sheets"][0]["items"])


def test_the_editions_are_listed(client: TestClient) -> None:
    found = {one["id"]: one["status"] for one in client.get("/api/v1/checks").json()["editions"]}
    assert found["R6-hospital"] == "final"
    assert found["R7-hospital"] == "provisional"


@pytest.mark.parametrize(
    ("kind", "statement", "status", "named"),
    [
        ("vendr", VENDOR, 404, "vendor"),
        ("vendor", {"id": "a"}, 422, "name"),
        ("vendor", VENDOR | {"typo": 1}, 422, "typo"),
        ("vendor", VENDOR | {"devices": ["nobody"]}, 422, "devices"),
        ("vendor", VENDOR | {"contract_until": "1200-01-01"}, 422, "contract_until"),
        ("vendor", "A社", 422, ""),
    ],
)
def test_what_cannot_be_right_is_refused_in_both_languages(
    client: TestClient, kind: str, statement: object, status: int, named: str
) -> None:
    answer = post(client, kind, statement)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["ja"]
    assert named in answer.json()["en"]
    assert client.get(f"{STATEMENTS}/vendor").json()["statements"] == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": str(MOST_JSON + 1)}, 413),
        ({"Host": "evil.example"}, 421),
    ],
)
def test_a_change_from_elsewhere_is_not_even_read(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    assert post(client, "vendor", VENDOR, **headers).status_code == status
    assert client.get(f"{STATEMENTS}/vendor").json()["statements"] == []


def test_nobody_else_takes_a_statement_back(client: TestClient) -> None:
    assert post(client, "vendor", VENDOR, Origin="http://127.0.0.1").status_code == 201
    foreign = client.delete(f"{STATEMENTS}/vendor?key=a", headers={"Origin": "http://evil.example"})
    assert foreign.status_code == 403
    assert len(client.get(f"{STATEMENTS}/vendor").json()["statements"]) == 1


@pytest.mark.parametrize(
    "where", ["/api/v1/checks/R99", "/api/v1/checks/R6-hospital?at=soon", f"{STATEMENTS}/nothing"]
)
def test_what_is_not_there_is_a_problem_document(client: TestClient, where: str) -> None:
    answer = client.get(where)
    assert answer.status_code in (404, 422)
    assert answer.json()["ja"]


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"who": 1}', b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_no_wish_is_refused(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{STATEMENTS}/vendor", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_the_reading_of_a_configuration_is_never_typed(client: TestClient) -> None:
    made_up = {
        "whole": True,
        "management": [{"service": "https", "restricted": True, "sources": ["10.0.0.1"]}],
    }
    said = {"device": "", "file": "a", "sha256": "0" * 64, "on": "2024-11-01", "reading": made_up}
    refused = post(client, "configuration", said)
    assert refused.status_code == 422
    assert "daicho load config" in refused.json()["ja"]
    assert client.get(f"{STATEMENTS}/configuration").json()["statements"] == []


ANSWER = {"edition": "R6-hospital", "sheet": "facility", "target": "organisation", "number": "1-1"} | {
    "answer": "はい",
    "on": "2024-11-01",
}


def test_only_a_person_says_yes_or_no(client: TestClient) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]
    mine = dict(client.cookies)
    client.cookies.clear()
    token = bearer(engine, Role.ADMINISTRATOR)
    for path in ("answer", "%61nswer", "answer/"):
        refused = client.post(f"{STATEMENTS}/{path}", json={"statement": ANSWER}, headers=token)
        assert (refused.status_code, refused.headers["content-type"]) == (403, "application/problem+json")
    assert (
        client.delete(
            f"{STATEMENTS}/answer?key=R6-hospital/facility//organisation/1-1/1", headers=token
        ).status_code
        == 403
    )
    assert client.get(f"{STATEMENTS}/answer", headers=token).json()["statements"] == []
    assert post(client, "vendor", VENDOR, **token).status_code == 201
    client.cookies.update(mine)
    said = post(client, "answer", ANSWER)
    assert said.status_code == 201, said.text
    assert client.delete(f"{STATEMENTS}/answer", params={"key": said.json()["key"]}).status_code == 204
