# SPDX-License-Identifier: Apache-2.0
"""Everything a scan writes down on its way to the logbook, in batches that share one fsync."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from probes.facts import Fact, Observation, Outcome, Scan, Sent, Vantage

Record = Observation | Sent | Scan | Vantage
BATCH = 500  # records


class Spool(Protocol):
    """Where records become durable; agent.logbook.Logbook is one."""

    async def put(self, records: Sequence[Record]) -> None:
        """Make them durable; returning is the acknowledgement."""


@dataclass(slots=True)
class Records:
    """Collects records and hands them to the spool; nothing is dropped, order is kept."""

    spool: Spool
    scan: str
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    packets: int = 0
    _waiting: list[Record] = field(default_factory=list)
    _heard: set[int] = field(default_factory=set)  # hashes: days of listening must not fill the memory
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def add(self, record: Record) -> None:
        """Take a record; it is durable after the next `flush`."""
        if isinstance(record, Observation):
            self.outcomes[record.outcome] += 1
        elif isinstance(record, Sent):
            self.packets += record.packets
        self._waiting.append(record)

    def heard_before(self, probe: str, facts: tuple[Fact, ...]) -> bool:
        """Say whether the same was heard in this scan already, and remember it."""
        key = hash((probe, facts))
        if key in self._heard:
            return True
        self._heard.add(key)
        return False

    async def flush(self, *, least: int = 1) -> None:
        """Make everything taken so far durable, if at least `least` records wait."""
        async with self._lock:
            while len(self._waiting) >= max(least, 1):
                batch = self._waiting[:BATCH]
                await self.spool.put(batch)
                del self._waiting[: len(batch)]
