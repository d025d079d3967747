# SPDX-License-Identifier: Apache-2.0
"""How far an unfinished scan has come, kept on the disk, so that the next start goes on where it was.

Only what is durable counts: headway is written after the records that it speaks of. A scan that is too
old, or was made with other settings, is not gone on with; it is written down as stopped.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from agent.memory import Met
from agent.records import Spool
from agent.settings import Collector, ScheduleSection, Settings
from probes.facts import Scan

NAME = "headway"
GOING = "going"  # beside it: written twice a second, and small
GOES_ON = timedelta(hours=24)  # after its last sign of life, an unfinished scan is gone on with
SET_BACK = timedelta(hours=2)  # by which a clock may have been set back since
LEFT = (
    "調べが終わらないうちにエージェントが止まりました（停電か強制終了）。見たものは保存されています"
    " / the agent ended before the scan did (power cut or kill); what was seen is kept"
)


class Notebook(Protocol):
    """Where small things are kept between two runs; agent.logbook.Logbook is one."""

    async def keep(self, name: str, body: bytes) -> None:
        """Keep this under the name, durable on return; empty bytes take it away."""

    async def kept(self, name: str) -> bytes:
        """Give what is kept under the name, b"" for nothing."""

    async def spent(self, scan: str, since: datetime) -> dict[tuple[str, str], tuple[int, int]]:
        """Count packets and bytes of payload of this scan, begun at `since`, by vantage and address."""


class Headway(msgspec.Struct, kw_only=True):
    """One unfinished scan. `swept`: segment → addresses dealt with, in their order."""

    scan: Scan
    settings: str  # digest of what decides about the scan
    at: datetime  # last sign of life
    swept: dict[str, int] = {}
    found: dict[str, str] = {}  # address → MAC, "" behind a router
    asked: list[str] = []  # addresses whose plan has come to its end
    news: bool = True  # something changed since it was kept
    closed: bool = False  # it was stopped in order: all that left was written down
    kills: int = 0  # how often it was not; what each of them forgot is counted for every host

    def goes_on(self, settings: str, now: datetime) -> bool:
        """Whether a scan with these settings that begins now should go on with this one."""
        return self.settings == settings and -SET_BACK <= now - self.at <= GOES_ON

    def stands_on(self, met: Met) -> None:
        """Note in the scan that a host was confirmed only, and since when it was not asked whole."""
        since = min(met.whole, self.scan.whole_since or met.whole)
        more = self.scan.confirmed + 1
        self.scan = msgspec.structs.replace(self.scan, confirmed=more, whole_since=since)
        self.news = True

    def looked_outside(self, seen: tuple[str, ...]) -> None:
        """Note in the scan the observations of the address outside."""
        self.scan = msgspec.structs.replace(self.scan, outside=(*self.scan.outside, *seen))
        self.news = self.news or bool(seen)

    def told(self, scan: Scan, ended: datetime, state: str, note: str, finished: int) -> Scan:
        """Give the scan's end, with what was noted in it on the way."""
        of, how = self.scan, {"ended": ended, "state": state, "note": note, "finished": finished}
        noted = {"confirmed": of.confirmed, "whole_since": of.whole_since, "outside": of.outside}
        return msgspec.structs.replace(scan, **how, **noted)

    def given_up(self) -> Scan:
        """Give the scan's end, when nobody goes on with it."""
        return msgspec.structs.replace(self.scan, ended=self.at, state="stopped", note=LEFT)


class _Going(msgspec.Struct):
    scan: str
    hosts: dict[str, tuple[int, int]]


async def read_headway(notebook: Notebook) -> Headway | None:
    """Give what an unfinished scan left behind; None when there is nothing that can be read."""
    body = await notebook.kept(NAME)
    try:
        return msgspec.json.decode(body, type=Headway) if body else None
    except msgspec.DecodeError:
        return None


async def keep_headway(notebook: Notebook, headway: Headway | None) -> None:
    """Keep it; None when the scan has come to its end."""
    await notebook.keep(NAME, msgspec.json.encode(headway) if headway else b"")


async def read_going(notebook: Notebook, scan: str) -> dict[str, tuple[int, int]]:
    """Give packets and bytes that hosts had got whose part of this scan was under way when it was killed."""
    body = await notebook.kept(GOING)
    try:
        going = msgspec.json.decode(body, type=_Going) if body else None
    except msgspec.DecodeError:
        return {}
    return going.hosts if going and going.scan == scan else {}


async def keep_going(notebook: Notebook, scan: str, hosts: dict[str, tuple[int, int]]) -> None:
    """Keep that, for the journal has a conversation only when it has ended."""
    await notebook.keep(GOING, msgspec.json.encode(_Going(scan, hosts)) if hosts else b"")


async def begin(notebook: Notebook | None, spool: Spool, scan: Scan, settings: str) -> Headway:
    """Go on with an interrupted scan, or begin this one; what nobody goes on with is given up in writing."""
    before = await read_headway(notebook) if notebook else None
    headway = Headway(scan=scan, settings=settings, at=scan.started)
    if before and before.goes_on(settings, scan.started):
        headway = before
        headway.kills += not before.closed
        headway.closed, headway.news = False, True
    elif before:
        await spool.put([before.given_up()])
    if notebook:  # before anything leaves
        await keep_headway(notebook, headway)
    return headway


async def write_off(notebook: Notebook, spool: Spool) -> Headway | None:
    """Write down as stopped what a killed agent left as running, and give it: a later start may go on with it."""
    headway = await read_headway(notebook)
    if headway:
        await spool.put([headway.given_up()])
    return headway


def digest_of(settings: Settings, networks: tuple[str, ...]) -> str:
    """Give a digest of all settings that decide what a scan does; pace, schedule and collector may change."""
    same = msgspec.structs.replace(
        settings, collector=Collector(), schedule=ScheduleSection(), pace=type(settings.pace)()
    )
    return hashlib.blake2b(msgspec.json.encode([same, networks]), digest_size=16).hexdigest()
