# SPDX-License-Identifier: Apache-2.0
"""A list of a page in leaves: which part is shown, what was searched, and the address of the leaf before and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Request

from inventory_db.row_keys import fold

PER_LEAF = 100
MOST_QUERY = 200  # characters
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Leaf(Generic[T]):
    """One leaf of a list; `matching` and `total` count the whole list with and without the search."""

    some: Sequence[T]
    page: int
    pages: int
    matching: int
    total: int
    address: str
    name: str  # of the page's number in the address
    kept: tuple[tuple[str, str], ...]  # the rest of the address

    def link(self, page: int) -> str:
        """Give the address of another leaf, all else as it is."""
        return f"{self.address}?{urlencode((*self.kept, (self.name, str(page))))}"


def leaf(
    request: Request,
    every: Sequence[T],
    address: str,
    *,
    name: str = "page",
    per: int = PER_LEAF,
    texts: Callable[[T], str] | None = None,
) -> Leaf[T]:
    """Give the leaf that is asked for, of what has all words searched (`q`) in its texts."""
    words = list(dict.fromkeys(fold(query_of(request)).split())) if texts else []
    found = [one for one in every if _holds(fold(texts(one)), words)] if words and texts else every
    pages = max(1, -(-len(found) // per))
    asked = request.query_params.get(name, "")
    page = min(max(1, int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1), pages)
    gone = (name, "message", "lang")
    kept = tuple((key, value[:MOST_QUERY]) for key, value in request.query_params.items() if key not in gone)
    some = found[(page - 1) * per : page * per]
    return Leaf(some, page, pages, len(found), len(every), address, name, kept)


def _holds(text: str, words: list[str]) -> bool:
    return all(word in text for word in words)


def query_of(request: Request) -> str:
    """Give the words that are searched."""
    return request.query_params.get("q", "").strip()[:MOST_QUERY]
