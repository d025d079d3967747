# SPDX-License-Identifier: Apache-2.0
"""Devices that say the same again are taken over from the night before, and are what deriving them from nothing gives."""

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from inventory_db import ledger, observations, said_again, tables
from inventory_db.condensed import likeness
from inventory_db.device import Device
from inventory_db.digest import Digest, add
from inventory_db.identify import MARK, derive_again
from inventory_db.observations import as_stored
from inventory_db.said_again import says_the_same
from probes.facts import Observation, Outcome, Upload
from tests.inventory_cases import VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_decisions import card, word
from tests.test_refresh import assert_as_from_nothing, of_its_own

__all__ = ["ledger_engine"]
NIGHT = 1440  # minutes
CARDS = ("b8:2a:72:00:00:0a", "b8:2a:72:00:00:0b", "00:00:4c:00:00:0c")
DECISIONS = (
    (),
    (word(1, [card(CARDS[0])], [card(CARDS[1])], True),),
    (word(2, [card(CARDS[0])], [card(CARDS[1])], False),),
)
_PAGES = (
    "<p>Firmware 2.1.0 at {at}</p>",
    "<p>Apache/2.4.57 10.0 up {at}</p>",
    "{at} 3.2 <title>x</title>",
)


def night_of(host: int, night: int, card: str, mood: Sequence[int]) -> list[Observation]:
    """Everything that one host says in one night; `mood` chooses among what it may say, by question."""
    address, minute, name = f"10.1.0.{5 + host}", night * NIGHT + host * 20, f"PC{host // 2}"

    def told(order: int, probe: str, **given: Any) -> Observation:
        return seen(address, minute=minute + order, probe=probe, scan=f"s{night}", **given)

    def one_of(question: int, *texts: Any) -> Any:
        return texts[mood[question] % len(texts)]

    refused = {"outcome": Outcome.REFUSED, "reason": one_of(0, "connection refused", "no SMB 1")}
    return [
        arp(address, card, minute=minute, scan=f"s{night}"),
        told(1, "ports", outcome=Outcome.REFUSED, reason=one_of(4, "", f"refused {night}"), PORTS=one_of(1, "23 80", "21", "443")),
        told(2, "ssh", port=22, reason=one_of(5, "", f"try {night}"), SERVICE="ssh", SSH_HOST_KEY=one_of(2, "k", f"k{host}"),
             SSH_BANNER=one_of(3, "SSH-2.0-OpenSSH_9.2p1 Debian-2", "SSH-2.0-dropbear_2022.83"), NAME=name),
        told(3, "http", port=80, SERVICE="http", HTTP_COOKIE=one_of(4, f"PHPSESSID={night}", f"x=2.4.57{night}"),
             HTTP_SERVER=one_of(5, "Apache/2.4.57 (Debian)", "lighttpd/1.4.69"),
             HTTP_BODY=one_of(6, *_PAGES).format(at=night)),
        told(4, "snmpv3", port=161, transport="udp", SERVICE="snmp", SNMP_ENGINE_ID="80001f8880", SNMP_ENGINE_BOOTS="3",
             SNMP_ENGINE_TIME=str(1000 + 60 * minute), SNMP_SYSDESCR=one_of(7, "Linux x 5.10.0", "Cisco IOS 15.2(7)E3")),
        told(5, "telnet", port=23, SERVICE="telnet", TELNET_BANNER=f"{night}:00 login:", SNMP_UPTIME=str(night), MODEL=one_of(8, "M1", "M2"),
             SERIAL=one_of(8, "S1", "M2")),
        told(6, "mdns", transport="heard", MDNS_SERVICE="_ipp._tcp 631", MDNS_HOST=one_of(9, name, "x.local")),
        told(7, "dns_heard", transport="heard", REMOTE_PATH="remote_tool", PRODUCT=one_of(10, "AnyDesk", "TeamViewer")),
        told(8, "smb", **({"port": 445, "SERVICE": "smb", "SMB_DIALECT": "1.0"} if mood[11] else refused | {"port": 445})),
        told(9, "tcp", port=9100, outcome=Outcome.SILENT, reason=one_of(0, "nothing came", f"timeout {night}"), mac=card),
        told(10, "ssdp", transport="heard", SSDP_SERVER=one_of(1, "Linux UPnP/1.0", "x")),
        told(11, "dhcp", transport="heard", DHCP_MESSAGE="request", DHCP_SERVER="10.1.0.1", DHCP_HOSTNAME=name),
        told(12, "nbns", port=137, transport="udp", ADDRESS=one_of(2, address, "10.1.0.6", "10.2.0.7"), NETBIOS_MAC=card),
        told(13, "snmp_tables", port=161, transport="udp", FORWARDING=one_of(3, "yes", "no"), LOCATION=one_of(4, "", "2F"),
             INTERFACE=f"1 eth0 {card} {night} up", SWITCH_PORT=[f"{CARDS[1]} 4"], ROUTE="0.0.0.0/0 10.1.0.1"),
        told(14, "plan", outcome=Outcome.HELD_BACK, reason="fragile: x"),
        told(15, "confirm", CHECKED="arp", CHECKED_SINCE=f"2026-04-0{1 + night % 9}T00:00:00Z"),
    ]  # fmt: skip


