# SPDX-License-Identifier: Apache-2.0
"""Item 2-(8) by configuration: what a file proves of a device's limits, and what proves nothing."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from collector.case import Case
from collector.imports.configurations.limits import ConfiguredLimit, configured_limits
from collector.imports.configurations.owner import named, owners
from collector.imports.configurations.shown import as_json
from inventory_db.device import Address, Device
from inventory_db.stated import Configuration
from inventory_db.statements import Stated
from tests.configuration_files import reading_of, said

NOW = datetime(2026, 7, 1, 9, tzinfo=UTC)


def device(id: str = "d1", *ips: str, **more: Any) -> Device:
    addresses = tuple(Address(ip, None, None, None, "asked") for ip in ips)
    when = NOW.isoformat()
    fields: dict[str, Any] = {"first_seen": when, "last_seen": when, "last_asked": when, **more}
    return Device(id=id, anchor=id, addresses=addresses, **fields)


def limits(
    name: str, *, on: date = date(2026, 6, 1), whose: str = "d1", **changed: Any
) -> tuple[ConfiguredLimit, ...]:
    reading = as_json(reading_of(name), name) | changed
    stated = Configuration(device=whose, file=name, sha256="ab" * 32, on=on, reading=reading)
    case = Case(now=NOW, devices=(device(),), stated={"configuration": {"d1": Stated(stated, "佐藤", NOW)}})
    return configured_limits(case)


def test_each_service_is_limited_or_not_with_its_line() -> None:
    found = {
        (one.service, one.interface): one
        for one in limits("asa.conf")
        if not one.vpn and one.service != "snmp"
    }
    assert {key: one.restricted for key, one in found.items()} == {
        ("ssh", "inside"): "yes",
        ("ssh", "outside"): "no",
        ("telnet", "inside"): "yes",
        ("https", "inside"): "yes",
        ("https", "outside"): "yes",
    }
    open_one = found["ssh", "outside"]
    assert open_one.wan is True
    assert open_one.finding.against
    assert open_one.finding.proven
    assert "37 行目" in open_one.finding.text.ja
    assert "line 37 of asa.conf (of 2026-06-01)" in open_one.finding.text.en
    assert open_one.finding.todo is not None
    assert found["https", "outside"].port == 4443
    assert "198.51.100.32/27" in found["https", "outside"].finding.text.ja


def test_a_filter_before_the_outer_side_limits_in_part() -> None:
    found = [one for one in limits("edgeos.boot") if one.service == "ssh"]
    assert [(one.restricted, one.wan) for one in found] == [("partial", False)]


def test_a_vpn_for_everybody_is_no_proof_of_no() -> None:
    found = {one.interface: one for one in limits("rtx1220.conf") if one.vpn and one.service == "ipsec"}
    assert found["tunnel 1"].restricted == "yes"
    assert found["tunnel 2"].restricted == "no"
    assert not any(one.finding.proven for one in found.values())
    assert {one.transport for one in found.values()} == {"udp"}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"on": date(2026, 6, 1) - timedelta(days=200)}, "180 日より古い"),
        ({"on": date(2026, 7, 3)}, "未来"),
        ({"whose": "gone"}, "台帳にありません"),
        ({"whole": False}, "読めなかったところ"),
        ({"whole": "yes"}, "読めなかったところ"),
    ],
)
def test_what_proves_nothing_says_why(changed: dict[str, Any], word: str) -> None:
    found = limits("asa.conf", **changed)
    assert found
    assert {one.restricted for one in found} == {"unknown"}
    assert all(word in one.finding.text.ja and not one.finding.proven for one in found)


def test_a_configuration_of_nobody_is_left_out() -> None:
    assert limits("asa.conf", whose="") == ()


def test_what_the_file_does_not_say_is_unknown() -> None:
    text = "version 15.2\nservice timestamps log datetime\nhostname a\nend\n"
    reading: dict[str, Any] = as_json(said(text), "x")
    found = limits("ios.conf", **reading)
    assert {one.service: one.restricted for one in found} == dict.fromkeys(
        ("http", "https", "ssh", "telnet"), "unknown"
    )


@pytest.mark.parametrize(
    "reading",
    [
        {},
        {"whole": True, "management": 1, "vpn": "x", "unstated": {}},
        {
            "whole": True,
            "management": [1, {}, {"service": 5, "restricted": "x", "sources": 7, "line": "a", "port": "b"}],
        },
        {"whole": True, "vpn": [{"kind": None}, {"peer": 5}]},
    ],
)
def test_a_reading_of_any_shape_is_survived(reading: dict[str, Any]) -> None:
    stated = Configuration(device="d1", file="x", sha256="ab", on=date(2026, 6, 1), reading=reading)
    case = Case(now=NOW, devices=(device(),), stated={"configuration": {"d1": Stated(stated, "佐藤", NOW)}})
    assert all(one.restricted in ("unknown", "yes") for one in configured_limits(case))


def test_whose_it_is_by_serial_then_address_then_name() -> None:
    reading = reading_of("asa.conf")
    by_serial = device("a", serial="JAD2000XXXX")
    by_address = device("b", "10.0.0.1")
    by_name = device("c", names=("hosp-asa.example.jp",))
    other = device("d", "10.0.0.2", names=("hosp-asa2",))
    assert [(one.id, how) for one, how in owners(reading, [other, by_name, by_address, by_serial])] == [
        ("a", "serial")
    ]
    assert [(one.id, how) for one, how in owners(reading, [other, by_name, by_address])] == [("b", "address")]
    assert [(one.id, how) for one, how in owners(reading, [other, by_name])] == [("c", "name")]
    assert owners(reading, [other]) == []
    assert [one.id for one in named("10.0.0.1", [by_address, other])] == ["b"]
    assert named("nobody", [by_address]) == []
