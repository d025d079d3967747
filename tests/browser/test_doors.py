# SPDX-License-Identifier: Apache-2.0
"""Login, links, second factor, own page and people in a real browser: keys, WCAG, widths, pictures.

The key is Chromium's virtual authenticator (DevTools protocol, domain WebAuthn).
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from inventory_db import invitations, memberships, second_factors, tokens
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.notes import Whence
from inventory_db.passwords import hash_password
from inventory_db.tables import open_ledger
from tests.browser.axe import AXE, DESK, PHONE, violations, violations_in_both_schemes
from tests.browser.test_pages import SHOTS

pytestmark = pytest.mark.browser
GOOD = "mizuumi to kawa no aida"


@pytest.fixture(scope="module")
def engine(ledger_file: Path, site: str) -> Iterator[Engine]:
    """The running site's ledger, with people in it."""
    made = open_ledger(ledger_file)
    now, hashed = datetime.now(UTC), hash_password(GOOD)
    with changing(made) as c:
        for login, name, role in (
            ("sato", "佐藤花子", Role.ADMINISTRATOR),
            ("suzuki", "鈴木一郎", Role.OPERATOR),
            ("honda", "本多 健", Role.EXECUTIVE),
        ):
            person = create_account(c, login, name, hashed, now)
            memberships.grant(c, person.id, 1, role, now)
        vendor = create_account(c, "ogawa", "小川（医療機器サービス株式会社）", hashed, now)
        memberships.grant(c, vendor.id, 1, Role.VENDOR, now, bound_to="CT保守")
        memberships.grant(c, vendor.id, 2, Role.VENDOR, now, bound_to="CT保守")
        invitations.create_invitation(c, 1, Role.OPERATOR, "高橋", now, Whence(facility=1))
        soon = now + timedelta(days=90)
        tokens.create_token(c, 1, "監視", Role.OPERATOR, frozenset({"read", "export"}), soon, "佐藤花子", now)
        second_factors.demand_factor(c, 1, {Role.EXECUTIVE})
    yield made
    made.dispose()


@pytest.fixture
def page(browser: Browser, engine: Engine) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": DESK[0], "height": DESK[1]}, locale="ja-JP")
    yield context.new_page()
    context.close()


def log_in(page: Page, home: str, login: str) -> None:
    page.goto(f"{home}/login")
    page.fill("#login", login)
    page.fill("#password", GOOD)
    page.click("main button.primary")


def test_a_key_is_registered_and_opens_the_second_door(page: Page, site: str) -> None:
    home = site.replace("127.0.0.1", "localhost")
    trouble: list[str] = []
    page.on("console", lambda one: trouble.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "usb",
        "hasResidentKey": False,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    key = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]
    log_in(page, home, "suzuki")
    page.goto(f"{home}/me")
    page.fill("#new-key-current", GOOD)
    page.click("text=認証器を登録")
    page.fill("#name", "机の青い鍵")
    page.click("main button")
    page.wait_for_selector(".codes")
    assert page.locator(".codes li").count() == 10
    page.goto(f"{home}/me")
    assert page.locator("text=机の青い鍵").count() == 1
    page.click("section button:has-text('ログアウト')")
    log_in(page, home, "suzuki")
    assert page.url == f"{home}/second-factor"
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
    page.click("text=認証器で確かめる")
    page.wait_for_url(f"{home}/")
    (credential,) = devtools.send("WebAuthn.getCredentials", {"authenticatorId": key})["credentials"]
    assert credential["rpId"] == "localhost"
    assert trouble == []
    # a copied key runs its counter back: it opens nothing
    page.goto(f"{home}/me")
    page.click("section button:has-text('ログアウト')")
    devtools.send(
        "WebAuthn.removeCredential", {"authenticatorId": key, "credentialId": credential["credentialId"]}
    )
    copy = {**credential, "signCount": 0}
    devtools.send("WebAuthn.addCredential", {"authenticatorId": key, "credential": copy})
    log_in(page, home, "suzuki")
    page.click("text=認証器で確かめる")
    page.wait_for_selector("text=認証器で確かめられませんでした")
    assert page.url.startswith(f"{home}/second-factor")


