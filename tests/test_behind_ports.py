# SPDX-License-Identifier: Apache-2.0
"""設置場所 proposed from a switch's bridge table: only where the port is surely one for a single device."""

from inventory_db.device import Device, device_json
from inventory_db.identify import identify
from probes.facts import Observation
from tests.inventory_cases import VANTAGES, arp, seen

SWITCH, PC, OTHER, FIREWALL = (f"00:16:3e:00:00:{n:02x}" for n in range(1, 5))


def switch(address: str, mac: str, *ports: str, minute: int = 5, name: str = "sw-his") -> list[Observation]:
    return [
        arp(address, mac),
        seen(address, minute=minute, probe="snmp", mac=mac, SNMP_SYSNAME=name, SERVICE="snmp"),
        seen(address, minute=minute, probe="snmp_tables", mac=mac, SERVICE="snmp", SWITCH_PORT=list(ports)),
    ]


def place(observations: list[Observation], address: str) -> str | None:
    return owner(observations, address).location


def owner(observations: list[Observation], address: str) -> Device:
    devices = identify(observations, VANTAGES)
    return next(d for d in devices if any(a.ip == address for a in d.addresses))


def test_a_device_behind_an_access_port_gets_a_place_with_its_evidence() -> None:
    told = [*switch("10.1.0.2", SWITCH, f"{PC} Gi0/3"), arp("10.1.0.10", PC)]
    device = owner(told, "10.1.0.10")
    assert device.location == "sw-his port Gi0/3"
    assert device.confidence["location"].observations == (told[2].id,)
    assert device_json(device)["location"] == "sw-his port Gi0/3"
    assert place(told, "10.1.0.2") is None


def test_what_the_device_says_of_its_place_goes_first() -> None:
    said = seen("10.1.0.10", probe="snmp", mac=PC, LOCATION="放射線科 2階", SERVICE="snmp")
    told = [*switch("10.1.0.2", SWITCH, f"{PC} Gi0/3"), arp("10.1.0.10", PC), said]
    assert place(told, "10.1.0.10") == "放射線科 2階"


def test_a_port_with_a_device_that_passes_on_gives_no_place() -> None:
    passes = seen("10.1.0.9", probe="forward_test", mac=FIREWALL, FORWARDS="yes", transport="icmp")
    told = [*switch("10.1.0.2", SWITCH, f"{PC} 24", f"{FIREWALL} 24"), arp("10.1.0.10", PC)]
    assert place(told, "10.1.0.10") == "sw-his port 24"
    assert place([*told, arp("10.1.0.9", FIREWALL), passes], "10.1.0.10") is None


def test_two_switches_that_both_claim_it_prove_nothing() -> None:
    two = switch("10.1.0.3", OTHER, f"{PC} 7", name="sw-2f")
    told = [*switch("10.1.0.2", SWITCH, f"{PC} Gi0/3"), *two, arp("10.1.0.10", PC)]
    assert place(told, "10.1.0.10") is None


def test_only_the_newest_table_counts() -> None:
    told = [*switch("10.1.0.2", SWITCH, f"{PC} 3"), arp("10.1.0.10", PC)]
    moved = seen(
        "10.1.0.2", minute=90, probe="snmp_tables", mac=SWITCH, SERVICE="snmp", SWITCH_PORT=[f"{PC} 8"]
    )
    assert place([*told, moved], "10.1.0.10") == "sw-his port 8"
