# SPDX-License-Identifier: Apache-2.0
"""Who is there: ARP on our own links, one echo request behind routers, one connection without privileges.

Each packet goes through the host's door. Broadcasts have a limit of their own per segment,
because every device of the segment hears each of them.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.door import Door
from agent.guard import Permit
from agent.pace import Limit
from agent.packet_worker import PacketWorker
from agent.under_way import UnderWay
from agent.wire import LiveWire
from probes.contract import HeldBack, OurFault, WireError

ROUNDS = 2
ANSWER_SECONDS = 0.8
LOOK = "is anybody there"
KNOCK_PORT = 443
_AT_ONCE = 64
_UNDER_WAY = 8  # questions on their way through the packet worker to the wire
_KERNEL_ROUNDS = 4  # ARP requests of the kernel's own for an address that nobody has: 3, and its timers drift
_NOT_NOW = frozenset(
    {
        "budget",
        "pace",
        "blackout",
        "segment_stopped",
        "stopped_answering",
        "stopped_together",
        "answers_slowly",
    }
)


@dataclass(slots=True)
class Discovery:
    """Sends the questions "is anybody there" and nothing else; keeps the reasons why some were not sent."""

    door: Callable[[str], Door]
    worker: PacketWorker | None
    broadcasts: int
    tell: Callable[[str], None] = lambda _: None  # an address was dealt with
    held: Counter[str] = field(default_factory=Counter)  # reason of ours → questions not put
    failed: Counter[str] = field(default_factory=Counter)  # fault of ours → questions not put
    put_off: set[str] = field(default_factory=set)  # addresses at which nobody was looked for, for now
    spent: set[str] = field(default_factory=set)  # those of them that may get nothing more in this scan
    _segments: dict[str, Limit] = field(default_factory=dict)

    async def by_arp(self, interface: str, addresses: Iterable[str]) -> frozenset[str]:
        """Ask for each address on this link, a second time for those that did not answer in their time.

        Gives those for which a question left; any other may not be called silent.
        """
        assert self.worker is not None  # noqa: S101 - the survey asks so only when privileged
        wanted = [a for a in addresses if ip_address(a).version == 4]
        asked: dict[str, float] = {}
        late = set[str]()  # not asked in the first round, for now
        for turn in range(ROUNDS):
            async with UnderWay(_UNDER_WAY) as sends:
                for address in wanted:
                    await _until(asked.get(address, -math.inf) + ANSWER_SECONDS)
                    if (interface, address) not in self.worker.arp_answers:
                        await sends.begin(self._arp(interface, address, asked))
                    if turn == ROUNDS - 1 and address not in late:
                        self.tell(address)
            late = late or self.put_off.intersection(wanted)
        for address in late:
            self._tell(address)
        await _until(max(asked.values(), default=-math.inf) + ANSWER_SECONDS)
        return frozenset(asked)

    async def _arp(self, interface: str, address: str, asked: dict[str, float]) -> None:
        """Ask, and note in `asked` when it was; nothing where the question did not leave."""
        worker, door = self.worker, self.door(address)
        assert worker is not None  # noqa: S101
        if self._may(door, "arp", Permit.NOTHING) and await self._to_all(
            interface, door, lambda: worker.arp(interface, address), "arp request", "arp"
        ):
            asked[address] = asyncio.get_running_loop().time()
        if address in asked:  # also where only the second question could not leave
            self.put_off.discard(address)
            self.spent.discard(address)

    async def by_echo(self, interface: str, network: str, addresses: Iterable[str]) -> None:
        """Send one echo request to each address of a network behind a router; the router asks for each by broadcast."""
        async with UnderWay(_UNDER_WAY) as sends:
            for address in addresses:
                await sends.begin(self._echo(interface, network, address))
        await asyncio.sleep(ANSWER_SECONDS)

    async def _echo(self, interface: str, network: str, address: str) -> None:
        worker, door = self.worker, self.door(address)
        assert worker is not None  # noqa: S101 - as above
        await self._to_all(
            network, door, lambda: worker.echo(address, interface=interface), "icmp echo", "icmp"
        )
        self._tell(address)

    async def forwards(self, interface: str, door: Door, source: str) -> bool:
        """Hand one TTL=1 frame for a test network to a host on our link: a router answers. True if it left."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        return await self._one(
            door,
            lambda: worker.forward_test(interface, door.mac, source),
            "forwarding test",
            "icmp",
            "does it pass packets on (one frame, TTL 1, to TEST-NET)",
        )

    async def has(self, interface: str, door: Door, candidate: str) -> bool:
        """Ask a suspect, by its own MAC alone, whether it has this address of another network. True if it left."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        return await self._one(
            door,
            lambda: worker.arp(interface, candidate, door.mac),
            "candidate arp",
            "arp",
            "is this address of another network its own (one frame to its MAC)",
        )

    async def owns(self, interface: str, door: Door, candidate: str) -> bool:
        """Send one echo request with TTL 1 for the candidate to a suspect's MAC. True if it left."""
        worker = self.worker
        assert worker is not None  # noqa: S101 - as above
        return await self._one(
            door,
            lambda: worker.echo(candidate, interface=interface, mac=door.mac),
            "candidate echo",
            "icmp",
            "is this address of another network its own (one frame to its MAC, TTL 1)",
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

    async def by_knocking(self, segment: str, addresses: Iterable[str]) -> dict[str, bool]:
        """Connect once to each address and close; the kernel's ARP does the finding. address → it answered.

        `segment`: the interface on whose link they stand (the kernel broadcasts for each), "" behind a router.
        """
        at_once = asyncio.Semaphore(_AT_ONCE)
        found: dict[str, bool] = {}

        async def knock(address: str) -> None:
            async with at_once:
                found[address] = await self._knock(segment, self.door(address))
                self._tell(address)

        async with asyncio.TaskGroup() as group:
            for address in addresses:
                group.create_task(knock(address))
        return found

    async def _knock(self, segment: str, door: Door) -> bool:
        """Knock at one door; the room for all that the kernel may broadcast is held until the knock has ended."""
        if not self._may(door, "tcp", Permit.CONNECT, KNOCK_PORT):
            return False
        if not segment:
            return await self._connect(door)
        packets = min(_KERNEL_ROUNDS, self.broadcasts)
        limit = await self._segment_room(segment, door, packets)
        try:
            return await self._connect(door)
        finally:
            limit.settle(packets, packets, door.clock.steady())

    async def _connect(self, door: Door) -> bool:
        wire = LiveWire(door, "knock", LOOK)
        try:
            await wire.tcp(KNOCK_PORT)
        except WireError as error:
            self._count(error, door.address)
            return any(line.data == b"refused" for line in wire.lines)
        finally:
            await wire.close()
        return True

    async def _to_all(
        self, segment: str, door: Door, send: Callable[[], Awaitable[None]], action: str, transport: str
    ) -> bool:
        """Send, as `_one`, what a whole segment hears; its room is held until it left, however late that is."""
        limit = await self._segment_room(segment, door, 1)
        left = 1  # also when we are interrupted
        try:
            left = int(await self._one(door, send, action, transport, LOOK))
        finally:
            limit.settle(1, left, door.clock.steady())
        return bool(left)

    async def _segment_room(self, segment: str, door: Door, packets: int) -> Limit:
        """Wait for room among the broadcasts of a segment and reserve it; the caller settles it."""
        limit = self._segments.setdefault(segment, Limit(self.broadcasts))
        while (wait := limit.wait(packets, door.clock.steady())) > 0:
            await door.clock.sleep(wait)
        limit.reserve(packets)
        return limit

    def _may(self, door: Door, transport: str, need: Permit, port: int = 0) -> bool:
        try:
            door.check(transport, port, need)
        except HeldBack as held:
            self._count(held, door.address)
            return False
        return True

    async def _one(
        self, door: Door, send: Callable[[], Awaitable[None]], action: str, transport: str, why: str
    ) -> bool:
        """Send one packet; false if it did not leave. Raises OurFault only when the packet worker is gone."""
        looked_for = door.address if why == LOOK else ""
        try:
            door.check(transport, 0, Permit.NOTHING)
            await door.enter(1)
        except HeldBack as held:  # the scope or the budget says no
            self._count(held, looked_for)
            return False
        left = 1  # also when we are interrupted: then it may have left
        try:
            await send()
        except WireError as error:
            left = 0
            self._count(error, looked_for)
            if self.worker is None or not self.worker.is_running:
                raise
        finally:
            door.leave(1, left)
            if left:
                door.journal(action, packets=1, transport=transport, why=why)
        return bool(left)

    def _count(self, error: WireError, looked_for: str) -> None:
        """Keep the reason; an address that was only to be looked for at another time is put off, not dealt with."""
        not_now = isinstance(error, OurFault)
        if isinstance(error, HeldBack):
            self.held[str(error)] += 1
            reason = str(error).partition(":")[0]
            not_now = reason in _NOT_NOW
            self.spent.update([looked_for] if reason == "budget" and looked_for else [])
        elif not_now:
            self.failed[str(error)[:200]] += 1
        self.put_off.update([looked_for] if not_now and looked_for else [])

    def _tell(self, address: str) -> None:
        if address not in self.put_off:
            self.tell(address)


async def _until(moment: float) -> None:
    """Sleep until this time of the event loop."""
    if (wait := moment - asyncio.get_running_loop().time()) > 0:
        await asyncio.sleep(wait)
