# SPDX-License-Identifier: Apache-2.0
"""Readers that know names, grammar and structure instead of products, and outputs of commands."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deploy.said import said_row
from probes import command_output, labels, names, structured, worded_device, worded_version, wording
from probes.command_output import families
from probes.device_class import CLASSES
from probes.facts import Sure
from probes.normal_version import normal_version
from probes.patterns import BadPattern, compiled
from probes.recognise import recognise

CHANNELS = sorted({*wording.channels(), *structured.READINGS})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "NETGEAR GS724Tv9 ProSafe, Software Version 9.1.0.7, SN: 9ABC123456",
            {"maker": "Netgear", "model": "GS724Tv9 ProSafe", "firmware_version": "9.1.0.7", "serial": "9ABC123456"},
        ),
        ("Allied Telesis Widget-900 Rev 2.71 (boot rom version 1.0)", {"maker": "Allied Telesis", "firmware_version": "2.71"}),
        ("KYOCERA Print Box, HW Version 3.2", {"maker": "Kyocera", "product": "Print Box"}),
        ("Brother NC-99999x, Firmware Ver.9.87 ,MID 84U", {"maker": "Brother", "firmware_version": "9.87"}),
        ("Linux brother 4.19.0 #1 SMP", None),
        ("A box of nobody, version 1.2", {"firmware_version": "1.2"}),
        ("A box of nobody", None),
        ("Widget manager (Intel X86) on something", None),
        (
            "Widget 9900 Release 9.9 (c) Copyright 2001-2099 by Nortel Networks",
            {"maker": "Nortel", "model": "Widget 9900", "firmware_version": "9.9"},
        ),
        ("Widget (c) 2001 for Nortel Networks", None),
        ("ZTE box released 11.15.2006-1", {"firmware_version": None}),
        ("Aruba R9Z99A 9900-24X LL.10.99.1234", {"maker": "Aruba", "firmware_version": "LL.10.99.1234"}),
        ("SATO PRINTER Ver A9.8.7 ready", {"maker": "Sato", "firmware_version": "A9.8.7"}),
        ("Mfg=Somebody;Typ=Printer;Mod=X 9;", None),
    ],
)  # fmt: skip
def test_a_description_is_read_by_its_grammar(text: str, expected: dict[str, str] | None) -> None:
    said = worded_device.description(text)
    if expected is None:
        assert said is None
    else:
        assert said is not None
        assert {key: said.get(key) for key in expected} == expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("hardware version 1.2.3", ""),
        ("Copyright (c) 2019.2020", ""),
        ("boot 1.0.0, software v4.5.6-r1,", "4.5.6-r1"),
        ("FW:2.1 HW:9.9", "2.1"),
        ("at 192.168.100.254 now", ""),
        ("Version 15.2(7)E3, RELEASE", "15.2(7)E3"),
        ("App. 1.2.3, OS 6.3, Btldr 1.2.2, H/w ZZBOARD-01 v9.8.7", "1.2.3"),
        ("ZZ H/w ZZBOARD-01 v9.8.7", ""),
        ("ZZ 48x1G, VxWorks 6.9.4", ""),
        ("ZZ, Nucleus OS v1.13.12", ""),
        ("ZZ switch, 8-port GE version 8-port", ""),
        ("image version 92329ceab", ""),
        ("ZZ Build 191107 Rel.15316n", ""),
        ("ZZ 3.16.0 0.9.1 v6", ""),
        ("FreeZZ 11.3 (revision 199506)", ""),
        ("Built by zz in /rel12.0/b1/R16/main", ""),
    ],
)
def test_only_the_softwares_version_counts(text: str, version: str) -> None:
    assert worded_version.version_in(text) == version


@pytest.mark.parametrize(
    ("channel", "text", "product", "version"),
    [
        ("http.server", "nginx/9.9.9", "nginx", "9.9.9"),
        ("http.server", "Unheardof-Server/3.2.1 (Unix)", "Unheardof-Server", "3.2.1"),
        ("smtp", "220 mail ESMTP Exim 9.99 ready", "exim", "9.99"),
        ("dns.version_bind", "PowerDNS Recursor 9.8.7", "PowerDNS Recursor", "9.8.7"),
        ("sip.server", "OpenSER (9.8.7-notls (mips/linux))", "OpenSER", "9.8.7"),
        ("http.server", "Unheardof/1.2.3-release", "Unheardof", "1.2.3"),
        ("ssh", "SSH-2.0-UnheardOf_9.8.7 comment", "UnheardOf", "9.8.7"),
        ("http.server", "Unheardof/1.2.3-rc4", "Unheardof", "1.2.3-rc4"),
        ("dns.version_bind", "9.9.9-P8-7.6+deb9u9-Raspbian", "BIND", "9.9.9-P8"),
        ("http.server", "Unheardof/9.8.7(Intl)", "Unheardof", "9.8.7"),
        ("http.server", "Unheardof-Gateway/v2", "Unheardof-Gateway", "v2"),
        ("snmp.sysDescr", "Novell NetWare 5.70.09  May 9, 2009", "NetWare", "6.5 SP9"),
        ("mysql", "5.5.5-10.9.8 2.99.1-maxscale", "MaxScale", "2.99.1"),
        ("mysql", "5.1.99rel11.2-log", "Percona Server", "5.1.99rel11.2"),
        ("mysql", "10.9.8-MariaDB-1~deb12u1", "MariaDB", "10.9.8"),
        ("mysql", "8.1.2-0ubuntu0.22.04.1", "MySQL", "8.1.2"),
        ("ntp", 'version="ntpd 4.9.9p9@1.1 Tue", system="SunOS/5.11"', "NTP", "4.9.9p9@1.1"),
        ("ldap", "vendorName1\x0b\x04\tSomebody,0vendorVersion1\x12\x04\x10Big-Directory/7.", "Big Directory Server", "7."),
    ],
)  # fmt: skip
def test_what_speaks(channel: str, text: str, product: str, version: str) -> None:
    said = {(one.product, one.version) for one in recognise(channel, text)}
    assert (product, version) in said


@pytest.mark.parametrize(
    ("channel", "text"),
    [
        *(("http.title", text) for text in ("Exchange rates", "Courier service", "Airflow in ward 9", "Spark", "Crow", "Thin")),
        *(("http.title", text) for text in ("Toshiba General Hospital", "Brother Clinic", "日立病院", "Panasonic Health Insurance")),
        *(("http.title", text) for text in ("Sharp increase of flu", "Canon law", "Apple pie for all", "Login", "電子カルテ")),
        ("tls.subject", "CN=www,O=Toshiba Hospital,C=JP"),
        ("http.wwwauth", 'Basic realm="Harbor Clinic"'),
        ("snmp.sysDescr", "main switch of the second floor"),
        ("ssh", "SSH-2.0-zzz9"),
        ("ftp", "220 Welcome to the archive"),
        ("smtp", "220 mail.example.jp ESMTP ready"),
    ],
)  # fmt: skip
def test_words_of_the_language_name_nothing(channel: str, text: str) -> None:
    assert recognise(channel, text) == ()


@pytest.mark.parametrize(
    ("text", "product"), [("Crowd Console", "Crowd"), ("Welcome to Horde", "Horde"), ("Exchange 2099.1 login", "Exchange Server"), ("Grafana", "Grafana")]
)  # fmt: skip
def test_a_word_of_the_language_counts_where_the_title_says_nothing_else(text: str, product: str) -> None:
    assert [one.product for one in recognise("http.title", text)][:1] == [product]


def test_no_address_is_a_version_and_no_model_a_serial_number() -> None:
    assert recognise("http.title", "ApeosPort C999 - 10.0.0.1")[0].firmware_version is None
    assert not any(one.serial for one in recognise("snmp.sysDescr", "SONY Network Camera SNC-ZZ999"))


def test_the_words_of_a_text_tell_its_class_better_than_its_maker() -> None:
    said = recognise("snmp.sysDescr", "Canon Network Camera ZZ-H99")
    assert [one.device_class for one in said if one.device_class] == ["iot"]


@pytest.mark.parametrize(
    ("text", "model", "version"),
    [
        ("Nortel Passport-9999 (9.7.2.0)", "Passport-9999", "9.7.2.0"),
        ("Westermo RedFox-9 WeOS v9.21.0", "RedFox-9", "9.21.0"),
        ("Samsung Samsung ML-9999 Series OS 9.20.00.48", "ML-9999 Series", "9.20.00.48"),
        ("Eaton Gigabit Card 9 v9.7.5", "Gigabit Card 9", "9.7.5"),
        ("TP-LINK TL-SG9999 Switch", "TL-SG9999 Switch", None),
    ],
)
def test_a_model_ends_where_another_part_begins(text: str, model: str, version: str | None) -> None:
    said = worded_device.description(text) or {}
    assert (said.get("model"), said.get("firmware_version")) == (model, version)


def test_systems_are_named_as_people_know_them() -> None:
    assert structured.system("SunOS/5.11") == {"os": "Solaris", "os_version": "11"}
    assert structured.system("Darwin/19.6.0") == {"os": "Mac OS X", "os_version": "10.15"}
    assert structured.system("NoSystem/1") == {}
    assert structured.aix("IBM PowerPC\nBase Operating System Runtime AIX version: 07.02.0000.0010\n") == {
        "vendor": "IBM", "product": "AIX", "os": "AIX", "os_version": "7.2", "version": "7.2", "device_class": "server",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("model", "os"), [("model=D999AP", "iOS"), ("model=J999xAP", "iOS"), ("model=MacBookPro99,1", "Mac OS X"), ("model=B999AP", "audioOS")]
)  # fmt: skip
def test_boards_of_apple(model: str, os: str) -> None:
    said = structured.device_info(model)
    assert said is not None
    assert (said["maker"], said["os"]) == ("Apple", os)


def test_every_name_is_found_where_it_stands_alone() -> None:
    for table in (names.makers(), names.software()):
        for words, name in table.whole.items():
            found = next(names.find(table, " ".join(words)), None)
            assert found is not None, name
        for begun in table.open.values():
            for words, name in begun.items():
                assert next(names.find(table, " ".join(words) + "9"), None) is not None, name


def test_names_give_known_classes() -> None:
    table = names.makers()
    every = [*table.whole.values(), *(name for begun in table.open.values() for name in begun.values())]
    assert {name.kind for name in every if name.kind} <= set(CLASSES)
    assert len(every) > 500


# Outputs of commands.

CASES = [
    ("cisco_ios", "show version", "Cisco IOS Software, C9 Software (C9-UNIV-M), Version 15.9(1)T, RELEASE SOFTWARE (fc1)\nr1 uptime is 1 day\nCisco C999/K9 (revision 1.0) processor with 1K bytes\nProcessor board ID FTX9999A9ZZ\n", ("Cisco", "C999/K9", "15.9(1)T", "FTX9999A9ZZ", "r1")),
    ("", "show version", "Cisco Nexus Operating System (NX-OS) Software\n  NXOS: version 9.9(9)\n  cisco Nexus9999 C9Z Chassis\n  Processor Board ID SAL9999Z9ZZ\n  Device name: n1\n", ("Cisco", "Nexus9999 C9Z", "9.9(9)", "SAL9999Z9ZZ", "n1")),
    ("", "show version", "Arista DCS-9999-Z\nSerial number: JPE99999999\nSoftware image version: 4.99.9M\n", ("Arista", "DCS-9999-Z", "4.99.9M", "JPE99999999", None)),
    ("fortinet", "get system status", "Version: FortiGate-999Z v9.9.9,build1\nSerial-Number: FGT9Z99999999999\nHostname: fw\n", ("Fortinet", "FortiGate-999Z", "9.9.9,build1", "FGT9Z99999999999", "fw")),
    ("", "show environment", "RTX9999 BootROM Ver.1.00\nRTX9999 Rev.99.01.02 (Thu)\n  main:  RTX9999 ver=00 serial=Z91827364 MAC\n", ("Yamaha", "RTX9999", "99.01.02", "Z91827364", None)),
    ("", "show version", "Date 2099/01/01\nModel: AX9999S-24T\nS/W: OS-L9 Ver. 99.9.Z (Build:04)\nH/W: AX-9999-24T [CA99999T000S0000B7S0099:0:0]\n", ("AlaxalA", "AX9999S-24T", "99.9.Z", "CA99999T000S0000B7S0099", None)),
    ("", "show version", "Century Systems NXR-999 Series ver 9.24.1B (build 10/20:14)\n", ("Century Systems", "NXR-999", "9.24.1B", None, None)),
    ("", "show version", "FITELnet-F999 Version V99.04(00)\n", ("Furukawa Electric", "F999", "V99.04(00)", None, None)),
    ("", "show version", "Apresia99200-28GT\nAEOS Ver. 9.32.01\n", ("ApresiaAE", "Apresia99200-28GT", "9.32.01", None, None)),
    ("nec_ix", "show version", "NEC Portable Internetwork Core Operating System Software\nIX Series IX9999 (magellan-sec) Software, Version 9.9.9, RELEASE SOFTWARE\nixr uptime is 1 day\n", ("NEC", "IX9999", "9.9.9", None, "ixr")),
    ("", "show system", "Hostname : s1\nProduct Name : JL999A 9999M\nChassis Serial Nbr : SG9ABCDEF1\nArubaOS-CX Version : ZZ.10.99.0001\n", ("Aruba", "JL999A 9999M", "ZZ.10.99.0001", "SG9ABCDEF1", "s1")),
    ("", "show version", "Manufacturer : Nobody Known\nModel Name ........ ZZ-9\nSerial Number..... Z8Y7X6W5\nFirmware Version... 9.9.9\n", ("Nobody Known", "ZZ-9", "9.9.9", "Z8Y7X6W5", None)),
    ("", "display version", "NEC Corporation\nComware Platform Software\nComware Software, Version 9.20.99, Release 9103P05\nQX-S9926P uptime is 0 week\n", ("NEC", "QX-S9926P", "9.20.99, Release 9103P05", None, None)),
    ("hp_comware", "display version", "H3C Comware Software, Version 9.1.070, Release 9507P02\nH3C S9930S-28S-EI uptime is 1 week\n", ("H3C", "S9930S-28S-EI", "9.1.070, Release 9507P02", None, None)),
    ("", "display device manuinfo", "Slot 1:\nDEVICE_NAME          : S9930S\nDEVICE_SERIAL_NUMBER : 219801A1R59173001234\nVENDOR_NAME          : HPE\n", ("HPE", "S9930S", None, "219801A1R59173001234", None)),
    ("", "show version", "AlliedWare Plus (TM) 9.4.6 12/06/16 04:14:33\n\nBuild name : x999-9.4.6-2.1.rel\n", ("Allied Telesis", "x999", "9.4.6-2.1", None, None)),
    ("", "show system", "Switch System Status\n\nBoard       ID  Bay   Board Name                         Rev   Serial number\nBase        419       x999-28GPX                         A-0   A19147G15060004\nSoftware version   : 9.4.6-2.1\n", ("Allied Telesis", "x999-28GPX", "9.4.6-2.1", "A19147G15060004", None)),
    ("hp_procurve", "show version", "Aruba Operating System Software.\nArubaOS (MODEL: 999), Version 9.8.7.6 SSR\n", ("HPE", "999", "9.8.7.6", None, None)),
    ("", "session", '!System Software Version "9.9.0.1"\n', (None, None, "9.9.0.1", None, None)),
    ("", "show interfaces", "Serial number : 71345628\nVersion : 9.9\n", (None, None, None, None, None)),
]  # fmt: skip


@pytest.mark.parametrize(("platform", "command", "text", "expected"), CASES)
def test_outputs_of_commands(
    platform: str, command: str, text: str, expected: tuple[str | None, ...]
) -> None:
    said = {claim.field: claim.value for claim in command_output.read(platform, command, text)}
    fields = ("maker", "model", "firmware_version", "serial", "name")
    assert tuple(said.get(field) for field in fields) == expected


_NEIGHBOURS = (
    "Device ID: sw9.example\nPlatform: cisco WS-C9999,  Capabilities: Switch\nHoldtime : 134 sec\n\nVersion :\n"
    "Cisco IOS Software, C9 Software (C9-M), Version 15.9(1)T, RELEASE SOFTWARE (fc1)\n"
)


@pytest.mark.parametrize("command", ["show cdp neighbors detail", "ShowCdpNeighborsDetail", ""])
def test_a_neighbours_version_is_not_ours(command: str) -> None:
    said = {claim.field: claim.value for claim in command_output.read("cisco_xr", command, _NEIGHBOURS)}
    assert said["maker"] == "Cisco"
    assert not {"firmware_version", "model", "serial", "name"} & said.keys()


def test_what_stands_before_the_neighbours_counts() -> None:
    text = "Cisco IOS Software, C9 Software (C9-M), Version 15.2(2)E, RELEASE SOFTWARE (fc1)\n" + _NEIGHBOURS
    said = {claim.field: claim.value for claim in command_output.read("", "", text)}
    assert said["firmware_version"] == "15.2(2)E"


@pytest.mark.parametrize(
    "command", ["show environment power all", "display ont info 0 1", "show boot-config", "show ap inventory"]
)
def test_parts_and_boxes_behind_it_are_not_it(command: str) -> None:
    claims = command_output.read(
        "", command, "Serial number : ABX71345628\nSoftware image: flash:/EOS-2.2.0.swi\n"
    )
    assert not claims


def test_a_build_of_a_kernel_is_no_version_of_junos() -> None:
    text = "Model: zz9\nJUNOS OS Kernel 64-bit [20220419.9889e6f_builder_stable_11]\n"
    assert "firmware_version" not in {
        c.field for c in command_output.read("juniper_junos", "show version", text)
    }


@pytest.mark.parametrize(
    ("parts", "serial"),
    [
        ((("Slot 9", "Chassis Fan Module"), ("FEX 101 CHASSIS", "Extender CHASSIS")), None),
        ((("Ethernet 1/9", "10gbase-lr"), ("Ethernet 1/10", "10gbase-lr")), None),
        ((("0/0", "Line Card"), ("Rack 0", "Virtual Router")), "SAL9999991Z"),
        ((("module 0/RSP0", "Processor"), ("chassis", "4 Slot Chassis")), "SAL9999991Z"),
        ((("1", "WS-C9999X-99"), ("Switch 1 - Power Supply 1", "Power Supply")), "SAL9999990Z"),
    ],
)
def test_of_a_list_of_parts_only_the_box_counts(
    parts: tuple[tuple[str, str], ...], serial: str | None
) -> None:
    text = "".join(
        f'NAME: "{name}", DESCR: "{words}"\nPID: ZZ-9 , VID: V01, SN: SAL999999{number}Z\n\n'
        for number, (name, words) in enumerate(parts)
    )
    said = {claim.field: claim.value for claim in command_output.read("ios", "show inventory", text)}
    assert said.get("serial") == serial


def test_a_serial_number_may_be_labelled_by_a_sign() -> None:
    said = labels.labelled("CPU Card Serial#     : SAL9999991Z\nSystem Serial#       : SAL9999990Z\n")
    assert said["serial"] == "SAL9999990Z"


@pytest.mark.parametrize(
    ("build", "version"),
    [("6.1 (Build 7600", "6.1.7600"), ("6.1 (Build 7601", "SP1"), ("6.0 (Build 6001", "SP1")],
)
def test_a_service_pack_is_the_version_of_a_windows(build: str, version: str) -> None:
    text = f"Hardware: x86 - Software: Windows Version {build} Multiprocessor Free)"
    row = said_row("x", recognise("snmp.sysDescr", text), "snmp.sysDescr")
    assert row["device"]["services"][0]["version"] == version


def test_who_builds_the_kernel_makes_the_box_and_whose_system_it_is_does_not() -> None:
    built = recognise("upnp", "Linux/9.9.99-axis9, UPnP/1.0, Portable SDK for UPnP devices/9.9.9")
    assert [one.maker for one in built if one.maker] == ["Axis"]
    for text in ("Linux/9.9.99-generic, UPnP/1.0, X/9.9", "Linux/9.9.99-21-server UPnP/1.0 X/9.9"):
        assert not [one.maker for one in recognise("upnp", text) if one.maker]
    assert not [one.maker for one in recognise("snmp.sysDescr", "SystemEDGE for Windows") if one.maker]


def test_the_serial_number_of_a_module_is_only_a_guess() -> None:
    text = "Mod Ports Model   Serial No.\n--- ----- ------- -----------\n  1    48  LC-99  SAL9999999Z\n"
    (claim,) = command_output.read("", "show module", text)
    assert (claim.field, claim.value, claim.sure) == ("serial", "SAL9999999Z", Sure.GUESS)


@pytest.mark.parametrize("family", families(), ids=lambda family: family.id)
def test_a_family_is_in_form(family: command_output.Family) -> None:
    allowed = {"maker", "model", "serial", "firmware_version", "os", "os_version", "name", "image"}
    assert family.device_class in ("", *CLASSES)
    compiled(family.marks)
    for pattern in family.fields:
        assert compiled(pattern).groupindex
        assert set(compiled(pattern).groupindex) <= allowed


def test_labels_are_read_in_json_and_xml() -> None:
    assert labels.labelled('{"serialNumber": "Z8Y7X6", "x": 1}')["serial"] == "Z8Y7X6"
    assert labels.labelled("<serial-number>Z8Y7X6</serial-number>")["serial"] == "Z8Y7X6"
    assert labels.labelled("Serial Number: none\nVersion: unknown") == {}


def test_a_pattern_that_looks_around_is_refused() -> None:
    with pytest.raises(BadPattern):
        compiled("(?=x)x")


def test_many_patterns_remember_little_of_what_they_read() -> None:
    """The states that RE2 keeps would take 8 MB a pattern if it were left to itself."""
    text = random.Random(5).randbytes(40_000).hex()
    before = _memory()
    for number in range(10, 30):
        compiled(f"[0-9a-f]*[0-7][0-9a-f]{{{number}}}z").search(text)
    assert _memory() - before < 20 << 20


def _memory() -> int:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * 4096


def test_a_pattern_too_large_for_little_memory_still_reads() -> None:
    assert compiled(r"(?:\pL{1,100}x){3}").search("ab" * 9 + "x" + "cx" + "dx")


def test_long_names_are_not_remembered() -> None:
    for number in range(9):
        text = f"{number} {'x' * 9000}"
        before = names._spelled.cache_info().currsize
        assert names.spelled(f"{text} Inc.") == text
        assert names._spelled.cache_info().currsize == before


@pytest.mark.parametrize(
    ("maker", "text", "normal"),
    [
        ("Fortinet", "FortiGate-99Z v7.9.5,build1517,230606 (GA)", "7.9.5"),
        ("Cisco", "15.9(7)E3", "15.9(7)E3"),
        ("Huawei", "5.170 (AR99 V200R099C00SPC500)", "V200R099C00SPC500"),
        ("Juniper", "19.9R3-S4.5", "19.9R3-S4.5"),
        ("Nobody", "Version 4.9.9b2 of May", "4.9.9b2"),
        ("Nobody", "no number", None),
        (None, None, None),
    ],
)
def test_the_normal_form_is_what_advisories_name(
    maker: str | None, text: str | None, normal: str | None
) -> None:
    assert normal_version(maker, text) == normal


# Hostile text.


@given(st.sampled_from(CHANNELS), st.text(max_size=400))
def test_no_text_makes_a_reader_raise(channel: str, text: str) -> None:
    for one in recognise(channel, text):
        assert one.pattern


@settings(max_examples=200)
@given(
    st.sampled_from(["", "cisco_ios", "junos", "x" * 99]),
    st.sampled_from([case[2] for case in CASES]),
    st.text(max_size=200),
    st.integers(0, 300),
)
def test_no_output_makes_the_reader_raise(platform: str, text: str, noise: str, at: int) -> None:
    for claim in command_output.read(platform, noise[:20], text[:at] + noise + text[at:]):
        assert claim.value
