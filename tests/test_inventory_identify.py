# SPDX-License-Identifier: Apache-2.0
"""Which observations make one device: every case that joins, and every false friend that must not."""

import random
import time
from collections.abc import Iterable
from datetime import UTC, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from inventory_db.device import Device, device_json
from inventory_db.identify import identify
from probes.facts import Fact, FactKind, Observation, Outcome, Vantage
from tests.inventory_cases import HIS, MODALITY, VANTAGES, arp, seen

A, B, C = "b8:2a:72:00:00:0a", "b8:2a:72:00:00:0b", "b8:2a:72:00:00:0c"
VRRP = "00:00:5e:00:01:05"


def derive(*observations: Observation, vantages: Iterable[Vantage] = VANTAGES) -> tuple[Device, ...]:
    return identify(observations, vantages)


def ips(device: Device) -> list[str | None]:
    return [address.ip for address in device.addresses]


def engine(
    address: str, minute: int, *, id: str = "80001f8880aabb", boots: str = "7", up: int = 5000
) -> Observation:
    return seen(
        address,
        minute=minute,
        probe="snmpv3",
        port=161,
        transport="udp",
        SNMP_ENGINE_ID=id,
        SNMP_ENGINE_BOOTS=boots,
        SNMP_ENGINE_TIME=str(up + minute * 60),
        SERVICE="snmp",
    )


def nbns(address: str, name: str, *others: str, minute: int = 3) -> Observation:
    return seen(
        address,
        minute=minute,
        probe="nbns",
        port=137,
        transport="udp",
        NETBIOS_NAME=[f"{name}<00> unique", f"{name}<20> unique", "WARD<00> group"],
        ADDRESS=[address, *others],
        SERVICE="netbios-ns",
    )


def ssh(address: str, key: str, *, minute: int = 5, **more: Any) -> Observation:
    more = {"SSH_BANNER": "SSH-2.0-OpenSSH_9.2p1 Debian-2", "SERVICE": "ssh"} | more
    return seen(address, minute=minute, probe="ssh", port=22, SSH_HOST_KEY=f"ssh-ed25519 {key}", **more)


def test_one_host_one_row() -> None:
    (device,) = derive(arp("10.1.0.5", A), ssh("10.1.0.5", "k1"), nbns("10.1.0.5", "PC5"))
    assert ips(device) == ["10.1.0.5"]
    assert device.addresses[0].mac == A
    assert device.addresses[0].network == HIS
    assert device.names == ()  # the probe gives NAME; a NetBIOS table alone names nothing here
    assert [(s.port, s.transport, s.name, s.product, s.version) for s in device.services] == [
        (22, "tcp", "ssh", "OpenSSH", "9.2p1"),
        (137, "udp", "netbios-ns", None, None),
    ]


def test_what_a_device_says_of_itself_is_cut_to_what_a_person_reads() -> None:
    long = "巨" * 300_000
    words: dict[str, Any] = {
        "NAME": long,
        "MODEL": long,
        "LOCATION": long,
        "PRODUCT": long,
        "REMOTE_PATH": long,
    }
    said = seen("10.1.0.5", probe="http", port=80, **words)
    held = seen("10.1.0.5", probe="plan", port=9100, outcome=Outcome.HELD_BACK, reason="r" * 300_000)
    (device,) = derive(said, held)
    assert device.names == ("巨" * 254 + "…",)
    assert device.services[0].product == device.remote_paths[0].kind == device.names[0]
    assert len(repr(device_json(device))) < 12_000


def test_silence_gives_no_row() -> None:
    quiet = [
        seen("10.1.0.9", outcome=Outcome.SILENT, probe="packets.arp", transport="arp"),
        seen("10.1.0.8", outcome=Outcome.HELD_BACK, reason="fragile: x", probe="plan"),
        seen("10.1.0.7", outcome=Outcome.OUR_FAULT, reason="no route"),
        seen("10.1.0.6", outcome=Outcome.REFUSED, reason="host unreachable"),
        seen("10.1.0.1", port=161, NEIGHBOUR="10.1.0.4 " + A),
    ]
    assert [ips(d) for d in derive(*quiet)] == [["10.1.0.1"]]


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.OTHER_PROTOCOL, Outcome.ANSWERED])
def test_any_word_of_its_own_gives_a_row(outcome: Outcome) -> None:
    assert len(derive(seen("10.1.0.9", outcome=outcome, port=22))) == 1