def test_scripts_may_run_on_the_pages_of_keys_and_the_ledger_only(page: Page, site: str) -> None:
    home = site.replace("127.0.0.1", "localhost")
    policies = {}

    def keep(response: Any) -> None:
        policies[response.url] = response.headers.get("content-security-policy", "")

    page.on("response", keep)
    log_in(page, home, "sato")
    for address in ("/", "/me", "/people", "/login"):
        page.goto(home + address)
    assert {url for url, policy in policies.items() if "script-src" in policy} <= {f"{home}/"}
    assert page.locator("script").count() == 0


def addresses(engine: Engine, page: Page, home: str) -> Iterator[str]:
    """Go through every page of the doors in turn; yields a name while the page is shown."""
    with changing(engine) as c:
        word = invitations.create_invitation(
            c,
            1,
            Role.INSPECTOR,
            "県の検査員",
            datetime.now(UTC),
            Whence(facility=1),
            until=datetime(2099, 1, 1, tzinfo=UTC),
        )
    page.goto(f"{home}/login")
    yield "login"
    page.fill("#login", "nobody")
    page.fill("#password", "wrong")
    page.click("main button.primary")
    yield "login-refused"
    page.goto(f"{home}/invited/{word}")
    yield "invited"
    page.goto(f"{home}/invited/none")
    yield "link"
    log_in(page, home, "honda")
    yield "enrol-factor"
    log_in(page, home, "sato")
    page.goto(f"{home}/people")
    yield "people"
    page.fill("#name", "<b>試し</b> " + "長い名前" * 10)
    page.click("section:has(#invite) button.primary")
    yield "shown-once"
    page.goto(f"{home}/me")
    yield "me"
    page.fill("#app-current", GOOD)
    page.click("form[action='/me/app'] button")
    yield "my-app"
    page.goto(f"{home}/me")
    page.fill("#new-key-current", GOOD)
    page.click("form[action='/me/keys'] button")
    yield "my-key"


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_wcag_holds_nothing_is_too_wide_and_a_picture_is_made(
    browser: Browser, engine: Engine, site: str, size: tuple[int, int], language: str
) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there (bash deploy/build_frontend.sh --tests)")
    home = site.replace("127.0.0.1", "localhost")
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    page = context.new_page()
    page.goto(f"{home}/login?lang={language}")
    folder = Path(os.environ.get("DAICHO_SHOTS", SHOTS))
    folder.mkdir(parents=True, exist_ok=True)
    look = violations_in_both_schemes if language == "ja" else violations
    found, wide = {}, {}
    for name in addresses(engine, page, home):
        assert page.locator("html").get_attribute("lang") == language
        wide[name] = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        page.screenshot(path=folder / f"{name}-{language}-{size[0]}.png", full_page=True)
        found[name] = look(page)
    context.close()
    assert found == {name: [] for name in found}
    assert {name: more for name, more in wide.items() if more > 0} == {}


def test_the_app_is_set_up_without_javascript(browser: Browser, engine: Engine, site: str) -> None:
    context = browser.new_context(java_script_enabled=False, locale="ja-JP")
    page = context.new_page()
    log_in(page, site, "honda")
    assert page.url == f"{site}/second-factor"
    page.click("summary")
    secret = page.locator(".secret code").inner_text().replace(" ", "")
    box = page.locator(".qr svg").bounding_box()
    assert box is not None
    assert box["width"] > 150
    page.fill("#code", pyotp.TOTP(secret).now())
    page.click("main button.primary")
    assert page.locator(".codes li").count() == 10
    page.click("text=控えました")
    assert page.url == f"{site}/"
    page.goto(f"{site}/people")
    assert page.locator("h1").inner_text() == "このページは、あなたの役割では開けません"
    context.close()
