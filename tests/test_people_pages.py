# SPDX-License-Identifier: Apache-2.0
"""The pages of people and of one's own account over HTTP, and what an administrator may not do to other facilities."""

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from inventory_db import memberships, second_factors, tokens
from inventory_db.account_tables import changing
from inventory_db.accounts import Role
from tests.doors_site import GOOD, OTHER, Browser, Site, quick_hashes
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine", "quick_hashes"]


@pytest.fixture
def site(ledger_engine: Engine, tmp_path: Path, quick_hashes: None) -> Site:
    return Site(ledger_engine, tmp_path / "state")


@pytest.fixture
def chief(site: Site) -> Browser:
    """The administrator of facility 1, signed in."""
    site.person("chief", Role.ADMINISTRATOR)
    browser = site.browser()
    browser.log_in("chief")
    return browser


def act(browser: Browser, path: str, **form: Any) -> Any:
    return browser.send(path, "/people", **form)


def link_of(page: str) -> str:
    (link,) = re.findall(r"<code>http://localhost(/invited/[\w-]{43})</code>", page)
    return str(link)


def test_an_invitation_is_shown_once_and_brings_its_role(site: Site, chief: Browser) -> None:
    shown = act(chief, "/people/invite", name="鈴木", role="operator", days=3)
    link = link_of(shown.text)
    assert link not in chief.get("/people").text
    guest = site.browser(address="192.0.2.2")
    assert guest.send(link, login="suzuki", name="鈴木一郎", password=GOOD, again=GOOD).status_code == 303
    assert guest.get("/people").status_code == 403
    assert "鈴木一郎" in chief.get("/people").text


@pytest.mark.parametrize(
    "form",
    [
        {"role": "vendor"},
        {"role": "inspector"},
        {"role": "inspector", "until": "2020-01-01"},
        {"role": "inspector", "until": "soon"},
        {"role": "inspector", "until": "9999-12-31"},
        {"role": "king"},
        {"role": "operator", "days": "0"},
        {"role": "operator", "days": "99"},
    ],
)
def test_invitations_that_make_no_sense_are_refused(chief: Browser, form: dict[str, str]) -> None:
    answer = act(chief, "/people/invite", name="x", **form)
    assert answer.status_code in (400, 422)
    assert "/invited/" not in answer.text


def test_a_link_can_be_taken_back(site: Site, chief: Browser) -> None:
    link = link_of(act(chief, "/people/invite", name="鈴木", role="operator").text)
    (id,) = re.findall(r"/people/invitations/(\w+)/take-back", chief.get("/people").text)
    assert act(chief, f"/people/invitations/{id}/take-back", sure="yes").status_code == 303
    assert site.browser().get(link).status_code == 410


def test_roles_change_end_and_begin_again_and_sessions_with_them(site: Site, chief: Browser) -> None:
    place = site.person("suzuki")
    guest = site.browser(address="192.0.2.2")
    guest.log_in("suzuki")
    changed = act(chief, f"/people/{place.id}/role", role="executive")
    assert changed.headers["location"] == "/people?message=role"
    assert guest.get("/me").status_code == 303
    guest.log_in("suzuki")
    assert "経営層" in guest.get("/me").text
    with site.engine.connect() as c:
        (now,) = memberships.places(c, place.account, site.clock.now)
    assert act(chief, f"/people/{now.id}/role", role="vendor").status_code == 400
    assert act(chief, f"/people/{now.id}/end", sure="yes").status_code == 303
    assert guest.log_in("suzuki").status_code == 403
    assert act(chief, f"/people/{now.id}/again").status_code == 303
    assert act(chief, f"/people/{now.id}/again").status_code == 400
    assert guest.log_in("suzuki").status_code == 303


def test_the_last_administrator_cannot_leave(site: Site, chief: Browser) -> None:
    (own,) = re.findall(r"/people/(\w+)/end", chief.get("/people").text)
    answer = act(chief, f"/people/{own}/end", sure="yes")
    assert (answer.status_code, "最後の管理者" in answer.text) == (400, True)


