# SPDX-License-Identifier: Apache-2.0
"""What stands around the collector: proxies, encryption, logs without secrets, health, figures."""

import io
import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from collector.app import create_app
from collector.figures import Figures
from collector.health import Health, router, token_hash
from collector.logs import JsonLines, Lines, masked, start_logs
from collector.permissions import OPEN, TABLE, Rule
from collector.settings import Settings, SettingsError
from inventory_db import agents
from inventory_db.accounts import Role
from inventory_db.agents import create_enrolment
from inventory_db.sessions import list_sessions
from inventory_db.tables import open_ledger, writing
from tests.signed_in import as_role

PROXY = "10.0.0.5"
TOKEN = "a-word-that-nobody-would-ever-guess"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "token").write_text(TOKEN + "\n")
    return Settings(
        ledger=str(tmp_path / "ledger.sqlite"),
        state_folder=str(tmp_path / "state"),
        metrics_token_file=str(tmp_path / "token"),
        behind_proxy=(PROXY, "10.0.0.6"),
        host_names=("testserver",),
    )


def dict_of(table: Mapping[str, Rule]) -> dict[str, Rule]:
    assert isinstance(table, dict)
    return table


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FastAPI:
    made = create_app(settings)
    for route in ("GET /where", "GET /links/{secret}"):
        monkeypatch.setitem(dict_of(TABLE), route, OPEN)

    @made.get("/where", include_in_schema=False)
    def where(request: Request) -> PlainTextResponse:
        assert request.client
        return PlainTextResponse(f"{request.url.scheme} {request.client.host}")

    @made.get("/links/{secret}", include_in_schema=False)
    def fault(secret: str) -> None:
        raise RuntimeError(f"could not use {secret}")

    return made


def ask(app: FastAPI, path: str, peer: str = "127.0.0.1", **headers: str) -> httpx2.Response:
    client = TestClient(app, raise_server_exceptions=False, client=(peer, 50000))
    return client.get(
        path,
        follow_redirects=False,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )


# ---- who is believed ----------------------------------------------------------------------------


def test_a_proxy_that_was_named_is_believed(app: FastAPI) -> None:
    told = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9"}
    assert ask(app, "/where", PROXY, **told).text == "https 203.0.113.9"
    chain = told | {"X_Forwarded_For": "127.0.0.1, 203.0.113.9, 10.0.0.6"}
    assert ask(app, "/where", PROXY, **chain).text == "https 203.0.113.9", (
        "what the visitor wrote himself is not"
    )
    assert "strict-transport-security" in ask(app, "/where", PROXY, **told).headers


@pytest.mark.parametrize("peer", ["10.0.0.7", "203.0.113.9", "::ffff:203.0.113.9", "fe80::1"])
def test_nobody_else_is_believed(app: FastAPI, peer: str) -> None:
    for spoofed in ("127.0.0.1", "::1", "localhost", PROXY, ""):
        answer = ask(
            app, "/where", peer, X_Forwarded_Proto="https", X_Forwarded_For=spoofed, Forwarded="proto=https"
        )
        assert answer.status_code == 426
        assert answer.headers["upgrade"]
        assert "https" not in answer.text.replace("https://", "")
        assert "strict-transport-security" not in answer.headers


def test_unencrypted_stays_on_this_machine(app: FastAPI) -> None:
    assert ask(app, "/where", "127.0.0.1").text == "http 127.0.0.1"
    assert ask(app, "/where", "::1").status_code == 200
    assert ask(app, "/where", PROXY).status_code == 426, "the proxy must say that its side is encrypted"
    assert (
        ask(app, "/where", PROXY, X_Forwarded_Proto="http", X_Forwarded_For="203.0.113.9").status_code == 426
    )
    assert ask(app, "/where", PROXY, X_Forwarded_For="unknown").status_code == 426
    assert ask(app, "/api/v1/ledger", "192.0.2.1").status_code == 426
    page = ask(app, "/where", "192.0.2.1")
    assert "暗号化" in page.text
    assert "Upgrade" not in page.text


# ---- what is logged ------------------------------------------------------------------------------


SECRETS = ("Zq8sEcReT", "SuP3rC00kie", "t0kenT0ken", "QueRyVaLue", "PassWord99")


