# SPDX-License-Identifier: Apache-2.0
"""Remote access: found, declared and confirmed paths side by side, and what 2-(2) makes of them."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from collector.register import Match, found_key, register, weaknesses
from collector.register_lines import LISTS, lines, of_match
from collector.rules.remote_access import judge
from collector.verdict import Judged, Verdict
from inventory_db.stated import Confirmation, Facility, RemoteAccess, Statement, Vendor
from tests.judge_cases import HELD, LAN, case, device, path

GATE = device("gw", "192.168.1.1", device_class="gateway", remote_paths=(path("ssl_vpn", 443, "gw"),))
HOSPITAL = Facility(name="東山台病院", networks=(LAN,))
A = Vendor(id="a", name="A社", devices=("gw",))
DECLARED = RemoteAccess(id="vpn", vendor="a", device="gw", means="ssl_vpn", port=443)


def confirmation(path: str = "vpn", **given: Any) -> Confirmation:
    fields: dict[str, Any] = {"vendor": "a", "state": "confirmed", "by": "保守", "on": date(2024, 10, 1)}
    return Confirmation(path=path, **(fields | {"evidence": "接続申請書"} | given))


def judged(*said: Statement) -> Judged:
    return judge(case(HOSPITAL, *said, devices=[GATE]), "all")


def matches(*said: Statement) -> list[Match]:
    return [row.match for row in register(case(HOSPITAL, *said, devices=[GATE]))]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, [Match.MATCHED]),
        ({"port": 0}, [Match.MATCHED]),
        ({"means": ""}, [Match.MATCHED]),
        ({"means": "ipsec"}, [Match.DIFFERS]),
        ({"port": 10443}, [Match.DIFFERS]),
        ({"device": "other"}, [Match.UNDECLARED, Match.NOT_FOUND]),
        ({"device": ""}, [Match.UNDECLARED, Match.NOT_FOUND]),
        ({"means": "ipsec", "port": 500}, [Match.UNDECLARED, Match.NOT_FOUND]),
    ],
)
def test_found_and_declared_are_put_together(given: dict[str, Any], expected: list[Match]) -> None:
    fields: dict[str, Any] = {"id": "vpn", "vendor": "a", "device": "gw", "means": "ssl_vpn", "port": 443}
    assert matches(RemoteAccess(**(fields | given))) == expected


def test_a_difference_names_the_kinds_as_people_do() -> None:
    said = RemoteAccess(id="vpn", vendor="a", device="gw", means="softether", port=443)
    (row,) = register(case(HOSPITAL, said, devices=[GATE]))
    assert [one.ja for one in row.differences] == ["届出は SoftEther VPN、見つかったのは SSL-VPN"]


def test_two_vendors_may_share_one_gateway() -> None:
    other = RemoteAccess(id="vpn-b", vendor="b", device="gw", means="ssl_vpn")
    assert matches(DECLARED, other) == [Match.MATCHED, Match.MATCHED]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"evidence": " "}, "証拠がなく"),
        ({"evidence": "", "attachments": ("0" * 64,)}, "証拠がなく"),
        ({"by": ""}, "名前"),
        ({"on": date(2025, 1, 1)}, "先です"),
        ({"valid_until": date(2024, 11, 1)}, "過ぎて"),
        ({"on": date(2023, 1, 1)}, "過ぎて"),
        ({"state": "ok"}, "知らない言葉"),
    ],
)
def test_a_confirmation_that_holds_nothing_says_why(given: dict[str, Any], told: str) -> None:
    found = weaknesses(case(HOSPITAL), confirmation(**given))
    assert any(told in text.ja for text in found)


def test_an_attached_file_is_evidence() -> None:
    assert not weaknesses(case(HOSPITAL), confirmation(evidence="", attachments=(HELD,)))


def test_nothing_asked_yet_is_no_verdict() -> None:
    assert judged(A).verdict is Verdict.CANNOT_TELL


def test_a_path_that_nobody_declared_proves_no_once_the_register_has_begun() -> None:
    other = RemoteAccess(id="x", vendor="a", means="mobile_router")
    found = judged(A, other)
    assert found.verdict is Verdict.PROVES_NO
    assert found.observations == ("gw-o1",)


def test_declared_and_confirmed_with_evidence_supports_yes() -> None:
    assert judged(A, DECLARED, confirmation()).verdict is Verdict.SUPPORTS_YES
    assert judged(A, confirmation(found_key("gw", "ssl_vpn", 443))).verdict is Verdict.SUPPORTS_YES


@pytest.mark.parametrize(
    "said",
    [
        (A, DECLARED),
        (A, DECLARED, confirmation(evidence="")),
        (A, DECLARED, confirmation(valid_until=date(2024, 1, 1))),
        (A, DECLARED, confirmation(vendor="b")),
        (A, Vendor(id="b", name="B社"), DECLARED, confirmation()),
        (DECLARED, confirmation()),
    ],
)
def test_whatever_is_open_is_no_yes(said: tuple[Statement, ...]) -> None:
    assert judged(*said).verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize("state", ["denied", "none_in_use"])
def test_a_vendor_that_denies_what_was_found_proves_no(state: str) -> None:
    where = "none" if state == "none_in_use" else "vpn"
    assert judged(A, DECLARED, confirmation(where, state=state)).verdict is Verdict.PROVES_NO


def test_a_tool_without_listener_is_confirmed_by_its_vendor_alone() -> None:
    quiet = case(
        HOSPITAL, A, confirmation("none", state="none_in_use"), devices=[device("gw", "192.168.1.1")]
    )
    assert judge(quiet, "all").verdict is Verdict.SUPPORTS_YES
    unasked = case(HOSPITAL, A, devices=[device("gw", "192.168.1.1")])
    assert judge(unasked, "all").verdict is Verdict.CANNOT_TELL


def test_one_line_for_each_path_says_who_how_and_until_when() -> None:
    vendor = Vendor(id="a", name="A社", contact="03-0000-0000", contract_until=date(2025, 3, 31))
    full = RemoteAccess(
        id="vpn",
        vendor="a",
        device="gw",
        means="ssl_vpn",
        port=443,
        sources=("198.51.100.0/24",),
        where="本社",
        authentication="証明書",
        ids="個人",
        terminal_safety="専用端末",
        timing="前日に連絡",
        purpose="保守",
        started=date(2024, 4, 1),
    )
    (line,) = lines(case(HOSPITAL, vendor, full, confirmation(), devices=[GATE]))
    assert (line.number, line.device, line.kind, line.port) == ("001", "gw", "ssl_vpn", 443)
    assert (line.vendor_name, line.contract and line.contract.ja) == ("A社", "契約 2025-03-31 まで")
    assert line.said == full
    assert line.held
    assert line.valid_until == date(2025, 10, 2)  # a year where the confirmation does not say


def test_the_newest_confirmation_counts_and_a_weak_one_is_named() -> None:
    old = confirmation()
    new = confirmation(vendor="b", on=date(2024, 11, 1), evidence="")
    (line,) = lines(case(HOSPITAL, A, DECLARED, old, new, devices=[GATE]))
    assert line.confirmed == new
    assert not line.held
    assert "言葉だけ" in line.weak[0].ja
    denied = confirmation(on=date(2024, 11, 2), state="denied")
    (line,) = lines(case(HOSPITAL, A, DECLARED, denied, devices=[GATE]))
    assert not line.held


def test_the_three_lists_hold_each_path_once() -> None:
    inner = device("srv", "192.168.1.20", remote_paths=(path("rdp", 3389, "srv"), path("ssh", 22, "srv")))
    said = (
        A,
        RemoteAccess(id="vpn", vendor="a", device="gw", means="ipsec", port=443),
        RemoteAccess(id="sim", vendor="a", means="mobile_router"),
        RemoteAccess(id="rdp", vendor="a", device="srv", means="rdp", port=3389),
    )
    found = lines(case(HOSPITAL, *said, devices=[inner, GATE]))
    listed = {match: [(one.kind, one.device) for one in of_match(found, match)] for match in LISTS}
    assert listed == {
        Match.UNDECLARED: [("ssh", "srv")],
        Match.DIFFERS: [("ssl_vpn", "gw")],
        Match.NOT_FOUND: [("mobile_router", "")],
    }
    assert [line.from_outside for line in found] == [True, True, True, False]


def test_who_has_the_device_in_care_is_whom_to_ask() -> None:
    (line,) = lines(case(HOSPITAL, A, devices=[GATE]))
    assert line.vendor_name == ""
    assert line.carer == A
    assert line.contract is None
    assert line.valid_until is None


def told(*said: Statement, found: bool = True) -> Verdict:
    """The verdict on what was said in this order, entry after entry, as the record numbers them."""
    whole = case(HOSPITAL, A, *said, devices=[GATE if found else replace(GATE, remote_paths=())])
    numbers = {(one.KIND, one.key): number for number, one in enumerate((HOSPITAL, A, *said), 1)}
    stated = {
        kind: {key: replace(one, number=numbers[kind, key]) for key, one in every.items()}
        for kind, every in whole.stated.items()
    }
    return judge(replace(whole, stated=stated), "all").verdict


def test_a_declaration_that_was_changed_must_be_confirmed_again() -> None:
    assert told(DECLARED, confirmation()) is Verdict.SUPPORTS_YES
    wide = RemoteAccess(id="vpn", vendor="a", device="gw", means="ssl_vpn", port=443, sources=("0.0.0.0/0",))
    assert told(confirmation(), wide) is not Verdict.SUPPORTS_YES


@pytest.mark.parametrize("state", ["confirmed", "denied"])
def test_a_word_on_a_declaration_that_was_taken_back_is_no_answer(state: str) -> None:
    said = confirmation(state=state)
    assert told(said, found=False) is not Verdict.SUPPORTS_YES
    assert (told(DECLARED, said, found=False) is Verdict.SUPPORTS_YES) == (state == "confirmed")


def test_a_word_on_what_is_found_is_an_answer() -> None:
    assert told(confirmation(found_key("gw", "ssl_vpn", 443))) is Verdict.SUPPORTS_YES
