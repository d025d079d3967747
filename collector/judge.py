# SPDX-License-Identifier: Apache-2.0
"""Judges an edition on a case: every item of every sheet with verdict, answers, problems. Pure.

The scan proposes, a person signs: what a person marked stands beside the verdict and is never
changed by it; where the two disagree, the contradiction is said.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

from collector.carry_over import Answers, answer_key, answers_of, proposal
from collector.case import Case
from collector.edition import FACILITY, JUDGED_AS, PRESENCE, VENDOR, Edition, Line, Sheet
from collector.filling_in import problems_of
from collector.guard import Times, guarded, no_times
from collector.judged import JudgedItem, JudgedSheet, Judgement, Reminder
from collector.reminders import reminders_of
from collector.rules import load_rule
from collector.verdict import Judged, Text, Verdict
from inventory_db.stated import NO, NOT_APPLICABLE, YES, Answer, Vendor
from inventory_db.statements import Stated
from probes.facts import FactKind, Observation

_log = logging.getLogger(__name__)
# which of several verdicts stands for all of them: the first of these that is among them
_ORDER = (Verdict.PROVES_NO, Verdict.CANNOT_TELL, Verdict.ASK_PERSON, Verdict.SUPPORTS_YES)


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is the same for all items of one sheet."""

    edition: Edition
    case: Case
    answers: Answers
    reminders: tuple[Reminder, ...]
    absent: bool  # the facility has no medical information system: nothing else needs an answer
    times: Times

    @property
    def vendor_id(self) -> str:
        """The vendor's id, "" on the facility's sheet."""
        return self.case.vendor.id if self.case.vendor else ""


def judge(edition: Edition, case: Case, times: Times = no_times) -> Judgement:
    """Judge every item of the facility's sheet and of one sheet for each vendor under contract.

    `times` gives the moments of observations by id, so that evidence is weighed by its own age.
    """
    answers = answers_of(case)
    desk = _Desk(edition, case, answers, reminders_of(case), _is_absent(edition, case, answers), times)
    sheets = [_fill(desk, sheet) for sheet in edition.sheets if sheet.id == FACILITY]
    sheet = edition.sheet(VENDOR)
    if sheet and has_contract(case) is not False:
        vendors = [vendor for vendor in case.said(Vendor) if vendor.contract]
        sheets += [_fill(replace(desk, case=for_vendor(case, vendor)), sheet) for vendor in vendors]
    return Judgement(
        edition=edition,
        at=case.now,
        basis=case.basis,
        facility=case.facility,
        sheets=tuple(sheets),
        reminders=desk.reminders,
        problems=tuple(_problems(edition, case)),
    )


def for_vendor(case: Case, vendor: Vendor) -> Case:
    """Give the case as one vendor's sheet sees it: only the devices in its care."""
    own = frozenset(vendor.devices)
    devices = tuple(device for device in case.devices if device.id in own)
    addresses = {address.ip for device in devices for address in device.addresses if address.ip}
    return replace(
        case,
        vendor=vendor,
        devices=devices,
        rows=tuple(row for row in case.rows if row.device.id in own),
        access=_access_to(case, addresses),
    )


def _access_to(case: Case, addresses: set[str]) -> tuple[Observation, ...]:
    """Give the looks at these addresses, and the controls that belong to them wherever they went."""
    pairs = {
        pair for seen in case.access if seen.address in addresses for pair in seen.of(FactKind.ACCESS_PAIR)
    }
    return tuple(
        seen
        for seen in case.access
        if seen.address in addresses or pairs.intersection(seen.of(FactKind.ACCESS_PAIR))
    )


def has_contract(case: Case) -> bool | None:
    """Whether the facility has a contract with any vendor; None if nobody said."""
    if any(vendor.contract for vendor in case.said(Vendor)):
        return True
    return case.facility.has_vendor_contract if case.facility else None


