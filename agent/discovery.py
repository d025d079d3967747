# SPDX-License-Identifier: Apache-2.0
"""Who is there: ARP on our own links, one echo request behind routers, one connection without privileges.

Each packet goes through the host's door. Broadcasts have a limit of their own per segment,
because every device of the segment hears each of them.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.door import Door
from agent.guard import Permit
from agent.pace import Limit
from agent.packet_worker import PacketWorker
from agent.wire import LiveWire
from probes.contract import HeldBack, OurFault, WireError

ROUNDS = 2
ANSWER_SECONDS = 0.8
KNOCK_PORT = 443
_AT_ONCE = 64


@dataclass(slots=True)
class Discovery:
    """Sends the questions "is anybody there" and nothing else."""

    door: Callable[[str], Door]
    worker: PacketWorker | None
    broadcasts: int
    tell: Callable[[int], None] = lambda _: None  # addresses dealt with
    _segments: dict[str, Limit] = field(default_factory=dict)

    async def by_arp(self, interface: str, addresses: Iterable[str]) -> None:
        """Ask for each address on this link, a second time for those that did not answer."""
        assert self.worker is not None  # noqa: S101 - the survey asks so only when privileged
        wanted = [a for a in addresses if ip_address(a).version == 4]
        for turn in range(ROUNDS):
            for address in wanted:
                if (interface, address) not in self.worker.arp_answers:
                    await self._arp(interface, address)
                if turn == 0:
                    self.tell(1)
            await asyncio.sleep(ANSWER_SECONDS)

    async def _arp(self, interface: str, address: str) -> None:
        worker, door = self.worker, self.door(address)
        assert worker is not None  # noqa: S101
        await self._segment_room(interface, door)
        await self._one(
            door, lambda: worker.arp(interface, address), "arp request", "arp", "is anybody there"
        )

    async def by_echo(self, interface: str, addresses: Iterable[str]) -> None:
        """Send one echo request to each address behind a router."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        for address in addresses:

            async def echo(target: str = address) -> None:
                await worker.echo(target, interface=interface)

            await self._one(self.door(address), echo, "icmp echo", "icmp", "is anybody there")
            self.tell(1)
        await asyncio.sleep(ANSWER_SECONDS)

    async def forwards(self, interface: str, door: Door, source: str) -> None:
        """Hand one TTL=1 frame for a test network to a host on our link: a router answers."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        await self._one(
            door,
            lambda: worker.forward_test(interface, door.mac, source),
            "forwarding test",
            "icmp",
            "does it pass packets on (one frame, TTL 1, to TEST-NET)",
        )

    async def solicit(self, interface: str, address: str) -> None:
        """Ask once for an IPv6 address on this link."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        await self._one(
            self.door(address),
            lambda: worker.solicit(interface, address),
            "neighbour solicitation",
            "nd",
            "IPv6",
        )

    async def by_knocking(self, addresses: Iterable[str]) -> dict[str, bool]:
        """Connect once to each address and close; the kernel's ARP does the finding. address → it answered."""
        at_once = asyncio.Semaphore(_AT_ONCE)
        found: dict[str, bool] = {}

        async def knock(address: str) -> None:
            async with at_once:
                found[address] = await _answers(self.door(address))
                self.tell(1)

        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(knock(address))
        return found

    async def _segment_room(self, interface: str, door: Door) -> None:
        limit = self._segments.setdefault(interface, Limit(self.broadcasts))
        while (wait := limit.wait(1, door.clock.steady())) > 0:
            await door.clock.sleep(wait)
        limit.settle(0, 1, door.clock.steady())

    async def _one(
        self, door: Door, send: Callable[[], Awaitable[None]], action: str, transport: str, why: str
    ) -> None:
        try:
            door.check(transport, 0, Permit.NOTHING)
            await door.enter(1)
        except HeldBack:
            return  # the scope or the budget says no; the plan records that for hosts that were found
        try:
            await send()
        except WireError:
            door.leave(1, 0)
            raise
        door.leave(1, 1)
        door.journal(action, packets=1, transport=transport, why=why)


async def _answers(door: Door) -> bool:
    wire = LiveWire(door, "knock", "is anybody there")
    try:
        await wire.tcp(KNOCK_PORT)
    except (HeldBack, OurFault):
        return False
    except WireError:
        return any(line.data == b"refused" for line in wire.lines)
    finally:
        await wire.close()
    return True
