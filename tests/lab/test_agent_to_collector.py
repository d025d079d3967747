# SPDX-License-Identifier: Apache-2.0
"""In the virtual hospital: enrol, scan, upload; an absent collector, a stopped agent; nothing lost or doubled."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec
import pytest

from agent.logbook import Logbook
from deploy.lab import lab as labs
from inventory_db import ledger, observations
from inventory_db.agents import Engine
from inventory_db.tables import open_ledger
from probes.facts import Scan
from tests.live_collector import free_port

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

ROOT = Path(__file__).parent.parent.parent
HOSTS = ("10.20.1.10", "10.20.1.40", "10.20.1.70")  # a server, an old one, one that answers ARP only
_WAIT = (
    "import socket,sys,time\n"
    "while True:\n"
    "    try: socket.create_connection(('127.0.0.1', int(sys.argv[1]))).close(); break\n"
    "    except OSError: time.sleep(0.05)\n"
)
Stored = dict[str, set[str]]


class Site:
    """A collector on the agent's own loopback inside the lab, and an agent beside it."""

    def __init__(self, lab: labs.Lab, folder: Path) -> None:
        self.enter, self.port = lab.nsenter("agent"), free_port()
        self.ledger, self.state, self.config = (
            folder / "ledger.sqlite",
            folder / "state",
            folder / "agent.toml",
        )
        networks = ", ".join(f'"{host}/32"' for host in HOSTS)
        self.config.write_text(
            f'listen_seconds = 0.5\nstate_folder = "{self.state}"\n[scope]\nnetworks = [{networks}]\n'
            f'[collector]\nurl = "http://127.0.0.1:{self.port}"\n[schedule]\nevery_hours = 24\n'
        )

    def command(self, *arguments: object) -> list[str]:
        return [*self.enter, sys.executable, "-m", "deploy", *map(str, arguments)]

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        return subprocess.Popen(self.command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)

    @contextmanager
    def collector(self) -> Iterator[None]:
        with self.start("serve", "--ledger", self.ledger, "--port", self.port) as process:
            try:
                wait = [*self.enter, sys.executable, "-c", _WAIT, str(self.port)]
                subprocess.run(wait, check=True, timeout=60)
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=120)

    def once(self, *more: object) -> str:
        """Scan and upload once, wholly; gives what was told."""
        command = self.command("agent", "--config", self.config, "--once", *more)
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
        assert done.returncode == 0, done.stderr
        return done.stderr

    def code(self) -> str:
        command = self.command("agents", "code", "検査室", "--ledger", self.ledger)
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    def stored(self) -> Stored:
        """Everything in the collector's ledger by id; fails if an id came twice."""
        with closing_engine(self.ledger) as engine, engine.connect() as connection:
            seen = [one.id for one in observations.load(connection)]
            sent = [line.id for line in observations.journal(connection)]
            scans = [f"{scan.id} {scan.state}" for scan in observations.scans(connection)]
        found = {"observation": seen, "sent": sent, "scan": scans}
        assert all(len(ids) == len(set(ids)) for ids in found.values())
        return {kind: set(ids) for kind, ids in found.items()}

    def spooled(self) -> Stored:
        """Everything that the agent's logbook acknowledged, by id."""
        found: Stored = {"observation": set(), "sent": set(), "scan": set()}
        with closing(sqlite3.connect(self.state / "logbook")) as file:
            for kind, id, body in file.execute("SELECT kind, id, body FROM records WHERE kind != 'vantage'"):
                state = f" {msgspec.json.decode(body, type=Scan).state}" if kind == "scan" else ""
                found[kind].add(id + state)
        return found

    def asked(self) -> list[tuple[str, str]]:
        """The devices that stand at the asked addresses; others may have been heard meanwhile."""
        with closing_engine(self.ledger) as engine, engine.connect() as connection:
            found = ledger.document(connection)["devices"]
        places = ((device["id"], address["ip"]) for device in found for address in device["addresses"])
        return sorted(place for place in places if place[1] in HOSTS)


@contextmanager
def closing_engine(path: Path) -> Iterator[Engine]:
    engine = open_ledger(path, create=False)
    try:
        yield engine
    finally:
        engine.dispose()


@pytest.fixture
def site(lab: labs.Lab, tmp_path: Path) -> Site:
    return Site(lab, tmp_path)


def waiting(site: Site) -> int:
    async def count() -> int:
        with Logbook(site.state / "logbook") as book:
            return (await book.position())[0]

    return asyncio.run(count())


def until(true: Callable[[], bool], seconds: float = 90) -> bool:
    deadline = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return done


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stderr is not None
    for line in iter(process.stderr.readline, ""):
        if words in line:
            return line
    pytest.fail(f"the agent ended before it said {words}")


def test_the_ledger_holds_exactly_what_the_spool_acknowledged_and_a_second_scan_doubles_nothing(
    site: Site,
) -> None:
    with site.collector():
        site.once("--enrol", site.code())
        first = site.stored()
        assert first == site.spooled()
        assert len(first["observation"]) >= len(HOSTS)
        assert {scan.split()[1] for scan in first["scan"]} == {"complete"}
        assert until(lambda: len(site.asked()) == len(HOSTS))
        devices = site.asked()

        site.once()
        second = site.stored()
        assert second == site.spooled()
        assert first["observation"] < second["observation"]
        assert len(second["scan"]) == 2
        time.sleep(1)  # real time: the devices are derived after the answer
        assert site.asked() == devices
    assert waiting(site) == 0


def test_a_collector_that_was_away_during_the_scan_gets_everything(site: Site) -> None:
    with site.collector():
        agent = site.start("agent", "--config", site.config, "--enrol", site.code())
        read_until(agent, "尋ねています")
    with agent:
        read_until(agent, "調べが終わりました")
        away = site.stored()
        assert not any(scan.endswith("complete") for scan in away["scan"])
        with site.collector():
            assert until(lambda: site.stored() == site.spooled())
            assert until(lambda: waiting(site) == 0)  # what is stored is acknowledged a moment later
            agent.send_signal(signal.SIGTERM)
            assert agent.wait(60) == 0
        assert away["observation"] < site.stored()["observation"]
        assert {scan.split()[1] for scan in site.stored()["scan"]} == {"complete"}
    assert waiting(site) == 0


def test_a_stopped_scan_is_in_the_ledger_as_stopped_within_a_second(site: Site) -> None:
    with site.collector():
        with site.start("agent", "--config", site.config, "--enrol", site.code()) as agent:
            read_until(agent, "尋ねています")
            time.sleep(1)  # real time: connections are open
            told = time.monotonic()
            agent.send_signal(signal.SIGTERM)
            _, rest = agent.communicate(timeout=20)
            took = time.monotonic() - told
            print(f"stopped after {took:.2f} s")
        assert agent.returncode == 0, rest
        assert took < 1.0, rest
        assert "Traceback" not in rest
        assert {scan.split()[1] for scan in site.stored()["scan"]} == {"stopped"}
        assert site.stored() == site.spooled()
