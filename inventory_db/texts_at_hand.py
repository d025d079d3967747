# SPDX-License-Identifier: Apache-2.0
"""The texts that a search looks through, as this process has them at hand: one long text for each facility.

They are those of one state of the ledger (`Mark.made_from`) in one database (`same_database`), so none can be stale. Where people typed since, the rows
that they typed for are read again and stand beside; where devices were derived since, all are read again. Facilities
whose texts are too large are searched in the database (`find_numbers` gives None).
"""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import compress
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, select

from inventory_db.binding import facility_of
from inventory_db.find_bytes import find_bytes
from inventory_db.index_tables import Mark, rows, texts
from inventory_db.ledger_index import find_mark, typed_since
from inventory_db.same_database import Database, database_of

MOST_ROWS = 250_000  # of one facility
MOST_BYTES = 64 * 1024 * 1024  # of all facilities in one process
_BESIDE = 300  # rows read again after somebody typed, before all are
_WORDS = 200  # searches whose rows are remembered
_TIMES = 10  # as many rows as a facility has, in all of them
_MANY = 1000  # texts that are leapt to; of a word that so many hold, the others are looked through together
_AT_ONCE = 2 * 1024 * 1024  # bytes looked through together; other people's pages get their turn between
_HIT, _END = b"\xff", b"\n"  # no text in UTF-8 holds the first
_ALL_ELSE = bytes(byte for byte in range(256) if byte not in _HIT + _END)
_AS_FLAG = bytes.maketrans(_END, b"\x00")
_STATES = 200  # kept in all; those of one facility that differ in people's words share their text
_State = tuple[int, str, int, int]  # Mark.made_from


@dataclass(slots=True)
class Texts:
    """The texts of one facility in one state."""

    made_from: _State
    whole: bytes
    starts: "array[int]"  # of each text in `whole`, and the end of the last
    numbers: "array[int]"  # of each text, ascending
    too_large: bool = False  # to be held: there is nothing in it
    beside: dict[int, bytes] = field(default_factory=dict)  # texts that stand in place of those in `whole`
    found: "OrderedDict[tuple[str, ...], array[int]]" = field(default_factory=OrderedDict)  # in `whole`
    door: threading.Lock = field(default_factory=threading.Lock)  # of `found`; states of one text share both

    def find(self, words: tuple[str, ...]) -> "array[int]":
        """Give the numbers of the texts that hold every word, ascending."""
        sought = sorted({word.encode("utf-8", "surrogatepass") for word in words}, key=len, reverse=True)
        found = self._remembered(words, sought)
        if not self.beside:
            return found
        other = array("q", found)
        for number, text in self.beside.items():
            place = bisect_left(other, number)
            there = place < len(other) and other[place] == number
            holds = all(one in text for one in sought)
            if there and not holds:
                del other[place]
            elif holds and not there:
                other.insert(place, number)
        return other

    def _remembered(self, words: tuple[str, ...], sought: Sequence[bytes]) -> "array[int]":
        """Give the numbers of those in `whole`; of people who ask for the same, one searches."""
        with self.door:
            found = self.found.get(words)
            if found is None:
                found = self.found[words] = array("q", self._find_whole(sought[0], sought[1:]))
                held = sum(map(len, self.found.values()))
                while len(self.found) > 1 and (len(self.found) > _WORDS or held > _TIMES * len(self.numbers)):
                    held -= len(self.found.popitem(last=False)[1])
            self.found.move_to_end(words)
            return found

    def _find_whole(self, first: bytes, others: Sequence[bytes]) -> list[int]:
        whole, starts, numbers = self.whole, self.starts, self.numbers
        found: list[int] = []
        at, end, looked_at = find_bytes(whole, first, 0), 0, 0
        while at >= 0 and looked_at < _MANY:
            looked_at += 1
            place = bisect_right(starts, at) - 1
            end = starts[place + 1]
            if all(whole.find(one, starts[place], end) >= 0 for one in others):
                found.append(numbers[place])
            at = find_bytes(whole, first, end)
        while at >= 0 and end < len(whole):
            begin, place = end, bisect_right(starts, end) - 1
            end = max(starts[place + 1], starts[bisect_right(starts, begin + _AT_ONCE) - 1])
            lines = whole[begin:end]
            found += compress(numbers[place:], _which_hold(lines, (first, *others)))
        return found


def _which_hold(lines: bytes, words: Sequence[bytes]) -> bytes:
    """Give a byte for each line: 1 if it holds every word, else 0. The interpreter's own C does all of it."""
    every = _which(lines, words[0])
    for word in words[1:]:
        both = int.from_bytes(every) & int.from_bytes(_which(lines, word))
        every = both.to_bytes(len(every))
    return every


