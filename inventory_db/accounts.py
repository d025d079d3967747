# SPDX-License-Identifier: Apache-2.0
"""People who may come in: who they are, and what they are at which facility.

Error tree::

    AccountRefused            (`code` names the sentence that tells a person)
    ├── LoginTaken            another account has this login name
    ├── BadLogin              the login name has characters that cannot be typed again
    └── NoAccount             there is no such account
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, Row, select

from inventory_db.account_tables import accounts, moment, moment_or_none, sessions
from inventory_db.observations import microseconds

MOST_LOGIN, MOST_NAME = 64, 100  # characters
_LOGIN = re.compile(r"[^\s\x00-\x1f\x7f<>\"'/\\]{2,64}")


class Role(StrEnum):
    """What a person is at one facility; every right follows from it (collector.permissions)."""

    OPERATOR = "operator"  # システム運用担当者
    ADMINISTRATOR = "administrator"  # 管理者
    EXECUTIVE = "executive"  # 経営層: reads and signs
    VENDOR = "vendor"  # 事業者: its own contract only
    INSPECTOR = "inspector"  # 立入検査: what was released, until a day


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Who a session or a token belongs to, as it counts for this request."""

    account: str  # id; "" for a token that is no person's
    name: str  # as the audit log and the ledger's "who" show it
    role: Role
    facility: int
    bound_to: str = ""  # vendor: key of the stated Vendor; inspector: id of the release
    until: datetime | None = None  # after it nothing is shown any more
    session: str = ""  # id of the session; "" for a token
    scopes: frozenset[str] | None = (
        None  # of a token: "read", "write", "export", "agents"; None: all of the role
    )


class AccountRefused(Exception):
    """Something cannot be done to an account; nothing was changed."""

    code = "refused"


class LoginTaken(AccountRefused):
    """Another account has this login name."""

    code = "login_taken"


class BadLogin(AccountRefused):
    """The login name is too short, too long, or has characters that cannot be typed again."""

    code = "bad_login"


class NoAccount(AccountRefused):
    """There is no such account."""

    code = "no_account"


@dataclass(frozen=True, slots=True)
class Account:
    """One person, without anything that lets anybody in."""

    id: str
    login: str
    name: str
    email: str
    language: str
    created: datetime
    disabled: datetime | None
    has_password: bool


def login_key(login: str) -> str:
    """Give the form of a login name in which two are the same: NFKC, casefolded, without blanks around."""
    return unicodedata.normalize("NFKC", login).strip().casefold()[:200]


def create_account(
    connection: Connection, login: str, name: str, password: str | None, now: datetime, *, email: str = ""
) -> Account:
    """Make an account; `password` is a hash of passwords.hash_password, or None.

    Raises BadLogin, LoginTaken. The caller holds the lock (account_tables.changing).
    """
    typed = unicodedata.normalize("NFKC", login).strip()
    if not _LOGIN.fullmatch(typed) or not typed.isprintable():
        raise BadLogin
    if by_login(connection, typed) is not None:
        raise LoginTaken
    id = secrets.token_hex(8)
    values = {
        "id": id,
        "login": typed,
        "login_key": login_key(typed),
        "name": (name.strip() or typed)[:MOST_NAME],
        "email": email.strip().casefold()[:254],
        "language": "",
        "password": password,
        "created": microseconds(now),
        "failed": 0,
        "failed_at": 0,
    }
    connection.execute(accounts.insert().values(values))
    return account(connection, id)


def account(connection: Connection, id: str) -> Account:
    """Give the account with this id, disabled ones included; raises NoAccount."""
    row = connection.execute(select(accounts).where(accounts.c.id == id)).one_or_none()
    if row is None:
        raise NoAccount
    return _account(row)


def by_login(connection: Connection, login: str) -> Account | None:
    """Give the account with this login name, however its letters are written."""
    row = connection.execute(select(accounts).where(accounts.c.login_key == login_key(login))).one_or_none()
    return None if row is None else _account(row)


def by_email(connection: Connection, email: str) -> Account | None:
    """Give the only account with this address; None if there is none, or more than one."""
    wanted = email.strip().casefold()[:254]
    if not wanted:
        return None
    rows = connection.execute(select(accounts).where(accounts.c.email == wanted)).all()
    return _account(rows[0]) if len(rows) == 1 else None


def every_account(connection: Connection) -> tuple[Account, ...]:
    """Give all accounts by login name."""
    rows = connection.execute(select(accounts).order_by(accounts.c.login_key)).all()
    return tuple(_account(row) for row in rows)


def any_account(connection: Connection) -> bool:
    """Say whether anybody has ever been let in."""
    return connection.execute(select(accounts.c.id).limit(1)).first() is not None


def set_password(connection: Connection, id: str, password: str | None) -> None:
    """Replace the hash of the password and forget failed tries."""
    new = {"password": password, "failed": 0, "failed_at": 0}
    connection.execute(accounts.update().where(accounts.c.id == id).values(new))


def set_language(connection: Connection, id: str, language: str) -> None:
    """Remember in which language this person reads."""
    connection.execute(accounts.update().where(accounts.c.id == id).values(language=language))


def disable(connection: Connection, id: str, now: datetime) -> None:
    """Let the account in no more, anywhere, and end its sessions."""
    connection.execute(accounts.update().where(accounts.c.id == id).values(disabled=microseconds(now)))
    connection.execute(sessions.delete().where(sessions.c.account == id))


def enable(connection: Connection, id: str) -> None:
    """Let a disabled account in again."""
    connection.execute(
        accounts.update().where(accounts.c.id == id).values(disabled=None, failed=0, failed_at=0)
    )


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(
        id=row.id,
        login=row.login,
        name=row.name,
        email=row.email,
        language=row.language,
        created=moment(row.created),
        disabled=moment_or_none(row.disabled),
        has_password=row.password is not None,
    )
