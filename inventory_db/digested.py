# SPDX-License-Identifier: Apache-2.0
"""The digest of a facility's observations as the database keeps it, brought up to date by what arrived since.

Each upload leaves a row in `arrivals` in its own transaction; taking up removes it in the transaction that keeps
the digest. So neither clocks nor the order of commits decide what is new, and a crash between loses nothing.

Observations that have to do with each other are a part (`components`). Only the parts that what came has to do with
are read, looked at and written; all of them where something changed on which every device is derived.
"""

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import structs
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    delete,
    insert,
    select,
    update,
)

from inventory_db import tables
from inventory_db.arriving import AT_ONCE, Arrived, Fresh, batches, sent_to, waiting
from inventory_db.binding import facility_of, owned
from inventory_db.bulk import insert_rows
from inventory_db.components import Component, Links, components, hashed, held_key, named
from inventory_db.decided import Decision
from inventory_db.decisions import decisions, last_decision
from inventory_db.derived import renew_turn
from inventory_db.digest import VERSION, Digest, Known, add
from inventory_db.given_numbers import numbers_of
from inventory_db.identify import ground_of
from inventory_db.many_values import among
from inventory_db.observations import Stored, load_sized, vantages
from inventory_db.portions import AT_A_TIME
from inventory_db.sharing import SharingDecoder
from inventory_db.sightings import Place
from probes.facts import Vantage

_log = logging.getLogger(__name__)
_FORGOTTEN = 20_000  # rows forgotten in one step

kept = Table(
    "kept_observations",
    tables.metadata,
    owned(),
    Column("id", String(32), primary_key=True),
    Column("passed", Boolean, nullable=False),  # stands for others before it, which were passed over
    Column("part", BigInteger),
    Index(None, "facility", "part"),
)
keys = Table(
    "kept_keys",
    tables.metadata,
    owned(),
    Column("key", BigInteger, primary_key=True, autoincrement=False),  # see components.Component
    Column("part", BigInteger, nullable=False),  # the one key by which the part goes
    Index(None, "facility", "part"),
)
digests = Table(
    "digests",
    tables.metadata,
    owned(),
    Column("body", LargeBinary, nullable=False),  # JSON of digest.Known
)


@dataclass(frozen=True, slots=True)
class _Held:
    """The digest as it stood, or some parts of it."""

    digest: Digest
    parts: frozenset[int] | None = None  # None for all
    rows: Mapping[str, tuple[bool, int]] = field(default_factory=dict)  # id → passed, part
    keys: Mapping[int, int] = field(default_factory=dict)  # key → part


@dataclass(frozen=True, slots=True)
class Footing:
    """What every device is derived on, read once: where an upload comes meanwhile, no device stands on another."""

    decided: int  # the last decision, read before them: one that comes between is looked at again
    decisions: tuple[Decision, ...]
    stood: tuple[Vantage, ...]  # by id

    def links(self) -> Links:
        """Give what people's decisions are about: all of one decision is looked at together."""
        links: Links = {}
        for one in self.decisions:
            for handle in (*one.said.one, *one.said.other):
                links.setdefault(" ".join(handle.split(" ")[:2]), set()).add(f"decided {one.number}")
        return links


@dataclass(frozen=True, slots=True)
class TakenUp:
    """What devices must be derived from now."""

    digest: Digest
    footing: Footing
    arrived: Arrived
    parts: frozenset[int] | None  # whose devices these were before; None for all
    part_of: Mapping[str, int]  # by observation
    numbers: (
        Mapping[str, Row[Any]] | None
    )  # given before, by the observation of it that each hangs on; None: not asked
    found: Mapping[int, Component]  # the parts as they are now
    held: _Held | None  # what of them was kept before; None: all is looked at again

    @property
    def scans(self) -> frozenset[str]:
        """Scans of which lines of the journal came."""
        return self.arrived.scans

    @property
    def anew(self) -> bool:
        """Whether all observations were looked at again."""
        return self.held is None

    def without_words(self) -> "TakenUp":
        """Give the same without the observations, which take by far the most room: enough to keep it."""
        held = self.held and replace(self.held, digest=Digest(self.held.digest.known))
        return replace(self, digest=Digest(self.digest.known, passed=self.digest.passed), held=held)


def is_current(connection: Connection) -> bool:
    """Whether nothing came and nothing was decided since the digest was last brought up to date by this version."""
    known = _known(connection)
    waiting = connection.execute(select(tables.arrivals.c.id).limit(1)).first()
    return waiting is None and known is not None and known.decided == last_decision(connection)


