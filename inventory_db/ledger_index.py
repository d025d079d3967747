# SPDX-License-Identifier: Apache-2.0
"""The ledger's rows as tables that are filtered, sorted and searched by SQL (`ledger_query`): derived.

`bring_up` writes the rows that changed, in the transaction that changed them. What the rows were made from stands
beside them (`Mark`), so that whoever reads sees by three small questions whether they are those of today: rows
written past us (a restored database, an older product) are noticed and made anew.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import msgspec
from sqlalchemy import BindParameter, Connection, Engine, bindparam, delete, func, insert, select

from inventory_db import people, tables
from inventory_db.binding import prepared
from inventory_db.bulk import count_anew, insert_rows
from inventory_db.derived import derived_key, derived_word
from inventory_db.device import Device
from inventory_db.given_numbers import led_elsewhere
from inventory_db.index_rows import Facets, IndexRow, facets_of, make_row
from inventory_db.index_seen import write_seen
from inventory_db.index_tables import (
    VERSION,
    Counts,
    Mark,
    Shown,
    aliases,
    marks,
    row_networks,
    rows,
    shown,
    texts,
)
from inventory_db.kept import Kept
from inventory_db.listed_ledger import listed_by_device
from inventory_db.people import Entry
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated, statements

_SOME = 500  # rows at a time
_MANY = 5000  # rows that nobody wants read as a whole for each page: the database is told how many there are
_TABLES = (rows, texts, shown, row_networks, aliases)
_IDS: BindParameter[list[str]] = bindparam("ids", expanding=True)
_OTHERS = prepared(select(aliases.c.id, aliases.c.device_id).where(aliases.c.device_id.in_(_IDS)))
_BODIES = prepared(
    select(tables.devices.c.body, tables.devices.c.number).where(tables.devices.c.device_id.in_(_IDS))
)
Made = tuple[int, str, int, int]  # as Mark.made_from
_FACETS = ("kinds", "marks", "networks")
Links = Mapping[str, Stated[ListedDevice]]  # the facility's own ledger by device


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Devices that were written just now, in this transaction."""

    before: str  # the word of `derived` before
    changed: frozenset[str]  # ids; those that are gone too
    devices: Mapping[str, tuple[Device, int | None]]  # as they stand now, with their numbers, by id
    seen_again: frozenset[str] = frozenset()  # whose rows differ in nothing but when they were seen last


def find_mark(connection: Connection) -> Mark | None:
    """Give what stands in the index if that is the ledger of today; None if it must be brought up."""
    mark, today = _standing(connection)
    return mark if mark is not None and mark.made_from == today else None


def ensure(engine: Engine) -> None:
    """Bring the index up if it is not of today; takes the writer's lock only then."""
    with engine.connect() as connection:
        if find_mark(connection) is not None:
            return
    with tables.writing(engine) as connection:
        bring_up(connection)


@contextmanager
def looking(engine: Engine) -> Iterator[tuple[Connection, Mark | None]]:
    """Open a transaction on an index of today; None in place of its mark only where the ledger changed meanwhile."""
    with engine.connect() as connection:
        mark = find_mark(connection)
        if mark is not None:
            yield connection, mark
            return
    ensure(engine)
    with engine.connect() as connection:
        yield connection, find_mark(connection)


def bring_up(connection: Connection, written: Rewritten | None = None) -> None:
    """Write the rows that are not those of today; takes the writer's lock until the end of the transaction."""
    tables.lock(connection)
    mark, today = _standing(connection)
    if mark is not None and mark.made_from == today:
        return
    counts = _change(connection, mark, today, written) if mark else None
    if counts is None:
        everything, links = _everything(connection), listed_by_device(connection)
        counts = _Rewriting(connection, links, Counts(), anew=True, bare=True).rewrite(everything)
        if counts.total >= _MANY:
            count_anew(connection, _TABLES)
    connection.execute(delete(marks))
    body = msgspec.json.encode(Mark(*today, counts)).decode()
    connection.execute(insert(marks).values(body=body))


def find_kept(connection: Connection, device_id: str) -> tuple[Kept, Links] | None:
    """Give one device by keys alone, with its row of the facility's own ledger. Needs a mark of today."""
    devices = tables.devices
    ids = _ids_of(connection, device_id)
    if not ids:
        return None
    query = select(devices.c.body, devices.c.number).where(devices.c.device_id == ids[0])
    row = connection.execute(query).one()
    typed = _in_time(people.entries_of(connection, ids))
    kept = Kept(msgspec.json.decode(row.body, type=Device), row.number, typed)
    return kept, _known_links(connection, ids[:1])


_ENTRY = select(func.max(tables.human_entries.c.entry)).scalar_subquery()
_LISTED = select(func.max(statements.c.entry)).where(statements.c.kind == ListedDevice.KIND).scalar_subquery()
_STANDING = prepared(
    select(
        select(marks.c.body).scalar_subquery().label("mark"),
        derived_word().label("derived"),
        func.coalesce(_ENTRY, 0).label("entry"),
        func.coalesce(_LISTED, 0).label("listed"),
    )
)


