# SPDX-License-Identifier: Apache-2.0
"""Item 2-(7): proven no, cannot tell, and the narrow way to はいを支持."""

from dataclasses import replace
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any

import pytest

from collector.advisories.shipped import shipped_knowledge
from collector.case import Case
from collector.guard import guarded
from collector.rules.patches import judge
from collector.verdict import Basis, Judged, Verdict
from inventory_db.device import Device
from inventory_db.official import OfficialRow, official_row
from inventory_db.people import Entry
from inventory_db.stated import ListedDevice, Mitigation, Statement
from inventory_db.statements import Stated
from probes.facts import Sure
from tests.patch_cases import NOW, device, fortigate, whole_knowledge

MENDED = "v7.6.6,build3652,260120 (GA.M)"


def case(*devices: Device, stated: tuple[Statement, ...] = (), **fields: Any) -> Case:
    kinds: dict[str, dict[str, Stated[Statement]]] = {}
    for one in stated:
        kinds.setdefault(one.KIND, {})[one.key] = Stated(one, "山田", NOW)
    return Case(now=NOW, devices=devices, stated=MappingProxyType(kinds), **fields)


def codes(judged: Judged) -> set[str]:
    return {finding.code for finding in judged.findings}


def test_a_version_that_attackers_use_is_proof_of_no() -> None:
    judged = judge(case(fortigate("v7.4.2,build2571,231219 (GA.F)")), "network")
    assert judged.verdict is Verdict.PROVES_NO
    found = next(one for one in judged.findings if "CVE-2024-21762" in one.text.ja)
    assert found.proven
    assert (found.code, found.fixed_in, found.since) == ("patch.affected", "7.4.3", "2024-02-09")
    assert "ランサムウェア" in found.text.ja
    assert "100 日前 / 100 days old" in found.source
    assert found.observations
    assert "1 台" in judged.reason.ja


def test_the_end_of_support_is_proof_of_no() -> None:
    judged = judge(case(fortigate("v7.2.13")), "network")
    assert judged.verdict is Verdict.PROVES_NO
    ended = next(one for one in judged.findings if one.code == "patch.end_of_support")
    assert ended.since == "2026-09-30"
    old = judge(case(fortigate("v5.4.4,build7650,170529 (GA)")), "network")
    ended = next(one for one in old.findings if one.code == "patch.end_of_support")
    assert (ended.proven, ended.sure) == (True, "likely")  # older than every release on the list


def test_yes_needs_every_version_fresh_data_and_nothing_against_it() -> None:
    judged = judge(case(fortigate(MENDED), knowledge=whole_knowledge("fortios")), "network")
    assert judged.verdict is Verdict.SUPPORTS_YES
    assert codes(judged) == {"patch.sound"}
    assert "9 日前" in judged.reason.ja


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (fortigate(None, "fw-2"), "patch.version_unknown"),
        (device("fw-2", device_class="network"), "patch.version_unknown"),
        (fortigate("v7.6.1,build0022,220323 (Interim)", "fw-2"), "patch.version_unknown"),
        (fortigate("v7.6", "fw-2"), "patch.version_unknown"),
        (fortigate(MENDED, "fw-2", sure=Sure.GUESS), "patch.sound"),
        (fortigate(MENDED, "fw-2", model=None), "patch.sound"),  # a banner without a model
        (fortigate(MENDED, "fw-2", others=("v7.4.1",)), "patch.version_unknown"),  # it says two things
        (device("fw-2", maker="Yamaha", model="RTX830", firmware_version="15.02.30", device_class="gateway"), "patch.no_data"),
        (device("fw-2", maker="Check Point", os="Gaia", model="3200", firmware_version="R82.10", device_class="gateway"), "patch.version_unknown"),
    ],
)  # fmt: skip
def test_one_device_that_does_not_tell_prevents_yes(other: Device, code: str) -> None:
    knowledge = whole_knowledge("fortios", "checkpoint-gaia")
    judged = judge(case(fortigate(MENDED), other, knowledge=knowledge), "network")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert code in {finding.code for finding in judged.findings if finding.device == "fw-2"}


def test_old_data_supports_no_yes_but_still_proves_no() -> None:
    stale = whole_knowledge("fortios", as_of="2026-08-21")
    judged = judge(case(fortigate(MENDED), knowledge=stale), "network")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert "100 日前" in judged.reason.ja
    assert judge(case(fortigate("v7.4.2"), knowledge=stale), "network").verdict is Verdict.PROVES_NO


