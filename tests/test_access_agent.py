# SPDX-License-Identifier: Apache-2.0
"""The agent's side of access tests: settings, order, looks at real servers on loopback, address conflicts."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from agent.access_look import Looker, Source, Target, echo_request, is_reply
from agent.access_plan import blocks, is_alone, looks, most_packets
from agent.access_reach import check_reach
from agent.access_settings import AccessSection
from agent.access_test import AccessTest
from agent.address_check import Conflicts
from agent.clock import SystemClock
from agent.door import Door
from agent.ground import Ground
from agent.guard import Permit
from agent.logbook import Logbook
from agent.pace import Pace
from agent.plan import View, all_questions
from agent.refusal import Refusal
from agent.scope import write_scope
from agent.segment_lock import hold
from agent.settings import ScopeSection, Settings, settings_from
from agent.sockets import bound_to
from agent.vantage import Standing
from probes.facts import FactKind, Observation, Outcome, Sent, Vantage

CONSENT = "情報システム課 鈴木 2026-07-01"
GOOD: dict[str, Any] = {"device": "192.168.1.1", "ports": [22], "not_allowed_from": "192.168.1.250"}
MADE = GOOD | {"make_address": True, "make_mac": "02:00:5e:00:00:01", "consent": CONSENT}


def section(**more: Any) -> AccessSection:
    return settings_from({"access": [GOOD | more]}, "agent.toml").access[0]


# ---- settings


@pytest.mark.parametrize(
    ("key", "changed"),
    [
        ("device", {"device": "router"}),
        ("device", {"device": "fe80::1"}),
        ("ports", {"ports": []}),
        ("ports", {"ports": [0]}),
        ("ports", {"ports": [22, 22]}),
        ("ports", {"ports": list(range(1, 10))}),
        ("not_allowed_from", {"not_allowed_from": ""}),
        ("not_allowed_from", {"not_allowed_from": "192.168.1.1"}),
        ("not_allowed_from", {"allowed_from": "192.168.1.250"}),
        ("allowed_from", {"allowed_from": "here"}),
        ("seen_as", {"seen_as": "x"}),
        ("control", {"control": ["192.168.1.5"]}),
        ("control", {"control": ["192.168.1.5:99999"]}),
        ("consent", {"make_address": True}),
        ("consent", {"make_mac": "02:00:5e:00:00:01", "consent": "  "}),
        ("make_mac", {"make_mac": "00:15:17:00:00:01", "consent": CONSENT}),
        ("make_mac", {"make_mac": "03:00:00:00:00:01", "consent": CONSENT}),
        ("make_mac", {"make_mac": "02-00-00-00-00-01", "consent": CONSENT}),
        ("not_allowed_from", {"make_address": True, "consent": CONSENT, "part": "allowed"}),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(key: str, changed: dict[str, Any]) -> None:
    with pytest.raises(Refusal) as error:
        settings_from({"access": [GOOD | changed]}, "agent.toml")
    assert f"access[0].{key}" in error.value.ja
    assert f"access[0].{key}" in error.value.en


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(Refusal):
        settings_from({"access": [GOOD | {"alowed_from": "192.168.1.9"}]}, "agent.toml")


def test_the_whole_of_it_is_read() -> None:
    read = settings_from({"access": [MADE | {"control": ["192.168.1.5:80"]}]}, "agent.toml").access[0]
    assert read.makes
    assert read.ports == (22,)
    assert read.consent == CONSENT


# ---- the order


def test_allowed_before_and_after_and_both_orders() -> None:
    plain = [(block.role, block.looks, block.control) for block in blocks(section())]
    assert plain == [("allowed", 1, False), ("not_allowed", 2, True), ("allowed", 1, False)]
    both = [block.role for block in blocks(section(**MADE))]
    assert both == ["allowed", "not_allowed", "allowed", "unlisted_mac", "allowed"]
    mac = section(**(MADE | {"make_address": False}))
    assert [block.role for block in blocks(mac)] == ["allowed", "unlisted_mac", "allowed"]


def test_one_half_is_made_in_rounds() -> None:
    half = section(part="not_allowed")
    assert is_alone(half)
    assert looks(half) == 3
    assert not is_alone(section(**(MADE | {"part": "not_allowed"})))


def test_the_estimate_grows_with_what_is_asked() -> None:
    assert most_packets(section()) < most_packets(section(ports=[22, 443])) < 120
    assert most_packets(section()) < most_packets(section(**MADE))


# ---- the written scope and this machine


def ground(scope_text: str = "192.168.1.0/24") -> Ground:
    standing = Standing(
        "eth0", 2, "00:15:17:00:00:01", "192.168.1.10", "192.168.1.0/24", (), is_up=True, is_virtual=False
    )
    other = replace(standing, interface="eth1", index=3, address="10.0.0.10", network="10.0.0.0/24")
    scope = write_scope(ScopeSection(), [scope_text, "10.0.0.0/24"], ["192.168.1.66"], yes_large=False)
    stood = tuple(one.as_vantage("here") for one in (standing, other))
    return Ground(
        (standing, other), stood, ((ip_network(scope_text), 0), (ip_network("10.0.0.0/24"), 1)), scope
    )


def check(one: AccessSection) -> None:
    here = ground()
    check_reach([one], here.scope, here)


@pytest.mark.parametrize(
    ("one", "permitted"),
    [
        (section(device="192.168.9.1"), False),  # out of scope
        (section(device="192.168.1.66"), False),  # on the never-list
        (section(control=["192.168.9.1:80"], not_allowed_from="10.0.0.10"), False),
        (section(**(MADE | {"not_allowed_from": "192.168.9.9"})), False),
        (section(device="192.168.1.10", not_allowed_from="10.0.0.10"), True),  # this machine
        (section(), True),  # an address that we do not have, and no consent to make it
        (section(allowed_from="192.168.1.77", not_allowed_from="10.0.0.10"), True),
        (section(**(MADE | {"not_allowed_from": "10.0.0.10"})), True),  # ours already
        (section(**(MADE | {"not_allowed_from": "10.0.0.77"})), True),  # not on the way to the device
        (section(**(MADE | {"not_allowed_from": "192.168.1.255"})), True),  # nobody's
    ],
)
def test_what_scope_or_machine_do_not_bear_is_refused(one: AccessSection, *, permitted: bool) -> None:
    with pytest.raises(Refusal) as error:
        check(one)
    assert error.value.permitted is permitted
    assert "何も送信していません" in error.value.ja


def test_a_device_of_a_card_that_is_down_is_not_tested_on_another_wire() -> None:
    here, one = ground(), section(not_allowed_from="10.0.0.10")
    check_reach([one], here.scope, here)
    down = replace(here.standings[0], interface="eth2", network=f"{one.device}/30", is_up=False)
    down = replace(down, network=str(ip_network(down.network, strict=False)))
    with pytest.raises(Refusal, match="a card that is down"):
        check_reach([one], here.scope, replace(here, others=(down,)))


def test_what_they_bear_is_not() -> None:
    check(section(**MADE))
    check(section(not_allowed_from="10.0.0.10", control=["192.168.1.5:80"]))


# ---- addresses that others have


def arp(sender_mac: str, sender_ip: str, target_ip: str, operation: int = 1) -> bytes:
    def raw(mac: str) -> bytes:
        return bytes.fromhex(mac.replace(":", ""))

    body = raw(sender_mac) + socket.inet_aton(sender_ip) + bytes(6) + socket.inet_aton(target_ip)
    head = b"\xff" * 6 + raw(sender_mac) + b"\x08\x06\0\1\x08\0\6\4"
    return head + struct.pack("!H", operation) + body


OURS, THEIRS = "00:15:17:00:00:01", "00:0b:5d:00:00:09"


@pytest.mark.parametrize(
    ("frame", "conflict"),
    [
        (arp(THEIRS, "192.168.1.250", "192.168.1.10", 2), True),  # an answer
        (arp(THEIRS, "192.168.1.250", "192.168.1.250"), True),  # an announcement
        (arp(THEIRS, "192.168.1.250", "192.168.1.1"), True),  # somebody works with it
        (arp(THEIRS, "0.0.0.0", "192.168.1.250"), True),  # somebody probes for it, as we do
        (arp(THEIRS, "192.168.1.1", "192.168.1.250"), False),  # somebody looks for it
        (arp(OURS, "192.168.1.250", "192.168.1.1"), False),  # our own
        (arp(OURS, "0.0.0.0", "192.168.1.250"), False),
        (arp(THEIRS, "192.168.1.77", "192.168.1.1", 2), False),
        (b"", False),
        (arp(THEIRS, "192.168.1.250", "192.168.1.1")[:30], False),
    ],
)
def test_who_else_uses_an_address(frame: bytes, *, conflict: bool) -> None:
    heard = Conflicts()
    heard.watch("192.168.1.250", frozenset({OURS}))
    heard.hear(frame)
    assert bool(heard.reason("192.168.1.250")) is conflict
    assert not conflict or THEIRS in heard.reason("192.168.1.250")


# ---- echo


def test_an_echo_request_has_a_sound_checksum_and_knows_its_answer() -> None:
    mark = b"\x12\x34\xff\xfe"
    request = echo_request(mark)
    total = sum(struct.unpack("!4H", request))
    assert (total & 0xFFFF) + (total >> 16) == 0xFFFF
    reply = b"\0\0" + b"\0\0" + mark
    assert is_reply(reply, mark)
    assert is_reply(b"\x45" + bytes(19) + reply, mark)
    assert not is_reply(request, mark)
    assert not is_reply(b"\x45" + bytes(19) + b"\0\0\0\0\x12\x35\xff\xfe", mark)
    assert not is_reply(b"", mark)


# ---- looks at real servers


@dataclass
class Written:
    seen: list[Observation] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)


@contextmanager
def server(*, serves: str) -> Iterator[int]:
    """A server on 127.0.0.2 that greets one source and ends the connections of all others without a word."""
    with socket.create_server(("127.0.0.2", 0)) as listening:

        def run() -> None:
            while True:
                try:
                    taken, (peer, _) = listening.accept()
                except OSError:
                    return
                with taken:
                    if peer == serves:
                        taken.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
                    taken.shutdown(socket.SHUT_WR)
                    while taken.recv(1000):
                        continue

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def looker(role: str, source: str, written: Written, port: int, **more: Any) -> Looker:
    scope = write_scope(ScopeSection(**more), ["127.0.0.0/24"], [], yes_large=False)
    vantage = Vantage(id=f"v-{role}", host="h", interface="lo", address=source, network="127.0.0.0/8", mac="")
    pace = Pace(9, 100, 0.0, 200)

    def door_to(host: str) -> Door:
        return Door(
            host, scope, pace, SystemClock(), "s", vantage.id, written.sent.append,
            opted=frozenset({("tcp", port)}), make=bound_to(source),
        )  # fmt: skip

    return Looker(Source(role, "existing", vantage, source), door_to, written.seen.append)


def value(seen: Observation, kind: FactKind) -> str:
    return next(seen.of(kind), "")


def test_two_sources_are_told_apart_by_what_they_get() -> None:
    written, target = Written(), Target("127.0.0.2", "", "127.0.0.0/8", ours=True)
    with server(serves="127.0.0.3") as port:

        async def look() -> None:
            await looker("allowed", "127.0.0.3", written, port).look(target, port, "p1")
            await looker("not_allowed", "127.0.0.4", written, port).look(target, port, "p1")

        asyncio.run(look())
    first, second = written.seen
    assert value(first, FactKind.ACCESS_REACH) == "spoke"
    assert value(second, FactKind.ACCESS_REACH) == "ended"
    assert [value(one, FactKind.ACCESS_FROM) for one in written.seen] == [
        "127.0.0.3 - existing",
        "127.0.0.4 - existing",
    ]
    assert {value(one, FactKind.ACCESS_PAIR) for one in written.seen} == {"p1"}
    assert value(first, FactKind.SSH_BANNER) == "SSH-2.0-OpenSSH_9.2p1"
    assert "SSH-2.0" in first.transcript
    assert [one.action for one in written.sent] == ["tcp connect"] * 2
    assert all(one.packets >= 3 and not one.payload_bytes for one in written.sent)


def test_a_service_that_says_nothing_in_time_is_not_one_that_hung_up() -> None:
    written, target = Written(), Target("127.0.0.2", "", "127.0.0.0/8", ours=True)
    with socket.create_server(("127.0.0.2", 0)) as quiet:
        port = quiet.getsockname()[1]
        seen = asyncio.run(looker("not_allowed", "127.0.0.4", written, port).look(target, port, "p"))
    assert seen.outcome is Outcome.ANSWERED
    assert value(seen, FactKind.ACCESS_REACH) == "connected"


def test_a_closed_port_refuses_and_says_so() -> None:
    written, target = Written(), Target("127.0.0.2", "", "127.0.0.0/8", ours=True)
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
    seen = asyncio.run(looker("not_allowed", "127.0.0.4", written, port).look(target, port, "p"))
    assert seen.outcome is Outcome.REFUSED
    assert value(seen, FactKind.ACCESS_REACH) == "refused"


@pytest.mark.parametrize(
    ("address", "port", "more", "why"),
    [
        ("127.0.1.2", 22, {}, "outside_scope"),
        ("127.0.0.2", 22, {"never": ("127.0.0.2/32",)}, "never_list"),
        ("127.0.0.2", 502, {}, "control"),
        ("127.0.0.2", 104, {}, "dicom"),
    ],
)
def test_scope_and_guard_bind_looks_as_well(address: str, port: int, more: dict[str, Any], why: str) -> None:
    written, target = Written(), Target(address, "", "127.0.0.0/8", ours=True)
    looking = looker("allowed", "127.0.0.3", written, port, **more)
    seen = asyncio.run(looking.look(target, port, "p"))
    assert seen.outcome is Outcome.HELD_BACK
    assert seen.reason.startswith(why)
    assert not written.sent


def test_a_fragile_device_gets_nothing() -> None:
    written, pump = Written(), Target("127.0.0.2", "b0:4c:05:00:00:28", "127.0.0.0/8", ours=False)
    looking = looker("allowed", "127.0.0.3", written, 22)

    async def both() -> tuple[Observation, Observation]:
        return await looking.look(pump, 22, "p"), await looking.echo(pump, "p")

    for seen in asyncio.run(both()):
        assert seen.outcome is Outcome.HELD_BACK
        assert seen.reason.startswith("fragile")
    assert not written.sent


def test_an_address_that_somebody_else_has_meanwhile_is_let_go() -> None:
    written, target = Written(), Target("127.0.0.2", "", "127.0.0.0/8", ours=True)
    looking = replace(looker("not_allowed", "127.0.0.4", written, 22), refuse=lambda: "address_in_use: x")
    assert asyncio.run(looking.look(target, 22, "p")).outcome is Outcome.HELD_BACK
    assert not written.sent


def test_a_whole_run_on_loopback_is_written_down(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    with server(serves="127.0.0.1") as port:
        one = section(device="127.0.0.2", ports=[port], not_allowed_from="", part="allowed")
        settings = Settings(access=(one,))
        scope = write_scope(ScopeSection(), ["127.0.0.0/24"], [], yes_large=False)
        with Logbook(tmp_path / "book") as book:
            test = AccessTest(settings, scope, book, tmp_path / "note", Hurried())

            async def run() -> Any:
                scan = await test.run()
                return scan, (await book.pending())[0]

            scan, upload = asyncio.run(run())
    assert (scan.state, scan.profile, scan.finished) == ("complete", "access", 1)
    assert [value(seen, FactKind.ACCESS_REACH) for seen in upload.observations] == ["spoke"] * 3
    assert all(seen.at >= now for seen in upload.observations)
    assert {seen.vantage for seen in upload.observations} <= {vantage.id for vantage in upload.vantages}


class Hurried(SystemClock):
    """Waits a hundredth of what it should."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


# ---- the community that everybody knows


async def test_no_device_is_tested_while_a_scan_has_it_in_its_scope(tmp_path: Path) -> None:
    written = {"scope": {"networks": ["10.87.0.0/24"]}, "access": [GOOD | {"device": "10.87.0.9"}]}
    settings = settings_from(written, "agent.toml")
    scope = write_scope(settings.scope, (), (), yes_large=False)
    with Logbook(tmp_path / "book") as book, hold([ip_network("10.87.0.0/24")]):
        with pytest.raises(Refusal, match=r"10.87.0.0/24"):
            await AccessTest(settings, scope, book, tmp_path / "made").run()
        assert await book.position() == (0, 0)


def test_the_default_community_is_tried_only_where_the_site_names_the_host() -> None:
    for permit in (Permit.LISTEN, Permit.SEND):
        asked = all_questions(View(permit=permit), "deep")
        assert "snmp_public" not in {question.probe for question in asked}
        allowed = all_questions(View(permit=permit, allowed=frozenset({"default_community"})), "deep")
        assert [one.port for one in allowed if one.probe == "snmp_public"] == [161]
    fragile = View(permit=Permit.NOTHING, allowed=frozenset({"default_community"}))
    assert all_questions(fragile, "deep") == ()
