# SPDX-License-Identifier: Apache-2.0
"""Links that let a person in once: the first administrator, invited people, people who have lost their way in.

Error tree::

    LinkRefused (an AccountRefused)
    ├── LinkUnknown   nobody made this link
    ├── LinkUsed      it was used
    └── LinkExpired   its time is over, or it was taken back
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, select

from inventory_db import accounts, memberships, notes, second_factors, sessions, tries
from inventory_db.account_tables import changing, invitations, moment, moment_or_none
from inventory_db.accounts import AccountRefused, Role
from inventory_db.audit import Action
from inventory_db.memberships import Membership
from inventory_db.notes import Note, Whence
from inventory_db.observations import microseconds
from inventory_db.sessions import MOST_CLOCK, secret_hash

VALID, LONGEST, SETUP_VALID = timedelta(days=7), timedelta(days=60), timedelta(hours=1)
RESET_VALID = timedelta(days=1)


class Purpose(StrEnum):
    """What a link is for."""

    SETUP = "setup"  # the first administrator
    INVITE = "invite"
    RESET = "reset"  # a new way in for an account that exists


class LinkRefused(AccountRefused):
    """A link lets nobody in."""


class LinkUnknown(LinkRefused):
    """Nobody made this link."""

    code = "link_unknown"


class LinkUsed(LinkRefused):
    """The link was used."""

    code = "link_used"


class LinkExpired(LinkRefused):
    """The link's time is over, or it was taken back."""

    code = "link_expired"


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link as people see it in a list; the word that lets in is kept nowhere."""

    id: str
    purpose: Purpose
    facility: int
    role: Role
    bound_to: str
    until: datetime | None
    name: str
    email: str
    account: str | None
    created: datetime
    created_by: str
    expires: datetime
    used: datetime | None


def create_invitation(
    connection: Connection,
    facility: int,
    role: Role,
    name: str,
    now: datetime,
    whence: Whence,
    *,
    valid_for: timedelta = VALID,
    bound_to: str = "",
    until: datetime | None = None,
    email: str = "",
    purpose: Purpose = Purpose.INVITE,
    account: str | None = None,
) -> str:
    """Make a link and give the word that goes into it, which can be shown only now. Raises NeedsBinding."""
    if purpose is Purpose.INVITE:
        memberships.check_binding(role, bound_to, until)
    word, id = secrets.token_urlsafe(32), secrets.token_hex(6)
    values = {
        "hash": secret_hash(word),
        "id": id,
        "purpose": purpose.value,
        "facility": facility,
        "role": role.value,
        "bound_to": bound_to.strip()[:1000],
        "until": None if until is None else microseconds(until),
        "name": name.strip()[:100],
        "email": email.strip().casefold()[:254],
        "account": account,
        "created": microseconds(now),
        "created_by": whence.name[:255],
        "expires": microseconds(now + min(valid_for, LONGEST)),
    }
    connection.execute(invitations.insert().values(values))
    notes.note(connection, Note(Action.INVITE, now, whence, "link", id, f"{purpose.value} {role.value}"))
    return word


def setup_link(engine: Engine, now: datetime, *, facility: int = 1) -> str | None:
    """Make the link of the first administrator, and make older ones worthless; None once anybody has an account."""
    with changing(engine) as connection:
        if accounts.any_account(connection):
            return None
        old = invitations.c.purpose == Purpose.SETUP.value
        connection.execute(invitations.update().where(old).values(expires=0))
        return create_invitation(
            connection,
            facility,
            Role.ADMINISTRATOR,
            "",
            now,
            Whence(facility=facility),
            valid_for=SETUP_VALID,
            purpose=Purpose.SETUP,
        )


def find_invitation(connection: Connection, word: str, now: datetime) -> Invitation:
    """Give what a link is for, without using it; raises LinkUnknown, LinkUsed, LinkExpired."""
    row = connection.execute(select(invitations).where(invitations.c.hash == secret_hash(word))).one_or_none()
    if row is None:
        raise LinkUnknown
    found = _invitation(row)
    if found.used is not None:
        raise LinkUsed
    over = now >= found.expires or now < found.created - MOST_CLOCK
    if over or (found.purpose is Purpose.SETUP and accounts.any_account(connection)):
        raise LinkExpired
    return found


def list_invitations(connection: Connection, facility: int, now: datetime) -> tuple[Invitation, ...]:
    """Give the facility's links that still let somebody in, newest first."""
    rows = connection.execute(
        select(invitations)
        .where(
            invitations.c.facility == facility,
            invitations.c.used.is_(None),
            invitations.c.expires > microseconds(now),
        )
        .order_by(invitations.c.created.desc(), invitations.c.id)
    )
    return tuple(map(_invitation, rows))


