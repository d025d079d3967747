# SPDX-License-Identifier: Apache-2.0
"""What people and programs see of uploads: `daicho uploads` and GET /api/v1/uploads; what stands before them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from collector.agent_problems import trouble
from inventory_db import agents, jobs
from inventory_db.facilities import add_facility, bind
from inventory_db.ingest import Envelope, take_in
from inventory_db.ledger_errors import unwritten
from inventory_db.tables import open_ledger, writing
from tests.api_cases import make_site
from tests.cli_cases import assert_two_sentences, daicho
from tests.inventory_cases import arp, upload


def put_one(engine: Engine, *, failed: bool = False) -> str:
    """Take one upload in, and let deriving its devices fail once."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    with writing(engine) as c:
        code = agents.create_enrolment(c, "a", timedelta(days=1), now=now)
        agent = agents.enrol(c, code, b"k" * 32, now).id
    take_in(engine, Envelope(agent, 1, 100, now, timedelta()), upload(arp("10.1.0.9", "00:11:22:33:44:99")))
    if failed:
        job = jobs.claim(engine, "w", now)
        assert job is not None
        jobs.carry_out(engine, job, "w", lambda: now, _broken)
    return agent


def _broken(_: Connection) -> None:
    raise ZeroDivisionError


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Engine]:
    engine = open_ledger(tmp_path / "daicho.sqlite")
    yield engine
    engine.dispose()


def test_list_shows_why_and_retry_mends_it(ledger: Engine, tmp_path: Path) -> None:
    agent = put_one(ledger, failed=True)
    shown = daicho("uploads", "list", cwd=tmp_path)
    assert shown.returncode == 1, "a person must look at it"
    assert [word for word in (agent, "FAILED") if word not in shown.stdout] == []
    assert "ZeroDivisionError" in "".join(shown.stderr.split())
    done = daicho("uploads", "retry", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    again = daicho("uploads", "list", cwd=tmp_path)
    assert again.returncode == 0
    assert "RECONCILED" in again.stdout


def test_another_facilitys_uploads_are_not_shown(ledger: Engine, tmp_path: Path) -> None:
    with ledger.begin() as c:
        second = add_facility(c, "second", "第二", datetime.now(UTC)).id
    agent = put_one(bind(ledger, second))
    assert agent not in daicho("uploads", "list", cwd=tmp_path).stdout
    assert agent in daicho("uploads", "list", "--facility", "second", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "ja", "en"),
    [(("eat",), "eat", "eat"), (("list", "--facility", "nowhere"), "nowhere", "nowhere")],
)
def test_wrong_use_is_said_in_words(
    ledger: Engine, tmp_path: Path, arguments: tuple[str, ...], ja: str, en: str
) -> None:
    told = daicho("uploads", *arguments, cwd=tmp_path)
    assert told.returncode == 2
    assert_two_sentences(told.stderr, ja, en)


def test_the_api_gives_states_and_reasons(tmp_path: Path) -> None:
    site = make_site(tmp_path)
    agent = put_one(site.engine, failed=True)
    found = site.get("/uploads").json()
    assert [(one["agent"], one["state"], one["observations"]) for one in found["uploads"]] == [
        (agent, "FAILED", 1)
    ]
    assert "ZeroDivisionError" in found["uploads"][0]["reason"]["ja"]
    assert found["paging"]["total"] == 1
    assert site.get("/uploads?state=QUEUED").json()["uploads"] == []
    assert site.get("/uploads?state=EATEN").status_code == 422
    site.engine.dispose()


def test_the_ledgers_trouble_is_told_apart() -> None:
    class Full(Exception):
        sqlite_errorname = "SQLITE_FULL"

    class ServerFull(Exception):
        sqlstate = "53100"

    for orig in (Full(), ServerFull()):
        error = OperationalError("INSERT", None, orig)
        told = unwritten(error)
        told.__cause__ = error
        answer = trouble(told).response()
        assert (answer.status_code, answer.headers["retry-after"]) == (507, "300")
    answer = trouble(OperationalError("SELECT", None, Exception("gone"))).response()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
