# SPDX-License-Identifier: Apache-2.0
"""What an attacker of the collector tried, and got by with once; each stays shut. `collector/ASVS.md` names them."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from starlette.routing import Route

from collector.agent_problems import Problem
from collector.agents import _read as read_upload
from collector.app import create_app
from collector.oidc import Provider, SignOnFailed, new_flow
from collector.permissions import TABLE, Undeclared
from collector.safe_text import MOST_CELL, neutral_cell
from collector.sections import SignOn
from collector.serving import server_config
from collector.settings import Settings
from collector.visitor import check_routes
from inventory_db import invitations, memberships, passwords, sessions
from inventory_db.account_tables import changing
from inventory_db.accounts import Role
from inventory_db.audit import Action
from inventory_db.audit_log import Wanted, entries
from inventory_db.facilities import add_facility, bind
from inventory_db.ledger import devices, refresh
from inventory_db.notes import Whence
from inventory_db.observations import append
from inventory_db.passwords import TooBusy
from inventory_db.revision import attachments_revision, ledger_revision
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload
from tests.doors_site import NOW, OTHER, Site, quick_hashes
from tests.inventory_engines import ledger_engine
from tests.signed_in import as_role, sign_in

__all__ = ["ledger_engine", "quick_hashes"]

BIG = b"login=" + b"a" * 300_000
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BIG), BIG)
FORM = b"application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("attacked")
    engine = open_ledger(folder / "l.sqlite")
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    engine.dispose()
    return create_app(Settings(ledger=str(folder / "l.sqlite"), state_folder=str(folder)))


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False, follow_redirects=False)


@pytest.fixture(scope="module")
def port(app: FastAPI) -> Iterator[int]:
    """The port of a real server, for requests that no client would send."""
    server = uvicorn.Server(server_config(app, "127.0.0.1", 0, None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def say(port: int, request: bytes) -> int:
    """Send bytes and give the status of what comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        line.sendall(request)
        return int(line.recv(64).split()[1])


@pytest.mark.parametrize(
    ("path", "kind"), [(b"/login", FORM), (b"/api/v1/agents/x/uploads", b"application/octet-stream")]
)
def test_a_small_length_hides_no_big_body(port: int, path: bytes, kind: bytes) -> None:
    """RFC 9112 §6.3: Transfer-Encoding overrides Content-Length, so a length beside it says nothing."""
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: %b\r\nContent-Length: 10\r\n" % (path, kind)
    assert say(port, head + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED) == 411


