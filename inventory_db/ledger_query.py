# SPDX-License-Identifier: Apache-2.0
"""The ledger searched, filtered, sorted and cut into pages by SQL on its index: what `collector.ledger_view` gives.

A search looks through the facility's texts as this process has them at hand (`texts_at_hand`), of a very large
facility through the table (row-level security keeps every trigram index from being used, so there is none). A rare
word gives its few rows at once; of a frequent one the first rows in order are taken as they come.
"""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, bindparam, exists, func, select

from inventory_db import texts_at_hand
from inventory_db.binding import facility_of, prepared
from inventory_db.index_tables import CELLS, Counts, Mark, Shown, row_networks, rows, shown, texts
from inventory_db.row_keys import CLASSES, MARKS
from inventory_db.same_database import database_of

FEW = 1000  # rows that a search found, up to which they are named one by one
_MAY_BE_EMPTY = (*CELLS, "seen")
_COLUMNS = {"c1": rows.c.number, "class": rows.c.kind} | {
    name: rows.c[name] for name in (*CELLS, "paths", "sure", "seen")
}
_SHOWN = prepared(
    select(shown.c.number, shown.c.body).where(shown.c.number.in_(bindparam("numbers", expanding=True)))
)
_COUNTED = 2000  # answers to "how many rows fit?" that a process remembers


@dataclass(frozen=True, slots=True)
class Wish:
    """Which rows, in which order, which of them; "" and () ask for all."""

    words: tuple[str, ...] = ()  # folded; every one must occur
    kind: str = ""
    network: str = ""
    mark: str = ""
    sort: str = "c1"
    down: bool = False
    start: int = 0
    most: int = 50


@dataclass(frozen=True, slots=True)
class Found:
    """The rows that were asked for, in order, and how many fit in all."""

    rows: tuple[Shown, ...]
    keys: tuple[bytes, ...]  # of each row: its bytes as kept
    matching: int
    start: int


