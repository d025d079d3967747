# SPDX-License-Identifier: Apache-2.0
from datetime import datetime, timedelta, timezone
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.refusal import Refusal
from agent.scope import overlap, write_scope
from agent.settings import Blackout, ScopeSection, settings_from

JST = timezone(timedelta(hours=9))
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=JST)  # a Saturday


def scope(*networks: str, large: bool = False, exclude: tuple[str, ...] = (), **section: object):  # type: ignore[no-untyped-def]
    return write_scope(ScopeSection(**section), networks, exclude, yes_large=large)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("networks", "word"),
    [
        ((), "範囲"),
        (("hospital",), "hospital"),
        (("10.0.0.0/33",), "10.0.0.0/33"),
        (("10.0.0.0/8",), "--yes-large"),
        (("8.8.8.0/24",), "グローバル"),
        (("0.0.0.0/0",), "グローバル"),
        (("224.0.0.1",), "機器1台"),
        (("255.255.255.255",), "機器1台"),
        (("0.0.0.0",), "機器1台"),
        (("ff02::1",), "機器1台"),
        (("::ffff:10.20.1.5",), "IPv4"),  # would reach 10.20.1.5 past a never-list written in IPv4
        (("64:ff9b::0a14:0105",), "IPv4"),
        (("2002:0a14:0105::1",), "IPv4"),
        (("10.0.0.0/16", "10.1.0.0/16"), "--yes-large"),  # together wider than a /16
    ],
)
def test_a_wrong_scope_is_refused_and_named(networks: tuple[str, ...], word: str) -> None:
    with pytest.raises(Refusal) as refused:
        scope(*networks)
    assert word in refused.value.ja
    assert refused.value.en


def test_a_scope_wholly_on_the_never_list_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        scope("10.1.2.0/25", never=("10.1.2.0/24",))
    assert not refused.value.permitted


def test_entries_of_the_never_list_inside_the_scope_are_left_alone_and_told() -> None:
    written = scope("10.1.2.0/29", exclude=("10.1.2.4/31",))
    assert list(written.addresses(ip_network("10.1.2.0/29"))) == [f"10.1.2.{n}" for n in (1, 2, 3, 6)]
    assert overlap(written) == ("10.1.2.4/31",)
    assert written.refuses("10.1.2.5", NOON) == "never_list"


def test_large_scopes_need_a_word() -> None:
    assert scope("10.0.0.0/15", large=True).networks == (ip_network("10.0.0.0/15"),)
    with pytest.raises(Refusal):
        scope("10.0.0.0/15")
    with pytest.raises(Refusal):
        scope("fd00::/112", "fd00::1:0/112")  # both are swept
    assert scope("fd00::/112", "fd00::7", "fd01::/64").networks  # a wide one is not, and nobody counts twice


def test_public_addresses_only_one_by_one() -> None:
    assert scope(public=("198.51.100.7",)).refuses("198.51.100.7", NOON) == ""
    assert scope(public=("198.51.100.7",)).refuses("198.51.100.8", NOON) == "outside_scope"
    with pytest.raises(Refusal):
        scope(public=("198.51.100.0/24",))


@pytest.mark.parametrize(
    "text", ["224.0.0.1", "255.255.255.255", "0.0.0.0", "240.0.0.1", "ff02::1", "::", "::ffff:8.8.8.8"]
)
def test_a_public_entry_must_be_the_address_of_a_host_too(text: str) -> None:
    with pytest.raises(Refusal):
        scope("10.0.0.0/24", public=(text,))


def test_a_single_public_address_on_the_never_list_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        scope(public=("198.51.100.7",), never=("198.51.100.0/24",))
    assert not refused.value.permitted


def test_a_never_list_in_a_spelling_that_would_protect_nothing_is_refused() -> None:
    with pytest.raises(Refusal):
        scope("10.20.1.0/24", never=("::ffff:10.20.1.5",))


def test_a_blackout_without_days_would_never_hold_and_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        scope("10.1.1.0/24", blackout=(Blackout(start="08:00", end="18:00", days=()),))
    assert "scope.blackout" in refused.value.en


def test_two_entries_for_one_host_are_no_licence_for_a_nested_broadcast_address() -> None:
    written = scope("10.1.2.0/24", "10.1.2.0/25")
    assert "10.1.2.127" not in set(written.addresses(ip_network("10.1.2.0/24")))
    assert "10.1.2.128" in set(written.addresses(ip_network("10.1.2.0/24")))


