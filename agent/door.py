# SPDX-License-Identifier: Apache-2.0
"""One host's door: scope, guard, pace, budget and journal in one place, for whoever sends.

Everything that leaves for a host (probe, SNMP session, packet worker, nmap) asks here first
and tells here afterwards what really left.
"""

import math
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from agent.clock import Clock
from agent.guard import Permit, rule_on
from agent.pace import Pace
from agent.scope import Scope
from agent.sockets import Make
from probes.contract import HeldBack
from probes.facts import Sent

WATCH_SECONDS = 0.02  # while a connection waits for its place, its device is looked at so often
LONGEST_WAIT = 60.0  # seconds for a place in the pace; longer is our fault, not theirs


@dataclass(slots=True)
class Touched:
    """What a host received from us in this scan."""

    packets: int = 0
    connections: int = 0
    payload_bytes: int = 0


@dataclass(slots=True)
class Door:
    """The only way to one host. `permit` is what the host's class allows so far."""

    address: str
    scope: Scope
    pace: Pace
    clock: Clock
    scan: str
    vantage: str
    write: Callable[[Sent], None]
    mac: str = ""
    permit: Permit = Permit.LISTEN
    why_not: str = ""
    opted: frozenset[tuple[str, int]] = (
        frozenset()
    )  # (transport, port) that the site asked for by a credential
    touched: Touched = field(default_factory=Touched)
    make: Make = socket.socket  # with what source address connections are made
    waiting: Callable[[float], None] = lambda _: None  # told before each wait of ours, in seconds
    halted: Callable[[], str] = lambda: ""  # why this host gets nothing more in this scan (agent.watch)
    counted: str = ""  # as what the pace counts this address, if not as itself

    @property
    def handle(self) -> str:
        """What the pace counts this address as."""
        return self.counted or self.address

    @property
    def allowed(self) -> frozenset[str]:
        """What the site allows for this host."""
        return self.scope.allowed(self.address)

    def check(self, transport: str, port: int, need: Permit) -> None:
        """Raise HeldBack unless scope, guard and class permit `need` now."""
        if refused := self.refusal():
            raise HeldBack(refused)
        ruling = rule_on(transport, port, self.allowed)
        if ruling.permit < need:
            raise HeldBack(ruling.reason)
        if self.permit < need and not self._opted_in(transport, port, ruling.permit):
            raise HeldBack(self.why_not or "unclassified")

    def refusal(self) -> str:
        """Give the reason why nothing at all may leave for this host now; "" if something may."""
        return self.scope.refuses(self.address, self.clock.now()) or self.halted()

    def _opted_in(self, transport: str, port: int, permit: Permit) -> bool:
        """Whether the site itself asked for this port of this host, and the host is not a fragile one."""
        lifted = permit is Permit.SEND and rule_on(transport, port).permit is not Permit.SEND
        return self.permit is not Permit.NOTHING and (lifted or (transport, port) in self.opted)

    async def enter(
        self, packets: int, *, connecting: bool = False, watch: Callable[[], None] | None = None
    ) -> None:
        """Wait for room for up to `packets` and reserve it; `watch` is called often while waiting.

        Raises HeldBack when the budget is spent, or when a blackout or a stop has begun meanwhile.
        """
        waited = 0.0
        while (wait := self.pace.wait(self.handle, packets, self.clock.steady(), connecting=connecting)) > 0:
            _check_wait(wait, waited)
            wait = min(wait, WATCH_SECONDS) if watch else wait
            self.waiting(wait)
            await self.clock.sleep(wait)
            waited += wait
            if watch:
                watch()
        if refused := self.refusal():
            raise HeldBack(refused)
        self.pace.reserve(self.handle, packets, connecting=connecting)

    async def catch_up(self, watch: Callable[[], None]) -> None:
        """Wait until what was said to this host before is on the disk, where that is much; `watch` is called while waiting.

        Raises HeldBack if it takes too long, or when a blackout or a stop has begun meanwhile.
        """
        waited = 0.0
        while self.pace.ahead.holds(self.pace.device(self.handle), 0):
            _check_wait(WATCH_SECONDS, waited)
            self.waiting(WATCH_SECONDS)
            await self.clock.sleep(WATCH_SECONDS)
            waited += WATCH_SECONDS
            watch()
        if waited and (refused := self.refusal()):
            raise HeldBack(refused)

    def say(self, payload: int) -> None:
        """Count bytes of payload that are about to leave; raises HeldBack when this host got enough of them."""
        if not self.pace.say(self.handle, payload):
            raise HeldBack(
                "budget: この機器に送ってよいバイト数に達した / the payload budget of this host is spent"
            )

    def leave(self, reserved: int, packets: int, *, connected: bool = False) -> None:
        """Say what of a reservation really left."""
        self.pace.settle(self.handle, reserved, packets, self.clock.steady(), connected=connected)

    def journal(self, action: str, *, packets: int, started: float | None = None, **more: str | int) -> None:
        """Write one line of the journal; `started` is the steady time at which it began."""
        ago = 0.0 if started is None else self.clock.steady() - started
        connections, payload = int(more.pop("connections", 0)), int(more.pop("payload_bytes", 0))
        self.touched.packets += packets
        self.touched.connections += connections
        self.touched.payload_bytes += payload
        self.write(
            Sent(
                scan=self.scan,
                vantage=self.vantage,
                at=self.clock.now() - timedelta(seconds=ago),
                address=self.address,
                mac=self.mac,
                action=action,
                packets=packets,
                connections=connections,
                payload_bytes=payload,
                port=int(more.get("port", 0)),
                transport=str(more.get("transport", "")),
                probe=str(more.get("probe", "")),
                why=str(more.get("why", "")),
            )
        )


def _check_wait(wait: float, waited: float) -> None:
    if math.isinf(wait):
        raise HeldBack("budget: この機器に送ってよい数に達した / the packet budget of this host is spent")
    if waited > LONGEST_WAIT:
        raise HeldBack("pace: 順番が回ってこなかった / no place in the pace within a minute")
