# SPDX-License-Identifier: Apache-2.0
"""What comes out of judging: sheets with their items, as values that papers, pages and the API show."""

from dataclasses import dataclass
from datetime import date, datetime

from collector.edition import Edition, Line, Sheet
from collector.verdict import Basis, Judged, Text, Verdict
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer, Facility, Vendor
from inventory_db.statements import Stated


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the answers of an earlier edition suggest; never an answer by itself."""

    answer: str  # はい, いいえ, or "" where the earlier answers give none
    text: Text
    answers: tuple[Answer, ...]  # the earlier answers it comes from


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something with a date that ran out, or soon will."""

    kind: str  # kind of the statement
    key: str  # its key
    until: date
    expired: bool
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedItem:
    """One item of one sheet: the verdict, and beside it what the person answered."""

    line: Line
    judged: Judged
    basis: Basis | None  # None: the verdict does not rest on a scan
    first: Stated[Answer] | None = None  # 1回目
    second: Stated[Answer] | None = None  # 2回目
    proposal: Proposal | None = None
    contradiction: Text | None = None  # the person's mark and the evidence disagree; the mark stays
    problems: tuple[Text, ...] = ()  # of filling in
    reminders: tuple[Reminder, ...] = ()

    @property
    def needed(self) -> bool:
        """Whether the item needs an answer."""
        return self.judged.verdict is not Verdict.NOT_APPLICABLE

    @property
    def mark(self) -> str:
        """What the person marked last: はい, いいえ, 対象外, or "" for nothing."""
        for stated in (self.second, self.first):
            if stated and stated.said.answer in (YES, NO, NOT_APPLICABLE):
                return stated.said.answer
        return ""

    @property
    def needs_a_look(self) -> bool:
        """Whether a person must look at it: evidence of いいえ, a contradiction or a problem."""
        return bool(self.judged.verdict is Verdict.PROVES_NO or self.contradiction or self.problems)


@dataclass(frozen=True, slots=True)
class JudgedSheet:
    """One sheet filled: 医療機関確認用, or 事業者確認用 of one vendor."""

    sheet: Sheet
    vendor: Vendor | None
    items: tuple[JudgedItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Everything that the product says of one edition at one moment."""

    edition: Edition
    at: datetime
    basis: Basis
    facility: Facility | None
    sheets: tuple[JudgedSheet, ...]
    reminders: tuple[Reminder, ...] = ()
    problems: tuple[Text, ...] = ()  # of what was stated, where it is about no single item

    @property
    def needs_a_look(self) -> bool:
        """Whether a person must look at anything."""
        return bool(self.problems) or any(item.needs_a_look for sheet in self.sheets for item in sheet.items)
