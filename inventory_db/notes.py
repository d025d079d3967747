# SPDX-License-Identifier: Apache-2.0
"""What people did to accounts and rights, and from where: the one place that tells the audit log of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from inventory_db.audit import Action, Event, Outcome, record

CONSOLE = "console"


@dataclass(frozen=True, slots=True)
class Whence:
    """Where a request came from, and who made it as far as that is known."""

    address: str = CONSOLE
    browser: str = ""
    account: str = ""
    name: str = ""
    role: str = ""
    facility: int = 0  # 0: none is known

    def as_who(self, account: str, name: str, facility: int | None = None, role: str = "") -> "Whence":
        """Give the same place with the person who turned out to stand there."""
        return replace(self, account=account, name=name, facility=facility or self.facility, role=role)


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that happened."""

    action: Action
    at: datetime
    whence: Whence
    kind: str = "account"  # of what it happened to
    key: str = ""
    detail: str = ""
    refused: bool = False


def note(connection: Connection, entry: Note) -> None:
    """Write it to the audit log, in the transaction of what it tells of and at its end."""
    whence = entry.whence
    event = Event(
        action=entry.action,
        facility=whence.facility,
        account=whence.account,
        name=whence.name,
        role=whence.role,
        origin=whence.address,
        kind=entry.kind,
        key=entry.key,
        detail={"what": entry.detail} if entry.detail else {},
        outcome=Outcome.REFUSED if entry.refused else Outcome.DONE,
        at=entry.at,
    )
    record(connection, event)
