# SPDX-License-Identifier: Apache-2.0
"""Item 2-(9): what listeners, approvals and an inventory are worth, and what they never are."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.case import Case
from collector.expected_services import BadBaseline, read_baseline, shipped_baseline
from collector.guard import guarded
from collector.rules.unneeded_services import judge
from collector.verdict import Judged, Verdict
from inventory_db.device import Device, Service, Touched, Weakness
from inventory_db.stated import Approval, Document, Facility, Statement
from inventory_db.weaknesses import BY_PORT, BY_SERVICE
from tests.judge_cases import HELD, LAN, NOW, case, device, scan, service

SITE = Facility(name="病院", networks=(LAN,))
TODAY = NOW.date()
INVENTORY = Document(id="inv", type="service_inventory", on=date(2024, 11, 1), attachments=(HELD,))
SMB = service(445, "smb")


def told(*said: Statement, devices: tuple[Device, ...] = (), **more: Any) -> Case:
    return case(SITE, *said, devices=devices, **more)


def judged(one: Case, target: str = "server") -> Judged:
    return guarded(judge(one, target), one)


def weak(code: str, port: int, transport: str = "tcp", detail: str = "x") -> Weakness:
    return Weakness(code, port, transport, detail, ("d1-o1",))


def approval(port: int, *, days: int = 30, transport: str = "tcp", **more: Any) -> Approval:
    fields = {"reason": "保守", "approver": "鈴木"} | more
    return Approval(device="d1", port=port, transport=transport, until=TODAY + timedelta(days=days), **fields)


def codes(one: Judged) -> list[str]:
    return [finding.code for finding in one.findings]


def test_a_scan_alone_never_supports_yes() -> None:
    found = judged(told(devices=(device(services=(SMB,)),)))
    assert found.verdict is Verdict.ASK_PERSON
    assert "service_inventory" in found.toward_yes.ja


def test_everything_known_and_an_inventory_support_yes() -> None:
    found = judged(told(INVENTORY, devices=(device(services=(SMB,)),)))
    assert found.verdict is Verdict.SUPPORTS_YES


@pytest.mark.parametrize(
    "document",
    [
        Document(id="i", type="service_inventory", on=date(2024, 11, 1)),
        Document(id="i", type="service_inventory", on=date(2024, 11, 1), attachments=("gone",)),
        Document(id="i", type="service_inventory", on=date(2022, 11, 1), attachments=(HELD,)),
        Document(id="i", type="service_inventory", on=date(2025, 11, 1), attachments=(HELD,)),
        Document(
            id="i",
            type="service_inventory",
            on=date(2024, 11, 1),
            valid_until=date(2024, 11, 2),
            attachments=(HELD,),
        ),
        Document(id="i", type="service_inventory_pc", on=date(2024, 11, 1), attachments=(HELD,)),
        Document(id="i", type="mds", on=date(2024, 11, 1), attachments=(HELD,)),
    ],
)
def test_an_inventory_that_does_not_hold(document: Document) -> None:
    assert judged(told(document, devices=(device(services=(SMB,)),))).verdict is Verdict.ASK_PERSON


def test_what_nobody_expects_and_nobody_approved_is_a_persons_to_decide() -> None:
    found = judged(told(INVENTORY, devices=(device(services=(SMB, service(5432, "postgresql"))),)))
    assert found.verdict is Verdict.ASK_PERSON
    assert codes(found) == ["service.unexpected"]


def test_an_approval_covers_its_port_until_it_ends() -> None:
    one = (device(services=(SMB, service(5432, "postgresql"))),)
    assert judged(told(INVENTORY, approval(5432), devices=one)).verdict is Verdict.SUPPORTS_YES
    late = judged(told(INVENTORY, approval(5432, days=-1), devices=one))
    assert late.verdict is Verdict.ASK_PERSON
    assert "service.approval_expired" in codes(late)
    for bare in (approval(5432, reason=" "), approval(5432, approver="")):
        assert judged(told(INVENTORY, bare, devices=one)).verdict is Verdict.ASK_PERSON
    other = judged(told(INVENTORY, approval(5433), devices=one))
    assert other.verdict is Verdict.ASK_PERSON


def test_an_approved_port_that_speaks_something_else_now() -> None:
    one = (device(services=(service(8080, "rdp"),)),)
    found = judged(told(INVENTORY, approval(8080, service="http"), devices=one))
    assert found.verdict is Verdict.ASK_PERSON
    assert codes(found) == ["service.changed"]
    same = judged(told(INVENTORY, approval(8080, service="遠隔保守用"), devices=one))
    assert same.verdict is Verdict.SUPPORTS_YES


PROVING = sorted(code for code, one in shipped_baseline().weak.items() if one.proves)
DOUBTFUL = sorted(code for code, one in shipped_baseline().weak.items() if not one.proves)


@pytest.mark.parametrize("code", PROVING)
def test_what_should_be_stopped_is_evidence_of_no_and_named(code: str) -> None:
    one = device(services=(Service(1, "tcp", None, None, None, ("d1-o1",)),), weaknesses=(weak(code, 1),))
    found = judged(told(INVENTORY, devices=(one,)))
    assert found.verdict is Verdict.PROVES_NO
    (proof,) = [finding for finding in found.findings if finding.proven and finding.against]
    label = shipped_baseline().weak[code].text
    assert label.ja in proof.text.ja
    assert label.en in proof.text.en
    assert proof.todo


@pytest.mark.parametrize("code", DOUBTFUL)
def test_what_may_be_meant_so_is_a_persons_to_decide(code: str) -> None:
    one = device(services=(SMB,), weaknesses=(weak(code, 9999),))
    assert judged(told(INVENTORY, devices=(one,))).verdict is Verdict.ASK_PERSON


def test_an_approved_telnet_is_needed_and_still_named() -> None:
    one = device(services=(service(23, "telnet"),), weaknesses=(weak("telnet", 23),))
    found = judged(told(INVENTORY, approval(23), devices=(one,)))
    assert found.verdict is Verdict.SUPPORTS_YES
    assert codes(found) == ["service.weak_approved"]
    assert found.findings[0].todo
    late = judged(told(INVENTORY, approval(23, days=-1), devices=(one,)))
    assert late.verdict is Verdict.PROVES_NO
    assert "期限" in late.findings[0].text.ja


def test_approving_a_port_does_not_approve_its_worst_way_of_speaking() -> None:
    one = device(services=(SMB,), weaknesses=(weak("smb1", 445),))
    assert judged(told(INVENTORY, approval(445), devices=(one,))).verdict is Verdict.PROVES_NO
    named = approval(445, service="SMBv1")
    assert judged(told(INVENTORY, named, devices=(one,))).verdict is Verdict.SUPPORTS_YES


def test_what_was_not_seen_is_no_yes() -> None:
    held = device(services=(SMB,), touched=Touched(held_back=("unclassified: 不明 / unknown",)))
    silent = device(services=(SMB,), answered_last=False)
    for one in (held, silent):
        found = judged(told(INVENTORY, devices=(one,)))
        assert found.verdict is Verdict.CANNOT_TELL
        assert "service.not_seen" in codes(found)
    gentle = told(INVENTORY, devices=(device(services=(SMB,)),), scans=(scan(profile="gentle"),))
    assert judged(gentle).verdict is Verdict.CANNOT_TELL


def test_no_device_of_the_class_cannot_tell() -> None:
    assert judged(told(INVENTORY)).verdict is Verdict.CANNOT_TELL
    assert judged(told(INVENTORY, devices=(device(),)), "pc").verdict is Verdict.CANNOT_TELL


def test_a_device_of_unknown_class_may_be_one_of_them() -> None:
    unknown = device("d2", "192.168.1.11", device_class="unknown")
    found = judged(told(INVENTORY, devices=(device(services=(SMB,)), unknown)))
    assert found.verdict is Verdict.CANNOT_TELL


def test_an_incomplete_scan_supports_nothing() -> None:
    found = judged(told(INVENTORY, devices=(device(services=(SMB,)),), scans=()))
    assert found.verdict is Verdict.CANNOT_TELL


def test_pcs_are_held_to_their_own_baseline() -> None:
    ssh = service(22, "ssh")
    assert judged(told(INVENTORY, devices=(device(services=(ssh,)),))).verdict is Verdict.SUPPORTS_YES
    pc = device(services=(ssh,), device_class="pc")
    assert judged(told(INVENTORY, devices=(pc,)), "pc").verdict is Verdict.ASK_PERSON


def test_a_port_that_speaks_another_protocol_is_not_expected() -> None:
    odd = device(services=(service(445, "http"),))
    assert judged(told(INVENTORY, devices=(odd,))).verdict is Verdict.ASK_PERSON


def test_every_code_of_the_ledger_is_in_the_baseline() -> None:
    known = shipped_baseline().weak
    shown = {"smb1", "vnc_open", "old_tls", "default_community", "upnp"}
    assert {*BY_SERVICE.values(), *BY_PORT.values(), *shown} == set(known)


@pytest.mark.parametrize(
    "text",
    [
        "expected: {server: [{ports: [0/tcp], names: [a], ja: a, en: a}]}\nweak: {}",
        "expected: {server: [{ports: [22/sctp], names: [a], ja: a, en: a}]}\nweak: {}",
        "expected: {}\nweak: {}\nmore: 1",
        "expected: [",
        "- 1",
    ],
)
def test_a_wrong_baseline_is_refused(text: str) -> None:
    with pytest.raises(BadBaseline) as error:
        read_baseline(text, "mine.yaml")
    assert "mine.yaml" in error.value.ja


ports = st.sampled_from((22, 23, 80, 135, 443, 445, 3389, 5432))
listeners = st.builds(
    service, ports, st.sampled_from(("ssh", "telnet", "http", "smb", "rdp", "postgresql", "tls"))
)
machines = st.builds(
    device,
    services=st.lists(listeners, max_size=4, unique_by=lambda one: one.port).map(tuple),
    weaknesses=st.lists(
        st.builds(weak, st.sampled_from(sorted(shipped_baseline().weak)), ports), max_size=2
    ).map(tuple),
    answered_last=st.booleans(),
)
statements = st.one_of(
    st.builds(approval, ports, days=st.integers(-3, 3), reason=st.sampled_from(("", "保守"))),
    st.just(INVENTORY),
)


@given(machines, st.lists(statements, max_size=5))
def test_yes_needs_every_listener_and_the_inventory(one: Device, said: list[Statement]) -> None:
    found = judged(told(*said, devices=(one,)))
    if found.verdict is not Verdict.SUPPORTS_YES:
        return
    assert INVENTORY in said
    assert one.answered_last
    last = {each.port: each for each in said if isinstance(each, Approval)}
    good = {port for port, each in last.items() if each.reason and each.until >= TODAY}
    usual = {(22, "ssh"), (443, "tls"), (135, "msrpc"), (445, "smb")}
    assert all(each.port in good or (each.port, each.name) in usual for each in one.services)
    assert all(each.port in good for each in one.weaknesses)
