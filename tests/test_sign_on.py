# SPDX-License-Identifier: Apache-2.0
"""A site's own sign-on, there and back, with a real provider on loopback that may also lie."""

import http.client
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine

from collector.sections import SignOn
from collector.settings import SettingsError, make_settings
from inventory_db import accounts, invitations
from inventory_db.account_tables import changing
from inventory_db.accounts import Role
from inventory_db.memberships import grant
from inventory_db.notes import Whence
from tests.doors_site import NOW, Browser, Site, quick_hashes
from tests.inventory_engines import ledger_engine
from tests.oidc_provider import SECRET, Provider, new_key

__all__ = ["ledger_engine", "quick_hashes"]


@pytest.fixture
def site(ledger_engine: Engine, tmp_path: Path, quick_hashes: None) -> Site:
    return Site(ledger_engine, tmp_path / "state")


@pytest.fixture
def provider(site: Site, tmp_path: Path) -> Iterator[Provider]:
    secret = tmp_path / "secret"
    secret.write_text(SECRET + "\n", "utf-8")
    with Provider(site.clock) as running:
        settings = SignOn(
            issuer=running.issuer, client_id="daicho", secret_file=str(secret), name="院内ログイン"
        )
        site.settings = {"sign_on": settings}
        yield running


def away(browser: Browser, invitation: str = "") -> str:
    """Go to the provider; gives the address to which it sends the browser back."""
    start = browser.get("/login/oidc" + (f"?invitation={invitation}" if invitation else ""))
    assert start.status_code == 303
    target = urlsplit(start.headers["location"])
    assert invitation not in target.query or not invitation
    connection = http.client.HTTPConnection(target.netloc)
    connection.request("GET", f"{target.path}?{target.query}")
    answer = connection.getresponse()
    answer.read()
    connection.close()
    back = urlsplit(answer.headers["Location"])
    return f"{back.path}?{back.query}"


def sign_on(browser: Browser, invitation: str = "") -> Any:
    return browser.get(away(browser, invitation))


def invite(site: Site, role: Role = Role.OPERATOR) -> str:
    with changing(site.engine) as c:
        return invitations.create_invitation(c, 1, role, "田中", site.clock.now, Whence(facility=1))


def test_an_invitation_links_the_identity_which_then_comes_in_alone(site: Site, provider: Provider) -> None:
    stranger = sign_on(site.browser())
    assert (stranger.status_code, "登録がありません" in stranger.text) == (403, True)
    browser = site.browser()
    word = invite(site)
    assert "院内ログイン" in browser.get(f"/invited/{word}").text
    done = sign_on(browser, word)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "田中次郎" in browser.get("/me").text
    again = site.browser()
    assert sign_on(again).status_code == 303
    assert again.get("/me").status_code == 200
    with site.engine.connect() as c:
        (person,) = accounts.every_account(c)
        assert (person.login, person.has_password) == ("tanaka", False)
    more = invite(site, Role.EXECUTIVE)
    assert sign_on(site.browser(), more).status_code == 303
    with site.engine.connect() as c:
        assert len(accounts.every_account(c)) == 1


def test_a_used_invitation_links_nobody(site: Site, provider: Provider) -> None:
    word = invite(site)
    assert sign_on(site.browser(), word).status_code == 303
    provider.claims = {"sub": "user-2", "preferred_username": "other"}
    assert "もう使われました" in sign_on(site.browser(), word).text


@pytest.mark.parametrize(
    ("claims", "link_by_email", "let_in"),
    [
        ({"email": "TANAKA@hospital.example", "email_verified": True}, True, True),
        ({"email": "tanaka@hospital.example", "email_verified": True}, False, False),
        ({"email": "tanaka@hospital.example", "email_verified": False}, True, False),
        ({"email": "tanaka@hospital.example", "email_verified": "true"}, True, False),
        ({"email": "tanaka@hospital.example"}, True, False),
        ({"email": "other@hospital.example", "email_verified": True}, True, False),
    ],
)
def test_only_a_verified_address_that_was_written_down_lets_in(
    site: Site, provider: Provider, claims: dict[str, Any], link_by_email: bool, let_in: bool
) -> None:
    with changing(site.engine) as c:
        person = accounts.create_account(c, "tanaka", "", None, NOW, email="tanaka@hospital.example")
        grant(c, person.id, 1, Role.OPERATOR, NOW)
    old = site.settings["sign_on"]
    site.settings = {
        "sign_on": SignOn(
            issuer=old.issuer, client_id="daicho", secret_file=old.secret_file, link_by_email=link_by_email
        )
    }
    provider.claims = claims
    assert (sign_on(site.browser()).status_code == 303) == let_in