def test_what_ships_never_supports_yes_by_itself() -> None:
    judged = judge(case(fortigate(MENDED), knowledge=shipped_knowledge()), "network")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert codes(judged) == {"patch.no_data"}


def test_unconfirmed_knowledge_is_a_suspicion() -> None:
    netscaler = device(maker="Citrix", model="VPX", firmware_version="NS14.1 43.50", device_class="gateway")
    judged = judge(case(netscaler), "network")
    assert judged.verdict is Verdict.CANNOT_TELL
    found = [one for one in judged.findings if one.code == "patch.affected"]
    assert found
    assert not any(one.proven for one in found)
    assert "疑い" in found[0].text.ja


def test_a_lying_device_proves_nothing() -> None:
    judged = judge(case(fortigate("v7.4.2", others=("v7.6.6",))), "network")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert not any(finding.proven for finding in judged.findings)


def test_an_ambiguous_windows_build_shows_both_dates() -> None:
    server = device(
        "sv", os="Windows 10 1809 / Windows Server 2019", os_version="10.0.17763", device_class="server"
    )
    judged = judge(case(server), "server")
    assert judged.verdict is Verdict.CANNOT_TELL
    found = next(one for one in judged.findings if one.code == "patch.end_of_support")
    assert not found.proven
    assert "2029-01-09" in found.text.ja
    assert "2020-11-10" in found.text.ja
    named = device("sv", os="Windows Server 2012 R2", os_version="6.3.9600", device_class="server")
    assert judge(case(named), "server").verdict is Verdict.PROVES_NO


def test_extended_support_that_must_be_bought_is_not_decided() -> None:
    pc = device("pc", os="Windows 10 22H2", os_version="10.0.19045", device_class="pc")
    judged = judge(case(pc), "pc")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert (
        "延長サポート" in next(one for one in judged.findings if one.code == "patch.end_of_support").text.ja
    )
    every = device(
        "pc", os="Windows 10 1909 / Windows Server 1909", os_version="10.0.18363", device_class="pc"
    )
    assert judge(case(every), "pc").verdict is Verdict.PROVES_NO


def test_a_distribution_mends_without_raising_the_number() -> None:
    server = device(
        "sv", os="Ubuntu", os_version="24.04", device_class="server",
        services=[(22, "tcp", "ssh", "OpenSSH", "9.6p1"), (80, "tcp", "http", "nginx", "1.18.0")],
    )  # fmt: skip
    judged = judge(case(server, knowledge=whole_knowledge("ubuntu", "openssh", "nginx")), "server")
    assert judged.verdict is Verdict.CANNOT_TELL
    assert codes(judged) == {"patch.version_unknown"}


def mitigation(until: date | None, attachments: tuple[str, ...] = ("x",)) -> Mitigation:
    return Mitigation(
        device="fw-1", advisory="CVE-2024-21762", vendor="A社", says="SSL-VPN を止めています", by="佐藤",
        on=date(2026, 10, 1), until=until, attachments=attachments,
    )  # fmt: skip


def test_a_vendors_word_is_kept_apart_and_ends_with_its_date() -> None:
    only = [one for one in whole_knowledge().weaknesses if one.id == "CVE-2024-21762"]
    knowledge = whole_knowledge("fortios")
    knowledge = type(knowledge)(
        products=knowledge.products, weaknesses=tuple(only), lifecycles=knowledge.lifecycles, feeds=knowledge.feeds
    )  # fmt: skip
    weak = fortigate("v7.4.2")
    assert judge(case(weak, knowledge=knowledge), "network").verdict is Verdict.PROVES_NO
    held = judge(case(weak, knowledge=knowledge, stated=(mitigation(date(2026, 12, 31)),)), "network")
    assert held.verdict is Verdict.CANNOT_TELL
    assert codes(held) == {"patch.mitigated"}
    assert "2026-12-31" in held.findings[0].text.ja
    assert "版そのものは直っていません" in held.findings[0].text.ja
    past = judge(case(weak, knowledge=knowledge, stated=(mitigation(date(2026, 11, 1)),)), "network")
    assert past.verdict is Verdict.PROVES_NO
    assert "2026-11-01" in past.findings[0].text.ja


def test_devices_that_nobody_saw_or_knows_prevent_yes() -> None:
    knowledge = whole_knowledge("fortios")
    listed = ListedDevice(id="r1", cells={"コンピュータ名": "old-fw"})
    unknown = device("x")
    for judged in (
        judge(case(fortigate(MENDED), knowledge=knowledge, stated=(listed,)), "network"),
        judge(case(fortigate(MENDED), unknown, knowledge=knowledge), "network"),
    ):
        assert judged.verdict is Verdict.CANNOT_TELL


