# SPDX-License-Identifier: Apache-2.0
"""What has begun and must come back once, soon: the challenge of a key, the state of a sign-on elsewhere."""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, select

from inventory_db.account_tables import moment, pending
from inventory_db.observations import microseconds
from inventory_db.sessions import secret_hash

VALID = timedelta(minutes=10)


def begin(connection: Connection, kind: str, body: Mapping[str, str], now: datetime) -> str:
    """Keep what has begun; gives the word under which it can be taken."""
    word = secrets.token_urlsafe(32)
    connection.execute(pending.delete().where(pending.c.expires <= microseconds(now)))
    values = {
        "hash": secret_hash(word),
        "kind": kind,
        "body": msgspec.json.encode(body),
        "expires": microseconds(now + VALID),
    }
    connection.execute(pending.insert().values(values))
    return word


def take(connection: Connection, kind: str, word: str, now: datetime) -> dict[str, str] | None:
    """Take what was begun, once; None for what is unknown, over, of another kind or taken already."""
    here = (pending.c.hash == secret_hash(word), pending.c.kind == kind)
    row = connection.execute(select(pending).where(*here)).one_or_none()
    if row is None or not connection.execute(pending.delete().where(*here)).rowcount:
        return None
    good = moment(row.expires) - 2 * VALID < now < moment(row.expires)
    return msgspec.json.decode(bytes(row.body), type=dict[str, str]) if good else None