READ_ANEW = {
    10,
    13,
}  # indices of ssdp, which is over after some time, and snmp_tables, which differ each night
HEARD = (6, 7, 10, 11)
QUESTIONS = len(night_of(0, 0, CARDS[0], [0] * 12))
seeds = st.integers(0, 2**32)


def history(chance: random.Random) -> Iterator[tuple[int, list[Observation]]]:
    """Give nights, with the decision of each, in which most is as in the night before, and some is not."""

    def happens(times: float) -> bool:
        return chance.random() < times

    moods = [[chance.randrange(3) for _ in range(12)] for _ in range(3)]
    left = [{index for index in range(QUESTIONS) if happens(0.3)} for _ in range(3)]
    if happens(0.5):
        left = [some | READ_ANEW for some in left]
    now_and_then = HEARD if happens(0.5) else ()
    night = 0
    for _ in range(chance.randint(3, 7)):
        night += chance.choice([1, 1, 1, 20])
        said: list[Observation] = []
        for host in (host for host in range(3) if happens(0.8)):
            mood = (
                [chance.randrange(3) if happens(0.1) else one for one in moods[host]]
                if happens(0.2)
                else moods[host]
            )
            unasked = left[host] | ({chance.randrange(QUESTIONS)} if happens(0.1) else set())
            unasked = unasked | {index for index in now_and_then if happens(0.5)}
            every = night_of(host, night, CARDS[(host + happens(0.05)) % 3], mood)
            said += [one for index, one in enumerate(every) if index not in unasked]
        if happens(0.1):
            chance.shuffle(said)
        half = chance.randrange(len(said) + 1) if happens(0.3) else 0  # uploaded in two parts
        yield from ((chance.choice([0, 0, 0, 0, 1, 2]), some) for some in (said[:half], said[half:]) if some)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> Counter[bool]:
    """Count how many devices were taken over, and how many were read."""
    found: Counter[bool] = Counter()
    whole = said_again.SaidBefore.words

    def words(self: said_again.SaidBefore, *given: Any) -> said_again.Words | None:
        words = whole(self, *given)
        found[words is not None] += 1
        return words

    monkeypatch.setattr(said_again.SaidBefore, "words", words)
    return found


def by_mark(devices: Sequence[Device], marks: Sequence[str]) -> dict[str, Device]:
    """Give the devices as the database gives them back, by each half of their marks."""
    back = [msgspec.json.decode(msgspec.json.encode(one), type=Device) for one in devices]
    return {half: one for one, mark in zip(back, marks, strict=True) for half in (mark[:MARK], mark[MARK:])}


@given(seeds)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_taken_over_is_as_read_anew(taken: Counter[bool], seed: int) -> None:
    digest, before, known = Digest(), dict[str, Device](), list[Observation]()
    taken.clear()
    for decision, night in history(random.Random(seed)):
        known += night
        digest = add(digest, map(as_stored, night), VANTAGES)
        if digest.contradiction:
            digest = add(Digest(), map(as_stored, known), VANTAGES)
        devices, marks = derive_again(digest, VANTAGES, before, DECISIONS[decision])
        anew, same = derive_again(digest, VANTAGES, {}, DECISIONS[decision])
        assert marks == same
        assert [msgspec.json.encode(one) for one in devices] == [msgspec.json.encode(one) for one in anew]
        before = by_mark(devices, marks)
    event(f"taken over: {'yes' if taken[True] else 'no'}")


@given(seeds)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_night_by_night_in_the_database_is_as_from_nothing(ledger_engine: Engine, seed: int) -> None:
    with tables.writing(of_its_own(ledger_engine)) as connection:
        for _, night in history(random.Random(seed)):
            observations.append(connection, Upload(observations=tuple(night), vantages=VANTAGES))
            ledger.refresh(connection)
        assert_as_from_nothing(connection)


def test_what_says_the_same_is_taken_over(taken: Counter[bool]) -> None:
    digest, before = Digest(), dict[str, Device]()
    for night in range(4):
        said = [
            one
            for host in range(3)
            for index, one in enumerate(night_of(host, night, CARDS[host], [host] * 12))
            if index not in READ_ANEW
        ]
        digest = add(digest, map(as_stored, said), VANTAGES)
        devices, marks = derive_again(digest, VANTAGES, before)
        before = by_mark(devices, marks)
    assert taken[False] == len(devices), "only in the first night"
    assert taken[True] == 3 * len(devices)


