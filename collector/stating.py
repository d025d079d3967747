# SPDX-License-Identifier: Apache-2.0
"""What people state on a page, kept together with its entry in the audit log: both or neither; and what follows."""

from collections.abc import Collection
from datetime import datetime

from fastapi import Request
from msgspec import to_builtins

from collector.auditing import told
from collector.visitor import name_of
from inventory_db import ledger, statements
from inventory_db.agents import Connection
from inventory_db.audit import differences, record
from inventory_db.stated import SameDevice, Statement

TAKEN_BACK = {"changed": {"statement": ["stood", "taken back"]}}


def keep(connection: Connection, request: Request, said: Statement, now: datetime) -> None:
    """Keep a checked statement of this visitor; the log is told what stood before. Raises BadStatement."""
    stood = statements.standing(connection, type(said)).get(said.key)
    statements.state(connection, said, name_of(request), now)
    changed = differences(to_builtins(stood.said) if stood else {}, to_builtins(said))
    record(connection, told(request, kind=said.KIND, key=said.key, detail={"changed": changed}))
    follow(connection, (said.KIND,))


def take_back(connection: Connection, request: Request, kind: str, key: str, now: datetime) -> None:
    """Take a statement back, if one stands."""
    if statements.withdraw(connection, kind, key, name_of(request), now):
        record(connection, told(request, kind=kind, key=key, detail=TAKEN_BACK))
        follow(connection, (kind,))


def follow(connection: Connection, kinds: Collection[str]) -> None:
    """Derive the devices again where people decided which are one; in the transaction of their word."""
    if SameDevice.KIND in kinds:
        ledger.refresh(connection)
