# SPDX-License-Identifier: Apache-2.0
"""Kills collectors, agents and the database at random moments under load, fills disks, breaks the network; then counts.

`python -m deploy.bench.chaos [--kills 1000] [--database postgresql|sqlite] [--collectors 2] [--agents 3] [--seed N]`

Needs root for PostgreSQL (it comes from the lab's root file system, in namespaces of its own) and for full disks (a
small tmpfs in a mount namespace of its own). What must come out: lost 0, doubled 0, half applied 0; exit code 1
otherwise. All of it is on loopback.
"""

import argparse
import asyncio
import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.collector_client import UplinkError
from agent.settings import Collector
from agent.uplink import enrol
from deploy.bench.chaos_check import Verdict, check
from deploy.bench.chaos_relay import Relay
from deploy.bench.collector_process import CollectorProcess
from deploy.bench.forked import Forked
from deploy.lab.errors import LabUnavailable
from deploy.lab.postgres import Restarting, restarting
from inventory_db.agents import create_enrolment
from inventory_db.tables import open_ledger, writing

FAULTS = 0.1  # share of requests that the network spoils
SETTLE_WITHIN = 300.0  # seconds at the end for everything to arrive
DERIVED_WITHIN = 1800.0  # seconds for devices: of collectors that live for seconds all of it waits until then
INSIDE = "DAICHO_CHAOS_INSIDE"  # set in the mount namespace


class AgentProcess:
    """One agent's state folder, and the process that lives in it."""

    def __init__(self, state: Path, url: str) -> None:
        self.state, self.url, self.id = state, url, ""
        self.process: Forked | None = None

    def enrol(self, code: str) -> None:
        """Become known; asks again until the collector answers."""
        for _ in range(200):
            try:
                self.id = asyncio.run(enrol(Collector(url=self.url), self.state, code)).agent
            except UplinkError:
                time.sleep(0.1)
            else:
                return
        raise SystemExit("台帳サーバーが応えません / the collector does not answer")

    def start(self, run: int) -> None:
        """Live, under a number that makes what it sees its own."""
        self.process = Forked("deploy.bench.chaos_agent", [str(self.state), self.url, str(run)], {})

    def kill(self) -> bool:
        """End it as a power cut would; False if it had ended before."""
        if self.process is None:
            return False
        lived = self.process.poll() is None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None
        return lived

    def emptied(self, seconds: float) -> bool:
        """Wait until what it held has all been handed over; False if that takes longer."""
        assert self.process is not None
        try:
            return self.process.wait(max(seconds, 0.1)) == 0
        except TimeoutError:
            return False


class Chaos:
    """Everything that runs, and what is done to it."""

    def __init__(
        self, folder: Path, target: str, collectors: int, agents: int, rng: random.Random,
        database: Restarting | None = None, disk: Path | None = None,
    ) -> None:  # fmt: skip
        self.rng, self.database, self.disk, self.target = rng, database, disk, target
        self.engine = open_ledger(target)
        places = [folder / f"collector{n}" for n in range(collectors)]
        self.collectors = [CollectorProcess(target, place, forked=True) for place in places]
        self.relay = Relay([one.port for one in self.collectors], random.Random(rng.random()), FAULTS)
        url = f"http://127.0.0.1:{self.relay.port}"
        self.agents = [AgentProcess(folder / f"agent{n}", url) for n in range(agents)]
        self.did: Counter[str] = Counter()
        self.runs = 0
        self.emptied = self.derived = 0.0  # seconds after the last kill

    @property
    def kills(self) -> int:
        """How many kills there were: of a collector, an agent, or a whole database."""
        return sum(count for name, count in self.did.items() if name.endswith(" killed"))

    @contextlib.contextmanager
    def living(self) -> Iterator[None]:
        """Start everything; leave nothing running."""
        try:
            with self.relay:
                for collector in self.collectors:
                    collector.start()
                for agent in self.agents:
                    with writing(self.engine) as connection:
                        now = datetime.now(UTC)
                        code = create_enrolment(connection, "chaos", timedelta(hours=9), now=now)
                    agent.enrol(code)
                    self._revive(agent)
                yield
        finally:
            for agent in self.agents:
                agent.kill()
            for collector in self.collectors:
                collector.kill()
            self.engine.dispose()

    def round(self) -> None:
        """Let it run for a moment, then break something."""
        time.sleep(self.rng.uniform(0.05, 0.6))
        events: list[tuple[str, Callable[[], bool], int]] = [
            ("collector killed", self._kill_collector, 8),
            ("agent killed", self._kill_agent, 8),
            ("network away", self._lose_network, 2),
        ]
        if self.database:
            events.append(("database killed", self.database.kill, 3))
        if self.disk or self.database:
            events.append(("disk full", self._fill_disk, 1))
        name, event, _ = self.rng.choices(events, [weight for *_, weight in events])[0]
        self.did[name if event() else f"{name}: not there"] += 1
        for collector in self.collectors:
            if not collector.alive():  # one that met its end by itself is an event too
                collector.start(wait=False)
                collector.restarts += 1

    def settle(self) -> Verdict:
        """Break nothing any more, let everything arrive, and compare."""
        self.relay.faults = 0.0
        for agent in self.agents:
            agent.kill()
        for collector in self.collectors:
            self._bring_up(collector)
        for agent in self.agents:
            agent.start(-1)
        begun = time.monotonic()
        full = sum(not agent.emptied(begun + DERIVED_WITHIN - time.monotonic()) for agent in self.agents)
        self.emptied = time.monotonic() - begun
        logbooks = {agent.id: agent.state / "logbook" for agent in self.agents}
        while (verdict := check(self.engine, logbooks)).waiting and time.monotonic() < begun + DERIVED_WITHIN:
            time.sleep(1)
        self.derived = time.monotonic() - begun
        return replace(verdict, full=full)

    def _bring_up(self, collector: CollectorProcess) -> None:
        """Start a collector until it stays; one that finds no database ends by itself."""
        deadline = time.monotonic() + SETTLE_WITHIN
        while time.monotonic() < deadline:
            if not collector.alive():
                collector.start(wait=False)
            with contextlib.suppress(LabUnavailable):
                collector.await_ready()
                return
        raise LabUnavailable("台帳サーバーが立ち上がりません / the collector does not come up")

    def _kill_collector(self) -> bool:
        """Kill one: mostly one that serves, sometimes one that just comes up; False if it had ended before."""
        chosen = self.rng.choice(self.collectors)
        if self.rng.random() < 0.8:
            with contextlib.suppress(LabUnavailable):
                chosen.await_ready()
            time.sleep(self.rng.uniform(0, 0.5))
        lived = chosen.alive()
        chosen.kill()
        return lived

    def _kill_agent(self) -> bool:
        agent = self.rng.choice(self.agents)
        lived = agent.kill()
        self._revive(agent)
        return lived

    def _revive(self, agent: AgentProcess) -> None:
        self.runs += 1
        agent.start(self.runs)

    def _lose_network(self) -> bool:
        self.relay.down = True
        time.sleep(self.rng.uniform(0.05, 0.5))
        self.relay.down = False
        return True

    def _fill_disk(self) -> bool:
        """Write until there is no room, wait, and take it away again."""
        place = self.disk or (self.database.data() if self.database else None)
        if place is None:
            return False
        ballast = place / "ballast"
        try:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(bytes(1024 * 1024)):
                    pass
            time.sleep(self.rng.uniform(0.2, 1.5))
        finally:
            with contextlib.suppress(OSError):
                ballast.unlink(missing_ok=True)
        return True


