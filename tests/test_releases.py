# SPDX-License-Identifier: Apache-2.0
"""Releases: what is asked first, what is kept, who reads it, that it ends, and that nothing else is ever reached."""

import hashlib
import io
import re
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import text

from collector.app import create_app
from collector.documents.pack_check import check_pack
from collector.settings import Settings
from inventory_db import pins
from inventory_db.accounts import Role
from inventory_db.audit_log import Wanted, entries
from inventory_db.facilities import add_facility, bind
from inventory_db.invitations import list_invitations
from inventory_db.ledger import devices, edit, refresh
from inventory_db.observations import append
from inventory_db.releases import Release, add_release, find_release, list_releases, pack_of, release_ends
from inventory_db.tables import open_ledger, writing
from tests.browser.material import SCRIPT
from tests.browser.material import upload as hospital
from tests.inventory_cases import START
from tests.papers_material import needs_fonts
from tests.signed_in import as_role

pytestmark = needs_fonts

LATER = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    """A collector with a small hospital and a second facility without anything."""
    folder = tmp_path_factory.mktemp("release")
    engine = open_ledger(folder / "l.sqlite")
    with writing(engine) as connection:
        append(connection, hospital())
        refresh(connection)
        add_facility(connection, "higashi", "東病院", START)
    engine.dispose()
    return create_app(Settings(ledger=str(folder / "l.sqlite"), state_folder=str(folder)))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)


def send(client: TestClient, page: str, path: str, **form: str) -> Any:
    token = re.search(r'name="token" value="([^"]+)"', client.get(page).text)
    assert token
    return client.post(path, data={"token": token[1], **form}, headers={"Origin": "http://127.0.0.1"})


@pytest.fixture(scope="module")
def released(app: FastAPI) -> Release:
    """One release, made through the pages by an administrator."""
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    as_role(client, app.state.engine, Role.ADMINISTRATOR, name="佐藤花子")
    page = f"/releases/new?until={LATER}&note=保健所"
    answer = send(client, page, "/releases", until=LATER, note="保健所 <b>", edition="")
    assert answer.status_code == 303, answer.text
    with app.state.engine.connect() as connection:
        return list_releases(connection)[0]


@pytest.fixture
def inspector(app: FastAPI, client: TestClient, released: Release) -> TestClient:
    return as_role(client, app.state.engine, Role.INSPECTOR, bound_to=released.id, name="検査太郎")


def test_asking_first_releases_nothing(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.EXECUTIVE)
    with app.state.engine.connect() as connection:
        before = len(list_releases(connection))
    shown = client.get(f"/releases/new?until={LATER}")
    assert shown.status_code == 200
    assert "機器台帳" in shown.text
    assert "証拠一覧" in shown.text
    assert client.get("/releases/new?until=2020-01-01").headers["location"] == "/releases?trouble=release_day"
    assert client.get("/releases/new?until=tomorrow").headers["location"] == "/releases?trouble=release_day"
    assert client.get(f"/releases/new?until={LATER}&edition=none").status_code == 303
    assert 'role="alert"' in client.get("/releases?trouble=release_day").text
    with app.state.engine.connect() as connection:
        assert len(list_releases(connection)) == before


def test_a_form_from_elsewhere_releases_nothing(app: FastAPI, client: TestClient) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR)
    assert client.post("/releases", data={"until": LATER}).status_code == 403
    for path in ("/releases/x/withdraw", "/releases/x/invite"):
        assert client.post(path, data={"token": "x"}).status_code == 403


def test_what_is_kept_is_the_signed_pack_with_its_pins_and_its_entry(app: FastAPI, released: Release) -> None:
    with app.state.engine.connect() as connection:
        data = pack_of(connection, released.id)
        assert data is not None
        assert check_pack(data).problems == ()
        assert check_pack(data).fingerprint == released.fingerprint
        assert hashlib.sha256(data).hexdigest() == released.sha256
        assert released.by == "佐藤花子"
        assert f"release:{released.id}" in pins.reasons(connection)
        assert len(pins.pinned(connection)) > 60  # every device of the ledger stands on something
        (entry, *_) = entries(connection, 1, Wanted(action="release", key=released.id))
    assert entry.name == "佐藤花子"
    assert released.sha256 in entry.detail


