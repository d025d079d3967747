# SPDX-License-Identifier: Apache-2.0
"""A vendor's pages: its own paths, its word on them, its sheet and documents; and nothing of anybody else."""

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.register import found_key
from inventory_db import attachments, ledger, statements
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.audit_log import Wanted, entries
from inventory_db.device import Device
from inventory_db.drafts import find_draft
from inventory_db.memberships import grant
from inventory_db.notes import Whence
from inventory_db.sessions import Limits, open_session
from inventory_db.stated import Answer, Confirmation, Document
from tests.browser.material import BIDI, FORMULA, SCRIPT
from tests.outside_site import EDITION, make_site, paths, send, vendor
from tests.papers_material import needs_fonts
from tests.signed_in import COOKIE, as_role

PDF = b"%PDF-1.7\n" + b"x" * 200_000  # larger than any other form may be


@pytest.fixture
def app(tmp_path: Path) -> FastAPI:
    return make_site(tmp_path)


@pytest.fixture
def engine(app: FastAPI) -> Engine:
    found: Engine = app.state.engine
    return found


@pytest.fixture
def client(app: FastAPI, engine: Engine) -> TestClient:
    """Somebody of vendor A at facility 1."""
    return vendor(app, engine, "va", "山田太郎")


def devices(engine: Engine) -> tuple[Device, ...]:
    with engine.connect() as connection:
        return tuple(ledger.devices(connection))


def said(engine: Engine, kind: type[Any] = Confirmation) -> dict[str, Any]:
    with engine.connect() as connection:
        return {key: one.said for key, one in statements.standing(connection, kind).items()}


def test_a_vendor_sees_its_own_paths_and_nobody_elses(
    app: FastAPI, engine: Engine, client: TestClient
) -> None:
    assert set(paths(client)) == {"AlphaGate", "AlphaSIM"}
    other = vendor(app, engine, "vb", "田中")
    assert set(paths(other)) == {"BetaGate", "BetaTunnel"}
    for who, foreign in (
        (client, ("ベータ", "Beta", "beta@", "10.20.1.41", "rb", "東のアルファ")),
        (other, ("アルファ", "AlphaSIM", "AlphaGate", "山田")),
    ):
        for page in ("/vendor", "/vendor/sheet", "/vendor/documents", *paths(who).values()):
            shown = re.sub(r"token\" value=\"[^\"]*|href=\"[^\"]*", "", who.get(page).text)
            assert [
                word for word in foreign if re.search(rf"(?<![a-z]){re.escape(word)}(?![a-z])", shown)
            ] == []


def test_a_vendor_enters_no_other_page(client: TestClient) -> None:
    for path in ("/", "/register", "/ledger.json", "/journal", "/api/v1/ledger", "/api/v1/statements/vendor", "/pack.zip",
                 "/inspection", "/releases", "/audit", "/people"):  # fmt: skip
        assert client.get(path).status_code in (303, 403), path
    assert client.get("/").headers["location"] == "/vendor"


def test_a_path_of_another_cannot_be_confirmed(app: FastAPI, engine: Engine, client: TestClient) -> None:
    other = vendor(app, engine, "vb", "田中")
    east = vendor(app, engine, "va", "東の人", 2)
    foreign = [*paths(other).values(), *paths(east).values(), "/vendor/paths/0000000000000000"]
    assert len(foreign) == 4
    for path in foreign:
        assert client.get(path).status_code == 404
        assert send(client, path, state="confirmed", evidence="x").status_code == 404
    assert said(engine) == {}


