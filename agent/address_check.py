# SPDX-License-Identifier: Apache-2.0
"""Is an address free before we take it, and does it stay ours while we use it (RFC 5227).

Three ARP probes from 0.0.0.0, a second apart; whoever answers, asks as we do, or speaks from the
address has it. Without a packet worker nothing can be checked, so nothing is taken.
"""

import asyncio
from dataclasses import dataclass, field

from agent.access_plan import ADDRESS_PROBES
from agent.door import Door
from agent.guard import Permit
from agent.packet_worker import PacketWorker
from probes import frames
from probes.contract import Malformed, OurFault

PROBE_GAP, ANNOUNCE_WAIT = 1.0, 2.0  # seconds, PROBE_MIN and ANNOUNCE_WAIT of RFC 5227 §1.1
_NOBODY = "0.0.0.0"  # noqa: S104


@dataclass(slots=True)
class Conflicts:
    """Who else uses an address of ours; fed with every heard frame."""

    watched: dict[str, frozenset[str]] = field(
        default_factory=dict
    )  # address → MACs of ours that may have it
    found: dict[str, str] = field(default_factory=dict)  # address → MAC of somebody else

    def hear(self, frame: bytes) -> None:
        """Take in one frame."""
        try:
            arp = frames.arp(frames.ethernet(frame))
        except Malformed:
            return
        asks_as_we_do = arp.target_ip if arp.sender_ip == _NOBODY and arp.operation == 1 else ""
        for address in (arp.sender_ip, asks_as_we_do):
            if address in self.watched and arp.sender_mac not in self.watched[address]:
                self.found[address] = arp.sender_mac

    def watch(self, address: str, macs: frozenset[str]) -> None:
        """Look out for others that use the address; `macs` are ours."""
        self.watched[address] = macs

    def reason(self, address: str) -> str:
        """Give the reason not to use the address, "" if nobody else does."""
        mac = self.found.get(address, "")
        return f"address_in_use: {address} は {mac} が使っている / {address} is used by {mac}" if mac else ""


async def check_free(worker: PacketWorker, interface: str, door: Door, conflicts: Conflicts) -> str:
    """Probe the door's address and wait; gives the reason not to take it, "" if it is free.

    Raises HeldBack when it may not be asked for, OurFault when the worker fails.
    """
    for _ in range(ADDRESS_PROBES):
        door.check("arp", 0, Permit.NOTHING)
        await door.enter(1)
        left = 0
        try:
            await worker.address_probe(interface, door.address)
            left = 1
        finally:
            door.leave(1, left)
            if left:
                door.journal(
                    "arp probe", packets=1, transport="arp", probe="access", why="is the address free"
                )
        await door.clock.sleep(PROBE_GAP)
        if reason := conflicts.reason(door.address):
            return reason
    await door.clock.sleep(ANNOUNCE_WAIT)
    return conflicts.reason(door.address)


async def keep_watch(worker: PacketWorker, conflicts: Conflicts) -> None:
    """Feed heard frames to `conflicts` until the worker ends or the task is cancelled."""
    while True:
        try:
            heard = await worker.heard()
        except OurFault:
            return
        if not heard.outgoing:
            conflicts.hear(heard.data)
        await asyncio.sleep(0)
