# SPDX-License-Identifier: Apache-2.0
"""Which row of an earlier import a row is: by its number, card, serial number, name or address. Pure.

A row keeps its id when one of them changes. Rows that agree in everything both know come first; then
a single mark that only one row on each side has, the most trusted first; at last the linked device.
Only rows of the same ledger are compared: what two ledgers say of one device are two rows. Rows of our
own ledger that come back are known by our number.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from collector.imports.columns import RUNNING
from collector.imports.table import Line
from inventory_db.listed import Marks, Match, marks_of_cells
from inventory_db.official import unmark
from inventory_db.stated import ListedDevice
from inventory_db.typed_values import folded, is_nothing

NUMBER = "管理番号"
KINDS = ("number", "mac", "serial", "name", "ip", "cells")  # the order of trust
_ANY = "\x00"  # instead of a ledger's name: whichever
Key = tuple[str, str]  # kind, value


def keys_of(cells: Mapping[str, str], marks: Marks | None = None) -> tuple[Key, ...]:
    """Give what tells a row apart, most trusted first; a row without any mark is told by all that it says."""
    number = folded(unmark(cells.get("説明", ""))[1] or cells.get(NUMBER, ""))
    found = [("number", number)] if number and not is_nothing(number) else []
    marks = marks or marks_of_cells(cells)
    found += [(kind, value) for kind in KINDS[1:5] for value in sorted(marks.of(kind))]
    if found:
        return tuple(found)
    return (("cells", repr(sorted((c, folded(text)) for c, text in cells.items() if c != RUNNING))),)


class Identity:
    """The rows of earlier imports, and which of them the rows of a file are."""

    def __init__(
        self, listed: Sequence[ListedDevice], numbers: Mapping[str, str], device_numbers: Mapping[str, str]
    ) -> None:
        self._numbers = {number: id for id, number in numbers.items()}
        self._device_numbers = device_numbers
        self._by_id = {one.id: one for one in listed}
        self._keys = {one.id: keys_of(one.cells) for one in listed}
        self._index = _index((one.id, one.ledger, self._keys[one.id]) for one in listed)
        self._linked = _index(
            (one.id, ledger, [("device", one.device)])
            for one in listed
            if one.device
            for ledger in (one.ledger, _ANY)
        )
        self._used: set[str] = set()

    def settle(
        self,
        lines: Sequence[Line],
        ledgers: Sequence[str],
        keys: Sequence[tuple[Key, ...]],
        matches: Sequence[Match],
    ) -> list[ListedDevice | None]:
        """Give for each line, of the ledger named beside it, the row that it was before; None for a new one."""
        if not self._by_id:
            return [None] * len(lines)
        found: list[str | None] = [None] * len(lines)
        for place, line in enumerate(lines):
            same = self._returned(line, keys[place], matches[place].device)
            found[place] = self._take(same or self._same(line, ledgers[place], keys[place]))
        waiting = [place for place, id in enumerate(found) if id is None]
        if waiting:
            self._settle_weak(waiting, ledgers, keys, found)
            for place in waiting:
                if found[place] is None and matches[place].device:
                    linked = ledgers[place], ("device", matches[place].device)
                    found[place] = self._take(self._only(self._linked, linked))
        return [self._by_id[id] if id else None for id in found]

    def is_ours(self, line: Line, id: str) -> bool:
        """Whether the row's number is the one that we gave to this listed row."""
        number = line.cells.get(NUMBER, "")
        return bool(number) and self._numbers.get(number) == id

    def editions(self, ledgers: Sequence[str], keys: Sequence[tuple[Key, ...]]) -> dict[str, str]:
        """Give ledgers that are new by name though at least half of their rows stand in another: new → that one."""
        names = {one.ledger for one in self._by_id.values()}
        found = {}
        for ledger in set(ledgers) - names if names else ():
            rows = [set(keys[place]) for place, name in enumerate(ledgers) if name == ledger]
            for name in sorted(names):
                if 2 * sum(any((name, key) in self._index for key in row) for row in rows) >= len(rows):
                    found[ledger] = name
        return found

    def new_id(self, line: Line, key: Key) -> str:
        """Make an id from the key that tells the row apart; never one that is in use."""
        kind, value = key
        again = 0
        while True:
            text = "\x00".join((kind, value, line.sheet, str(again)))
            id = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
            if id not in self._by_id and id not in self._used:
                self._used.add(id)
                return id
            again += 1

    def _returned(self, line: Line, keys: tuple[Key, ...], device: str) -> str | None:
        """Give the row that our own ledger shows with this number, if the line is one of our ledger."""
        number = line.cells.get(NUMBER, "")
        ours = self._numbers.get(number, "")
        if ours in self._by_id and self._agrees(ours, keys, least=1):
            return ours
        if device and number and self._device_numbers.get(device) == number:
            free = [id for id in self._linked.get((_ANY, ("device", device)), ()) if id not in self._used]
            return free[0] if free else None
        return None

    def _same(self, line: Line, ledger: str, keys: tuple[Key, ...]) -> str | None:
        """Give the earlier row that agrees in everything both know; of several the most alike."""
        for key in keys:
            near = [id for id in self._index.get((ledger, key), ()) if self._agrees(id, keys)]
            if near:
                return max(near, key=lambda id: _alike(self._by_id[id].cells, line.cells))
        return None

    def _settle_weak(
        self,
        waiting: list[int],
        ledgers: Sequence[str],
        keys: Sequence[tuple[Key, ...]],
        found: list[str | None],
    ) -> None:
        """Settle by a single mark that one line and one earlier row have, and no other."""
        counted = _index((str(place), ledgers[place], keys[place]) for place in waiting)
        for kind in KINDS:
            for place in waiting:
                for key in keys[place]:
                    where = ledgers[place], key
                    if found[place] is None and key[0] == kind and len(counted[where]) == 1:
                        found[place] = self._take(self._only(self._index, where))

    def _only(self, index: Mapping[tuple[str, Key], list[str]], key: tuple[str, Key]) -> str | None:
        free = [id for id in index.get(key, ()) if id not in self._used]
        return free[0] if len(free) == 1 else None

    def _agrees(self, id: str, keys: tuple[Key, ...], least: int = 0) -> bool:
        """Whether a free earlier row contradicts the keys in no kind that both know, besides the number."""
        if id in self._used:
            return False
        earlier = set(self._keys[id])
        shared = {kind for kind, _ in keys} & {kind for kind, _ in earlier} - {"number"}
        return len(shared) >= least and all(
            any(key in earlier for key in keys if key[0] == kind) for kind in shared
        )

    def _take(self, id: str | None) -> str | None:
        if id is not None:
            self._used.add(id)
        return id


def _alike(one: Mapping[str, str], other: Mapping[str, str]) -> int:
    return sum(one.get(column) == text for column, text in other.items())


def _index(rows: Iterable[tuple[str, str, Iterable[Key]]]) -> Mapping[tuple[str, Key], list[str]]:
    index: dict[tuple[str, Key], list[str]] = defaultdict(list)
    for id, ledger, keys in rows:
        for key in keys:
            index[ledger, key].append(id)
    return index


def repeated(lines: Sequence[Line], keys: Sequence[tuple[Key, ...]]) -> Iterator[tuple[Key, list[Line]]]:
    """Give every mark that several rows of the file have, with those rows."""
    once: set[Key] = set()
    found: dict[Key, list[Line]] = {}
    for all_keys in keys:
        for key in all_keys:
            if key in once and not (
                key[0] == "name" and "." in key[1]
            ):  # without its domain it says the same
                found[key] = []
            once.add(key)
    for line, all_keys in zip(lines, keys, strict=True) if found else ():
        for key in all_keys:
            if key in found:
                found[key].append(line)
    for key, same in found.items():
        each_sheet_counts = key[0] == "number" and len({line.sheet for line in same}) == len(same)
        if not each_sheet_counts:
            yield key, same
