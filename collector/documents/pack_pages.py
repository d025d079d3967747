# SPDX-License-Identifier: Apache-2.0
"""The pack's pages: plain HTML that opens from a folder, relative links only, one stylesheet, no script."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from collector.documents.checklist_form import Form, item_text, remark_text
from collector.documents.paper import Paper
from collector.dossier import Dossier
from collector.safe_text import visible
from collector.verdict import Verdict

_FOLDER = "documents/pack_site"
_EVIDENCE = re.compile(r"E-\d{3,}")
MOST_ROWS = 2000  # rows on one page; more go on further pages


@dataclass(frozen=True, slots=True, kw_only=False)
class Shown:
    """One paper or form with its page and its files."""

    title: str
    page: str  # file name in pages/
    files: tuple[tuple[str, str], ...]  # label, path from the top
    paper: Paper | None = None
    form: Form | None = None


class Site:
    """Makes the pages of one pack."""

    def __init__(self, dossier: Dossier, shown: tuple[Shown, ...], mark: str) -> None:
        self._dossier = dossier
        self._shown = shown
        self._mark = mark
        self._places: dict[str, str] = {}  # evidence number → page with its row
        self._environment = Environment(
            loader=PackageLoader("collector", _FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"visible": visible, "linked": self._linked}
        self._environment.globals |= {"item_text": item_text, "remark_text": remark_text}

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Give every page with its path in the pack."""
        yield "daicho.css", files("collector").joinpath(_FOLDER, "daicho.css").read_bytes()
        tables = [page for one in self._shown if one.paper for page in _pages(one, one.paper)]
        self._places = {
            row[0]: page.page for page in tables if page.paper.kind == "annex" for row in page.rows
        }
        yield "index.html", self._render("index", "", shown=self._shown, verdicts=self._verdicts())
        for one in self._shown:
            if one.form:
                yield f"pages/{one.page}", self._render("form", "../", one=one, form=one.form)
        for page in tables:
            yield f"pages/{page.page}", self._render("table", "../", page=page, one=page.one)

    def _render(self, template: str, top: str, **values: object) -> bytes:
        page = self._environment.get_template(f"{template}.html")
        text = page.render(
            top=top, facility=self._dossier.facility, made=self._dossier.made, mark=self._mark, **values
        )
        return text.encode("utf-8", "replace")

    def _verdicts(self) -> list[tuple[str, int]]:
        counts = Counter(item.judged.verdict for _, item in self._dossier.items())
        return [(str(verdict), counts[verdict]) for verdict in Verdict if counts[verdict]]

    def _linked(self, text: str) -> Markup:
        """Escape a cell and make its evidence numbers links to their rows."""
        return Markup(_EVIDENCE.sub(self._link, str(escape(visible(text)))))  # noqa: S704 - escaped before

    def _link(self, found: re.Match[str]) -> str:
        page = self._places.get(found[0])
        return f'<a href="{page}#{found[0]}">{found[0]}</a>' if page else found[0]


@dataclass(frozen=True, slots=True)
class _Page:
    """One page of a paper's table; long tables go over several."""

    one: Shown
    paper: Paper
    page: str
    parts: tuple[tuple[int, tuple[tuple[str, ...], ...]], ...]  # number of the part, its rows here
    number: int
    pages: tuple[str, ...]

    @property
    def rows(self) -> Iterator[tuple[str, ...]]:
        """Every row of the page."""
        return (row for _, rows in self.parts for row in rows)


def _pages(one: Shown, paper: Paper) -> list[_Page]:
    """Cut a paper into pages of at most MOST_ROWS rows."""
    pieces = [
        (number, part.rows[start : start + MOST_ROWS])
        for number, part in enumerate(paper.parts)
        for start in range(0, max(len(part.rows), 1), MOST_ROWS)
    ]
    sheets: list[list[tuple[int, tuple[tuple[str, ...], ...]]]] = [[]]
    for piece in pieces:
        if sheets[-1] and sum(len(rows) for _, rows in sheets[-1]) + len(piece[1]) > MOST_ROWS:
            sheets.append([])
        sheets[-1].append(piece)
    stem = one.page.removesuffix(".html")
    names = tuple(one.page if place == 1 else f"{stem}-{place}.html" for place in range(1, len(sheets) + 1))
    return [
        _Page(one, paper, name, tuple(parts), place, names)
        for place, (name, parts) in enumerate(zip(names, sheets, strict=True), 1)
    ]
