# SPDX-License-Identifier: Apache-2.0
"""Which of their columns is which of ours: guessed by heading and by values, each with its reason. Pure."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from collector.imports.trouble import letters
from inventory_db.typed_values import day_in, ips_in, is_nothing, macs_in

RUNNING = "項番"  # our name for a running number
MANY = ("IPアドレス", "MACアドレス")  # several of their columns may be one of these
_MOST_HEADING = 80  # characters that a heading is compared and kept by
_PUNCTUATION = re.compile(r"[\s・･_\-/()\[\]:*※.,、。「」【】<>~ー?!]+")
_BRACKETS = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|<.*?>")
_ALIKE = re.compile(
    r"dhcp|自動|[0-9０-９][.．][0-9０-９]|[0-9a-f]{2}[:-][0-9a-f]{2}", re.IGNORECASE
)  # or as good as an address
_READERS = {"IPアドレス": ips_in, "MACアドレス": macs_in}
_MONTH = re.compile(r"\s*([^\d\s]{0,2}\.?\d{1,4}|[^\d\s]{2}元)\s*[年./\-]\s*\d{1,2}\s*月?\s*")
_DAYS = ("登録日", "購入日", "利用開始日")


@dataclass(frozen=True, slots=True)
class Column:
    """One of their columns."""

    place: int  # from 0
    heading: str  # as it stands there
    label: str  # unique name: the heading, with its letter where two are the same or it is empty
    ours: str  # our column, "" to leave it out, or its own label to keep it beside
    why_ja: str
    why_en: str
    examples: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether it is one of our columns."""
        return self.ours in _known()


@dataclass(frozen=True, slots=True)
class Form:
    """The columns that a table may have, with their spellings in the order of trust."""

    first: Mapping[str, tuple[str, ...]]  # chosen first
    then: Mapping[str, tuple[str, ...]]
    needed: frozenset[str]  # a heading row has at least one of these
    exact: dict[str, str]  # spelling → column of ours

    def spelled(self, heading: str) -> str:
        """Give our column that is spelled exactly like this heading, "" if none is."""
        return self.exact.get(key_of(heading), "")


@cache
def _names() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("column_names.yaml").read_text("utf-8"))
    return loaded


@cache
def _known() -> frozenset[str]:
    return frozenset(ours for group in ("official", "other", "cloud") for ours in _names()[group])


@cache
def device_form() -> Form:
    """The device ledger: the official columns, and others that ledgers often have."""
    names = _names()
    official = {ours: tuple(map(key_of, all)) for ours, all in names["official"].items()}
    other = {ours: tuple(map(key_of, all)) for ours, all in names["other"].items()}
    needed = frozenset(
        ("管理番号", "IPアドレス", "コンピュータ名", "メーカー", "MACアドレス", "製造番号", "機種", "OS")
    )
    return Form(official, other, needed, _exact(official, other))


@cache
def cloud_form() -> Form:
    """The ledger of cloud services."""
    names = _names()["cloud"]
    form = {ours: tuple(map(key_of, all)) for ours, all in names.items()}
    return Form(form, {}, frozenset(("サービス名称/用途", "サービス提供事業者")), _exact(form))


@cache
def makers() -> tuple[tuple[str, ...], ...]:
    """The names of each maker."""
    return tuple(tuple(names) for names in _names()["makers"])


