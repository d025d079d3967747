# SPDX-License-Identifier: Apache-2.0
"""Item 2-(8): what pairs of looks, configurations and statements are worth, and what they never are."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.case import Case
from collector.guard import guarded
from collector.judge import for_vendor
from collector.rules.source_limits import judge
from collector.verdict import Judged, Verdict
from inventory_db.device import Confidence, Device, Service
from inventory_db.stated import AccessLimit, AllowedSources, Configuration, Facility, Statement, Vendor
from probes.facts import Observation, Sure
from tests.access_cases import (
    ALLOWED_IP,
    ATTACHED,
    GATEWAY,
    LIMITED,
    OPEN,
    OTHER_IP,
    gateway,
    look,
    run,
)
from tests.judge_cases import LAN, NOW, VANTAGE, case, device, path, service

SITE = Facility(name="病院", networks=(LAN,))
WIRELESS = AccessLimit(
    place="院内 LAN",
    limited=True,
    how="IEEE 802.1X",
    by="鈴木",
    on=date(2024, 11, 1),
    attachments=(ATTACHED,),
)


def told(*said: Statement, access: tuple[Observation, ...] = (), devices: Any = None, **more: Any) -> Case:
    return case(SITE, *said, devices=(gateway(22),) if devices is None else devices, access=access, **more)


def judged(one: Case) -> Judged:
    return guarded(judge(one, "network"), one)


def codes(one: Judged) -> set[str]:
    return {finding.code for finding in one.findings}


def test_only_from_the_allowed_source_with_all_that_belongs_to_it_supports_yes() -> None:
    found = judged(told(WIRELESS, access=run(LIMITED)))
    assert found.verdict is Verdict.SUPPORTS_YES
    assert len(found.observations) == 5
    assert "限られている 1" in found.reason.ja


def test_reached_from_both_is_evidence_of_no_with_its_two_looks() -> None:
    found = judged(told(WIRELESS, access=run(OPEN)))
    assert found.verdict is Verdict.PROVES_NO
    (proof,) = [finding for finding in found.findings if finding.code == "source.open"]
    assert proof.proven
    assert len(proof.observations) == 2
    assert ALLOWED_IP in proof.text.ja and OTHER_IP in proof.text.ja  # noqa: PT018


@pytest.mark.parametrize(
    "access",
    [
        (),
        run(("spoke", "spoke"), roles="AA"),
        run(("spoke", "spoke"), roles="NN"),
        run(("nothing", "nothing"), roles="NN"),
    ],
    ids=["nothing", "allowed only", "not allowed only, reached", "not allowed only, silent"],
)
def test_one_vantage_cannot_tell(access: tuple[Observation, ...]) -> None:
    assert judged(told(WIRELESS, access=access)).verdict is Verdict.CANNOT_TELL


@pytest.mark.parametrize(
    ("reaches", "roles", "control"),
    [
        (LIMITED, "ANNA", False),  # silence of a source that may reach nothing at all
        (("spoke", "nothing", "spoke"), "ANA", True),  # asked once
        (("spoke", "nothing", "nothing"), "ANN", True),  # one order only
        (("nothing", "nothing", "spoke"), "NNA", True),
        (("nothing", "nothing", "nothing", "nothing"), "ANNA", True),  # the service is down
        (("spoke", "nothing", "nothing", "nothing"), "ANNA", True),  # it went down meanwhile
        (("spoke", "held", "held", "spoke"), "ANNA", True),  # we did not ask
        (("spoke", "fault", "fault", "spoke"), "ANNA", True),  # we failed
        (("spoke", "nothing", "held", "spoke"), "ANNA", True),
        (("nothing", "spoke", "spoke", "nothing"), "ANNA", True),  # the wrong way round
        (("spoke", "connected", "connected", "spoke"), "ANNA", True),  # slow, or kept out: who knows
        (("ended", "ended", "ended", "ended"), "ANNA", True),  # it turns everybody away
    ],
)
def test_what_falls_short_cannot_tell(reaches: tuple[str, ...], roles: str, control: bool) -> None:
    found = judged(told(WIRELESS, access=run(reaches, roles=roles, control=control)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.toward_yes.ja


def test_a_refusal_is_its_own_control() -> None:
    found = judged(told(WIRELESS, access=run(("spoke", "refused", "refused", "spoke"), control=False)))
    assert found.verdict is Verdict.SUPPORTS_YES


def test_a_control_elsewhere_on_the_network_will_do() -> None:
    far = look("not_allowed", "spoke", 4, port=22, address="192.168.1.5", control=True)
    assert judged(told(WIRELESS, access=(*run(LIMITED, control=False), far))).verdict is Verdict.SUPPORTS_YES
    other = look("allowed", "spoke", 4, port=22, address="192.168.1.5", control=True)
    late = look("not_allowed", "spoke", 400, port=22, address="192.168.1.5", control=True)
    for wrong in (other, late):
        found = judged(told(WIRELESS, access=(*run(LIMITED, control=False), wrong)))
        assert found.verdict is Verdict.CANNOT_TELL


def test_a_minute_is_a_minute() -> None:
    near = [look("allowed", "spoke", 0), look("not_allowed", "spoke", 60)]
    far = [look("allowed", "spoke", 0), look("not_allowed", "spoke", 61)]
    assert judged(told(WIRELESS, access=tuple(near))).verdict is Verdict.PROVES_NO
    assert judged(told(WIRELESS, access=tuple(far))).verdict is Verdict.CANNOT_TELL


def test_a_service_that_turns_a_source_away_limits_it() -> None:
    wrapped = run(("spoke", "ended", "ended", "spoke"))
    assert judged(told(WIRELESS, access=wrapped)).verdict is Verdict.SUPPORTS_YES
    denied = tuple(
        look(role, "spoke", 3.0 * place, status=status)
        for place, (role, status) in enumerate(
            [("allowed", "200"), ("not_allowed", "403"), ("not_allowed", "403"), ("allowed", "200")]
        )
    )
    assert judged(told(WIRELESS, access=denied)).verdict is Verdict.SUPPORTS_YES
    quiet = run(("connected", "connected", "connected", "connected"))
    assert judged(told(WIRELESS, access=quiet)).verdict is Verdict.PROVES_NO


def test_an_old_test_proves_neither() -> None:
    old = NOW - timedelta(days=400)
    for reaches in (LIMITED, OPEN):
        found = judged(told(WIRELESS, access=run(reaches, start=old)))
        assert found.verdict is Verdict.CANNOT_TELL
        assert "source.stale" in codes(found)


def test_the_newest_test_says_what_is_so() -> None:
    before, after = NOW - timedelta(days=3), NOW - timedelta(days=1)
    mended = run(OPEN, start=before) + run(LIMITED, start=after, pair="p2")
    assert judged(told(WIRELESS, access=mended)).verdict is Verdict.SUPPORTS_YES
    broken = run(LIMITED, start=before) + run(OPEN, start=after, pair="p2")
    assert judged(told(WIRELESS, access=broken)).verdict is Verdict.PROVES_NO
    unasked = run(OPEN, start=before) + run(("spoke", "nothing"), roles="AN", start=after, pair="p2")
    assert judged(told(WIRELESS, access=unasked)).verdict is Verdict.PROVES_NO


def test_one_open_source_is_enough_whatever_another_one_saw() -> None:
    outside = tuple(
        look(role, "spoke", 600 + place, source=source, pair="p2")
        for place, (role, source) in enumerate([("allowed", ALLOWED_IP), ("not_allowed", "203.0.113.5")])
    )
    assert judged(told(WIRELESS, access=run(LIMITED) + outside)).verdict is Verdict.PROVES_NO


def test_agents_far_apart_make_a_pair_by_what_was_stated() -> None:
    stated = AllowedSources(device="gw", port=22, networks=("192.168.1.0/28",))
    halves = [
        look("allowed", "spoke", 1, pair="", declared=False),
        look("not_allowed", "nothing", 7, pair="", declared=False, source="203.0.113.5", vantage="w"),
        look("allowed", "spoke", 13, pair="", declared=False),
        look("not_allowed", "nothing", 19, pair="", declared=False, source="203.0.113.5", vantage="w"),
        look("allowed", "spoke", 25, pair="", declared=False),
        look("not_allowed", "spoke", 8, control=True, pair="", source="203.0.113.5", vantage="w"),
    ]
    assert judged(told(WIRELESS, stated, access=tuple(halves))).verdict is Verdict.SUPPORTS_YES
    assert judged(told(WIRELESS, access=tuple(halves))).verdict is Verdict.CANNOT_TELL


def test_settings_and_statement_that_differ_prove_nothing() -> None:
    stated = AllowedSources(device="gw", port=22, networks=(f"{OTHER_IP}/32",))
    for reaches in (LIMITED, OPEN):
        found = judged(told(WIRELESS, stated, access=run(reaches)))
        assert found.verdict is Verdict.CANNOT_TELL
        assert any("食い違って" in finding.text.ja for finding in found.findings)


def test_every_entrance_must_be_covered() -> None:
    both = (gateway(22, 443),)
    found = judged(told(WIRELESS, access=run(LIMITED), devices=both))
    assert found.verdict is Verdict.CANNOT_TELL
    assert "443/tcp" in found.toward_yes.ja
    access = run(LIMITED) + run(LIMITED, port=443, pair="p2", start=NOW - timedelta(hours=2))
    assert judged(told(WIRELESS, access=access, devices=both)).verdict is Verdict.SUPPORTS_YES


def test_a_device_without_a_seen_entrance_is_not_shown_to_be_limited() -> None:
    silent = gateway(id="sw", ip="192.168.1.2")
    found = judged(told(WIRELESS, access=run(LIMITED), devices=(gateway(22), silent)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert "source.no_entrance_seen" in codes(found)


def test_a_port_that_says_nothing_shows_no_entrance_and_must_be_limited_all_the_same() -> None:
    mute = device(
        "sw", "192.168.1.2", device_class="network", services=(Service(8443, "tcp", None, None, None, ()),)
    )
    limited = run(LIMITED, port=8443, address="192.168.1.2", pair="p2", start=NOW - timedelta(hours=2))
    alone = judged(told(WIRELESS, access=run(LIMITED) + limited, devices=(gateway(22), mute)))
    assert alone.verdict is Verdict.CANNOT_TELL
    assert "source.no_entrance_seen" in codes(alone)
    beside = replace_services(gateway(22), Service(8443, "tcp", None, None, None, ()))
    assert judged(told(WIRELESS, access=run(LIMITED), devices=(beside,))).verdict is Verdict.CANNOT_TELL


def test_the_silent_half_of_a_name_server_is_no_entrance() -> None:
    dns = Service(53, "udp", "domain", None, None, ()), Service(53, "tcp", None, None, None, ())
    seen = judged(told(WIRELESS, access=run(LIMITED), devices=(replace_services(gateway(22), *dns),)))
    assert seen.verdict is Verdict.SUPPORTS_YES
    only = device("sw", "192.168.1.2", device_class="network", services=dns)
    assert "source.no_entrance_seen" in codes(judged(told(WIRELESS, access=run(LIMITED), devices=(only,))))


def replace_services(one: Device, *more: Service) -> Device:
    return replace(one, services=(*one.services, *more))


def test_no_network_device_no_verdict() -> None:
    assert judged(told(WIRELESS, devices=(device(),))).verdict is Verdict.CANNOT_TELL


def test_an_incomplete_scan_supports_nothing() -> None:
    found = judged(told(WIRELESS, access=run(LIMITED), scans=()))
    assert found.verdict is Verdict.CANNOT_TELL


CONFIGURED = {"whole": True, "vpn": []}


def configuration(restricted: bool, *, port: int = 22, on: date = date(2024, 11, 20)) -> Configuration:
    reading: dict[str, object] = {
        **CONFIGURED,
        "management": [
            {
                "service": "ssh",
                "interface": "lan",
                "sources": ["192.168.1.10/32"] if restricted else "any",
                "restricted": restricted,
                "line": 12,
                "port": port,
            }
        ],
    }
    return Configuration(device="gw", file="gw.conf", sha256="0" * 64, on=on, reading=reading)


def test_a_configuration_covers_what_was_not_tested() -> None:
    assert judged(told(WIRELESS, configuration(True))).verdict is Verdict.SUPPORTS_YES
    assert judged(told(WIRELESS, configuration(False))).verdict is Verdict.PROVES_NO


def test_an_old_configuration_says_nothing() -> None:
    for restricted in (True, False):
        one = configuration(restricted, on=date(2023, 1, 1))
        assert judged(told(WIRELESS, one)).verdict is Verdict.CANNOT_TELL


def test_test_against_configuration() -> None:
    opened = judged(told(WIRELESS, configuration(True), access=run(OPEN)))
    assert opened.verdict is Verdict.PROVES_NO
    assert "source.contradiction" in codes(opened)
    shut = judged(told(WIRELESS, configuration(False), access=run(LIMITED)))
    assert shut.verdict is Verdict.CANNOT_TELL
    assert "source.contradiction" in codes(shut)


@pytest.mark.parametrize(
    "limit",
    [
        None,
        AccessLimit(place="SSID", limited=True, how="802.1X", by="鈴木", on=date(2024, 11, 1)),
        AccessLimit(place="SSID", limited=True, by="鈴木", on=date(2024, 11, 1), attachments=(ATTACHED,)),
        AccessLimit(
            place="SSID", limited=True, how="x", by="鈴木", on=date(2022, 1, 1), attachments=(ATTACHED,)
        ),
        AccessLimit(
            place="SSID", limited=True, how="x", by="鈴木", on=date(2024, 11, 1), attachments=("no",)
        ),
        AccessLimit(place="SSID", limited=False, by="鈴木", on=date(2024, 11, 1)),
    ],
)
def test_the_manuals_reading_is_needed_as_well(limit: AccessLimit | None) -> None:
    said = [limit] if limit else []
    found = judged(told(*said, access=run(LIMITED)))
    assert found.verdict is Verdict.CANNOT_TELL
    assert found.toward_yes.ja


MAC_LIMITED = run(
    ("spoke", "spoke", "spoke", "spoke", "nothing", "nothing", "spoke"), roles="ANNAUUA", control=False
)
MAC_CONTROL = look("unlisted_mac", "spoke", 13, control=True)


def test_an_unlisted_card_that_is_kept_out() -> None:
    found = judge(told(access=(*MAC_LIMITED, MAC_CONTROL)), "network")
    assert "mac.limited" in codes(found)
    without = judge(told(access=MAC_LIMITED), "network")
    assert "mac.untold" in codes(without)
    ambiguous = run(("spoke", "nothing", "nothing", "spoke"), roles="AUUA", control=True)
    assert "mac.untold" in codes(judge(told(access=ambiguous), "network"))


def test_an_unlisted_card_that_gets_through_contradicts_what_was_stated() -> None:
    passed = run(("spoke", "spoke", "spoke", "spoke"), roles="AUUA")
    found = judged(told(WIRELESS, configuration(True), access=passed))
    assert found.verdict is Verdict.CANNOT_TELL
    assert "食い違い" in found.reason.ja


def test_a_vendors_sheet_keeps_the_controls_of_its_tests() -> None:
    far = look("not_allowed", "spoke", 4, port=22, address="192.168.1.5", control=True)
    vendor = Vendor(id="v1", name="保守", devices=("gw",))
    whole = told(WIRELESS, vendor, access=(*run(LIMITED, control=False), far))
    assert judged(for_vendor(whole, vendor)).verdict is Verdict.SUPPORTS_YES


def test_an_address_of_two_devices_is_nobodys() -> None:
    twice = (gateway(22), gateway(22, id="gw2"))
    assert judged(told(WIRELESS, access=run(LIMITED), devices=twice)).verdict is Verdict.CANNOT_TELL


REACHES = ("spoke", "ended", "connected", "refused", "nothing", "held", "fault")
one_look = st.builds(
    look,
    st.sampled_from(("allowed", "not_allowed", "unlisted_mac")),
    st.sampled_from(REACHES),
    st.floats(0, 200),
    port=st.sampled_from((22, 443)),
    control=st.booleans(),
    declared=st.booleans(),
    pair=st.sampled_from(("", "p1", "p2")),
    status=st.sampled_from(("", "200", "403")),
    address=st.sampled_from((GATEWAY, "192.168.1.5")),
    start=st.sampled_from((NOW - timedelta(days=1), NOW - timedelta(days=400), NOW + timedelta(days=3))),
)


@given(st.lists(one_look, max_size=12))
def test_yes_never_without_a_complete_pair(looks: list[Observation]) -> None:
    """Whatever was seen: はいを支持 needs the allowed source before and after two looks of the other one."""
    found = judged(told(WIRELESS, access=tuple(looks)))
    assert found.verdict in (Verdict.SUPPORTS_YES, Verdict.CANNOT_TELL, Verdict.PROVES_NO)
    if found.verdict is Verdict.SUPPORTS_YES:
        assert has_complete_pair(looks)


def has_complete_pair(looks: list[Observation]) -> bool:
    """Written apart from the rule: brute force over all looks at port 22 of the gateway."""
    asked = [one for one in looks if (one.port, one.address, one.transport) == (22, GATEWAY, "tcp")]
    by = {
        role: [one for one in asked if any(f.value == role for f in one.facts)]
        for role in ("allowed", "not_allowed")
    }
    minute = timedelta(seconds=60)
    good = [
        n
        for n in by["not_allowed"]
        if any(timedelta(0) < n.at - a.at <= minute for a in by["allowed"])
        and any(timedelta(0) < a.at - n.at <= minute for a in by["allowed"])
        and not any(abs(n.at - a.at) <= minute and served_alike(n, a) for a in by["allowed"])
    ]
    return len(good) >= 2


def served_alike(n: Observation, a: Observation) -> bool:
    values = [{f.kind: f.value for f in one.facts} for one in (n, a)]
    mine, theirs = ({str(kind): value for kind, value in one.items()} for one in values)
    return mine["access.reach"] == theirs["access.reach"] == "spoke" and mine.get(
        "http.status"
    ) == theirs.get("http.status")


@given(st.lists(one_look, max_size=10), one_look)
def test_order_of_observations_does_not_matter(looks: list[Observation], more: Observation) -> None:
    one = judge(told(WIRELESS, access=(*looks, more)), "network")
    other = judge(told(WIRELESS, access=(more, *reversed(looks))), "network")
    assert one.verdict is other.verdict


@pytest.mark.parametrize(("first", "second"), list(product(REACHES, REACHES)))
def test_a_pair_alone_never_supports_yes(first: str, second: str) -> None:
    found = judged(told(WIRELESS, access=run((first, second), roles="AN")))
    assert found.verdict is not Verdict.SUPPORTS_YES


def test_a_wrong_class_hides_no_entrance() -> None:
    """The router, whoever forwards, and whoever lets people in from outside count whatever their class."""
    good = {"access": run(LIMITED)}
    plain = device("sv", "192.168.1.20", services=(service(8080, "http"),))
    assert judged(told(WIRELESS, devices=(gateway(22), plain), **good)).verdict is Verdict.SUPPORTS_YES
    for hidden in (
        replace(plain, forwards=True),
        replace(plain, device_class="unknown"),
        replace(plain, confidence={"device_class": Confidence(Sure.GUESS, "推測です。", "A guess.")}),
        replace(plain, remote_paths=(path("ssl_vpn", 10443, "sv"),)),
        replace(plain, remote_paths=(path("mobile_router", 0, "sv"),)),  # heard: no open port shows it
    ):
        found = judged(told(WIRELESS, devices=(gateway(22), hidden), **good))
        assert found.verdict is Verdict.CANNOT_TELL
    routed = msgspec.structs.replace(VANTAGE, gateways=("192.168.1.20",))
    for listed, code in ((True, "source.untold"), (False, "source.router_not_listed")):
        one = told(WIRELESS, devices=(gateway(22), plain) if listed else (gateway(22),), **good)
        found = judged(replace(one, vantages=(routed,)))
        assert found.verdict is Verdict.CANNOT_TELL
        assert code in codes(found)


def test_many_tests_are_judged_quickly_enough_to_be_judged_at_all() -> None:
    """Work grows with the looks, not with their square: 200 devices with 8 tested ports each."""
    devices = tuple(gateway(*range(1, 9), id=f"g{n}", ip=f"192.168.1.{n}") for n in range(1, 201))
    access = tuple(
        seen
        for n in range(1, 201)
        for port in range(1, 9)
        for seen in run(
            LIMITED, port=port, address=f"192.168.1.{n}", pair=f"{n}/{port}",
            start=NOW - timedelta(days=2) + timedelta(seconds=15 * (8 * n + port)),
        )
    )  # fmt: skip
    found = judged(told(WIRELESS, devices=devices, access=access))
    assert found.verdict is Verdict.SUPPORTS_YES


def test_services_of_other_devices_count_when_tested() -> None:
    server = device("sv", "192.168.1.20", services=(service(3389, "rdp"),))
    access = run(LIMITED) + run(OPEN, port=3389, address="192.168.1.20", pair="p2")
    found = judged(told(WIRELESS, access=access, devices=(gateway(22), server)))
    assert found.verdict is Verdict.PROVES_NO
