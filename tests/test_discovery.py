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
from agent.guard import Permit
from agent.headway import Headway
from agent.pace import Pace
from agent.scope import Scope
from agent.sightings import Sightings
from agent.vantage import Standing
from agent.watch import SEGMENT
from deploy.bench.capture import most_in_a_second
from deploy.bench.pace_virtual import BEGUN, VirtualClock, VirtualLoop
from probes.contract import HeldBack, Silent
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
    door = doors(limits, lambda address: SEGMENT if address == halted else "")
    told: list[str] = []
    discovery = Discovery(door, cast("Any", worker), MOST, told.append)
    ground = Ground((STANDING,), (STANDING.as_vantage("me"),), ((NETWORK, 0),), Scope((NETWORK,)))
    headway = Headway(scan=Scan(id="s", started=BEGUN), settings="", at=BEGUN)
    noted: list[str] = []

    class Met:
        plan = "p"

        def recall(self, *_: str) -> "Met":
            return self

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
    assert {reason.split(":")[0] for reason in discovery.held} == {
        "budget",
        "pace",
        "segment_stopped",
        "scope",
    }
    assert discovery.put_off == {spent, waiting, halted}
    assert set(told) == {
        silent,
        late,
        refused,
        answers,
    }  # these were looked at; of the others nobody may say so
    assert headway.swept == {"eth0": 2}  # the next start goes on at the first who was not


def test_knocks_that_wait_for_their_turn_hold_the_room_of_the_broadcasts_that_follow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    left: list[float] = []

    class Knock:
        """A connection to nobody: it waits for its turn, then the kernel asks three times, a second apart."""

        lines = ()

        def __init__(self, door: Door, *_: str) -> None:
            self.door = door

        async def tcp(self, _: int) -> None:
            await self.door.enter(1)
            now = asyncio.get_running_loop().time()
            left.extend((now, now + 1.01, now + 2.02))
            await asyncio.sleep(0.9)
            raise Silent("no answer to SYN")

        async def close(self) -> None:
            self.door.leave(1, 1)

    monkeypatch.setattr("agent.discovery.LiveWire", Knock)
    limits = Pace(10, 1000, 0.2, 120)
    door = doors(limits)
    most = 20
    discovery = Discovery(lambda address: permitted(door(address)), None, most)
    addresses = [str(ip) for ip in list(NETWORK.hosts())[1:80]]

    async def sweep() -> None:
        limits.reserve(
            "somebody", 1000
        )  # the whole agent has no room for a while: those who wait go together
        asyncio.get_running_loop().call_later(5.0, limits.settle, "somebody", 1000, 0, 5.0)
        assert not any((await discovery.by_knocking("eth0", addresses)).values())

    run(sweep)
    assert len(left) == 3 * len(addresses)
    assert most_in_a_second(sorted(left)) <= most
    assert max(left) < 8 * len(addresses) / most + 10


def permitted(door: Door) -> Door:
    door.permit = Permit.CONNECT
    return door