def test_a_mac_heard_without_address_is_a_row() -> None:
    (device,) = derive(
        seen("", probe="dhcp", mac=A, transport="heard", MAC=A, DHCP_HOSTNAME="pump-3", network=HIS)
    )
    assert device.addresses[0].ip is None
    assert device.addresses[0].mac == A
    assert device.names == ("pump-3",)


def test_two_addresses_of_one_card_are_aliases_and_one_foot() -> None:
    (device,) = derive(
        arp("10.1.0.5", A), arp("10.1.0.6", A), arp("192.168.9.9", A, network="", vantage="v-his")
    )
    assert ips(device) == ["10.1.0.5", "10.1.0.6", "192.168.9.9"]
    assert device.dual_homed is None


def test_vrrp_address_does_not_join_routers() -> None:
    key = "80001f88vrrp"
    devices = derive(
        arp("10.1.0.2", A),
        engine("10.1.0.2", 1, id="80001f8801"),
        arp("10.1.0.3", B),
        engine("10.1.0.3", 2, id="80001f8802"),
        arp("10.1.0.1", VRRP),
        engine("10.1.0.1", 3, id="80001f8801"),
        engine("10.1.0.1", 90, id="80001f8802"),
        arp("10.1.0.4", C, minute=5, NAME=key),
    )
    assert sorted(map(ips, devices)) == [["10.1.0.1", "10.1.0.2"], ["10.1.0.3"], ["10.1.0.4"]]
    assert "virtual_address" in {merge.key for device in devices for merge in device.merges}


def test_vrrp_alone_is_its_own_row() -> None:
    devices = derive(arp("10.1.0.1", VRRP), arp("10.1.0.2", A))
    assert sorted(map(ips, devices)) == [["10.1.0.1"], ["10.1.0.2"]]


def test_a_firewall_that_answers_for_every_routed_address_makes_no_ghosts() -> None:
    resets = [
        seen(f"10.9.0.{n}", port=80, outcome=Outcome.REFUSED, network="10.9.0.0/24") for n in range(1, 255)
    ]
    assert derive(*resets) == ()
    assert [ips(d) for d in derive(*resets, ssh("10.9.0.7", "k", network="10.9.0.0/24"))] == [["10.9.0.7"]]


def test_same_engine_with_boots_and_time_is_one_dual_homed_host() -> None:
    (device,) = derive(arp("10.1.0.5", A), engine("10.1.0.5", 1), arp("10.2.0.5", B), engine("10.2.0.5", 9))
    assert ips(device) == ["10.1.0.5", "10.2.0.5"]
    assert device.dual_homed is not None
    assert device.dual_homed.networks == (HIS, MODALITY)
    assert {e.observation for e in device.dual_homed.evidence} <= set(device.observations)
    assert [m.key for m in device.merges] == ["engine_time"]
    assert device.merges[0].ja.endswith("。")


@pytest.mark.parametrize(
    "other",
    [
        engine("10.2.0.5", 9, boots="8"),
        engine("10.2.0.5", 9, up=6000),
        engine("10.2.0.5", 9, id="80001f8880aabc"),
    ],
)
def test_engine_that_differs_in_anything_joins_nothing(other: Observation) -> None:
    assert len(derive(arp("10.1.0.5", A), engine("10.1.0.5", 1), arp("10.2.0.5", B), other)) == 2


def test_cloned_engines_with_other_names_are_not_joined() -> None:
    devices = derive(
        engine("10.1.0.5", 1), nbns("10.1.0.5", "PC5"), engine("10.2.0.5", 9), nbns("10.2.0.5", "PC6")
    )
    assert len(devices) == 2


def test_a_name_service_that_lists_both_addresses_joins_them() -> None:
    (device,) = derive(
        arp("10.1.0.5", A),
        nbns("10.1.0.5", "SRV", "10.2.0.5", "192.168.77.10", "169.254.3.4", "172.17.0.1"),
        arp("10.2.0.5", B),
        nbns("10.2.0.5", "SRV"),
    )
    assert ips(device) == ["10.1.0.5", "10.2.0.5", "192.168.77.10"]
    assert [a.how for a in device.addresses] == ["packets.arp", "packets.arp", "nbns"]
    assert device.dual_homed is not None
    assert device.dual_homed.networks == (HIS, MODALITY, "192.168.77.0/24")
    assert "/24" in device.confidence["dual_homed"].en
    assert device.addresses[2].network is None


