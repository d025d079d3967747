# SPDX-License-Identifier: Apache-2.0
"""Who gets through: first-match rules, negation, destinations, source ports, jumps, groups, defaults of each maker."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import (
    Rule,
    aimed_here,
    covers,
    masked,
    overlap,
    permitted,
    span,
    tidy,
    wildcard,
)
from tests.configuration_files import said, ways_in

A, B = ("10.0.0.0/8",), ("10.1.0.0/16",)
IOS = "version 15.2\nboot-start-marker\nhostname a\n"


def test_networks_as_makers_write_them() -> None:
    assert masked("10.0.0.5", "255.255.255.255") == "10.0.0.5"
    assert masked("0.0.0.0", "0.0.0.0") == "any"
    assert masked("10.0.0.0", "255.0.255.0") is None
    assert wildcard("10.0.0.9", "0.0.0.7") == "10.0.0.8/29"
    assert wildcard("10.0.0.0", "0.0.255.0") is None
    assert span("10.0.0.0", "10.0.0.255") == ("10.0.0.0/24",)
    assert span("10.0.0.5", "10.0.0.1") == ()
    assert tidy(("0.0.0.0/1", "128.0.0.0/1")) == ANY
    assert overlap(A, B) == B
    assert covers("2001:db8::/32", "2001:db8::1")


def test_the_first_rule_that_matches_decides() -> None:
    deny_a, permit_b, permit_all = (
        Rule(permit=False, sources=A),
        Rule(permit=True, sources=B),
        Rule(permit=True),
    )
    assert permitted([deny_a, permit_b], 22, "tcp") == ()
    assert permitted([permit_b, deny_a], 22, "tcp") == B
    assert permitted([permit_b, Rule(permit=False), permit_all], 22, "tcp") == B
    assert permitted([Rule(permit=True, ports=((80, 80),)), permit_b], 22, "tcp") == B
    assert permitted([Rule(permit=True, new=False)], 22, "tcp") == ()
    assert permitted([Rule(permit=True, sources=None)], 22, "tcp") is None
    assert permitted([Rule(permit=False, sources=A, negated=True), permit_all], 22, "tcp") == A
    assert permitted([Rule(permit=False, sources=A, negated=True)], 22, "tcp", otherwise=ANY) == A
    assert permitted([], 22, "tcp", otherwise=ANY) == ANY


NETWORKS = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda pair: masked_from(*pair))


def masked_from(number: int, length: int) -> str:
    from ipaddress import ip_network

    return str(ip_network((number >> (32 - length) << (32 - length) if length else 0, length)))


@given(st.lists(NETWORKS, max_size=6), st.lists(NETWORKS, max_size=6))
def test_what_both_let_in_lies_in_each(one: list[str], other: list[str]) -> None:
    first, second = tidy(one), tidy(other)
    for source in overlap(first, second):
        assert any(covers(wide, source) for wide in first)
        assert any(covers(wide, source) for wide in second)


def test_a_rule_for_a_published_server_is_not_for_the_device() -> None:
    server = Rule(permit=True, targets=("203.0.113.12",))
    own = Rule(permit=True, targets=("203.0.113.10",))
    assert aimed_here([server, own], ["203.0.113.10", "192.168.1.1"]) == [own]
    assert aimed_here([server], ["192.168.1.1"]) == [server], (
        "an address that a provider gives may be this one"
    )


IOS_VTY = [
    (" access-class 5 in\n transport input ssh\n", "access-list 5 permit 10.1.1.0 0.0.0.255\n", "10.1.1.0/24"),
    (" access-class MGMT in vrf-also\n transport input ssh\n", "ip access-list standard MGMT\n 10 permit host 10.1.1.5\n", "10.1.1.5"),
    (" access-class MGMT in\n transport input ssh\n", "ip access-list standard MGMT\n permit any\n", "any"),
    (" access-class 105 in\n transport input ssh\n", "access-list 105 permit tcp 10.1.1.0 0.0.0.255 any eq 22\n", "10.1.1.0/24"),
    (" access-class 105 in\n transport input ssh\n", "access-list 105 permit tcp any any eq telnet\n", ""),
    (" access-class 5 out\n transport input ssh\n", "access-list 5 permit 10.1.1.5\n", "any"),
    (" access-class GONE in\n transport input ssh\n", "", "any"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "lists", "sources"), IOS_VTY)
def test_ios_terminal_lines(line: str, lists: str, sources: str) -> None:
    reading = said(f"{IOS}{lists}line vty 0 4\n{line}end\n")
    assert ways_in(reading) == {("ssh", "vty 0 4", sources)}
    assert reading.whole is ("GONE" not in line)


@pytest.mark.parametrize(
    ("said_so", "service"),
    [
        ("ip http access-class 5", "http"),
        ("ip http access-class ipv4 5", "http"),
        ("snmp-server community S RO 5", "snmp"),
        ("snmp-server community S view V RW 5", "snmp"),
        ("snmp-server community S RO ipv6 X 5", "snmp"),
    ],
)
def test_ios_lists_of_web_and_snmp(said_so: str, service: str) -> None:
    reading = said(f"{IOS}ip http server\naccess-list 5 permit 10.1.1.0 0.0.0.255\n{said_so}\nend\n")
    assert (service, "any", "10.1.1.0/24") in ways_in(reading)


def test_a_source_port_of_servers_lets_no_client_in() -> None:
    text = (
        f"{IOS}ip http server\ninterface GigabitEthernet0/0\n ip address 203.0.113.2 255.255.255.0\n ip nat outside\n"
        " ip access-group IN in\nip access-list extended IN\n permit tcp any eq www any\n deny ip any any\nend\n"
    )
    assert said(text).wan_management is False
    assert said(text.replace(" eq www", "")).wan_management is True


IX = "! NEC Portable Internetwork Core Operating System Software\nssh-server ip enable\ninterface GigaEthernet0.1\n  encapsulation pppoe\n"


@pytest.mark.parametrize(
    ("rest", "wan"),
    [
        ("", True),
        ("  ip napt enable\n", None),
        ("  ip filter gone 1 in\n", None),
        ("  ip filter f 1 in\n", False),
        ("  shutdown\n", None),
    ],
)
def test_ix_outer_interface(rest: str, wan: bool | None) -> None:
    text = IX.replace(
        "interface", "ip access-list f deny tcp src any sport any dest any dport eq 22\ninterface", 1
    )
    assert said(text + rest).wan_management is wan


def test_a_yamaha_behind_masquerading_is_reached_only_by_a_static_entry() -> None:
    text = (
        "# RTX1210 Rev.14.01.33\nip lan1 address 192.168.1.1/24\nip lan2 address dhcp\nip lan2 nat descriptor 1\n"
        "ip route default gateway dhcp lan2\nnat descriptor type 1 masquerade\nsshd service on\nsshd host any\n"
    )
    assert said(text).wan_management is None
    assert said(text + "nat descriptor masquerade static 1 1 192.168.1.1 tcp 22\n").wan_management is True
    assert said(text + "nat descriptor masquerade static 1 1 192.168.1.9 tcp 22\n").wan_management is None


VYOS = """set interfaces ethernet eth0 address 'dhcp'
set interfaces ethernet eth1 address '192.168.0.1/24'
set service ssh port 22
set firewall ipv4 input filter default-action 'drop'
set firewall ipv4 input filter rule 20 action jump
set firewall ipv4 input filter rule 20 jump-target MGMT
set firewall ipv4 input filter rule 20 destination port 22
set firewall ipv4 name MGMT default-action 'return'
set firewall ipv4 name MGMT rule 15 action 'accept'
"""


def test_a_jump_keeps_its_conditions() -> None:
    inside = "set firewall ipv4 name MGMT rule 15 inbound-interface name 'eth1'\n"
    assert said(VYOS).wan_management is True
    assert said(VYOS + inside).wan_management is False
    assert (
        said((VYOS + inside).replace("port 22\nset firewall", "port 23\nset firewall", 1)).wan_management
        is False
    )
    assert said(VYOS.replace("jump-target MGMT", "jump-target GONE")).wan_management is None


def test_vyos_zones() -> None:
    text = """set interfaces ethernet eth0 address 'dhcp'
