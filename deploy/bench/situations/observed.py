# SPDX-License-Identifier: Apache-2.0
"""Facilities told as observations: what the scan heard, put together by the real identification."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

from collector.basis import compute_basis
from collector.case import Case
from deploy.bench.good_facility import SAID, knowledge
from deploy.bench.made_up import FILLED, LAN, NOW, VANTAGE, case, scan, typed
from deploy.bench.situations import CANNOT, LEDGER, NO, PATCHES, REMOTE, SOURCES, YES, Situation
from inventory_db.identify import identify
from inventory_db.official import official_row
from inventory_db.stated import Facility
from probes.facts import Fact, FactKind, Observation, Outcome

SEEN = NOW - timedelta(days=1, minutes=30)
SERVER_PATCHES, SERVER_SERVICES = "server/2-7", "server/2-9"
BLIND = frozenset({PATCHES, SOURCES})  # no network device that tells anything
EVERYTHING = BLIND | {LEDGER, REMOTE}
SERVER = {**FILLED, "種別": "server"}


def seen(
    ip: str,
    port: int = 0,
    outcome: Outcome = Outcome.ANSWERED,
    mac: str = "",
    later: timedelta = timedelta(),
    **facts: str,
) -> Observation:
    """Make one observation; without a port it is an ARP reply."""
    told = tuple(Fact(FactKind[kind], value) for kind, value in facts.items())
    if not port:
        told = (Fact(FactKind.MAC, mac), Fact(FactKind.ADDRESS, ip), *told)
    return Observation(
        scan="s1",
        vantage="v",
        at=SEEN + later,
        probe="tcp" if port else "packets.arp",
        address=ip,
        mac=mac,
        network=LAN,
        port=port,
        transport="tcp" if port else "arp",
        outcome=outcome,
        facts=told,
    )


def facility_of(
    observations: Iterable[Observation], unlisted: Iterable[str] = (), networks: tuple[str, ...] = (LAN,)
) -> Callable[[], Case]:
    """Give a facility in which everything that was identified is filled in, but for some MACs."""
    heard, left_out = tuple(observations), set(unlisted)

    def build() -> Case:
        devices = identify(heard, [VANTAGE])
        listed = [one for one in devices if left_out.isdisjoint(a.mac or "" for a in one.addresses)]
        said = {one.KIND + one.key: one for one in (*SAID, Facility(name="東山台病院", networks=networks))}
        made = case(*said.values(), devices=devices, filled=[one.id for one in listed])
        rows = tuple(
            official_row(one, n, typed(one.id, **SERVER) if one in listed else {})
            for n, one in enumerate(devices, 1)
        )
        kinds = tuple(replace(one, device_class="server") for one in devices)
        basis = compute_basis((scan(),), networks, kinds, (VANTAGE,), NOW)
        return replace(made, devices=kinds, rows=rows, basis=basis, knowledge=knowledge())

    return build


ONE, TWO, THREE = "00:50:56:00:00:01", "00:50:56:00:00:02", "00:50:56:00:00:03"
HOST = seen("192.168.1.10", mac=ONE)
DROPPED = [seen("192.168.1.10", port, Outcome.SILENT) for port in (22, 80, 443, 445, 3389)]
HELD_BACK = [seen("192.168.1.10", port, Outcome.HELD_BACK) for port in (22, 80, 443)]
OUR_FAULT = [seen("192.168.1.10", port, Outcome.OUR_FAULT) for port in (22, 80, 443)]
LIES = [
    seen("192.168.1.10", 22, SSH_BANNER="SSH-2.0-OpenSSH_9.9p1"),
    seen("192.168.1.10", 8022, SSH_BANNER="SSH-2.0-OpenSSH_4.3"),
    seen("192.168.1.10", 161, SNMP_SYSDESCR="Linux old 2.6.18 #1 SMP"),
]
HOSTILE = [seen("192.168.1.10", 80, SERVICE="http", HTTP_TITLE="<script>\u202e=cmd|' /C calc'!A0" * 20)]
TRANSLATES = [seen("192.168.1.10", 161, INTERFACE_ADDRESS="2 10.50.0.1/24", FORWARDING="yes")]
SOON = timedelta(days=4)

SITUATIONS = (
    Situation("heard: one server, listed", facility_of([HOST]), {LEDGER: YES}, BLIND),
    Situation(
        "heard: a firewall drops everything of ours",
        facility_of([HOST, *DROPPED]),
        {SERVER_PATCHES: CANNOT},
        BLIND | {SERVER_SERVICES},
    ),
    Situation("heard: we held back", facility_of([HOST, *HELD_BACK]), {SERVER_PATCHES: CANNOT}, BLIND),
    Situation("heard: we failed", facility_of([HOST, *OUR_FAULT]), {SERVER_PATCHES: CANNOT}, BLIND),
    Situation("heard: banners that contradict", facility_of([HOST, *LIES]), {}, BLIND | {SERVER_PATCHES}),
    Situation("heard: hostile words", facility_of([HOST, *HOSTILE]), {}, BLIND),
    Situation(
        "heard: two cards at one address",
        facility_of([HOST, seen("192.168.1.10", mac=TWO)], unlisted=[TWO]),
        {LEDGER: NO},
        BLIND | {LEDGER},
    ),
    Situation(
        "heard: a card at an address that the list does not know",
        facility_of([HOST, seen("192.168.1.30", mac=THREE)], unlisted=[THREE]),
        {LEDGER: NO},
        BLIND | {LEDGER},
    ),
    Situation(
        "heard: a second network behind the host",
        facility_of([HOST, *TRANSLATES], networks=()),
        {LEDGER: CANNOT},
        EVERYTHING,
    ),
    Situation(
        "heard: an agent whose clock is days ahead",
        facility_of([seen("192.168.1.10", mac=ONE, later=SOON)]),
        {LEDGER: CANNOT},
        EVERYTHING,
    ),
    Situation("heard: nothing at all", facility_of([]), {LEDGER: CANNOT}, EVERYTHING),
    Situation(
        "heard: only silence",
        facility_of([seen("192.168.1.10", 22, Outcome.SILENT), seen("192.168.1.11", 22, Outcome.SILENT)]),
        {LEDGER: CANNOT},
        EVERYTHING,
    ),
)
