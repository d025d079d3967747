# SPDX-License-Identifier: Apache-2.0
"""How close a scan comes to the least time that its own limits allow for the packets it sent.

`sudo python -m deploy.bench.pace_efficiency [--hosts 30 --hosts 250] [--profile standard] [--prefix 24] [--listen 3]`: so
many hosts, each with a card of its own (macvlan), that refuse every connection; one scan each, which listens as long as
the shipped settings say. The least time is computed from the journal, in the three stages that cannot overlap (the
formula is printed). Many hosts or a /16 take long: 1,000 hosts about three minutes, a /16 about 22 minutes of ARP alone.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from agent.discovery import ANSWER_SECONDS
from agent.logbook import Logbook
from agent.pace import at_once
from agent.scope import write_scope
from agent.settings import ScopeSection, Settings
from agent.survey import Survey
from agent.time_left import Progress
from probes.facts import Sent

PREFIX = f"dpe{os.getpid()}"
FORMULA = (
    "least = listening + seconds(ARP sent, ARP a second) + waiting for the last answers\n"
    "      + the longest of: seconds(any host's packets, packets a second and host), its connections x gap,\n"
    "        seconds(all packets of a segment, packets a second and segment), hosts' times in sum / hosts at once\n"
    "seconds(n, limit) = whole part of (n - 1) / limit: no second holds more than its limit, the first begins full"
)


@dataclass(frozen=True, slots=True)
class Took:
    """One scan."""

    hosts: int
    wall: float
    least: float
    packets: int

    @property
    def ratio(self) -> float:
        """Wall time over the least time that the limits allow."""
        return self.wall / self.least


def main() -> int:
    """Measure and print."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--hosts", type=int, action="append")
    words.add_argument("--profile", default="standard")
    words.add_argument("--prefix", type=int, default=0, help="length of the network's prefix; 0: what fits")
    words.add_argument("--listen", type=float, default=Settings().listen_seconds, help="seconds; as shipped")
    words.add_argument("--inside", nargs=2, default=(), help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.inside:
        asyncio.run(scan(given.inside[0], Path(given.inside[1]), given.profile, given.listen))
        return 0
    print(FORMULA)
    for hosts in given.hosts or [30, 250]:
        prefix = given.prefix or (24 if hosts < 250 else 23 if hosts < 500 else 20)
        took = measure(hosts, prefix, given.profile, given.listen)
        print(
            f"{took.hosts:5} hosts {took.packets:7} packets  wall {took.wall:7.1f} s  least {took.least:7.1f} s"
            f"  wall / least {took.ratio:.2f}  (load {os.getloadavg()[0]:.1f})"
        )
    return 0


def measure(hosts: int, prefix: int, profile: str, listen: float) -> Took:
    """Build, scan once, tear down."""
    build(hosts, prefix)
    try:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "deploy.bench.pace_efficiency", "--profile", profile]
            command += ["--listen", str(listen)]
            inside = ["--inside", f"10.76.0.0/{prefix}", folder]
            ran = subprocess.run(
                ["ip", "netns", "exec", f"{PREFIX}me", *command, *inside], stdout=subprocess.PIPE, check=True
            )
            told = json.loads(ran.stdout)
            return Took(told["hosts"], told["wall"], told["least"], told["packets"])
    finally:
        for name in ("me", "hosts"):
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)


async def scan(network: str, folder: Path, profile: str, listen: float) -> None:
    """Scan from inside the namespace and print what it took as JSON."""
    settings = Settings(profile=profile, listen_seconds=listen)  # type: ignore[arg-type]
    scope = write_scope(ScopeSection(), [network], (), yes_large=False)
    found: list[Progress] = []
    with Logbook(folder / "book") as book:
        begun = time.monotonic()
        ended = await Survey(
            settings, scope, book, tell=lambda step: found.__setitem__(slice(None), [step])
        ).run()
        wall = time.monotonic() - begun
        sent = await book.journal()
    if ended.state != "complete":
        raise RuntimeError(ended.note)
    told = {
        "hosts": found[0].found,
        "wall": wall,
        "least": least(settings, sent),
        "packets": sum(line.packets for line in sent),
    }
    print(json.dumps(told))


def least(settings: Settings, sent: list[Sent]) -> float:
    """Give the least seconds that the limits allow for these packets."""
    pace = settings.pace
    arp = sum(line.packets for line in sent if line.action == "arp request")
    asked: dict[str, list[Sent]] = defaultdict(list)
    for line in sent:
        if line.action != "arp request":
            asked[line.address].append(line)
    times = [max(_times(settings, lines)) for lines in asked.values()]
    packets = sum(line.packets for lines in asked.values() for line in lines)
    room = at_once(pace.hosts_at_once, pace.packets_per_segment)
    asking = max([*times, _seconds(packets, pace.packets_per_segment), sum(times) / room], default=0.0)
    return settings.listen_seconds + _seconds(arp, pace.broadcasts) + ANSWER_SECONDS + asking


def _times(settings: Settings, lines: list[Sent]) -> Iterator[float]:
    """What the packets and the connections of one host take at least."""
    pace = settings.pace
    yield _seconds(sum(line.packets for line in lines), pace.packets_per_host)
    yield max(0.0, (sum(line.connections for line in lines) - 1) * pace.connection_gap)


def _seconds(packets: int, limit: int) -> float:
    """The least time between the first and the last of so many packets, when no second holds more than `limit`."""
    return float(max(0, packets - 1) // limit)


def build(hosts: int, prefix: int) -> None:
    """Make two namespaces with a cable, and so many hosts that refuse everything at its far end, each with a card."""
    for name in ("me", "hosts"):
        subprocess.run(["ip", "netns", "add", PREFIX + name], check=True)
        quiet = ["net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1"]
        answers = [
            f"net.ipv4.conf.{which}.{key}"
            for which in ("all", "default")
            for key in ("arp_ignore=1", "arp_announce=2")
        ]
        for setting in (*quiet, *answers, "net.ipv4.icmp_ratelimit=0"):
            subprocess.run(["ip", "netns", "exec", PREFIX + name, "sysctl", "-qw", setting], check=True)
    cable = f"link add eth0 type veth peer name eth0 netns {PREFIX}hosts\n"
    _batch("me", cable + f"addr add 10.76.0.1/{prefix} dev eth0\nlink set lo up\nlink set eth0 up\n")
    lines = "link set lo up\nlink set eth0 up\n"
    for number in range(hosts):
        ip, name = f"10.76.{(number + 2) // 256}.{(number + 2) % 256}", f"h{number}"
        lines += (
            f"link add link eth0 name {name} address 02:00:76:00:{number // 256:02x}:{number % 256:02x} type macvlan"
            f" mode bridge\naddr add {ip}/{prefix} dev {name}\nlink set {name} up\n"
        )
    _batch("hosts", lines)


def _batch(where: str, lines: str) -> None:
    subprocess.run(["ip", "-n", PREFIX + where, "-batch", "-"], input=lines.encode(), check=True)


if __name__ == "__main__":
    sys.exit(main())