def test_a_release_is_never_changed(app: FastAPI, released: Release) -> None:
    with bind(app.state.engine, 9).begin() as connection:
        connection.execute(release_ends.insert().values(id="x", at=1, by="x"))
    for order in ("UPDATE releases SET until = 0", "DELETE FROM releases", "DELETE FROM release_ends"):
        with app.state.engine.connect() as connection, pytest.raises(Exception, match="append-only"):
            connection.execute(text(order))


def pages_of(client: TestClient) -> list[str]:
    """Every address of ours that the reader can come to by links."""
    seen, todo = [], ["/inspection"]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.append(path)
        answer = client.get(path)
        assert answer.status_code == 200, path
        if "text/html" not in answer.headers["content-type"]:
            assert answer.headers["content-disposition"].startswith("attachment"), path
            continue
        for link in re.findall(r'(?:href|src)="([^"#?]+)', answer.text):
            if link.startswith("/inspection"):
                todo.append(unquote(link))
    return seen


def test_the_reader_comes_to_every_paper_and_to_nothing_else(app: FastAPI, inspector: TestClient) -> None:
    paths = pages_of(inspector)
    for kind in ("ledger", "register", "diagram", "annex", "coverage", "survey", "bcp", "checks-0"):
        assert f"/inspection/pages/{kind}.html" in paths
    assert "/inspection/書類/機器台帳.pdf" in paths
    assert "/inspection/pack.zip" in paths
    assert any(path.endswith(".svg") for path in paths)
    for path in (
        "/", "/register", "/diagram", "/ledger.csv", "/pack.zip", "/audit", "/releases",
        "/api/v1/ledger", "/journal",
    ):  # fmt: skip
        assert inspector.get(path).status_code in (303, 403), path
    assert inspector.get("/").headers["location"] == "/inspection"
    for path in ("/inspection/nothing.txt", "/inspection/pages/none.html", "/inspection/pages/..%2Findex.html",
                 "/inspection/书/x", "/inspection/data/../MANIFEST.sig"):  # fmt: skip
        assert inspector.get(path).status_code in (404, 200), path
    assert inspector.get("/inspection/pages/none.html").status_code == 404


def test_every_file_is_the_one_that_was_signed(
    app: FastAPI, inspector: TestClient, released: Release
) -> None:
    data = inspector.get("/inspection/pack.zip").content
    assert hashlib.sha256(data).hexdigest() == released.sha256
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith(("書類/", "data/", "MANIFEST", "public")):
                answer = inspector.get(f"/inspection/{name}")
                assert answer.content == archive.read(name), name
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["content-disposition"].startswith("attachment")


def test_what_changes_later_is_not_in_what_was_released(app: FastAPI, inspector: TestClient) -> None:
    with writing(app.state.engine) as connection:
        edit(connection, devices(connection)[0].id, "説明", "あとから書いた言葉", "鈴木", START)
    assert "あとから書いた言葉" not in inspector.get("/inspection/pages/ledger.html").text
    assert "0件" in inspector.get("/inspection/search?q=あとから書いた言葉").text


def test_search_finds_words_in_ledger_and_evidence(inspector: TestClient) -> None:
    found = inspector.get("/inspection/search?q=rtx1210").text
    assert "機器台帳" in found
    assert "証拠一覧" in found
    assert re.search(r'href="/inspection/pages/annex(?:-\d+)?\.html#E-\d+"', found)
    wide = inspector.get("/inspection/search?q=ＲＴＸ１２１０").text
    assert re.findall(r"<td", wide) == re.findall(r"<td", found)
    assert "見つかりました" in inspector.get("/inspection/search?q=10.10.1&kind=ledger&page=1").text
    none = inspector.get("/inspection/search?q=そんな言葉はない").text
    assert "ありません" in none
    assert inspector.get(f"/inspection/search?q={'a ' * 500}").status_code == 400


def test_hostile_words_are_text(inspector: TestClient) -> None:
    for path in ("/inspection/pages/ledger.html", "/inspection/search?q=script", "/inspection/search?q=img"):
        shown = inspector.get(path).text
        assert SCRIPT not in shown
        assert "<img src=x" not in shown
        assert "\u202e" not in shown
    assert "&lt;script&gt;" in inspector.get("/inspection/search?q=script").text


