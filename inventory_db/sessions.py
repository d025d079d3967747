# SPDX-License-Identifier: Apache-2.0
"""Sessions: a cookie's token → who is there. Only the token's hash is kept.

Rights are read anew at every request, so that a changed role, an ended membership or a disabled account
counts at once. A clock that was set back ends the sessions of its future; they could live on for as long.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, Row, bindparam, select

from inventory_db.account_tables import accounts, memberships, moment, moment_or_none, sessions
from inventory_db.accounts import AccountRefused, Role, SignedIn
from inventory_db.binding import prepared
from inventory_db.facilities import facilities
from inventory_db.memberships import Membership, NotHere, places
from inventory_db.notes import Whence
from inventory_db.observations import microseconds

TOUCH_EVERY = timedelta(minutes=1)  # how exactly we know when a session was last used
HALF_WAY = timedelta(minutes=10)  # to pass the second factor
MOST_CLOCK = timedelta(minutes=5)  # that clocks of several collectors may differ
_MICROSECOND = timedelta(microseconds=1)


class Stage(StrEnum):
    """How far a person has come in."""

    FACTOR = "factor"  # the password was right; the second factor is still asked for
    ENROL = "enrol"  # a second factor is demanded and must be set up first
    IN = "in"


class NoSession(AccountRefused):
    """The session has ended, or never was."""

    code = "no_session"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives."""

    idle: timedelta = timedelta(minutes=30)
    most: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """One session as people see it in a list."""

    id: str
    account: str
    membership: str
    facility: int
    stage: Stage
    factor: str
    created: datetime
    last_seen: datetime
    idle: timedelta
    expires: datetime
    address: str
    browser: str

    def alive(self, now: datetime) -> bool:
        """Say whether it still lets anybody in."""
        if now < self.created - MOST_CLOCK or now >= self.expires:
            return False
        return now < self.last_seen + (HALF_WAY if self.stage is not Stage.IN else self.idle)