def everything(app: FastAPI, form: str) -> str:
    """Ask in every way that carries a secret; give all that was logged."""
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        start_logs(form, stream)
        ask(app, f"/links/{SECRETS[0]}")
        ask(app, f"/nowhere/{SECRETS[0]}?token={SECRETS[3]}")
        ask(app, f"/?q={SECRETS[3]}", Cookie=f"session={SECRETS[1]}", Authorization=f"Bearer {SECRETS[2]}")
        client = TestClient(app, raise_server_exceptions=False, client=("127.0.0.1", 1))
        client.post(
            "/api/v1/agents/enrol", content=SECRETS[4].encode(), headers={"Daicho-Signature": SECRETS[2]}
        )
        client.post("/login", data={"password": SECRETS[4]})
        logging.getLogger("x").warning("cannot open postgresql://daicho:%s@db/daicho", SECRETS[4])
        logging.getLogger("x").warning("GET /a?code=%s Authorization: Bearer %s", SECRETS[3], SECRETS[2])
    finally:
        for handler in tuple(root.handlers):
            root.removeHandler(handler)
        for handler in before:
            root.addHandler(handler)
        root.setLevel(level)
    return stream.getvalue()


@pytest.mark.parametrize("form", ["json", "text", "auto"])
def test_no_secret_reaches_the_log(app: FastAPI, form: str) -> None:
    logged = everything(app, form)
    assert [secret for secret in SECRETS if secret in logged] == []
    assert "/links/{secret}" in logged, "the route's template is told"
    assert "RuntimeError" in logged, "and what kind of fault it was"
    assert "test_operations.py" in logged, "and where"
    assert "/api/v1/agents/enrol" in logged


def test_every_line_is_json_and_tells_the_request(app: FastAPI) -> None:
    lines = [json.loads(line) for line in everything(app, "json").splitlines()]
    requests = [line for line in lines if line["logger"] == "collector.requests"]
    assert [line["status"] for line in requests][:2] == [500, 404]
    assert {"time", "level", "request", "method", "route", "milliseconds"} <= set(requests[0])
    assert requests[0]["level"] == "error"
    assert len({line["request"] for line in requests}) == len(requests)
    answer = ask(app, "/where")
    assert len(answer.headers["x-request-id"]) == 16


@given(st.text(max_size=300))
def test_whatever_is_logged_is_one_line(message: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "%s", (message,), None)
    for formatter in (JsonLines(), Lines()):
        line = formatter.format(record)
        assert len(line.splitlines()) == 1
        assert "\x1b" not in line


@pytest.mark.parametrize(
    "secret",
    [
        "postgresql+psycopg://daicho:hunter2@db/daicho",
        "Authorization: Bearer hunter2",
        "/login?next=/&code=hunter2",
        '{"password": "hunter2"}',
        "token=hunter2",
        "cookie: hunter2",
    ],
)
def test_what_looks_like_a_secret_is_masked(secret: str) -> None:
    assert "hunter2" not in masked(f"went wrong with {secret} twice")


# ---- health and figures ----------------------------------------------------------------------------


