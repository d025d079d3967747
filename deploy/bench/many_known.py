# SPDX-License-Identifier: Apache-2.0
"""What 100, 1,000 and 10,000 hosts cost one agent: memory, processor per host, and how far that is from flat.

`python -m deploy.bench.many_known [--most 10000]`: the scan's own sweep, doors, pace, hosts and memory of hosts on a virtual
clock (`pace_virtual`), each size in a process of its own; every host is remembered as after a whole scan. Sockets and the
packet worker are not in it: the worker is one process whatever the number of hosts, and is weighed beside.
"""

import argparse
import asyncio
import multiprocessing
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agent.confirm import Confirming
from agent.door import Door
from agent.host import HostSurvey, Turn, nobody_waits
from agent.memory import Known, Memory
from agent.records import Records
from deploy.bench.pace_virtual import OPEN, SHUT, VirtualLoop, connections, sweep_and_ask
from probes.facts import Fact, FactKind, Outcome

PREFIXES = {100: 24, 1_000: 21, 10_000: 18}
MOST_MEGABYTES, MOST_GROWTH = 300.0, 1.5
FACTS = 15  # of a host that answers on three ports
BAR = 40


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one size: peak memory in all, seconds of a core, packets, kept bytes."""

    hosts: int
    megabytes: float
    core: float
    packets: int
    kept: int


class Drawer:
    """Where hosts are remembered: as bytes, as the logbook does."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def keep_all(self, bodies: Mapping[str, bytes]) -> None:
        """Keep them."""
        self.bodies |= bodies

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        """Give them."""
        return {name: body for name, body in self.bodies.items() if name.startswith(prefix)}


@dataclass(slots=True)
class FilledHost(HostSurvey):
    """A host that ends with what a whole scan learns of one."""

    async def run(self, told: Callable[[], None] = lambda: None, turn: Turn = nobody_waits) -> None:
        """Connect as often as the plan does, and learn."""
        await turn()
        async for number in connections(self.door):
            self.asked.add(("https", number))
            told()
        address = self.door.address
        self.facts += [Fact(FactKind.BANNER, f"{address} says {number}") for number in range(FACTS)]
        self.known += [Known("ssh", port, f"{address}{port}") for port in range(OPEN)]
        self.closed[Outcome.REFUSED] = list(range(OPEN, OPEN + SHUT))


def weigh(hosts: int) -> Cost:
    """Scan so many hosts in this process, and weigh it."""
    packets = 0

    def write(line: object) -> None:
        nonlocal packets
        packets += getattr(line, "packets", 0)

    drawer = Drawer()
    memory = Memory(drawer, 7)

    def host(door: Door) -> HostSurvey:
        return FilledHost(door, Records(None, "s"), "standard", "10.76.0.0/16")  # type: ignore[arg-type]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(sweep_and_ask(hosts, PREFIXES[hosts], write, host, Confirming(memory)))
        runner.run(memory.write())
    used = resource.getrusage(resource.RUSAGE_SELF)
    kept = sum(map(len, drawer.bodies.values()))
    return Cost(hosts, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime, packets, kept)


def main() -> int:
    """Print a table and a plot; 1 if a limit is not held."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--most", type=int, default=10_000, choices=list(PREFIXES))
    given = words.parse_args()
    costs = []
    for hosts in (size for size in PREFIXES if size <= given.most):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            costs.append(pool.apply(weigh, (hosts,)))
    base = costs[0]
    print("   hosts   memory MB   core ms a host   packets a second of a core   remembered, bytes a host")
    for cost in costs:
        each, rate = cost.core / cost.hosts * 1000, cost.packets / cost.core
        print(
            f"{cost.hosts:8} {cost.megabytes:11.1f} {each:16.1f} {rate:28.0f} {cost.kept / cost.hosts:26.0f}"
        )
    most = max(cost.core / cost.hosts for cost in costs)
    for cost in costs:
        print(f"{cost.hosts:8} {'#' * round(cost.core / cost.hosts / most * BAR)}")
    last = costs[-1]
    growth = (last.core / last.hosts) / (base.core / base.hosts)
    print(
        f"cost per host, {last.hosts} / {base.hosts}: {growth:.2f}; memory {last.megabytes / base.megabytes:.1f} times"
    )
    fits = last.megabytes <= MOST_MEGABYTES and growth <= MOST_GROWTH
    print(f"limits {MOST_MEGABYTES:.0f} MB and {MOST_GROWTH} times: {'held' if fits else 'NOT held'}")
    return 0 if fits else 1


if __name__ == "__main__":
    sys.exit(main())
