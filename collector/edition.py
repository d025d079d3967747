# SPDX-License-Identifier: Apache-2.0
"""Editions of the checklist as data: one file of `editions/` each, holding both sheets of the form.

An edition is read and checked as a whole: an unknown key, a rule that does not exist, an item that is
missing or stands twice is an error that names it. An item's key is (sheet, target, number), because
2-7 stands three times in one sheet. Pure, but for `load_edition`, which reads the file.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from typing import Literal

import msgspec
import yaml

from collector.rules import rule_names

FOLDER = "editions"
FACILITY, VENDOR = "facility", "vendor"  # ids of the two sheets
PRESENCE = "organisation/0"  # いいえ here: no other item needs an answer
Target = Literal["organisation", "all", "server", "pc", "network", "server_pc"]
JUDGED_AS: Mapping[str, tuple[str, ...]] = {"server_pc": ("server", "pc")}  # rows that one line joins


class BadEdition(ValueError):
    """An edition's file is not in form; `ja` and `en` name file and fault."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Named(_Part, frozen=True, kw_only=True):
    """A short name in both languages."""

    ja: str
    en: str


class Item(_Part, frozen=True, kw_only=True):
    """One item as the form words it."""

    number: str  # "2-7": section and number, the same in every edition's style
    printed: str = ""  # as the form prints it: "(2-(7))", "(7)", "2-⑥"; "" where it prints none
    text: str  # the official wording
    en: str  # what it asks, in English, for readers of English
    note: str = ""  # what the form says below the item
    mark: str = ""  # ※ where the form marks it
    needs_contract: bool = False  # not needed by a facility without a vendor's contract
    rule: str  # module in collector.rules
    guideline: dict[str, tuple[str, ...]] = {}  # 編 → places in the guideline 6.0
    wording: Literal["official", "draft", "inferred"] = "official"  # how the text is known
    wording_note: str = ""
    change: str = ""  # what differs from the edition before


class Group(_Part, frozen=True, kw_only=True):
    """Items under one heading of the form: サーバについて、…"""

    target: Target
    heading: str = ""
    items: tuple[Item, ...]


class Section(_Part, frozen=True, kw_only=True):
    """One section of the form: 2 医療情報システムの管理・運用."""

    number: str = ""
    title: str
    groups: tuple[Group, ...]


class Part(_Part, frozen=True, kw_only=True):
    """One table of a sheet with the sentences above and below it."""

    id: str
    heading: str = ""  # ○ 令和5年度中
    new_page: bool = False  # begins a page, with the sheet's title again
    rounds: int = 2  # 1: one answer and its date; 2: 1回目, 目標日, 2回目
    goal_year: int | None = None  # fiscal year in which a 目標日 must lie
    inspected: bool = True  # False: 参考項目, not looked at in that year's inspection
    mark_heading: str = ""  # heading of the column of marks; "" if there is none
    notes: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    sections: tuple[Section, ...]

    @property
    def goal_period(self) -> tuple[date, date] | None:
        """First and last day on which a 目標日 may lie; None if the form asks for none."""
        return fiscal_period(self.goal_year) if self.goal_year else None


@dataclass(frozen=True, slots=True)
class Line:
    """One item at its place on the form."""

    sheet: "Sheet"
    part: Part
    section: Section
    group: Group
    item: Item

    @property
    def key(self) -> str:
        """Target and number, "server/2-7": one item of its sheet."""
        return f"{self.group.target}/{self.item.number}"


class Sheet(_Part, frozen=True, kw_only=True):
    """医療機関確認用 (or 薬局確認用), or 事業者確認用 of one vendor."""

    id: Literal["facility", "vendor"]
    form: str  # 医療機関確認用
    title: str
    edition_line: str = ""  # what stands above the title: 令和6年度版
    vendor_field: str = ""  # 事業者名, on a vendor's sheet
    number_place: Literal["before", "after"] = "before"  # where the form prints an item's number
    expects: tuple[str, ...]  # keys of all items, in their order
    parts: tuple[Part, ...]

    def lines(self) -> Iterator[Line]:
        """Give every item in the order of the form."""
        for part in self.parts:
            for section in part.sections:
                for group in section.groups:
                    for item in group.items:
                        yield Line(self, part, section, group, item)