def test_a_reset_link_is_given_only_to_people_of_this_facility_alone(site: Site, chief: Browser) -> None:
    own = site.person("suzuki")
    link = link_of(act(chief, f"/people/{own.id}/reset").text)
    guest = site.browser(address="192.0.2.2")
    assert guest.send(link, password=OTHER, again=OTHER).status_code == 303
    assert guest.log_in("suzuki", OTHER).status_code == 303
    shared = site.person("tanaka")
    with changing(site.engine) as c:
        memberships.grant(c, shared.account, 2, Role.OPERATOR, site.clock.now)
    refused = act(chief, f"/people/{shared.id}/reset")
    assert (refused.status_code, "/invited/" in refused.text) == (400, False)


def test_an_administrator_touches_nothing_of_another_facility(site: Site, chief: Browser) -> None:
    there = site.person("other", Role.ADMINISTRATOR, 2)
    theirs = site.browser(address="192.0.2.2")
    theirs.log_in("other")
    act(theirs, "/people/invite", name="秘密の人", role="operator")
    act(theirs, "/people/tokens", name="秘密の鍵", role="operator", scopes="read")
    page = theirs.get("/people").text
    (link,) = re.findall(r"/people/invitations/(\w+)/take-back", page)
    (session,) = re.findall(r"/people/sessions/(\w+)/end", page)
    (token,) = re.findall(r"/people/tokens/(\w+)/revoke", page)
    ours = chief.get("/people").text
    assert [word for word in ("秘密", "otherさん", there.id, session) if word in ours] == []
    for path in (
        f"/people/{there.id}/role",
        f"/people/{there.id}/end",
        f"/people/{there.id}/again",
        f"/people/{there.id}/reset",
        f"/people/invitations/{link}/take-back",
        f"/people/sessions/{session}/end",
        f"/people/tokens/{token}/revoke",
        f"/me/sessions/{session}/end",
    ):
        for sure in ("", "yes"):
            assert act(chief, path, role="operator", sure=sure).status_code == 404, path
    assert theirs.get("/people").status_code == 200


def test_a_token_is_shown_once_and_can_be_revoked(site: Site, chief: Browser) -> None:
    shown = act(chief, "/people/tokens", name="監視", role="operator", scopes=["read", "export"], days=30)
    (secret,) = re.findall(r"<code>(daicho_[\w-]{43})</code>", shown.text)
    page = chief.get("/people").text
    assert secret not in page
    with site.engine.connect() as c:
        who = tokens.token_holder(c, secret, site.clock.now)
    assert who is not None
    assert (who.role, who.facility, who.scopes) == (Role.OPERATOR, 1, frozenset({"read", "export"}))
    (id,) = re.findall(r"/people/tokens/(\w+)/revoke", page)
    assert act(chief, f"/people/tokens/{id}/revoke", sure="yes").status_code == 303
    with site.engine.connect() as c:
        assert tokens.token_holder(c, secret, site.clock.now) is None
    wrong: tuple[dict[str, Any], ...] = ({"name": ""}, {"role": "vendor"}, {"scopes": "all"}, {"scopes": []})
    for bad in wrong:
        form = {"name": "x", "role": "operator", "scopes": "read"} | bad
        assert act(chief, "/people/tokens", **form).status_code == 400


def test_a_session_of_somebody_else_is_ended(site: Site, chief: Browser) -> None:
    site.person("suzuki")
    guest = site.browser(address="192.0.2.2")
    guest.log_in("suzuki")
    (id,) = re.findall(r'/people/sessions/(\w+)/end.*aria-label="[^"]*suzuki', chief.get("/people").text)
    act(chief, f"/people/sessions/{id}/end", sure="yes")
    assert guest.get("/me").status_code == 303


def test_a_role_that_needs_a_second_factor_is_asked_at_the_next_login(site: Site, chief: Browser) -> None:
    site.person("suzuki")
    assert act(chief, "/people/rules", roles=["operator"]).status_code == 303
    assert site.browser(address="192.0.2.2").log_in("suzuki").headers["location"] == "/second-factor"


