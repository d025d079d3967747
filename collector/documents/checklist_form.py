# SPDX-License-Identifier: Apache-2.0
"""One sheet of the checklist as it is filled in: what people marked, and apart from it what daicho says.

Marks, dates and remarks come only from people's answers; an item that nobody answered stays blank.
"""

from dataclasses import dataclass
from datetime import date, datetime

from collector.documents.era import era_day
from inventory_db.stated import NO, NOT_APPLICABLE, YES

BLANK_DAY = "（　　/　　）"  # as the form prints it


@dataclass(frozen=True, slots=True)
class Mark:
    """はい or いいえ of one round, or 対象外; "" is a blank."""

    answer: str = ""
    on: date | None = None

    @property
    def day(self) -> str:
        """The date as it stands in the box."""
        return f"（{era_day(self.on)}）" if self.answer and self.on else BLANK_DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLine:
    """One item of the form."""

    key: str  # "server/2-7"
    printed: str  # the number as the form prints it
    text: str
    note: str = ""
    mark: str = ""  # ※
    first: Mark = Mark()
    target_date: date | None = None
    second: Mark = Mark()
    remark: str = ""

    @property
    def goal(self) -> str:
        """The 目標日 as it stands in its box."""
        return f"（{era_day(self.target_date)}）" if self.target_date else BLANK_DAY


@dataclass(frozen=True, slots=True)
class FormGroup:
    """Items under one heading: サーバについて、以下を実施している。"""

    heading: str
    lines: tuple[FormLine, ...]


@dataclass(frozen=True, slots=True)
class FormSection:
    """One section: 1 体制構築."""

    title: str
    groups: tuple[FormGroup, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormPart:
    """One table of the form with the sentences above and below it."""

    heading: str = ""
    new_page: bool = False
    rounds: int = 2
    mark_heading: str = ""  # R5年度項目; "" if there is no such column
    notes: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    sections: tuple[FormSection, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What daicho says of one item, for the pages behind the form."""

    printed: str
    target: str
    text: str
    answered: str = ""  # what a person marked
    verdict: str
    reason: str
    toward_yes: str = ""
    evidence: tuple[str, ...] = ()  # numbers in the annex of evidence
    conflict: str = ""  # where a mark and the evidence disagree


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One sheet: 医療機関確認用, 薬局確認用, or 事業者確認用 of one vendor."""

    form_name: str
    edition_line: str = ""  # 令和6年度版
    title: str
    facility: str = ""
    vendor_field: str = ""  # 事業者名 on a vendor's sheet, else ""
    vendor: str = ""
    provisional: str = ""  # why the wording is not final, "" if it is
    number_after: bool = True  # whether an item's number stands behind its text
    parts: tuple[FormPart, ...]
    opinions: tuple[Opinion, ...] = ()
    basis: str = ""  # how complete and how old the looking is
    made: str = ""
    now: datetime

    @property
    def page_title(self) -> str:
        """The title with the form's name, for footers and file properties."""
        return f"{self.edition_line}　{self.title}　{self.form_name}".strip("　")


def is_circled(mark: Mark, word: str) -> bool:
    """Say whether this word of はい・いいえ gets the circle."""
    return mark.answer == word and word in (YES, NO)


def remark_text(line: FormLine) -> str:
    """Give the 備考: the person's words, with 対象外 where the form has no word for it."""
    excluded = NOT_APPLICABLE in (line.first.answer, line.second.answer)
    parts = (NOT_APPLICABLE if excluded and NOT_APPLICABLE not in line.remark else "", line.remark)
    return "　".join(part for part in parts if part)


def printed_number(line: FormLine) -> str:
    """Give the number as the form prints it; item 0 stands without one."""
    return "" if line.printed == "0" else line.printed


def item_text(form: Form, line: FormLine) -> str:
    """Give the item as the form words it, with its number before or behind."""
    number = printed_number(line)
    return f"{line.text}{number}" if form.number_after else f"{number} {line.text}".lstrip()
