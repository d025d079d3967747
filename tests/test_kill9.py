# SPDX-License-Identifier: Apache-2.0
"""kill -9 at 50 random moments: what the spool acknowledged is in the ledger exactly once.

The seed is printed; DAICHO_TEST_SEED repeats a run's moments.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agent.collector_client import CollectorAbsent
from agent.logbook import Logbook
from agent.settings import Collector
from agent.uplink import enrol
from collector.agents import create_enrolment
from inventory_db import observations
from inventory_db.tables import open_ledger, writing
from tests.live_collector import free_port

ROOT = Path(__file__).parent.parent
KILLS = 50


def kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "it ended by itself before it was killed"


class Hospital:
    """One ledger with its collector process, one state folder with its agent process."""

    def __init__(self, folder: Path) -> None:
        self.ledger, self.state = folder / "ledger.sqlite", folder / "state"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.engine = open_ledger(self.ledger)
        with writing(self.engine) as connection:
            self.code = create_enrolment(connection, "kill9", timedelta(hours=1))
        self.processes: list[subprocess.Popen[bytes]] = []

    async def enrol(self) -> None:
        for _ in range(400):
            try:
                await enrol(Collector(url=self.url), self.state, self.code)
            except CollectorAbsent:
                await asyncio.sleep(0.05)
            else:
                return
        pytest.fail("the collector did not come up")

    def start_collector(self) -> None:
        self.collector = self.spawn("tests.live_collector", self.ledger, self.port)

    def spawn(self, module: str, *arguments: object) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        self.processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
        return self.processes[-1]

    def end(self) -> None:
        """Leave nothing running, whatever happened."""
        for process in self.processes:
            if process.poll() is None:
                kill(process)
        self.engine.dispose()

    def live_and_die(self, run: int, rng: random.Random) -> None:
        """One life of the agent; in every tenth the collector dies too and comes back meanwhile."""
        agent = self.spawn("tests.kill9_agent", self.state, self.url, run)
        assert agent.stdout is not None
        if run % 5:
            assert agent.stdout.readline() == b"ready\n"
        if run % 10 == 9:
            time.sleep(rng.uniform(0, 0.2))
            kill(self.collector)
            self.start_collector()
        time.sleep(rng.uniform(0, 0.5))
        kill(agent)

    def acknowledged(self) -> set[str]:
        lines = (self.state / "acknowledged").read_text().split("\n")
        return {line for line in lines if len(line) == 32}


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[Hospital]:
    made = Hospital(tmp_path)
    try:
        made.start_collector()
        asyncio.run(made.enrol())
        yield made
    finally:
        made.end()


def test_nothing_acknowledged_is_lost_and_nothing_doubled(hospital: Hospital) -> None:
    seed = int(os.environ.get("DAICHO_TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"DAICHO_TEST_SEED={seed}")
    rng = random.Random(seed)
    late = 0
    for run in range(KILLS):
        hospital.live_and_die(run, rng)
        late += pending(hospital.state) > 0
    last = hospital.spawn("tests.kill9_agent", hospital.state, hospital.url, -1)
    last.communicate(timeout=120)
    assert last.returncode == 0

    with hospital.engine.connect() as connection:
        seen = [(stored.id, stored.reason) for stored in observations.load(connection)]
        sent = [(line.id, line.why) for line in observations.journal(connection)]
    acknowledged = hospital.acknowledged()
    print(
        f"{len(acknowledged)} acknowledged, {len(seen)} + {len(sent)} in the ledger, {late} deaths with a spool"
    )
    assert acknowledged <= {id for id, _ in (*seen, *sent)}, "lost"
    for records in (seen, sent):
        assert max(Counter(serial for _, serial in records).values()) == 1, "doubled"
    assert pending(hospital.state) == 0
    assert len(acknowledged) > 20 * KILLS, "the agent hardly did anything: this run proves nothing"
    assert late > 0, "no death fell between put and upload: this run proves nothing"


def pending(state: Path) -> int:
    async def count() -> int:
        with Logbook(state / "logbook") as book:
            return (await book.position())[0]

    return asyncio.run(count())
