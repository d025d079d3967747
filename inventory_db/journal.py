# SPDX-License-Identifier: Apache-2.0
"""The journal in parts, newest first: a cursor names the last entry of a part, so new entries move nothing."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

import msgspec
from sqlalchemy import Connection, select, tuple_

from inventory_db import tables
from probes.facts import Sent

_CURSOR = re.compile(r"(-?[0-9]{1,18})-([0-9a-f]{32})")


def address_as_kept(text: str) -> str:
    """Give an address that a person typed as the journal has it; raises ValueError for what is none.

    Without the interface behind an IPv6 one, IPv4 in IPv6 as IPv4, and in the digits that a Japanese keyboard writes.
    """
    ip = ip_address(unicodedata.normalize("NFKC", text).strip().partition("%")[0])
    mapped = ip.ipv4_mapped if isinstance(ip, IPv6Address) else None
    return str(mapped or ip)


class BadCursor(ValueError):
    """Text that is no cursor of ours."""


@dataclass(frozen=True, slots=True)
class JournalPart:
    """Entries, newest first, and the cursor of the older ones; None at the end."""

    entries: Sequence[Sent]
    next: str | None


def journal_part(connection: Connection, most: int, address: str = "", cursor: str = "") -> JournalPart:
    """Give at most `most` entries older than the cursor, to one address or to all. Raises BadCursor."""
    before = _read(cursor) if cursor else None
    if address:
        rows = entries_to(connection, address, most + 1, before)
    else:
        table = tables.journal
        query = select(table.c.at, table.c.id, table.c.body).order_by(table.c.at.desc(), table.c.id.desc())
        if before:
            query = query.where(tuple_(table.c.at, table.c.id) < tuple_(*before))
        rows = connection.execute(query.limit(most + 1)).all()
    decoder = msgspec.json.Decoder(Sent)
    last = rows[most - 1] if len(rows) > most else None
    return JournalPart(
        [decoder.decode(row.body) for row in rows[:most]],
        f"{last.at}-{last.id}" if last is not None else None,
    )


def entries_to(
    connection: Connection, address: str, most: int, before: tuple[int, str] | None = None
) -> Sequence[Any]:
    """Give the newest lines to one address (older than `before`), newest first, by the index of addresses alone."""
    table = tables.journal
    mine = [table.c.address == address]
    older = [*mine, table.c.at < before[0]] if before else mine
    # how far back that is, by time alone: for an order by time and id SQLite walks through the whole journal
    back = select(table.c.at).where(*older).order_by(table.c.at.desc()).offset(most - 1).limit(1)
    since = connection.execute(back).scalar()
    if since is not None:
        mine.append(table.c.at >= since)
    if before:
        mine.append(tuple_(table.c.at, table.c.id) < tuple_(*before))
    found = connection.execute(select(table.c.at, table.c.id, table.c.body).where(*mine)).all()
    return sorted(found, key=lambda row: (row.at, row.id), reverse=True)[:most]


def _read(cursor: str) -> tuple[int, str]:
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise BadCursor(cursor[:60])
    return int(match[1]), match[2]
