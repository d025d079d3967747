# SPDX-License-Identifier: Apache-2.0
"""Forms that somebody has begun and not handed in: nobody's word yet, so no rule reads them; they go when it is said."""

from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import BigInteger, Column, Connection, LargeBinary, String, Table, delete, insert, select

from inventory_db.account_tables import moment
from inventory_db.binding import owned
from inventory_db.observations import microseconds
from inventory_db.tables import metadata

drafts = Table(
    "drafts",
    metadata,
    owned(),
    Column("form", String(255), primary_key=True),  # which form, and whose: "sheet/R6-hospital/1/VENDOR"
    Column("body", LargeBinary, nullable=False),  # JSON: field → text as typed
    Column("by", String(255), nullable=False),
    Column("at", BigInteger, nullable=False),  # microseconds since 1970 UTC
)


@dataclass(frozen=True, slots=True)
class Draft:
    """What stands in a form so far."""

    fields: dict[str, str]
    by: str
    at: datetime


def keep_draft(connection: Connection, form: str, fields: dict[str, str], by: str, now: datetime) -> None:
    """Keep a form as it is, in place of what was kept before."""
    drop_draft(connection, form)
    row = {"form": form, "body": msgspec.json.encode(fields), "by": by[:255], "at": microseconds(now)}
    connection.execute(insert(drafts), [row])


def find_draft(connection: Connection, form: str) -> Draft | None:
    """Give what was kept of a form; None for nothing."""
    row = connection.execute(select(drafts).where(drafts.c.form == form)).one_or_none()
    if row is None:
        return None
    return Draft(msgspec.json.decode(row.body, type=dict[str, str]), row.by, moment(row.at))


def drop_draft(connection: Connection, form: str) -> None:
    """Forget what was kept of a form."""
    connection.execute(delete(drafts).where(drafts.c.form == form))
