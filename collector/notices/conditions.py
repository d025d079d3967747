# SPDX-License-Identifier: Apache-2.0
"""News that time brings: a silent agent, a full disk, a certificate that runs out, a backup that is old.

A subject holds when the condition began, so each spell is told once, and a full disk once a day.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from collector.sections import Notices
from inventory_db.agents import Agent
from inventory_db.notices import News

AGENT, DISK, CERTIFICATE, BACKUP = "agent_silent", "disk_full", "certificate_ends", "backup_old"


@dataclass(frozen=True, slots=True)
class Installation:
    """How the installation stands; None is "not known" or "does not apply"."""

    free: int | None = None  # bytes where we write
    least: int = 0
    certificate: tuple[str, datetime] | None = None  # fingerprint, end
    backup: datetime | None = None  # of the newest
    backup_wanted: bool = False


def of_agents(agents: Iterable[Agent], wish: Notices, now: datetime) -> Iterator[News]:
    """Tell of agents that have not been heard of for longer than they should."""
    for agent in agents:
        seen = agent.last_seen or agent.enrolled
        if agent.revoked is None and now - seen >= timedelta(hours=wish.agent_silent_hours):
            detail = {"agent": agent.id, "name": agent.name[:200], "since": seen.isoformat()}
            yield News(AGENT, f"{agent.id} {seen.isoformat()}", detail)


def of_installation(state: Installation, wish: Notices, now: datetime) -> Iterator[News]:
    """Tell what the administrators must do so that the collector goes on."""
    if state.free is not None and state.free < state.least:
        yield News(DISK, f"{now:%Y-%m-%d}", {"free": str(state.free >> 20)})
    yield from _of_certificate(state, wish, now)
    if state.backup_wanted and (state.backup is None or _days(now - state.backup) >= wish.backup_days):
        last = state.backup.isoformat() if state.backup else ""
        week = now.isocalendar()
        yield News(BACKUP, f"{last} {week.year}-{week.week}", {"last": last})


def _of_certificate(state: Installation, wish: Notices, now: datetime) -> Iterator[News]:
    if state.certificate is None:
        return
    fingerprint, end = state.certificate
    left = _days(end - now)
    step = next((step for step in sorted({0, 1, 7, wish.certificate_days}) if left <= step), None)
    if step is not None:
        yield News(CERTIFICATE, f"{fingerprint[:95]} {step}", {"end": end.isoformat(), "days": str(left)})


def _days(span: timedelta) -> int:
    return span // timedelta(days=1)