def take_back(connection: Connection, facility: int, id: str, now: datetime, whence: Whence) -> bool:
    """Make a link of this facility worthless; False if there is none."""
    open_one = invitations.update().where(
        invitations.c.id == id, invitations.c.facility == facility, invitations.c.used.is_(None)
    )
    done = bool(connection.execute(open_one.values(expires=0)).rowcount)
    if done:
        notes.note(connection, Note(Action.INVITE, now, whence, "link", id, "taken back"))
    return done


def accept_as_new(
    connection: Connection,
    word: str,
    login: str,
    name: str,
    password: str | None,
    now: datetime,
    whence: Whence,
) -> Membership:
    """Use a link to become a new person (`password` is a hash). Raises LinkRefused, BadLogin, LoginTaken."""
    found = find_invitation(connection, word, now)
    if found.purpose is Purpose.RESET:
        raise LinkUnknown
    made = accounts.create_account(connection, login, name or found.name, password, now, email=found.email)
    return _accept(connection, found, word, made.id, made.name, now, whence)


def accept_as_known(
    connection: Connection, word: str, account: str, now: datetime, whence: Whence
) -> Membership:
    """Use a link to give an account that exists one more place. Raises LinkRefused, NoAccount."""
    found = find_invitation(connection, word, now)
    if found.purpose is not Purpose.INVITE:
        raise LinkUnknown
    person = accounts.account(connection, account)
    return _accept(connection, found, word, person.id, person.name, now, whence)


def accept_reset(
    connection: Connection, word: str, password: str, now: datetime, whence: Whence
) -> accounts.Account:
    """Use a link to begin anew: new password, no second factor, no session, no wait. Raises LinkRefused."""
    found = find_invitation(connection, word, now)
    if found.purpose is not Purpose.RESET or found.account is None:
        raise LinkUnknown
    if not memberships.only_here(connection, found.account, found.facility, now):
        raise LinkExpired  # since the link was made, another facility has let this person in
    _use(connection, word, now)
    accounts.set_password(connection, found.account, password)
    second_factors.remove_factors(connection, found.account)
    sessions.end_sessions(connection, found.account)
    tries.forget(connection, found.account)
    person = accounts.account(connection, found.account)
    who = whence.as_who(person.id, person.name, found.facility)
    notes.note(connection, Note(Action.PASSWORD, now, who, key=person.id, detail="by link"))
    return person


def _accept(
    connection: Connection,
    found: Invitation,
    word: str,
    account: str,
    name: str,
    now: datetime,
    whence: Whence,
) -> Membership:
    _use(connection, word, now)
    place = memberships.grant(
        connection, account, found.facility, found.role, now, bound_to=found.bound_to, until=found.until
    )
    who = whence.as_who(account, name, found.facility, found.role.value)
    notes.note(connection, Note(Action.ACCEPT, now, who, "link", found.id, found.role.value))
    return place


def _use(connection: Connection, word: str, now: datetime) -> None:
    unused = invitations.update().where(invitations.c.hash == secret_hash(word), invitations.c.used.is_(None))
    if not connection.execute(unused.values(used=microseconds(now))).rowcount:
        raise LinkUsed


def _invitation(row: Row[tuple[object, ...]]) -> Invitation:
    return Invitation(
        id=row.id,
        purpose=Purpose(row.purpose),
        facility=row.facility,
        role=Role(row.role),
        bound_to=row.bound_to,
        until=moment_or_none(row.until),
        name=row.name,
        email=row.email,
        account=row.account,
        created=moment(row.created),
        created_by=row.created_by,
        expires=moment(row.expires),
        used=moment_or_none(row.used),
    )
