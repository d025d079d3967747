# SPDX-License-Identifier: Apache-2.0
"""Hands the spool to the collector: signed, in order, again and again until it has said yes.

A batch is confirmed in the logbook only after the collector has answered 200, and the collector
knows every record by its content, so any crash on either side costs a repetition and nothing else.
"""

import asyncio
import gzip
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agent.clock import Clock, SystemClock
from agent.collector_client import CollectorAbsent, CollectorClient, CollectorRefused, UplinkError
from agent.keys import Enrolled, Identity, find_key, public_key, save_identity
from agent.logbook import Logbook, LogbookError
from agent.settings import Collector
from probes.facts import Upload, encode

IDLE = 2.0  # seconds between two looks at an empty spool
FIRST_PAUSE = 1.0  # seconds after the first failure; doubled with each further one
LONGEST_PAUSE = 300.0  # seconds
KEPT = timedelta(days=30)  # that confirmed observations stay with the agent
THIN_EVERY = 3600.0  # seconds
MOST_RECORDS = 2000  # in one batch


@dataclass(frozen=True, slots=True)
class UplinkState:
    """How the uplink stands, for people."""

    uploaded: int = 0  # records since start
    failures: int = 0  # in a row
    last_success: datetime | None = None
    problem: tuple[str, str] | None = None  # Japanese, English; None while all is well


async def enrol(collector: Collector, state: Path, code: str, clock: Clock | None = None) -> Identity:
    """Enrol with a one-time code; the key is made in the state folder and stays there.

    May be repeated with the same code if the answer got lost. Raises Refusal, UplinkError.
    """
    key = find_key(state)
    body = encode({"code": code, "public_key": public_key(key)})
    async with CollectorClient(collector, clock or SystemClock()) as client:
        answer = await client.post("/api/v1/agents/enrol", key, 0, body)
    agent, name = str(answer.get("agent", "")), str(answer.get("name", ""))
    if not (0 < len(agent) <= 64 and agent.isascii() and agent.isalnum()):
        raise _not_a_collector()
    save_identity(state, Enrolled(agent, name, collector.url))
    return Identity(agent, key, collector.url)


def pause(failures: int, chance: float) -> float:
    """Seconds to wait after so many failures in a row; `chance` 0..1 spreads agents over half of it."""
    longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(failures - 1, 20))
    return longest * (0.5 + chance / 2)


class Uplink:
    """The way from one logbook to one collector."""

    def __init__(
        self,
        logbook: Logbook,
        identity: Identity,
        client: CollectorClient,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._logbook = logbook
        self._identity = identity
        self._client = client
        self._clock = clock or SystemClock()
        self._chance = chance
        self._most = MOST_RECORDS
        self._last = 0  # last sequence that the collector says it accepted
        self._thin_next = self._clock.steady()
        self.state = UplinkState()

    async def run(self) -> None:
        """Upload for ever, until cancelled; an absent collector only makes the spool longer."""
        while True:
            await self._clock.sleep(await self.step())

    async def step(self) -> float:
        """Upload what is there; give the seconds to wait. Failures end up in `state`."""
        try:
            await self.drain()
            await self._thin()
        except (UplinkError, LogbookError) as error:
            failures = self.state.failures + 1
            self.state = replace(self.state, failures=failures, problem=(error.ja, error.en))
            return pause(failures, self._chance())
        self.state = replace(self.state, failures=0, problem=None)
        return IDLE

    async def drain(self) -> int:
        """Upload until the spool is empty; give the number of records. Raises UplinkError, LogbookError."""
        total = 0
        while True:
            batch, through = await self._logbook.pending(self._most)
            count = _count(batch)
            if not count:
                return total
            if await self._hand_over(batch, count):
                await self._logbook.confirm(through)
                total += count
                self._note(count)

    async def _hand_over(self, batch: Upload, count: int) -> bool:
        """Send one batch; False if it must be sent again in another way. Raises UplinkError."""
        try:
            await self._post(batch)
        except CollectorRefused as refused:
            if not self._adapt(refused, count):
                raise
            return False
        self._most = min(self._most * 2, MOST_RECORDS)
        return True

    async def _post(self, batch: Upload) -> None:
        sequence = await self._logbook.next_sequence(self._last)
        body = await asyncio.to_thread(_pack, batch, self._identity.agent)
        path = f"/api/v1/agents/{self._identity.agent}/uploads"
        answer = await self._client.post(path, self._identity.key, sequence, body, "gzip")
        if _sequence_of(answer) != sequence:
            raise _not_a_collector()
        self._last = sequence

    def _adapt(self, refused: CollectorRefused, count: int) -> bool:
        """Go on after the collector's sequence (409), or with smaller batches (413), if that helps."""
        if refused.status == 413 and count > 1:
            self._most = max(count // 2, 1)
            return True
        last = _sequence_of(refused.content)
        if refused.status != 409 or last <= self._last:
            return False
        self._last = last
        return True

    async def _thin(self) -> None:
        if self._clock.steady() >= self._thin_next:
            self._thin_next = self._clock.steady() + THIN_EVERY
            await self._logbook.thin(self._clock.now() - KEPT)

    def _note(self, count: int) -> None:
        self.state = UplinkState(uploaded=self.state.uploaded + count, last_success=self._clock.now())


def _sequence_of(content: dict[str, Any]) -> int:
    value = content.get("sequence")
    return value if type(value) is int and 0 <= value < 10**17 else -1


def _count(batch: Upload) -> int:
    return len(batch.scans) + len(batch.vantages) + len(batch.observations) + len(batch.sent)


def _pack(batch: Upload, agent: str) -> bytes:
    return gzip.compress(encode(msgspec.structs.replace(batch, agent=agent)), 3, mtime=0)


def _not_a_collector() -> CollectorAbsent:
    return CollectorAbsent(
        "相手は daicho の台帳サーバーではないようです。記録は手元に残ります。URL を確かめてください。",
        "The other side does not seem to be a daicho collector. The records stay here. Check the URL.",
    )