def test_an_unseen_second_address_still_shows_two_feet() -> None:
    (device,) = derive(arp("10.1.0.5", A), nbns("10.1.0.5", "SRV", "192.168.77.10"))
    assert device.dual_homed is not None
    assert str(device.confidence["dual_homed"].sure) == "likely"


def test_a_listed_address_where_another_name_answers_is_not_taken() -> None:
    devices = derive(nbns("10.1.0.5", "SRV", "10.2.0.5"), nbns("10.2.0.5", "OTHER"))
    assert sorted(map(ips, devices)) == [["10.1.0.5"], ["10.2.0.5"]]
    assert all(device.dual_homed is None for device in devices)


def test_a_listed_address_whose_host_gave_no_name_is_a_proposal() -> None:
    one, other = derive(nbns("10.1.0.5", "SRV", "10.2.0.5"), ssh("10.2.0.5", "k"))
    assert [p.other for p in one.proposals] == [other.id]
    assert [p.other for p in other.proposals] == [one.id]


def test_interface_table_joins_router_addresses() -> None:
    walk = seen(
        "10.1.0.1",
        minute=4,
        probe="snmp",
        port=161,
        transport="udp",
        INTERFACE=[
            "1 eth0 b8:2a:72:00:00:0a 1000 up",
            "2 eth1 b8:2a:72:00:00:0b 1000 up",
            "9 docker0 - - up",
        ],
        INTERFACE_ADDRESS=["1 10.1.0.1/24", "2 10.2.0.1/24", "9 172.18.0.1/16"],
        FORWARDING="yes",
        SNMP_SYSDESCR="x",
    )
    (device,) = derive(arp("10.1.0.1", A), walk, seen("10.2.0.1", port=22), vantages=VANTAGES)
    assert ips(device) == ["10.1.0.1", "10.2.0.1"]
    assert device.forwards is True
    assert {m.key for m in device.merges} == {"interface_list"}


def test_host_key_alone_is_a_proposal() -> None:
    one, other = derive(ssh("10.1.0.5", "k"), ssh("10.2.0.5", "k"))
    assert [p.key for p in one.proposals] == ["host_key"]
    assert one.proposals[0].other == other.id


def test_host_key_and_name_are_cloned_together_and_only_propose() -> None:
    one, other = derive(
        ssh("10.1.0.5", "k"), nbns("10.1.0.5", "NAS"), ssh("10.2.0.5", "k"), nbns("10.2.0.5", "NAS")
    )
    assert [p.key for p in one.proposals] == ["host_key_and_name"]
    assert one.proposals[0].other == other.id
    assert one.dual_homed is None


def test_an_smb_guid_proposes_only_with_the_name_and_never_merges() -> None:
    def smb(ip: str, name: str) -> Observation:
        return seen(
            ip, probe="smb", port=445, SMB_GUID="00000000-0000-0000-0000-000000000001", NTLM_COMPUTER=name
        )

    one, other = derive(smb("10.1.0.5", "LABO01"), smb("10.2.0.5", "LABO01"))
    assert [(p.key, p.other) for p in one.proposals] == [("smb_guid_and_name", other.id)]
    assert not any(
        device.proposals for device in derive(smb("10.1.0.5", "LABO01"), smb("10.2.0.5", "LABO02"))
    )


def test_neighbouring_macs_strengthen_a_proposal_and_never_make_one() -> None:
    near, far = B, "b8:2a:72:00:00:0f"

    def two(mac: str, key: str) -> list[list[str]]:
        cards = arp("10.1.0.5", A), arp("10.2.0.5", mac)
        found = derive(*cards, ssh("10.1.0.5", "k"), ssh("10.2.0.5", key))
        assert len(found) == 2
        return [[p.key for p in device.proposals] for device in found]

    assert two(near, "k") == [["host_key", "mac_family"]] * 2
    assert two(far, "k") == [["host_key"]] * 2
    assert two(near, "another") == [[], []]


