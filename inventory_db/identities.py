# SPDX-License-Identifier: Apache-2.0
"""Which account a person of a site's own sign-on has here: linked once, by an invitation or a verified address."""

from datetime import datetime

from sqlalchemy import Connection, select

from inventory_db.account_tables import identities
from inventory_db.observations import microseconds


def find_identity(connection: Connection, issuer: str, subject: str) -> str | None:
    """Give the id of the account, None if there is none."""
    return connection.execute(
        select(identities.c.account).where(identities.c.issuer == issuer, identities.c.subject == subject)
    ).scalar_one_or_none()


def link_identity(connection: Connection, issuer: str, subject: str, account: str, now: datetime) -> None:
    """Let this person of the sign-on come in as this account from now on."""
    connection.execute(
        identities.insert().values(issuer=issuer, subject=subject, account=account, created=microseconds(now))
    )
