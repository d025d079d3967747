# SPDX-License-Identifier: Apache-2.0
"""Every route × every role × own and other facility is exactly as collector.permissions declares it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.permissions import TABLE, Rule, Undeclared, check_table
from collector.settings import Settings
from collector.visitor import HOME, route_keys
from inventory_db import tables
from inventory_db.accounts import Role
from inventory_db.facilities import add_facility, bind
from inventory_db.ledger import devices, refresh
from inventory_db.observations import append, load
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload as hospital
from tests.inventory_cases import START
from tests.signed_in import as_role, bearer

NOT_LET_IN = (303, 401, 403)  # to the login or the own home; no token; not this role
OUTSIDE = {Role.VENDOR, Role.INSPECTOR}  # no program speaks for them
GUARDED = {key: rule for key, rule in TABLE.items() if rule.who is not None}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A collector with two facilities; only the first has devices."""
    folder = tmp_path_factory.mktemp("matrix")
    engine = open_ledger(folder / "l.sqlite")
    with writing(engine) as connection:
        append(connection, hospital())
        refresh(connection)
        add_facility(connection, "higashi", "東病院", START)
    engine.dispose()
    return create_app(Settings(ledger=str(folder / "l.sqlite"), state_folder=str(folder)))


@pytest.fixture(scope="module")
def known(app: FastAPI) -> dict[str, str]:
    """Ids of the first facility, for every placeholder of a route."""
    with app.state.engine.connect() as connection:
        device = next(one for one in devices(connection) if one.observations)
        observation = next(one for one in load(connection) if one.id in device.observations)
    return {
        "membership": "none",
        "word": "none",
        "key": "c8",
        "id": device.id,
        "observation": observation.id,
        "kind": "vendor",
        "form": "json",
        "edition": "R7-hospital",
        "format": "glpi",
        "folder": "data",
        "file": "none",
        "name": "devices.json",
    }


def ask(client: TestClient, key: str, known: dict[str, str], **more: Any) -> int:
    method, _, path = key.partition(" ")
    if method in ("POST", "PUT", "PATCH") and path.startswith("/api/"):
        more.setdefault("json", {})
    return client.request(method, path.format_map(known), follow_redirects=False, **more).status_code


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)


def test_the_table_names_every_route(app: FastAPI) -> None:
    assert set(route_keys(app.routes)) == set(TABLE)
    with pytest.raises(Undeclared, match="GET /new"):
        check_table([*TABLE, "GET /new"])
    with pytest.raises(Undeclared, match="GET /healthz"):
        check_table(set(TABLE) - {"GET /healthz"})


@pytest.mark.parametrize("key", GUARDED)
def test_nobody_is_let_in(client: TestClient, known: dict[str, str], key: str) -> None:
    wanted = 401 if " /api/" in key else 303
    assert ask(client, key, known) == wanted
    assert ask(client, key, known, headers={"Authorization": "Bearer daicho_nonsense"}) == wanted
    client.cookies.set("daicho_session", "nonsense")
    assert ask(client, key, known) == wanted


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("key", GUARDED)
def test_each_role_may_what_the_table_says(
    app: FastAPI, client: TestClient, known: dict[str, str], key: str, role: Role
) -> None:
    rule: Rule = GUARDED[key]
    as_role(client, app.state.engine, role)
    status = ask(client, key, known)
    if key == "GET /" and role in HOME:
        assert status == 303
    elif rule.who and role in rule.who and key.startswith("GET "):
        assert status not in (401, 403)
    elif rule.who and role in rule.who:
        assert status != 401  # a change without form token or body is refused for that
    else:
        assert status == 403


@pytest.mark.parametrize("key", [key for key in GUARDED if "{id}" in key])
def test_the_other_facility_sees_nothing_of_ours(
    app: FastAPI, client: TestClient, known: dict[str, str], key: str
) -> None:
    for role in GUARDED[key].who or ():
        as_role(client, bind(app.state.engine, 2), role, 2)
        assert ask(client, key, known) in (404, 403, 400, 405, 415, 422), (key, role)
        if key.startswith("GET "):
            assert ask(client, key, known) == 404


def test_the_other_facilitys_ledger_is_empty(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.OPERATOR, 2)
    assert client.get("/api/v1/ledger").json()["devices"] == []
    assert client.get("/journal").text.count("10.20.") == 0
    as_role(client, app.state.engine, Role.OPERATOR, 1)
    assert client.get("/api/v1/ledger").json()["devices"] != []


@pytest.mark.parametrize("key", [key for key, rule in GUARDED.items() if rule.people_only])
def test_no_token_changes_accounts_and_rights(
    app: FastAPI, client: TestClient, known: dict[str, str], key: str
) -> None:
    assert ask(client, key, known, headers=bearer(app.state.engine, Role.ADMINISTRATOR)) == 403


@pytest.mark.parametrize(
    "key",
    [
        key
        for key, rule in GUARDED.items()
        if key.startswith("GET ") and not rule.people_only and rule.who and rule.who - OUTSIDE
    ],
)
def test_a_token_needs_the_scope(app: FastAPI, client: TestClient, known: dict[str, str], key: str) -> None:
    client.cookies.clear()
    engine, rule = app.state.engine, GUARDED[key]
    role = sorted(rule.who or ())[0]
    without = {"read", "write", "export", "agents"} - {rule.scope}
    assert ask(client, key, known, headers=bearer(engine, role, scopes=without)) == 403
    assert ask(client, key, known, headers=bearer(engine, role, scopes={rule.scope})) not in NOT_LET_IN


def test_rights_end_at_once(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.OPERATOR)
    assert client.get("/").status_code == 200
    with app.state.engine.begin() as connection:
        connection.execute(tables.metadata.tables["accounts_memberships"].update().values(ended=1))
    assert client.get("/", follow_redirects=False).status_code == 303


def test_the_word_of_a_link_comes_into_no_log(tmp_path: Path) -> None:
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    client = TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    assert client.post("/invited/the-secret-word-of-a-link", data={"token": "x"}).status_code == 403
    app.state.audit.flush(datetime.now(UTC) + timedelta(hours=1))
    with app.state.engine.connect() as connection:
        rows = connection.execute(tables.metadata.tables["audit"].select()).all()
    assert not [row for row in rows if "secret-word" in str(row)]
    assert [row for row in rows if "/invited/{word}" in row.detail]
