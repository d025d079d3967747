# SPDX-License-Identifier: Apache-2.0
"""What the agent costs between two scans while it listens: memory of all its processes, share of one core.

`sudo python -m deploy.bench.idle_agent [--seconds 60] [--frames 20]`: two namespaces on one cable; one talks (ARP, mDNS,
DHCP, NetBIOS and SSDP in turn), in the other the agent waits for its next scan. Beside it tcpdump takes the same
frames through the same kernel filter; both ratios are of the same seconds.
"""

import argparse
import asyncio
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from agent.between import Between
from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.keys import Identity, find_key
from agent.logbook import Logbook
from agent.rounds import Rounds
from agent.scope import write_scope
from agent.settings import Collector, ScheduleSection, ScopeSection
from agent.state_folder import write_last_start
from agent.uplink import Uplink
from deploy.commands import agent as command  # what `daicho agent` has in its memory
from probes.facts import Scan

PREFIX = f"dia{os.getpid()}"
MOST_MEGABYTES, MOST_SHARE = 80.0, 0.01
SETTLE = 15.0  # seconds until it waits
TICKS = os.sysconf("SC_CLK_TCK")
FILTER = "arp or (udp and (port 67 or port 68 or port 1900 or port 5353 or port 5355)) or (udp and port 137)"


@dataclass(frozen=True, slots=True)
class Cost:
    """Memory in megabytes (shared pages counted once for each process, and shared out), seconds of a core."""

    resident: float
    shared_out: float
    core: float


def main() -> int:
    """Measure and print; 1 if a limit is not held."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--seconds", type=float, default=60.0)
    words.add_argument("--frames", type=float, default=20.0, help="frames a second that the network says")
    words.add_argument("--inside", default="", help=argparse.SUPPRESS)
    words.add_argument("--talk", action="store_true", help=argparse.SUPPRESS)
    given = words.parse_args()
    if given.talk:
        talk(given.frames)
    if given.inside:
        asyncio.run(idle(Path(given.inside)))
    _build()
    try:
        with tempfile.TemporaryDirectory() as state:
            return measure(Path(state), given.seconds, given.frames)
    finally:
        for name in ("me", "talker"):
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)


def measure(state: Path, seconds: float, frames: float) -> int:
    """Let it listen, and tcpdump beside it."""
    module = [sys.executable, "-m", "deploy.bench.idle_agent"]
    talker = _begin("talker", [*module, "--talk", "--frames", str(frames)])
    agent = _begin("me", [*module, "--inside", str(state)])
    dump = _begin("me", ["tcpdump", "-i", "eth0", "-w", os.devnull, "-Z", "root", FILTER])
    try:
        time.sleep(SETTLE)
        before = _cost(agent.pid), _cost(dump.pid)
        time.sleep(seconds)
        after = _cost(agent.pid), _cost(dump.pid)
    finally:
        for process in (talker, agent, dump):
            process.terminate()
            process.wait(10)
    return tell(before, after, seconds, frames, state)


def tell(
    before: tuple[Cost, Cost], after: tuple[Cost, Cost], seconds: float, frames: float, state: Path
) -> int:
    """Print what it took."""
    heard = asyncio.run(_count(state))
    ours, other = after
    share, shares = ((end.core - start.core) / seconds for start, end in zip(before, after, strict=True))
    print(f"{seconds:.0f} s, {frames:.0f} frames a second, load {os.getloadavg()[0]:.1f}; recorded {heard}")
    print(
        f"agent    {ours.shared_out:6.1f} MB, pages of several processes counted once ({ours.resident:.1f} MB if not), {share:.2%} of a core"
    )
    print(f"tcpdump  {other.shared_out:6.1f} MB ({other.resident:.1f} MB), {shares:.2%} of a core")
    print(f"agent / tcpdump: {ours.shared_out / other.shared_out:.1f} times the memory", end="")
    print(f", {share / shares:.1f} times the core" if shares else "")
    fits = ours.shared_out <= MOST_MEGABYTES and share <= MOST_SHARE
    print(f"limits {MOST_MEGABYTES:.0f} MB and {MOST_SHARE:.0%}: {'held' if fits and heard else 'NOT held'}")
    return 0 if fits and heard else 1


async def _count(state: Path) -> int:
    with Logbook(state / "book") as book:
        return (await book.position())[1]


async def idle(state: Path) -> None:
    """The agent as its command runs it, an hour before its next scan; its collector is away."""
    sys.modules[command.__name__]  # loaded for its weight
    clock = SystemClock()
    scope = write_scope(ScopeSection(), ["10.77.0.0/24"], (), yes_large=False)
    with Logbook(state / "book") as book:
        await book.put([Scan(id="before", started=datetime.now(UTC), state="complete")])
        write_last_start(state, clock.now())
        async with CollectorClient(Collector(url="http://127.0.0.1:9"), clock) as client:
            uplink = Uplink(book, Identity("agent1", find_key(state)), client, clock)
            between = Between(scope, book, clock, book.newest_scan, print)
            hourly = ScheduleSection(every_hours=1.0)
            await Rounds(
                hourly, (), "agent1", state, book, uplink, _no_scan, lambda *_: None, clock, between.run
            ).run()  # fmt: skip


async def _no_scan(_: object) -> Scan:
    raise AssertionError("its time has not come")


def talk(frames: float) -> None:
    """Say what a network says, until ended."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as link:
        link.bind(("eth0", 0))
        number = 0
        while True:
            link.send(_frame(number))
            number += 1
            time.sleep(1 / frames)


