# SPDX-License-Identifier: Apache-2.0
"""Finding hosts on a virtual clock, through the real doors: a packet worker that stalls, and questions that never left."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any, cast

import pytest

from agent.discovery import Discovery
from agent.door import Door
from agent.finding import Finding
from agent.ground import Ground
from agent.headway import Headway
from agent.pace import Pace
from agent.scope import Scope
from agent.sightings import Sightings
from agent.vantage import Standing
from deploy.bench.capture import most_in_a_second
from deploy.bench.pace_virtual import BEGUN, VirtualClock, VirtualLoop
from probes.contract import HeldBack
from probes.facts import Scan

NETWORK = ip_network("10.76.0.0/23")
STANDING = Standing("eth0", 2, "02:00:00:00:76:ff", "10.76.0.1", str(NETWORK), (), True, False)
MOST = 100  # broadcasts in a second


@dataclass
class Worker:
    """Takes orders at once, but for those that come while it stalls; nobody answers. `left`: when each frame left."""

    stalls_at: int = 0  # with this frame
    refuses: dict[str, int] = field(default_factory=dict)  # address → how often
    left: dict[str, list[float]] = field(default_factory=dict)
    arp_answers: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    is_running: bool = True
    orders: int = 0
    goes_on: float = 0.0

    async def arp(self, interface: str, address: str, mac: str = "") -> None:
        del interface, mac
        await self.send(address)

    async def echo(self, address: str, *, interface: str, mac: str | None = None) -> None:
        del interface, mac
        await self.send(address)

    async def send(self, address: str) -> None:
        now = asyncio.get_running_loop().time()
        self.orders += 1
        if self.orders == self.stalls_at:
            self.goes_on = now + 0.85
        if now < self.goes_on:
            await asyncio.sleep(self.goes_on - now)
        if self.refuses.get(address, 0):
            self.refuses[address] -= 1
            raise HeldBack("scope: not a host of the allowed networks")
        self.left.setdefault(address, []).append(asyncio.get_running_loop().time())


def doors(limits: Pace, halted: Callable[[str], str] = lambda _: "") -> Callable[[str], Door]:
    made: dict[str, Door] = {}

    def door(address: str) -> Door:
        if address not in made:
            made[address] = Door(
                address, Scope((NETWORK,)), limits, VirtualClock(), "s", "v", lambda _: None,
                halted=lambda: halted(address),
            )  # fmt: skip
        return made[address]

    return door


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await work()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(whole())


@pytest.mark.parametrize("by", ["arp", "echo"])
@pytest.mark.parametrize("stalls_at", [1, 50, 93, 100])
def test_a_worker_that_stalls_puts_no_more_broadcasts_into_any_second(by: str, stalls_at: int) -> None:
    worker, addresses = Worker(stalls_at), [str(ip) for ip in list(NETWORK.hosts())[1:400]]
    discovery = Discovery(doors(Pace(10, 1000, 0.2, 120)), cast("Any", worker), MOST)

    async def sweep() -> None:
        if by == "arp":
            assert await discovery.by_arp("eth0", addresses) == set(addresses)
        else:
            await discovery.by_echo("eth0", str(NETWORK), addresses)

    run(sweep)
    stamps = sorted(at for times in worker.left.values() for at in times)
    assert set(worker.left) == set(addresses)
    assert most_in_a_second(stamps) <= MOST
    assert stamps[-1] < len(stamps) / MOST + 3  # and it is not slow for that


def test_only_who_was_asked_is_called_silent() -> None:
    silent, late, spent, waiting, halted, refused, answers = (f"10.76.0.{n}" for n in range(10, 17))
    worker = Worker(refuses={late: 1, refused: 99}, arp_answers={("eth0", answers): {"02:00:00:00:76:10"}})
    limits = Pace(10, 1000, 0.2, 120)
    limits.spend(spent, 120)
    limits.reserve(waiting, 10)  # and never gives it back
    door = doors(limits, lambda address: "halted: three are in trouble" if address == halted else "")
    discovery = Discovery(door, cast("Any", worker), MOST)
    ground = Ground((STANDING,), (STANDING.as_vantage("me"),), ((NETWORK, 0),), Scope((NETWORK,)))
    headway = Headway(scan=Scan(id="s", started=BEGUN), settings="", at=BEGUN)
    noted: list[str] = []

    class Met:
        def recall(self, vantage: str, address: str) -> bool:
            return bool(vantage and address)

    finding = Finding(
        ground, VirtualClock(), Sightings(ground), discovery, headway, lambda *_: None,
        lambda address, *_: noted.append(address), lambda _: None, cast("Any", None),
        memory=cast("Any", Met()),
    )  # fmt: skip

    async def find() -> None:
        await finding.run([silent, late, spent, waiting, halted, refused, answers])

    run(find)
    assert noted == [silent, late]
    assert set(worker.left) == {silent, late}
    assert {reason.split(":")[0] for reason in discovery.held} == {"budget", "pace", "halted", "scope"}