def test_confirming_is_kept_as_the_word_of_who_is_signed_in(engine: Engine, client: TestClient) -> None:
    done = send(
        client, paths(client)["AlphaGate"], state="confirmed", by="別人", users="保守部 2名", where="東京本社",
        sources="203.0.113.5\n198.51.100.0/28", means="ssl_vpn", product="AlphaGate", restriction="送信元アドレス",
        authentication="証明書", ids="個人", terminal_safety="専用端末", timing="作業前に電話", purpose="障害対応",
        evidence="申請書 第12号", valid_until="2027-03-31",
    )  # fmt: skip
    assert done.status_code == 303, done.text
    ((key, one),) = said(engine).items()
    device = next(d for d in devices(engine) if any(a.ip == "10.10.1.31" for a in d.addresses))
    assert key == f"va/{found_key(device.id, 'ssl_vpn', 443)}"
    assert (one.by, one.users, one.sources) == (
        "山田太郎",
        "保守部 2名",
        ("203.0.113.5/32", "198.51.100.0/28"),
    )
    with engine.connect() as connection:
        assert statements.standing(connection, Confirmation)[key].who == "山田太郎"
        (entry, *_) = entries(connection, 1, Wanted(action="statement", key=key))
    assert entry.name == "山田太郎"
    operator = as_role(client, engine, Role.OPERATOR)
    register = operator.get("/register").text
    for word in (
        "東京本社",
        "証明書",
        "専用端末",
        "作業前に電話",
        "山田太郎",
        "保守部 2名",
        "送信元アドレス",
    ):
        assert word in register


def test_the_last_word_stands_and_the_history_keeps_all(engine: Engine, client: TestClient) -> None:
    path = paths(client)["AlphaSIM"]
    assert send(client, path, state="confirmed", evidence="申請書").status_code == 303
    assert send(client, path, state="corrected", correction="").status_code == 400  # says not what
    assert (
        send(client, path, state="corrected", correction="機種を替えた", evidence="申請書").status_code == 303
    )
    assert send(client, path, state="denied").status_code == 303
    assert [one.state for one in said(engine).values()] == ["denied"]
    with engine.connect() as connection:
        history = statements.history(connection, "confirmation")
    assert [one.said and one.said.state for one in history] == ["confirmed", "corrected", "denied"]  # type: ignore[attr-defined]
    assert client.get(path).text.count("<li>") >= 3


@pytest.mark.parametrize(
    "form",
    [
        {"state": "none_in_use"}, {"state": ""}, {"state": "confirmed", "sources": "anywhere"},
        {"state": "confirmed", "valid_until": "soon"}, {"state": "confirmed", "means": "magic"},
    ],
)  # fmt: skip
def test_what_cannot_be_right_is_refused_and_typed_words_stay(
    engine: Engine, client: TestClient, form: dict[str, str]
) -> None:
    answer = send(client, paths(client)["AlphaSIM"], purpose="打った言葉", **form)
    assert answer.status_code == 400
    assert "打った言葉" in answer.text
    assert said(engine) == {}


def test_a_form_from_elsewhere_changes_nothing(engine: Engine, client: TestClient) -> None:
    for path in (paths(client)["AlphaSIM"], "/vendor/none", "/vendor/none/take-back", "/vendor/sheet"):
        assert client.post(path, data={"state": "confirmed", "token": "x"}).status_code == 403
    assert said(engine) == {}


def test_none_in_use_can_be_said_and_taken_back(engine: Engine, client: TestClient) -> None:
    assert send(client, "/vendor/none", evidence="社内台帳").status_code == 303
    assert [one.state for one in said(engine).values()] == ["none_in_use"]
    assert "山田太郎" in client.get("/vendor").text
    assert send(client, "/vendor/none/take-back").status_code == 303
    assert said(engine) == {}


def sheet_form(client: TestClient, answers: dict[str, dict[str, str]], round: int = 1) -> dict[str, Any]:
    """Every field of the sheet as a browser sends it, with some filled in: "server/2-7" → {answer, …}."""
    page = client.get(f"/vendor/sheet?round={round}").text
    keys = re.findall(r'name="key" value="([^"]+)"', page)
    form: dict[str, Any] = {"key": keys, "round": str(round)}
    for name in ("answer", "on", "target_date", "remark"):
        form[name] = [answers.get(key, {}).get(name, "") for key in keys]
    return form


