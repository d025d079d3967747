# SPDX-License-Identifier: Apache-2.0
"""Second factors of people: one-time codes (RFC 6238), passkeys (WebAuthn), recovery codes; each use counts once.

What is computed with secrets is the collector's part; here only stands what was kept and what was used.
"""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from inventory_db.account_tables import moment, moment_or_none, passkeys, recovery_codes, rules, totp
from inventory_db.accounts import Role
from inventory_db.observations import microseconds
from inventory_db.sessions import secret_hash

CODES = 10  # recovery codes of one set


@dataclass(frozen=True, slots=True)
class Totp:
    """A person's app, its secret still sealed."""

    sealed: bytes
    confirmed: bool
    step: int  # of the last code taken


@dataclass(frozen=True, slots=True)
class Passkey:
    """One key of a person."""

    id: str
    account: str
    credential: bytes
    public_key: bytes  # COSE
    count: int
    name: str
    created: datetime
    last_used: datetime | None


def start_totp(connection: Connection, account: str, sealed: bytes) -> None:
    """Keep a new secret that the person still has to answer with; an unconfirmed older one is dropped."""
    connection.execute(totp.delete().where(totp.c.account == account, totp.c.confirmed.is_(None)))
    if find_totp(connection, account) is None:
        connection.execute(totp.insert().values(account=account, sealed=sealed, step=0))


def find_totp(connection: Connection, account: str) -> Totp | None:
    """Give the person's app, confirmed or not."""
    row = connection.execute(select(totp).where(totp.c.account == account)).one_or_none()
    return None if row is None else Totp(bytes(row.sealed), row.confirmed is not None, row.step)


def take_step(connection: Connection, account: str, step: int) -> bool:
    """Use the code of a time step, once; False for one that was used or lies before a used one."""
    fresh = totp.update().where(totp.c.account == account, totp.c.step < step)
    return bool(connection.execute(fresh.values(step=step)).rowcount)


def confirm_totp(connection: Connection, account: str, now: datetime) -> None:
    """Let the app count as a second factor from now on."""
    connection.execute(totp.update().where(totp.c.account == account).values(confirmed=microseconds(now)))


def remove_totp(connection: Connection, account: str) -> None:
    """Let the app count no more."""
    connection.execute(totp.delete().where(totp.c.account == account))


def add_passkey(
    connection: Connection,
    account: str,
    credential: bytes,
    public_key: bytes,
    count: int,
    name: str,
    now: datetime,
) -> bool:
    """Keep a key of a person; False if the key is somebody's already."""
    if connection.execute(select(passkeys.c.id).where(passkeys.c.credential == credential)).first():
        return False
    values = {
        "id": secrets.token_hex(6),
        "account": account,
        "credential": credential,
        "public_key": public_key,
        "count": count,
        "name": name.strip()[:100],
        "created": microseconds(now),
    }
    connection.execute(passkeys.insert().values(values))
    return True


def list_passkeys(connection: Connection, account: str) -> tuple[Passkey, ...]:
    """Give a person's keys, oldest first."""
    rows = connection.execute(
        select(passkeys).where(passkeys.c.account == account).order_by(passkeys.c.created, passkeys.c.id)
    )
    return tuple(
        Passkey(
            row.id,
            row.account,
            bytes(row.credential),
            bytes(row.public_key),
            row._mapping["count"],  # a row has a method of this name
            row.name,
            moment(row.created),
            moment_or_none(row.last_used),
        )
        for row in rows
    )


def use_passkey(connection: Connection, key: Passkey, count: int, now: datetime) -> bool:
    """Note a use of a key; False if another use came between (its counter is not what was checked)."""
    same = passkeys.update().where(passkeys.c.id == key.id, passkeys.c.count == key.count)
    return bool(connection.execute(same.values(count=count, last_used=microseconds(now))).rowcount)


def remove_passkey(connection: Connection, account: str, id: str) -> bool:
    """Forget a key of this person; False if there is none."""
    found = passkeys.delete().where(passkeys.c.account == account, passkeys.c.id == id)
    return bool(connection.execute(found).rowcount)


def new_recovery_codes(connection: Connection, account: str) -> tuple[str, ...]:
    """Make a new set of codes for the day on which app and key are lost; the old set is worth nothing."""
    connection.execute(recovery_codes.delete().where(recovery_codes.c.account == account))
    codes = tuple(_code() for _ in range(CODES))
    for code in codes:
        connection.execute(recovery_codes.insert().values(account=account, hash=_hash(code)))
    return codes


def take_recovery_code(connection: Connection, account: str, code: str, now: datetime) -> bool:
    """Use a recovery code, once."""
    unused = recovery_codes.update().where(
        recovery_codes.c.account == account,
        recovery_codes.c.hash == _hash(code),
        recovery_codes.c.used.is_(None),
    )
    return bool(connection.execute(unused.values(used=microseconds(now))).rowcount)


def recovery_codes_left(connection: Connection, account: str) -> int:
    """Count the codes that were not used yet."""
    left = select(func.count()).where(recovery_codes.c.account == account, recovery_codes.c.used.is_(None))
    return connection.execute(left).scalar_one()


def has_factor(connection: Connection, account: str) -> bool:
    """Say whether a second factor is asked of this person."""
    app = find_totp(connection, account)
    return (app is not None and app.confirmed) or bool(list_passkeys(connection, account))


def remove_factors(connection: Connection, account: str) -> None:
    """Forget every second factor of a person: a new way in begins from nothing."""
    for table in (totp, passkeys, recovery_codes):
        connection.execute(table.delete().where(table.c.account == account))


def roles_with_factor(connection: Connection, facility: int, beyond_loopback: bool) -> frozenset[Role]:
    """Give the roles of which this facility demands a second factor.

    While nobody has decided: of administrators, where others than this machine can reach the pages.
    """
    said = connection.execute(
        select(rules.c.second_factor).where(rules.c.facility == facility)
    ).scalar_one_or_none()
    if said is None:
        return frozenset({Role.ADMINISTRATOR}) if beyond_loopback else frozenset()
    return frozenset(Role(word) for word in said.split())


def demand_factor(connection: Connection, facility: int, roles: Iterable[Role]) -> None:
    """Demand a second factor of these roles at this facility, from the next login on."""
    connection.execute(rules.delete().where(rules.c.facility == facility))
    words = " ".join(sorted(role.value for role in set(roles)))
    connection.execute(rules.insert().values(facility=facility, second_factor=words))


def _code() -> str:
    text = base64.b32encode(secrets.token_bytes(10)).decode().lower()  # 80 bits
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def _hash(code: str) -> str:
    return secret_hash("".join(char for char in code.casefold() if char.isalnum()))
