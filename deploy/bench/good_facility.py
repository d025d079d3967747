# SPDX-License-Identifier: Apache-2.0
"""A made-up facility where はいを支持 is deserved: everything seen, listed, confirmed, limited and mended."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from collector.advisories.knowledge import Feed, Knowledge
from collector.advisories.shipped import shipped_knowledge
from collector.case import Case
from deploy.bench.made_up import FILLED, HELD, LAN, NOW, case, device, path, service
from inventory_db.device import Confidence, Device
from inventory_db.stated import (
    AccessLimit,
    Confirmation,
    Document,
    Facility,
    RemoteAccess,
    Review,
    Statement,
    Vendor,
)
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Sure

MENDED = "v7.6.6"
AS_OF = "2024-11-20"
GATE, SERVER, PC = "gw", "sv", "pc"
FACILITY = Facility(name="東山台病院", has_system=True, networks=(LAN,))
VENDOR = Vendor(id="a", name="A社", devices=(GATE,))
DECLARED = RemoteAccess(id="vpn", vendor="a", device=GATE, means="ssl_vpn", port=443)
CONFIRMED = Confirmation(
    vendor="a", path="vpn", state="confirmed", by="保守担当", on=date(2024, 10, 1), evidence="接続申請書"
)
REVIEW = Review(subject="ledger", by="院長", on=date(2024, 10, 15))
DISCLOSURE = Document(id="mds", type="mds", vendor="a", version="5", on=date(2024, 4, 1), attachments=(HELD,))
CHART = Document(id="chart", type="contact_chart", on=date(2024, 4, 1), attachments=(HELD,))
PLAN = Document(id="bcp", type="bcp", on=date(2024, 4, 1), attachments=(HELD,))
WIRELESS = AccessLimit(
    place="院内 LAN", limited=True, how="IEEE 802.1X", by="鈴木", on=date(2024, 11, 1), attachments=(HELD,)
)
SAID: tuple[Statement, ...] = (
    FACILITY,
    VENDOR,
    DECLARED,
    CONFIRMED,
    REVIEW,
    DISCLOSURE,
    CHART,
    PLAN,
    WIRELESS,
)


def gateway(version: str | None = MENDED, *, sure: Sure = Sure.SURE, **given: Any) -> Device:
    """Make the FortiGate with its SSL-VPN."""
    told = {"maker": "Fortinet", "model": "FortiGate 60F", "os": "FortiOS", "firmware_version": version}
    confidence = {name: Confidence(sure, "", "", ("gw-o1",)) for name, value in told.items() if value}
    fields: dict[str, Any] = {
        "device_class": "gateway",
        "remote_paths": (path("ssl_vpn", 443, GATE),),
        "services": (service(443, "https"),),
        "confidence": confidence,
    }
    return device(GATE, "192.168.1.1", **(fields | told | given))


def hosts(*changed: Device) -> tuple[Device, ...]:
    """Give the facility's devices, those of the same id replaced."""
    found = {
        GATE: gateway(),
        SERVER: device(SERVER, "192.168.1.10"),
        PC: device(PC, "192.168.1.20", device_class="pc"),
    }
    return tuple((found | {one.id: one for one in changed}).values())


def knowledge(as_of: str = AS_OF) -> Knowledge:
    """Give what ships, made fresh and whole for FortiOS as an imported feed would."""
    shipped = shipped_knowledge()
    weaknesses = tuple(
        msgspec.structs.replace(one, confirmed=True, fixed_confirmed=True, as_of=as_of)
        for one in shipped.weaknesses
        if one.decidable and not any(fix.words for fix in one.fixed)
    )
    lifecycles = {key: msgspec.structs.replace(one, as_of=as_of) for key, one in shipped.lifecycles.items()}
    feeds = (
        Feed(kind="kev", title="KEV", as_of=as_of, covers=("fortios",)),
        Feed(kind="endoflife", title="endoflife.date", as_of=as_of),
    )
    return replace(shipped, weaknesses=weaknesses, lifecycles=lifecycles, feeds=feeds)


def look(role: str, reach: str, second: float, *, start: datetime = NOW - timedelta(days=1)) -> Observation:
    """Make one look of an access test at the gateway's 443/tcp."""
    source = {"allowed": "192.168.1.10", "not_allowed": "192.168.1.250"}[role]
    outcomes = {"spoke": Outcome.ANSWERED, "nothing": Outcome.SILENT, "refused": Outcome.REFUSED}
    return Observation(
        scan="a1",
        vantage="v",
        at=start + timedelta(seconds=second),
        probe="access",
        address="192.168.1.1",
        network=LAN,
        port=443,
        transport="tcp",
        outcome=outcomes[reach],
        facts=(
            Fact(FactKind.ACCESS_PAIR, "p1"),
            Fact(FactKind.ACCESS_SOURCE, role),
            Fact(FactKind.ACCESS_FROM, f"{source} 00:15:17:00:00:01 ordinary"),
            Fact(FactKind.ACCESS_REACH, reach),
        ),
    )


def looks(
    *reaches: str, start: datetime = NOW - timedelta(days=1), gap: float = 3.0
) -> tuple[Observation, ...]:
    """Make a whole access test: allowed, not allowed twice, allowed again."""
    roles = ("allowed", "not_allowed", "not_allowed", "allowed")
    return tuple(
        look(role, reach, gap * place, start=start)
        for place, (role, reach) in enumerate(zip(roles, reaches, strict=True))
    )


LIMITED = looks("spoke", "refused", "refused", "spoke")


def facility(
    *more: Statement,
    without: Iterable[Statement] = (),
    devices: Iterable[Device] | None = None,
    access: tuple[Observation, ...] = LIMITED,
    scans: tuple[Scan, ...] | None = None,
    filled: Iterable[str] | None = None,
    columns: dict[str, str] = FILLED,
    now: datetime = NOW,
    known: Knowledge | None = None,
) -> Case:
    """Give the good facility; statements of the same key are replaced, those of `without` left out."""
    left_out = tuple(without)
    said = {(one.KIND, one.key): one for one in (*SAID, *more) if one not in left_out}
    made = case(
        *said.values(),
        devices=hosts() if devices is None else devices,
        access=access,
        scans=scans,
        filled=filled,
        columns=columns,
        now=now,
    )
    return replace(made, knowledge=known or knowledge())
