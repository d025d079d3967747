# SPDX-License-Identifier: Apache-2.0
"""The pace of large networks on a virtual clock: the scan's own sweep, order, doors and pace; hosts that answer at once.

`python -m deploy.bench.pace_virtual [--hosts 1000 --prefix 20]`: without arguments 1,000 hosts in a /20, and a /16 with 40.
No packet leaves and nobody waits: time goes on when everybody sleeps. What a real network adds (answers that take their
time, our own processor) is not in it; `pace_efficiency` measures that on real hosts.
"""

import argparse
import asyncio
import selectors
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any, cast

from agent.asking import Asking
from agent.confirm import Confirming
from agent.discovery import ROUNDS, Discovery
from agent.door import Door
from agent.finding import Finding
from agent.ground import Ground
from agent.headway import Headway
from agent.host import HostSurvey, Turn
from agent.pace import Pace
from agent.scope import Scope
from agent.settings import Settings
from agent.sightings import Sightings
from agent.tally import Tally
from agent.vantage import Standing
from agent.watch import HostWatch
from deploy.bench.pace_efficiency import FORMULA, least
from probes.facts import Scan, Sent

OPEN, SHUT, PER_OPEN, PER_SHUT = 3, 34, 6, 1  # connections of a standard scan, packets of each that leave us
ANSWER = 0.001  # seconds
BEGUN = datetime(2026, 11, 20, tzinfo=UTC)


class _Skipping(selectors.DefaultSelector):
    """Never waits: says how long it would have."""

    skipped = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Look once, and let the time that would pass have passed."""
        self.skipped += max(0.0, timeout or 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time goes on only when everybody sleeps."""

    def __init__(self) -> None:
        self.skipping = _Skipping()
        super().__init__(self.skipping)

    def time(self) -> float:
        """Seconds that would have passed."""
        return self.skipping.skipped


class VirtualClock:
    """The clock of that loop."""

    def now(self) -> datetime:
        """A moment."""
        return BEGUN + timedelta(seconds=self.steady())

    def steady(self) -> float:
        """Seconds since the beginning."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Let others go on."""
        await asyncio.sleep(seconds)


@dataclass(slots=True)
class _Worker:
    """Answers for the hosts that are there."""

    live: frozenset[str]
    arp_answers: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    is_running: bool = True

    async def arp(self, interface: str, address: str, mac: str = "") -> None:
        """The host says its MAC, if it is there."""
        del mac
        if address in self.live:
            parts = (int(part) for part in address.split("."))
            self.arp_answers[interface, address] = {"02:00:" + ":".join(f"{part:02x}" for part in parts)}


async def connections(door: Door) -> AsyncIterator[int]:
    """Make the connections of a standard scan through the real door, one after the other; gives the number of each."""
    for number in range(OPEN + SHUT):
        packets = PER_OPEN if number < OPEN else PER_SHUT
        await door.enter(max(packets, 5), connecting=True)
        await door.clock.sleep(ANSWER)
        door.leave(max(packets, 5), packets, connected=True)
        door.journal("tcp connect", packets=packets, connections=1)
        yield number


@dataclass(slots=True)
class _Host:
    """Takes the connections of a standard scan, one after the other."""

    door: Door
    refused: str = ""
    ours: bool = True  # there is nothing to let go of
    watch: HostWatch = field(default_factory=HostWatch)

    async def run(self, told: Callable[[], None], turn: Turn) -> None:
        """Connect as often as the plan does, through the real door."""
        async for _ in connections(self.door):
            told()
            await turn()


async def scan(hosts: int, prefix: int) -> tuple[float, float, int]:
    """Sweep and ask; gives the seconds that it took, the least that the limits allow, and the packets."""
    sent = list[Sent]()
    wall = await sweep_and_ask(hosts, prefix, sent.append, _Host)
    return wall, least(Settings(listen_seconds=0.0), sent), sum(line.packets for line in sent)


async def sweep_and_ask(
    hosts: int,
    prefix: int,
    write: Callable[[Sent], None],
    host: Callable[[Door], Any],
    confirming: Confirming | None = None,
) -> float:
    """Scan so many hosts on the virtual clock; gives the seconds that it took. `host`: made once for each door."""
    settings, clock = Settings(listen_seconds=0.0), VirtualClock()
    network = ip_network(f"10.76.0.0/{prefix}")
    scope, pace = Scope((network,)), settings.pace
    standing = Standing("eth0", 2, "02:ff:ff:ff:ff:ff", "10.76.0.1", str(network), (), True, False)
    ground = Ground((standing,), (standing.as_vantage("me"),), ((network, 0),), scope)
    askable = ground.askable()
    live = frozenset(askable[:: len(askable) // hosts][:hosts])
    limits = Pace(
        pace.packets_per_host - 1, pace.packets, pace.connection_gap, pace.packets_per_host_and_scan,
        pace.packets_per_segment,
    )  # fmt: skip
    doors: dict[str, Door] = {}

    def door(address: str) -> Door:
        if address not in doors:
            limits.stand(address, str(network))
            doors[address] = Door(address, scope, limits, clock, "s", "v", write, mac=seen.mac_of(address))
        return doors[address]

    seen, headway = Sightings(ground), Headway(scan=Scan(id="s", started=BEGUN), settings="", at=BEGUN)
    tally = Tally(scope, clock, lambda _: None, seen.macs, lambda: 0, planned=len(askable))
    discovery = Discovery(door, cast("Any", _Worker(live)), pace.broadcasts, tally.one_swept)
    none = cast("Any", None)
    finding = Finding(
        ground, clock, seen, discovery, headway, lambda _, ip, mac: cast("None", seen.add(ip, mac)), none,
        tally.were_swept, none,
    )  # fmt: skip

    async def after(_: HostSurvey) -> None:
        return

    await finding.run(askable)
    made = {ip: cast("HostSurvey", host(door(ip))) for ip in seen.macs}
    for ip, mac in seen.macs.items():
        made[ip].door.mac = mac
    await Asking(
        pace, ground, seen, headway, lambda ip: made[ip], lambda _: "arp", after, none, tally, lambda _: True, confirming,
    ).run()  # fmt: skip
    if len(seen.macs) != hosts or len(headway.asked) != hosts:
        raise RuntimeError(f"{len(seen.macs)} found, {len(headway.asked)} asked")
    return clock.steady()


def main() -> int:
    """Print each network's figures."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--hosts", type=int, default=0)
    words.add_argument("--prefix", type=int, default=20)
    given = words.parse_args()
    print(FORMULA)
    for hosts, prefix in [(given.hosts, given.prefix)] if given.hosts else [(1000, 20), (40, 16)]:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            wall, fewest, packets = runner.run(scan(hosts, prefix))
        print(
            f"{hosts:5} hosts in a /{prefix} {packets:7} packets  virtual wall {wall:7.1f} s  least {fewest:7.1f} s"
            f"  wall / least {wall / fewest:.2f}  (ARP in {ROUNDS} rounds)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
