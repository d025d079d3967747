# SPDX-License-Identifier: Apache-2.0
"""Today, the checklist with people's marks, and what is to do, over a real collector."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient

from collector import checklist, findings
from collector.app import create_app
from collector.settings import Settings
from inventory_db import statements
from inventory_db.accounts import Role
from inventory_db.audit_log import Wanted, entries
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import AccessLimit, Answer, Approval, Assignment, Facility, Vendor
from inventory_db.tables import open_ledger, writing
from probes.facts import Scan, Upload
from tests.browser.material import SCRIPT, upload
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}
PLACE = "/checklist/R6-hospital"
SAID = (Facility(name=f"東山台{SCRIPT}", networks=("10.20.0.0/16",)), Vendor(id="v1", name=SCRIPT))


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    engine = open_ledger(tmp_path / "l.sqlite")
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
        statements.state_all(connection, SAID, "鈴木一郎", datetime(2026, 11, 21, tzinfo=UTC))
    engine.dispose()
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def token_on(page: str) -> str:
    return str(re.findall(r'name="token" value="([^"]+)"', page)[0])


def mark(client: TestClient, **fields: str) -> int:
    token = token_on(client.get(PLACE).text)
    data = {"token": token, "sheet": "facility", "target": "server", "number": "2-7", "round": "1"}
    answer = client.post(PLACE, data={**data, **fields}, headers=ORIGIN, follow_redirects=False)
    return answer.status_code


def standing(client: TestClient) -> dict[str, statements.Stated[Answer]]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return statements.standing(connection, Answer)


@pytest.mark.parametrize("language", ["ja", "en"])
@pytest.mark.parametrize(
    "page", ["/today", "/checklist", PLACE, "/checklist/R5-pharmacy", "/findings", "/findings?by=device"]
)
def test_every_page_is_there_and_hostile_words_are_text(client: TestClient, page: str, language: str) -> None:
    answer = client.get(page, headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.text
    assert SCRIPT not in answer.text
    assert re.search(r"<script|<style|\sstyle=", answer.text) is None


def test_every_item_has_its_verdict_in_words(client: TestClient) -> None:
    page = client.get(PLACE, headers={"Accept-Language": "ja"}).text
    items = page.count('<section class="card item"')
    assert items > 15
    assert len(re.findall(r'class="verdict verdict-\w+"><span[^>]*>.</span> \S', page)) >= items


def test_a_remark_of_several_lines_is_kept_as_a_browser_sends_it(client: TestClient) -> None:
    assert mark(client, answer="はい", on="2026-11-28", remark="一行目\r\n二行目\r\n") == 303
    (kept,) = standing(client).values()
    assert kept.said.remark == "一行目\n二行目"


def test_a_person_marks_and_takes_back(client: TestClient) -> None:
    assert mark(client, answer="いいえ", on="2026-11-28", target_date="2027-01-31", remark=SCRIPT) == 303
    (kept,) = standing(client).values()
    assert (kept.who, kept.said.answer, str(kept.said.target_date)) == ("鈴木一郎", "いいえ", "2027-01-31")
    page = client.get(f"{PLACE}?message=kept").text
    assert "2027-01-31" in page
    assert SCRIPT not in page
    assert client.get(f"{PLACE}?only=open").text.count('<section class="card item"') < page.count(
        '<section class="card item"'
    )
    assert mark(client, answer="") == 303
    assert standing(client) == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "はい", "on": "昨日"},
        {"answer": "たぶん"},
        {"answer": "はい", "number": "9-9"},
        {"answer": "はい", "on": "2999-01-01"},
        {"answer": "はい", "vendor": "nobody"},
    ],
)
def test_a_wrong_mark_is_refused_whole_and_nothing_typed_is_lost(
    client: TestClient, wrong: dict[str, str]
) -> None:
    token = token_on(client.get(PLACE).text)
    data = {"token": token, "sheet": "facility", "target": "server", "number": "2-7", "remark": "書いた文"}
    answer = client.post(PLACE, data={**data, **wrong}, headers=ORIGIN)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert standing(client) == {}
    if wrong.get("number", "2-7") == "2-7" and "vendor" not in wrong:
        assert "書いた文" in answer.text


def test_a_mark_needs_our_own_form(client: TestClient) -> None:
    data = {"sheet": "facility", "target": "server", "number": "2-7", "answer": "はい", "token": "x" * 40}
    assert client.post(PLACE, data=data, headers=ORIGIN).status_code == 403
    assert client.post(PLACE, data=data | {"token": token_on(client.get(PLACE).text)}).status_code == 403
    assert standing(client) == {}


def test_many_findings_have_pages(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "PER_PAGE", 20)
    first, second = (client.get(f"/findings?by=device{page}") for page in ("", "&page=2"))
    assert (first.status_code, second.status_code) == (200, 200)
    assert 'href="/findings?by=device&amp;page=2"' in first.text
    assert first.text.count('<li class="against"') == 20
    assert 'rel="prev" href="/findings?by=device"' in second.text


def test_an_open_service_is_approved_with_reason_and_end(client: TestClient) -> None:
    page = client.get("/findings").text
    found = re.search(
        r'name="device" value="([^"]+)">\s*<input type="hidden" name="port" value="(\d+)"', page
    )
    assert found, "the small hospital has a service to approve"
    data = {
        "token": token_on(page),
        "device": found[1],
        "port": found[2],
        "reason": "保守のため",
        "until": "2027-03-31",
    }
    for wrong in ({"until": ""}, {"reason": " "}, {"device": "nobody"}):
        assert client.post("/findings/approve", data=data | wrong, headers=ORIGIN).status_code == 400
    assert (
        client.post("/findings/approve", data=data, headers=ORIGIN, follow_redirects=False).status_code == 303
    )
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        (kept,) = statements.standing(connection, Approval).values()
    assert (kept.said.approver, kept.said.reason) == ("鈴木一郎", "保守のため")


def first_task(page: str) -> dict[str, str]:
    form = re.findall(r'action="/findings/assign\?[^"]*".*?</form>', page, re.DOTALL)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    return {name: html.unescape(value) for name, value in hidden.items()}


def give(client: TestClient, task: dict[str, str], **typed: str) -> httpx2.Response:
    address = "/findings/assign?by=item&whose=overdue"
    return client.post(address, data=task | typed, headers=ORIGIN, follow_redirects=False)


def test_a_finding_is_given_to_somebody_by_a_day_and_found_again(client: TestClient) -> None:
    """Kept as a word with name and day; given anew and taken back it stays on record, and the log knows."""
    page = client.get("/findings", headers={"Accept-Language": "ja"}).text
    task = first_task(page)
    assert page.count('id="f1-1"') == 1
    assert '<option value="鈴木一郎">' in page
    kept = give(client, task, assignee=f" 鈴木 一郎{SCRIPT}", target_date="2020-01-31")
    assert kept.headers["location"] == "/findings?by=item&whose=overdue&message=assigned#f1-1"
    assert give(client, task, assignee="鈴木 一郎", target_date="2020-02-01").status_code == 303
    assert (
        give(client, task, assignee="鈴木 一郎", target_date="2020-02-01").status_code == 303
    )  # says nothing new
    for whose, there in (("mine", True), ("overdue", True), ("nobody", False)):
        shown = client.get(f"/findings?whose={whose}", headers={"Accept-Language": "ja"}).text
        assert ("鈴木 一郎</" in shown or 'value="鈴木 一郎"' in shown) is there, whose
        assert (shown.count("目標日を過ぎています") == 1) is there, whose
        assert SCRIPT not in shown
    assert "2020-01-31" in client.get("/findings?whose=mine").text  # what stood before
    assert (
        give(client, task)
        .headers["location"]
        .startswith("/findings?by=item&whose=overdue&message=unassigned")
    )
    assert "当てはまるものはありません" in client.get("/findings?whose=mine").text
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        assert statements.standing(connection, Assignment) == {}
        past = statements.history(connection, Assignment.KIND)
        logged = [one.kind for one in entries(connection, 1, Wanted(), most=50) if one.kind == "assignment"]
    assert [(one.who, str(getattr(one.said, "target_date", ""))) for one in past] == [
        ("鈴木一郎", "2020-01-31"),
        ("鈴木一郎", "2020-02-01"),
        ("鈴木一郎", ""),
    ]
    assert len(logged) == 3


@pytest.mark.parametrize("place", ["外来の無線LAN " * 40, "3階\n北側"])
def test_a_finding_of_any_place_can_be_given(client: TestClient, place: str) -> None:
    """A form carries a mark of the finding: its own words may be long, and browsers change the ends of lines."""
    open_there = AccessLimit(place=place, limited=False, by="鈴木一郎", on=date(2026, 11, 20))
    with writing(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        statements.state_all(connection, (open_there,), "鈴木一郎", datetime(2026, 11, 21, tzinfo=UTC))
    page = client.get("/findings").text
    shown = page.partition(html.escape(place.splitlines()[0].strip()))[2]
    assert give(client, first_task(shown), assignee="鈴木一郎").status_code == 303
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        (kept,) = statements.standing(connection, Assignment).values()
    assert (kept.said.code, kept.said.about) == ("mac.stated_open", place)


def test_what_cannot_be_given_is_refused(client: TestClient) -> None:
    task = first_task(client.get("/findings").text)
    for wrong in (
        {"target_date": "昨日"},
        {"finding": "0" * 32},
        {"target_date": "1999-01-01"},
    ):
        assert give(client, task | {"assignee": "誰か"} | wrong).status_code == 400, wrong
    assert give(client, task | {"token": "x" * 40}, assignee="誰か").status_code == 403
    as_role(client, client.app.state.engine, Role.EXECUTIVE)  # type: ignore[attr-defined]
    page = client.get("/findings").text
    assert "/findings/assign" not in page
    assert give(client, task | {"token": "x" * 40}, assignee="誰か").status_code == 403
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        assert statements.history(connection, Assignment.KIND) == []


def test_an_empty_ledger_says_what_to_do(tmp_path: Path) -> None:
    app = create_app(Settings(ledger=str(tmp_path / "empty.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.EXECUTIVE)
        assert "daicho scan" in client.get("/today").text
        for page in (
            "/",
            "/findings",
            "/register",
            "/diagram",
            "/changes",
            "/scans",
            "/journal",
            "/same-devices",
        ):
            assert 'href="/welcome">' in client.get(page).text.partition("<main")[2], page
        assert client.get("/findings").status_code == 200
        assert "判定できない" in client.get("/checklist").text


def test_the_first_scan_is_counted_and_the_next_compared(client: TestClient) -> None:
    page = client.get("/today").text
    assert ("最初の調査でわかったこと" in page, 'href="/?kind=' in page, "新しい機器" in page) == (
        True,
        True,
        False,
    )
    engine = client.app.state.engine  # type: ignore[attr-defined]
    later = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    with writing(engine) as connection:
        append(connection, Upload(scans=(Scan(id="scan-2", started=later, ended=later, state="complete"),)))
        refresh(connection)
    page = client.get("/today").text
    assert ("最初の調査でわかったこと" in page, "前の調査から変わったこと" in page) == (False, True)


def test_much_evidence_is_counted_and_told_where_it_is(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checklist, "MOST_EVIDENCE", 10_000)
    whole = client.get(PLACE).text
    monkeypatch.setattr(checklist, "MOST_EVIDENCE", 1)
    page = client.get(PLACE).text
    hidden = [int(count) for count in re.findall(r"ほかに (\d+) 件", page)]
    assert hidden
    assert "ほかに" not in whole
    assert whole.count('<li class="against"') + whole.count('<li class="for"') == sum(hidden) + len(
        re.findall(r"<ul class=\"findings\">", page)
    )
    (link, *_) = re.findall(r'href="(/findings\?item=[^"]+)"', page)
    assert client.get(link).status_code == 200
