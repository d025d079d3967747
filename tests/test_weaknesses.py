# SPDX-License-Identifier: Apache-2.0
"""Weak services are named as what they are, and no longer once the device has stopped them."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory_db.device import Device
from inventory_db.identify import identify
from probes.facts import Fact, FactKind, Observation, Outcome, Vantage

START = datetime(2026, 11, 1, tzinfo=UTC)
HERE = Vantage(id="v", host="a", interface="eth0", address="10.0.0.9", network="10.0.0.0/24")


def seen(
    probe: str,
    port: int,
    *facts: tuple[FactKind, str],
    day: int = 0,
    outcome: Outcome = Outcome.ANSWERED,
    reason: str = "",
) -> Observation:
    return Observation(
        scan=f"s{day}",
        vantage="v",
        at=START + timedelta(days=day, seconds=port % 100),
        probe=probe,
        address="10.0.0.5",
        mac="00:11:22:33:44:55",
        network="10.0.0.0/24",
        port=port,
        transport="udp" if port in (161, 1900, 137) else "tcp",
        outcome=outcome,
        reason=reason,
        facts=tuple(Fact(*one) for one in facts),
    )


def device(*observations: Observation) -> Device:
    (one,) = identify(observations, [HERE])
    return one


def codes(one: Device) -> list[tuple[str, int]]:
    return [(weak.code, weak.port) for weak in one.weaknesses]


@pytest.mark.parametrize(
    ("probe", "port", "facts", "code"),
    [
        ("telnet", 23, [(FactKind.SERVICE, "telnet")], "telnet"),
        ("ftp", 21, [(FactKind.SERVICE, "ftp")], "ftp"),
        ("smb1", 445, [(FactKind.SERVICE, "smb"), (FactKind.SMB_DIALECT, "1.0")], "smb1"),
        ("vnc", 5900, [(FactKind.SERVICE, "vnc"), (FactKind.VNC_SECURITY, "none")], "vnc_open"),
        ("tls_old", 443, [(FactKind.SERVICE, "tls"), (FactKind.TLS_OLD_ACCEPTED, "TLSv1")], "old_tls"),
        ("snmp_public", 161, [(FactKind.SNMP_DEFAULT_COMMUNITY, "public")], "default_community"),
        ("banner", 513, [(FactKind.BANNER, "x")], "r_services_port"),
    ],
)
def test_each_weak_service_is_named(
    probe: str, port: int, facts: list[tuple[FactKind, str]], code: str
) -> None:
    look = seen(probe, port, *facts)
    one = device(look)
    assert codes(one) == [(code, port)]
    assert one.weaknesses[0].observations == (look.id,)


def test_sound_services_are_not() -> None:
    ssh = seen("ssh", 22, (FactKind.SERVICE, "ssh"))
    smb = seen("smb", 445, (FactKind.SERVICE, "smb"), (FactKind.SMB_DIALECT, "3.1.1"))
    vnc = seen("vnc", 5900, (FactKind.SERVICE, "vnc"), (FactKind.VNC_SECURITY, "vnc"))
    assert device(ssh, smb, vnc).weaknesses == ()


def test_what_was_switched_off_is_over() -> None:
    smb = seen("smb", 445, (FactKind.SERVICE, "smb"))
    before = seen("smb1", 445, (FactKind.SERVICE, "smb"), (FactKind.SMB_DIALECT, "1.0"))
    after = seen("smb1", 445, day=5, outcome=Outcome.OTHER_PROTOCOL)
    assert codes(device(smb, before)) == [("smb1", 445)]
    assert device(smb, before, after).weaknesses == ()


def test_a_look_that_we_did_not_take_changes_nothing() -> None:
    before = seen("smb1", 445, (FactKind.SERVICE, "smb"), (FactKind.SMB_DIALECT, "1.0"))
    held = seen("smb1", 445, day=5, outcome=Outcome.HELD_BACK)
    assert codes(device(before, held)) == [("smb1", 445)]


def test_upnp_is_heard_without_asking() -> None:
    heard = Observation(
        scan="s0", vantage="v", at=START, probe="ssdp", address="10.0.0.5", mac="00:11:22:33:44:55",
        transport="heard", outcome=Outcome.ANSWERED, facts=(Fact(FactKind.SSDP_SERVER, "Linux UPnP/1.0 x/1"),),
    )  # fmt: skip
    late = seen("ssh", 22, (FactKind.SERVICE, "ssh"), day=40)
    assert codes(device(heard)) == [("upnp", 0)]
    assert device(heard, late).weaknesses == ()


def test_looks_of_access_tests_do_not_change_what_a_device_is() -> None:
    open_port = seen("ssh", 22, (FactKind.SERVICE, "ssh"))
    refused = seen("access", 22, day=1, outcome=Outcome.REFUSED)
    assert device(open_port, refused) == device(open_port)


@pytest.mark.parametrize(
    ("reason", "open_still"),
    [
        ("[Errno 104] Connection reset by peer", True),
        ("TLS handshake turned down", True),
        ("[Errno 111] Connection refused", False),
        ("port unreachable", False),
        ("", False),
    ],
)
def test_a_question_turned_down_does_not_close_the_port(reason: str, *, open_still: bool) -> None:
    """A server without SMB 1 takes the connection and resets it: it still offers SMB."""
    smb = seen("smb", 445, (FactKind.SERVICE, "smb"), (FactKind.SMB_DIALECT, "3.1.1"))
    turned_down = seen("smb1", 445, day=1, outcome=Outcome.REFUSED, reason=reason)
    assert bool(device(smb, turned_down).services) is open_still