def run(
    chaos: Chaos, kills: int, say: Callable[[str], None] = lambda line: None, minutes: float = math.inf
) -> Verdict:
    """Break things until so many processes were killed, or the time is over; gives what the checker found."""
    begun, rounds = time.monotonic(), 0
    with chaos.living():
        while chaos.kills < kills and time.monotonic() - begun < 60 * minutes:
            chaos.round()
            rounds += 1
            if rounds % 50 == 0:
                say(f"{time.monotonic() - begun:6.0f} s: {chaos.kills} kills, {dict(chaos.did)}")
        verdict = chaos.settle()
    say(f"network: {dict(chaos.relay.did)}")
    say(f"after the last kill: agents empty in {chaos.emptied:.0f} s, all derived in {chaos.derived:.0f} s")
    return verdict


def main() -> int:
    """Do it all and print what came out."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.chaos")
    options.add_argument("--kills", type=int, default=1000)
    options.add_argument(
        "--minutes", type=float, default=math.inf, help="no more than this, then what was done counts"
    )
    options.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    options.add_argument("--collectors", type=int, default=2, help="at once; SQLite has one")
    options.add_argument("--agents", type=int, default=3)
    options.add_argument("--disk", default="2g", help="of SQLite, in memory; it is filled up now and then")
    options.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    given = options.parse_args()
    if given.database == "sqlite" and os.geteuid() == 0 and INSIDE not in os.environ:
        again = ["unshare", "--mount", "--propagation", "private", sys.executable, "-m", "deploy.bench.chaos"]
        more = [f"--seed={given.seed}"]
        inside = os.environ | {INSIDE: "1"}
        return subprocess.run([*again, *sys.argv[1:], *more], env=inside, check=False).returncode
    print(f"seed {given.seed}", flush=True)
    rng = random.Random(given.seed)
    with TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder, database, disk = Path(name), None, None
        if given.database == "postgresql":
            database = stack.enter_context(restarting())
            target = database.url
        else:
            disk = stack.enter_context(small_disk(folder, given.disk)) if INSIDE in os.environ else None
            target = str((disk or folder) / "ledger.sqlite")
        collectors = given.collectors if database else 1
        chaos = Chaos(folder, target, collectors, given.agents, rng, database, disk)
        verdict = run(chaos, given.kills, lambda line: print(line, flush=True), given.minutes)
        print(f"{chaos.kills} kills: {dict(chaos.did)}\n{verdict}")
    return 0 if verdict.good else 1


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a small disk in memory, in this mount namespace."""
    place = folder / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


if __name__ == "__main__":
    sys.exit(main())