def is_left_half(connection: Connection) -> bool:
    """Whether there are devices and no digest: they were being written in steps when somebody or something ended it."""
    digest, device = (select(one).limit(1) for one in (digests.c.body, tables.devices.c.device_id))
    return connection.execute(digest).first() is None and connection.execute(device).first() is not None


def take_up(connection: Connection) -> TakenUp:
    """Bring the digest up to date with what came; gives what of it has to do with that. Needs the writer's lock."""
    taken = look(connection)
    keep(connection, taken)
    return taken


def look(connection: Connection) -> TakenUp:
    """Take up what came without writing anything.

    Starts again from all observations if what came contradicts what was passed over.
    """
    arrived, known = waiting(connection), _known(connection)
    on = Footing(last_decision(connection), decisions(connection), tuple(vantages(connection)))
    found, numbers = list[Component](), None
    if known is None:
        held, now = None, _from_all(connection, on, "there is no digest of this version")
    else:
        held, found, now, numbers = _added(connection, known, arrived, on)
        if now.contradiction:
            held, now, numbers = None, _from_all(connection, on, now.contradiction), None
    parts = named(found, held.keys.values()) if held else named(components(now.land, on.links()), ())
    word = _ground_word(on, now.known)
    now = replace(now, known=structs.replace(now.known, ground_word=word, decided=on.decided))
    part_of = {id: number for number, one in parts.items() for id in one.observations}
    return TakenUp(now, on, arrived, held.parts if held else None, part_of, numbers, parts, held)


def keep(connection: Connection, taken: TakenUp) -> None:
    """Keep all that was taken up. Needs the writer's lock."""
    if taken.anew:
        connection.execute(delete(kept))
        connection.execute(delete(keys))
    keep_parts(connection, taken, taken.found)
    finish_steps(connection, taken)


def begin_steps(connection: Connection) -> None:
    """Keep it part by part: until `finish_steps` there is no digest, and nobody takes parts of it for the whole."""
    connection.execute(delete(digests))


def forget_some(connection: Connection) -> bool:
    """Forget some of what was kept before all was looked at again; says whether there may be more."""
    for table, column in ((kept, kept.c.id), (keys, keys.c.key)):
        some = connection.execute(select(column).limit(_FORGOTTEN)).scalars().all()
        if some:
            connection.execute(delete(table).where(among(connection, column, some)))
            return True
    return False


def keep_parts(connection: Connection, taken: TakenUp, parts: Iterable[int]) -> None:
    """Keep these parts as they are now."""
    held, passed = taken.held or _Held(Digest()), taken.digest.passed
    some = [(number, taken.found[number]) for number in parts]
    rows = {id: (id in passed, number) for number, one in some for id in one.observations}
    changed = [id for id, row in rows.items() if held.rows.get(id) != row]
    _forget(connection, kept.c.id, [id for id in changed if id in held.rows])
    many = [{"id": id, "passed": rows[id][0], "part": rows[id][1]} for id in sorted(changed)]
    insert_rows(connection, kept, many)
    of = {key: number for number, one in some for key in one.keys}
    other = [key for key, part in of.items() if held.keys.get(key) != part]
    _forget(connection, keys.c.key, [key for key in other if key in held.keys])
    insert_rows(connection, keys, [{"key": key, "part": of[key]} for key in sorted(other)])


def finish_steps(connection: Connection, taken: TakenUp) -> None:
    """Forget what is in no part any more, and keep the digest: what arrived is taken up from now on."""
    held = taken.held or _Held(Digest())
    _forget(connection, kept.c.id, held.rows.keys() - taken.part_of.keys())
    _forget(
        connection, keys.c.key, held.keys.keys() - {key for one in taken.found.values() for key in one.keys}
    )
    connection.execute(delete(digests))
    connection.execute(insert(digests).values(body=msgspec.json.encode(taken.digest.known)))
    _forget(connection, tables.arrivals.c.id, taken.arrived.ids)


def _added(
    connection: Connection, known: Known, arrived: Arrived, on: Footing
) -> tuple[_Held, list[Component], Digest, Mapping[str, Row[Any]]]:
    """Take up what came; gives what stood of all parts that it has to do with, what stands now, and numbers given."""
    fresh, links = Fresh(connection, arrived.stamps), on.links()
    wanted = fresh.first_keys(links) | sent_to(connection, arrived)
    whole = 0 in arrived.stamps or known.decided != on.decided
    parts = None if whole else _parts_of(connection, wanted)
    while True:
        held = _load(connection, known, parts)
        now, pinned = _with_fresh(connection, held, fresh, on.stood)
        if now.contradiction:
            return held, [], now, pinned
        found = components(now.land, links)
        if parts is None:
            return held, found, now, pinned
        if _ground_word(on, now.known) != known.ground_word:
            parts = None
            continue
        cards = {hashed(f"mac {mac}") for _, mac in now.known.proxies - known.proxies}
        every = cards.union(*(one.keys for one in found))
        more = _parts_of(connection, every - held.keys.keys())  # of the keys held the parts are here
        if more <= parts:
            return held, found, now, pinned
        parts |= more


