# SPDX-License-Identifier: Apache-2.0
"""Signs a test in as any role, in one line.

    client = as_role(client, engine, Role.OPERATOR)          # a TestClient that carries the cookie
    cookie = sign_in(engine, "vendor", facility=2, bound_to="v1")   # the cookie's value
    headers = bearer(engine, "operator", scopes={"read"})    # of a program with a token

No password is hashed and no page is asked: the session is written as a login would write it. `form_of(client)`
gives the headers and the token that a form of our own pages would carry.
"""

import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.memberships import grant
from inventory_db.notes import Whence
from inventory_db.sessions import Limits, open_session
from inventory_db.tokens import create_token

COOKIE = "daicho_session"  # over plain http; over TLS it is __Host-daicho_session


def sign_in(
    engine: Engine,
    role: Role | str,
    facility: int = 1,
    *,
    bound_to: str = "",
    name: str = "",
    now: datetime | None = None,
) -> str:
    """Make a new person with this role and give the cookie of a session of theirs."""
    at, what = now or datetime.now(UTC), Role(role)
    login = f"{what.value}-{secrets.token_hex(4)}"
    bound = bound_to or (f"{what.value}-1" if what in (Role.VENDOR, Role.INSPECTOR) else "")
    until = at + timedelta(days=30) if what is Role.INSPECTOR else None
    with changing(engine) as connection:
        person = create_account(connection, login, name or login, None, at)
        place = grant(connection, person.id, facility, what, at, bound_to=bound, until=until)
        return open_session(connection, place, at, Whence("127.0.0.1", "test"), Limits())


def as_role(
    client: TestClient,
    engine: Engine,
    role: Role | str,
    facility: int = 1,
    *,
    bound_to: str = "",
    name: str = "",
) -> TestClient:
    """Give the client the cookie of a new person with this role, in place of whoever it was."""
    client.cookies.clear()
    client.cookies.set(COOKIE, sign_in(engine, role, facility, bound_to=bound_to, name=name))
    return client


def bearer(
    engine: Engine,
    role: Role | str,
    facility: int = 1,
    *,
    scopes: Iterable[str] = ("read", "write", "export", "agents"),
) -> dict[str, str]:
    """Give the headers of a program that has a token with this role and these scopes."""
    at = datetime.now(UTC)
    with changing(engine) as connection:
        _, secret = create_token(
            connection, facility, "test", Role(role), frozenset(scopes), at + timedelta(days=1), "test", at
        )
    return {"Authorization": f"Bearer {secret}"}
