# SPDX-License-Identifier: Apache-2.0
"""Version order: known release orders, properties, hostile text, unknown rather than wrong."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.versions import Order, compare, parse, release_order, scheme_names
from collector.versions.packages import package_order

# Releases of one branch in the order in which their makers published them.
ORDERED = {
    "fortinet": ["v5.4.4,build7650,170529 (GA)", "5.4.5", "FortiGate-60E v5.4.10,build1220,1 (GA)"],
    "panos": ["11.1.4", "11.1.4-h1", "11.1.4-h7", "11.1.4-h17", "11.1.5", "11.1.10-h25"],
    "checkpoint": ["R81.20 Take 8", "R81.20 Jumbo Hotfix Take 41", "R81.20 JHF 141"],
    "ios": ["15.2(1)M", "15.2(4)M", "15.2(4)M7", "15.2(4)M7a", "15.2(4)M11"],
    "iosxe": ["17.09.03", "17.9.4", "17.09.04a", "17.9.5", "17.09.10"],
    "asa": ["9.16(3)", "9.16(3)23", "9.16(4)", "9.16.4.14", "9.16(4)57", "9.16.4.85"],
    "ftd": ["7.2.0 (Build 82)", "7.2.0.1 (Build 12)", "7.2.5 (Build 208)", "7.2.5.2 (Build 4)", "7.2.10"],
    "nxos": ["7.0(3)I4(3)", "7.0(3)I4(7)", "7.0(3)I7(2)", "7.0(3)I7(10)"],
    "junos": ["22.4R1.10", "22.4R1-S2.1", "22.4R2.8", "22.4R3-S1.5", "22.4R3-S1.10", "22.4R3-S10.2"],
    "screenos": ["6.3.0r9.0", "6.3.0r20.0", "6.3.0r24.0", "6.3.0r24b.0"],
    "ivanti": ["22.7R1", "22.7R2", "22.7R2.2", "22.7R2.5", "22.7R2.10", "22.7R3"],
    "netscaler": ["13.1-4.43", "NetScaler NS13.1: Build 37.38.nc, Date: Nov 23 2022", "13.1-49.15", "NS13.1 58.32", "13.1-59.22"],
    "sonicwall": ["5.9.1.6-5o", "5.9.1.6-10o", "5.9.1.7-2o", "5.9.2.14-12o", "SonicOS Enhanced 5.9.2.14-13o"],
    "bigip": ["16.1.0", "16.1.2", "16.1.2.1", "BIG-IP 16.1.2.2 Build 0.0.28", "16.1.3", "16.1.10"],
    "sfos": ["20.0.0 GA-Build222", "20.0.1 MR-1-Build342", "20.0.2 MR-2-Build378", "20.0.3 MR-3-Build427"],
    "fireware": ["12.5", "12.5.9", "12.5.9_U2", "12.5.10", "12.5.13"],
    "zyxel": ["V5.37(ABUI.0)", "V5.37(ABUI.2)", "V5.38(ABUI.0)", "V5.38(ABUI.1)"],
    "qts": ["5.1.4.2596 build 20231128", "5.1.5.2645 build 20240116", "5.1.10.2800"],
    "dsm": ["7.2-64570 Update 1", "7.2-64570 Update 3", "7.2.1-69057", "7.2.2-72806 Update 1"],
    "array": ["9.4.0.65", "9.4.0.481", "9.4.0.484", "9.4.5.8", "9.4.5.9"],
    "yamaha": ["Rev.15.02.03", "RTX830 Rev.15.02.20 (Tue Jun 16 2020)", "15.02.30"],
    "nec-ix": ["Version 10.8.9", "10.8.21", "10.8.21A", "10.8.22"],
    "allied": ["5.5.2-0.1", "5.5.2-1.4", "5.5.2-1.10", "5.5.2-2.1"],
    "fitelnet": ["V01.09(00)", "V01.12(00)", "V01.12(01)"],
    "fujitsu": ["V20.31 NY0012", "V20.35 NY0060", "V20.35 NY0100"],
    "alaxala": ["11.7", "11.14.A", "11.14.M", "11.14.Z", "11.14.AA"],
    "apresia": ["8.9.01", "8.17.01", "8.17.02"],
    "buffalo": ["3.05", "3.40", "3.40.1"],
    "routeros": ["7.1beta6", "7.1rc5", "v7.1rc7", "7.1", "7.1.1 (stable)", "7.1.5"],
    "pfsense": ["2.7.0-RELEASE", "2.7.1-RELEASE", "2.7.2-RELEASE", "2.7.2-RELEASE-p1"],
    "opnsense": ["25.7", "25.7.2", "25.7.11_1-amd64", "25.7.11_4"],
    "vyos": ["1.4.0-rc1", "1.4.0-rc2", "1.4.0", "1.4.2"],
    "edgeos": ["v2.0.6", "v2.0.9", "v2.0.9-hotfix.1", "EdgeRouter.ER-e50.v2.0.9-hotfix.7.5622731.230615.0857"],
    "softether": ["4.38-9760-rtm", "Ver 4.41, Build 9787", "4.42 Build 9798"],
    "openvpn": ["2.6_rc1", "2.6.0", "2.6.8", "2.6.14"],
    "windows": ["10.0.17763.1", "10.0.17763.107", "10.0.17763.5329"],
    "openssh": ["6.6p1", "6.6.1p1", "8.4p1", "9.2p1", "10.0p2"],
    "aruba-lettered": ["FL.10.10.0005", "FL.10.10.1100"],
    "arubaos": ["8.10.0.7 LSR", "8.10.0.12-FIPS", "8.10.1.0"],
    "draytek": ["4.3.2.5", "4.3.2.6", "4.3.9"],
}  # fmt: skip
# Pairs that nothing may order.
UNORDERED = [
    ("fortinet", "7.2.11", "7.4.2"),  # other branches hold other fixes
    ("panos", "10.2.9-h1", "11.0.4-h1"),
    ("panos", "9.0.5", "9.0.5.xfr"),
    ("ios", "15.2(4)M7", "15.2(2)E8"),  # other trains
    ("ios", "15.2(4)M7", "17.9.4"),
    ("nxos", "7.0(3)I7(2)", "7.0(8)N1(1)"),
    ("junos", "15.1X53-D30.5", "15.1R3.1"),
    ("junos", "22.4R3-S1.5", "22.4R3-S1.5-EVO"),
    ("checkpoint", "R81.20", "R81.20 Take 141"),  # the Take is not told
    ("checkpoint", "R81.10", "R81.10.10"),
    ("netscaler", "13.1", "13.1-58.32"),
    ("netscaler", "13.1-58.32", "13.1-FIPS 37.241"),
    ("sonicwall", "7.0.1-5161", "SonicOS 7.0.1-R1456"),  # two counts
    ("windows", "10.0.17763", "10.0.17763.5329"),  # a build without UBR is a release, no patch level
    ("windows", "10.0.17763", "10.0.17763"),
    ("zyxel", "V5.38(ABUI.1)", "V5.38(ABFW.1)"),
    ("fortinet", "v7.0.1,build0022,220323 (Interim)", "7.0.1"),
    ("fortinet", "7.0.14 build0601", "7.0.14 build9999"),  # a special build
    ("dsm", "7.2-64570", "7.2-64570 Update 3"),  # SNMP leaves the update out
    ("fujitsu", "V20.35", "V20.35 NY0060"),
    ("alaxala", "11.14", "11.14.M"),
    ("aruba-lettered", "FL.10.15.0005", "PL.10.15.0005"),
    ("pfsense", "2.7.2-RELEASE", "23.09-RELEASE"),
    ("release", "22.04", "22.04"),
    ("no such scheme", "1.0", "1.1"),
    ("opnsense", "12.1-RELEASE-p19-HBSD", "20.1.2"),  # FreeBSD's version, not OPNsense's
]
SAME = [
    ("fortinet", "7.0.14 build0601", "v7.0.14,build0601,230831 (GA)"),
    ("fortinet", "7.0.14", "v7.0.14,build0601,230831 (GA)"),
    ("iosxe", "17.09.04a", "17.9.4a"),
    ("ios", "CAT9K_IOSXE 17.15.2", "17.15.2"),
    ("ios", "X86_64_LINUX_IOSD-UNIVERSALK9-M 17.6.4", "17.6.4"),
    ("nxos", "10.4(5)", "10.4.5"),
    ("nxos", "10.2(3)F", "10.2(3)"),
    ("asa", "9.16(4)57", "9.16.4.57"),
    ("asa", "9.12-4-67", "9.12(4)67"),
    ("netscaler", "13.1-58.32", "NetScaler NS13.1: Build 58.32.nc, Date: Jun 2 2025"),
    ("yamaha", "Rev.15.02.30", "15.02.30"),
    ("sonicwall", "SonicOS 7.0.1-5161", "7.0.1-5161-R6164"),
    ("zyxel", "V5.38(ABUI.1)", "5.38 Patch 1"),
]


@pytest.mark.parametrize("scheme", sorted(ORDERED))
def test_known_releases_are_in_their_order(scheme: str) -> None:
    for (i, one), (j, other) in combinations(enumerate(ORDERED[scheme]), 2):
        assert i < j
        assert parse(scheme, one) is not None, one
        assert release_order(scheme, one, other) in (Order.LESS, Order.UNKNOWN), (one, other)
        left, right = parse(scheme, one), parse(scheme, other)
        assert left is not None
        assert right is not None
        if left.branch == right.branch and left.told and right.told:
            assert compare(scheme, one, other) is Order.LESS, (one, other)
            assert compare(scheme, other, one) is Order.GREATER


@pytest.mark.parametrize(("scheme", "one", "other"), UNORDERED)
def test_what_cannot_be_ordered_is_unknown(scheme: str, one: str, other: str) -> None:
    assert compare(scheme, one, other) is Order.UNKNOWN
    assert compare(scheme, other, one) is Order.UNKNOWN


@pytest.mark.parametrize(("scheme", "one", "other"), SAME)
def test_two_notations_of_one_version_are_equal(scheme: str, one: str, other: str) -> None:
    assert compare(scheme, one, other) is Order.EQUAL


def test_branches_follow_each_other_only_for_ranges() -> None:
    assert release_order("fortinet", "7.2.11", "7.4.2") is Order.LESS
    assert release_order("ios", "15.2(4)M7", "15.2(2)E8") is Order.UNKNOWN
    assert release_order("windows", "10.0.17763", "10.0.19045") is Order.LESS
    assert release_order("checkpoint", "R81.20", "R82 Take 103") is Order.LESS


def test_packages_are_ordered_as_their_distributions_do() -> None:
    assert package_order("deb", "1:9.2p1-2+deb12u2", "1:9.2p1-2+deb12u3") is Order.LESS
    assert package_order("deb", "2.4.62-1~deb12u1", "2.4.62-1") is Order.LESS
    assert package_order("rpm", "8.0p1-19.el8_8", "8.0p1-19.el8_9.2") is Order.LESS
    assert package_order("rpm", "1:1.14.1-9.el8", "1.20.1-1.el8") is Order.GREATER
    assert (
        package_order("deb", "9.2p1", "9.2p1-2+deb12u3") is Order.UNKNOWN
    )  # upstream only: it tells no patch
    assert package_order("apk", "1.2-r3", "1.2-r4") is Order.UNKNOWN


_TEXTS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="0123456789.()-RvVhSXD _,:abcBuild", max_size=40),
    st.sampled_from([text for texts in ORDERED.values() for text in texts]),
)


@settings(max_examples=400)
@given(st.sampled_from(scheme_names()), _TEXTS, _TEXTS, _TEXTS)
def test_answers_never_contradict_each_other(scheme: str, one: str, two: str, three: str) -> None:
    first, second, third = compare(scheme, one, two), compare(scheme, two, three), compare(scheme, one, three)
    assert compare(scheme, two, one) is first.turned
    across = release_order(scheme, one, two)
    assert release_order(scheme, two, one) is across.turned
    if first is not Order.UNKNOWN:
        assert across is first
    if Order.UNKNOWN not in (first, second, third) and first is second:
        assert third is first


@st.composite
def _branch_mates(draw: st.DrawFn) -> tuple[str, list[str]]:
    scheme, form = draw(st.sampled_from(_FORMS))
    count = form.count("{}")
    numbers = st.tuples(*[st.integers(0, 120)] * count)
    return scheme, [form.format(*draw(numbers)) for _ in range(3)]


_FORMS = [
    ("fortinet", "7.0.{}"), ("panos", "11.1.{}-h{}"), ("checkpoint", "R81.20 Take {}"), ("ios", "15.2({})M{}"),
    ("asa", "9.16({}){}"), ("junos", "22.4R{}-S{}.{}"), ("ivanti", "22.7R{}.{}"), ("netscaler", "13.1-{}.{}"),
    ("sonicwall", "7.0.{}-{}"), ("bigip", "16.1.{}.{}"), ("fireware", "12.5.{}_U{}"), ("zyxel", "V5.{}(ABUI.{})"),
    ("yamaha", "Rev.15.02.{}"), ("nec-ix", "10.8.{}"), ("allied", "5.5.2-{}.{}"), ("fujitsu", "V20.{} NY00{}"),
    ("fitelnet", "V01.{}({})"), ("windows", "10.0.17763.{}"), ("array", "9.4.{}.{}"), ("opnsense", "25.7.{}_{}"),
]  # fmt: skip


@given(_branch_mates())
def test_inside_a_branch_the_order_is_total(drawn: tuple[str, list[str]]) -> None:
    scheme, (one, two, three) = drawn
    pairs = [compare(scheme, *pair) for pair in ((one, two), (two, three), (one, three))]
    for text in (one, two, three):
        if parse(scheme, text) is None:
            return  # a number too large for the maker's notation
    assert Order.UNKNOWN not in pairs
    if pairs[0] is pairs[1]:
        assert pairs[2] is pairs[0]


@given(st.sampled_from(scheme_names()), st.text(max_size=300))
def test_hostile_text_never_raises(scheme: str, text: str) -> None:
    version = parse(scheme, text)
    assert version is None or len(version.place) <= version.full
    assert package_order("deb", text, "1.0-1") in Order
    assert package_order("rpm", "1.0-1", text) in Order


def test_long_text_is_no_version() -> None:
    assert parse("fortinet", "7.0.14" + " " * 500) is None
    assert parse("dotted", "1." * 5000) is None
    assert parse("yamaha", None) is None
