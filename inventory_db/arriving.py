# SPDX-License-Identifier: Apache-2.0
"""What came since devices were derived last, read some at a time: it may be far more than what is kept of it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import Connection, Select, func, select

from inventory_db import tables
from inventory_db.components import Links, first_keys, hashed
from inventory_db.many_values import among
from inventory_db.networks import normal_ip
from inventory_db.observations import Stored, as_cell, read
from inventory_db.portions import portions

AT_ONCE = 50_000  # observations that are taken up together
AT_ONCE_BYTES = 32 * 1024 * 1024  # of their bodies


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came since the digest was last brought up to date."""

    ids: frozenset[str]  # of rows of `arrivals`
    stamps: frozenset[int]  # `received` of what came
    scans: frozenset[str]  # of which lines of the journal came


def waiting(connection: Connection) -> Arrived:
    """Give what waits to become devices."""
    rows = connection.execute(select(tables.arrivals)).all()
    scans = frozenset(scan for row in rows for scan in msgspec.json.decode(row.scans, type=list[str]))
    return Arrived(frozenset(row.id for row in rows), frozenset(row.received for row in rows), scans)


def sent_to(connection: Connection, arrived: Arrived) -> set[int]:
    """Give the keys of addresses of which lines of the journal came."""
    lines, found = tables.journal, set[str]()
    for scan in sorted(arrived.scans):
        # each line, not each address once: for that SQLite walks through the whole journal by its addresses
        query = select(lines.c.address).where(lines.c.scan == as_cell(scan))
        query = query.where(among(connection, lines.c.received, arrived.stamps))
        found.update(connection.execute(query.execution_options(yield_per=2000)).scalars())
    return {hashed(f"ip {ip}") for ip in map(normal_ip, found) if ip}


def batches(every: Iterable[tuple[Stored, int]], times: int = 1) -> Iterator[list[Stored]]:
    """Put observations with the bytes of their bodies together to what is taken up at once, or some times that."""
    for some in portions(every, itemgetter(1), times * AT_ONCE, times * AT_ONCE_BYTES):
        yield [one for one, _ in some]


class Fresh:
    """The observations that came; those of a usual night are read once, more of them anew each time."""

    def __init__(self, connection: Connection, stamps: Collection[int]) -> None:
        self._connection = connection
        seen = tables.observations.c
        self._came = among(connection, seen.received, stamps)
        size = select(func.count(), func.coalesce(func.sum(func.length(seen.body)), 0)).where(self._came)
        count, much = connection.execute(size).one()
        self._whole: tuple[list[Stored], ...] | None = None
        if count <= AT_ONCE and much <= AT_ONCE_BYTES:
            self._whole = ([one for one, _ in read(connection, self._bodies())],)

    def batches(self, times: int = 1) -> Iterable[list[Stored]]:
        """Give them in batches, the oldest first; only where they are one batch, in no order."""
        if self._whole is not None:
            return self._whole
        seen = tables.observations.c
        # a sum, for no index has it: in the order of one SQLite walks through all that was ever seen
        oldest_first = self._bodies().order_by(seen.at + 0, seen.id)
        return batches(read(self._connection, oldest_first), times)

    def ids(self) -> set[str] | None:
        """Give their ids; None where they are more than one batch."""
        return None if self._whole is None else {one.id for batch in self._whole for one in batch}

    def first_keys(self, links: Links) -> set[int]:
        """Give the keys by which what they have to do with is looked for first."""
        return set[int]().union(*(first_keys(batch, links) for batch in self.batches()))

    def _bodies(self) -> Select[Any]:
        return select(tables.observations.c.body).where(self._came)
