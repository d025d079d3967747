# SPDX-License-Identifier: Apache-2.0
"""The long-running agent: scans when the schedule says so, uploads at the same time, stops in order.

One scan at a time. What goes wrong with a scan or an upload is told and tried again at the next
occasion; only what makes every further scan senseless ends the rounds.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from agent.clock import Clock
from agent.headway import keep_headway, write_off
from agent.logbook import Logbook, LogbookError
from agent.records import Spool
from agent.refusal import Refusal
from agent.schedule import next_start, plan_of
from agent.scope import in_blackout
from agent.settings import Blackout, ScheduleSection
from agent.state_folder import read_last_start, write_last_start
from agent.stop_switch import LOOK_EVERY, StopSwitch
from agent.stopping_spool import StoppingSpool, of_the_logbook
from agent.uplink import Uplink
from probes.contract import OurFault
from probes.facts import Plan, Scan

LONGEST_SLEEP = 60.0  # seconds at a time, so that a changed clock or a suspended machine is noticed
AT_ONCE = timedelta(hours=1)  # after an interruption (a restart, a power cut) a scan goes on without waiting
LATE = timedelta(minutes=90)  # after which a start counts as missed; a clock set by an hour loses no night
LAST_UPLOAD = 0.6  # seconds for what waits when the agent is told to stop
ROOM_EVERY = 60.0  # seconds between two looks at the size of the logbook
ROOM_LEVELS = (0.95, 0.80, 0.50)
THIN_FROM = 0.75  # of the room; from here on, what only repeats earlier observations is let go of
TRIES_ONCE = 3  # uploads after a single scan, before the rest waits for the next run

Tell = Callable[[str, str], None]  # Japanese, English


def check_start(schedule: ScheduleSection, blackouts: tuple[Blackout, ...], now: datetime) -> None:
    """Raise Refusal for a schedule that never comes to a start."""
    if next_start(schedule, blackouts, now, None, "") is None:
        raise _no_start()


def _no_start() -> Refusal:
    return Refusal(
        "調べる時刻がありません。scope.blackout がすべての時間を禁じています。設定を直してください。何も送信していません。",
        "There is no time to scan: scope.blackout forbids all of it. Correct the settings. Nothing was sent.",
    )


@dataclass(frozen=True, slots=True)
class Orders:
    """What the site's settings say about when to scan, and what to do between."""

    schedule: ScheduleSection
    blackouts: tuple[Blackout, ...]
    between: Callable[[], Awaitable[None]] | None = None  # what is done while waiting for a start


