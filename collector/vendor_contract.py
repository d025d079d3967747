# SPDX-License-Identifier: Apache-2.0
"""Whose contract a vendor's request is about: always the one that the account is bound to, never one that is asked for."""

from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from fastapi import HTTPException, Request
from sqlalchemy import Connection

from collector.auditing import told
from collector.case import JAPAN, Case
from collector.case_file import read_case
from collector.doors import Doors
from collector.statement_check import check_statement, known_in
from collector.vendor_view import VendorView, vendor_view
from collector.visitor import engine_of, name_of, visitor_of
from inventory_db.audit import Event, differences, record_all
from inventory_db.stated import Statement, Vendor
from inventory_db.statements import standing, state
from inventory_db.tables import writing


@dataclass(frozen=True, slots=True)
class Contract:
    """The vendor who asks, and the case from which only `view` may be shown."""

    case: Case
    view: VendorView

    @property
    def vendor(self) -> Vendor:
        """The vendor as the facility stated it."""
        return self.view.vendor


def read_contract(doors: Doors, request: Request) -> Contract:
    """Read the contract of the vendor who asks; 404 where the facility states none of this key."""
    with engine_of(request).connect() as connection:
        return contract_in(doors, request, connection)


def contract_in(doors: Doors, request: Request, connection: Connection) -> Contract:
    """Do the same in a transaction that is open."""
    case = read_case(connection, doors.now(), None, doors.settings.age_limit)
    key = visitor_of(request).person.bound_to
    vendor = next((one for one in case.said(Vendor) if one.id == key), None)
    if vendor is None:
        raise HTTPException(404)
    return Contract(case, vendor_view(case, vendor))


def keep_words(doors: Doors, request: Request, said: list[Statement]) -> None:
    """Keep statements in the name of who is signed in, all or none, each with its entry in the audit log.

    Raises inventory_db.statements.BadStatement.
    """
    now = doors.now()
    with writing(engine_of(request)) as connection:
        known, events = known_in(connection), []
        for one in said:
            check_statement(one, known, _day(now))
            events.append(_entry(connection, request, one))
            state(connection, one, name_of(request), now)
            known = known.plus(one)
        record_all(connection, events)


def _entry(connection: Connection, request: Request, said: Statement) -> Event:
    stood = standing(connection, type(said)).get(said.key)
    changed = differences(msgspec.to_builtins(stood.said) if stood else {}, msgspec.to_builtins(said))
    return told(request, kind=said.KIND, key=said.key, detail={"changed": changed})


def _day(now: datetime) -> date:
    return now.astimezone(JAPAN).date()
