# SPDX-License-Identifier: Apache-2.0
"""A released pack as its reader sees it: pages, single files, and a search in its tables. Nothing here is live.

The pages are those that were signed: what stands in their `<main>`, which the pack's templates have escaped.
"""

import io
import json
import re
import threading
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote, urljoin

from markupsafe import Markup
from sqlalchemy import Engine

from collector.documents.pack import MANIFEST, PUBLIC, SIGNATURE
from inventory_db.binding import facility_of
from inventory_db.releases import pack_of

TOP = "/inspection/"
PAGES, DATA = "pages/", "data/"
ANNEX, DIAGRAM = "annex", "diagram"
MOST_CELL = 2000  # characters of a cell among what was found: a name of a megabyte stops the reader's browser
MOST_SHOWN, MOST_WORDS = 20, 10  # rows of one table beside others; words of one question
PAGE = 100  # rows of one table alone
_KEPT = 2  # packs in memory
_LINK = re.compile(r'href="(?![#/]|[a-z]+:)([^"]*)"')
_TITLE = re.compile(r"<h1>(.*?)</h1>", re.DOTALL)
_NUMBER = re.compile(r'<tr id="(E-\d+)">')
TYPES = {
    "pdf": "application/pdf",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "svg": "image/svg+xml",
    "drawio": "application/vnd.jgraph.mxfile",
    "txt": "text/plain; charset=utf-8",
    "sha256": "text/plain; charset=utf-8",
    "pem": "application/x-pem-file",
}


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the released papers."""

    kind: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Hits:
    """What of one table has all the words of a question."""

    table: Table
    total: int
    rows: tuple[tuple[str, ...], ...]  # the part that is shown


class ReleasedPack:
    """One pack; every method is total for whatever name a reader asks for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._names = frozenset(self._archive.namelist())

    def file(self, name: str) -> bytes | None:
        """Give one file that people may take along; None if the pack has none of this name."""
        plain = name.startswith(("書類/", DATA)) or name.endswith(".txt") or name in _PROOFS
        return self._read(name) if plain else None

    def page(self, name: str) -> Markup | None:
        """Give what a page says ("index.html", "pages/ledger.html"), its links led to us; None for no page."""
        if name != "index.html" and not (name.startswith(PAGES) and name.endswith(".html")):
            return None
        data = self._read(name)
        if data is None:
            return None
        _, _, rest = data.decode().partition("<main>")
        text, _, _ = rest.partition("</main>")
        here = TOP + name
        return Markup(_LINK.sub(lambda found: f'href="{quote(urljoin(here, found[1]), "/#")}"', text))  # noqa: S704

    def title(self, name: str) -> str:
        """Give the heading of a page; "" for none."""
        found = _TITLE.search(self.page(name) or "")
        return Markup(found[1]).striptags() if found else ""  # noqa: S704 - escaped by the pack

    @cached_property
    def drawing(self) -> str:
        """Give the path of the network diagram as a picture; "" for none."""
        return next((name for name in sorted(self._names) if name.endswith(".svg")), "")

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        """Give every table of the papers: the ledger first, then the evidence, then the others."""
        order = {"ledger": 0, ANNEX: 1}
        found = [table for name in sorted(self._names) for table in self._tables_in(name)]
        return tuple(sorted(found, key=lambda table: order.get(table.kind, 2)))

    @cached_property
    def places(self) -> dict[str, str]:
        """Give the page of each numbered piece of evidence: "E-001" → "pages/annex.html"."""
        pages = sorted(name for name in self._names if name.startswith(f"{PAGES}{ANNEX}"))
        return {
            number: page for page in pages for number in _NUMBER.findall((self._read(page) or b"").decode())
        }

    def search(self, asked: str, kind: str = "", page: int = 1) -> tuple[Hits, ...]:
        """Give the rows that have every word, table by table; of one kind of paper a whole page of them."""
        words = folded(asked).split()[:MOST_WORDS]
        if not words:
            return ()
        most, skip = (PAGE, (max(page, 1) - 1) * PAGE) if kind else (MOST_SHOWN, 0)
        found = []
        for table, texts in zip(self.tables, self._folded, strict=True):
            if kind and table.kind != kind:
                continue
            rows = [row for row, text in zip(table.rows, texts, strict=True) if all(w in text for w in words)]
            if rows:
                shown = tuple(tuple(map(_short, row)) for row in rows[skip : skip + most])
                found.append(Hits(table, len(rows), shown))
        return tuple(found)

    @cached_property
    def _folded(self) -> tuple[tuple[str, ...], ...]:
        return tuple(tuple(folded("\n".join(row)) for row in table.rows) for table in self.tables)

    def _tables_in(self, name: str) -> Iterator[Table]:
        if not (name.startswith(DATA) and name.endswith(".json")):
            return
        paper = json.loads(self._read(name) or b"{}")
        if not isinstance(paper, dict) or paper.get("schema") != "daicho/paper/1":
            return
        for part in paper["parts"]:
            columns = tuple(part["columns"])
            rows = tuple(tuple(str(row[column]) for column in columns) for row in part["rows"])
            heading = "　".join(dict.fromkeys(filter(None, (paper["title"], part["heading"]))))
            if rows:
                yield Table(paper["kind"], heading, columns, rows)

    def _read(self, name: str) -> bytes | None:
        with _reading:  # a ZipFile shares one file position
            return self._archive.read(name) if name in self._names else None


_PROOFS = (MANIFEST, SIGNATURE, PUBLIC)
_reading = threading.Lock()


class Shelf:
    """The packs that were read last. It does not say who may read one: ask that first, every time."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], ReleasedPack] = {}
        self._lock = threading.Lock()

    def take(self, engine: Engine, id: str) -> ReleasedPack | None:
        """Give the pack of a release of the facility that this engine is bound to; None if there is none."""
        key = facility_of(engine), id
        with self._lock:
            found = self._kept.pop(key, None)
            if found is None:
                with engine.connect() as connection:
                    data = pack_of(connection, id)
                if data is None:
                    return None
                found = ReleasedPack(data)
            self._kept[key] = found
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))
        return found


def _short(cell: str) -> str:
    """Give a cell as the search shows it; the paper itself holds all of it."""
    return cell if len(cell) <= MOST_CELL else f"{cell[:MOST_CELL]}…"


def folded(text: str) -> str:
    """Give text as it is compared: wide and narrow, upper and lower case are the same."""
    return unicodedata.normalize("NFKC", text).casefold()
