# SPDX-License-Identifier: Apache-2.0
"""What a factory left where a value belongs is no value."""

import pytest

from deploy.device_row import device_row
from probes.facts import FactKind, Sure, fact
from probes.fillers import is_serial, is_version, meaning
from probes.recognise import recognise
from probes.walk import Walk, facts_of


@pytest.mark.parametrize(
    "value",
    [
        "0123456789", "123456789", "987654321", "FFFFFFFFFFFF", "0A0A0A0A0A0A", "XX00000000XXX", "AAA0A00000", "999-999-999",
        "To be filled by O.E.M.", "None", "N/A", "Default string", "SERIALNUMBER", "System MAC: a8-f7-e0-00-64-6a", "1e1c0000.xhci",
        "192.0.2.1", "M", "", "\ufffd\ufffd00 11", "日本12345",
    ],
)  # fmt: skip
def test_no_serial_number(value: str) -> None:
    assert not is_serial(value)


@pytest.mark.parametrize(
    "value",
    [
        "FOC2211NZZZ",
        "239",
        "2935-3BAB-7549",
        "00:40:8c:12:34:56",
        "S 4711-08 15",
        "7216221119888",
        "E1F10E90A6E9",
    ],
)
def test_serial_number(value: str) -> None:
    assert is_serial(value)


@pytest.mark.parametrize("value", ["0.0.0.0", "00.00", "v0", "-", "0123456789", "\ufffd\ufffd 00 00"])
def test_no_version(value: str) -> None:
    assert not is_version(value)


@pytest.mark.parametrize("value", ["0.1", "V200R011C10", "Vista", "2767,10,2738,11"])
def test_version(value: str) -> None:
    assert is_version(value)


def test_bytes_of_a_memory_dump_mean_nothing() -> None:
    assert meaning("\ufffd\ufffd 00 00") == ""
    assert meaning("  Rack \n 7 ") == "Rack 7"


def _version_of(entity: str, sure: Sure, described: str) -> str | None:
    facts = (
        fact(FactKind.FIRMWARE_VERSION, entity, sure),
        fact(FactKind.SNMP_SYSDESCR, f"Zzyx router, Version {described}, RELEASE"),
    )
    found: str | None = device_row(facts, "snmp", ())["firmware_version"]
    return found


def test_an_answer_that_contradicts_itself_gives_no_version() -> None:
    assert _version_of("6.2.0", Sure.LIKELY, "04.02.00") is None
    assert _version_of("4.2.0", Sure.LIKELY, "04.02.00") == "4.2.0"


def test_a_sentence_however_sure_does_not_stand_against_the_box_itself() -> None:
    described = fact(FactKind.SNMP_SYSDESCR, "Cisco Adaptive Security Appliance Version 9.99(2)")
    said = [
        device_row((fact(FactKind.FIRMWARE_VERSION, version, Sure.LIKELY), described), "snmp", ())
        for version in ("9.99(3)", "9.99(2)")
    ]
    assert [row["firmware_version"] for row in said] == [None, "9.99(2)"]


def test_the_makers_own_variable_stands_against_a_sentence() -> None:
    assert _version_of("6.2.0", Sure.SURE, "4.2.0") == "6.2.0"


def test_a_parts_revision_is_said_as_the_description_says_it() -> None:
    assert _version_of("17.06.04", Sure.GUESS, "17.6.4") == "17.6.4"


def test_who_owns_the_number_comes_before_a_name_of_many() -> None:
    facts = (
        fact(FactKind.MAKER, "Zzyx Works", Sure.LIKELY),
        fact(FactKind.SNMP_SYSDESCR, "NPort 5110"),
    )
    assert device_row(facts, "snmp", ())["maker"] == "Zzyx Works"


def test_what_it_tells_its_neighbours_of_itself_is_read() -> None:
    walk = Walk.of([b"1.3.6.1.2.1.1.1.0|4|Zz\n1.0.8802.1.1.2.1.5.4795.1.2.5.0|4|ZZ71345628\n"])
    said = {one.kind: one for one in facts_of(walk)}
    assert said[FactKind.SERIAL].value == "ZZ71345628"
    assert said[FactKind.SERIAL].sure is Sure.LIKELY


def test_a_bundle_is_not_what_it_is_built_on() -> None:
    said = recognise("http.server", "Oracle-HTTP-Server-12.9.1.4.0/2.4.99")[0]
    assert said.version == "12.9.1.4.0"


def test_a_page_of_a_gateway_in_between_names_no_host_surely() -> None:
    assert all(one.sure is Sure.GUESS for one in recognise("http.title", "Web Filter Block Override"))


def test_addresses_in_a_greeting_are_no_version() -> None:
    said = recognise("telnet", "Welcome to AutoDome 900 HD 192.168.7.9 from 5.6.7.8")
    said += recognise("telnet", "Welcome to AutoDome 900 HD 1.2.3.4 from 5.6.7.8")
    said += recognise("http.title", "Login (Virtual Traffic Manager Appliance :: 10.0.0.1)")
    assert said
    assert not [one for one in said if one.version or one.firmware_version]


def test_a_release_keeps_the_letter_that_belongs_to_it() -> None:
    assert recognise("sip.user_agent", "Huawei-HomeGateway/V900R001")[0].version == "V900R001"
    assert recognise("sip.user_agent", "Zzphone/v1.2.3")[0].version == "1.2.3"
