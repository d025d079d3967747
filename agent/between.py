# SPDX-License-Identifier: Apache-2.0
"""Listens between two scans, where the site allows it: what the network says by itself, sending nothing.

What is heard belongs to the newest scan, with the moment at which it was heard.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agent.clock import Clock
from agent.ground import Ground, survey_ground
from agent.listening import Listening
from agent.packet_worker import PacketWorker
from agent.records import Records, Spool
from agent.refusal import Refusal
from agent.scope import Scope
from agent.vantage import vantages
from probes.contract import OurFault
from probes.facts import Scan

FLUSH_EVERY, LOOK_EVERY = 5.0, 60.0  # seconds between two writings, two looks at the ground we stand on
AGAIN_AFTER = 300.0  # seconds after a fault of ours, or before the first scan
Tell = Callable[[str, str], None]  # Japanese, English


@dataclass(slots=True)
class Between:
    """Listening on the interfaces that reach the scope; a fault is told once and tried again."""

    scope: Scope
    spool: Spool
    clock: Clock
    newest: Callable[[], Awaitable[Scan | None]]  # the newest scan that is written down
    tell: Tell
    _told: str = ""
    _records: Records | None = None

    async def run(self) -> None:
        """Listen until cancelled. Raises LogbookError when nothing can be written down any more."""
        while True:
            scan = await self.newest()
            try:
                if scan is not None:
                    await self._listen(scan.id)
                    continue
            except (OurFault, Refusal) as fault:
                self._complain(str(fault))
            await self.clock.sleep(AGAIN_AFTER)

    async def _listen(self, scan: str) -> None:
        """Listen until the ground changes."""
        ground = await survey_ground(self.scope, await vantages(), socket.gethostname())
        if not ground.interfaces:
            raise OurFault("no Ethernet interface reaches the scope")
        if self._records is None or self._records.scan != scan:
            self._records = Records(self.spool, scan)
        records = self._records
        async with await PacketWorker.start(ground.interfaces) as worker:  # nothing allowed: it only hears
            self._told = ""
            for vantage in ground.vantages:
                records.add(vantage)
            listening = Listening(records, scan, ground.by_interface(), ground.own_macs, lambda *_: None)
            hearing = asyncio.ensure_future(_hear(worker, listening))
            try:
                await self._until_moved(ground, records, hearing)
            finally:
                hearing.cancel()
                await asyncio.gather(hearing, return_exceptions=True)
                await asyncio.shield(records.flush())

    async def _until_moved(self, ground: Ground, records: Records, hearing: "asyncio.Future[None]") -> None:
        looked = self.clock.steady()
        while not hearing.done():
            await self.clock.sleep(FLUSH_EVERY)
            await records.flush()
            if self.clock.steady() - looked >= LOOK_EVERY:
                looked = self.clock.steady()
                if ground.lost(await vantages()):
                    return
        hearing.result()

    def _complain(self, fault: str) -> None:
        if fault != self._told:
            self.tell(
                f"調べと調べの間に聞くことができません（{fault}）。5分ごとにやり直します。",
                f"Listening between scans is not possible ({fault}). It is tried again every five minutes.",
            )
        self._told = fault


async def _hear(worker: PacketWorker, listening: Listening) -> None:
    while True:
        listening.hear(await worker.heard())
