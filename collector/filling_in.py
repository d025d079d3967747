# SPDX-License-Identifier: Apache-2.0
"""The rules of filling in: what is wrong with a person's answers, told with the field. Pure."""

from collections.abc import Iterator, Mapping
from datetime import date

from collector.edition import VENDOR, Line
from collector.verdict import Text
from inventory_db.attachments import Attachment
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer

EARLIEST = date(2000, 1, 1)  # a date before it is a slip of the pen


def problems_of(
    line: Line,
    first: Answer | None,
    second: Answer | None,
    today: date,
    attachments: Mapping[str, Attachment],
) -> tuple[Text, ...]:
    """Say what is wrong with the answers of one item; empty if nothing is."""
    found: list[Text] = []
    for answer in (first, second):
        if answer is not None:
            found += _of_one(line, answer, today, attachments)
    if first is not None:
        found += _of_goal(line, first)
    found += _of_rounds(line, first, second)
    return tuple(found)


def _of_one(line: Line, answer: Answer, today: date, attachments: Mapping[str, Attachment]) -> Iterator[Text]:
    round = answer.round
    if answer.answer not in (YES, NO, NOT_APPLICABLE):
        yield Text(
            f"{round}回目の答えが「はい」「いいえ」「対象外」のどれでもありません。",
            f"The answer of round {round} is none of yes, no, not applicable.",
        )
    if answer.on > today:
        yield Text(
            f"{round}回目の日付（{answer.on}）が今日より先です。",
            f"The date of round {round} ({answer.on}) lies in the future.",
        )
    if answer.on < EARLIEST:
        yield Text(
            f"{round}回目の日付（{answer.on}）が古すぎます。",
            f"The date of round {round} ({answer.on}) is too old.",
        )
    if answer.answer == NOT_APPLICABLE and line.sheet.id != VENDOR and not line.item.needs_contract:
        yield Text(
            "この様式では「はい」か「いいえ」だけを選べます。",
            "This form knows only yes and no for this item.",
        )
    missing = [id for id in answer.attachments if id not in attachments]
    if missing:
        yield Text(
            f"{round}回目の添付ファイルが{len(missing)}件見つかりません。",
            f"{len(missing)} attachments of round {round} are not here.",
        )


def _of_goal(line: Line, first: Answer) -> Iterator[Text]:
    period = line.part.goal_period
    if first.answer != NO or period is None:
        return
    begin, end = period
    goal = first.target_date
    if goal is None:
        yield Text(
            "1回目が「いいえ」なのに目標日がありません。", "Round 1 is no, but there is no target date."
        )
    elif not begin <= goal <= end:
        yield Text(
            f"目標日（{goal}）が{_fiscal(begin)}（{begin}から{end}まで）の外にあります。",
            f"The target date ({goal}) lies outside the fiscal year ({begin} to {end}).",
        )
    if goal is not None and goal < first.on:
        yield Text(
            f"目標日（{goal}）が1回目の日付（{first.on}）より前です。",
            f"The target date ({goal}) lies before the date of round 1 ({first.on}).",
        )


def _of_rounds(line: Line, first: Answer | None, second: Answer | None) -> Iterator[Text]:
    if second is None:
        return
    if line.part.rounds < 2:
        yield Text("この項目に2回目の欄はありません。", "This item has no second round.")
    elif first is None:
        yield Text("1回目がないのに2回目があります。", "There is a round 2 without round 1.")
    elif second.on < first.on:
        yield Text(
            f"2回目の日付（{second.on}）が1回目（{first.on}）より前です。",
            f"Round 2 ({second.on}) lies before round 1 ({first.on}).",
        )


def _fiscal(begin: date) -> str:
    return f"令和{begin.year - 2018}年度" if begin.year > 2019 else f"{begin.year}年度"