@pytest.mark.parametrize(("network", "count"), [("10.1.2.4/31", 2), ("10.1.2.4/32", 1), ("10.1.2.4/30", 2)])
def test_small_networks_give_every_host_once(network: str, count: int) -> None:
    written = scope(network, network)
    assert len(written.networks) == 1
    assert len(list(written.addresses(ip_network(network)))) == count


def test_a_wide_ipv6_network_is_never_swept() -> None:
    written = scope("fe80::/64")
    assert list(written.addresses(ip_network("fe80::/64"))) == []
    assert written.refuses("fe80::1", NOON) == ""


@given(st.ip_addresses())
def test_nothing_outside_the_scope_is_ever_allowed(address: object) -> None:
    written = scope("10.20.1.0/24", "192.168.7.0/28", exclude=("10.20.1.64/26",))
    ip = ip_address(str(address))
    inside = any(ip in n for n in written.networks) and ip not in ip_network("10.20.1.64/26")
    assert (written.refuses(str(ip), NOON) == "") == inside


@pytest.mark.parametrize(
    ("window", "hour", "refused"),
    [
        (("08:00", "18:00", ("Sat",)), 12, True),
        (("08:00", "18:00", ("Sun",)), 12, False),
        (("22:00", "06:00", ("Fri",)), 5, True),  # the night that began on Friday
        (("22:00", "06:00", ("Sat",)), 5, False),
        (("22:00", "06:00", ("Sat",)), 23, True),
    ],
)
def test_blackout_windows_reach_over_midnight(
    window: tuple[str, str, tuple[str, ...]], hour: int, refused: bool
) -> None:
    start, end, days = window
    written = scope("10.1.1.0/24", blackout=(Blackout(start=start, end=end, days=days),))  # type: ignore[arg-type]
    assert (written.refuses("10.1.1.1", NOON.replace(hour=hour)) == "blackout") == refused


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        ({"scop": {}}, "scop"),
        ({"scope": {"netwrks": []}}, "netwrks"),
        ({"pace": {"packets_per_host": "ten"}}, "packets_per_host"),
        ({"pace": {"packets_per_host": 2}}, "packets_per_host"),
        ({"profile": "brutal"}, "brutal"),
        ({"pace": {"packets_per_host": 100_000}}, "pace.packets_per_host"),
        ({"pace": {"packets": 5}}, "pace.packets"),
        ({"pace": {"packets": 10**12}}, "pace.packets"),
        ({"pace": {"broadcasts": 0}}, "pace.broadcasts"),
        ({"pace": {"connection_gap": -1.0}}, "pace.connection_gap"),
        ({"pace": {"connection_gap": float("nan")}}, "pace.connection_gap"),
        ({"pace": {"packets_per_host_and_scan": -3}}, "pace.packets_per_host_and_scan"),
        ({"pace": {"hosts_at_once": 0}}, "pace.hosts_at_once"),
        ({"listen_seconds": float("inf")}, "listen_seconds"),
        ({"listen_seconds": -0.5}, "listen_seconds"),
        ({"snmp": [{"hosts": ["10.0.0.1", "his server"], "community": "c"}]}, "snmp[0].hosts"),
        ({"snmp": [{"hosts": [], "community": "c"}]}, "snmp[0].hosts"),
        ({"snmp": [{"hosts": ["10.0.0.1"]}]}, "snmp[0].community"),
        ({"snmp": [{"hosts": ["10.0.0.1"], "community": "c", "user": "u"}]}, "snmp[0].community"),
        ({"snmp": [{"hosts": ["10.0.0.1"], "user": "u", "auth": "sha1"}]}, "snmp[0].auth_key"),
        ({"snmp": [{"hosts": ["10.0.0.1"], "user": "u", "privacy": "des", "privacy_key": "x"}]}, "privacy"),
        ({"scope": {"blackout": [{"from": "8", "to": "9", "day": 1}]}}, "day"),
        ({"scope": {"host": [{"address": "10.0.0.1", "allow": ["everything"], "reason": ""}]}}, "everything"),
        ([], "array"),
    ],
)
def test_a_settings_file_with_a_fault_is_refused_and_the_key_named(raw: object, word: str) -> None:
    with pytest.raises(Refusal) as refused:
        settings_from(raw, "agent.toml")
    assert word in refused.value.en


def test_secrets_are_never_shown() -> None:
    settings = settings_from(
        {"snmp": [{"hosts": ["10.0.0.0/8"], "user": "u", "auth": "sha1", "auth_key": "geheim-1"}]},
        "agent.toml",
    )
    assert "geheim" not in repr(settings)
    assert "geheim" not in str(settings)