def documents(connection: Connection, ids: Sequence[str]) -> list[msgspec.Raw]:
    """Give these devices as JSON in this order, by keys alone. Needs a mark of today."""
    found: dict[str, msgspec.Raw] = {}
    for some in _parts(ids):
        rewriting = _Rewriting(connection, {}, Counts(), anew=False)
        kept = rewriting.kept(some, rewriting.others(some))
        found |= {one.device.id: msgspec.Raw(one.encoded()) for one in kept}
    return [found[id] for id in ids]


def _standing(connection: Connection) -> tuple[Mark | None, Made]:
    """Give what stands in the index and what it should be made from, by one question."""
    row = connection.execute(_STANDING, derived_key(connection)).one()
    mark = None if row.mark is None else msgspec.json.decode(row.mark, type=Mark)
    return mark, (VERSION, row.derived or "", row.entry, row.listed)


def _change(connection: Connection, mark: Mark, today: Made, written: Rewritten | None) -> Counts | None:
    """Rewrite the rows that changed since the mark; None where nobody knows which devices were rewritten."""
    version, derived, _, listed = today
    known = (derived, written.before) if written else (derived,)
    if mark.version != version or mark.derived not in known:
        return None
    changed = written.changed if written and mark.derived != derived else frozenset()
    touched = typed_since(connection, mark.entry)
    if changed or listed != mark.listed:
        links: Links = listed_by_device(connection)
        touched |= _linked_otherwise(connection, links)
    else:
        links = _known_links(connection, touched)
    counts = mark.counts
    if written and changed:
        at_hand = written.devices
        changed -= _see_again(connection, written, touched)
        touched -= written.changed
        counts = _Rewriting(connection, links, counts, anew=True, at_hand=at_hand).rewrite(changed)
    return _Rewriting(connection, links, counts, anew=False).rewrite(touched)


def _ids_of(connection: Connection, device_id: str) -> tuple[str, ...]:
    """Give every id that leads to this device, its own first; () for one that nobody knows."""
    own = connection.execute(select(rows.c.device_id).where(rows.c.device_id == device_id)).scalar()
    if own is None:
        own = connection.execute(select(aliases.c.device_id).where(aliases.c.id == device_id)).scalar()
    if own is None:
        return ()
    others = connection.execute(select(aliases.c.id).where(aliases.c.device_id == own).order_by(aliases.c.id))
    return (own, *others.scalars())


def _everything(connection: Connection) -> frozenset[str]:
    for table in _TABLES:
        connection.execute(delete(table))
    return frozenset(connection.execute(select(tables.devices.c.device_id)).scalars())


def typed_since(connection: Connection, entry: int) -> frozenset[str]:
    """Devices for which somebody typed something, under whatever id."""
    typed = tables.human_entries
    query = select(typed.c.device_id).where(typed.c.entry > entry).distinct()
    found = set(connection.execute(query).scalars())
    others: dict[str, str] = {}
    for some in _parts(found):
        query = select(aliases.c.id, aliases.c.device_id).where(aliases.c.id.in_(some))
        others |= {row.id: row.device_id for row in connection.execute(query)}
    return frozenset(others.get(id, id) for id in found)


def _known_links(connection: Connection, ids: Iterable[str]) -> Links:
    """Give the links of these devices as their rows know them."""
    found: dict[str, Stated[ListedDevice]] = {}
    both = (rows.c.facility == statements.c.facility) & (rows.c.listed == statements.c.entry)
    for some in _parts(ids):
        query = select(rows.c.device_id, statements).join_from(rows, statements, both)
        for row in connection.execute(query.where(rows.c.device_id.in_(some))):
            said = msgspec.json.decode(row.body, type=ListedDevice)
            found[row.device_id] = Stated(said, row.who, people.time_of(row.at), row.entry)
    return found


def _linked_otherwise(connection: Connection, links: Links) -> frozenset[str]:
    query = select(rows.c.device_id, rows.c.listed).where(rows.c.listed.is_not(None))
    stood = {row.device_id: row.listed for row in connection.execute(query)}
    now = {id: one.number for id, one in links.items()}
    return frozenset(id for id in stood.keys() | now.keys() if stood.get(id) != now.get(id))


def _see_again(connection: Connection, written: Rewritten, touched: Collection[str]) -> frozenset[str]:
    """Write into rows that differ in nothing else when their device was seen last; gives whose those are."""
    if not written.seen_again:
        return frozenset()
    elsewhere = led_elsewhere(connection)
    led = set(connection.execute(select(aliases.c.device_id)).scalars())
    at = {
        id: device.last_seen
        for id in written.seen_again.difference(touched, led)
        for device, _ in (written.devices[id],)
        if elsewhere.keys().isdisjoint(device.observations)
    }
    done: set[str] = set()
    for some in _parts(at):
        same = (rows.c.facility == shown.c.facility) & (rows.c.number == shown.c.number)
        query = select(rows.c.device_id, shown.c.number, shown.c.body).join_from(rows, shown, same)
        known = connection.execute(query.where(rows.c.device_id.in_(some))).all()
        done.update(row.device_id for row in known)
        write_seen(connection, [(row.number, row.body, at[row.device_id]) for row in known])
    return frozenset(done)


