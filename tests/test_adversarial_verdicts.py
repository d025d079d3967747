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
from deploy.bench.made_up import NOW, device, scan
from deploy.bench.situations import GOOD, Situation, all_situations
from deploy.bench.verdicts import faults_of
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
