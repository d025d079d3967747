# SPDX-License-Identifier: Apache-2.0
"""Hands the spool to the collector: signed, in order, again and again until it has said yes.

A batch is confirmed in the logbook only after the collector has answered 200, and the collector
knows every record by its content, so any crash on either side costs a repetition and nothing else.
"""

import asyncio
import gzip
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from agent.clock import Clock, SystemClock
from agent.collector_client import (
    CollectorAbsent,
    CollectorClient,
    CollectorRefused,
    UplinkError,
    sequence_of,
)
from agent.key_change import change_key
from agent.keys import Enrolled, Identity, find_key, public_key, save_identity
from agent.logbook import Logbook, LogbookError
from agent.refusal import Refusal
from agent.settings import Collector
from probes.facts import Upload, encode

IDLE = 2.0  # seconds between two looks at an empty spool
FIRST_PAUSE = 1.0  # seconds after the first failure; doubled with each further one
LONGEST_PAUSE = 300.0  # seconds
KEPT = timedelta(days=30)  # that confirmed observations stay with the agent
THIN_EVERY = 3600.0  # seconds
KEY_EVERY = 3600.0  # seconds between two tries to hand over a key that was refused
MOST_RECORDS = 2000  # in one batch
UNREADABLE = (413, 422)  # too large, not to be read: another time will not help
MOST_STOPS = 200  # scans in one answer
MOST_ASIDE = 10  # records set aside in a row; with more, the fault is not the records'
OFFER_EVERY = 24 * 3600.0  # seconds until what was set aside is offered again
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UplinkState:
    """How the uplink stands, for people."""

    uploaded: int = 0  # records since start
    failures: int = 0  # in a row
    last_success: datetime | None = None
    problem: tuple[str, str] | None = None  # Japanese, English; None while all is well
    set_aside: int = 0  # records that the collector refuses for good; they wait in the logbook, marked


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
        state_folder: Path | None = None,
    ) -> None:
        """Make the uplink; with `state_folder`, a new key waiting there is handed over first."""
        self._state_folder = state_folder
        self._logbook = logbook
        self._identity = identity
        self._client = client
        self._clock = clock or SystemClock()
        self._chance = chance
        self._most = MOST_RECORDS
        self._last = 0  # last sequence that the collector says it accepted
        self._thin_next = self._clock.steady()
        self.state = UplinkState()
        self.key_problem: tuple[str, str] | None = None  # why a waiting key was refused
        self.aside_problem: tuple[str, str] | None = None  # that records are set aside
        self._key_next = self._offer_next = self._thin_next
        self.stops: frozenset[str] = frozenset()  # scans that people asked to stop, as last heard
        self._refused_in_a_row = 0  # records set aside since the collector last took one

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
            wanted = error.retry_after if isinstance(error, CollectorRefused) else 0.0
            return max(pause(failures, self._chance()), min(wanted, LONGEST_PAUSE) * (1 + self._chance()))
        aside = await self._logbook.aside()
        self.aside_problem = _words_of(aside) if aside else None
        self.state = replace(self.state, failures=0, problem=None, set_aside=aside)
        return IDLE

    async def drain(self) -> int:
        """Upload until the spool is empty; give the number of records. Raises UplinkError, LogbookError."""
        total = 0
        await self._try_key()
        await self._offer_again()
        while True:
            batch, through = await self._logbook.pending(self._most)
            count = _count(batch)
            if not count:
                return total
            if await self._hand_over(batch, count, through):
                await self._logbook.confirm(through)
                total += count
                self._note(count)

    async def settle_key(self) -> bool:
        """Hand over the new key that is waiting, if one is; say whether. Raises UplinkError, Refusal."""
        if self._state_folder is None:
            return False
        changed = await change_key(
            self._client, self._identity, self._state_folder, self._sequence, self._clock.now
        )
        if changed is None:
            return False
        self._identity = changed
        return True

    async def _try_key(self) -> None:
        """Hand over a waiting key, and go on with the old one where that is refused: records come first."""
        if self._clock.steady() < self._key_next:
            return
        try:
            await self.settle_key()
        except (CollectorRefused, Refusal) as refused:
            self._key_next = self._clock.steady() + KEY_EVERY
            self.key_problem = (refused.ja, refused.en)
        else:
            self.key_problem = None

    async def _sequence(self, after: int) -> int:
        """Give a sequence above all before and the collector's last, as far as it is known."""
        self._last = max(self._last, after)
        return await self._logbook.next_sequence(self._last)

    async def _hand_over(self, batch: Upload, count: int, through: int) -> bool:
        """Send one batch; False if it must be sent again in another way. Raises UplinkError."""
        try:
            await self._post(batch)
        except CollectorRefused as refused:
            if not self._adapt(refused, count) and not await self._pass_by(refused, count, through):
                raise
            return False
        self._refused_in_a_row = 0
        self._most = min(self._most * 2, MOST_RECORDS)
        return True

    async def _post(self, batch: Upload) -> None:
        sequence = await self._sequence(0)
        body = await asyncio.to_thread(_pack, batch, self._identity.agent)
        path = f"/api/v1/agents/{self._identity.agent}/uploads"
        answer = await self._client.post(path, self._identity.key, sequence, body, "gzip")
        if sequence_of(answer) != sequence:
            raise _not_a_collector()
        self._last = sequence
        self.stops = _stops_in(answer)

    def _adapt(self, refused: CollectorRefused, count: int) -> bool:
        """Go on after the collector's sequence (409), or with smaller batches (413, 422), if that helps.

        What cannot be read refuses a whole batch: the smaller ones find the record.
        """
        if refused.status in UNREADABLE and count > 1:
            self._most = max(count // 2, 1)
            return True
        last = sequence_of(refused.content)
        if refused.status != 409 or last <= self._last:
            return False
        self._last = last
        return True

    async def _pass_by(self, refused: CollectorRefused, count: int, through: int) -> bool:
        """Set one record aside that is refused for good, unless all are: then the collector is not ours or old."""
        if refused.status not in UNREADABLE or count != 1 or self._refused_in_a_row >= MOST_ASIDE:
            return False
        self._refused_in_a_row += 1
        await self._logbook.set_aside(through, self._clock.now(), f"HTTP {refused.status}: {refused.en}")
        _log.warning("one record was refused for good (HTTP %d); it is kept, set aside", refused.status)
        return True

    async def _offer_again(self) -> None:
        """Offer what was set aside once more, at the start and once a day: the collector may be a newer one."""
        if self._clock.steady() >= self._offer_next:
            self._offer_next = self._clock.steady() + OFFER_EVERY
            await self._logbook.offer_again()

    async def _thin(self) -> None:
        if self._clock.steady() >= self._thin_next:
            self._thin_next = self._clock.steady() + THIN_EVERY
            await self._logbook.thin(self._clock.now() - KEPT)

    def _note(self, count: int) -> None:
        self.state = UplinkState(
            uploaded=self.state.uploaded + count,
            last_success=self._clock.now(),
            set_aside=self.state.set_aside,
        )


def _count(batch: Upload) -> int:
    return len(batch.scans) + len(batch.vantages) + len(batch.observations) + len(batch.sent)


def _pack(batch: Upload, agent: str) -> bytes:
    return gzip.compress(encode(msgspec.structs.replace(batch, agent=agent)), 3, mtime=0)


def _stops_in(answer: Mapping[str, object]) -> frozenset[str]:
    """Give the ids of scans that shall stop; all that an answer can ask for. Anything else is left unread."""
    named = answer.get("stop")
    if not isinstance(named, list) or len(named) > MOST_STOPS:
        return frozenset()
    return frozenset(one for one in named if isinstance(one, str) and len(one) <= 255)


def _words_of(aside: int) -> tuple[str, str]:
    return (
        f"台帳サーバーが読めない記録が {aside} 件あり、送らずに手元に取り分けてあります。失われてはいません。ほかの記録は送られています。"
        "エージェントと台帳サーバーの版を確かめてください。1日に1回、送り直します。",
        f"The collector cannot read {aside} record(s): they are set aside here, not lost, and the others are sent. "
        "Check the versions of agent and collector; they are offered again once a day.",
    )


def _not_a_collector() -> CollectorAbsent:
    return CollectorAbsent(
        "相手は daicho の台帳サーバーではないようです。記録は手元に残ります。URL を確かめてください。",
        "The other side does not seem to be a daicho collector. The records stay here. Check the URL.",
    )
