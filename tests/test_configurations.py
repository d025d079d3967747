# SPDX-License-Identifier: Apache-2.0
"""What configurations say: whose they are, who may manage the device from where, which VPN it offers."""

import json
import tarfile
from pathlib import Path

import pytest

from collector.imports.configurations.detect import family_names, load
from collector.imports.configurations.reading import Reading
from collector.imports.configurations.shown import as_json
from deploy.bench.configurations import ARCHIVE, compare, labels, unpack
from tests.configuration_files import FILES, FOLDER, reading_of, said, ways_in


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the recorded configurations are not here")
def test_every_label_of_the_recorded_configurations_is_right(tmp_path: Path) -> None:
    from collector.imports.configurations.read import read_configuration

    folder = unpack(tmp_path)
    wrong = []
    for label in labels(folder):
        data = (folder / "files" / label["file"]).read_bytes()
        shown = as_json(read_configuration(data, label["file"]), label["file"])
        wrong += [(label["file"], field, value) for field, good, value in compare(label, shown) if not good]
    assert not wrong


@pytest.mark.skipif(not ARCHIVE.is_file(), reason="the recorded configurations are not here")
def test_grammar_files_are_read_as_their_family_and_never_crash() -> None:
    from collector.imports.configurations.read import read_configuration

    wanted = {"cisco_asa": "cisco_asa", "fortios": "fortios", "palo_alto": "panos"}
    with tarfile.open(ARCHIVE) as packed:
        for member in packed:
            parts = member.name.split("/")
            if "unlabelled_batfish" in parts and member.isfile():
                file = packed.extractfile(member)
                assert file is not None
                assert read_configuration(file.read()).family == wanted[parts[-2]], member.name


