# SPDX-License-Identifier: Apache-2.0
"""Coming in: password, then second factor, then a session. Every refusal looks and costs the same.

The person hears one sentence whatever was wrong; the audit log is told which it was.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from inventory_db import accounts, memberships, notes, second_factors, sessions, tries
from inventory_db.account_tables import accounts as account_table
from inventory_db.account_tables import changing
from inventory_db.accounts import Account
from inventory_db.audit import Action
from inventory_db.memberships import Membership
from inventory_db.notes import Note, Whence
from inventory_db.passwords import verify_password
from inventory_db.sessions import Limits, Stage


@dataclass(frozen=True, slots=True)
class Entry:
    """A session that has just begun."""

    token: str  # for the cookie
    stage: Stage
    membership: Membership


@dataclass(frozen=True, slots=True)
class _Ticket:
    account: str | None
    kept: str | None  # hash of the password, if this try may be right at all
    objection: str  # "" for none


def check_password(
    engine: Engine, login: str, password: str, whence: Whence, now: datetime
) -> Account | None:
    """Give the account of a login name and its password; None for every refusal. Raises passwords.TooBusy."""
    with changing(engine) as connection:
        ticket = _take_ticket(connection, login, whence, now)
        if ticket.objection == "address":
            if tries.just_ran_out(connection, whence.address):
                _note_refusal(connection, ticket, login, whence, now)
            return None
    right = verify_password(password, ticket.kept)
    with changing(engine) as connection:
        if not right or ticket.account is None:
            _note_refusal(connection, ticket, login, whence, now)
            return None
        tries.give_back(connection, ticket.account, now)
        tries.give_address_back(connection, whence.address)
        return accounts.account(connection, ticket.account)


def come_in(
    connection: Connection,
    person: Account,
    now: datetime,
    whence: Whence,
    limits: Limits,
    *,
    beyond_loopback: bool,
    how: str,
) -> Entry | None:
    """Open the session of a person who is who they say; None (and a note) if they have no place anywhere."""
    places = memberships.places(connection, person.id, now)
    who = _who(whence, person.id, person.name, places)
    if not places or person.disabled is not None:
        why = "disabled" if person.disabled else "no place"
        notes.note(connection, _refusal(now, who, person.id, why))
        return None
    stage = stage_for(connection, places[0], beyond_loopback=beyond_loopback)
    token = sessions.open_session(connection, places[0], now, whence, limits, stage=stage)
    if stage is Stage.IN:
        tries.forget(connection, person.id)
    notes.note(connection, Note(Action.LOGIN, now, who, key=person.id, detail=f"{how} {stage.value}"))
    return Entry(token, stage, places[0])


def stage_for(connection: Connection, place: Membership, *, beyond_loopback: bool, passed: str = "") -> Stage:
    """Say how far a person comes who has passed this second factor ("" for none)."""
    if passed:
        return Stage.IN
    if second_factors.has_factor(connection, place.account):
        return Stage.FACTOR
    demanded = second_factors.roles_with_factor(connection, place.facility, beyond_loopback)
    return Stage.ENROL if place.role in demanded else Stage.IN


def _take_ticket(connection: Connection, login: str, whence: Whence, now: datetime) -> _Ticket:
    known = accounts.by_login(connection, login)
    account = known.id if known else None
    if not tries.take_address(connection, whence.address, now):
        return _Ticket(account, None, "address")
    if known is None:
        return _Ticket(None, None, "unknown")
    if known.disabled is not None:
        return _Ticket(account, None, "disabled")
    if not tries.take_account(connection, known.id, now):
        return _Ticket(account, None, "locked")
    kept = connection.execute(
        select(account_table.c.password).where(account_table.c.id == known.id)
    ).scalar_one()
    return _Ticket(account, kept, "")


def _note_refusal(connection: Connection, ticket: _Ticket, login: str, whence: Whence, now: datetime) -> None:
    """Tell the audit log; a name that nobody has is not kept: it may be a password typed in the wrong place."""
    name = accounts.login_key(login) if ticket.account else ""
    places = memberships.places(connection, ticket.account, now) if ticket.account else ()
    who = _who(whence, ticket.account or "", name, places)
    notes.note(connection, _refusal(now, who, ticket.account or "", ticket.objection or "password"))


def _refusal(now: datetime, who: Whence, account: str, why: str) -> Note:
    return Note(Action.LOGIN_REFUSED, now, who, key=account, detail=why, refused=True)


def _who(whence: Whence, account: str, name: str, places: tuple[Membership, ...]) -> Whence:
    if not places:
        return whence.as_who(account, name)
    return whence.as_who(account, name, places[0].facility, places[0].role.value)