def _exact(*groups: Mapping[str, Sequence[str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in groups:
        for ours, spellings in group.items():
            for spelling in spellings:
                found.setdefault(spelling, ours)
    return found


def key_of(heading: str) -> str:
    """Give a heading for comparing: no case, width, blanks, punctuation or long-vowel marks."""
    return _PUNCTUATION.sub("", unicodedata.normalize("NFKC", heading)[:_MOST_HEADING].casefold())


def labels_of(headings: Sequence[str]) -> list[str]:
    """Give each column a name of its own."""
    counted = Counter(headings)
    return [
        heading if heading and counted[heading] == 1 else f"{heading}（{letters(place)} 列）"
        for place, heading in enumerate(headings, 1)
    ]


def guess(headings: Sequence[str], samples: Sequence[Sequence[str]], form: Form) -> tuple[Column, ...]:
    """Say for each heading which column of ours it is; `samples` are some rows below it."""
    values = [_values(samples, place) for place in range(len(headings))]
    chosen: dict[int, tuple[str, str, str]] = {}
    for sure in (True, False):
        for group in (form.first, form.then):
            for ours, spellings in group.items():
                _choose(ours, spellings, headings, values, chosen, sure=sure)
    _choose_by_values(form, values, chosen)
    return tuple(
        _column(place, heading, label, chosen.get(place), values[place])
        for place, (heading, label) in enumerate(zip(headings, labels_of(headings), strict=True))
    )


def remembered(
    headings: Sequence[str], samples: Sequence[Sequence[str]], kept: Mapping[str, str]
) -> tuple[Column, ...]:
    """Give the columns as a person confirmed them before."""
    return tuple(
        Column(
            place,
            heading,
            label,
            kept.get(label, label),
            "前に決めたとおり",
            "as decided before",
            _values(samples, place)[:3],
        )
        for place, (heading, label) in enumerate(zip(headings, labels_of(headings), strict=True))
    )


def _column(
    place: int, heading: str, label: str, chosen: tuple[str, str, str] | None, values: tuple[str, ...]
) -> Column:
    if chosen is None and not heading and not values:
        chosen = ("", "空の列", "an empty column")
    if chosen is None:
        chosen = (label, "知らない列。そのまま残します", "not known; kept as it is")
    return Column(place, heading, label, *chosen, values[:3])


def _choose(
    ours: str,
    spellings: Sequence[str],
    headings: Sequence[str],
    values: Sequence[tuple[str, ...]],
    chosen: dict[int, tuple[str, str, str]],
    *,
    sure: bool,
) -> None:
    """Give `ours` to the free heading that is spelled most like it, if none has it yet."""
    taken = any(name == ours for name, *_ in chosen.values())
    ranked = []
    for place, heading in enumerate(headings):
        rank = _rank(heading, spellings, sure=sure)
        if rank is not None and place not in chosen and _values_fit(ours, values[place]):
            ranked.append((rank, place))
    for _, place in sorted(ranked):
        if taken and ours not in MANY:
            return
        taken = True
        why = ("見出しが同じ", "same heading") if sure else ("見出しが似ている", "similar heading")
        chosen[place] = (ours, *why)


def _rank(heading: str, spellings: Sequence[str], *, sure: bool) -> int | None:
    keys = [key_of(heading), key_of(_BRACKETS.sub("", unicodedata.normalize("NFKC", heading)))]
    if sure:
        return next((spellings.index(key) for key in keys if key in spellings), None)
    found = [n for n, word in enumerate(spellings) if len(word) > 2 and any(word in key for key in keys)]
    return min(found, default=None)


def _values_fit(ours: str, values: Sequence[str]) -> bool:
    """Whether at least a third of the values are what this column holds; an empty one fits."""
    read = _READERS.get(ours)
    real = [value for value in values if not is_nothing(value)]
    if read is None or not real:
        return True
    fits = [value for value in real if read(value)[0] or _ALIKE.search(value)]
    return 3 * len(fits) >= len(real)


def _choose_by_values(
    form: Form, values: Sequence[tuple[str, ...]], chosen: dict[int, tuple[str, str, str]]
) -> None:
    """Recognise addresses by what they look like, where no heading says so."""
    for ours, read in _READERS.items():
        known = any(name == ours for name, *_ in chosen.values())
        if known or (ours not in form.first and ours not in form.then):
            continue
        for place, column in enumerate(values):
            real = [value for value in column if not is_nothing(value)]
            if (
                place not in chosen
                and len(real) > 1
                and all(read(value)[0] and not read(value)[1] for value in real)
            ):
                chosen[place] = (ours, "値がそう見える", "its values look like it")
                break


def _values(samples: Sequence[Sequence[str]], place: int) -> tuple[str, ...]:
    found = (row[place] for row in samples if place < len(row) and row[place])
    return tuple(dict.fromkeys(found))


def is_day(column: str) -> bool:
    """Whether a column of ours holds a day."""
    return column in _DAYS


def unread(column: str, value: str) -> str:
    """Give what of the value could not be read for a column that holds addresses or a day, "" if all could."""
    if is_nothing(value):
        return ""
    if column in _READERS:
        rest = _READERS[column](value)[1]
        return "" if "dhcp" in rest.casefold() or "自動" in rest else rest
    month = _MONTH.fullmatch(unicodedata.normalize("NFKC", value))  # a month alone is as much as they know
    return value if is_day(column) and not month and day_in(value, serials=True) is None else ""