def test_a_device_that_went_silent_prevents_yes() -> None:
    knowledge = whole_knowledge("fortios")
    silent = replace(fortigate(MENDED, "fw-2"), answered_last=False)
    old = replace(fortigate(MENDED, "fw-2"), last_seen="2026-08-01T09:00:00+09:00")
    confirmed = replace(fortigate(MENDED, "fw-2"), whole_since="2026-08-01T09:00:00+09:00")  # and seen today
    for other in (silent, old, confirmed):
        judged = judge(case(fortigate(MENDED), other, knowledge=knowledge), "network")
        assert judged.verdict is Verdict.CANNOT_TELL
        assert "応答のなかったもの 1 台" in judged.reason.ja


def entered(one: Device, version: str) -> OfficialRow:
    """The ledger's row of a device with a version that a person typed."""
    return official_row(
        one, 1, {"ソフトウェアバージョン": Entry(one.id, "ソフトウェアバージョン", version, "山田", NOW)}
    )


def test_a_version_typed_into_the_ledger_is_shown_and_proves_nothing() -> None:
    mute, knowledge = fortigate(None), whole_knowledge("fortios")
    bad = judge(case(mute, rows=(entered(mute, "7.4.2"),), knowledge=knowledge), "network")
    assert bad.verdict is Verdict.CANNOT_TELL
    assert bad.findings[0].code == "patch.affected"
    assert "台帳の記入" in bad.findings[0].source
    good = judge(case(mute, rows=(entered(mute, "7.6.6"),), knowledge=knowledge), "network")
    assert good.verdict is Verdict.CANNOT_TELL
    assert "確かでない" in good.reason.ja


def test_a_typed_version_of_another_program_changes_nothing() -> None:
    told, knowledge = fortigate(MENDED), whole_knowledge("fortios")
    for typed in ("2.0", "7.4.2", "電子カルテ 5.1"):
        judged = judge(case(told, rows=(entered(told, typed),), knowledge=knowledge), "network")
        assert judged.verdict is Verdict.SUPPORTS_YES


def test_a_typed_patch_level_completes_a_windows_build() -> None:
    server = device("sv", os="Windows Server 2022", os_version="10.0.20348", device_class="server")
    case_ = case(server, rows=(entered(server, "10.0.20348.2402"),), knowledge=whole_knowledge("windows"))
    judged = judge(case_, "server")
    assert codes(judged) == {"patch.sound"}
    assert judged.verdict is Verdict.CANNOT_TELL


def test_stale_evidence_of_one_device_supports_no_yes() -> None:
    told = {"fw-1-firmware_version": NOW, "fw-2-firmware_version": datetime(2026, 5, 1, tzinfo=UTC)}
    both = (fortigate(MENDED), fortigate(MENDED, "fw-2"))
    whole = case(*both, knowledge=whole_knowledge("fortios"), basis=Basis(complete=True, fresh=True))
    judged = judge(whole, "network")
    assert judged.verdict is Verdict.SUPPORTS_YES
    assert guarded(judged, whole, lambda ids: {id: told[id] for id in ids}).verdict is Verdict.CANNOT_TELL
    assert guarded(judged, whole, lambda ids: dict.fromkeys(ids, NOW)).verdict is Verdict.SUPPORTS_YES


def test_an_empty_class_is_no_yes() -> None:
    for target in ("server", "pc", "network", "all"):
        assert judge(case(knowledge=whole_knowledge()), target).verdict is Verdict.CANNOT_TELL
    only_fw = case(fortigate(MENDED), knowledge=whole_knowledge("fortios"))
    assert judge(only_fw, "server").verdict is Verdict.CANNOT_TELL


def test_hostile_words_stay_harmless() -> None:
    evil = fortigate("v7.4.2", name="fw\u202e\x1b[31m<b>")
    for finding in judge(case(evil), "network").findings:
        assert "\x1b" not in finding.text.ja
        assert "\u202e" not in finding.text.en


def test_the_future_is_not_fresh() -> None:
    knowledge = whole_knowledge("fortios", as_of="2031-01-01")
    early = Case(now=datetime(2026, 11, 29, tzinfo=UTC), devices=(fortigate(MENDED),), knowledge=knowledge)
    assert judge(early, "network").verdict is Verdict.CANNOT_TELL