def test_a_list_of_addresses_without_the_one_that_was_asked_is_somebody_elses() -> None:
    forwarded = seen("10.1.0.1", probe="oxid", port=135, ADDRESS="192.168.50.10", NAME="BEHIND")
    (device,) = derive(arp("10.1.0.1", A), forwarded)
    assert ips(device) == ["10.1.0.1"]
    assert device.dual_homed is None


@pytest.mark.parametrize(
    ("told", "two"),
    [
        ("172.23.0.1", False),  # Docker's own end of a net inside the machine
        ("192.168.16.1", False),
        ("192.168.137.1", True),  # Windows shares its connection
        ("172.23.0.2", True),
        ("10.2.0.1", True),  # a network on which somebody stands
    ],
)
def test_the_first_address_of_a_net_that_nobody_else_knows_is_no_second_foot(told: str, two: bool) -> None:
    own = seen("10.1.0.5", probe="nbns", port=137, transport="udp", ADDRESS=["10.1.0.5", told], NAME="SV")
    device = derive(arp("10.1.0.5", A), own)[0]
    assert told in ips(device)
    assert (device.dual_homed is not None) is two


def test_bridges_inside_the_machine_are_no_feet_even_where_their_addresses_are_told_twice() -> None:
    walk = seen(
        "10.1.0.5",
        probe="snmp",
        port=161,
        transport="udp",
        INTERFACE=["1 eth0 b8:2a:72:00:00:0a 1000 up", "2 br-4f1d2c3b5a69 62:4c:ce:5d:0b:86 - up"],
        INTERFACE_ADDRESS=["1 10.1.0.5/24", "2 172.23.0.9/16"],
        ADDRESS=["10.1.0.5", "172.23.0.9"],
    )
    (device,) = derive(arp("10.1.0.5", A), walk)
    assert device.dual_homed is None


def test_clones_on_one_link_stay_apart() -> None:
    clones = [arp("10.1.0.5", A), arp("10.1.0.6", B)]
    clones += [ssh(ip, "k") for ip in ("10.1.0.5", "10.1.0.6")]
    clones += [nbns(ip, "ANALYZER") for ip in ("10.1.0.5", "10.1.0.6")]
    assert len(derive(*clones)) == 2


def test_same_address_on_two_isolated_networks_is_two_devices() -> None:
    twin = Vantage(id="v-2", host="probe2", interface="eth0", address="10.1.0.250", network=HIS)
    devices = derive(
        arp("10.1.0.5", A),
        ssh("10.1.0.5", "k"),
        arp("10.1.0.5", B, vantage="v-2", scan="s2"),
        ssh("10.1.0.5", "k", vantage="v-2", scan="s2"),
        vantages=(*VANTAGES, twin),
    )
    assert [ips(d) for d in devices] == [["10.1.0.5"], ["10.1.0.5"]]


def test_same_address_on_two_cards_of_one_agent_is_two_devices() -> None:
    twin = Vantage(id="v-2", host="probe1", interface="eth9", address="10.1.0.251", network=HIS)
    unseen = [seen("10.1.0.5", port=22), seen("10.1.0.5", port=22, vantage="v-2")]
    assert len(derive(*unseen, vantages=(*VANTAGES, twin))) == 2


def test_same_address_and_mac_from_two_agents_is_one_device() -> None:
    twin = Vantage(id="v-2", host="probe2", interface="eth0", address="10.1.0.251", network=HIS)
    (device,) = derive(
        arp("10.1.0.5", A), arp("10.1.0.5", A, vantage="v-2", scan="s2"), vantages=(*VANTAGES, twin)
    )
    assert [m.key for m in device.merges] == ["address_and_mac"]
    assert [part.mac for part in device.parts] == [A]  # one card is one part, whoever saw it


def test_every_other_merge_can_be_split() -> None:
    merged = [device for device in identify(CASE, VANTAGES) if device.merges]
    assert merged
    assert all(len({part.handle for part in device.parts}) > 1 for device in merged)


