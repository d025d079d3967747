# SPDX-License-Identifier: Apache-2.0
"""`daicho doctor --config collector.toml`: what is well, what is not, and that looking changes nothing."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from collector.certificate import find_certificate
from collector.settings import load_settings
from deploy.collector_doctor import MOST_DAYS, examine_collector
from deploy.doctor import Finding
from inventory_db import agents, audit, notices
from inventory_db.audit import Action, Event
from inventory_db.tables import open_ledger, writing
from tests.cli_cases import daicho
from tests.inventory_engines import postgres_schema
from tests.mail_server import mail_server

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Settings of a collector that was never started."""
    path = tmp_path / "collector.toml"
    path.write_text(f'ledger = "{tmp_path / "ledger.sqlite"}"\nstate_folder = "{tmp_path / "state"}"\n')
    return path


@pytest.fixture
def started(config: Path, tmp_path: Path) -> Path:
    """Settings of one that has a ledger with a backup and an agent."""
    engine = open_ledger(tmp_path / "ledger.sqlite")
    with writing(engine) as connection:
        audit.record(
            connection, Event(action=Action.BACKUP, name="root", origin="console", kind="file", key="b")
        )
        code = agents.create_enrolment(connection, "2F", timedelta(hours=1))
        agent = agents.enrol(connection, code, bytes(32), NOW)
        agents.accept(connection, agent.id, 1, NOW, timedelta(seconds=2))
    engine.dispose()
    return config


def found(config: Path, **more: object) -> dict[str, Finding]:
    return {one.name: one for one in examine_collector(config, **more)}  # type: ignore[arg-type]


def faults(config: Path, **more: object) -> set[str]:
    return {name for name, one in found(config, **more).items() if not one.ok} - {"fonts"}


def listed(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if not path.name.endswith(("-wal", "-shm"))
    }


def test_before_the_first_start_there_is_no_ledger_and_none_is_made(config: Path, tmp_path: Path) -> None:
    before = listed(tmp_path)
    assert faults(config) == {"database"}
    assert listed(tmp_path) == before


def test_all_is_well(started: Path, tmp_path: Path) -> None:
    before = listed(tmp_path)
    assert faults(started) == set()
    assert listed(tmp_path) == before
    assert {"database", "schema", "backup", "agents", "notices", "disk", "certificate", "clock"} <= set(
        found(started)
    )


def test_every_line_says_in_both_languages_what_to_do(config: Path, started: Path) -> None:
    for one in examine_collector(started, now=NOW + 900 * DAY):
        assert one.ja
        assert one.en
    later = faults(started, now=NOW + (MOST_DAYS + 1) * DAY)
    assert later == {"backup", "agents"}


def test_an_old_schema_is_named(started: Path, tmp_path: Path) -> None:
    engine = create_engine(f"sqlite+pysqlite:///{tmp_path / 'ledger.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0007'"))
        connection.execute(text("DROP TABLE notices"))
        connection.execute(text("DROP TABLE notice_messages"))
    engine.dispose()
    assert faults(started) == {"schema", "tables"}


def test_notices_that_were_given_up_and_clocks_that_are_wrong(started: Path, tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    with writing(engine) as connection:
        notices.note(connection, [notices.News("device_new", "x", {})], NOW)
        notices.bundle(connection, ("mail",), NOW, timedelta())
        message = notices.claim(connection, ("mail",), NOW)
        assert message
        notices.settle(connection, message, NOW + 31 * DAY, "OSError")
        (agent,) = agents.list_agents(connection)
        agents.accept(connection, agent.id, 2, NOW, timedelta(minutes=-9))
    engine.dispose()
    assert faults(started) == {"notices", "agent clocks"}


def test_the_certificate_beyond_this_machine(started: Path, tmp_path: Path) -> None:
    text_before = started.read_text()
    started.write_text(text_before + 'host = "192.0.2.7"\nhost_names = ["a.example"]\n')
    state = tmp_path / "state"
    assert "first start" in found(started)["certificate"].en
    assert not state.exists()
    made = find_certificate(load_settings(started), state, NOW)
    looked = found(started)
    assert looked["fingerprint"].en == made.fingerprint
    assert faults(started) == set()
    assert faults(started, now=NOW + 800 * DAY) == {"certificate", "backup", "agents"}
    started.write_text(text_before + 'host = "192.0.2.7"\nhost_names = ["a.example", "台帳.example"]\n')
    assert faults(started) == {"certificate names"}
    (state / "collector.pem").chmod(0o644)
    assert faults(started) == {"certificate", "key file"}


def test_open_keys_and_secrets(started: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("x" * 30)
    (tmp_path / "token").chmod(0o644)
    started.write_text(started.read_text() + f'metrics_token_file = "{tmp_path / "token"}"\n')
    assert faults(started) == {"key file"}
    (tmp_path / "token").chmod(0o640)
    assert faults(started) == set()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pack.key").touch(0o640)
    assert "640" in found(started)["key file"].ja


def test_the_mail_server_is_asked_only_when_wanted(started: Path) -> None:
    with mail_server() as box:
        started.write_text(
            started.read_text()
            + f'[mail]\nhost = "127.0.0.1"\nport = {box.port}\nsecurity = "none"\nsender = "a@b.example"\n'
        )
        assert "mail" not in found(started)
        assert found(started, mail=True)["mail"].ok
        assert box.mails == []
    assert not found(started, mail=True)["mail"].ok


@pytest.fixture
def server() -> Iterator[str]:
    yield from postgres_schema()


@pytest.mark.postgres
def test_a_role_that_no_rule_binds_is_named(server: str, tmp_path: Path) -> None:
    open_ledger(server).dispose()
    path = tmp_path / "collector.toml"
    superuser = make_url(server).set(username="postgres").render_as_string(hide_password=False)
    for url, bound in ((server, True), (superuser, False)):
        path.write_text(f'ledger = {json.dumps(url)}\nstate_folder = "{tmp_path / "state"}"\n')
        assert found(path)["role"].ok is bound
        assert found(path)["database"].ok


def test_the_command(started: Path, tmp_path: Path) -> None:
    done = daicho("doctor", "--config", str(started), "--json", cwd=tmp_path)
    lines = json.loads(done.stdout)
    assert {"database", "backup"} <= {line["name"] for line in lines}
    assert done.returncode == (0 if all(line["ok"] for line in lines) else 1)
    os.unlink(tmp_path / "ledger.sqlite")
    told = daicho("doctor", "--config", str(started), cwd=tmp_path)
    assert told.returncode == 1
    assert "× database" in told.stdout
    alone = daicho("doctor", "--mail", cwd=tmp_path)
    assert alone.returncode == 2
    assert "--config" in alone.stderr