def test_every_read_is_in_the_audit_log(app: FastAPI, inspector: TestClient, released: Release) -> None:
    inspector.get("/inspection/pages/ledger.html")
    with app.state.engine.connect() as connection:
        (newest, *_) = entries(connection, 1, Wanted(person="検査太郎"))
    assert newest.key == "pages/ledger.html"
    assert released.id in newest.detail


def test_a_link_is_shown_once_and_bound_to_the_release(
    app: FastAPI, client: TestClient, released: Release
) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR)
    answer = send(client, "/releases", f"/releases/{released.id}/invite", name="検査次郎")
    assert "/invited/" in answer.text
    assert "/invited/" not in client.get("/releases").text
    with app.state.engine.connect() as connection:
        (link, *_) = list_invitations(connection, 1, datetime.now(UTC))
    assert (link.role, link.bound_to, link.until) == (Role.INSPECTOR, released.id, released.until)


def test_other_releases_and_other_facilities_are_out_of_reach(
    app: FastAPI, client: TestClient, released: Release
) -> None:
    engine = app.state.engine
    until = datetime.now(UTC) + timedelta(days=1)
    with writing(bind(engine, 2)) as connection:
        theirs = add_release(connection, b"PK", by="x", made=START, until=until)
    as_role(client, engine, Role.INSPECTOR, bound_to=theirs.id)  # at facility 1, with the id of facility 2
    assert client.get("/inspection").status_code == 410
    as_role(client, bind(engine, 2), Role.INSPECTOR, 2, bound_to=released.id)
    assert client.get("/inspection/pack.zip").status_code == 410
    as_role(client, bind(engine, 2), Role.ADMINISTRATOR, 2)
    assert client.get(f"/releases/{released.id}/pack.zip").status_code == 404
    assert released.sha256 not in client.get("/releases").text
    for sure in ("", "yes"):
        assert send(client, "/releases", f"/releases/{released.id}/withdraw", sure=sure).status_code == 404
    with engine.connect() as connection:
        found = find_release(connection, released.id)
    assert found is not None
    assert found.withdrawn is None


def test_it_ends_by_itself_and_when_it_is_withdrawn(
    app: FastAPI, client: TestClient, released: Release
) -> None:
    engine = app.state.engine
    until = datetime.now(UTC) + timedelta(days=1)
    with writing(engine) as connection:
        data = pack_of(connection, released.id) or b""
        over = add_release(connection, data, by="x", made=START, until=datetime.now(UTC))
        other = add_release(connection, data, by="x", made=START, until=until)
    as_role(client, engine, Role.INSPECTOR, bound_to=over.id)
    ended = client.get("/inspection/pages/ledger.html")
    assert ended.status_code == 410
    assert "開示は終わりました" in ended.text
    reader = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    as_role(reader, engine, Role.INSPECTOR, bound_to=other.id)
    assert reader.get("/inspection").status_code == 200
    as_role(client, engine, Role.ADMINISTRATOR)
    link = send(client, "/releases", f"/releases/{other.id}/invite", name="検査三郎")
    word = re.search(r"/invited/([\w-]+)", link.text)
    assert word
    asked = send(client, "/releases", f"/releases/{other.id}/withdraw")
    assert "この開示を取り消しますか" in asked.text
    assert reader.get("/inspection").status_code == 200  # asking did nothing
    assert send(client, "/releases", f"/releases/{other.id}/withdraw", sure="yes").status_code == 303
    gone = reader.get("/inspection")
    assert gone.status_code == 303  # the session has ended with the release
    assert gone.headers["location"].startswith("/login")
    with engine.connect() as connection:
        assert other.id not in [one.bound_to for one in list_invitations(connection, 1, datetime.now(UTC))]
    assert send(client, "/releases", f"/releases/{other.id}/withdraw").status_code == 404


def test_no_fonts_no_release(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    as_role(client, app.state.engine, Role.ADMINISTRATOR)
    monkeypatch.setattr("collector.documents.pack.font_folder", lambda: tmp_path)
    with app.state.engine.connect() as connection:
        before = len(list_releases(connection))
    answer = send(client, "/releases", "/releases", until=LATER)
    assert answer.status_code == 503
    with app.state.engine.connect() as connection:
        assert len(list_releases(connection)) == before
