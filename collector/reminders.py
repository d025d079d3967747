# SPDX-License-Identifier: Apache-2.0
"""What ran out or soon will: evidence, documents, confirmations, approvals, contracts, reviews. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from collector.case import Case
from collector.judged import Reminder
from collector.verdict import Text
from inventory_db.stated import (
    Answer,
    Approval,
    Confirmation,
    Document,
    Mitigation,
    Review,
    Statement,
    Vendor,
)

SOON = timedelta(days=30)  # before the day, when people are reminded
# kind → the date's field, and what it is about
_DATED: dict[type[Statement], tuple[str, str, str]] = {
    Answer: ("valid_until", "回答の根拠", "evidence of an answer"),
    Document: ("valid_until", "文書", "document"),
    Confirmation: ("valid_until", "事業者の確認", "vendor's confirmation"),
    Approval: ("until", "サービスの承認", "approval of a service"),
    Mitigation: ("until", "事業者による対処の説明", "vendor's mitigation"),
    Vendor: ("contract_until", "事業者との契約", "contract with a vendor"),
    Review: ("next_due", "経営層の見直し", "executive's review"),
}


def reminders_of(case: Case, soon: timedelta = SOON) -> tuple[Reminder, ...]:
    """Give everything that ran out or will within `soon`, the most urgent first."""
    found = [reminder for kind in _DATED for reminder in _of_kind(case, kind, soon)]
    return tuple(sorted(found, key=lambda one: (one.until, one.kind, one.key)))


def _of_kind(case: Case, kind: type[Statement], soon: timedelta) -> Iterator[Reminder]:
    field, ja, en = _DATED[kind]
    for said in _latest(case, kind):
        until: date | None = getattr(said, field)
        if until is not None and until <= case.today + soon:
            yield _reminder(said, until, case.today, _name(said), ja, en)


def _latest(case: Case, kind: type[Statement]) -> Iterator[Statement]:
    """Give what stands; of the reviews only the newest of each subject."""
    stands = case.said(kind)
    if kind is not Review:
        yield from stands
        return
    newest = {one.subject: one for one in sorted(case.said(Review), key=lambda one: one.on)}
    yield from newest.values()


def _name(said: Statement) -> str:
    for field in ("title", "name", "subject"):
        if getattr(said, field, ""):
            return str(getattr(said, field))
    return said.key


def _reminder(said: Statement, until: date, today: date, name: str, ja: str, en: str) -> Reminder:
    expired = until < today
    if expired:
        text = Text(
            f"{ja}「{name}」の期限（{until}）が過ぎています。", f"The {en} “{name}” ran out on {until}."
        )
    else:
        days = (until - today).days
        text = Text(
            f"{ja}「{name}」の期限（{until}）まであと{days}日です。",
            f"The {en} “{name}” runs out in {days} days ({until}).",
        )
    return Reminder(said.KIND, said.key, until, expired, text)
