# SPDX-License-Identifier: Apache-2.0
"""`daicho access` as people call it: on loopback, into a ledger and to a collector."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from inventory_db import observations
from inventory_db.tables import open_ledger
from probes.facts import FactKind, Observation
from tests.test_agent_command import Site, daicho, spooled


@contextmanager
def greeter() -> Iterator[int]:
    """An SSH greeting on 127.0.0.2 for everybody."""
    with socket.create_server(("127.0.0.2", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    taken, _ = listening.accept()
                except OSError:
                    return
                with taken:
                    taken.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
                    taken.shutdown(socket.SHUT_WR)
                    while taken.recv(1000):
                        continue

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.collector.engine.dispose()


def pair(port: int, more: str = "") -> str:
    return f'[[access]]\ndevice = "127.0.0.2"\nports = [{port}]\nnot_allowed_from = "127.0.0.1"\n{more}'


def looks(site: Site) -> list[Observation]:
    with site.collector.engine.connect() as connection:
        return [one for one in observations.load(connection) if one.probe == "access"]


def test_without_a_section_nothing_happens(site: Site) -> None:
    done = daicho("access", "--config", site.config)
    assert done.returncode == 2
    assert "[[access]]" in done.stderr


def test_into_a_ledger_on_this_machine(site: Site, tmp_path: Path) -> None:
    ledger = tmp_path / "own.sqlite"
    with greeter() as port:
        site.write(more=pair(port), url="")
        done = daicho("access", "--config", site.config, "--ledger", ledger)
    assert done.returncode in (0, 1), done.stderr
    assert done.stdout.count("応答した") == 4
    with open_ledger(ledger, create=False).connect() as connection:
        seen = list(observations.load(connection))
        assert [scan.profile for scan in observations.scans(connection)] == ["access"]
    assert {next(one.of(FactKind.ACCESS_SOURCE)) for one in seen} == {"allowed", "not_allowed"}
    checked = daicho("check", "--ledger", ledger, "--format", "json")
    assert checked.returncode in (0, 1), checked.stderr
    assert "network/2-8" in json.dumps(json.loads(checked.stdout))


def test_to_the_collector_or_kept_until_it_is_there(site: Site) -> None:
    with greeter() as port:
        site.write(more=pair(port))
        alone = daicho("access", "--config", site.config)
        assert alone.returncode == 2
        assert "--enrol" in alone.stderr
        with site.collector:
            site.write()
            assert site.agent("--enrol", site.code(), "--once").returncode == 0
            site.write(more=pair(port))
            done = daicho("access", "--config", site.config)
        assert done.returncode == 0, done.stderr
        assert len([one for one in looks(site) if not any(one.of(FactKind.ACCESS_CONTROL))]) == 4
        absent = daicho("access", "--config", site.config)
    assert absent.returncode == 1
    assert asyncio.run(spooled(site.state))[1] > 0


def test_the_plan_makes_no_file(site: Site, tmp_path: Path) -> None:
    site.write(more=pair(22))
    before = sorted(tmp_path.rglob("*"))
    done = daicho("access", "--config", site.config, "--plan", "--lang", "en")
    assert done.returncode == 0, done.stderr
    assert "Nothing was sent" in done.stdout
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("at", ["25:00", "noon", "14h30"])
def test_a_time_that_is_none_is_refused(site: Site, at: str) -> None:
    site.write(more=pair(22))
    done = daicho("access", "--config", site.config, "--at", at)
    assert done.returncode == 2
    assert "14:30" in done.stderr