def secret_hash(token: str) -> str:
    """Give the form in which a token, link or code of 128 and more random bits is kept."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def open_session(
    connection: Connection,
    membership: Membership,
    now: datetime,
    whence: Whence,
    limits: Limits,
    *,
    stage: Stage = Stage.IN,
    factor: str = "",
    born: datetime | None = None,
) -> str:
    """Open a session and give its token for the cookie, which is kept nowhere.

    `born` is the time of the login that it continues: no change of role makes a session live longer.
    """
    token = secrets.token_urlsafe(32)
    begun = born or now
    _forget_dead(connection, now)
    values = {
        "id": secret_hash(token),
        "account": membership.account,
        "membership": membership.id,
        "facility": membership.facility,
        "stage": stage.value,
        "factor": factor,
        "created": microseconds(begun),
        "last_seen": microseconds(now),
        "idle": limits.idle // _MICROSECOND,
        "expires": microseconds(begun + limits.most),
        "address": whence.address[:64],
        "browser": whence.browser[:255],
    }
    connection.execute(sessions.insert().values(values))
    return token


def find_session(connection: Connection, token: str, now: datetime) -> Session | None:
    """Give the living session of a cookie, however far it has come in."""
    row = connection.execute(select(sessions).where(sessions.c.id == secret_hash(token))).one_or_none()
    found = None if row is None else _session(row)
    return found if found is not None and found.alive(now) else None


@dataclass(frozen=True, slots=True)
class Arrival:
    """Who came with a session or a token, and what the gate must know of them."""

    who: SignedIn
    due: bool  # whether it is time to note that it is in use (`touch`)
    facility_name: str  # "" if nobody named it
    facility_closed: bool


_ARRIVING = prepared(
    select(
        sessions,
        accounts.c.name,
        memberships.c.role,
        memberships.c.bound_to,
        memberships.c.until,
        facilities.c.name.label("facility_name"),
        facilities.c.closed.label("facility_closed"),
    )
    .join(accounts, accounts.c.id == sessions.c.account)
    .join(memberships, memberships.c.id == sessions.c.membership)
    .join(facilities, facilities.c.id == sessions.c.facility, isouter=True)
    .where(
        sessions.c.id == bindparam("session"),
        sessions.c.stage == Stage.IN.value,
        accounts.c.disabled.is_(None),
        memberships.c.ended.is_(None),
    )
)


def arrive(connection: Connection, token: str, now: datetime) -> Arrival | None:
    """Say who is there, by the token of the cookie and one question; None for nobody, or not yet, or no more."""
    row = connection.execute(_ARRIVING, {"session": secret_hash(token)}).one_or_none()
    found = None if row is None else _session(row)
    if row is None or found is None or not found.alive(now):
        return None
    until = moment_or_none(row.until)
    if until is not None and now >= until:
        return None
    who = SignedIn(
        row.account, row.name, Role(row.role), row.facility, row.bound_to, until=until, session=row.id
    )
    return Arrival(
        who,
        abs(now - found.last_seen) >= TOUCH_EVERY,
        row.facility_name or "",
        row.facility_closed is not None,
    )


def signed_in(connection: Connection, token: str, now: datetime) -> SignedIn | None:
    """Say who is there, by the token of the cookie; None for nobody, or not yet, or no more."""
    found = arrive(connection, token, now)
    return found.who if found else None


def touch(connection: Connection, token: str, now: datetime) -> None:
    """Note that a living session is in use."""
    connection.execute(
        sessions.update().where(sessions.c.id == secret_hash(token)).values(last_seen=microseconds(now))
    )


def list_sessions(
    connection: Connection, now: datetime, *, account: str | None = None, facility: int | None = None
) -> tuple[Session, ...]:
    """Give living sessions, newest first, of one person or of one facility."""
    wanted = select(sessions).order_by(sessions.c.last_seen.desc(), sessions.c.id)
    if account is not None:
        wanted = wanted.where(sessions.c.account == account)
    if facility is not None:
        wanted = wanted.where(sessions.c.facility == facility)
    return tuple(one for one in map(_session, connection.execute(wanted)) if one.alive(now))


def end_session(
    connection: Connection, id: str, *, account: str | None = None, facility: int | None = None
) -> bool:
    """End a session of this person or of this facility; False if there is none."""
    wanted = sessions.delete().where(sessions.c.id == id)
    if account is not None:
        wanted = wanted.where(sessions.c.account == account)
    if facility is not None:
        wanted = wanted.where(sessions.c.facility == facility)
    return bool(connection.execute(wanted).rowcount)


def end_sessions(connection: Connection, account: str, *, facility: int | None = None, but: str = "") -> int:
    """End all sessions of a person, at one facility or everywhere, but the one named; gives how many."""
    wanted = sessions.delete().where(sessions.c.account == account, sessions.c.id != but)
    if facility is not None:
        wanted = wanted.where(sessions.c.facility == facility)
    return connection.execute(wanted).rowcount


def advance(
    connection: Connection, token: str, now: datetime, whence: Whence, *, stage: Stage, factor: str
) -> str:
    """Go on to the next stage under a new token; raises NoSession. The old token is worth nothing any more."""
    old = find_session(connection, token, now)
    if old is None:
        raise NoSession
    place = next((one for one in places(connection, old.account, now) if one.id == old.membership), None)
    if place is None:
        raise NoSession
    return _renew(connection, old, place, now, whence, stage, factor or old.factor)


def switch_facility(
    connection: Connection,
    token: str,
    membership: str,
    now: datetime,
    whence: Whence,
    *,
    stage: Stage = Stage.IN,
) -> str:
    """Go on under another membership of the same person, with a new token; raises NoSession, NotHere.

    `stage` is what the other place demands (signing_in.stage_for).
    """
    old = find_session(connection, token, now)
    if old is None or old.stage is not Stage.IN:
        raise NoSession
    place = next((one for one in places(connection, old.account, now) if one.id == membership), None)
    if place is None:
        raise NotHere
    return _renew(connection, old, place, now, whence, stage, old.factor)


def _renew(
    connection: Connection,
    old: Session,
    place: Membership,
    now: datetime,
    whence: Whence,
    stage: Stage,
    factor: str,
) -> str:
    if not end_session(connection, old.id):
        raise NoSession
    limits = Limits(old.idle, old.expires - old.created)
    return open_session(connection, place, now, whence, limits, stage=stage, factor=factor, born=old.created)


def _forget_dead(connection: Connection, now: datetime) -> None:
    connection.execute(sessions.delete().where(sessions.c.expires <= microseconds(now)))


def _session(row: Row[tuple[object, ...]]) -> Session:
    return Session(
        id=row.id,
        account=row.account,
        membership=row.membership,
        facility=row.facility,
        stage=Stage(row.stage),
        factor=row.factor,
        created=moment(row.created),
        last_seen=moment(row.last_seen),
        idle=timedelta(microseconds=row.idle),
        expires=moment(row.expires),
        address=row.address,
        browser=row.browser,
    )