def _fill(desk: _Desk, sheet: Sheet) -> JudgedSheet:
    return JudgedSheet(sheet, desk.case.vendor, tuple(_item(desk, line) for line in sheet.lines()))


def _item(desk: _Desk, line: Line) -> JudgedItem:
    judged = _excused(desk, line) or _judged(desk, line)
    first, second = (_answer(desk, line, round) for round in (1, 2))
    said = tuple(stated.said if stated else None for stated in (first, second))
    item = JudgedItem(
        line=line,
        judged=judged,
        basis=desk.case.basis if judged.from_scan else None,
        first=first,
        second=second,
        proposal=proposal(desk.edition, line, desk.vendor_id, desk.answers),
        problems=problems_of(line, said[0], said[1], desk.case.today, desk.case.attachments),
        reminders=_reminders(desk, line),
    )
    return replace(item, contradiction=_contradiction(item, desk.case))


def _answer(desk: _Desk, line: Line, round: int) -> Stated[Answer] | None:
    stands = desk.case.stated.get(Answer.KIND, {})
    found = stands.get(answer_key(desk.edition.id, line, desk.vendor_id, round))
    return found if found and isinstance(found.said, Answer) else None  # type: ignore[return-value]


def _reminders(desk: _Desk, line: Line) -> tuple[Reminder, ...]:
    keys = {answer_key(desk.edition.id, line, desk.vendor_id, round) for round in (1, 2)}
    return tuple(one for one in desk.reminders if one.kind == Answer.KIND and one.key in keys)


def _is_absent(edition: Edition, case: Case, answers: Answers) -> bool:
    """Whether somebody said that there is no medical information system at all (item 0)."""
    if line := edition.line(FACILITY, PRESENCE):
        for round in (2, 1):
            if answer := answers.get(answer_key(edition.id, line, "", round)):
                return answer.answer == NO
        return case.facility is not None and case.facility.has_system is False
    return False


def _excused(desk: _Desk, line: Line) -> Judged | None:
    """Give 対象外 where the form itself or the contract says that no answer is needed."""
    if desk.absent and line.key != PRESENCE:
        return _not_needed(
            "医療情報システムがない（項目 0 がいいえ）ので、記入は不要です。",
            "There is no medical information system (item 0 is no), so no answer is needed.",
        )
    if line.item.needs_contract and has_contract(desk.case) is False:
        return _not_needed(
            "事業者と契約していないので、記入は不要です。", "Without a vendor's contract no answer is needed."
        )
    if desk.case.vendor and line.key in desk.case.vendor.excluded:
        return _not_needed(
            "この事業者との契約に含まれないので、確認は不要です。",
            "The contract with this vendor leaves it out, so no answer is needed.",
        )
    return None


def _not_needed(ja: str, en: str) -> Judged:
    return Judged(
        verdict=Verdict.NOT_APPLICABLE, reason=Text(ja, en), toward_yes=Text("", ""), from_scan=False
    )


def _judged(desk: _Desk, line: Line) -> Judged:
    targets = JUDGED_AS.get(line.group.target, (line.group.target,))
    found = [_ask(line.item.rule, desk.case, target) for target in targets]
    judged = found[0] if len(found) == 1 else joined(found)
    vendor = desk.case.vendor
    if vendor and not vendor.devices and judged.from_scan:
        return replace(judged, verdict=Verdict.CANNOT_TELL, reason=_NO_DEVICES, toward_yes=_NAME_DEVICES)
    return guarded(judged, desk.case, desk.times)


def _ask(rule: str, case: Case, target: str) -> Judged:
    """Ask one rule; a fault in it is ours and proves nothing."""
    try:
        return load_rule(rule).judge(case, target)
    except Exception:
        _log.exception("rule %s failed for %s", rule, target)
        return Judged(verdict=Verdict.CANNOT_TELL, reason=_OUR_FAULT, toward_yes=_BY_HAND, from_scan=False)