def _with_fresh(
    connection: Connection, held: _Held, fresh: Fresh, stood: Sequence[Vantage]
) -> tuple[Digest, dict[str, Row[Any]]]:
    """Take it up batch by batch, more at once where batches contradict each other; gives the numbers given, too."""
    ids = fresh.ids()  # asked once: what asks hangs in circles, which nobody searches for now
    pinned = numbers_of(connection, None if ids is None else ids | held.rows.keys())
    times = 1 + len(held.rows) // AT_ONCE  # all that is kept is gone through for each batch
    while True:
        now, done = held.digest, 0
        for batch in fresh.batches(times):
            now = add(now, batch, stood, pinned, partial(_held_elsewhere, connection), held.rows)
            done += 1
            if now.contradiction:
                break
        if not now.contradiction or done == 1:
            return now, pinned
        times *= 8


def _ground_word(on: Footing, known: Known) -> str:
    return blake2b(ground_of(known, on.stood).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _parts_of(connection: Connection, wanted: Collection[int]) -> frozenset[int]:
    """Give the parts that have one of these keys."""
    query = select(keys.c.part).where(among(connection, keys.c.key, wanted))
    return frozenset(part for (part,) in connection.execute(query).all())


def _held_elsewhere(connection: Connection, places: Collection[Place]) -> frozenset[Place]:
    """Give the places of which some part shows who holds the address."""
    by_key = {hashed(held_key(place)): place for place in places}
    found = connection.execute(select(keys.c.key).where(among(connection, keys.c.key, by_key)))
    return frozenset(by_key[key] for key in found.scalars())


def as_known_at(connection: Connection, until: datetime) -> Digest:
    """Give the digest of what was seen until then; looks at every observation until then, some at a time."""
    return _folded(connection, vantages(connection), until)


def start_again(connection: Connection) -> None:
    """Forget the digest: the next refresh looks at every observation again. Needs the writer's lock."""
    renew_turn(connection)
    connection.execute(delete(digests))
    connection.execute(delete(kept))
    connection.execute(delete(keys))
    connection.execute(update(tables.devices).values(made_of=None))


def _from_all(connection: Connection, on: Footing, why: str) -> Digest:
    _log.info("facility %d: devices are derived from all observations: %s", facility_of(connection), why)
    return _folded(connection, on.stood, None)


def _anchors(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(tables.numbers.c.anchor)).scalars())


def _folded(connection: Connection, stood: Sequence[Vantage], until: datetime | None) -> Digest:
    """Take up all observations, oldest first; more at once where a batch contradicts the one before."""
    pinned, times = _anchors(connection), 1
    while True:
        digest = Digest()
        for batch in batches(load_sized(connection, until), times):
            digest = add(digest, batch, stood, pinned)
            if digest.contradiction:
                break
        else:
            return digest
        times *= 8


def _known(connection: Connection) -> Known | None:
    body = connection.execute(select(digests.c.body)).scalar_one_or_none()
    if body is None:
        return None
    known = msgspec.json.decode(body, type=Known)
    return known if known.version == VERSION else None


def _load(connection: Connection, known: Known, parts: frozenset[int] | None) -> _Held:
    """Give the digest as it stands, or these parts of it."""
    seen, decoder = tables.observations, SharingDecoder(Stored)
    same = (kept.c.facility == seen.c.facility) & (kept.c.id == seen.c.id)
    query = select(seen.c.body, kept.c.passed, kept.c.part).join_from(kept, seen, same)
    every = select(keys.c.key, keys.c.part)
    if parts is not None:
        query = query.where(among(connection, kept.c.part, parts))
        every = every.where(among(connection, keys.c.part, parts))
    found: list[Stored] = []
    rows: dict[str, tuple[bool, int]] = {}
    for body, passed, part in connection.execute(query.execution_options(yield_per=AT_A_TIME)):
        one = decoder.decode(body)
        found.append(one)
        rows[one.key] = passed, part
    of = {row.key: row.part for row in connection.execute(every).all()}
    passed = frozenset(id for id, (passed, _) in rows.items() if passed)
    return _Held(Digest(known, tuple(found), passed), parts, rows, of)


def _forget(connection: Connection, column: Column[Any], values: Collection[int | str]) -> None:
    if values:
        connection.execute(delete(column.table).where(among(connection, column, values)))