def test_a_new_lease_moves_the_address_not_the_device() -> None:
    devices = derive(
        arp("10.1.0.50", A),
        arp("10.1.0.50", B, minute=600, scan="s2"),
        arp("10.1.0.51", A, minute=601, scan="s2"),
        seen("10.1.0.50", minute=602, scan="s2", port=22, SSH_BANNER="SSH-2.0-x"),
    )
    assert [(d.addresses[0].mac, ips(d)) for d in devices] == [(A, ["10.1.0.51"]), (B, ["10.1.0.50"])]
    assert [s.port for s in devices[1].services] == [22]


def test_two_cards_that_answer_for_one_address_are_two_devices_with_that_address() -> None:
    conflict = [arp("10.1.0.5", mac, minute=minute) for minute in (0, 1, 2) for mac in (A, B)]
    devices = derive(*conflict, ssh("10.1.0.5", "k"))
    assert sorted((d.addresses[0].mac, *ips(d)) for d in devices) == [(A, "10.1.0.5"), (B, "10.1.0.5")]


def test_a_router_gives_the_mac_of_an_off_link_host() -> None:
    devices = derive(
        seen("10.1.0.1", port=161, probe="snmp", NEIGHBOUR=[f"10.3.0.7 {A}", f"10.3.0.8 {B}"]),
        seen("10.3.0.7", minute=1, vantage="v-his", network="10.3.0.0/24", port=22),
    )
    assert [(ips(d), d.addresses[0].mac) for d in devices] == [(["10.1.0.1"], None), (["10.3.0.7"], A)]


def test_a_host_we_keep_back_from_but_its_router_knows_is_a_row() -> None:
    router = seen("10.1.0.1", port=161, probe="snmp", NEIGHBOUR=[f"10.3.0.7 {A}", f"198.51.100.9 {B}"])
    held = seen(
        "10.3.0.7", minute=1, vantage="v-his", network="10.3.0.0/24", probe="plan", outcome=Outcome.HELD_BACK
    )
    one, device = derive(router, held)
    assert (ips(one), ips(device)) == (["10.1.0.1"], ["10.3.0.7"])  # nobody looked for 198.51.100.9
    assert (device.id, device.addresses[0].how) == (held.id[:16], "neighbour table")
    assert device.addresses[0].mac == A
    assert device.observations == (held.id,)
    assert derive(router, replace(held, scan="another")) == (one,)


def test_broadcast_addresses_in_a_table_are_nobodys() -> None:
    (device,) = derive(
        seen(
            "10.1.0.5",
            port=161,
            probe="snmp",
            INTERFACE_ADDRESS=["1 10.1.0.5/24", "1 10.1.0.255/24", "1 10.7.0.0/16"],
        )
    )
    assert ips(device) == ["10.1.0.5"]


def test_clones_that_booted_minutes_apart_stay_apart_however_long_they_are_seen() -> None:
    told = [
        engine(ip, day * 1440, boots="3", up=up)
        for ip, up in (("10.1.0.5", 9000), ("10.2.0.5", 7800))
        for day in range(0, 300, 7)
    ]
    assert len(derive(*told)) == 2
    assert len(derive(*told[:40], engine("10.2.0.5", 150 * 1440, boots="3", up=7800))) == 2


def test_one_engine_of_which_the_clock_drifts_is_one_device() -> None:
    drifting = [engine("10.1.0.5", day * 1440, boots="3", up=9000 - 3 * day) for day in range(0, 300, 7)]
    assert len(derive(*drifting, engine("10.2.0.5", 147 * 1440 + 2, boots="3", up=9000 - 3 * 147))) == 1


def test_a_gateway_on_two_networks_is_not_called_dual_homed() -> None:
    (device,) = derive(
        arp("10.1.0.1", A),
        engine("10.1.0.1", 1),
        engine("10.2.0.1", 2),
        seen("10.1.0.1", minute=3, probe="https", port=443, SERVICE="https", HTTP_SERVER="xxxxxxxx-xxxxx"),
        seen(
            "10.1.0.1", minute=4, probe="snmp", port=161, transport="udp", SNMP_SYSDESCR="RTX830 Rev.15.02.17"
        ),
    )
    assert device.device_class in ("network", "gateway")
    assert device.dual_homed is None


def test_forwarding_test_is_kept() -> None:
    (device,) = derive(
        arp("10.1.0.5", A), seen("10.1.0.5", probe="forward_test", transport="icmp", FORWARDS="yes")
    )
    assert device.forwards is True
    assert derive(arp("10.1.0.5", A))[0].forwards is None


