# SPDX-License-Identifier: Apache-2.0
"""What a person is at a facility, bound to which contract or release, until when.

A membership that has ended stays: who was what, and when, can be asked for years. One whose day has
come counts no more, without anybody doing anything.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, select

from inventory_db.account_tables import accounts, memberships, moment, moment_or_none, sessions
from inventory_db.accounts import AccountRefused, Role
from inventory_db.observations import microseconds

OUTSIDE = (Role.VENDOR, Role.INSPECTOR)  # not people of the facility


class LastAdministrator(AccountRefused):
    """Without this administrator nobody could let anybody in any more."""

    code = "last_administrator"


class NeedsBinding(AccountRefused):
    """A vendor is bound to a contract, an inspector to a day."""

    code = "needs_binding"


class NotHere(AccountRefused):
    """The person has no such place at this facility."""

    code = "not_here"


@dataclass(frozen=True, slots=True)
class Membership:
    """One person's place at one facility."""

    id: str
    account: str
    facility: int
    role: Role
    bound_to: str
    since: datetime
    until: datetime | None
    ended: datetime | None

    def counts(self, now: datetime) -> bool:
        """Say whether it gives any right at this time."""
        return self.ended is None and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Person:
    """A membership with the person's names."""

    membership: Membership
    login: str
    name: str
    disabled: bool


def grant(
    connection: Connection,
    account: str,
    facility: int,
    role: Role,
    now: datetime,
    *,
    bound_to: str = "",
    until: datetime | None = None,
) -> Membership:
    """Give a person a place at a facility; raises NeedsBinding."""
    check_binding(role, bound_to, until)
    id = secrets.token_hex(8)
    values = {
        "id": id,
        "account": account,
        "facility": facility,
        "role": role.value,
        "bound_to": bound_to[:1000],
        "since": microseconds(now),
        "until": None if until is None else microseconds(until),
    }
    connection.execute(memberships.insert().values(values))
    return _needed(connection, id)


def check_binding(role: Role, bound_to: str, until: datetime | None) -> None:
    """Raise NeedsBinding for a vendor without a contract, or an inspector without a last day."""
    if (role is Role.VENDOR and not bound_to.strip()) or (role is Role.INSPECTOR and until is None):
        raise NeedsBinding


def places(connection: Connection, account: str, now: datetime) -> tuple[Membership, ...]:
    """Give the memberships of a person that count now, by facility."""
    rows = connection.execute(
        select(memberships)
        .where(memberships.c.account == account, memberships.c.ended.is_(None))
        .order_by(memberships.c.facility, memberships.c.since, memberships.c.id)
    )
    return tuple(one for one in map(_membership, rows) if one.counts(now))


def people_of(connection: Connection, facility: int) -> tuple[Person, ...]:
    """Give everybody who has a place at the facility or had one, by name."""
    rows = connection.execute(
        select(memberships, accounts.c.login, accounts.c.name, accounts.c.disabled)
        .join(accounts, accounts.c.id == memberships.c.account)
        .where(memberships.c.facility == facility)
        .order_by(accounts.c.name, accounts.c.login_key, memberships.c.since, memberships.c.id)
    )
    return tuple(Person(_membership(row), row.login, row.name, row.disabled is not None) for row in rows)


def find(connection: Connection, facility: int, id: str) -> Membership:
    """Give a membership of this facility; raises NotHere."""
    row = connection.execute(
        select(memberships).where(memberships.c.id == id, memberships.c.facility == facility)
    ).one_or_none()
    if row is None:
        raise NotHere
    return _membership(row)


def only_here(connection: Connection, account: str, facility: int, now: datetime) -> bool:
    """Say whether all places of this person are at this facility, so that its administrator speaks for it."""
    return {one.facility for one in places(connection, account, now)} <= {facility}


def change_role(connection: Connection, facility: int, id: str, role: Role, now: datetime) -> Membership:
    """Make a member of the facility's own people something else, and end the sessions that had the old rights.

    The old membership ends and a new one begins. Raises NotHere, NeedsBinding, LastAdministrator.
    """
    old = find(connection, facility, id)
    if old.role in OUTSIDE or role in OUTSIDE:
        raise NeedsBinding
    if not old.counts(now):
        raise NotHere
    if old.role is role:
        return old
    end(connection, facility, id, now)
    return grant(connection, old.account, facility, role, now, until=old.until)


def end(connection: Connection, facility: int, id: str, now: datetime) -> Membership:
    """End a membership and its sessions; raises NotHere, LastAdministrator."""
    old = find(connection, facility, id)
    if old.role is Role.ADMINISTRATOR and old.counts(now) and _administrators(connection, facility, now) <= 1:
        raise LastAdministrator
    connection.execute(
        memberships.update()
        .where(memberships.c.id == id, memberships.c.ended.is_(None))
        .values(ended=microseconds(now))
    )
    connection.execute(sessions.delete().where(sessions.c.membership == id))
    return old


def _administrators(connection: Connection, facility: int, now: datetime) -> int:
    people = people_of(connection, facility)
    able = {
        one.membership.account
        for one in people
        if one.membership.role is Role.ADMINISTRATOR and one.membership.counts(now) and not one.disabled
    }
    return len(able)


def _needed(connection: Connection, id: str) -> Membership:
    return _membership(connection.execute(select(memberships).where(memberships.c.id == id)).one())


def _membership(row: Row[tuple[object, ...]]) -> Membership:
    return Membership(
        id=row.id,
        account=row.account,
        facility=row.facility,
        role=Role(row.role),
        bound_to=row.bound_to,
        since=moment(row.since),
        until=moment_or_none(row.until),
        ended=moment_or_none(row.ended),
    )
