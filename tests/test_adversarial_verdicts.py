# SPDX-License-Identifier: Apache-2.0
"""No はいを支持 without sufficient evidence: made-up situations over the real judge and all real rules."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.edition import edition_names, load_edition
from collector.judge import judge
from collector.verdict import Verdict
from deploy.bench.good_facility import SAID, facility, gateway, hosts
from deploy.bench.made_up import HELD, NOW, device, scan
from deploy.bench.situations import GOOD, Situation, all_situations
from deploy.bench.verdicts import faults_of
from inventory_db.stated import (
    AccessLimit,
    Answer,
    Approval,
    Confirmation,
    Document,
    Mitigation,
    RemoteAccess,
    Review,
    Statement,
    Vendor,
)
from probes.facts import Sure

SITUATIONS = all_situations()
EDITIONS = {name: load_edition(name) for name in edition_names()}


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda one: one.name)
def test_the_situation_is_judged_as_it_deserves(situation: Situation) -> None:
    assert not [str(fault) for fault in faults_of(situation)]


def test_there_are_enough_situations_and_none_twice() -> None:
    names = Counter(situation.name for situation in SITUATIONS)
    assert len(names) >= 60
    assert not [name for name, count in names.items() if count > 1]


def test_the_good_facility_deserves_its_yes() -> None:
    """Otherwise a judge that never says yes would pass."""
    found = judge(EDITIONS["R6-hospital"], facility())
    yes = {item.line.key for item in found.sheets[0].items if item.judged.verdict is Verdict.SUPPORTS_YES}
    assert yes == GOOD


def test_no_edition_says_yes_on_a_look_that_is_not_whole() -> None:
    for situation in SITUATIONS:
        case = situation.build()
        for edition in EDITIONS.values():
            found = judge(edition, case)
            for item in found.sheets[0].items:
                rests = item.judged.from_scan and item.judged.verdict is Verdict.SUPPORTS_YES
                assert not rests or (case.basis.complete and case.basis.fresh), (situation.name, edition.id)


SCANS = st.lists(
    st.builds(
        lambda state, days, planned, finished, privileged, profile, scope: scan(
            state=state,
            days_ago=days,
            planned=planned,
            finished=finished,
            privileged=privileged,
            profile=profile,
            scope=scope,
        ),
        st.sampled_from(["complete", "stopped", "failed", "running", "?"]),
        st.floats(-400, 400),
        st.sampled_from([0, 1, 126, 253, 254, 10**6]),
        st.sampled_from([0, 1, 126, 253, 254, 10**6]),
        st.booleans(),
        st.sampled_from(["listen", "gentle", "standard", "deep", "access", ""]),
        st.lists(
            st.sampled_from(["192.168.1.0/24", "192.168.1.0/25", "10.0.0.0/8", "2001:db8::/64", "x", ""]),
            max_size=3,
        ).map(tuple),
    ),
    max_size=4,
).map(tuple)
DEVICES = st.lists(
    st.builds(
        lambda id, last, kind, days: device(id, f"192.168.1.{last}", device_class=kind, days_ago=days),
        st.sampled_from(["sv", "pc", "x", "y"]),
        st.integers(2, 254),
        st.sampled_from(["server", "pc", "network", "medical", "unknown", ""]),
        st.floats(-100, 400),
    ),
    max_size=4,
    unique_by=lambda one: one.id,
)
VERSIONS = st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["v7.6.6", "v7.4.2", "3.25B", "0"]))


@settings(max_examples=150, deadline=None)
@given(
    scans=SCANS,
    devices=DEVICES,
    version=VERSIONS,
    sure=st.sampled_from(Sure),
    without=st.sets(st.sampled_from(SAID)),
    days=st.floats(-500, 500),
    data=st.data(),
)
def test_random_facilities_never_deserve_a_yes_by_accident(
    scans: tuple[object, ...],
    devices: list[object],
    version: str | None,
    sure: Sure,
    without: set[object],
    days: float,
    data: st.DataObject,
) -> None:
    edition = EDITIONS[data.draw(st.sampled_from(sorted(EDITIONS)))]
    case = facility(
        without=without,  # type: ignore[arg-type]
        devices=hosts(gateway(version, sure=sure), *devices),  # type: ignore[arg-type]
        scans=scans,  # type: ignore[arg-type]
        now=NOW + timedelta(days=days),
    )
    found = judge(edition, case)
    whole = case.basis.complete and case.basis.fresh
    for sheet in found.sheets:
        for item in sheet.items:
            assert item.judged.reason.ja
            assert item.judged.reason.en
            assert "不具合" not in item.judged.reason.ja
            if item.judged.from_scan and not whole:
                assert item.judged.verdict not in (Verdict.SUPPORTS_YES, Verdict.NOT_APPLICABLE)


DAYS = st.dates()
WORDS = st.sampled_from(["", " ", "　", "接続申請書", "x"])
FILES = st.sampled_from([(), (HELD,), ("0" * 64,)])
STATES = st.sampled_from(["confirmed", "corrected", "denied", "none_in_use", "OK", ""])
IDS = st.sampled_from(["a", "b", ""])
SAYINGS = st.one_of(
    st.builds(
        Confirmation,
        vendor=IDS,
        path=st.sampled_from(["vpn", "none", "found:gw/ssl_vpn/443", "x", ""]),
        state=STATES,
        by=WORDS,
        on=DAYS,
        evidence=WORDS,
        attachments=FILES,
        valid_until=st.none() | DAYS,
    ),
    st.builds(
        RemoteAccess,
        id=st.sampled_from(["vpn", "x"]),
        vendor=IDS,
        device=st.sampled_from(["gw", "pc", ""]),
        means=st.sampled_from(["ssl_vpn", "ipsec", "mobile_router", ""]),
        port=st.sampled_from([0, 443, 500]),
    ),
    st.builds(Vendor, id=st.sampled_from(["a", "b"]), name=WORDS, contract=st.booleans(), contract_until=st.none() | DAYS, devices=st.sampled_from([(), ("gw",), ("pc", "?")])),
    st.builds(Review, subject=st.sampled_from(["ledger", "access_log"]), by=WORDS, on=DAYS, next_due=st.none() | DAYS),
    st.builds(Document, id=st.sampled_from(["mds", "chart", "bcp"]), type=st.sampled_from(["mds", "contact_chart", "bcp", ""]), vendor=IDS, on=DAYS, valid_until=st.none() | DAYS, attachments=FILES),
    st.builds(Answer, edition=st.just("R6-hospital"), sheet=st.sampled_from(["facility", "vendor", "x"]), target=st.sampled_from(["organisation", "all", "server"]), number=st.sampled_from(["0", "2-1", "2-7", "x"]), vendor=IDS, round=st.sampled_from([0, 1, 2, 9]), answer=st.sampled_from(["はい", "いいえ", "対象外", "?"]), on=DAYS, target_date=st.none() | DAYS, attachments=FILES, valid_until=st.none() | DAYS),
    st.builds(Approval, device=st.sampled_from(["sv", "?"]), port=st.integers(-1, 70000), reason=WORDS, approver=WORDS, until=DAYS),
    st.builds(Mitigation, device=st.just("gw"), advisory=st.just("CVE-2024-21762"), vendor=IDS, says=WORDS, by=WORDS, on=DAYS, until=st.none() | DAYS),
    st.builds(AccessLimit, place=WORDS, limited=st.booleans(), how=WORDS, by=WORDS, on=DAYS, attachments=FILES),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(said=st.lists(SAYINGS, max_size=6), without=st.sets(st.sampled_from(SAID)))
def test_whatever_people_state_needs_evidence_and_never_breaks_the_judge(
    said: list[Statement], without: set[Statement]
) -> None:
    case = facility(*said, without=without)
    held = [one for one in case.said(Confirmation) if one.evidence.strip() or HELD in one.attachments]
    files = [one for one in case.said(Document) if HELD in one.attachments]
    for sheet in judge(EDITIONS["R6-hospital"], case).sheets:
        for item in sheet.items:
            assert "不具合" not in item.judged.reason.ja
            if item.judged.verdict is Verdict.SUPPORTS_YES:
                assert held or item.line.key != "all/2-2"
                assert files or item.line.item.rule not in ("disclosures", "contact_chart", "continuity_plan")