CHANGES = (
    {"address": "10.1.0.9"}, {"mac": "x"}, {"network": ""}, {"port": 81}, {"transport": "udp"},
    {"outcome": Outcome.REFUSED}, {"probe": "y"}, {"vantage": "v-mod"},
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_another_question_or_outcome_is_not_the_same(change: dict[str, Any]) -> None:
    one = as_stored(seen("10.1.0.5", HTTP_COOKIE="a=1"))
    assert says_the_same(one, msgspec.structs.replace(one, key="k", scan="s9"))
    assert not says_the_same(one, msgspec.structs.replace(one, key="k", **change))


@pytest.mark.parametrize(
    ("outcome", "before", "now", "same"),
    [
        (Outcome.ANSWERED, "try 1", "try 2", True),
        (Outcome.OTHER_PROTOCOL, "banner of 12 bytes", "banner of 13 bytes", True),
        (Outcome.OUR_FAULT, "out of memory", "no such file", True),
        (Outcome.SILENT, "timeout after 2.01 s", "timeout after 1.99 s", True),
        (Outcome.SILENT, "timeout", "nothing came", False),
        (Outcome.SILENT, "timeout", "closed without a word", False),
        (Outcome.REFUSED, "connection refused", "connection refused (RST)", True),
        (Outcome.REFUSED, "connection refused", "no SMB 1", False),
        (Outcome.REFUSED, "connection refused", "host unreachable", False),
        (Outcome.REFUSED, "host unreachable", "port unreachable", False),
        (Outcome.HELD_BACK, "fragile: x", "fragile: y", False),
    ],
)
def test_of_a_reason_only_what_is_read_counts(outcome: Outcome, before: str, now: str, same: bool) -> None:
    one, other = (as_stored(seen("10.1.0.5", outcome=outcome, reason=text)) for text in (before, now))
    assert says_the_same(one, other) is same
    assert (likeness(one) == likeness(other)) is same


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [
        ({"HTTP_COOKIE": "session=1"}, {"HTTP_COOKIE": "session=2"}, True),
        ({"HTTP_TITLE": "a"}, {"HTTP_TITLE": "b"}, False),
        ({"SMTP_BANNER": "220 m ESMTP Postfix; 9:00"}, {"SMTP_BANNER": "220 m ESMTP Postfix; 9:01"}, True),
        ({"FTP_BANNER": "220 (vsFTPd 3.0.2)"}, {"FTP_BANNER": "220 (vsFTPd 3.0.3)"}, False),
        ({"TELNET_BANNER": "9:00 login:"}, {"FTP_BANNER": "9:01 login:"}, False),
        (
            {"SMTP_BANNER": "220 m; Tue, 1 Dec 2026 9:00"},
            {"SMTP_BANNER": "220 m; Wed, 2 Dec 2026 9:00"},
            True,
        ),
        ({"TELNET_BANNER": "login:"}, {"TELNET_BANNER": "host5 login:"}, False),
        ({"HTTP_COOKIE": "session=1"}, {"HTTP_COOKIE": ["session=1", "session=2"]}, False),
        ({"HTTP_COOKIE": "session=1"}, {"HTTP_BODY": "session=1"}, False),
        ({"HTTP_BODY": "3"}, {"HTTP_BODY": "2.4.57 3"}, True),
        (  # the version stands in the answer itself now: that decides which recognition is the best
            {"SSH_BANNER": "SSH-2.0-OpenSSH_9.2p1", "HTTP_BODY": "x 1"},
            {"SSH_BANNER": "SSH-2.0-OpenSSH_9.2p1", "HTTP_BODY": "x 2"},
            True,
        ),
    ],
)
def test_only_what_passes_may_differ(before: dict[str, Any], now: dict[str, Any], same: bool) -> None:
    one, other = as_stored(seen("10.1.0.5", **before)), as_stored(seen("10.1.0.5", **now))
    assert says_the_same(one, other) is same


def test_another_release_reads_anew(taken: Counter[bool], monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict[str, Device]()
    digest = Digest()
    for night, name in enumerate(("a" * 32, "a" * 32, "b" * 32)):
        monkeypatch.setattr(said_again, "name_of_reading", lambda name=name: name)
        digest = add(digest, map(as_stored, night_of(0, night, CARDS[0], [0] * 12)[:4]), VANTAGES)
        taken.clear()
        devices, marks = derive_again(digest, VANTAGES, before)
        before = by_mark(devices, marks)
        assert taken == {name == "a" * 32 and night == 1: 1}
