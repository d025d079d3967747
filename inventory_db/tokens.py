# SPDX-License-Identifier: Apache-2.0
"""Tokens for programs: shown once, kept as a hash, with a role and scopes, until a day."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, select

from inventory_db.account_tables import moment, moment_or_none, tokens
from inventory_db.accounts import AccountRefused, Role, SignedIn
from inventory_db.binding import prepared
from inventory_db.facilities import facilities
from inventory_db.observations import microseconds
from inventory_db.sessions import TOUCH_EVERY, Arrival, secret_hash

SCOPES = ("read", "write", "export", "agents")
PREFIX = "daicho_"  # lets people and scanners of secrets recognise one


class BadToken(AccountRefused):
    """A token needs a name, a role of the facility's own people, scopes that we know and an end."""

    code = "bad_token"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as people see it in a list; what lets in is kept nowhere."""

    id: str
    name: str
    facility: int
    role: Role
    scopes: frozenset[str]
    created: datetime
    created_by: str
    expires: datetime
    revoked: datetime | None
    last_used: datetime | None


def create_token(
    connection: Connection,
    facility: int,
    name: str,
    role: Role,
    scopes: frozenset[str],
    expires: datetime,
    created_by: str,
    now: datetime,
) -> tuple[Token, str]:
    """Make a token; gives it and the secret, which can be shown only now. Raises BadToken."""
    outside = role in (Role.VENDOR, Role.INSPECTOR)
    if not name.strip() or outside or not scopes or not scopes <= set(SCOPES) or expires <= now:
        raise BadToken
    secret = PREFIX + secrets.token_urlsafe(32)
    values = {
        "id": secrets.token_hex(6),
        "hash": secret_hash(secret),
        "name": name.strip()[:100],
        "facility": facility,
        "role": role.value,
        "scopes": " ".join(sorted(scopes)),
        "created": microseconds(now),
        "created_by": created_by[:255],
        "expires": microseconds(expires),
    }
    connection.execute(tokens.insert().values(values))
    row = connection.execute(select(tokens).where(tokens.c.id == values["id"])).one()
    return _token(row), secret


_ARRIVING = prepared(
    select(tokens, facilities.c.name.label("facility_name"), facilities.c.closed.label("facility_closed"))
    .join(facilities, facilities.c.id == tokens.c.facility, isouter=True)
    .where(tokens.c.hash == bindparam("word"))
)


def arrive_by_token(connection: Connection, bearer: str, now: datetime) -> Arrival | None:
    """Say whom a bearer token stands for, by one question; None for one that is unknown, revoked or over."""
    if not bearer.startswith(PREFIX):
        return None
    row = connection.execute(_ARRIVING, {"word": secret_hash(bearer)}).one_or_none()
    if row is None:
        return None
    found = _token(row)
    if found.revoked is not None or now >= found.expires:
        return None
    who = SignedIn("", found.name, found.role, found.facility, until=found.expires, scopes=found.scopes)
    due = found.last_used is None or abs(now - found.last_used) >= TOUCH_EVERY
    return Arrival(who, due, row.facility_name or "", row.facility_closed is not None)


def token_holder(connection: Connection, bearer: str, now: datetime) -> SignedIn | None:
    """Say whom a bearer token stands for; None for one that is unknown, revoked or over."""
    found = arrive_by_token(connection, bearer, now)
    return found.who if found else None


def touch_token(connection: Connection, bearer: str, now: datetime) -> None:
    """Note that a token is in use."""
    connection.execute(
        tokens.update().where(tokens.c.hash == secret_hash(bearer)).values(last_used=microseconds(now))
    )


def list_tokens(connection: Connection, facility: int) -> tuple[Token, ...]:
    """Give the tokens of a facility, newest first, revoked ones included."""
    rows = connection.execute(
        select(tokens).where(tokens.c.facility == facility).order_by(tokens.c.created.desc(), tokens.c.id)
    )
    return tuple(map(_token, rows))


def revoke_token(connection: Connection, facility: int, id: str, now: datetime) -> bool:
    """Turn a token of this facility away for good; False if there is none."""
    live = tokens.update().where(tokens.c.id == id, tokens.c.facility == facility, tokens.c.revoked.is_(None))
    return bool(connection.execute(live.values(revoked=microseconds(now))).rowcount)


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        facility=row.facility,
        role=Role(row.role),
        scopes=frozenset(row.scopes.split()),
        created=moment(row.created),
        created_by=row.created_by,
        expires=moment(row.expires),
        revoked=moment_or_none(row.revoked),
        last_used=moment_or_none(row.last_used),
    )