class _Rewriting:
    """Takes the rows of some devices away, writes those of today, and counts both."""

    def __init__(
        self,
        connection: Connection,
        links: Links,
        counts: Counts,
        *,
        anew: bool,
        bare: bool = False,
        at_hand: Mapping[str, tuple[Device, int | None]] = MappingProxyType({}),
    ) -> None:
        """`anew`: the devices themselves were written, so other ids may lead to them than before.

        `bare`: no row stands, and looking for each would read all of them each time; `at_hand`: as written.
        """
        self._at_hand, self._bare = at_hand, bare
        self._connection, self._links, self._total = connection, links, counts.total
        self._tally = {name: Counter(getattr(counts, name)) for name in _FACETS}
        self._elsewhere = led_elsewhere(connection) if anew else None

    def rewrite(self, ids: Collection[str]) -> Counts:
        """Do it; gives the counts after it."""
        for some in _parts(ids):
            others = self.others(some)
            gone = self._take_away(some)
            made = [make_row(kept, self._links) for kept in self.kept(some, others)]
            for facets, by in (*((facets_of(one), -1) for one in gone), *((one.facets, 1) for one in made)):
                self._count(facets, by)
            self._write(made)
            self._total += len(made) - len(gone)
        tally = ({key: n for key, n in sorted(self._tally[name].items()) if n} for name in _FACETS)
        return Counts(self._total, *tally)

    def _count(self, facets: Facets, by: int) -> None:
        kind, found, networks = facets
        for name, keys in zip(_FACETS, ((kind,), found, networks), strict=True):
            for key in keys:
                self._tally[name][key] += by

    def others(self, ids: list[str]) -> dict[str, str]:
        """Give the other ids that lead to these devices, as they stand."""
        return {row.id: row.device_id for row in self._connection.execute(_OTHERS, {"ids": ids})}

    def _take_away(self, ids: list[str]) -> list[Shown]:
        if self._bare:
            return []
        same = (rows.c.facility == shown.c.facility) & (rows.c.number == shown.c.number)
        query = select(shown.c.number, shown.c.body).join_from(rows, shown, same)
        known = self._connection.execute(query.where(rows.c.device_id.in_(ids))).all()
        numbers = [row.number for row in known]
        for table in (rows, texts, shown, row_networks) if numbers else ():
            self._connection.execute(delete(table).where(table.c.number.in_(numbers)))
        return [msgspec.json.decode(row.body, type=Shown) for row in known]

    def kept(self, ids: list[str], others: dict[str, str]) -> Iterable[Kept]:
        """Give these devices as they stand, with people's words."""
        decoder = msgspec.json.Decoder(Device)
        found = [self._at_hand[id] for id in ids if id in self._at_hand]
        if others_too := [id for id in ids if id not in self._at_hand]:
            bodies = self._connection.execute(_BODIES, {"ids": others_too})
            found += [(decoder.decode(row.body), row.number) for row in bodies]
        if self._elsewhere is not None:
            others = self._lead_anew(ids, [device for device, _ in found], self._elsewhere)
        typed: dict[str, list[Entry]] = defaultdict(list)
        for entry in people.entries_of(self._connection, {*ids, *others}):
            typed[others.get(entry.device_id, entry.device_id)].append(entry)
        return (Kept(device, number, _in_time(typed[device.id])) for device, number in found)

    def _lead_anew(self, ids: list[str], found: list[Device], elsewhere: Mapping[str, str]) -> dict[str, str]:
        """Keep which other ids lead to these devices; gives them."""
        others = {
            elsewhere[seen]: device.id
            for device in found
            for seen in device.observations
            if seen in elsewhere
        }
        self._connection.execute(delete(aliases).where(aliases.c.device_id.in_(ids)))
        for some in _parts(others):
            self._connection.execute(delete(aliases).where(aliases.c.id.in_(some)))
            self._connection.execute(insert(aliases), [{"id": id, "device_id": others[id]} for id in some])
        return others

    def _write(self, made: list[IndexRow]) -> None:
        if not made:
            return
        numbered = [(one.row["number"], one) for one in made]
        insert_rows(self._connection, rows, [one.row for one in made])
        insert_rows(self._connection, texts, [{"number": n, "text": one.text} for n, one in numbered])
        bodies = [{"number": n, "body": msgspec.json.encode(one.shown)} for n, one in numbered]
        insert_rows(self._connection, shown, bodies)
        places = [{"number": n, "network": place} for n, one in numbered for place in one.facets[2]]
        insert_rows(self._connection, row_networks, places)


def _in_time(typed: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(sorted(typed, key=lambda entry: entry.at))


def _parts(ids: Iterable[str]) -> Iterable[list[str]]:
    every = sorted(ids)
    return (every[start : start + _SOME] for start in range(0, len(every), _SOME))