@pytest.mark.parametrize(
    "host", ["evil.example@localhost", "localhost:x", "localhost/..", "localhost#x", "localhost?x", " "]
)
def test_a_host_is_a_name_and_a_port_and_nothing_else(client: TestClient, host: str) -> None:
    assert client.get("/login", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("path", ["/devices/%00", "/login?next=%00", "/api/v1/ledger?q=%00", "/people?x=%00"])
def test_no_zero_character_reaches_the_database(client: TestClient, app: FastAPI, path: str) -> None:
    """PostgreSQL keeps none: it would be a fault of ours, at will."""
    as_role(client, app.state.engine, Role.ADMINISTRATOR)
    assert client.get(path).status_code == 400


def test_nor_in_a_form(ledger_engine: Engine, tmp_path: Path, quick_hashes: None) -> None:
    browser = Site(ledger_engine, tmp_path).browser()
    assert browser.log_in("\0").status_code in (400, 403)


def test_a_page_of_the_same_name_without_tls_sends_no_form(ledger_engine: Engine, tmp_path: Path) -> None:
    """Somebody on the line can make http://name say anything; its origin has the same name."""
    browser = Site(ledger_engine, tmp_path).browser("https")
    answer = browser.send("/login", headers={"Origin": "http://localhost"}, login="x", password="y")
    assert "login.again" not in answer.text
    assert answer.status_code == 403
    assert answer.text != browser.send("/login", login="x", password="y").text


def test_over_tls_no_neighbour_gives_us_a_form_token(ledger_engine: Engine, tmp_path: Path) -> None:
    """A cookie that another host of the domain may set is no double submit: __Host- is (RFC 6265bis §4.1.3)."""
    shown = Site(ledger_engine, tmp_path).browser("https").get("/login")
    (cookie,) = [one for one in shown.headers.get_list("set-cookie") if "form" in one]
    assert cookie.startswith("__Host-daicho_form=")
    assert "secure" in cookie.lower()


def test_no_kind_of_route_goes_past_the_gate(tmp_path: Path) -> None:
    """A plain Starlette route, or a mount, has no dependencies: the gate would not be asked."""
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    app.router.routes.append(Route("/leak", lambda _: PlainTextResponse("x")))
    with pytest.raises(Undeclared, match="/leak"):
        check_routes(app)


def test_a_borrowed_session_gets_no_app_secret_without_the_password(
    ledger_engine: Engine, tmp_path: Path, quick_hashes: None
) -> None:
    """A wrong code once showed a new secret to whoever sat at the screen, and the right code then made it theirs."""
    site = Site(ledger_engine, tmp_path)
    site.person("suzuki")
    browser = site.browser()
    browser.log_in("suzuki")
    shown = browser.send("/me/app/confirm", "/me", code="000000")
    assert shown.status_code == 400
    assert "<svg" not in shown.text


def test_a_reset_link_is_worthless_once_the_person_has_a_place_elsewhere(
    ledger_engine: Engine, tmp_path: Path, quick_hashes: None
) -> None:
    """Else the first facility's administrator would come in at the second one."""
    site = Site(ledger_engine, tmp_path)
    place = site.person("suzuki")
    with changing(ledger_engine) as c:
        word = invitations.create_invitation(
            c, 1, Role.OPERATOR, "", NOW, Whence(), purpose=invitations.Purpose.RESET, account=place.account
        )
        other = add_facility(c, "next-door", "隣の病院", NOW)
        memberships.grant(c, place.account, other.id, Role.ADMINISTRATOR, NOW)
    attacker = site.browser()
    assert attacker.send(f"/invited/{word}", password=OTHER, again=OTHER).status_code != 303
    assert attacker.log_in("suzuki").status_code == 303


def test_an_old_session_of_somebody_without_a_password_changes_no_way_in(
    ledger_engine: Engine, tmp_path: Path, quick_hashes: None
) -> None:
    """Who comes by the site's own sign-on has no password to show again: only a fresh login may."""
    site = Site(ledger_engine, tmp_path)
    browser = site.browser()
    browser.bring(sign_in(ledger_engine, Role.OPERATOR, now=NOW))
    assert browser.send("/me/password", "/me", password=OTHER, again="else").status_code == 400
    assert browser.send("/me/codes", "/me", sure="yes").status_code == 200
    site.clock.move(minutes=11)
    refused = browser.send("/me/password", "/me", password=OTHER, again=OTHER)
    assert refused.status_code == 400
    assert browser.send("/me/codes", "/me", sure="yes").status_code == 400


def test_what_is_marked_and_approved_stands_in_the_audit_log(client: TestClient, app: FastAPI) -> None:
    as_role(client, app.state.engine, Role.OPERATOR)
    page = client.get("/checklist/R7-hospital").text
    form = dict(re.findall(r'name="(token|sheet|target|number)" value="([^"]*)"', page)[::-1])
    ours = {"Origin": "http://127.0.0.1"}
    marked = client.post("/checklist/R7-hospital", data=form | {"answer": "はい"}, headers=ours)
    assert marked.status_code == 303, marked.text
    with app.state.engine.connect() as c:
        device = devices(c)[0].id
    approval = {"device": device, "port": "22", "reason": "保守", "until": "2999-12-31"}
    until = (datetime.now(UTC) + timedelta(days=30)).date().isoformat()
    said = client.post(
        "/findings/approve",
        data=approval | {"until": until, "token": form["token"]},
        headers=ours,
    )
    assert said.status_code == 303, said.text
    with app.state.engine.connect() as c:
        kept = entries(c, 1, Wanted(action=Action.STATEMENT), most=10)
    assert [one.kind for one in kept] == ["approval", "answer"]


def test_the_same_version_of_two_facilities_is_not_the_same(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as c:
        other = add_facility(c, "next-door", "隣の病院", NOW)
    for version in (ledger_revision, attachments_revision):
        with ledger_engine.connect() as ours, bind(ledger_engine, other.id).connect() as theirs:
            assert version(ours) != version(theirs)


def test_a_provider_that_hangs_takes_no_more_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """After one failure the next people hear so at once, for a little while."""
    clock = [NOW]
    provider = Provider(SignOn(name="x", issuer="http://127.0.0.1:9", client_id="d"), lambda: clock[0])
    asked: list[str] = []

    def hang(request: Any) -> Any:
        asked.append(request.full_url)
        raise TimeoutError

    monkeypatch.setattr(provider, "_open", hang)
    for _ in range(5):
        with pytest.raises(SignOnFailed):
            provider.start("r", "s", new_flow("r"))
    assert len(asked) == 1
    clock[0] += timedelta(minutes=1)
    with pytest.raises(SignOnFailed):
        provider.start("r", "s", new_flow("r"))
    assert len(asked) == 2


def test_a_crowd_at_the_door_leaves_threads_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes when many wait already hears so at once: threads are for agents and pages too."""
    monkeypatch.setattr(passwords, "_WAIT", 600.0)
    busy: list[float] = []

    def come() -> None:
        began = time.monotonic()
        try:
            passwords.verify_password("x" * 12, None)
        except TooBusy:
            busy.append(time.monotonic() - began)

    for _ in range(passwords._AT_ONCE):
        passwords._seats.acquire()
    crowd = [threading.Thread(target=come) for _ in range(passwords.MOST_WAITING + 8)]
    for one in crowd:
        one.start()
    try:
        deadline = time.monotonic() + 60
        while len(busy) < 6 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(busy) == 6
    finally:
        for _ in range(passwords._AT_ONCE):
            passwords._seats.release()
        for one in crowd:
            one.join()


def test_a_bad_word_of_the_second_factor_floods_no_log(
    ledger_engine: Engine, tmp_path: Path, quick_hashes: None
) -> None:
    site = Site(ledger_engine, tmp_path)
    place = site.person("suzuki")
    with changing(ledger_engine) as c:
        token = sessions.open_session(
            c, place, NOW, Whence("192.0.2.1"), sessions.Limits(), stage=sessions.Stage.FACTOR
        )
    browser = site.browser()
    browser.bring(token)
    for _ in range(60):
        browser.send("/second-factor", code="000000")
    with ledger_engine.connect() as c:
        kept = entries(c, 1, Wanted(action=Action.SECOND_FACTOR), most=100)
    assert 0 < len(kept) <= 31


CHANGES = sorted(
    key
    for key, rule in TABLE.items()
    if key.startswith("POST /") and not key.startswith("POST /api/") and rule.who is not None
)


@pytest.mark.parametrize("key", CHANGES)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"])
def test_no_form_of_another_site_changes_anything(
    client: TestClient, app: FastAPI, key: str, kind: str
) -> None:
    """Every POST of the table, as a role that may: without the token, and with it from another origin."""
    role = min(TABLE[key].who or ())
    as_role(client, app.state.engine, role)
    path = re.sub(r"\{\w+\}", "x", key.removeprefix("POST "))
    fields = {"port": "1", "device": "x", "sheet": "x", "target": "x", "number": "x"}
    text = "&".join(f"{name}={value}" for name, value in fields.items()).encode()
    more: dict[str, Any] = {"content": text, "headers": {"Content-Type": kind}}
    if kind.startswith("multipart"):
        more = {"files": {name: (None, value) for name, value in fields.items()}}
    assert client.post(path, **more).status_code in (400, 403), "no token"
    ours = client.get("/me")
    found = re.search(r'name="token" value="([^"]+)"', ours.text)
    assert found
    evil = {"Origin": "http://evil.example"}
    assert client.post(path, data=fields | {"token": found[1]}, headers=evil).status_code in (400, 403)


def test_a_password_hash_and_secret_stand_on_no_page(client: TestClient, app: FastAPI) -> None:
    cookie = sign_in(app.state.engine, Role.ADMINISTRATOR)
    client.cookies.set("daicho_session", cookie)
    for page in ("/people", "/me", "/audit", "/audit.csv", "/api/v1/me"):
        text = client.get(page).text
        assert "$argon2" not in text, page
        assert cookie not in text, page


def test_a_cell_of_a_megabyte_is_one_that_spreadsheets_can_open() -> None:
    assert len(neutral_cell("=" + "巨" * 330_000)) == MOST_CELL
    assert neutral_cell("巨" * 330_000).endswith("…")
    assert neutral_cell("x" * MOST_CELL) == "x" * MOST_CELL


def test_no_depth_of_json_breaks_an_upload() -> None:
    """An unknown key is skipped by the reader, whose depth has an end."""
    deep = b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    with pytest.raises(Problem) as refused:
        read_upload("agent", deep)
    assert refused.value.name == "bad-content"
