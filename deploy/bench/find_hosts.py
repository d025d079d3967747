# SPDX-License-Identifier: Apache-2.0
"""Time to find all live hosts of a /24, /22 and /16 at the same packets a second: we, arp-scan, masscan and zmap.

`sudo python -m deploy.bench.find_hosts [--prefix 24 --prefix 22 --prefix 16] [--rate 1000]`: two namespaces and a cable
between them; the live hosts are addresses of one card at the far end, so that masscan and zmap, which send everything to
one MAC, can see them. We and arp-scan ask by ARP (two rounds each), masscan and zmap by one echo request. Our own ceiling
for broadcasts is 1,000 a second by design (`pace.broadcasts`; 100 unless the site writes another), so that is the rate of
all four. Times are of the whole process, its start included. The three tools are Debian's; what is missing is named and
installed with apt. Nothing leaves the two namespaces.
"""

import argparse
import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from agent.logbook import Logbook
from agent.scope import write_scope
from agent.settings import PaceSection, ScopeSection, Settings
from agent.survey import Survey
from agent.time_left import Progress

PREFIX = f"dfh{os.getpid()}"
CEILING = 1000  # packets a second: the most that agent.toml takes for pace.broadcasts
ME, THERE = "02:00:00:00:76:01", "02:00:00:00:76:02"
LIVE = {24: 100, 22: 200, 16: 300}  # live hosts by length of the prefix
TOOLS = ("arp-scan", "masscan", "zmap")
WAIT = 1  # seconds that masscan and zmap wait for late answers; they would wait 10 and 8


@dataclass(frozen=True, slots=True)
class Found:
    """One run of one tool."""

    tool: str
    seconds: float
    hosts: frozenset[str]
    packets: int