def test_a_port_later_refused_is_no_service_any_more() -> None:
    (device,) = derive(
        ssh("10.1.0.5", "k"), seen("10.1.0.5", minute=99, probe="ssh", port=22, outcome=Outcome.REFUSED)
    )
    assert device.services == ()


def mute(port: int, minute: int = 6, **more: Any) -> Observation:
    said = {"mac": A, "reason": "nothing came"} | more
    return seen("10.1.0.5", minute=minute, probe="banner", port=port, outcome=Outcome.SILENT, **said)


def test_a_port_that_takes_a_connection_and_says_nothing_is_open_and_nameless() -> None:
    refused = seen("10.1.0.5", minute=9, probe="ports", PORTS="139", outcome=Outcome.REFUSED)
    filtered = seen("10.1.0.5", minute=9, probe="ports", PORTS="139", outcome=Outcome.SILENT)
    (device,) = derive(arp("10.1.0.5", A), ssh("10.1.0.5", "k"), mute(139))
    assert [(s.port, s.name, s.product) for s in device.services] == [
        (22, "ssh", "OpenSSH"),
        (139, None, None),
    ]
    assert device.services[1].evidence
    for later in (refused, filtered):
        (device,) = derive(arp("10.1.0.5", A), ssh("10.1.0.5", "k"), mute(139), later)
        assert [s.port for s in device.services] == [22]
    of_the_other = seen("10.1.0.5", minute=9, port=139, transport="udp", outcome=Outcome.REFUSED)
    (device,) = derive(arp("10.1.0.5", A), ssh("10.1.0.5", "k"), mute(139), of_the_other)
    assert [s.port for s in device.services] == [22, 139]


def test_no_port_of_a_tarpit_or_of_a_host_behind_something_is_called_open() -> None:
    (tarpit,) = derive(arp("10.1.0.5", A), *(mute(port) for port in (21, 22, 23, 80)))
    (unanswered,) = derive(arp("10.1.0.5", A), mute(139, reason="no answer to SYN"))
    (behind,) = derive(seen("10.1.0.5", port=22, SSH_BANNER="SSH-2.0-x"), mute(139, mac=""))
    assert (tarpit.services, unanswered.services) == ((), ())
    assert [s.port for s in behind.services] == [22]


def test_remote_paths_and_held_back() -> None:
    (device,) = derive(
        seen("10.1.0.5", port=3389, probe="rdp", SERVICE="rdp", REMOTE_PATH="rdp"),
        seen("10.1.0.5", minute=2, probe="plan", outcome=Outcome.HELD_BACK, reason="fragile: x"),
    )
    assert [(p.kind, p.port) for p in device.remote_paths] == [("rdp", 3389)]
    assert device.touched.held_back == ("fragile: x",)


def test_unknown_fields_are_none_and_the_maker_of_the_card_is_marked() -> None:
    (bare,) = derive(seen("10.1.0.5", port=9, outcome=Outcome.REFUSED))
    assert (bare.maker, bare.os, bare.model, bare.serial, bare.dual_homed) == (None,) * 5
    (device,) = derive(arp("10.1.0.5", A))
    assert device.maker is not None
    assert str(device.confidence["maker"].sure) != "sure"


def test_a_medical_makers_card_is_likely_a_medical_device() -> None:
    (device,) = derive(arp("10.1.0.5", "00:09:5c:00:00:01"))
    assert (device.device_class, str(device.confidence["device_class"].sure)) == ("medical", "likely")


def test_versions_exactly_as_said() -> None:
    (device,) = derive(seen("10.1.0.5", port=161, FIRMWARE_VERSION="3.25B ", SERIAL="00012"))
    assert (device.firmware_version, device.serial) == ("3.25B", "00012")


CASE = (
    arp("10.1.0.5", A),
    nbns("10.1.0.5", "SRV", "10.2.0.5"),
    arp("10.2.0.5", B),
    nbns("10.2.0.5", "SRV"),
    engine("10.1.0.9", 1),
    engine("10.2.0.9", 2),
    ssh("10.1.0.7", "k"),
    ssh("10.2.0.7", "k"),
    arp("10.1.0.1", VRRP),
    arp("10.1.0.50", A, minute=50, scan="s3"),
    *(arp(f"10.1.0.{n}", C) for n in range(60, 75)),
)


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_order_never_matters(rng: random.Random) -> None:
    shuffled = list(CASE)
    rng.shuffle(shuffled)
    mixed = list(VANTAGES)
    rng.shuffle(mixed)
    assert identify(shuffled, mixed) == identify(CASE, VANTAGES)


