# SPDX-License-Identifier: Apache-2.0
"""What an importer gives, how a feed is refused, and how large its parts may be."""

import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from collector.advisories.knowledge import Lifecycle, Weakness
from collector.advisories.products import Product, says
from inventory_db.tables import LedgerError
from probes.facts import printable

MOST_FILE = 4 * 1024**3  # bytes of one feed, unpacked
MOST_RECORD = 8 * 1024**2  # bytes of one record
MOST_TEXT = 400  # characters of a name that are kept
MOST_SPANS = 400  # affected ranges of one weakness that are kept

S = TypeVar("S")


class BadFeed(LedgerError):
    """A feed that is not taken; what was held before stays."""


def refuse(where: str, ja: str, en: str) -> BadFeed:
    """Make the refusal of a feed: where in it, and what is wrong there."""
    place = printable(where, 200)
    return BadFeed(
        f"{place}: {ja}。何も取り込んでいません。前のデータはそのままです。ファイルを取り直してから、もう一度読み込んでください。",
        f"{place}: {en}. Nothing was taken in; the data held before stays. Fetch the file again, then load it once more.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What one feed holds of products that we know."""

    kind: str
    title: str
    as_of: str  # ISO date
    read: int  # records in the feed
    weaknesses: tuple[Weakness, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    gone: tuple[str, ...] = ()  # ids that the feed takes back
    covers: tuple[str, ...] = ()
    next_start: int = 0  # where the next page begins; 0: this was the last
    whole: bool = False  # it is everything of its kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One opened feed: `name` as people know it, `open` gives its bytes from the start."""

    name: str
    open: Callable[[], IO[bytes]]
    path: Path | None = None  # a folder or an archive on disk
    as_of: str = ""  # the day that the operator names
    modified: str = ""  # the day that the server names
    today: date
    products: tuple[Product, ...]
    held: str = ""  # the day of the data of this kind that is held, "" if none
    known: frozenset[str] = field(default_factory=frozenset)  # ids of exploited weaknesses that we know

    @property
    def stem(self) -> str:
        """The file's name without folders and endings."""
        return self.name.rstrip("/").replace("\\", "/").rsplit("/", 1)[-1].split("?")[0]


def convert(value: Any, form: type[S], where: str) -> S:
    """Make a typed record of JSON values; raises BadFeed that names the field."""
    try:
        return msgspec.convert(value, type=form, strict=False)
    except (msgspec.ValidationError, RecursionError) as error:
        wrong = printable(str(error), 200)
        raise refuse(where, f"項目の形が違います（{wrong}）", f"a field is not in form ({wrong})") from error


def check_day(source: Source, as_of: str) -> str:
    """Give the feed's day; raises BadFeed for none, one of the future, or one before the data held."""
    try:
        day = date.fromisoformat(as_of[:10])
    except ValueError as error:
        raise refuse(
            source.name,
            "いつのデータか分かりません。--as-of 2026-11-01 のように日付を添えてください",
            "it does not say of which day it is. Add the day: --as-of 2026-11-01",
        ) from error
    if (day - source.today).days > 2:
        raise refuse(source.name, f"日付が未来です（{day}）", f"its day lies in the future ({day})")
    if source.held and day.isoformat() < source.held:
        raise refuse(
            source.name,
            f"{day} のデータで、手元のデータ（{source.held}）より古いものです",
            f"it is of {day}, older than the data held ({source.held})",
        )
    return day.isoformat()


def product_keys(products: Iterable[Product], vendor: str, product: str) -> tuple[str, ...]:
    """Find our products by the words of a record."""
    text = " ".join(f"{vendor.strip()} {product.strip()}".split())[:300]
    return tuple(one.key for one in products if any(says(pattern, text) for pattern in one.names))


def cpe_keys(products: Iterable[Product]) -> dict[str, Product]:
    """Index our products by "vendor:product" of a CPE name."""
    return {name: one for one in products for name in one.cpe}


def cut(text: str) -> str:
    """Make a text of a feed fit to keep: printable, not longer than a sentence or two."""
    return printable(" ".join(text.split()), MOST_TEXT)


@contextmanager
def opened(source: Source) -> Iterator[IO[bytes]]:
    """Open the feed; OS errors become BadFeed."""
    try:
        with source.open() as file:
            yield file
    except (OSError, EOFError, zlib.error) as error:
        reason = printable(getattr(error, "strerror", None) or type(error).__name__, 120)
        raise refuse(source.name, f"読めません（{reason}）", f"it cannot be read ({reason})") from error
