# SPDX-License-Identifier: Apache-2.0
"""Which row of an earlier import a row is: by its number, card, serial number, name or address. Pure.

A row keeps its id when one of them changes. Rows that agree in everything both know come first; then
a single mark that only one row on each side has, the most trusted first; at last the linked device.
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

    def __init__(self, listed: Sequence[ListedDevice], numbers: Mapping[str, str]) -> None:
        self._numbers = {number: id for id, number in numbers.items()}
        self._by_id = {one.id: one for one in listed}
        self._keys = {one.id: keys_of(one.cells) for one in listed}
        self._index = _index((one.id, self._keys[one.id]) for one in listed)
        self._linked = _index((one.id, [("device", one.device)]) for one in listed if one.device)
        self._used: set[str] = set()

    def settle(
        self, lines: Sequence[Line], keys: Sequence[tuple[Key, ...]], matches: Sequence[Match]
    ) -> list[ListedDevice | None]:
        """Give for each line the row that it was before, None for a new one."""
        if not self._by_id:
            return [None] * len(lines)
        found: list[str | None] = [None] * len(lines)
        for place, line in enumerate(lines):
            found[place] = self._take(self._same(line, keys[place]))
        waiting = [place for place, id in enumerate(found) if id is None]
        if waiting:
            self._settle_weak(waiting, keys, found)
            for place in waiting:
                if found[place] is None and matches[place].device:
                    found[place] = self._take(self._only(self._linked, ("device", matches[place].device)))
        return [self._by_id[id] if id else None for id in found]

    def is_ours(self, line: Line, id: str) -> bool:
        """Whether the row's number is the one that we gave to this listed row."""
        number = line.cells.get(NUMBER, "")
        return bool(number) and self._numbers.get(number) == id

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

    def _same(self, line: Line, keys: tuple[Key, ...]) -> str | None:
        """Give the earlier row that agrees in everything both know; of several the most alike."""
        ours = self._numbers.get(line.cells.get(NUMBER, ""), "")
        if ours in self._by_id and self._agrees(ours, keys, least=1):
            return ours
        for key in keys:
            near = [id for id in self._index.get(key, ()) if self._agrees(id, keys)]
            if near:
                return max(near, key=lambda id: _alike(self._by_id[id].cells, line.cells))
        return None

    def _settle_weak(
        self, waiting: list[int], keys: Sequence[tuple[Key, ...]], found: list[str | None]
    ) -> None:
        """Settle by a single mark that one line and one earlier row have, and no other."""
        counted = _index((str(place), keys[place]) for place in waiting)
        for kind in KINDS:
            for place in waiting:
                for key in keys[place]:
                    if found[place] is None and key[0] == kind and len(counted[key]) == 1:
                        found[place] = self._take(self._only(self._index, key))

    def _only(self, index: Mapping[Key, list[str]], key: Key) -> str | None:
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


def _index(rows: Iterable[tuple[str, Iterable[Key]]]) -> Mapping[Key, list[str]]:
    index: dict[Key, list[str]] = defaultdict(list)
    for id, keys in rows:
        for key in keys:
            index[key].append(id)
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
