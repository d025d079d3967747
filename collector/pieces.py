# SPDX-License-Identifier: Apache-2.0
"""Pieces of pages that are made once and shown again: a row of the ledger, a long list of choices.

A piece is named by everything that it is made of, so none can be stale; the oldest are let go of.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from markupsafe import Markup

MOST = 16_000_000  # characters in all


class Pieces:
    """The last pieces of one collector's pages."""

    def __init__(self, most: int = MOST) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[Hashable, Markup] = OrderedDict()
        self._door = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], str]) -> Markup:
        """Give the piece of this name; `make` gives markup, and is asked where nobody made the piece before."""
        with self._door:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = Markup(make())  # noqa: S704 - of our own templates, which escape
        with self._door:
            if key not in self._kept:
                self._kept[key] = made
                self._size += len(made)
            while self._size > self._most and len(self._kept) > 1:
                self._size -= len(self._kept.popitem(last=False)[1])
        return made
