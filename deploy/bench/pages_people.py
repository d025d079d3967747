# SPDX-License-Identifier: Apache-2.0
"""People with sessions for `deploy.bench.pages`, written as a login would write them."""

import secrets
import socket
from datetime import datetime

from sqlalchemy import Engine

from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.memberships import grant
from inventory_db.notes import Whence
from inventory_db.sessions import Limits, open_session


def sign_in_all(engine: Engine, people: int, now: datetime) -> list[str]:
    """Make operators of facility 1 and give the cookie of each one's session."""
    cookies = []
    with changing(engine) as connection:
        for place in range(people):
            person = create_account(connection, f"person-{secrets.token_hex(4)}", f"職員{place}", None, now)
            member = grant(connection, person.id, 1, Role.OPERATOR, now)
            cookies.append(open_session(connection, member, now, Whence("127.0.0.1", "bench"), Limits()))
    return cookies


def free_port() -> int:
    """Give a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
