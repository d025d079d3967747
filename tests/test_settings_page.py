# SPDX-License-Identifier: Apache-2.0
"""設定: everything that is set is shown to administrators, no secret and nobody else's address is."""

import hashlib
import html
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.certificate import find_certificate
from collector.sections import SECTIONS, Mail, Notices, Retention, SignOn, Tls, Webhook
from collector.settings import Settings
from collector.settings_page import look_at_certificate
from collector.settings_shown import GROUPS, shown_settings
from collector.translation import load_words
from inventory_db import agents
from inventory_db.accounts import Role
from inventory_db.tables import writing
from tests.browser.material import SCRIPT
from tests.signed_in import as_role

SECRETS = ("hush-", "geheim", "neighbour@")
FULL = Settings(
    ledger="postgresql+psycopg://ledger:geheim1@db.example:5433/daicho?password=geheim2",
    metrics_token_file="/etc/daicho/hush-metrics",
    sign_on=SignOn(issuer="https://id.example", client_id="daicho", secret_file="/etc/daicho/hush-sso"),
    retention=Retention(transcripts="3y"),
    mail=Mail(
        host="mail.example",
        user="hush-user",
        password_file="/hush-mail",
        sender="a@h.example",
        to=("all@h.example",),
    ),
    webhook=Webhook(url="https://chat.example/hooks/geheim3?key=geheim4", secret_file="/hush-hook"),
    notices=Notices(mail_to={"1": ("mine@h.example",), "2": ("neighbour@h.example",)}),
)


def test_every_setting_is_in_a_group_and_has_its_words() -> None:
    every = [key for _, keys in GROUPS for key in keys]
    assert sorted(every) == sorted(one.name for one in fields(Settings))
    known = load_words("ja").sentences
    names = {one.name for _, rows in shown_settings(FULL, 1) for one in rows} | {"sign_on"}
    told = {f"settings.key_{name}" for name in names}
    assert told <= set(known)
    assert {key for key in known if key.startswith("settings.key_")} == told
    of_sections = (
        sum(len(one.__struct_fields__) for one in SECTIONS.values()) - 1
    )  # mail_to is shown as mail.to
    assert len(names) == len(every) - len(SECTIONS) + of_sections + 1


def test_no_secret_and_nobody_elses_reader_is_among_the_values() -> None:
    rows = {one.key: one for _, some in shown_settings(FULL, 1) for one in some}
    said = msgspec.json.encode([one.value for one in rows.values()]).decode()
    assert [word for word in SECRETS if word in said] == []
    assert rows["ledger"].value == "postgresql+psycopg://db.example:5433/daicho"
    assert rows["webhook.url"].value == "https://chat.example/…"
    assert (rows["mail.to"].value, rows["retention.transcripts"].value) == ("mine@h.example", "3y")
    assert (rows["mail.password_file"].word, rows["retention.journal"].word) == ("written", "forever")
    assert (rows["port"].shipped, rows["mail.host"].shipped, rows["sign_on.link_by_email"].shipped) == (
        True,
        False,
        True,
    )


@pytest.mark.parametrize(
    "password", ["12/34geheim", "123#geheim", "1?geheim", "geheim", "a@geheim", "a@12/geheim"]
)
def test_a_password_is_read_as_the_ledger_is_opened(password: str) -> None:
    """With / # and ? as they are, which other readers of URLs take for the path's beginning."""

    def shown(key: str, settings: Settings) -> str:
        return next(one.value for _, some in shown_settings(settings, 1) for one in some if one.key == key)

    ledger = shown(
        "ledger", Settings(ledger=f"postgresql+psycopg://daicho:{password}@db.example:5433/daicho?x=1")
    )
    assert ledger == ("…" if "@" in password else "postgresql+psycopg://db.example:5433/daicho")
    as_name = shown("ledger", Settings(ledger=f"postgresql://x/{password}@db.example/daicho"))
    hook = shown("webhook.url", Settings(webhook=Webhook(url=f"https://u:{password}@chat.example/hooks")))
    for value in (as_name, hook):
        assert not any(part in value for part in ("geheim", "12")), value


def test_other_files_and_urls_are_shown_as_far_as_they_tell_nothing() -> None:
    for ledger, told in (
        ("/srv/a@b.sqlite", "/srv/a@b.sqlite"),
        ("sqlite:////srv/l.sqlite", "sqlite:////srv/l.sqlite"),
        ("postgresql://[fd00::1]:5433/d", "postgresql://[fd00::1]:5433/d"),
        ("postgresql://h:port/geheim", "…"),
        ("://geheim", "…"),
    ):
        rows = {one.key: one.value for _, some in shown_settings(Settings(ledger=ledger), 1) for one in some}
        assert rows["ledger"] == told


def test_the_first_facilitys_name_is_shown_to_that_facility_only() -> None:
    named = Settings(facility="東山台病院")
    for facility in (1, 2, 0):
        values = [one.value for _, some in shown_settings(named, facility) for one in some]
        assert ("東山台病院" in values) is (facility == 1)


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_page_shows_agents_keys_and_the_certificate(tmp_path: Path, language: str) -> None:
    now = datetime.now(UTC)
    made = find_certificate(Settings(host="192.0.2.1"), tmp_path, now)
    own = Tls(certificate=str(made.file), key=str(made.key_file))
    ledger = str(tmp_path / "l.sqlite")
    app = create_app(Settings(ledger=ledger, state_folder=str(tmp_path), tls=own, host_names=(f"x{SCRIPT}",)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.ADMINISTRATOR)
        client.headers["Accept-Language"] = language
        words = load_words(language)
        assert words("settings.no_agents") in html.unescape(client.get("/settings").text)
        with writing(app.state.engine) as connection:
            code = agents.create_enrolment(connection, f"本館{SCRIPT}", timedelta(hours=1), now=now)
            agent = agents.enrol(connection, code, b"k" * 32, now)
        page = client.get("/settings").text
        assert made.fingerprint in page
        assert agent.id in page
        assert hashlib.sha256(b"k" * 32).digest()[:16].hex(":").upper() in page
        assert words("settings.self_signed") in html.unescape(page)
        assert SCRIPT not in page
        assert 'href="/settings" aria-current="page"' in page
        assert 'action="/settings' not in page


def test_looking_at_the_certificate_makes_none(tmp_path: Path) -> None:
    beyond = Settings(host="192.0.2.1", state_folder=str(tmp_path))
    assert look_at_certificate(beyond).why_none == "none"
    assert look_at_certificate(Settings(state_folder=str(tmp_path))).why_none == "loopback"
    behind = Settings(host="192.0.2.1", behind_proxy=("192.0.2.9",), state_folder=str(tmp_path))
    assert look_at_certificate(behind).why_none == "proxy"
    missing = Tls(certificate=str(tmp_path / "c.pem"), key=str(tmp_path / "k.pem"))
    assert look_at_certificate(Settings(tls=missing)).trouble is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.EXECUTIVE, Role.VENDOR, Role.INSPECTOR])
def test_only_administrators_see_it(tmp_path: Path, role: Role) -> None:
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, role)
        assert client.get("/settings").status_code == 403
