# SPDX-License-Identifier: Apache-2.0
"""Writes entries of the audit log for many requests at once, and counts refusals instead of writing each.

Whoever writes waits until the entry is on the disk; those who wait together share one transaction. An attacker can
make us refuse as often as they like, but not fill the disk: of one kind of refusal from one address the first in a
minute is written at once and the others of that minute as one entry with their number, and beyond MOST_KINDS kinds
in a minute all others together.
"""

import ipaddress
import threading
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Engine

from inventory_db.audit import Event, record_now

MOST_KINDS = 60  # kinds of refusals and addresses told apart in one minute


@dataclass(slots=True)
class _Ticket:
    events: list[Event]
    done: bool = False
    trouble: Exception | None = None


class AuditQueue:
    """The one place of a collector through which entries are written that no other transaction carries."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._waiting: list[_Ticket] = []
        self._list = threading.Lock()
        self._turn = threading.Lock()
        self._refusals = Refusals()

    def write(self, events: Iterable[Event]) -> None:
        """Write entries and come back when they are kept; raises inventory_db.tables.LedgerUnwritten."""
        ticket = _Ticket(list(events))
        if not ticket.events:
            return
        with self._list:
            self._waiting.append(ticket)
        with self._turn:  # one writes for all who wait; the others find it done
            if not ticket.done:
                self._write_all()
        if ticket.trouble:
            raise ticket.trouble

    def refuse(self, event: Event, now: datetime) -> None:
        """Write or count a refusal."""
        with self._list:
            ready = self._refusals.take(event, now)
        self.write(ready)

    def flush(self, now: datetime) -> None:
        """Write the counts of minutes that are over; a job calls it, and the next refusal does."""
        with self._list:
            ready = self._refusals.over(now)
        self.write(ready)

    def _write_all(self) -> None:
        with self._list:
            batch, self._waiting = self._waiting, []
        trouble: Exception | None = None
        try:
            record_now(self._engine, [event for ticket in batch for event in ticket.events])
        except Exception as error:
            trouble = error
        for ticket in batch:
            ticket.done, ticket.trouble = True, trouble


class Refusals:
    """Counts refusals by minute; pure but for what it remembers of the current minute."""

    def __init__(self) -> None:
        self._minute = 0
        self._counted: dict[Hashable, tuple[Event, int]] = {}

    def take(self, event: Event, now: datetime) -> list[Event]:
        """Give what is to be written now: counts of the minute before, and this refusal if it is the first of its kind."""
        ready = self.over(now)
        key: Hashable = (event.facility, event.account, event.action, event.kind, _network(event.origin))
        if key not in self._counted and len(self._counted) >= MOST_KINDS:
            key, event = (
                None,
                replace(event, account="", name="", role="", origin="", kind="", key="", detail={}),
            )
        first, count = self._counted.get(key, (event, 0))
        self._counted[key] = first, count + 1
        return ready if count else [*ready, replace(event, at=now)]

    def over(self, now: datetime) -> list[Event]:
        """Give the counts of a minute that is over, as entries."""
        minute = int(now.timestamp()) // 60
        if minute == self._minute:
            return []
        start = datetime.fromtimestamp(self._minute * 60, UTC).isoformat()
        ready = [
            replace(event, at=now, key="", detail={"more": count - 1, "in_minute": start})
            for event, count in self._counted.values()
            if count > 1
        ]
        self._minute, self._counted = minute, {}
        return ready


def _network(origin: str) -> str:
    """One IPv6 network of 64 bits is one sender."""
    try:
        address = ipaddress.ip_address(origin)
    except ValueError:
        return origin
    return str(ipaddress.ip_network((address, 64), strict=False)) if address.version == 6 else origin