set service ssh port 22
set zone-policy zone LOCAL local-zone
set zone-policy zone WAN interface eth0
set zone-policy zone LOCAL from WAN firewall name WL
set firewall name WL default-action drop
set firewall name WL rule 1 action accept
set firewall name WL rule 1 source address 198.51.100.0/24
"""
    reading = said(text)
    assert reading.wan_management is True
    assert reading.wan_sources == ("198.51.100.0/24",)


ROUTEROS = """# 2024-05-01 10:00:00 by RouterOS 7.12.1
/ip dhcp-client
add interface=ether1
/ip address
add address=192.168.88.1/24 interface=bridge
/ip firewall address-list
add address=203.0.113.0/24 list=mgmt
/ip service
set telnet disabled=yes
set ftp disabled=yes
set www disabled=yes
set api disabled=yes
set api-ssl disabled=yes
set winbox disabled=yes
/ip firewall filter
"""


@pytest.mark.parametrize(
    ("rules", "wan", "sources"),
    [
        ("", True, {"any"}),
        ("add action=drop chain=input in-interface=ether1", False, set()),
        ("add action=drop chain=input in-interface=!bridge", False, set()),
        ("add action=drop chain=input disabled=yes in-interface=ether1", True, {"any"}),
        ("add action=drop chain=forward in-interface=ether1", True, {"any"}),
        ("add action=drop chain=input in-interface=ether1 src-address-list=!mgmt", True, {"203.0.113.0/24"}),
        ("add chain=input dst-port=22 protocol=tcp src-address=198.51.100.7\nadd action=drop chain=input", True, {"198.51.100.7"}),
        ("add chain=input dst-port=80 protocol=tcp\nadd action=drop chain=input", False, set()),
        ("add action=jump chain=input jump-target=mine", None, set()),
    ],
)  # fmt: skip
def test_routeros_input_chain(rules: str, wan: bool | None, sources: set[str]) -> None:
    reading = said(f"{ROUTEROS}{rules}\n")
    assert reading.wan_management is wan
    assert set(reading.wan_sources) == sources


def test_routeros_defaults_are_marked() -> None:
    reading = said("# 2024-05-01 10:00:00 by RouterOS 7.12.1\n/system identity\nset name=a\n")
    assert {one.service for one in reading.services} == {
        "telnet",
        "ftp",
        "http",
        "ssh",
        "api",
        "winbox",
        "api-ssl",
    }
    assert all(one.default for one in reading.services)


def test_a_fortigate_without_administrators_in_the_file_is_not_whole() -> None:
    reading = said(
        "config system interface\n edit wan1\n  set allowaccess https\n  set role wan\n next\nend\n"
    )
    assert ways_in(reading) == {("https", "wan1", "any")}
    assert reading.wan_management is True
    assert not reading.whole


def test_one_administrator_without_trusted_hosts_opens_it() -> None:
    text = (
        "config system admin\n edit a\n  set trusthost1 10.0.0.0 255.0.0.0\n next\n edit b\n next\nend\n"
        "config system interface\n edit port1\n  set allowaccess https\n next\nend\n"
    )
    assert ways_in(said(text)) == {("https", "port1", "any")}
    assert ways_in(said(text.replace(" edit b\n next\n", ""))) == {("https", "port1", "10.0.0.0/8")}


def test_junos_groups_are_applied() -> None:
    text = (
        "set version 20.4R1.12\nset groups base system services ssh\nset system host-name a\n"
        "set interfaces ge-0/0/0 unit 0 family inet address 10.0.0.1/24\n"
    )
    assert ways_in(said(text)) == set()
    assert ways_in(said(text + "set apply-groups base\n")) == {("ssh", "any", "any")}


def test_pan_os_in_braces() -> None:
    text = "deviceconfig {\n system {\n  ip-address 10.0.0.5;\n  permitted-ip {\n   10.0.0.0/24;\n  }\n }\n}\nmgt-config {\n}\n"
    assert ways_in(said(text)) == {
        ("https", "management", "10.0.0.0/24"),
        ("ssh", "management", "10.0.0.0/24"),
    }


def test_a_port_that_an_ix_opens_to_itself_is_reached() -> None:
    text = IX + "  ip napt enable\n"
    assert said(text + "  ip napt static GigaEthernet0.1 tcp 22\n").wan_management is True
    assert said(text + "  ip napt static GigaEthernet0.1 udp 500\n").wan_management is None


def test_a_switch_that_gets_its_address_by_dhcp_has_no_outer_side() -> None:
    text = f"{IOS}ip http server\ninterface Vlan1\n ip address dhcp\nend\n"
    assert said(text).wan_management is None
    assert said(text.replace("Vlan1", "GigabitEthernet0/0")).wan_management is True


def test_a_yamaha_on_a_lan_alone_has_no_outer_side() -> None:
    text = "# RTX810 Rev.11.01.34\nip lan1 address 192.168.1.2/24\nip route default gateway 192.168.1.1\ntelnetd service on\n"
    assert said(text).wan_management is None
    assert said(text).wan_interfaces == ()


def test_half_of_the_internet_is_no_limit() -> None:
    reading = said(
        f"{IOS}access-list 5 permit 0.0.0.0 127.255.255.255\nline vty 0 4\n access-class 5 in\n transport input ssh\nend\n"
    )
    assert ways_in(reading) == {("ssh", "vty 0 4", "0.0.0.0/1")}
    assert reading.source_restricted == "no"


def test_ios_object_groups() -> None:
    text = (
        f"{IOS}object-group network OPS\n host 10.1.1.5\n 10.2.0.0 255.255.0.0\n group-object MORE\n"
        "object-group network MORE\n range 10.3.0.0 10.3.0.255\n"
        "ip access-list extended V\n permit tcp object-group OPS any eq 22\nline vty 0 4\n access-class V in\n"
        " transport input ssh\nend\n"
    )
    assert ways_in(said(text)) == {("ssh", "vty 0 4", "10.1.1.5 10.2.0.0/16 10.3.0.0/24")}
    assert said(text.replace("network MORE", "network OTHER")).whole is False


def test_a_routeros_chain_of_its_own_is_followed() -> None:
    jump = "add action=jump chain=input dst-port=22 in-interface=ether1 jump-target=mine protocol=tcp\n"
    own = "add action=accept chain=mine src-address=198.51.100.7\n"
    end = "add action=drop chain=input in-interface=ether1\n"
    assert said(f"{ROUTEROS}{jump}{own}{end}").wan_sources == ("198.51.100.7",)
    assert said(f"{ROUTEROS}{jump}{end}").wan_management is None, "the chain is not in the file"
    assert said(f"{ROUTEROS}{jump}{own.replace('accept', 'drop')}{end}").wan_management is False
    assert said(f"{ROUTEROS}{jump}add action=jump chain=mine jump-target=mine\n{end}").wan_management is None