def test_a_draft_is_nobodys_word_until_it_is_handed_in(
    app: FastAPI, engine: Engine, client: TestClient
) -> None:
    filled = {"server/2-7": {"answer": "いいえ", "target_date": "2027-01-31", "remark": "更新予定 <b>"}}
    form = sheet_form(client, filled)
    assert "organisation/1-1" not in form["key"]  # the contract leaves it out
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="draft", **form).status_code == 303
    assert said(engine, Answer) == {}
    assert "更新予定 &lt;b&gt;" in client.get("/vendor/sheet").text
    other = vendor(app, engine, "vb", "田中")
    assert "更新予定" not in other.get("/vendor/sheet").text
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **form).status_code == 303
    (one,) = said(engine, Answer).values()
    assert (one.vendor, one.sheet, one.number, one.answer) == ("va", "vendor", "2-7", "いいえ")
    with engine.connect() as connection:
        assert find_draft(connection, f"sheet/{EDITION}/1/va") is None
        assert statements.standing(connection, Answer)[one.key].who == "山田太郎"
    again = sheet_form(client, {"server/2-7": {"answer": "はい"}}, 2)
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **again).status_code == 303
    assert sorted((a.round, a.answer) for a in said(engine, Answer).values()) == [(1, "いいえ"), (2, "はい")]


def test_a_sheet_with_foreign_items_or_false_days_is_refused(engine: Engine, client: TestClient) -> None:
    form = sheet_form(client, {"server/2-7": {"answer": "はい", "on": "いつか"}})
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **form).status_code == 400
    form = sheet_form(client, {"server/2-7": {"answer": "たぶん"}})
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **form).status_code == 400
    form = sheet_form(client, {})
    form["key"][0] = "organisation/1-1"
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **form).status_code == 400
    form = sheet_form(client, {})
    form["answer"].pop()
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **form).status_code == 400
    assert said(engine, Answer) == {}


def hand_in(client: TestClient, name: str, data: bytes, **form: str) -> Any:
    values = {"type": "mds", "title": "MDS 第3版", "on": "2026-10-01"} | form
    files = {"file": (name, data, "text/html")}  # what the browser says of it counts for nothing
    return send(client, "/vendor/documents", "/vendor/documents", files=files, **values)


def test_a_document_is_kept_and_read_by_the_rules(app: FastAPI, engine: Engine, client: TestClient) -> None:
    assert hand_in(client, "mds.pdf", PDF).status_code == 303
    (one,) = said(engine, Document).values()
    assert (one.vendor, one.type, one.title) == ("va", "mds", "MDS 第3版")
    with engine.connect() as connection:
        assert attachments.content(connection, one.attachments[0]) == PDF
    got = client.get(f"/vendor/files/{one.attachments[0]}")
    assert got.content == PDF
    assert got.headers["content-type"] == "application/octet-stream"
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["x-content-type-options"] == "nosniff"
    other = vendor(app, engine, "vb", "田中")
    assert other.get(f"/vendor/files/{one.attachments[0]}").status_code == 404
    assert "MDS 第3版" not in other.get("/vendor/documents").text
    path = paths(client)["AlphaGate"]  # and it is evidence for a word, but only for the own one
    assert (
        send(client, path, state="confirmed", attachments=[one.attachments[0], "0" * 64]).status_code == 303
    )
    assert [c.attachments for c in said(engine).values()] == [one.attachments]
    assert (
        send(other, paths(other)["BetaGate"], state="confirmed", attachments=one.attachments).status_code
        == 303
    )
    assert [c.attachments for c in said(engine).values() if c.vendor == "vb"] == [()]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.html", b"<script>"), ("x.svg", b"<svg/>"), ("x.exe", b"MZ"), ("x.xlsm", b"PK\x03\x04"), ("x", b"%PDF-"),
        ("x.pdf", b"<html>"), ("x.txt", b"a\0b"), ("x.pdf", b""), ("../../x.pdf.html", b"%PDF-"),
    ],
)  # fmt: skip
def test_other_files_are_refused(engine: Engine, client: TestClient, name: str, data: bytes) -> None:
    assert hand_in(client, name, data).status_code == 400
    with engine.connect() as connection:
        assert attachments.listed(connection) == {}


