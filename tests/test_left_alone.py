# SPDX-License-Identifier: Apache-2.0
"""Addresses on the never-list: a gap, unless the facility's own ledger says what stands there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from collector.basis import compute_basis
from collector.case_file import read_case
from collector.guard import guarded
from collector.rules.coverage import judge
from collector.verdict import Basis, Judged, Text, Verdict
from deploy.bench.good_facility import facility
from inventory_db import ledger, observations, statements
from inventory_db.stated import Facility, ListedDevice
from inventory_db.tables import writing
from probes.facts import Outcome, Scan, Upload, Vantage
from tests.inventory_cases import HIS, START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.judge_cases import LAN, NOW, VANTAGE, device, scan

__all__ = ["ledger_engine"]
RELAY = "192.168.1.66"


def basis(left_out: Iterable[str], missed: int, listed: Iterable[str] = ()) -> Basis:
    looked = scan(left_out=tuple(left_out), planned=253 - missed, finished=253 - missed)
    return compute_basis((looked,), (LAN,), (device(),), (VANTAGE,), NOW, listed=frozenset(listed))


def test_what_no_ledger_lists_stays_a_gap_and_is_named() -> None:
    found = basis([f"{RELAY}/32", "192.168.1.67/32"], 2, [RELAY])
    assert not found.complete
    assert "192.168.1.67" in found.text.ja
    assert "192.168.1.67" in found.text.en
    assert RELAY not in found.text.en


def test_what_the_ledger_lists_is_accounted_for_and_said() -> None:
    found = basis([f"{RELAY}/32"], 1, [RELAY])
    assert found.complete
    assert found.fresh
    assert found.left_alone == (RELAY,)
    assert RELAY in found.text.ja
    assert RELAY in found.text.en


def test_at_most_five_are_named() -> None:
    found = basis(["192.168.1.64/29"], 8)
    assert "192.168.1.68 ほか3" in found.text.ja
    assert "192.168.1.69" not in found.text.ja


@pytest.mark.parametrize(
    ("left_out", "missed"),
    [
        ((f"{RELAY}/32",), 2),  # one more is missing than was told
        ((), 1),  # an agent that did not tell which
        (("192.168.1.64/30",), 4),  # its neighbours are listed nowhere
        (("10.0.0.0/8",), 1),  # too wide to be looked up
        ((f"{RELAY}/32", "2001:db8::/64"), 1),
        ((f"{RELAY}/32", "relay"), 1),
    ],
)
def test_what_is_not_told_or_not_listed_keeps_the_look_incomplete(
    left_out: tuple[str, ...], missed: int
) -> None:
    assert not basis(left_out, missed, [RELAY]).complete


def test_our_own_address_and_the_edges_are_nobodys() -> None:
    found = basis(["192.168.1.248/29"], 6, [f"192.168.1.{n}" for n in (248, 249, 251, 252, 253, 254)])
    assert found.complete


SIDE_BY_SIDE = ("192.168.0.0/24", "192.168.1.0/24", "fe80::/64")
OWN = (VANTAGE, Vantage(id="w", host="p", interface="eth0", address="fe80::1", network="fe80::/64"))


@pytest.mark.parametrize(
    ("scope", "planned", "complete"),
    [
        (SIDE_BY_SIDE, 507, True),  # 2 × 254, without our own: no device has .0 and .255 between the two
        (SIDE_BY_SIDE, 506, False),  # our own IPv6 address is none of the IPv4 addresses
        (("192.168.0.0/16", LAN), 65531, True),  # the inner network's edges are nobody's either
        (("192.168.0.0/16", LAN), 65530, False),
    ],
)
def test_addresses_are_counted_as_the_scan_plans_them(
    scope: tuple[str, ...], planned: int, complete: bool
) -> None:
    looked = scan(scope=scope, planned=planned, finished=planned)
    assert compute_basis((looked,), (LAN,), (device(),), OWN, NOW).complete is complete


def test_a_later_scan_that_asked_it_ends_the_exception() -> None:
    first = scan("s1", days_ago=3, left_out=(f"{RELAY}/32",), planned=252, finished=252)
    found = compute_basis((first, scan("s2")), (LAN,), (device(),), (VANTAGE,), NOW, listed={RELAY})
    assert found.complete
    assert not found.left_alone


def _listed(ip: str = RELAY, **more: str) -> ListedDevice:
    cells = {
        "IPアドレス": ip,
        "コンピュータ名": "RELAY",
        "設置場所": "ICU",
        "利用者": "看護部",
        "登録日": "R6.4.1",
    }
    rest = {"状態": "稼働", "メーカー": "A社", "OS": "専用", "ソフトウェアバージョン": "1.0"}
    return ListedDevice(id="r1", cells=cells | rest | more)


def test_a_listed_device_left_alone_keeps_no_yes_of_the_ledger_away() -> None:
    whole = facility(_listed())
    assert judge(whole, "all").verdict is Verdict.CANNOT_TELL  # it should have been seen
    alone = replace(whole, basis=replace(whole.basis, left_alone=(RELAY,)))
    judged = guarded(judge(alone, "all"), alone)
    assert judged.verdict is Verdict.SUPPORTS_YES
    assert "触れない一覧の1個" in judged.reason.ja
    assert "never-list" in judged.reason.en


def test_other_items_get_no_yes_for_a_device_that_was_not_looked_at() -> None:
    whole = facility()
    yes = Judged(
        verdict=Verdict.SUPPORTS_YES,
        reason=Text("良い。", "Good."),
        toward_yes=Text("", ""),
        observations=("d1-o1",),
    )
    assert guarded(yes, whole).verdict is Verdict.SUPPORTS_YES
    alone = replace(whole, basis=replace(whole.basis, left_alone=(RELAY,)))
    assert guarded(yes, alone).verdict is Verdict.CANNOT_TELL
    assert guarded(replace(yes, verdict=Verdict.NOT_APPLICABLE), alone).verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize(
    ("row", "complete"),
    [
        (None, False),
        (_listed("10.1.0.66"), True),
        (_listed("１０．１．０．６６"), True),
        (_listed("10.1.0.67"), False),
        (_listed("10.1.0.66", 状態="廃棄"), False),
        (ListedDevice(id="r1", cells={"IPアドレス": "10.1.0.66"}, present=False), False),
    ],
)
def test_the_facilitys_ledger_is_read_for_it(
    ledger_engine: Engine, row: ListedDevice | None, complete: bool
) -> None:
    end = START + timedelta(hours=1)
    looked = Scan(
        id="s1",
        started=START,
        ended=end,
        scope=(HIS,),
        state="complete",
        planned=253,
        finished=253,
        left_out=("10.1.0.66/32",),
    )
    upload = Upload(
        observations=(arp("10.1.0.5", "00:50:56:00:00:05"),),
        scans=(looked,),
        vantages=VANTAGES,
    )
    told = [Facility(name="東山台病院", networks=(HIS,)), *([row] if row else [])]
    with writing(ledger_engine) as connection:
        observations.append(connection, upload)
        ledger.refresh(connection)
        statements.state_all(connection, told, "鈴木", end)
    with ledger_engine.connect() as connection:
        assert read_case(connection, end).basis.complete is complete


def test_what_shows_a_device_is_something_that_it_said(ledger_engine: Engine) -> None:
    said = arp("10.1.0.5", "00:50:56:00:00:05")
    asked = seen("10.1.0.5", outcome=Outcome.SILENT, port=443, minute=5)
    with writing(ledger_engine) as connection:
        observations.append(connection, Upload(observations=(said, asked), vantages=VANTAGES))
        ledger.refresh(connection)
        statements.state(connection, _listed("10.1.0.9"), "鈴木", START)
    with ledger_engine.connect() as connection:
        case = read_case(connection, START + timedelta(hours=1))
    (found,) = case.devices
    assert len(found.observations) == 2
    assert found.shown_by == found.observations[0]
    unlisted = next(one for one in judge(case, "all").findings if one.code == "ledger.unlisted")
    assert unlisted.observations == (found.shown_by,)


def test_a_network_where_nobody_answered_is_told_apart_from_one_not_looked_at() -> None:
    empty, unseen, wide = "192.168.7.0/24", "192.168.9.0/24", "2001:db8:7::/64"
    looked = replace_scope(scan(planned=253 + 254, finished=253 + 254), (LAN, empty, wide))
    found = compute_basis((looked,), (LAN, empty, unseen, wide), (device(),), (VANTAGE,), NOW)
    assert (found.complete, set(found.missing), found.silent) == (False, {empty, unseen, wide}, (empty,))
    assert f"最後まで調べ、一台も答えなかった範囲があります（{empty}）" in found.text.ja
    assert f"Not looked at to the end: {unseen}." in found.text.en
    assert f"Looked at, but not at all of it: {wide}." in found.text.en  # listened to, never swept


def replace_scope(one: Scan, scope: tuple[str, ...]) -> Scan:
    return msgspec.structs.replace(one, scope=scope)