def test_ready_says_what_is_wrong_to_us_only(app: FastAPI, settings: Settings) -> None:
    assert ask(app, "/healthz").text == "ok\n"
    ready = ask(app, "/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert set(ready.json()) == {"ready", "database", "schema", "disk", "jobs"}
    stranger = {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9"}
    assert ask(app, "/readyz", PROXY, **stranger).text == "ready\n"
    told = ask(app, "/readyz", PROXY, Authorization=f"Bearer {TOKEN}", **stranger)
    assert told.json()["database"] == "ok"
    engine = open_ledger(settings.ledger)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    engine.dispose()
    old = ask(app, "/readyz")
    assert (old.status_code, old.json()["schema"]) == (503, "old")
    assert ask(app, "/readyz", PROXY, **stranger).text == "not ready\n"


def test_a_database_that_is_gone_and_jobs_that_hang(tmp_path: Path) -> None:
    from sqlalchemy import create_engine

    gone = create_engine(f"sqlite+pysqlite:///{tmp_path / 'no' / 'folder'}")
    absent = Health(gone, tmp_path, Figures())
    assert absent.checks() == {
        "database": "unreachable",
        "schema": "unknown",
        "disk": "ok",
        "jobs": "unknown",
    }
    app = FastAPI()
    app.include_router(router(absent))
    answer = TestClient(app, client=("127.0.0.1", 1)).get("/readyz")
    assert answer.status_code == 503
    engine = open_ledger(tmp_path / "ledger")
    stuck = Health(engine, tmp_path, Figures(), stuck_jobs=lambda: True)
    assert stuck.checks()["jobs"] == "stuck"
    engine.dispose()


@pytest.mark.parametrize(
    ("peer", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("127.0.0.1", {"X_Forwarded_For": "203.0.113.9"}, 403),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.9"}, 403),
        ("127.0.0.1", {"Via": "1.1 proxy"}, 403),
        (PROXY, {"X_Forwarded_Proto": "https", "X_Forwarded_For": "203.0.113.9"}, 403),
        (PROXY, {"X_Forwarded_Proto": "https", "X_Forwarded_For": "127.0.0.1"}, 403),
        (PROXY, {"X_Forwarded_Proto": "https", "Authorization": f"Bearer {TOKEN}"}, 200),
        (PROXY, {"X_Forwarded_Proto": "https", "Authorization": f"bearer {TOKEN}"}, 200),
        (PROXY, {"X_Forwarded_Proto": "https", "Authorization": f"Basic {TOKEN}"}, 403),
        (PROXY, {"X_Forwarded_Proto": "https", "Authorization": f"Bearer {TOKEN}x"}, 403),
        (PROXY, {"X_Forwarded_Proto": "https", "Authorization": "Bearer "}, 403),
    ],
)
def test_figures_are_for_this_machine_or_the_word(
    app: FastAPI, peer: str, headers: dict[str, str], status: int
) -> None:
    answer = ask(app, "/metrics", peer, **headers)
    assert answer.status_code == status
    assert ("daicho_" in answer.text) == (status == 200)


def test_figures_name_nothing(app: FastAPI, settings: Settings, tmp_path: Path) -> None:
    engine = open_ledger(settings.ledger)
    now = datetime.now(UTC)
    with writing(engine) as connection:
        code = create_enrolment(connection, "放射線科の機械", timedelta(hours=1))
        agent = agents.enrol(connection, code, bytes(32), now)
        agents.accept(connection, agent.id, 1, now, timedelta(seconds=90))
    engine.dispose()
    ask(app, "/devices/ひみつ?q=1")
    ask(app, "/no-such-page")
    figures = ask(app, "/metrics").text
    samples = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in figures.splitlines()
        if line[0] != "#"
    }
    assert samples["daicho_database_up"] == 1
    assert samples["daicho_database_bytes"] > 10_000
    assert samples["daicho_sessions"] == 0
    assert samples[f'daicho_agent_clock_skew_seconds{{agent="{agent.id}"}}'] == 90
    assert samples[f'daicho_agent_last_seen_seconds{{agent="{agent.id}"}}'] == pytest.approx(now.timestamp())
    assert 'daicho_request_seconds_count{method="GET",route="/devices/{id}",status="3xx"}' in samples
    assert 'daicho_request_seconds_count{method="GET",route="(none)",status="4xx"}' in samples
    for secret in ("放射線科", "ひみつ", "no-such-page"):
        assert secret not in figures


def test_odd_methods_make_no_new_figures(app: FastAPI) -> None:
    client: Any = TestClient(app, client=("127.0.0.1", 1))
    for number in range(5):
        client.request(f"X{number}", "/")
    assert ask(app, "/metrics").text.count('daicho_request_seconds_count{method="OTHER"') <= 2


def test_a_word_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("short")
    with pytest.raises(SettingsError, match="too short"):
        token_hash(Settings(metrics_token_file=str(tmp_path / "token")))
    with pytest.raises(SettingsError, match="cannot be read"):
        token_hash(Settings(metrics_token_file=str(tmp_path / "none")))
    assert token_hash(Settings()) == ""


def test_the_log_says_who_by_number_and_never_by_name(app: FastAPI, settings: Settings) -> None:
    engine = open_ledger(settings.ledger)
    client = TestClient(app, client=("127.0.0.1", 1))
    as_role(client, engine, Role.OPERATOR, name="鈴木一郎")
    with engine.connect() as connection:
        (session,) = list_sessions(connection, datetime.now(UTC))
    stream, root = io.StringIO(), logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        start_logs("json", stream)
        assert client.get("/scans").status_code == 200
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    engine.dispose()
    (line,) = (json.loads(one) for one in stream.getvalue().splitlines() if "/scans" in one)
    assert (line["facility"], line["account"], line["route"]) == (1, session.account, "/scans")
    assert "鈴木" not in stream.getvalue()
    assert session.id not in stream.getvalue()
