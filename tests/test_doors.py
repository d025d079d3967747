# SPDX-License-Identifier: Apache-2.0
"""Login, links and the second factor over HTTP: cookies, fixation, CSRF, refusals that all look the same."""

import re
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import Engine, select

from inventory_db import accounts, invitations, memberships, second_factors
from inventory_db.account_tables import changing
from inventory_db.accounts import Role
from inventory_db.audit import audit
from inventory_db.notes import Whence
from tests.doors_site import GOOD, HOST, NOW, OTHER, Browser, Site, quick_hashes
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine", "quick_hashes"]


@pytest.fixture
def site(ledger_engine: Engine, tmp_path: Path, quick_hashes: None) -> Site:
    return Site(ledger_engine, tmp_path / "state")


def secret_of(page: str) -> str:
    (text,) = re.findall(r'class="secret"><code>([A-Z2-7 ]+)</code>', page)
    return str(text).replace(" ", "")


def code(secret: str, site: Site) -> str:
    return str(pyotp.HOTP(secret).at(int(site.clock.now.timestamp()) // 30))


def actions(engine: Engine) -> list[tuple[str, str]]:
    with engine.connect() as c:
        rows = c.execute(select(audit.c.action, audit.c.outcome).order_by(audit.c.facility, audit.c.number))
        return [(row.action, row.outcome) for row in rows]


def test_a_login_opens_a_session_whose_cookie_no_script_reads(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    answer = browser.log_in("suzuki")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("daicho_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert browser.get("/me").status_code == 200
    assert ("login", "done") in actions(site.engine)


def test_over_tls_the_cookie_is_bound_to_the_host(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser("https")
    answer = browser.log_in("suzuki")
    cookie = next(c for c in answer.headers.get_list("set-cookie") if "daicho_session" in c)
    assert cookie.startswith("__Host-daicho_session=")
    assert "Secure" in cookie
    assert "Path=/;" in cookie + ";"
    assert "Domain" not in cookie
    assert browser.get("/me").status_code == 200
    plain = site.browser("https")
    plain.bring(browser.session)  # a cookie that any host beside us could set
    assert plain.get("/me").status_code == 303


def test_every_refusal_looks_the_same(site: Site) -> None:
    site.person("suzuki")
    blocked = site.person("blocked")
    gone = site.person("gone")
    site.person("locked")
    with changing(site.engine) as c:
        accounts.disable(c, blocked.account, NOW)
        memberships.end(c, 1, gone.id, NOW)
    for number in range(5):
        site.browser(address=f"192.0.2.{number + 50}").log_in("locked", "wrong password")
    pages = set()
    tries = (
        ("suzuki", "wrong password"),
        ("nobody", GOOD),
        ("blocked", GOOD),
        ("gone", GOOD),
        ("locked", GOOD),
        ("", ""),
        ("<b>", "x" * 300),
    )
    for number, (login, password) in enumerate(tries):
        answer = site.browser(address=f"192.0.2.{number + 1}").log_in(login, password)
        assert answer.status_code == 403, login
        assert "daicho_session" not in str(answer.headers)
        page = re.sub(r'value="[^"]*"', "", answer.text)
        pages.add(page)
    assert len(pages) == 1
    assert "ログインできませんでした" in pages.pop()


def test_a_session_that_was_brought_along_is_never_used(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    browser.bring("x" * 43)
    browser.log_in("suzuki")
    first = browser.session
    assert first != "x" * 43
    browser.log_in("suzuki")
    assert browser.session != first
    old = site.browser()
    old.bring(first)
    assert old.get("/me").status_code == 303


def test_forms_from_elsewhere_change_nothing(site: Site) -> None:
    site.person("suzuki")
    victim, attacker = site.browser(), site.browser(address="192.0.2.9")
    victim.log_in("suzuki")
    (token,) = set(re.findall(r'name="token" value="([^"]+)"', victim.get("/me").text))
    site.person("mallory")
    attacker.log_in("mallory")
    (foreign,) = set(re.findall(r'name="token" value="([^"]+)"', attacker.get("/me").text))
    for bad, headers in (
        ("", {}),
        (foreign, {}),
        (token, {"Origin": "http://evil.example"}),
        (token, {"Origin": "null"}),
        ("x" * 64, {}),
    ):
        assert victim.post("/logout", bad, headers=headers).status_code == 403
        assert victim.post("/me/language", bad, headers=headers, language="en").status_code == 403
    assert victim.get("/me").status_code == 200
    assert victim.post("/logout", token).headers["location"] == "/login"
    assert victim.get("/me").status_code == 303


def test_a_form_cookie_alone_is_no_token_of_somebody_signed_in(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    browser.log_in("suzuki")
    browser.bring("f" * 43, "daicho_form")
    assert browser.post("/logout", "f" * 43).status_code == 403


def test_a_login_form_needs_its_own_token(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    answer = browser.post("/login", "", login="suzuki", password=GOOD)
    assert answer.status_code == 403
    assert browser.session == ""


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        ("/devices/1?x=2", "/devices/1?x=2"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\\b", "/"),
        ("/login", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
    ],
)
def test_the_way_back_leads_nowhere_else(site: Site, wanted: str, target: str) -> None:
    site.person("suzuki")
    answer = site.browser().send("/login", login="suzuki", password=GOOD, next=wanted)
    assert answer.headers["location"] == target


def test_sessions_end_when_idle_and_after_their_longest(site: Site) -> None:
    site.person("suzuki")
    browser = site.browser()
    browser.log_in("suzuki")
    site.clock.move(minutes=29)
    assert browser.get("/me").status_code == 200
    site.clock.move(minutes=2)
    assert browser.get("/me").status_code == 303


def test_the_setup_link_makes_the_first_administrator_and_then_nobody(site: Site) -> None:
    word = invitations.setup_link(site.engine, NOW)
    browser = site.browser()
    page = browser.get(f"/setup/{word}")
    assert "最初の管理者" in page.text
    assert browser.get(f"/setup/{word}").status_code == 200  # looking uses nothing up
    short = browser.send(f"/setup/{word}", login="chief", name="佐藤花子", password="short", again="short")
    assert (short.status_code, "短すぎます" in short.text, "佐藤花子" in short.text) == (400, True, True)
    differs = browser.send(f"/setup/{word}", login="chief", password=GOOD, again=OTHER)
    assert differs.status_code == 400
    assert GOOD not in differs.text
    done = browser.send(f"/setup/{word}", login="chief", name="佐藤花子", password=GOOD, again=GOOD)
    assert (done.status_code, done.headers["location"]) == (303, "/welcome")
    assert browser.get("/people").status_code == 200
    again = site.browser().get(f"/setup/{word}")
    assert (again.status_code, "もう使われました" in again.text) == (410, True)
    assert site.browser().get("/setup/guess").status_code == 410


def test_an_old_setup_link_is_over(site: Site) -> None:
    word = invitations.setup_link(site.engine, NOW)
    site.clock.move(hours=1)
    assert site.browser().get(f"/setup/{word}").status_code == 410


def test_beyond_loopback_an_administrator_sets_up_a_second_factor_first(site: Site) -> None:
    site.settings = {"host_names": ("daicho.example",)}
    word = invitations.setup_link(site.engine, NOW)
    browser = site.browser()
    done = browser.send(f"/setup/{word}", login="chief", name="佐藤花子", password=GOOD, again=GOOD)
    assert done.headers["location"] == "/second-factor"
    half = browser.session
    assert browser.get("/people").status_code == 303  # not in yet
    page = browser.get("/second-factor").text
    secret = secret_of(page)
    assert secret_of(browser.get("/second-factor").text) == secret  # reading it again changes nothing
    wrong = browser.send("/second-factor/app", "/second-factor", code="000000")
    assert wrong.status_code == 403
    right = browser.send("/second-factor/app", "/second-factor", code=code(secret, site))
    codes = re.findall(r"<li><code>([a-z2-7-]{19})</code>", right.text)
    assert len(codes) == 10
    assert browser.session != half
    assert browser.get("/people").status_code == 200
    # the next login asks for it, and takes no code twice
    other = site.browser(address="192.0.2.2")
    assert other.log_in("chief").headers["location"] == "/second-factor"
    assert other.get("/me").status_code == 303
    assert other.send("/second-factor", code=code(secret, site)).status_code == 403  # used at the enrolment
    site.clock.move(seconds=30)
    assert other.send("/second-factor", code=code(secret, site)).headers["location"] == "/"
    assert other.get("/me").status_code == 200
    lost = site.browser(address="192.0.2.3")
    lost.log_in("chief")
    assert lost.send("/second-factor", code=codes[0]).headers["location"] == "/"
    again = site.browser(address="192.0.2.4")
    again.log_in("chief")
    assert again.send("/second-factor", code=codes[0]).status_code == 403


def with_app(site: Site, login: str = "chief") -> tuple[Browser, str]:
    """A person who has set up an app in a first session."""
    browser = site.browser()
    browser.log_in(login)
    browser.send("/me/app", "/me", current=GOOD)
    shown = browser.send("/me/app", "/me", current=GOOD)
    secret = secret_of(shown.text)
    (token, *_) = re.findall(r'name="token" value="([^"]+)"', shown.text)
    (word,) = re.findall(r'name="word" value="([^"]+)"', shown.text)
    assert browser.post("/me/app/confirm", token, word=word, code=code(secret, site)).status_code == 200
    site.clock.move(seconds=30)
    return browser, secret


def test_codes_cannot_be_guessed_by_logging_in_again_and_again(site: Site) -> None:
    site.person("chief", Role.ADMINISTRATOR)
    _, secret = with_app(site)
    taken = 0
    for number in range(12):
        thief = site.browser(address=f"192.0.2.{number + 20}")
        if thief.log_in("chief").status_code == 303:
            taken += thief.send("/second-factor", code="000000").status_code == 403
    assert taken <= 5
    thief = site.browser(address="192.0.2.99")
    assert thief.log_in("chief").status_code == 403  # the right password too, while the account waits
    site.clock.move(minutes=16)
    assert thief.log_in("chief").status_code == 303
    assert thief.send("/second-factor", code=code(secret, site)).status_code == 303


def test_secrets_are_sealed_in_the_database_and_of_no_use_to_another(site: Site) -> None:
    place = site.person("chief", Role.ADMINISTRATOR)
    _, secret = with_app(site)
    with changing(site.engine) as c:
        app = second_factors.find_totp(c, place.account)
        assert app is not None
        assert secret.encode() not in app.sealed
    from collector.sealing import SealError, unseal

    assert unseal(site.folder, app.sealed, place.account) == secret
    with pytest.raises(SealError):
        unseal(site.folder, app.sealed, "another")
    assert (site.folder / "accounts.key").stat().st_mode & 0o777 == 0o600


def test_two_collectors_share_sessions_locks_and_used_codes(site: Site) -> None:
    site.person("chief", Role.ADMINISTRATOR)
    first, secret = with_app(site)
    second = Site(site.engine, site.folder, site.clock)
    there = second.browser()
    there.bring(first.session)
    assert there.get("/me").status_code == 200
    one, two = site.browser(address="192.0.2.3"), second.browser(address="192.0.2.4")
    one.log_in("chief")
    two.log_in("chief")
    same = code(secret, site)
    assert one.send("/second-factor", code=same).status_code == 303
    assert two.send("/second-factor", code=same).status_code == 403
    for number in range(6):
        (site if number % 2 else second).browser(address=f"192.0.2.{number + 9}").log_in(
            "chief", "wrong word"
        )
    assert second.browser(address="192.0.2.77").log_in("chief").status_code == 403


def invite(site: Site, role: Role, **more: object) -> str:
    with changing(site.engine) as c:
        return invitations.create_invitation(c, 1, role, "林", NOW, Whence(facility=1), **more)  # type: ignore[arg-type]


def test_a_vendors_link_lets_in_once_to_its_own_place(site: Site) -> None:
    word = invite(site, Role.VENDOR, bound_to="contract-7")
    browser = site.browser()
    done = browser.send(f"/invited/{word}", login="hayashi", name="", password=GOOD, again=GOOD)
    assert done.headers["location"] == "/vendor"
    assert browser.get("/people").status_code == 403
    assert site.browser().send(f"/invited/{word}", login="two", password=GOOD, again=GOOD).status_code == 403
    assert site.browser().get(f"/invited/{word}").status_code == 410


def test_somebody_who_is_signed_in_adds_the_invitation_to_the_own_account(site: Site) -> None:
    site.person("suzuki")
    word = invite(site, Role.EXECUTIVE)
    browser = site.browser()
    answer = browser.send("/login", login="suzuki", password=GOOD, next=f"/invited/{word}")
    assert answer.headers["location"] == f"/invited/{word}"
    added = browser.send(f"/invited/{word}/mine", f"/invited/{word}")
    assert added.headers["location"].startswith("/me?message=added")
    page = browser.get("/me").text
    (place,) = re.findall(r'name="place" value="(\w+)"', page)
    before = browser.session
    assert browser.send("/me/place", "/me", place=place).headers["location"] == "/"
    assert browser.session != before
    assert "経営層" in browser.get("/me").text
    assert browser.send("/me/place", "/me", place="0" * 16).status_code == 404


def test_the_host_is_named_in_no_link_but_ours(site: Site) -> None:
    answer = site.browser().client.get("/login", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert HOST == "localhost"
