# SPDX-License-Identifier: Apache-2.0
"""The crosswalk at work: what an earlier edition's answers suggest for an item; never an answer. Pure."""

from collections.abc import Mapping

from collector.case import Case
from collector.edition import Edition, Line
from collector.judged import Proposal
from collector.verdict import Text
from inventory_db.stated import NO, YES, Answer

Answers = Mapping[str, Answer]  # key of Answer → what stands


def answers_of(case: Case) -> Answers:
    """Give every answer that stands, by its key."""
    return {answer.key: answer for answer in case.said(Answer)}


def answer_key(edition: str, line: Line, vendor: str, round: int, key: str = "") -> str:
    """Give the key under which an item's answer stands."""
    target, _, number = (key or line.key).partition("/")
    return "/".join((edition, line.sheet.id, vendor, target, number, str(round)))


def proposal(edition: Edition, line: Line, vendor: str, answers: Answers) -> Proposal | None:
    """Propose from the newest earlier edition that has an answer; None if none has."""
    for earlier, pairs in edition.crosswalk.items():
        olds = pairs.get(line.key, ())
        found = [_last(answers, earlier, line, vendor, old) for old in olds]
        known = tuple(answer for answer in found if answer is not None)
        if known:
            return _propose(earlier, line, known, len(olds))
    return None


def _last(answers: Answers, earlier: str, line: Line, vendor: str, old: str) -> Answer | None:
    for round in (2, 1):
        if answer := answers.get(answer_key(earlier, line, vendor, round, old)):
            return answer
    return None


def _propose(earlier: str, line: Line, known: tuple[Answer, ...], wanted: int) -> Proposal:
    words = {answer.answer for answer in known}
    if NO in words:
        answer = NO
    elif words == {YES} and len(known) == wanted:
        answer = YES
    else:
        answer = ""
    told_ja = "、".join(f"{one.target}/{one.number}: {one.answer}（{one.on}）" for one in known)
    told_en = ", ".join(f"{one.target}/{one.number}: {one.answer} ({one.on})" for one in known)
    change = line.item.change
    return Proposal(
        answer,
        Text(
            f"前の版（{earlier}）では {told_ja} でした。{change}今年も確かめてから記入してください。",
            f"The earlier edition ({earlier}) had {told_en}. Check again before answering.",
        ),
        known,
    )