def find_rows(connection: Connection, mark: Mark, wish: Wish, *, turn_back: bool = True) -> Found:
    """Give the rows of a wish; `mark` is that of this transaction (`ledger_index.find_mark`).

    A start behind the last row is taken back to the last page, unless `turn_back` is false.
    """
    if "\x00" in "".join(wish.words) or (wish.mark and wish.mark not in MARKS):
        return Found((), (), 0, 0)
    every = texts_at_hand.find_numbers(connection, mark, wish.words) if wish.words else None
    few = _few(connection, mark, wish, every)
    matching = _matching(connection, mark, wish, few, every)
    start = min(wish.start, max(0, (matching - 1) // wish.most * wish.most)) if turn_back else wish.start
    numbers = _numbers(connection, replace(wish, start=start), few, every)
    shown_rows, keys = _shown(connection, numbers)
    return Found(shown_rows, keys, matching, start)


def _few(connection: Connection, mark: Mark, wish: Wish, every: Sequence[int] | None) -> list[int] | None:
    """Give the numbers of the rows that hold the words, else of those on the network; None if they are many."""
    if every is not None:
        return list(every) if len(every) <= FEW else None
    if wish.words:
        query = select(texts.c.number).where(*_holding(connection, wish.words)).order_by(texts.c.number)
    elif wish.network and mark.counts.networks.get(wish.network, 0) <= FEW:
        on = row_networks.c.network == wish.network
        query = select(row_networks.c.number).where(on).order_by(row_networks.c.number)
    else:
        return None
    found = list(connection.execute(query.limit(FEW + 1)).scalars())
    return found if len(found) <= FEW else None


def _holding(connection: Connection, words: Sequence[str]) -> list[ColumnElement[bool]]:
    place = func.strpos if connection.dialect.name == "postgresql" else func.instr
    return [place(texts.c.text, word) > 0 for word in words]


def _matching(
    connection: Connection, mark: Mark, wish: Wish, few: list[int] | None, every: Sequence[int] | None
) -> int:
    """Say how many rows fit, where it can be from what is counted already."""
    narrowed = [part for part in (wish.words, wish.kind, wish.network, wish.mark) if part]
    if not narrowed:
        return mark.counts.total
    if few is not None and (not few or len(narrowed) == 1):
        return len(few)
    if len(narrowed) == 1 and not wish.words:
        return _counted(mark.counts, wish)
    if len(narrowed) == 1 and every is not None:
        return len(every)
    key = (
        database_of(connection).number,
        facility_of(connection),
        mark.made_from,
        wish.words,
        wish.kind,
        wish.network,
        wish.mark,
    )
    known = _remembered.get(key)
    if known is None:
        known = _remembered.keep(key, _count(connection, wish, few))
    return known


def _counted(counts: Counts, wish: Wish) -> int:
    if wish.kind:
        return counts.kinds.get(wish.kind, 0)
    return counts.networks.get(wish.network, 0) if wish.network else counts.marks.get(wish.mark, 0)


def _count(connection: Connection, wish: Wish, few: list[int] | None) -> int:
    if few is None and wish.words and not (wish.kind or wish.network or wish.mark):
        query = select(func.count()).select_from(texts).where(*_holding(connection, wish.words))
    else:
        query = select(func.count()).select_from(rows).where(*_fitting(connection, wish, few))
    return connection.execute(query).scalar_one()


def _fitting(connection: Connection, wish: Wish, few: list[int] | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if few is not None:
        found.append(rows.c.number.in_(few))
    elif wish.words:
        same = (texts.c.facility == rows.c.facility) & (texts.c.number == rows.c.number)
        found.append(exists().where(same, *_holding(connection, wish.words)))
    if wish.kind:
        found.append(rows.c.kind == (CLASSES.index(wish.kind) if wish.kind in CLASSES else -1))
    if wish.mark:
        found.append(rows.c[wish.mark].is_(True))
    if wish.network:
        there = (row_networks.c.facility == rows.c.facility) & (row_networks.c.number == rows.c.number)
        found.append(exists().where(there, row_networks.c.network == wish.network))
    return found


def _numbers(
    connection: Connection, wish: Wish, few: list[int] | None, every: Sequence[int] | None
) -> list[int]:
    """Give the numbers of the rows asked for, in their order; rows with an empty cell come last in both directions."""
    known = few if every is None else every
    alone = not (wish.kind or wish.mark) and not (wish.words and wish.network)
    if known is not None and wish.sort == "c1" and alone:
        end = wish.start + wish.most
        return list(
            known[len(known) - 1 - wish.start :: -1][: wish.most] if wish.down else known[wish.start : end]
        )
    column, fitting = _COLUMNS[wish.sort], _fitting(connection, wish, few)
    order = (column.desc(), rows.c.number.desc()) if wish.down else (column, rows.c.number)
    query = select(rows.c.number).where(*fitting)
    if wish.sort not in _MAY_BE_EMPTY:
        return _cut(connection, query.order_by(*order), wish.start, wish.most)
    found = _cut(connection, query.where(column > b"").order_by(*order), wish.start, wish.most)
    if len(found) == wish.most:
        return found
    full = select(func.count()).select_from(rows).where(*fitting, column > b"")
    start = max(0, wish.start - connection.execute(full).scalar_one()) if not found else 0
    empty = query.where(column == b"").order_by(rows.c.number)
    return found + _cut(connection, empty, start, wish.most - len(found))


def _cut(connection: Connection, query: Select[Any], start: int, most: int) -> list[int]:
    return list(connection.execute(query.limit(most).offset(start)).scalars())


def _shown(connection: Connection, numbers: list[int]) -> tuple[tuple[Shown, ...], tuple[bytes, ...]]:
    if not numbers:
        return (), ()
    decoder, known = msgspec.json.Decoder(Shown), connection.execute(_SHOWN, {"numbers": numbers})
    found = {row.number: bytes(row.body) for row in known}
    keys = tuple(found[number] for number in numbers if number in found)
    return tuple(map(decoder.decode, keys)), keys


class _Remembered:
    """The last counts of this process; a key names the database and its ledger's version, so none can be stale."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], int] = OrderedDict()
        self._door = threading.Lock()

    def get(self, key: tuple[object, ...]) -> int | None:
        with self._door:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def keep(self, key: tuple[object, ...], count: int) -> int:
        with self._door:
            self._known[key] = count
            while len(self._known) > _COUNTED:
                self._known.popitem(last=False)
        return count


_remembered = _Remembered()
