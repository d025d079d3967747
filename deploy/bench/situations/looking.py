# SPDX-License-Identifier: Apache-2.0
"""Looking that was not whole, not recent, or not possible."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from collector.case import Case
from deploy.bench.good_facility import (
    CONFIRMED,
    FACILITY,
    GATE,
    LIMITED,
    PC,
    SERVER,
    facility,
    gateway,
    hosts,
    looks,
)
from deploy.bench.made_up import LAN, NOW, device, scan
from deploy.bench.situations import (
    CANNOT,
    GOOD,
    LEDGER,
    NO,
    PATCHES,
    REMOTE,
    SOURCES,
    YES,
    Situation,
)
from inventory_db.device import Address, DualHomed
from inventory_db.stated import Facility

LOOKED = frozenset({LEDGER, REMOTE, PATCHES, SOURCES})  # items that need a whole look
SECOND = "192.168.2.0/24"
TWO = Facility(name="東山台病院", has_system=True, networks=(LAN, SECOND))
UNSTATED = Facility(name="東山台病院", has_system=True)
DOUBT = dict.fromkeys((LEDGER, REMOTE, PATCHES), CANNOT)
HALVES = ("192.168.1.0/25", "192.168.1.128/25")


def _only(**given: Any) -> Callable[[], Case]:
    return lambda: facility(scans=(scan(**given),))


def _silent(one: str, days: float) -> Callable[[], Case]:
    ips = {GATE: "192.168.1.1", SERVER: "192.168.1.10", PC: "192.168.1.20"}
    kind = {SERVER: "server", PC: "pc"}
    made = gateway() if one == GATE else device(one, ips[one], device_class=kind[one])
    seen = (NOW - timedelta(days=days)).isoformat()
    return lambda: facility(devices=hosts(replace(made, first_seen=seen, last_seen=seen)))


def _second_address() -> Case:
    foot = Address("10.9.0.5", None, "10.9.0.0/24", None, "oxid")
    pc = device(PC, "192.168.1.20", device_class="pc")
    two = replace(pc, addresses=(*pc.addresses, foot), dual_homed=DualHomed((LAN, "10.9.0.0/24"), ()))
    return facility(UNSTATED, devices=hosts(two))


SITUATIONS = (
    Situation("nothing is wrong", facility, dict.fromkeys(GOOD, YES), frozenset()),
    Situation("a segment was never scanned", lambda: facility(TWO), DOUBT, LOOKED),
    Situation("the scan was stopped half-way", _only(state="stopped", finished=120), DOUBT, LOOKED),
    Situation("the scan failed", _only(state="failed", note="no packets"), DOUBT, LOOKED),
    Situation("the scan is still running", _only(state="running", ended=None, finished=9), DOUBT, LOOKED),
    Situation("called complete, yet not all addresses", _only(finished=252), DOUBT, LOOKED),
    Situation("the last look is 40 days old", _only(days_ago=40), DOUBT, LOOKED),
    Situation("the last look is one day too old", _only(days_ago=32), DOUBT, LOOKED),
    Situation("the scan ended in the future", _only(days_ago=-2), DOUBT, LOOKED),
    Situation("the clock is years ahead", _only(days_ago=-900), DOUBT, LOOKED),
    Situation("scanned without privileges", _only(privileged=False), DOUBT, LOOKED),
    Situation("only listened", _only(profile="listen"), DOUBT, LOOKED),
    Situation("only an access test", _only(profile="access"), DOUBT, LOOKED),
    Situation("half of the network was left out", _only(planned=126, finished=126), DOUBT, LOOKED),
    Situation(
        "only half of the network in scope", _only(scope=HALVES[:1], planned=125, finished=125), DOUBT, LOOKED
    ),
    Situation("nothing in scope", _only(scope=(), planned=0, finished=0), DOUBT, LOOKED),
    Situation("never scanned", lambda: facility(scans=()), DOUBT, LOOKED),
    Situation(
        "two scans, a half each",
        lambda: facility(
            scans=tuple(
                scan(f"s{n}", scope=(half,), planned=126, finished=126) for n, half in enumerate(HALVES)
            )
        ),
        {LEDGER: YES},
        frozenset(),
    ),
    Situation(
        "two halves, one of them old",
        lambda: facility(
            scans=tuple(
                scan(f"s{n}", scope=(half,), planned=126, finished=126, days_ago=1 + 50 * n)
                for n, half in enumerate(HALVES)
            )
        ),
        DOUBT,
        LOOKED,
    ),
    Situation(
        "a failed scan after a whole one",
        lambda: facility(scans=(scan("s0", days_ago=3), scan(state="failed", finished=3))),
        {LEDGER: YES},
        frozenset(),
    ),
    Situation(
        "a silent segment that our packets may never have reached",
        lambda: facility(TWO, scans=(scan(scope=(LAN, SECOND), planned=507, finished=507),)),
        DOUBT,
        LOOKED,
    ),
    Situation("nobody answers any more", lambda: facility(devices=()), {LEDGER: CANNOT}, LOOKED),
    Situation(
        "the facility's network is not readable",
        lambda: facility(Facility(name="x", networks=(LAN, "院内"))),
        DOUBT,
        LOOKED,
    ),
    Situation(
        "an IPv6 network that nobody looked at",
        lambda: facility(Facility(name="x", networks=(LAN, "2001:db8::/64"))),
        DOUBT,
        LOOKED,
    ),
    Situation("a second network shows only in an answer", _second_address, DOUBT, LOOKED),
    Situation(
        "the server has been silent for a year", _silent(SERVER, 365), {LEDGER: CANNOT}, frozenset({LEDGER})
    ),
    Situation(
        "the gateway has been silent for 60 days",
        _silent(GATE, 60),
        {LEDGER: CANNOT},
        frozenset({LEDGER, PATCHES}),
    ),
    Situation(
        "the gateway was seen in the future",
        _silent(GATE, -30),
        {PATCHES: CANNOT},
        frozenset({PATCHES, LEDGER, REMOTE}),
    ),
    Situation(
        "an empty ledger that knows nothing",
        lambda: facility(without=(FACILITY, CONFIRMED), devices=(), scans=(), access=()),
        {LEDGER: CANNOT, SOURCES: CANNOT},
        LOOKED,
    ),
    Situation(
        "the facility moved on: everything is 40 days later",
        lambda: facility(now=NOW + timedelta(days=40)),
        {LEDGER: CANNOT, SOURCES: CANNOT},
        LOOKED,
    ),
    Situation(
        "an old access test",
        lambda: facility(
            access=looks("spoke", "refused", "refused", "spoke", start=NOW - timedelta(days=60))
        ),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "an access test in the future",
        lambda: facility(access=looks("spoke", "refused", "refused", "spoke", start=NOW + timedelta(days=2))),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "one vantage only",
        lambda: facility(access=(LIMITED[0], LIMITED[3])),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "silence of the other source only, no control",
        lambda: facility(access=looks("spoke", "nothing", "nothing", "spoke")),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "the pair is an hour apart",
        lambda: facility(access=looks("spoke", "refused", "refused", "spoke", gap=3600)),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "contradicting vantages",
        lambda: facility(access=looks("refused", "spoke", "spoke", "refused")),
        {},
        frozenset({SOURCES}),
    ),
    Situation(
        "reached from a source that is not allowed",
        lambda: facility(access=looks("spoke", "spoke", "spoke", "spoke")),
        {SOURCES: NO},
        frozenset({SOURCES}),
    ),
    Situation("no access test", lambda: facility(access=()), {SOURCES: CANNOT}, frozenset({SOURCES})),
)
