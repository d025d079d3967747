# SPDX-License-Identifier: Apache-2.0
"""The rows of the ledger's page and its list of networks as markup: what a page shows by the hundred.

A template takes twenty times as long for them. Every text goes through `_said`, which cleans and escapes it as a
template would; everything else here is ours. A row that was shown before is kept (`pieces`).
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from markupsafe import Markup, escape

from collector.ledger_view import Entry
from collector.pieces import Pieces
from collector.safe_text import harmless
from collector.translation import Words

_EDITED = range(8, 13)  # places of the cells that people fill in
_SIGNS = {"sure": "●", "likely": "◐", "guess": "○"}
Moments = Callable[[str | None], Any]  # gives collector.rendering.Moment or None


class LedgerRows:
    """Makes them, for the templates of one collector."""

    def __init__(self, pieces: Pieces, moment: Moments) -> None:
        self._pieces, self._moment = pieces, moment

    def row(self, words: Words, entry: Entry, may_change: bool) -> Markup:
        """Give a row of the table."""
        if not entry.key:
            return Markup(self._row(words, entry, may_change))  # noqa: S704 - see _said
        key = ("row", words.language, may_change, entry.key)
        return self._pieces.get(key, lambda: self._row(words, entry, may_change))

    def networks(self, networks: Mapping[str, int], chosen: str, state: tuple[object, ...]) -> Markup:
        """Give the choices of the list of networks; `state` names the ledger's state, () none."""

        def make() -> str:
            return "".join(
                f'<option value="{_said(one)}">{_said(one)} ({count})</option>\n'
                for one, count in networks.items()
            )

        every = self._pieces.get(("networks", state), make) if state else Markup(make())  # noqa: S704 - see _said
        return every.replace(*_choice(chosen), 1) if chosen in networks else every

    def _row(self, words: Words, entry: Entry, may_change: bool) -> str:
        href = f"/devices/{_said(quote(entry.device['id']))}"
        cells = "".join(_cells(words, entry, may_change, href))
        seen = _moment(self._moment(entry.device["last_seen"]))
        gone = f'<span class="badge badge-gone">{_said(words("badge.unseen"))}</span>' if entry.unseen else ""
        kind = _said(words.choose("kind", entry.device["device_class"] or "unknown"))
        begin = '<tr class="gone">' if entry.unseen else "<tr>"
        return (
            f"{begin}{cells}"
            f'<td class="found"><span class="kind">{kind}</span> {_sureness(words, entry.sureness)}</td>'
            f'<td>{_badges(words, entry)}</td><td class="seen">{seen}{gone}</td></tr>\n'
        )


def _cells(words: Words, entry: Entry, may_change: bool, href: str) -> Any:
    """Give the 12 official cells."""
    first, name, device = entry.cells[0], entry.cells[6], entry.device["id"]
    pick = ""
    if may_change:
        label = _said(words("bulk.pick", name=f"{first} {name}"))
        pick = f'<input type="checkbox" form="bulk" name="id" value="{_said(device)}" aria-label="{label}">'
    yield f'<th scope="row" class="number">{pick}<a href="{href}">{_said(first)}</a></th>'
    for place, cell in enumerate(entry.cells[1:], 2):
        if place == 7:
            bare = "" if cell else ' class="nameless"'
            shown = _said(cell or words("ledger.nameless"))
            yield f'<td><div class="cell name"><a href="{href}"{bare}>{shown}</a></div></td>'
        elif may_change and place in _EDITED:
            yield f"<td>{_edited(words, entry, place, href)}</td>"
        elif cell:
            more = " addresses" if place == 6 else ""
            yield f'<td><div class="cell{more}">{_said(cell)}</div></td>'
        else:
            yield f"<td>{_nothing(words)}</td>"


def _edited(words: Words, entry: Entry, place: int, href: str) -> str:
    """Give a cell that people fill in, as cells.html shows it."""
    at, cell = f"{href}/cells/c{place}", entry.cells[place - 1]
    label = words("edit.change", column=words(f"column.c{place}"), number=entry.cells[0])
    shown = f'<span class="cell">{_said(cell)}</span>' if cell else '<span aria-hidden="true">＋</span>'
    return f'<a class="edit" href="{at}">{shown}<span class="unseen-text"> {_said(label)}</span></a>'


def _badges(words: Words, entry: Entry) -> str:
    dual, kinds = entry.device["dual_homed"], entry.path_kinds
    found = []
    if dual:
        name, more = ("badge.declared", " declared") if dual["declared"] else ("badge.dual", "")
        found.append(f'<span class="badge badge-dual{more}">{_said(words(name))}</span>')
        if entry.device["forwards"]:
            found.append(f'<span class="badge badge-forwards">{_said(words("badge.forwards"))}</span>')
    found += [f'<span class="badge badge-path">{_said(words.choose("path", kind))}</span>' for kind in kinds]
    return "".join(found) or _nothing(words)


def _sureness(words: Words, level: str) -> str:
    """Give the mark as marks.html shows it."""
    sign, word = _SIGNS.get(level, "○"), _said(words.choose("sure", level))
    return f'<span class="sure sure-{_said(level)}"><span class="sign" aria-hidden="true">{sign}</span> {word}</span>'


def _nothing(words: Words) -> str:
    hidden = _said(words("cell.unknown"))
    return f'<span class="nothing"><span aria-hidden="true">–</span><span class="unseen-text">{hidden}</span></span>'


def _moment(value: Any) -> str:
    if not value:
        return ""
    clock = f'<span class="clock">{_said(value.clock)}</span>'
    return f'<time datetime="{_said(value.machine)}">{_said(value.day)} {clock}</time>'


def _choice(network: str) -> tuple[str, str]:
    said = _said(network)
    return Markup(f'<option value="{said}">'), Markup(f'<option value="{said}" selected>')  # noqa: S704


def _said(text: object) -> str:
    """Give a text that may be hostile as markup shows it: cleaned, cut, escaped."""
    return str(escape(harmless(text)))