@pytest.mark.parametrize("fault", ["issuer", "address", "key", "none", "hmac", "iss", "huge"])
def test_a_provider_that_lies_lets_nobody_in(site: Site, provider: Provider, fault: str) -> None:
    word = invite(site)
    provider.fault = fault
    browser = site.browser()
    start = browser.get(f"/login/oidc?invitation={word}")
    if start.status_code == 303:
        start = sign_on(browser, word)
    assert (start.status_code, "共通ログインで確かめられません" in start.text) == (403, True)
    assert browser.session == ""


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": ["daicho", "another"]},
        {"azp": "another"},
        {"iss": "http://127.0.0.1:1"},
        {"exp": int((NOW - timedelta(minutes=3)).timestamp())},
        {"iat": int((NOW + timedelta(minutes=3)).timestamp())},
        {"iat": int((NOW - timedelta(hours=1)).timestamp())},
        {"nbf": int((NOW + timedelta(minutes=3)).timestamp())},
        {"exp": "soon"},
        {"sub": ""},
        {"sub": "x" * 300},
        {"sub": None},
        {"exp": None},
    ],
)
def test_a_token_that_is_not_for_us_now_lets_nobody_in(
    site: Site, provider: Provider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    assert sign_on(site.browser(), invite(site)).status_code == 403


def test_another_browser_another_state_and_a_second_use_let_nobody_in(site: Site, provider: Provider) -> None:
    word = invite(site)
    victim, thief = site.browser(), site.browser(address="192.0.2.9")
    back = away(victim, word)
    assert thief.get(back).status_code == 403  # and the state is used up
    assert victim.get(back).status_code == 403
    back = away(victim, word)
    state = parse_qs(urlsplit(back).query)["state"][0]
    assert victim.get(back.replace(state, "x" * 43)).status_code == 403
    assert victim.get(back).status_code == 303
    assert victim.get(back).status_code == 403
    late = away(thief)
    site.clock.move(minutes=11)
    assert thief.get(late).status_code == 403


def test_a_key_that_the_provider_changed_is_asked_for_once(site: Site, provider: Provider) -> None:
    assert sign_on(site.browser(), invite(site)).status_code == 303
    provider.key, provider.key_id = new_key(), "two"
    assert sign_on(site.browser()).status_code == 303
    assert provider.asked.count("/keys") == 2


def test_a_provider_that_cannot_be_reached_is_told_to_people(site: Site) -> None:
    site.settings = {"sign_on": SignOn(issuer="http://127.0.0.1:9", client_id="daicho")}
    answer = site.browser().get("/login/oidc")
    assert (answer.status_code, "共通ログインで確かめられません" in answer.text) == (403, True)


def test_without_a_provider_there_is_no_such_door(site: Site) -> None:
    assert site.browser().get("/login/oidc").status_code == 404
    assert "oidc" not in site.browser().get("/login").text


@pytest.mark.parametrize(
    "section",
    [
        {"issuer": "http://login.hospital.example", "client_id": "x"},
        {"issuer": "ftp://127.0.0.1", "client_id": "x"},
        {"issuer": "https://login.hospital.example/?x=1", "client_id": "x"},
        {"issuer": "https://", "client_id": "x"},
        {"issuer": "https://login.hospital.example", "client_id": ""},
        {"issuer": "https://login.hospital.example"},
        {"issuer": "https://login.hospital.example", "client_id": "x", "tenant": "y"},
        "https://login.hospital.example",
    ],
)
def test_settings_of_a_provider_that_cannot_be_right_are_refused(section: object) -> None:
    with pytest.raises(SettingsError):
        make_settings({"sign_on": section})
