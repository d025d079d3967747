# SPDX-License-Identifier: Apache-2.0
"""The facility's side of its vendors: disagreements first, data by form, invitations, documents."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from inventory_db import ledger, statements
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.audit import Action
from inventory_db.audit_log import Wanted, entries
from inventory_db.facilities import bind
from inventory_db.invitations import accept_as_new, list_invitations
from inventory_db.notes import Note, Whence, note
from inventory_db.stated import Document, Vendor
from tests.outside_site import make_site, paths, send, vendor
from tests.signed_in import as_role


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return make_site(tmp_path)


@pytest.fixture
def engine(app: FastAPI) -> Engine:
    found: Engine = app.state.engine
    return found


@pytest.fixture
def client(app: FastAPI, engine: Engine) -> TestClient:
    """An administrator of facility 1."""
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    return as_role(client, engine, Role.ADMINISTRATOR, name="佐藤花子")


def stated(engine: Engine) -> dict[str, Vendor]:
    with engine.connect() as connection:
        return {key: one.said for key, one in statements.standing(connection, Vendor).items()}


def names(client: TestClient) -> list[str]:
    return re.findall(r'class="value" href="/vendors/[^"]+">([^<]+)<', client.get("/vendors").text)


def test_disagreements_stand_first(app: FastAPI, engine: Engine, client: TestClient) -> None:
    a, b = vendor(app, engine, "va", "山田"), vendor(app, engine, "vb", "田中")
    for who in (a, b):
        for path in paths(who).values():
            assert send(who, path, state="confirmed", evidence="申請書").status_code == 303
    assert names(client) == ["アルファ電子", "ベータ画像"] or names(client)[0] == "ベータ画像"
    assert send(a, paths(a)["AlphaSIM"], state="denied", evidence="社内確認").status_code == 303
    shown = client.get("/vendors/va").text
    assert "使っていないとの答え" in shown
    assert "社内確認" in shown
    send(b, paths(b)["BetaTunnel"], state="corrected", correction="SSLではなくIPsec", evidence="申請書")
    assert names(client) == ["アルファ電子", "ベータ画像"]


def test_the_data_of_a_vendor_is_changed_by_form(engine: Engine, client: TestClient) -> None:
    with engine.connect() as connection:
        numbers = {row.device.id: row.number for row in ledger.official_rows(connection)}
    device = stated(engine)["vb"].devices[0]
    values = {
        "name": "アルファ電子㈱", "contract": "1", "contract_until": "2027-03-31", "systems": "電子カルテ\nPACS",
        "contact": "03-0000-0000", "devices": f"{numbers[device]}", "excluded": ["server/2-7", "nonsense"],
    }  # fmt: skip
    assert send(client, "/vendors", "/vendors/va", id="va", **values).status_code == 303
    said = stated(engine)["va"]
    assert (said.name, said.systems, said.devices) == ("アルファ電子㈱", ("電子カルテ", "PACS"), (device,))
    assert said.excluded == ("server/2-7",)
    assert str(said.contract_until) == "2027-03-31"
    with engine.connect() as connection:
        (entry, *_) = entries(connection, 1, Wanted(action="statement", key="va"))
    assert entry.name == "佐藤花子"


def test_a_new_vendor_and_what_cannot_be_one(engine: Engine, client: TestClient) -> None:
    assert 'value="v1"' in client.get("/vendors/new").text
    good = {"new": "1", "id": "v1", "name": "ガンマ検査", "contract": "1"}
    for wrong in (
        {"id": "va"}, {"id": "V 1"}, {"id": ""}, {"name": " "}, {"devices": "9999"}, {"contract_until": "いつか"},
    ):  # fmt: skip
        answer = send(client, "/vendors", "/vendors/new", **(good | wrong))
        assert answer.status_code == 400, wrong
        assert 'role="alert"' in answer.text
    assert send(client, "/vendors", "/vendors/new", id="v9", name="x").status_code == 400
    assert set(stated(engine)) == {"va", "vb"}
    assert send(client, "/vendors", "/vendors/new", **good).status_code == 303
    assert stated(engine)["v1"].name == "ガンマ検査"


def test_an_invitation_is_bound_to_the_contract(app: FastAPI, engine: Engine, client: TestClient) -> None:
    shown = send(client, "/vendors/va/invite", "/vendors/va", name="山田太郎", email="y@example.jp")
    word = re.search(r"/invited/([\w-]+)", shown.text)
    assert word
    assert word[1] not in client.get("/vendors/va").text
    now = datetime.now(UTC)
    with engine.connect() as connection:
        (link,) = list_invitations(connection, 1, now)
    assert (link.role, link.bound_to) == (Role.VENDOR, "va")
    with changing(engine) as connection:
        place = accept_as_new(connection, word[1], "yamada", "山田太郎", None, now, Whence("127.0.0.1"))
        note(connection, Note(Action.LOGIN, now, Whence("127.0.0.1", account=place.account, facility=1)))
    listed = client.get("/vendors").text
    assert "山田太郎" in listed
    assert f"{now.astimezone():%Y}" in listed
    assert send(client, "/vendors/va/invite", "/vendors/va", name=" ").status_code == 400
    assert client.post("/vendors/va/invite", data={"name": "x", "token": "y"}).status_code == 403


def test_who_may_what(app: FastAPI, engine: Engine, client: TestClient) -> None:
    as_role(client, engine, Role.EXECUTIVE)
    page = client.get("/vendors/va").text
    assert "<form" not in page
    assert client.get("/vendors/new").status_code == 403
    as_role(client, engine, Role.OPERATOR)
    assert send(client, "/vendors", "/vendors/va", id="va", name="アルファ", contract="1").status_code == 303
    assert client.post("/vendors/va/invite").status_code == 403
    as_role(client, bind(engine, 2), Role.ADMINISTRATOR, 2)
    assert client.get("/vendors/vb").status_code == 404
    assert "アルファ電子" not in client.get("/vendors/va").text
    assert send(client, "/vendors/vb/invite", "/vendors/va", name="x").status_code == 404


def test_documents_come_as_downloads(app: FastAPI, engine: Engine, client: TestClient) -> None:
    with changing(engine) as connection:
        create_account(connection, "someone", "誰か", None, datetime.now(UTC))
    who = vendor(app, engine, "vb", "田中")
    files = {"file": ("mds.pdf", b"%PDF-1.7 x", "text/html")}
    answer = send(who, "/vendor/documents", "/vendor/documents", files=files, type="mds", on="2026-10-01")
    assert answer.status_code == 303
    with engine.connect() as connection:
        (said,) = (one.said for one in statements.standing(connection, Document).values())
    got = client.get(f"/vendors/vb/files/{said.attachments[0]}")
    assert got.content == b"%PDF-1.7 x"
    assert got.headers["content-disposition"].startswith("attachment")
    assert client.get(f"/vendors/va/files/{said.attachments[0]}").status_code == 404