class Edition(_Part, frozen=True, kw_only=True):
    """One edition of the checklist."""

    id: str
    form: Literal["hospital", "pharmacy"]
    title: str
    name: Named
    status: Literal["final", "provisional"]
    status_note: str = ""
    fiscal_year: int  # 2024 is 令和6年度, 2024-04-01 to 2025-03-31
    issued: str = ""
    notice: str = ""
    source: str
    rules: tuple[str, ...] = ()  # rules of filling in, for people
    sheets: tuple[Sheet, ...]
    crosswalk: dict[str, dict[str, tuple[str, ...]]] = {}  # earlier edition → our key → its keys

    def sheet(self, id: str) -> Sheet | None:
        """Give the sheet with this id; None if this edition has none."""
        return next((sheet for sheet in self.sheets if sheet.id == id), None)

    def line(self, sheet: str, key: str) -> Line | None:
        """Give one item by sheet and key "server/2-7"; None if there is none."""
        found = self.sheet(sheet)
        return next((line for line in found.lines() if line.key == key), None) if found else None


def fiscal_period(year: int) -> tuple[date, date]:
    """Give the first and last day of a Japanese fiscal year."""
    return date(year, 4, 1), date(year + 1, 3, 31)


def edition_names() -> list[str]:
    """Give the ids of all editions, sorted."""
    names = (entry.name for entry in files("collector").joinpath(FOLDER).iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load_edition(id: str) -> Edition:
    """Read one edition from its file; KeyError if there is none, BadEdition if it is not in form."""
    if id not in edition_names():
        raise KeyError(id)
    text = files("collector").joinpath(FOLDER, f"{id}.yaml").read_text(encoding="utf-8")
    edition = read_edition(text, rule_names(), f"{id}.yaml")
    if edition.id != id:
        raise _bad(f"{id}.yaml", f"id が「{edition.id}」です", f"its id is “{edition.id}”")
    return edition


def read_edition(text: str, rules: Collection[str], file: str = "edition") -> Edition:
    """Read and check an edition; `rules` are the names that an item may use. Raises BadEdition."""
    try:
        raw = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - text only
        edition = msgspec.convert(raw, Edition, strict=False)
    except yaml.YAMLError as error:
        raise _bad(file, f"YAML として読めません: {error}", f"not YAML: {error}") from error
    except msgspec.ValidationError as error:
        raise _bad(file, str(error), str(error)) from error
    for sheet in edition.sheets:
        _check_sheet(sheet, file)
        _check_rules(sheet, rules, file)
    _check_twice([sheet.id for sheet in edition.sheets], f"{file}: sheets")
    _check_crosswalk(edition, file)
    return edition


def _check_sheet(sheet: Sheet, file: str) -> None:
    where = f"{file}: {sheet.id}"
    keys = [line.key for line in sheet.lines()]
    _check_twice(keys, where)
    _check_twice([part.id for part in sheet.parts], where)
    for key in sheet.expects:
        if key not in keys:
            raise _bad(where, f"項目 {key} がありません", f"item {key} is missing")
    for key in keys:
        if key not in sheet.expects:
            raise _bad(where, f"項目 {key} は expects にありません", f"item {key} is not in expects")
    for line in sheet.lines():
        if not line.item.text.strip() or not line.item.en.strip():
            raise _bad(where, f"項目 {line.key} に文言がありません", f"item {line.key} has no wording")


def _check_rules(sheet: Sheet, rules: Collection[str], file: str) -> None:
    for line in sheet.lines():
        if line.item.rule not in rules:
            name = line.item.rule
            raise _bad(
                f"{file}: {sheet.id}: {line.key}",
                f"規則「{name}」はありません",
                f"there is no rule “{name}”",
            )


def _check_twice(names: list[str], where: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise _bad(where, f"{name} が{count}回あります", f"{name} stands {count} times")


def _check_crosswalk(edition: Edition, file: str) -> None:
    for earlier, pairs in edition.crosswalk.items():
        for key in pairs:
            if edition.line(FACILITY, key) is None:
                raise _bad(
                    f"{file}: crosswalk: {earlier}", f"項目 {key} がありません", f"there is no item {key}"
                )


def _bad(where: str, ja: str, en: str) -> BadEdition:
    return BadEdition(f"{where}: {ja}。", f"{where}: {en}.")
