# SPDX-License-Identifier: Apache-2.0
"""What people of the facility state on pages: a declared remote path, a document with its file, an executive's review."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from collector import declared_paths
from collector.app import create_app
from collector.settings import Settings
from inventory_db import statements
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import Document, RemoteAccess, Review, Vendor
from inventory_db.tables import open_ledger, writing
from tests.inventory_cases import START, arp, seen, upload
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}
PDF = ("連絡網.pdf", b"%PDF-1.7 x", "text/html")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestClient]:
    path = tmp_path / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        rdp = seen("10.1.0.10", minute=1, probe="rdp", port=3389, REMOTE_PATH=["rdp"])
        append(connection, upload(arp("10.1.0.10", "04:0e:3c:20:01:14"), rdp))
        refresh(connection)
        statements.state(connection, Vendor(id="va", name="アルファ電子"), "鈴木", START)
    engine.dispose()
    app = create_app(Settings(ledger=str(path), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def send(site: TestClient, path: str, page: str, files: Any = None, **fields: str) -> Any:
    found = re.search(r'name="token" value="([^"]+)"', site.get(page).text)
    return site.post(path, data={"token": found[1] if found else "", **fields}, files=files, headers=ORIGIN)


def said(site: TestClient, kind: type[Any]) -> list[Any]:
    with site.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return [one.said for one in statements.standing(connection, kind).values()]


def test_a_found_path_is_declared_changed_and_taken_back(site: TestClient) -> None:
    page = site.get("/register?lang=ja").text
    link = re.search(r'href="(/register/declare\?device=[^"]+)"', page)
    assert link
    form = site.get(link[1].replace("&amp;", "&")).text
    assert 'value="rdp" selected' in form
    assert 'name="device" maxlength="40" autocomplete="off" value="001"' in form
    typed = {
        "device": "1",
        "means": "rdp",
        "port": "3389",
        "vendor": "va",
        "purpose": "検査装置の<b>保守</b>",
    }
    assert send(site, "/register/declare", "/register/declare", **typed).status_code == 303
    (one,) = said(site, RemoteAccess)
    assert (one.vendor, one.port, one.purpose) == ("va", 3389, typed["purpose"])
    page = site.get("/register?message=declared").text
    assert "○ 届出と一致" in page
    assert "検査装置の&lt;b&gt;保守&lt;/b&gt;" in page
    changed = opened(site, one.id) | typed | {"where": "東京本社"}
    assert send(site, "/register/declare", f"/register/declare?id={one.id}", **changed).status_code == 303
    assert [again.where for again in said(site, RemoteAccess)] == ["東京本社"]
    seen = opened(site, one.id)
    assert send(site, "/register/withdraw", f"/register/declare?id={one.id}", **seen).status_code == 303
    assert said(site, RemoteAccess) == []
    assert "▲ 届出なし" in site.get("/register").text


def opened(site: TestClient, id: str = "") -> dict[str, str]:
    """Open the form; gives the fields that are hidden in it."""
    form = site.get(f"/register/declare?id={id}" if id else "/register/declare").text
    return hidden(form)


def hidden(form: str) -> dict[str, str]:
    return {name: re.search(rf'name="{name}" value="([^"]*)"', form)[1] for name in ("id", "version")}  # type: ignore[index]


def declare(site: TestClient, **fields: str) -> Any:
    return send(site, "/register/declare", "/register/declare", **fields)


WORDS = {"means": "rdp", "purpose": "保守", "timing": "月に1度\n前の日に電話", "where": "東京本社\n大阪支社"}


def test_a_form_sent_twice_makes_one_path_and_lines_stay(site: TestClient) -> None:
    form = opened(site) | WORDS
    assert [declare(site, **form).status_code for _ in range(2)] == [303, 303]
    (one,) = said(site, RemoteAccess)
    assert (one.timing, one.where) == (WORDS["timing"], WORDS["where"])
    with site.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        assert len(statements.history(connection, RemoteAccess.KIND)) == 1
    page = site.get(f"/register/declare?id={one.id}").text
    boxes = dict(re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', page))
    assert {name: boxes[name] for name in ("timing", "where", "purpose")} == {
        name: WORDS[name] for name in ("timing", "where", "purpose")
    }
    assert declare(site, **opened(site, one.id), **{**WORDS, **boxes}).status_code == 303
    assert said(site, RemoteAccess) == [one], "what is opened and sent unchanged stays as it is"
    assert declare(site, **opened(site), **WORDS).status_code == 303
    assert len(said(site, RemoteAccess)) == 2, "another form makes another path"


def test_what_somebody_else_changed_meanwhile_is_not_written_over(site: TestClient) -> None:
    assert declare(site, **opened(site), **WORDS).status_code == 303
    (first,) = said(site, RemoteAccess)
    mine, theirs = (opened(site, first.id) | WORDS for _ in range(2))
    assert declare(site, **theirs | {"product": "新しい<b>箱", "where": "名古屋"}).status_code == 303
    for field in ("version", "nothing"):  # a form of before this version of daicho says no version
        answer = declare(
            site, **{name: value for name, value in mine.items() if name != field} | {"ids": "共用"}
        )
        assert answer.status_code == 409
        assert "ほかの人" in answer.text
        assert [
            word
            for word in ("新しい&lt;b&gt;箱", "名古屋", "鈴木一郎", "共用", WORDS["where"])
            if word not in answer.text
        ] == []
        assert [one.where for one in said(site, RemoteAccess)] == ["名古屋"]
    again = mine | hidden(answer.text) | {"ids": "共用"}
    assert declare(site, **again).status_code == 303
    assert [(one.where, one.ids, one.product) for one in said(site, RemoteAccess)] == [
        (WORDS["where"], "共用", "")
    ]


def test_taking_back_and_changing_do_not_pass_each_other_by(site: TestClient) -> None:
    assert declare(site, **opened(site), **WORDS).status_code == 303
    (first,) = said(site, RemoteAccess)
    stale = opened(site, first.id)
    assert declare(site, **stale, **WORDS | {"where": "名古屋"}).status_code == 303
    page = f"/register/declare?id={first.id}"
    answer = send(site, "/register/withdraw", page, **stale)
    assert (answer.status_code, len(said(site, RemoteAccess))) == (409, 1)
    now = hidden(answer.text)
    assert [send(site, "/register/withdraw", "/register/declare", **now).status_code for _ in range(2)] == [
        303,
        303,
    ]
    assert said(site, RemoteAccess) == []
    answer = declare(site, **now, **WORDS)
    assert (answer.status_code, said(site, RemoteAccess)) == (409, [])
    assert "取り下げられました" in answer.text
    assert declare(site, **hidden(answer.text), **WORDS).status_code == 303
    assert len(said(site, RemoteAccess)) == 1


def test_what_changes_while_a_form_is_made_is_no_version_that_it_was_made_from(
    site: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert declare(site, **opened(site), **WORDS).status_code == 303
    (first,) = said(site, RemoteAccess)
    engine, make = site.app.state.engine, declared_paths.standing_case  # type: ignore[attr-defined]

    def meanwhile(*given: Any) -> Any:
        monkeypatch.setattr(declared_paths, "standing_case", make)
        with writing(engine) as other:
            statements.state(other, replace(first, where="名古屋"), "佐藤", START)
        return make(*given)

    monkeypatch.setattr(declared_paths, "standing_case", meanwhile)
    mine = opened(site, first.id) | WORDS
    assert declare(site, **mine).status_code == 409, "it shows the words of before"
    assert [one.where for one in said(site, RemoteAccess)] == ["名古屋"]


@pytest.mark.parametrize(
    "wrong", [{"device": "99"}, {"means": "x"}, {"purpose": " "}, {"port": "70000"}, {"sources": "nowhere"}]
)
def test_what_cannot_be_right_is_refused_and_stays_in_the_form(
    site: TestClient, wrong: dict[str, str]
) -> None:
    typed = {"device": "001", "means": "rdp", "purpose": "保守", "where": "東京本社"} | wrong
    answer = send(site, "/register/declare", "/register/declare", **typed)
    assert (answer.status_code, "東京本社" in answer.text) == (400, True)
    assert said(site, RemoteAccess) == []


def test_a_document_is_kept_with_its_file_given_back_and_taken_back(site: TestClient) -> None:
    fields = {"type": "contact_chart", "title": "連絡網 <b>", "on": "2026-04-01", "valid_until": "2099-03-31"}
    assert send(site, "/documents", "/documents", {"file": PDF}, **fields).status_code == 303
    (one,) = said(site, Document)
    (file,) = one.attachments
    answer = site.get(f"/documents/files/{file}")
    assert (answer.content, answer.headers["content-type"]) == (PDF[1], "application/octet-stream")
    assert "連絡網 &lt;b&gt;" in site.get("/documents").text
    assert send(site, "/documents/withdraw", "/documents", id=one.id).status_code == 303
    assert said(site, Document) == []
    assert site.get(f"/documents/files/{file}").status_code == 404
    with site.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        kept = [one for one in entries(connection, 1) if one.action == "statement"]
    assert [(one.kind, one.name) for one in kept] == [("document", "鈴木一郎")] * 2


@pytest.mark.parametrize(
    ("file", "fields"),
    [
        (("a.pdf", b"MZ", ""), {}),
        (("a.exe", b"MZ", ""), {}),
        (PDF, {"type": "x"}),
        (PDF, {"on": ""}),
        (PDF, {"vendor": "nobody"}),
    ],
)
def test_a_file_or_a_word_that_cannot_be_right_keeps_nothing(
    site: TestClient, file: Any, fields: dict[str, str]
) -> None:
    typed = {"type": "bcp", "title": "計画書", "on": "2026-04-01"} | fields
    answer = send(site, "/documents", "/documents", {"file": file}, **typed)
    assert (answer.status_code, "計画書" in answer.text) == (400, True)
    assert said(site, Document) == []


def test_an_executive_reviews_and_no_vendor_does(site: TestClient) -> None:
    engine = site.app.state.engine  # type: ignore[attr-defined]
    as_role(site, engine, Role.EXECUTIVE, name="院長 高橋")
    assert 'action="/documents"' not in site.get("/documents").text  # reads and signs, hands nothing in
    assert 'value="院長 高橋"' in site.get("/documents").text
    fields = {"subject": "ledger", "by": "高橋", "role": "院長", "on": "2026-04-01", "remark": "よい"}
    assert send(site, "/documents/review", "/documents", **fields).status_code == 303
    assert [(one.by, one.role, one.remark) for one in said(site, Review)] == [("高橋", "院長", "よい")]
    for wrong in ({"by": " "}, {"role": " "}, {"by": "別の人"}):  # the last: one of that day stands
        assert send(site, "/documents/review", "/documents", **(fields | wrong)).status_code == 400
    assert [one.by for one in said(site, Review)] == ["高橋"]
    assert (
        send(site, "/documents", "/documents", {"file": PDF}, type="bcp", on="2026-04-01").status_code == 403
    )
    as_role(site, engine, Role.VENDOR, bound_to="va")
    assert send(site, "/documents/review", "/vendor", **fields).status_code == 403