def test_too_large_and_unknown_senders(app: FastAPI, engine: Engine, client: TestClient) -> None:
    assert hand_in(client, "x.pdf", PDF * 115).status_code == 413
    stranger = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    for who in (stranger, as_role(client, engine, Role.OPERATOR)):
        answer = who.post("/vendor/documents", files={"file": ("x.pdf", PDF)})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/login"
    with engine.connect() as connection:
        assert attachments.listed(connection) == {}


def test_one_account_at_several_hospitals(app: FastAPI, engine: Engine) -> None:
    now = datetime.now(UTC)
    with changing(engine) as connection:
        person = create_account(connection, "alpha", "山田太郎", None, now)
        places = [
            grant(connection, person.id, facility, Role.VENDOR, now, bound_to="va") for facility in (1, 2)
        ]
        cookie = open_session(connection, places[0], now, Whence("127.0.0.1", "test"), Limits())
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    client.cookies.set(COOKIE, cookie, domain="127.0.0.1")
    assert set(paths(client)) == {"AlphaGate", "AlphaSIM"}
    assert "東病院" in client.get("/vendor").text
    moved = send(client, "/me/place", place=places[1].id)
    assert moved.status_code == 303
    page = client.get("/vendor").text
    assert "東のアルファ" in page
    assert "AlphaSIM" not in page
    assert client.get("/vendor").status_code == 200


def test_a_contract_that_nobody_states_shows_nothing(app: FastAPI, engine: Engine) -> None:
    client = vendor(app, engine, "gone", "誰か")
    for page in ("/vendor", "/vendor/sheet", "/vendor/documents"):
        assert client.get(page).status_code == 404


@needs_fonts
def test_hostile_words_are_text_everywhere(engine: Engine, client: TestClient) -> None:
    words = f"{SCRIPT} {BIDI}"
    form = {"purpose": words, "where": FORMULA, "evidence": words, "timing": SCRIPT, "product": SCRIPT}
    path = paths(client)["AlphaSIM"]
    assert send(client, path, state="confirmed", **form).status_code == 303
    filled = {"server/2-7": {"answer": "はい", "remark": f"{FORMULA} {SCRIPT}"}}
    sheet = sheet_form(client, filled)
    assert send(client, "/vendor/sheet", "/vendor/sheet", do="sign", **sheet).status_code == 303
    assert hand_in(client, f"{SCRIPT}.pdf", PDF, title=words).status_code == 303
    pages = {page: client.get(page).text for page in ("/vendor", path, "/vendor/sheet", "/vendor/documents")}
    as_role(client, engine, Role.OPERATOR)
    pages["/register"] = client.get("/register").text
    pages["/checklist"] = client.get(f"/checklist/{EDITION}?vendor=va").text
    for page, text in pages.items():
        assert "<script>" not in text, page
        assert "\u202e" not in text, page
    assert "&lt;script&gt;" in pages["/register"]
    for paper in ("/papers/register.xlsx", f"/checks/{EDITION}.xlsx"):
        with zipfile.ZipFile(io.BytesIO(client.get(paper).content)) as book:
            cells = b"".join(book.read(name) for name in book.namelist() if name.endswith(".xml"))
        assert b"<f>" not in cells
        assert b"&lt;script&gt;" in cells
        assert "\u202e".encode() not in cells
    for paper in ("/papers/register.pdf", f"/checks/{EDITION}.pdf"):
        data = client.get(paper).content
        assert data.startswith(b"%PDF-")
        assert b"/JavaScript" not in data