def _frame(number: int) -> bytes:
    """ARP of one of 100 hosts, or a datagram of one of four kinds."""
    host = number % 100 + 2
    mac, ip = bytes([2, 0, 0, 0, 0x77, host]), bytes([10, 77, 0, host])
    everybody = b"\xff" * 6
    if number % 5 == 0:
        asks = bytes([10, 77, 0, number % 200 + 1])
        return everybody + mac + b"\x08\x06" + bytes.fromhex("0001080006040001") + mac + ip + bytes(6) + asks
    port = (5353, 68, 137, 1900)[number % 4]
    said = (
        os.urandom(60) if port != 1900 else b"NOTIFY * HTTP/1.1\r\nNT: upnp:rootdevice\r\nSERVER: x\r\n\r\n"
    )
    udp = struct.pack("!HHHH", port, port, 8 + len(said), 0) + said
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 1, 17, 0, ip, b"\xff" * 4)
    total = sum(struct.unpack("!10H", header))
    checked = (~((total & 0xFFFF) + (total >> 16))) & 0xFFFF
    return everybody + mac + b"\x08\x00" + header[:10] + struct.pack("!H", checked) + header[12:] + udp


def _build() -> None:
    for name in ("me", "talker"):
        subprocess.run(["ip", "netns", "add", PREFIX + name], check=True)
    subprocess.run(
        ["ip", "-n", f"{PREFIX}me", "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns",
         f"{PREFIX}talker"], check=True,
    )  # fmt: skip
    for name, address in (("me", "10.77.0.250"), ("talker", "10.77.0.1")):
        for step in (["addr", "add", f"{address}/24", "dev", "eth0"], ["link", "set", "eth0", "up"]):
            subprocess.run(["ip", "-n", PREFIX + name, *step], check=True)


def _begin(where: str, command: list[str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(["ip", "netns", "exec", PREFIX + where, *command], stderr=subprocess.DEVNULL)


def _family(pid: int) -> list[int]:
    """The process and all below it."""
    below = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(one for child in below for one in _family(int(child)))]


def _cost(pid: int) -> Cost:
    resident = shared_out = core = 0.0
    for one in _family(pid):
        rows = Path(f"/proc/{one}/smaps_rollup").read_text("ascii").splitlines()
        sizes = {row.split()[0]: float(row.split()[1]) / 1024 for row in rows[1:]}
        resident += sizes["Rss:"]
        shared_out += sizes["Pss:"]
        words = Path(f"/proc/{one}/stat").read_text("ascii").rpartition(")")[2].split()
        core += (int(words[11]) + int(words[12])) / TICKS
    return Cost(resident, shared_out, core)


if __name__ == "__main__":
    sys.exit(main())