@dataclass(slots=True)
class Rounds:
    """One agent at work: its schedule, its logbook, its way to the collector, and how it scans."""

    schedule: ScheduleSection
    blackouts: tuple[Blackout, ...]
    agent: str  # id, decides where in the jitter its starts lie
    state: Path
    logbook: Logbook
    uplink: Uplink
    scan: Callable[[Spool], Awaitable[Scan]]
    tell: Tell
    clock: Clock
    between: Callable[[], Awaitable[None]] | None = None  # what is done while waiting for a start
    reread: Callable[[], Awaitable[Orders | None]] | None = (
        None  # gives the settings' orders where they changed
    )
    _by_itself: bool = False  # by the schedule, not once
    _told: tuple[str, str] | None = None  # problem of the uplink
    _level: float = 0.0  # of the logbook's room that was told last
    _spool: StoppingSpool | None = None  # of the scan under way
    _uploading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run_once(self) -> Scan | None:
        """Scan once and upload; gives the scan's end, None for a fault of ours. Raises Refusal."""
        return await self._at_work(self._once())

    async def run(self) -> None:
        """Scan by the schedule until cancelled. Raises Refusal when there will never be a start."""
        self._by_itself = True
        await self._at_work(self._for_ever())

    async def _at_work(self, work: "Awaitable[Scan | None]") -> Scan | None:
        """Do the work while uploading; whatever ends it, the rest is handed over as far as time allows."""
        working: asyncio.Future[Scan | None] = asyncio.ensure_future(work)
        tasks = (
            working,
            asyncio.ensure_future(self._keep_uploading()),
            asyncio.ensure_future(self._watch_room()),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            await self._upload_rest()
            for end in ends:
                if isinstance(end, Exception):
                    raise end
        return working.result()

    @property
    def _switch(self) -> StopSwitch:
        return StopSwitch(self.state)

    # ---- scanning ------------------------------------------------------------------------------

    async def _for_ever(self) -> None:
        last = read_last_start(self.state)
        await self._go_on()
        while True:
            start = self._next(last)
            self.tell(
                f"次の調べは {start:%Y-%m-%d %H:%M} に始めます。",
                f"The next scan begins at {start:%Y-%m-%d %H:%M}.",
            )
            if not await self._reached(start, last):
                continue
            last = max(start, self.clock.now())
            await self._scan_if_possible(last)

    async def _go_on(self) -> None:
        """Write down as stopped what was interrupted; go on with it at once where that was a moment ago."""
        try:
            left = await write_off(self.logbook, self.logbook)
        except LogbookError as error:  # a full disk may have room again at the next start
            self.tell(error.ja, error.en)
            return
        now = self.clock.now()
        if left and abs(now - left.at) <= AT_ONCE and not in_blackout(self.blackouts, now):
            self.tell("途中で止まった調べの続きを始めます。", "The interrupted scan goes on.")
            await self._scan_if_possible()

    async def _scan_if_possible(self, start: datetime | None = None) -> None:
        """Scan and note its `start`, or tell why not; what cannot be noted is not sent, and tried at the next start."""
        try:
            if start:
                write_last_start(self.state, start)
            if not self._switch.is_on:
                await self._scan()
                return
            self.tell(
                "停止スイッチが入っているので、調べません（daicho stop --lift で解きます）。",
                "The stop switch is on, so nothing is scanned (daicho stop --lift lifts it).",
            )
        except Refusal as refusal:
            self.tell(refusal.ja, refusal.en)

    def _next(self, last: datetime | None) -> datetime:
        now = self.clock.now()
        just = last is not None and now < last < now + timedelta(hours=1)  # the clock was set back a little
        start = next_start(self.schedule, self.blackouts, last if last and just else now, last, self.agent)
        if start is None:
            raise _no_start()
        return start

    def _plan(self, scan: Scan) -> Plan | None:
        if not self._by_itself:
            return None
        return plan_of(self.schedule, self.blackouts, scan.started, self.clock.now(), self.agent)

    async def _reached(self, start: datetime, last: datetime | None) -> bool:
        """Wait for the start; False when it was missed (the machine slept, the clock was set)."""
        async with self._meanwhile():
            while (left := (start - self.clock.now()).total_seconds()) > 0:
                await self.clock.sleep(min(left, LONGEST_SLEEP))
                if left > 2 * LONGEST_SLEEP and await self._take_orders():
                    return False  # there is time enough to work out the start anew
        if await self._take_orders() and not self._is_still(start, last):
            return False
        now = self.clock.now()
        if now - start < LATE and not in_blackout(self.blackouts, now):
            return True
        self.tell(
            "予定の時刻を逃しました（この機械が止まっていたか、時計が変わりました）。次の予定を決め直します。",
            "The start was missed (this machine slept, or its clock was set). The next one is worked out anew.",
        )
        return False

    def _is_still(self, start: datetime, last: datetime | None) -> bool:
        """Whether a scan begins at this moment by the orders that are in force now."""
        before = start - timedelta(microseconds=1)
        return next_start(self.schedule, self.blackouts, before, last, self.agent) == start

    async def _take_orders(self) -> bool:
        """Take what the settings say now; true where they changed."""
        orders = await self.reread() if self.reread else None
        if orders is None:
            return False
        self.schedule, self.blackouts, self.between = orders.schedule, orders.blackouts, orders.between
        return True

    @contextlib.asynccontextmanager
    async def _meanwhile(self) -> AsyncIterator[None]:
        """Listen while nothing is scanned, where the site allows it; a full logbook ends that alone."""
        work = asyncio.ensure_future(self.between()) if self.between else None
        try:
            yield
        finally:
            if work:
                work.cancel()
                (end,) = await asyncio.gather(work, return_exceptions=True)
                if isinstance(end, LogbookError):
                    self.tell(end.ja, end.en)

    async def _once(self) -> Scan | None:
        if self._switch.is_on:
            raise Refusal(
                "停止スイッチが入っているので、調べません。daicho stop --show で理由を、--lift で解除できます。何も送信していません。",
                "The stop switch is on, so nothing is scanned. daicho stop --show says why, --lift lifts it. "
                "Nothing was sent.",
                permitted=False,
            )
        write_last_start(self.state, self.clock.now())
        scan = await self._scan()
        for attempt in range(TRIES_ONCE):
            await self.clock.sleep(float(attempt))
            await self._upload()
            if self.uplink.state.problem is None:
                break
        return scan

    async def _scan(self) -> Scan | None:
        """Scan, and tell how it ended; None for a fault of ours. Raises Refusal for a scope out of reach."""
        self.tell("調べを始めます。", "The scan begins.")
        spool = self._spool = StoppingSpool(self.logbook, plan=self._plan)
        scanning = asyncio.ensure_future(self.scan(spool))
        spool.stop = scanning.cancel
        stopping = asyncio.ensure_future(self._stop(scanning))
        try:
            await asyncio.wait({scanning})
        except asyncio.CancelledError:
            scanning.cancel()
            await asyncio.wait({scanning})
            self._tell_stopped(spool.problem)
            raise
        finally:
            self._spool = None
            stopping.cancel()
            fault = None if scanning.cancelled() else scanning.exception()
        if spool.asked and scanning.cancelled():
            try:
                await keep_headway(self.logbook, None)  # who stops a scan does not want it gone on with
            except LogbookError as error:  # a full disk: then the next start goes on with it
                self.tell(error.ja, error.en)
            self.tell(
                "台帳サーバーの画面から止められたため、調べを途中で止めました。見たものは保存されています。",
                "The scan was stopped from the collector's page. What was seen is kept.",
            )
            return None
        return self._ended(scanning, fault, spool.problem)

    async def _stop(self, scanning: "asyncio.Future[Scan]") -> None:
        """End the scan when somebody turns the stop switch on."""
        while not self._switch.is_on:  # noqa: ASYNC110 - another process turns it on
            await asyncio.sleep(LOOK_EVERY)
        scanning.cancel()

    def _ended(
        self, scanning: "asyncio.Future[Scan]", fault: BaseException | None, problem: LogbookError | None
    ) -> Scan | None:
        problem = problem or of_the_logbook(fault)
        if problem:
            self.tell(f"調べを続けられません。{problem.ja}", f"The scan cannot go on. {problem.en}")
            return None
        if scanning.cancelled() and self._switch.is_on:
            self._tell_stopped(None)
            return None
        if isinstance(fault, OurFault):
            self.tell(
                f"この機械の不具合で調べられませんでした（{fault}）。次の予定でやり直します。",
                f"A fault of this machine kept us from scanning ({fault}). It is tried again at the next start.",
            )
            return None
        scan = scanning.result()
        self._tell_end(scan)
        return scan

    def _tell_stopped(self, problem: LogbookError | None) -> None:
        if problem:
            self.tell(problem.ja, problem.en)
        else:
            self.tell(
                "調べを途中で止めました。見たものは保存されています。",
                "The scan was stopped. What was seen is kept.",
            )

    def _tell_end(self, scan: Scan) -> None:
        if scan.state == "complete":
            self.tell("調べが終わりました。", "The scan is complete.")
            return
        self.tell(
            f"調べは途中で終わりました（{scan.note}）。見たものは保存されています。",
            f"The scan ended early ({scan.note}). What was seen is kept.",
        )

    # ---- uploading -----------------------------------------------------------------------------

    async def _keep_uploading(self) -> None:
        while True:
            await self.clock.sleep(await self._upload())

    async def _upload(self) -> float:
        async with self._uploading:
            pause = await self.uplink.step()
        if self._spool:
            self._spool.heed(self.uplink.stops)
        uplink = self.uplink
        problem = uplink.state.problem or uplink.key_problem or uplink.aside_problem
        if problem and problem != self._told:
            self.tell(*problem)
        elif self._told and not problem:
            self.tell("台帳サーバーにまた届くようになりました。", "The collector takes our records again.")
        self._told = problem
        return pause

    async def _upload_rest(self) -> None:
        try:
            async with asyncio.timeout(LAST_UPLOAD):
                await self._upload()
        except TimeoutError:
            self.tell(
                "残りの記録は手元にあり、次に動いたときに送ります。",
                "The remaining records stay here and are sent when the agent runs again.",
            )

    # ---- room ----------------------------------------------------------------------------------

    async def _watch_room(self) -> None:
        told = ""
        while True:
            try:
                await self._look_at_room()
                told = ""
            except LogbookError as error:  # not even room to make room: somebody else filled the disk
                if error.en != told:
                    self.tell(error.ja, error.en)
                told = error.en
            await self.clock.sleep(ROOM_EVERY)

    async def _look_at_room(self) -> None:
        """Warn at each level once. What the collector has already makes room first, then mere repetitions."""
        filled = await self.logbook.filled()
        if filled >= min(ROOM_LEVELS):
            await self.logbook.thin(self.clock.now())
            filled = await self.logbook.filled()
        if filled >= THIN_FROM and await self.logbook.thin_repeats():
            filled = await self.logbook.filled()
        level = next((level for level in ROOM_LEVELS if filled >= level), 0.0)
        if level > self._level:
            self.tell(
                f"作業記録が上限の {filled:.0%} に達しました。満杯になると調べを止めます。"
                "台帳サーバーへの送信を再開するか、spool_bytes を増やしてください。",
                f"The logbook has reached {filled:.0%} of its limit; when it is full, scanning stops. "
                "Let the agent reach its collector again, or raise spool_bytes.",
            )
        self._level = level