def commands(network: str, rate: int, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Give the command of each tool."""
    ours = [
        sys.executable,
        "-m",
        "deploy.bench.find_hosts",
        "--inside",
        network,
        str(folder),
        "--rate",
        str(rate),
    ]
    yield "daicho", ours
    pause = f"--interval={1_000_000 // rate}u"
    yield "arp-scan", ["arp-scan", "--interface=eth0", "--plain", "--quiet", pause, network]
    fixed = ["--source-ip", "10.76.0.1", "--router-mac", THERE.replace(":", "-"), "--wait", str(WAIT)]
    yield "masscan", ["masscan", network, "--ping", "-e", "eth0", *fixed, "--rate", str(rate), "-oL", "-"]
    module = [
        "-M",
        "icmp_echoscan",
        "-i",
        "eth0",
        "-G",
        THERE,
        "-S",
        "10.76.0.1",
        "-b",
        "/dev/null",
        "-q",
        "-v",
        "0",
    ]
    yield "zmap", ["zmap", *module, "-r", str(rate), "-c", str(WAIT), "-o", "-", network]


def look(tool: str, command: list[str], network: str) -> Found:
    """Run one tool inside the namespace."""
    before, begun = _sent(), time.monotonic()
    ran = subprocess.run(
        ["ip", "netns", "exec", f"{PREFIX}me", *command], capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - begun
    if ran.returncode:
        raise RuntimeError(f"{tool} ended with {ran.returncode}: {ran.stderr[-500:]}")
    words = {word.strip(",") for line in ran.stdout.splitlines() if line[:1] != "#" for word in line.split()}
    inside = ip_network(network)
    hosts = frozenset(word for word in words if word.count(".") == 3 and _within(word, inside))
    return Found(tool, seconds, hosts, _sent() - before)


def _within(word: str, network: object) -> bool:
    try:
        return ip_network(word).subnet_of(network)  # type: ignore[arg-type]
    except ValueError:
        return False


def _sent() -> int:
    path = "/sys/class/net/eth0/statistics/tx_packets"
    told = subprocess.run(
        ["ip", "netns", "exec", f"{PREFIX}me", "cat", path], capture_output=True, check=True
    )
    return int(told.stdout)


async def inside(network: str, folder: Path, rate: int) -> None:
    """Find as a scan does, and end where it would begin to ask; prints the addresses that somebody has."""
    pace = PaceSection(broadcasts=rate, packets_per_segment=2 * rate, packets=2 * rate)
    settings = Settings(pace=pace, listen_seconds=0.0)
    scope = write_scope(ScopeSection(), [network], (), yes_large=True)
    asking = asyncio.Event()

    def tell(progress: Progress) -> None:
        if progress.stage == "ask":
            asking.set()

    with Logbook(folder / "book") as book:
        survey = Survey(settings, scope, book, tell=tell)
        running = asyncio.create_task(survey.run())
        reached = asyncio.create_task(asking.wait())
        await asyncio.wait({running, reached}, return_when=asyncio.FIRST_COMPLETED)
        print("\n".join(survey.sides[0].seen.macs))
        running.cancel()
        reached.cancel()
        await asyncio.gather(running, reached, return_exceptions=True)


def build(prefix: int) -> frozenset[str]:
    """Make the namespaces and give the live addresses, drawn by chance, the same in each run."""
    network = ip_network(f"10.76.0.0/{prefix}")
    live = random.Random(prefix).sample(range(2, network.num_addresses - 1), LIVE[prefix])
    there = frozenset(str(network.network_address + number) for number in live)
    for name in ("me", "hosts"):
        subprocess.run(["ip", "netns", "add", PREFIX + name], check=True)
        for setting in ("net.ipv6.conf.all.disable_ipv6=1", "net.ipv4.icmp_ratelimit=0"):
            subprocess.run(["ip", "netns", "exec", PREFIX + name, "sysctl", "-qw", setting], check=True)
    cable = f"link add eth0 address {ME} type veth peer name eth0 address {THERE} netns {PREFIX}hosts\n"
    _batch("me", cable + f"addr add 10.76.0.1/{prefix} dev eth0\nlink set lo up\nlink set eth0 up\n")
    _batch(
        "hosts", "".join(f"addr add {ip}/{prefix} dev eth0\n" for ip in sorted(there)) + "link set eth0 up\n"
    )
    return there


def _batch(where: str, lines: str) -> None:
    subprocess.run(["ip", "-n", PREFIX + where, "-batch", "-"], input=lines.encode(), check=True)


def measure(prefix: int, rate: int) -> None:
    """Let each tool find the hosts of one network, and print."""
    network = f"10.76.0.0/{prefix}"
    try:
        there = build(prefix)
        with tempfile.TemporaryDirectory() as folder:
            rows = [look(tool, words, network) for tool, words in commands(network, rate, Path(folder))]
    finally:
        for name in ("me", "hosts"):
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)
    print(f"/{prefix}, {len(there)} live hosts, {rate} packets a second (load {os.getloadavg()[0]:.1f})")
    for row in rows:
        false = len(row.hosts - there - {"10.76.0.1"})
        print(
            f"  {row.tool:9} {row.seconds:6.1f} s  found {len(row.hosts & there):3} of {len(there)}, false {false}"
            f"  packets {row.packets:6}, {row.packets / row.seconds:5.0f} a second over all"
            f"  daicho / {row.tool} {rows[0].seconds / row.seconds:.2f}",
            flush=True,
        )


def install() -> bool:
    """Have Debian's tools installed, named first; true if all are there."""
    if all(map(shutil.which, TOOLS)):
        return True
    setup = Path(__file__).resolve().parent.parent / "setup.sh"
    wanted = " ".join(f"{tool}={tool}" for tool in TOOLS)
    return subprocess.run(["bash", "-c", f". '{setup}' && need {wanted}"], check=False).returncode == 0


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--prefix", type=int, action="append", choices=list(LIVE))
    words.add_argument("--rate", type=int, default=CEILING)
    words.add_argument("--inside", nargs=2, default=(), help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.inside:
        asyncio.run(inside(given.inside[0], Path(given.inside[1]), given.rate))
        return 0
    if not 1 <= given.rate <= CEILING:
        words.error(f"the rate is from 1 to {CEILING} packets a second")
    if not install():
        return 3
    for prefix in given.prefix or list(LIVE):
        measure(prefix, given.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