IDENTITY = {
    "fortigate.conf": ("Fortinet", "FortiGate-60F", "FortiOS", "7.0.14", "HOSP-FW01"),
    "ios.conf": ("Cisco", "C891FJ-K9", "IOS", "15.7", "HOSP-RT01"),
    "asa.conf": ("Cisco", "ASA5506", "ASA", "9.8(4)29", "HOSP-ASA"),
    "rtx1220.conf": ("Yamaha", "RTX1220", "RT", "15.04.03", "HOSP-RTX"),
    "ix2215.conf": ("NEC", "IX2215", "IX", "10.2.16", "HOSP-IX"),
    "awplus.conf": ("Allied Telesis", "AT-AR4050S", "AlliedWare Plus", "5.5.1-2.3", "HOSP-AR"),
    "junos.set": ("Juniper", None, "Junos", "21.4R3-S5.4", "HOSP-SRX"),
    "junos.conf": ("Juniper", None, "Junos", "20.2R3.9", "HOSP-EX"),
    "vyos.set": ("VyOS", None, "VyOS", None, "HOSP-VY"),
    "edgeos.boot": ("Ubiquiti", None, "EdgeOS", "v2.0.9-hotfix.7.5622762.230615.1131", "HOSP-ER"),
    "routeros.rsc": ("MikroTik", "RB4011iGS+", "RouterOS", "7.14.3", "HOSP-MT"),
    "pfsense.xml": ("Netgate", None, "pfSense", None, "hosp-pf"),
    "panos.xml": ("Palo Alto Networks", None, "PAN-OS", "10.2.0", "HOSP-PA"),
    "panos.set": ("Palo Alto Networks", None, "PAN-OS", None, "HOSP-PA2"),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_file_is_named_by_what_it_says(path: Path) -> None:
    reading = reading_of(path.name)
    found = (reading.maker, reading.model, reading.os, reading.version, reading.hostname)
    assert found == IDENTITY[path.name]


VENDORS = "198.51.100.0/24"
WAYS = {
    "fortigate.conf": {
        ("https", "wan1", "198.51.100.0/24 198.51.100.7"),  # ssh is closed by a local-in policy
        *(
            (one, "internal", "192.168.10.0/24 198.51.100.0/24 198.51.100.7")
            for one in ("https", "http", "ssh", "telnet")
        ),
        ("snmp", "internal", "192.168.10.20"),
        ("snmp", "internal", "any"),
    },
    "ios.conf": {
        ("http", "any", "192.168.1.0/24 192.168.2.128/25"),
        ("https", "any", "192.168.1.0/24 192.168.2.128/25"),
        ("telnet", "vty 0 4", "192.168.1.5"),
        ("ssh", "vty 0 4", "192.168.1.5 198.51.100.0/24"),
        ("ssh", "vty 5 15", "192.168.1.20"),
        ("snmp", "any", "192.168.1.20"),
        ("snmp", "any", "any"),  # its list is not defined
    },
    "asa.conf": {
        ("https", "inside", "10.0.0.0/8"),
        ("https", "outside", "198.51.100.32/27"),
        ("ssh", "inside", "10.0.0.0/24 192.168.5.5"),
        ("ssh", "outside", "any"),
        ("telnet", "inside", "10.0.0.0/24"),
        ("snmp", "inside", "10.0.0.50"),
        ("snmp", "inside", "10.0.0.51"),
    },
    "rtx1220.conf": {
        ("http", "lan1", "lan1"),
        ("ssh", "any", "192.168.100.0/24 198.51.100.0/24 203.0.113.5"),
        ("snmp", "any", "192.168.100.50"),
    },
    "ix2215.conf": {
        ("telnet", "any", "192.168.0.0/24 198.51.100.10"),
        ("ssh", "any", "192.168.0.0/24 198.51.100.10"),
        ("snmp", "any", "192.168.0.0/24 198.51.100.10"),
        ("snmp", "any", "any"),
    },
    "awplus.conf": {
        ("ssh", "any", "192.168.1.0/24"),
        ("http", "any", "any"),
        ("snmp", "any", "192.168.1.77"),
        ("snmp", "any", "192.168.1.0/24"),
        ("snmp", "any", "any"),
    },
    "junos.set": {
        ("ssh", "ge-0/0/1.0", f"10.10.0.0/24 {VENDORS}"),
        ("ssh", "ge-0/0/0.0", f"10.10.0.0/24 {VENDORS}"),
        ("telnet", "ge-0/0/1.0", ""),  # the loopback filter lets nobody in
        ("https", "ge-0/0/1.0", f"10.10.0.0/24 {VENDORS}"),
        ("snmp", "ge-0/0/1.0", "10.10.0.5"),
        ("snmp", "ge-0/0/1.0", "10.10.0.0/24"),
    },
    "junos.conf": {
        ("ssh", "any", "any"),
        ("http", "any", "any"),
        ("snmp", "any", "192.168.9.0/24"),
        ("snmp", "any", "any"),
    },
    "vyos.set": {
        ("ssh", "eth1", "any"),
        ("ssh", "203.0.113.80", "any"),
        ("telnet", "any", "any"),
        ("https", "any", "192.168.1.0/24"),
        ("snmp", "any", "192.168.1.0/24"),
        ("snmp", "any", "any"),
    },
    "edgeos.boot": {(one, "any", "any") for one in ("ssh", "telnet", "https", "snmp")},
    "routeros.rsc": {
        ("http", "LAN", "192.168.88.0/24"),
        ("ssh", "LAN", "any"),
        ("winbox", "LAN", "any"),
        ("winbox", "WAN", VENDORS),
        ("snmp", "LAN", "192.168.88.0/24"),
        ("snmp", "LAN", "192.168.88.10"),
    },
    "pfsense.xml": {
        ("http", "lan", "lan net"),
        ("ssh", "wan", "198.51.100.0/24 203.0.113.9"),
        ("ssh", "lan", "lan net"),
        ("snmp", "lan", "lan net"),
    },
    "panos.xml": {
        ("https", "management", "10.1.0.0/24"),
        ("ssh", "management", "10.1.0.0/24"),
        ("https", "ethernet1/1", "any"),
        ("https", "ethernet1/2", "10.1.0.0/16"),
        ("ssh", "ethernet1/2", "10.1.0.0/16"),
        ("snmp", "management", "10.1.0.0/24"),
    },
    "panos.set": {("ssh", "management", "192.168.5.0/24"), ("telnet", "management", "192.168.5.0/24")},
}


@pytest.mark.parametrize("name", WAYS)
def test_who_may_manage_the_device_from_where(name: str) -> None:
    assert ways_in(reading_of(name)) == WAYS[name]


OUTSIDE = {
    "fortigate.conf": (True, {"198.51.100.0/24", "198.51.100.7"}),
    "ios.conf": (True, {VENDORS}),
    "asa.conf": (True, {"any"}),
    "rtx1220.conf": (True, {VENDORS, "203.0.113.5"}),
    "ix2215.conf": (True, {"198.51.100.10"}),
    "awplus.conf": (False, set()),
    "junos.set": (True, {VENDORS}),
    "junos.conf": (None, set()),
    "vyos.set": (False, set()),
    "edgeos.boot": (True, {"198.51.100.4", "198.51.100.8/30"}),
    "routeros.rsc": (True, {VENDORS}),
    "pfsense.xml": (True, {VENDORS, "203.0.113.9"}),
    "panos.xml": (True, {"any"}),
    "panos.set": (None, set()),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_the_outer_side_reaches(name: str) -> None:
    reading = reading_of(name)
    assert (reading.wan_management, set(reading.wan_sources)) == OUTSIDE[name]


VPN = {
    "fortigate.conf": {
        "ipsec ikev2 peer 203.0.113.200",
        "ipsec ikev1 aggressive peer any",
        "ssl_vpn peer any",
    },
    "ios.conf": {"ipsec ikev1 peer 203.0.113.50", "l2tp peer any"},
    "asa.conf": {"ipsec ikev1 peer 203.0.113.77", "ipsec ikev1 peer any", "ssl_vpn peer any"},
    "rtx1220.conf": {"ipsec ikev2 peer 203.0.113.90", "ipsec ikev1 peer any", "l2tp peer any"},
    "ix2215.conf": {"ipsec ikev1 peer 203.0.113.33", "ipsec ikev2 peer 203.0.113.44", "l2tp peer any"},
    "awplus.conf": {"ipsec peer 203.0.113.61"},
    "junos.set": {"ipsec ikev2 main peer 203.0.113.99"},
    "vyos.set": {
        "ipsec peer 203.0.113.71",
        "ipsec peer 203.0.113.72",
        "l2tp peer any",
        "openvpn peer any",
        "wireguard peer any",
    },
    "edgeos.boot": {"ipsec peer 203.0.113.81", "pptp peer any"},
    "routeros.rsc": {"wireguard peer any", "ipsec ikev2 peer 203.0.113.66", "l2tp peer any"},
    "pfsense.xml": {"ipsec ikev1 aggressive peer 203.0.113.40", "openvpn peer any"},
    "panos.xml": {"ipsec ikev2 peer 203.0.113.88", "ssl_vpn peer any"},
    "panos.set": {"ipsec ikev1 peer any"},
}


@pytest.mark.parametrize("name", VPN)
def test_the_vpn_that_it_offers(name: str) -> None:
    assert {one.as_json()["summary"] for one in reading_of(name).vpn} == VPN[name]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_evidence_names_a_line_that_speaks_of_the_service(path: Path) -> None:
    rows = path.read_text("utf-8").splitlines()
    reading = reading_of(path.name)
    for one in (*reading.services, *reading.also):
        assert one.default or 1 <= one.line <= len(rows)
    assert all(1 <= one.line <= len(rows) for one in reading.vpn)
    for service, line in reading.disabled_lines.items():
        assert service in reading.disabled
        assert 1 <= line <= len(rows)
    assert all(1 <= line <= len(rows) for line in reading.user_lines.values())
    assert json.loads(json.dumps(as_json(reading, path.name)))["whole"] is (path.name != "ios.conf")


def test_what_is_off_and_who_is_counted_have_their_lines() -> None:
    reading = reading_of("ix2215.conf")
    rows = (FOLDER / "ix2215.conf").read_text("utf-8").splitlines()
    assert rows[reading.disabled_lines["http"] - 1] == "no http-server ip enable"
    assert rows[reading.user_lines["local"] - 1].startswith("username admin")


def test_users_are_counted_and_not_named() -> None:
    assert reading_of("rtx1220.conf").users == {"local": 2, "admin": 1, "vpn": 2}
    assert reading_of("fortigate.conf").users == {"admin": 2, "local": 2}
    assert reading_of("ix2215.conf").users == {"local": 2, "admin": 1}
    assert "suzuki" not in json.dumps(as_json(reading_of("rtx1220.conf"), "x"))


def test_what_is_off_and_what_is_not_said_are_kept_apart() -> None:
    ios = said("version 15.2\nservice timestamps log datetime\nhostname a\nno ip http server\nend\n")
    assert ios.disabled == ("http",)
    assert set(ios.unstated) == {"https", "ssh", "telnet"}
    assert ios.source_restricted is None
    assert reading_of("ix2215.conf").disabled == ("http",)
    assert reading_of("panos.set").disabled == ("https",)


def test_default_communities_are_named() -> None:
    for name in (
        "fortigate.conf",
        "ios.conf",
        "asa.conf",
        "rtx1220.conf",
        "awplus.conf",
        "junos.conf",
        "edgeos.boot",
    ):
        assert reading_of(name).default_communities == ("public",), name


def test_the_model_of_a_file_name_is_a_guess() -> None:
    shown = as_json(
        said("ip lan1 address 192.168.1.1/24\nip filter 1 pass * * * * *\n", "rtx830-main.txt"), "x"
    )
    assert shown["device"]["model"] == "RTX830"  # type: ignore[index]
    assert shown["device"]["confidence"]["model"]["sure"] == "guess"  # type: ignore[index]
    assert said("ip lan1 address 192.168.1.1/24\nip filter 1 pass * * * * *\n", "router.txt").model is None


@pytest.mark.parametrize("name", family_names())
def test_a_family_has_signs(name: str) -> None:
    assert all(-1 < weight < 1 for weight in load(name).SIGNS.values())


def yamaha(*lines: str) -> Reading:
    return said("\n".join(("# RTX830 Rev.15.02.29", "ip route default gateway pp 1", *lines, "")))


def test_an_applied_yamaha_filter_that_is_not_there_is_not_known() -> None:
    reading = yamaha("pp select 1", " ip pp secure filter in 5", "telnetd service on")
    assert reading.wan_management is None
    assert not reading.whole


def test_a_yamaha_without_a_filter_lets_everybody_to_the_service() -> None:
    reading = yamaha("telnetd service on", "telnetd host any")
    assert reading.wan_management is True
    assert reading.inbound_default == "pass"
    assert reading.plaintext == ("telnet",)


def test_a_circle_of_groups_ends_in_not_known() -> None:
    text = (
        "config firewall addrgrp\n edit a\n set member b\n next\n edit b\n set member a\n next\nend\n"
        "config system interface\n edit wan1\n set allowaccess https\n set role wan\n next\nend\n"
        "config firewall local-in-policy\n edit 1\n set intf any\n set srcaddr a\n set action accept\n"
        " set service HTTPS\n next\nend\n"
    )
    (one,) = said(text).services
    assert one.sources is None
    assert one.restricted is None
