# SPDX-License-Identifier: Apache-2.0
"""The journal in parts, newest first: a cursor names the last entry of a part, so new entries move nothing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, select, tuple_

from inventory_db import tables
from probes.facts import Sent

_CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9a-f]{32})")


class BadCursor(ValueError):
    """Text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class JournalPart:
    """Entries, newest first, and the cursor of the older ones; None at the end."""

    entries: Sequence[Sent]
    next: str | None


def journal_part(connection: Connection, most: int, address: str = "", cursor: str = "") -> JournalPart:
    """Give at most `most` entries older than the cursor, to one address or to all. Raises BadCursor."""
    table = tables.journal
    query = select(table.c.at, table.c.id, table.c.body).order_by(table.c.at.desc(), table.c.id.desc())
    if address:
        query = query.where(table.c.address == address)
    if cursor:
        query = query.where(tuple_(table.c.at, table.c.id) < tuple_(*_read(cursor)))
    rows = connection.execute(query.limit(most + 1)).all()
    decoder = msgspec.json.Decoder(Sent)
    last = rows[most - 1] if len(rows) > most else None
    return JournalPart(
        [decoder.decode(row.body) for row in rows[:most]],
        f"{last.at}-{last.id}" if last is not None else None,
    )


def _read(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(cursor[:60])
    return int(match[1]), match[2]
