# SPDX-License-Identifier: Apache-2.0
"""The judge: what people answered stands beside the verdict, and no rule claims more than the looking bears."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from collector.edition import load_edition
from collector.judge import judge
from collector.judged import JudgedItem, Judgement
from collector.verdict import Verdict
from inventory_db.device import Confidence
from inventory_db.stated import Answer, Document, Facility, Statement, Vendor
from probes.facts import Sure
from tests.judge_cases import HELD, LAN, NOW, case, device, moved, scan

R6 = load_edition("R6-hospital")
R7 = load_edition("R7-hospital")
HOSPITAL = Facility(name="東山台病院", has_system=True, networks=(LAN,))


def answer(number: str = "2-4", target: str = "server", **given: object) -> Answer:
    fields: dict[str, object] = {
        "edition": "R6-hospital",
        "sheet": "facility",
        "answer": "はい",
        "on": date(2024, 5, 1),
    }
    return Answer(target=target, number=number, **(fields | given))  # type: ignore[arg-type]


def item(found: Judgement, key: str, vendor: str | None = None) -> JudgedItem:
    sheets = [s for s in found.sheets if (s.vendor.id if s.vendor else None) == vendor]
    return next(one for sheet in sheets for one in sheet.items if one.line.key == key)


def problems(*said: Statement, key: str = "server/2-4") -> str:
    return " ".join(text.ja for text in item(judge(R6, case(HOSPITAL, *said)), key).problems)


def test_every_item_of_every_sheet_is_judged() -> None:
    found = judge(R6, case(HOSPITAL, Vendor(id="a", name="A社"), Vendor(id="b", name="B社", contract=False)))
    assert [(s.sheet.id, s.vendor and s.vendor.id, len(s.items)) for s in found.sheets] == [
        ("facility", None, 19),
        ("vendor", "a", 14),
    ]
    assert all(one.judged.reason.ja and one.judged.reason.en for s in found.sheets for one in s.items)


def test_without_a_contract_two_items_need_no_answer_and_there_is_no_vendor_sheet() -> None:
    found = judge(R6, case(Facility(name="x", has_vendor_contract=False)))
    unneeded = {one.line.key for one in found.sheets[0].items if not one.needed}
    assert unneeded == {"all/2-2", "all/2-3"}
    assert len(found.sheets) == 1


def test_a_contract_that_is_denied_and_stated_at_once_is_a_problem() -> None:
    found = judge(R6, case(Facility(name="x", has_vendor_contract=False), Vendor(id="a", name="A社")))
    assert item(found, "all/2-3").needed
    assert found.problems


def test_no_system_makes_everything_else_unneeded() -> None:
    no = answer("0", "organisation", answer="いいえ")
    found = judge(R6, case(HOSPITAL, no, devices=[device()]))
    assert {one.line.key for one in found.sheets[0].items if one.needed} == {"organisation/0"}
    assert "1台" in (item(found, "organisation/0").contradiction or pytest.fail("no contradiction")).ja


def test_what_a_contract_leaves_out_needs_no_answer() -> None:
    found = judge(R6, case(HOSPITAL, Vendor(id="a", name="A社", excluded=("server/2-6",))))
    assert item(found, "server/2-6", "a").judged.verdict is Verdict.NOT_APPLICABLE
    assert item(found, "server/2-6").judged.verdict is Verdict.ASK_PERSON


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"answer": "いいえ"}, "目標日がありません"),
        ({"answer": "いいえ", "target_date": date(2025, 4, 1)}, "令和6年度"),
        ({"answer": "いいえ", "target_date": date(2024, 3, 31)}, "令和6年度"),
        ({"answer": "いいえ", "target_date": date(2024, 4, 2)}, "1回目の日付"),
        ({"on": date(2024, 12, 24)}, "今日より先"),
        ({"on": date(1924, 1, 1)}, "古すぎ"),
        ({"answer": "たぶん"}, "どれでもありません"),
        ({"answer": "対象外"}, "「はい」か「いいえ」だけ"),
        ({"attachments": ("0" * 64,)}, "見つかりません"),
        ({"round": 2}, "1回目がないのに"),
    ],
)
def test_a_slip_in_filling_in_is_told(given: dict[str, Any], told: str) -> None:
    assert told in problems(answer(**given))


def test_what_is_filled_in_well_has_no_problem() -> None:
    first = answer(answer="いいえ", target_date=date(2024, 12, 31), attachments=(HELD,))
    assert problems(first, answer(round=2, on=date(2024, 11, 1))) == ""


def test_a_second_round_before_the_first_is_told() -> None:
    assert "より前" in problems(answer(), answer(round=2, on=date(2024, 4, 1)))


def test_an_answer_without_place_is_told() -> None:
    found = judge(R6, case(HOSPITAL, answer("2-99"), answer(vendor="nobody", sheet="vendor")))
    assert len(found.problems) == 2


def test_last_years_answers_are_proposed_never_taken_over() -> None:
    said = [answer("2-7", target, on=date(2024, 6, 1)) for target in ("server", "pc")]
    found = item(judge(R7, case(HOSPITAL, *said)), "all/2-6")
    assert found.proposal
    assert found.proposal.answer == ""  # one of three earlier rows has no answer
    assert found.mark == ""
    said.append(answer("2-7", "network", on=date(2024, 6, 1)))
    assert item(judge(R7, case(HOSPITAL, *said)), "all/2-6").proposal.answer == "はい"  # type: ignore[union-attr]
    said.append(answer("2-7", "network", round=2, answer="いいえ", on=date(2024, 7, 1)))
    assert item(judge(R7, case(HOSPITAL, *said)), "all/2-6").proposal.answer == "いいえ"  # type: ignore[union-attr]


def test_what_runs_out_is_reminded_of() -> None:
    said = (
        answer(valid_until=date(2024, 12, 5)),
        Document(id="x", type="bcp", on=date(2023, 1, 1), valid_until=date(2024, 1, 1)),
    )
    found = judge(R6, case(HOSPITAL, *said))
    assert [(one.kind, one.expired) for one in found.reminders] == [("document", True), ("answer", False)]
    assert [one.kind for one in item(found, "server/2-4").reminders] == ["answer"]


def test_a_chart_supports_yes_only_as_a_file_that_has_not_run_out() -> None:
    chart = Document(
        id="c", type="contact_chart", on=date(2024, 4, 1), attachments=(HELD,), valid_until=date(2025, 3, 31)
    )
    now = case(HOSPITAL, chart)
    assert item(judge(R6, now), "organisation/3-1").judged.verdict is Verdict.SUPPORTS_YES
    assert item(judge(R6, moved(now, 200)), "organisation/3-1").judged.verdict is Verdict.ASK_PERSON
    claimed = Document(id="c", type="contact_chart", on=date(2024, 4, 1))
    assert item(judge(R6, case(HOSPITAL, claimed)), "organisation/3-1").judged.verdict is Verdict.ASK_PERSON


def test_disclosures_of_every_vendor_are_needed() -> None:
    vendors = (Vendor(id="a", name="A社"), Vendor(id="b", name="B社"))
    one = Document(id="1", type="mds", vendor="a", version="5.0", on=date(2024, 4, 1), attachments=(HELD,))
    found = judge(R6, case(HOSPITAL, *vendors, one))
    assert item(found, "all/2-3").judged.verdict is Verdict.ASK_PERSON
    assert item(found, "all/2-3", "a").judged.verdict is Verdict.SUPPORTS_YES
    assert item(found, "all/2-3", "b").judged.verdict is Verdict.ASK_PERSON


def test_the_basis_says_how_much_was_looked_at() -> None:
    whole = case(HOSPITAL, devices=[device()]).basis
    assert whole.complete
    assert whole.fresh
    half = case(HOSPITAL, devices=[device()], scans=(scan(state="stopped", finished=100),)).basis
    assert not half.complete
    assert "途中" in half.text.ja
    old = case(HOSPITAL, devices=[device()], scans=(scan(days_ago=40),)).basis
    assert old.complete
    assert not old.fresh


def test_a_rule_that_raises_is_our_fault_and_nobody_elses(caplog: pytest.LogCaptureFixture) -> None:
    broken = replace(case(HOSPITAL, devices=[device()]), knowledge=None)  # type: ignore[arg-type]
    found = judge(R6, broken)
    failed = item(found, "server/2-7")
    assert failed.judged.verdict is Verdict.CANNOT_TELL
    assert "不具合" in failed.judged.reason.ja
    assert "rule patches failed" in caplog.text
    assert item(found, "server/2-4").judged.verdict is Verdict.ASK_PERSON


def test_a_mark_stays_when_the_evidence_disagrees() -> None:
    yes = answer("2-1", "all")
    lost = case(HOSPITAL, yes, devices=[device(), device("d2", "192.168.1.11")], filled=["d1"])
    found = item(judge(R6, lost), "all/2-1")
    assert found.judged.verdict is Verdict.PROVES_NO
    assert found.mark == "はい"
    assert found.contradiction
    assert found.needs_a_look
    assert "いいえの証拠" in found.contradiction.ja
    chart = Document(id="c", type="contact_chart", on=date(2024, 4, 1), attachments=(HELD,))
    no = answer("3-1", "organisation", answer="いいえ", target_date=date(2024, 12, 1))
    assert item(judge(R6, case(HOSPITAL, no, chart)), "organisation/3-1").contradiction


def test_each_vendor_is_judged_on_the_devices_in_its_care() -> None:
    weak = device("d2", "192.168.1.11", os="Windows Server 2008 R2", os_version="6.1.7601")
    said = (
        Vendor(id="a", name="A社", devices=("d1",)),
        Vendor(id="b", name="B社", devices=("d2",)),
        Vendor(id="c", name="C社"),
    )
    found = judge(R6, case(HOSPITAL, *said, devices=[device(), weak]))
    verdicts = {id: item(found, "server/2-7", id).judged.verdict for id in ("a", "b", "c")}
    assert verdicts == {"a": Verdict.CANNOT_TELL, "b": Verdict.PROVES_NO, "c": Verdict.CANNOT_TELL}
    assert "受け持つ機器" in item(found, "server/2-7", "c").judged.reason.ja
    assert item(found, "server/2-7").judged.verdict is Verdict.PROVES_NO


def test_old_proof_is_a_suspicion_and_an_incomplete_look_is_said() -> None:
    weak = device("d2", "192.168.1.11", os="Windows Server 2008 R2", os_version="6.1.7601")
    half = case(HOSPITAL, devices=[weak], scans=(scan(state="stopped", finished=9),))
    found = item(judge(R6, half), "server/2-7")
    assert found.judged.verdict is Verdict.PROVES_NO
    assert "完全ではありません" in found.judged.reason.ja
    old = moved(half, 60)
    aged = item(judge(R6, old), "server/2-7")
    assert aged.judged.verdict is Verdict.CANNOT_TELL
    assert not any(finding.proven and finding.against for finding in aged.judged.findings)


def test_the_moments_of_the_evidence_itself_count() -> None:
    """The device was seen yesterday, but what it said of its version is a year old."""
    weak = device("d2", "192.168.1.11", os="Windows Server 2008 R2", os_version="6.1.7601")
    weak = replace(
        weak,
        confidence={
            "os": Confidence(Sure.SURE, "", "", ("old",)),
            "os_version": Confidence(Sure.SURE, "", "", ("old",)),
        },
    )
    one = case(HOSPITAL, devices=[weak])
    seen = {"old": NOW - timedelta(days=365)}
    aged = item(judge(R6, one, lambda ids: {id: seen[id] for id in ids if id in seen}), "server/2-7")
    fresh = item(judge(R6, one, lambda ids: dict.fromkeys(ids, NOW)), "server/2-7")
    assert fresh.judged.verdict is Verdict.PROVES_NO
    assert aged.judged.verdict is Verdict.CANNOT_TELL
