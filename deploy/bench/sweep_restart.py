# SPDX-License-Identifier: Apache-2.0
"""A scan of a /16 that is killed in the middle and started again: what the wire got, by a capture at the far end.

`sudo python -m deploy.bench.sweep_restart [--prefix 16] [--hosts 20]`: two namespaces, hosts that refuse everything, the
sweep at 1,000 ARP requests a second (the most that agent.toml takes), `kill -9` when half of it is noted, and the same
scan again on the same disk. Prints how many addresses were asked, how many of them again after the restart (the slice
that was under way, and hosts that were found and not asked yet), and the time left that the second start told.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path

from agent.discovery import ROUNDS
from agent.finding import SLICE
from agent.logbook import Logbook
from agent.scope import write_scope
from agent.settings import PaceSection, ScopeSection, Settings
from agent.survey import Survey
from agent.time_left import Progress
from deploy.bench.capture import frames
from deploy.bench.pace_efficiency import PREFIX, build

PACE = PaceSection(broadcasts=1000, packets_per_segment=1000)


async def scan(network: str, book: Path) -> None:
    """Scan from inside the namespace; prints the time left as it is first told, then how the scan ended."""
    told: list[float] = []

    def tell(progress: Progress) -> None:
        if progress.stage == "find" and progress.left and not told:
            told.append(progress.left)

    scope = write_scope(ScopeSection(), [network], (), yes_large=True)
    with Logbook(book) as logbook:
        settings = Settings(pace=PACE, listen_seconds=0.5)
        ended = await Survey(settings, scope, logbook, tell=tell, notebook=logbook).run()
    print(json.dumps({"left": told[0], "state": ended.state, "id": ended.id, "finished": ended.finished}))


def start(network: str, book: Path) -> "subprocess.Popen[str]":
    """Start the scan in the namespace."""
    command = [sys.executable, "-m", "deploy.bench.sweep_restart", "--inside", network, str(book)]
    return subprocess.Popen(
        ["ip", "netns", "exec", f"{PREFIX}me", *command], stdout=subprocess.PIPE, text=True
    )


def swept(book: Path) -> int:
    """Give how many addresses the scan has noted as dealt with."""
    with (
        contextlib.suppress(sqlite3.OperationalError),  # it is being made
        contextlib.closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True)) as file,
    ):
        row = file.execute("SELECT body FROM kept WHERE name = 'headway'").fetchone()
        return sum(json.loads(row[0])["swept"].values()) if row and row[0] else 0
    return 0


@contextlib.contextmanager
def captured(pcap: Path) -> Iterator[None]:
    """Write down all ARP that comes in at the far end."""
    dump = ["tcpdump", "-i", "eth0", "-Q", "in", "-U", "-B", "16384", "-Z", "root", "-w", str(pcap), "arp"]
    command = ["ip", "netns", "exec", f"{PREFIX}hosts", *dump]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        while b"listening on" not in tcpdump.stderr.readline():
            if tcpdump.poll() is not None:
                raise RuntimeError("tcpdump does not start")
        yield
        time.sleep(0.5)  # what the kernel still holds for it
        tcpdump.terminate()


def asked(pcap: Path, until: float, since: float) -> tuple[Counter[str], Counter[str]]:
    """Count ARP requests by the address that they ask for, before the kill and after the restart."""
    before, after = Counter[str](), Counter[str]()
    for at, data in frames(pcap):
        target = str(ip_address(data[38:42]))
        if data[20:22] == b"\0\1" and data[28:32] != data[38:42]:
            (before if at <= until else after if at >= since else before)[target] += 1
    return before, after


def measure(prefix: int, hosts: int) -> None:
    """Sweep, kill, sweep on, and print."""
    network = f"10.76.0.0/{prefix}"
    half = ip_network(network).num_addresses // 2
    build(hosts, prefix)
    try:
        with tempfile.TemporaryDirectory() as folder:
            book, pcap = Path(folder) / "book", Path(folder) / "arp.pcap"
            with captured(pcap):
                with start(network, book) as first:
                    while swept(book) < half and first.poll() is None:
                        time.sleep(0.05)
                    noted = swept(book)
                    first.kill()
                killed = time.time()
                time.sleep(1.0)
                again = time.time()
                with start(network, book) as second:
                    assert second.stdout is not None
                    told = json.loads(second.stdout.read())
            took = time.time() - again
            report(*asked(pcap, killed, again), noted, told, took)
    finally:
        for name in ("me", "hosts"):
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)


def report(
    before: Counter[str], after: Counter[str], noted: int, told: dict[str, object], took: float
) -> None:
    """Print what was asked twice."""
    both = set(before) & set(after)
    print(f"noted as swept at the kill      {noted} addresses ({len(before)} asked)")
    print(f"the second start                {told['state']}, {told['finished']} addresses dealt with in all")
    print(f"asked in all                    {len(set(before) | set(after))} addresses")
    print(f"asked again after the restart   {len(both)} (a slice is {SLICE})")
    print(f"requests for one address        at most {max((before + after).values())} ({ROUNDS} a sweep)")
    print(f"time left, told at the restart  {told['left']:.0f} s; it took {took:.0f} s")
    print(f"load {os.getloadavg()[0]:.1f}")


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--prefix", type=int, default=16)
    words.add_argument("--hosts", type=int, default=20)
    words.add_argument("--inside", nargs=2, default=(), help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.inside:
        asyncio.run(scan(given.inside[0], Path(given.inside[1])))
        return 0
    measure(given.prefix, given.hosts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