def joined(found: list[Judged]) -> Judged:
    """Give several verdicts as the one of a line that joins them: the worst stands for all."""
    asked = [one for one in found if one.verdict is not Verdict.NOT_APPLICABLE] or found
    worst = min(asked, key=lambda one: _ORDER.index(one.verdict) if one.verdict in _ORDER else len(_ORDER))
    return Judged(
        verdict=worst.verdict,
        reason=worst.reason,
        toward_yes=worst.toward_yes,
        findings=tuple(finding for one in asked for finding in one.findings),
        observations=tuple(dict.fromkeys(id for one in asked for id in one.observations)),
        from_scan=any(one.from_scan for one in asked),
    )


def _contradiction(item: JudgedItem, case: Case) -> Text | None:
    """Say where the person's mark and the evidence disagree; None if they do not."""
    mark, verdict = item.mark, item.judged.verdict
    if item.line.key == PRESENCE and mark == NO and case.devices:
        count = len(case.devices)
        return Text(
            f"「いいえ」（医療情報システムなし）とありますが、台帳に{count}台の機器があります。",
            f"Marked no (no medical information system), but the ledger holds {count} devices.",
        )
    if mark in (YES, NOT_APPLICABLE) and verdict is Verdict.PROVES_NO:
        return Text(
            f"記入は「{mark}」ですが、いいえの証拠があります: {item.judged.reason.ja}",
            f"The mark is “{_EN[mark]}”, but there is evidence of no: {item.judged.reason.en}",
        )
    if mark == NO and verdict is Verdict.SUPPORTS_YES:
        return Text(
            "記入は「いいえ」ですが、証拠ははいを支持しています。対策が済んだなら次の回に記入してください。",
            "The mark is no, but the evidence supports yes. If it is done by now, say so in the next round.",
        )
    return None


def _problems(edition: Edition, case: Case) -> Iterator[Text]:
    facility = case.facility
    contracted = [vendor for vendor in case.said(Vendor) if vendor.contract]
    if facility and facility.has_vendor_contract is False and contracted:
        yield Text(
            f"施設の記入では事業者との契約がありませんが、契約中の事業者が{len(contracted)}あります。",
            f"The facility says it has no vendor's contract, but {len(contracted)} vendors are under contract.",
        )
    if facility and facility.form != edition.form:
        yield Text(
            f"施設の種類（{facility.form}）と様式（{edition.form}）が違います。",
            f"The facility is a {facility.form}, but the form is for a {edition.form}.",
        )
    vendors = {vendor.id for vendor in case.said(Vendor)}
    for answer in case.said(Answer):
        if answer.edition == edition.id and not _has_place(edition, answer, vendors):
            yield Text(
                f"この様式にない項目への回答があります（{answer.key}）。",
                f"There is an answer to an item that the form does not have ({answer.key}).",
            )


def _has_place(edition: Edition, answer: Answer, vendors: set[str]) -> bool:
    known = edition.line(answer.sheet, f"{answer.target}/{answer.number}") is not None
    return known and (answer.vendor in vendors if answer.sheet == VENDOR else not answer.vendor)


_EN = {YES: "yes", NO: "no", NOT_APPLICABLE: "not applicable"}
_OUR_FAULT = Text(
    "この製品の不具合で判定できませんでした。網や機器の問題ではありません。",
    "A fault of this product kept it from judging. It says nothing about the network or its devices.",
)
_BY_HAND = Text(
    "人が確かめて記入し、不具合を開発元へ知らせてください。",
    "A person checks and answers; please tell the developers.",
)
_NO_DEVICES = Text(
    "この事業者が受け持つ機器が記入されていないので、判定できません。",
    "The devices in this vendor's care are not stated, so it cannot be judged.",
)
_NAME_DEVICES = Text(
    "この事業者が受け持つ機器を記入してください。", "State the devices in this vendor's care."
)