@given(st.integers(1, len(CASE)))
@settings(max_examples=20, deadline=None)
def test_ids_stay_when_more_is_seen(cut: int) -> None:
    ordered = sorted(CASE, key=lambda o: (o.at, o.id))
    before, after = derive(*ordered[:cut]), derive(*ordered)
    found = {device.id for device in after}
    everything = {id for device in after for id in device.observations}
    gone = [d for d in before if d.id not in found]
    assert all(d.anchor in everything for d in gone)  # joined with an older one, or shown to be a ghost
    assert {d.id for d in before if d.anchor in {e.anchor for e in after}} <= found


text = st.text(max_size=40)
hostile = st.builds(
    Observation,
    scan=text,
    vantage=st.sampled_from(["v-his", "v-mod", "x"]),
    at=st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=9))])),
    probe=text,
    address=st.sampled_from(["10.1.0.5", "10.2.0.5", "::1", "fe80::1%x", "", "999", "10.1.0.6"]) | text,
    mac=st.sampled_from([A, VRRP, "", "zz", "00:00:00:00:00:00", "FF-FF-FF-FF-FF-FF"]) | text,
    network=st.sampled_from([HIS, "", "x/y", "0.0.0.0/0"]) | text,
    port=st.integers(-5, 99999),
    transport=st.sampled_from(["tcp", "udp", "heard", ""]) | text,
    outcome=st.sampled_from(list(Outcome)),
    reason=text,
    facts=st.lists(
        st.builds(
            Fact,
            st.sampled_from(list(FactKind)),
            text
            | st.sampled_from(
                ["10.2.0.5", f"10.2.0.5 {A}", "1 10.2.0.5/99", f"1 eth0 {A} - up", "-1", "9" * 99]
            ),
        ),
        max_size=4,
    ).map(tuple),
)


@given(st.lists(hostile, max_size=12))
@settings(max_examples=150, deadline=None)
def test_hostile_observations_never_break_it(observations: list[Observation]) -> None:
    devices = identify(observations, VANTAGES)
    assert len({device.id for device in devices}) == len(devices)
    for device in devices:
        assert device_json(device)["id"] == device.id


def test_a_large_network_in_good_time() -> None:
    many: list[Observation] = []
    for n in range(1500):
        ip, mac = f"10.1.{n // 250}.{n % 250 + 1}", f"b8:2a:72:00:{n // 256:02x}:{n % 256:02x}"
        many += [arp(ip, mac, network="10.1.0.0/16"), nbns(ip, f"PC{n}"), ssh(ip, f"k{n % 7}")]
        many += [
            seen(ip, minute=m, port=m, outcome=Outcome.REFUSED, network="10.1.0.0/16") for m in range(30, 44)
        ]
    wide = replace(VANTAGES[0], network="10.1.0.0/16")
    started = time.process_time()
    devices = identify(many, (wide,))
    assert len(devices) == 1500
    assert time.process_time() - started < len(many) / 100_000 * 30


def test_a_silent_host_of_which_two_tables_name_different_cards_is_one_device() -> None:
    def router(address: str, mac: str, says: str) -> list[Observation]:
        table = seen(address, minute=3, probe="snmp", mac=mac, SERVICE="snmp", NEIGHBOUR=f"10.2.0.40 {says}")
        return [arp(address, mac), table]

    told = [
        *router("10.1.0.1", "00:16:3e:00:00:01", "00:16:3e:00:00:0a"),
        *router("10.1.0.2", "00:16:3e:00:00:02", "00:16:3e:00:00:0b"),
        seen("10.2.0.40", minute=5, probe="ports", outcome=Outcome.SILENT, PORTS="22 443"),
    ]
    devices = identify(told, VANTAGES)
    assert [d.addresses[0].ip for d in devices if any(a.ip == "10.2.0.40" for a in d.addresses)] == [
        "10.2.0.40"
    ]