def _which(lines: bytes, word: bytes) -> bytes:
    ends = lines.replace(word, _HIT).translate(None, _ALL_ELSE)
    return ends.replace(_HIT + _END, b"\x01").translate(_AS_FLAG, _HIT)


def find_numbers(connection: Connection, mark: Mark, words: tuple[str, ...]) -> "array[int] | None":
    """Give the numbers of the rows that hold every word, ascending; None where the database must be asked.

    `mark` is that of this transaction.
    """
    if mark.counts.total > MOST_ROWS:
        return None
    return _shelf_of(connection).find(connection, mark, words)


def warm(connection: Connection, *, anew: bool = True) -> None:
    """Have the texts of this transaction's state at hand before anybody searches.

    `anew`: also those of a facility in which nobody has searched since the start.
    """
    mark = find_mark(connection)
    if mark is not None and mark.counts.total <= MOST_ROWS:
        shelf = _shelf_of(connection)
        if anew or shelf.knows(facility_of(connection)):
            shelf.of(connection, mark)


class _Shelf:
    """The texts of the facilities of one database in their last states, those used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, _State], Texts] = OrderedDict()
        self._door = threading.Lock()
        self._reading = threading.Lock()

    def knows(self, facility: int) -> bool:
        with self._door:
            return any(of == facility for of, _ in self._kept)

    def find(self, connection: Connection, mark: Mark, words: tuple[str, ...]) -> "array[int] | None":
        kept = self.of(connection, mark)
        if kept.too_large:
            return None
        return kept.find(words)

    def of(self, connection: Connection, mark: Mark) -> Texts:
        """Give the texts of the mark; at most one reads them at a time."""
        key = facility_of(connection), mark.made_from
        kept = self._taken(key)
        if kept is None:
            with self._reading:
                kept = self._taken(key)
                if kept is None:
                    before = self._newest(key[0])
                    kept = (_renewed(connection, before, mark) if before else None) or _read(connection, mark)
                    self._keep(key, kept)
        return kept

    def _taken(self, key: tuple[int, _State]) -> Texts | None:
        with self._door:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _newest(self, facility: int) -> Texts | None:
        with self._door:
            return next((one for (of, _), one in reversed(self._kept.items()) if of == facility), None)

    def _keep(self, key: tuple[int, _State], kept: Texts) -> None:
        with self._door:
            self._kept[key] = kept
            while len(self._kept) > 1 and (
                len(self._kept) > _STATES
                or sum({id(one.whole): len(one.whole) for one in self._kept.values()}.values()) > MOST_BYTES
            ):
                self._kept.popitem(last=False)


def _read(connection: Connection, mark: Mark) -> Texts:
    parts, starts, numbers, at = [], array("q"), array("q"), 0
    query = select(texts.c.number, texts.c.text).order_by(texts.c.number)
    result = connection.execute(query)
    assert result.cursor is not None  # noqa: S101 - a SELECT has one
    for number, text in iter(result.cursor.fetchone, None):  # the driver's own rows: there are many
        part = _line(text)
        parts.append(part)
        starts.append(at)
        numbers.append(number)
        at += len(part)
        if at > MOST_BYTES:
            result.close()
            return Texts(mark.made_from, b"", array("q", [0]), array("q"), too_large=True)
    result.close()
    starts.append(at)
    return Texts(mark.made_from, b"".join(parts), starts, numbers)


def _renewed(connection: Connection, kept: Texts, mark: Mark) -> Texts | None:
    """Give the texts of the mark where only people's words came since; None if all must be read again."""
    version, derived, entry, listed = kept.made_from
    if (version, derived, listed) != (mark.version, mark.derived, mark.listed) or mark.entry < entry:
        return None
    ids = typed_since(connection, entry)
    if kept.too_large or len(ids) + len(kept.beside) > _BESIDE:
        return None
    same = (rows.c.facility == texts.c.facility) & (rows.c.number == texts.c.number)
    query = select(texts.c.number, texts.c.text).join_from(texts, rows, same)
    fresh = {
        row.number: _line(row.text) for row in connection.execute(query.where(rows.c.device_id.in_(ids)))
    }
    return replace(kept, made_from=mark.made_from, beside=kept.beside | fresh)


def _line(text: str) -> bytes:
    """Write each word of a text once: no word of a search holds a blank or a line end."""
    return " ".join(dict.fromkeys(text.split())).encode("utf-8", "surrogatepass") + b"\n"


_shelves: WeakKeyDictionary[Database, _Shelf] = WeakKeyDictionary()
_shelves_door = threading.Lock()


def _shelf_of(connection: Connection) -> _Shelf:
    with _shelves_door:
        return _shelves.setdefault(database_of(connection), _Shelf())
