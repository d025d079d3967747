# SPDX-License-Identifier: Apache-2.0
"""The manual's reading of item 2-(8): limits of MAC addresses and of wireless stations, stated or tested. Pure.

A person's word counts with how it is done and an attachment that is held; a test that an unlisted MAC
passes beats it. (The manual itself says that the effect of MAC limits is small.)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from collector.case import Case
from collector.source_looks import Look
from collector.source_pairs import Answers, Limit, Tested, judge_card
from collector.verdict import Finding, Text
from inventory_db.device import Device
from inventory_db.stated import AccessLimit
from inventory_db.typed_values import is_no_answer

OLDEST_WORD = timedelta(days=400)  # a statement of last year's round is too old


@dataclass(frozen=True, slots=True)
class MacReading:
    """What is known of it: whether it holds, in one sentence, and what to do if not."""

    holds: bool
    text: Text
    todo: Text
    findings: tuple[Finding, ...] = ()


def read_mac_limits(case: Case, looks: Sequence[tuple[Device, Look]]) -> MacReading:
    """Judge what people stated and what was tested."""
    stated = case.said(AccessLimit)
    tests = tuple(_tests(case, looks))
    findings = (*(_of_statement(case, one) for one in stated), *(_of_test(*one) for one in tests))
    opened = any(tested.limit is Limit.OPEN for _, tested in tests)
    limited = any(tested.limit is Limit.LIMITED for _, tested in tests)
    unlimited = [one.place for one in stated if not one.limited]
    shown = [one for one in stated if one.limited and _is_shown(case, one)]
    bare = [one.place for one in stated if one.limited and not _is_shown(case, one)]
    if opened and any(one.limited for one in stated):
        return MacReading(False, _CONTRADICTION, _MEND, findings)
    if opened:
        return MacReading(False, _PASSED, _MEND, findings)
    if unlimited:
        places = "、".join(unlimited[:5])
        text = Text(f"{places} は限っていないと記入されています。", f"stated as not limited: {places}.")
        return MacReading(False, text, _MEND, findings)
    if bare:
        places = "、".join(bare[:5])
        text = Text(
            f"{places} は限っていると記入されていますが、方法か資料がないか、古いものです。",
            f"stated as limited without saying how, without a document, or too long ago: {places}.",
        )
        return MacReading(False, text, _STATE, findings)
    if shown or limited:
        return MacReading(True, _TESTED if limited else _STATED, Text("", ""), findings)
    return MacReading(False, _NOTHING, _STATE, findings)


def _is_shown(case: Case, one: AccessLimit) -> bool:
    """Whether the statement says how, has an attachment that is held, and is not of another time."""
    held = any(id in case.attachments for id in one.attachments)
    age = case.today - one.on
    return not is_no_answer(one.how) and held and timedelta(0) <= age <= OLDEST_WORD


def _tests(case: Case, looks: Sequence[tuple[Device, Look]]) -> Iterator[tuple[Device, Tested]]:
    every = Answers.among(look for _, look in looks)
    devices = {device.id: device for device, look in looks if look.made_mac}
    own: dict[str, list[Look]] = {id: [] for id in devices}
    for device, look in looks:
        if device.id in own:
            own[device.id].append(look)
    for id in sorted(devices):
        yield devices[id], judge_card(own[id], every, case.is_fresh)


def _of_statement(case: Case, one: AccessLimit) -> Finding:
    how = f"（{one.how}）" if one.how else ""
    if one.limited:
        text = Text(
            f"{one.place}: 接続できる端末を限っている{how}と {one.by} が {one.on} に記入しました。",
            f"{one.place}: {one.by} stated on {one.on} that stations are limited ({one.how or 'how is not said'}).",
        )
    else:
        text = Text(
            f"{one.place}: 接続できる端末を限っていないと {one.by} が {one.on} に記入しました。",
            f"{one.place}: {one.by} stated on {one.on} that stations are not limited.",
        )
    return Finding(
        code="mac.stated_limited" if one.limited else "mac.stated_open",
        about=one.place,
        text=text,
        todo=None if one.limited else _MEND,
        against=not one.limited,
        proven=one.limited and _is_shown(case, one),
        sure="likely",
    )


def _of_test(device: Device, tested: Tested) -> Finding:
    address = next((one.ip for one in device.addresses if one.ip), device.id)
    limited = tested.limit is Limit.LIMITED
    code = {Limit.OPEN: "mac.open", Limit.LIMITED: "mac.limited", Limit.UNKNOWN: "mac.untold"}[tested.limit]
    return Finding(
        code=code,
        device=device.id,
        text=Text(f"{address}: {tested.text.ja}", f"{address}: {tested.text.en}"),
        todo=_MEND if tested.limit is Limit.OPEN else None,
        against=not limited,
        proven=limited,  # that MACs are free is no proof of いいえ: the manual names it as an example
        observations=tested.observations,
    )


_CONTRADICTION = Text(
    "限っていると記入されていますが、試験では登録していない MAC が通りました（食い違い）。",
    "stated as limited, yet a card with an unlisted MAC got through in the test (contradiction).",
)
_PASSED = Text(
    "試験で登録していない MAC が通りました。", "a card with an unlisted MAC got through in the test."
)
_STATED = Text(
    "限っていることが、方法と資料を添えて記入されています。", "stated as limited, with how and a document."
)
_TESTED = Text(
    "試験で登録していない MAC は通りませんでした。", "a card with an unlisted MAC did not get through."
)
_NOTHING = Text("何も記入されておらず、試験もしていません。", "nothing was stated and nothing was tested.")
_STATE = Text(
    "無線やスイッチで接続できる端末をどう限っているか（MAC の一覧、IEEE 802.1X など）を、資料を添えて記入してください。",
    "State how stations are limited on wireless and switches (a list of MACs, IEEE 802.1X or the like), and attach what shows it.",
)
_MEND = Text(
    "無線とスイッチで、接続できる端末を限ってください（IEEE 802.1X が確実です。MAC の一覧の効果は限定的です）。",
    "Limit the stations on wireless and switches (IEEE 802.1X is sound; lists of MACs have little effect).",
)