def test_an_own_password_is_changed_with_the_old_one_and_ends_other_sessions(site: Site) -> None:
    site.person("suzuki")
    here, there = site.browser(), site.browser(address="192.0.2.2")
    here.log_in("suzuki")
    there.log_in("suzuki")
    for current, new, again in (
        ("wrong", OTHER, OTHER),
        (GOOD, OTHER, GOOD),
        (GOOD, "password1234", "password1234"),
    ):
        answer = here.send("/me/password", "/me", current=current, password=new, again=again)
        assert answer.status_code == 400
        assert OTHER not in answer.text
    assert there.get("/me").status_code == 200
    assert here.send("/me/password", "/me", current=GOOD, password=OTHER, again=OTHER).status_code == 303
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 303
    assert there.log_in("suzuki").status_code == 403
    assert there.log_in("suzuki", OTHER).status_code == 303


def test_ways_in_are_changed_with_the_password_only(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    browser.log_in("suzuki")
    for path in ("/me/app", "/me/keys", "/me/codes", "/me/app/remove"):
        assert browser.send(path, "/me", current="wrong", sure="yes").status_code == 400, path
        site.clock.move(minutes=16)
        browser.log_in("suzuki")


def answer_of(browser: Browser, page: str, **more: str) -> Any:
    """Send the form of the page that asks, as it stands there."""
    (action,) = re.findall(r'<form method="post" action="([^"]+)" class="across">', page)
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page))
    return browser.client.post(action, data=hidden | more, headers={"Origin": "http://localhost"})


@pytest.mark.parametrize(
    ("act_on", "asked", "done"),
    [
        (r"/people/tokens/\w+/revoke", "APIトークンを取り消しますか", "取り消し済み"),
        (r"/people/invitations/\w+/take-back", "招待のリンクを取り消しますか", "リンクを取り消しました"),
        (r"/people/sessions/\w+/end(?=.*suzuki)", "このログインを終わらせますか", "終わらせました"),
        (r"/people/\w+/end(?=.*suzuki)", "この人の利用を停止しますか", "以前の人"),
    ],
)
def test_what_is_for_good_is_asked_first(
    site: Site, chief: Browser, act_on: str, asked: str, done: str
) -> None:
    site.person("suzuki")
    guest = site.browser(address="192.0.2.2")
    guest.log_in("suzuki")
    act(chief, "/people/tokens", name="監視", role="operator", scopes=["read"])
    act(chief, "/people/invite", name="田中", role="operator")
    before = chief.get("/people").text
    (path,) = set(re.findall(f'action="({act_on})', before))
    question = act(chief, path)
    assert (question.status_code, asked in question.text) == (200, True)
    assert done not in before
    assert done not in chief.get("/people").text  # asking did nothing
    answer = answer_of(chief, question.text)
    assert answer.status_code == 303
    assert done in chief.get(answer.headers["location"]).text


def test_own_ways_in_go_after_a_question_and_the_password(site: Site) -> None:
    place = site.person("suzuki")
    browser, other = site.browser(), site.browser(address="192.0.2.2")
    browser.log_in("suzuki")
    other.log_in("suzuki")
    with changing(site.engine) as c:
        second_factors.add_passkey(c, place.account, b"1", b"2", 0, "鍵束", site.clock.now)
    (path,) = re.findall(r'action="(/me/keys/\w+/remove)"', browser.get("/me").text)
    question = browser.send(path, "/me")
    assert "この鍵を外しますか" in question.text
    assert "鍵束" in question.text
    assert answer_of(browser, question.text, current="wrong").status_code == 400
    assert "鍵束" in browser.get("/me").text
    assert answer_of(browser, question.text, current=GOOD).status_code == 303
    assert "鍵束" not in browser.get("/me").text
    question = browser.send("/me/sessions/end-others", "/me", headers={"Accept-Language": "en"})
    assert other.get("/me").status_code == 200
    assert answer_of(browser, question.text).status_code == 303
    assert other.get("/me").status_code == 303


def test_the_language_is_remembered_with_the_account(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    browser.log_in("suzuki")
    assert browser.send("/me/language", "/me", language="xx").status_code in (400, 404)
    assert browser.send("/me/language", "/me", language="en").headers["location"].endswith("lang=en")
    other = site.browser(address="192.0.2.2")
    other.log_in("suzuki")
    assert '<html lang="en">' in other.get("/me").text
