# SPDX-License-Identifier: Apache-2.0
"""Devices that lie, keep silent, or tell what nobody can compare."""

from dataclasses import replace
from datetime import date
from typing import Any

import msgspec

from collector.case import Case
from deploy.bench.good_facility import GATE, MENDED, PC, SERVER, facility, gateway, hosts, knowledge
from deploy.bench.made_up import FILLED, HELD, device, scan, service
from deploy.bench.situations import ASK, CANNOT, LEDGER, NO, PATCHES, REMOTE, SOURCES, YES, Situation
from inventory_db.device import Confidence, Device
from inventory_db.stated import Approval, Document, Mitigation, Statement
from probes.facts import Sure

JUST = frozenset({PATCHES})
OLD = "v7.4.2,build2571,231219 (GA.F)"
SERVER_PATCHES, PC_PATCHES = "server/2-7", "pc/2-7"
SERVER_SERVICES = "server/2-9"
REMEDY = Mitigation(
    device=GATE, advisory="CVE-2024-21762", vendor="a", says="対処済み", by="保守", on=date(2024, 10, 1)
)
TELNET = Approval(device=SERVER, port=23, reason="検査装置の保守", approver="院長", until=date(2025, 3, 31))


def _gateway(version: str | None, **given: Any) -> Case:
    return facility(devices=hosts(gateway(version, **given)))


def _liar() -> Case:
    """The banner says one version, the device's own SNMP another."""
    told = gateway()
    doubt = Confidence(Sure.SURE, "", "", ("gw-o1",), ("v7.4.1",))
    return facility(devices=hosts(replace(told, confidence={**told.confidence, "firmware_version": doubt})))


def _server(**given: Any) -> Case:
    return facility(devices=hosts(device(SERVER, "192.168.1.10", **given)))


def _windows(build: str, name: str) -> Device:
    sure = Confidence(Sure.SURE, "", "", ("pc-o1",))
    return device(
        PC,
        "192.168.1.20",
        device_class="pc",
        os=name,
        os_version=build,
        confidence={"os": sure, "os_version": sure},
    )


def _telnet(*said: Approval) -> Case:
    open_ports = (service(23, "telnet"), service(445, "smb"))
    return facility(*said, devices=hosts(device(SERVER, "192.168.1.10", services=open_ports)))


def _approved(**given: Any) -> Case:
    fields: dict[str, Any] = {
        "device": SERVER,
        "port": 23,
        "reason": "保守",
        "approver": "院長",
        "until": date(2025, 3, 31),
    }
    return _telnet(Approval(**(fields | given)))


SSH = device(SERVER, "192.168.1.10", services=(service(22, "ssh"),))
INVENTORY = Document(id="inv", type="service_inventory", on=date(2024, 10, 1), attachments=(HELD,))


def _inventoried(*said: Statement, server: Device = SSH, **given: Any) -> Case:
    """A server with one expected listener, and the list of what runs on it."""
    return facility(msgspec.structs.replace(INVENTORY, **given), *said, devices=hosts(server))


def _typed(version: str, told: str | None) -> Case:
    """A person typed a version, whatever the gateway tells itself."""
    return facility(devices=hosts(gateway(told)), columns={**FILLED, "ソフトウェアバージョン": version})


SITUATIONS = (
    Situation("a version that attackers use", lambda: _gateway(OLD), {PATCHES: NO}, JUST),
    Situation(
        "the same, in a scan of 40 days ago",
        lambda: facility(devices=hosts(gateway(OLD, days_ago=40)), scans=(scan(days_ago=40),)),
        {PATCHES: CANNOT},
        frozenset({PATCHES, LEDGER, REMOTE, SOURCES}),
    ),
    Situation(
        "the same, in a scan that was stopped",
        lambda: facility(devices=hosts(gateway(OLD)), scans=(scan(state="stopped", finished=9),)),
        {PATCHES: NO},
        frozenset({PATCHES, LEDGER, REMOTE, SOURCES}),
    ),
    Situation(
        "the same, and a vendor says “dealt with”",
        lambda: facility(REMEDY, devices=hosts(gateway(OLD))),
        {},
        JUST,
    ),
    Situation(
        "the same, with a remedy that ran out",
        lambda: facility(
            Mitigation(
                device=GATE,
                advisory="CVE-2024-21762",
                vendor="a",
                says="対処済み",
                by="保守",
                on=date(2024, 1, 1),
                until=date(2024, 6, 30),
            ),
            devices=hosts(gateway(OLD)),
        ),
        {PATCHES: NO},
        JUST,
    ),
    Situation("no version told", lambda: _gateway(None), {PATCHES: CANNOT}, JUST),
    Situation(
        "a version that is only guessed", lambda: _gateway("v7.6.6", sure=Sure.GUESS), {PATCHES: CANNOT}, JUST
    ),
    Situation("a version of an unknown scheme", lambda: _gateway("3.25B-β/改2"), {PATCHES: CANNOT}, JUST),
    Situation("a branch instead of a version", lambda: _gateway("v7.6"), {PATCHES: CANNOT}, JUST),
    Situation(
        "an interim build", lambda: _gateway("v7.6.6,build0022,220323 (Interim)"), {PATCHES: CANNOT}, JUST
    ),
    Situation("a version from the future", lambda: _gateway("v99.1.1"), {}, JUST),
    Situation("a hostile version", lambda: _gateway("7.6.6\x1b[2J" + "9" * 500), {}, JUST),
    Situation(
        "an unknown maker",
        lambda: _gateway("v7.6.6", maker="無名電機", model="X1", os=None),
        {PATCHES: CANNOT},
        JUST,
    ),
    Situation("a gateway that says two things", _liar, {}, JUST),
    Situation(
        "data that is a year old", lambda: facility(known=knowledge("2023-11-20")), {PATCHES: CANNOT}, JUST
    ),
    Situation(
        "data from the future", lambda: facility(known=knowledge("2031-01-01")), {PATCHES: CANNOT}, JUST
    ),
    Situation(
        "a second network device that tells nothing",
        lambda: facility(devices=(*hosts(), device("sw", "192.168.1.2", device_class="network"))),
        {PATCHES: CANNOT, SOURCES: CANNOT},
        frozenset({PATCHES, SOURCES}),
        vendor_keeps=frozenset({PATCHES, SOURCES}),
    ),
    Situation(
        "an ambiguous Windows build",
        lambda: facility(devices=hosts(_windows("10.0.17763", "Windows 10 1809 / Windows Server 2019"))),
        {PC_PATCHES: CANNOT},
        frozenset({PC_PATCHES}),
    ),
    Situation(
        "a Windows that has ended",
        lambda: facility(devices=hosts(_windows("6.1.7601", "Windows 7"))),
        {},
        frozenset({PC_PATCHES}),
    ),
    Situation(
        "a host behind a firewall that drops only us",
        lambda: _server(services=()),
        {SERVER_PATCHES: CANNOT},
        frozenset({SERVER_SERVICES, SERVER_PATCHES}),
    ),
    Situation(
        "a host that held back our questions",
        lambda: _server(services=(), device_class="medical"),
        {SERVER_PATCHES: CANNOT},
        frozenset({SERVER_SERVICES, SERVER_PATCHES}),
    ),
    Situation("telnet on the server", _telnet, {}, frozenset({SERVER_SERVICES})),
    Situation(
        "telnet, with an approval that ran out",
        lambda: _approved(until=date(2024, 6, 30)),
        {},
        frozenset({SERVER_SERVICES}),
    ),
    Situation(
        "telnet, approved without a reason", lambda: _approved(reason=" "), {}, frozenset({SERVER_SERVICES})
    ),
    Situation("telnet, approved by nobody", lambda: _approved(approver=""), {}, frozenset({SERVER_SERVICES})),
    Situation("telnet, another port approved", lambda: _approved(port=22), {}, frozenset({SERVER_SERVICES})),
    Situation(
        "telnet, another device approved", lambda: _approved(device=PC), {}, frozenset({SERVER_SERVICES})
    ),
    Situation(
        "telnet, approved: the background stays unseen",
        lambda: _telnet(TELNET),
        {},
        frozenset({SERVER_SERVICES}),
    ),
    Situation(
        "expected listeners, and the list of what runs",
        _inventoried,
        {SERVER_SERVICES: YES},
        frozenset(),
        earns=frozenset({SERVER_SERVICES}),
    ),
    Situation(
        "the list of what runs, without its file",
        lambda: _inventoried(attachments=()),
        {SERVER_SERVICES: ASK},
        frozenset(),
    ),
    Situation(
        "a list of what runs of two years ago",
        lambda: _inventoried(on=date(2022, 1, 1)),
        {SERVER_SERVICES: ASK},
        frozenset(),
    ),
    Situation(
        "a list of what runs, from the future",
        lambda: _inventoried(on=date(2025, 3, 1)),
        {SERVER_SERVICES: ASK},
        frozenset(),
    ),
    Situation(
        "the list of what runs, and telnet",
        lambda: _inventoried(
            server=device(SERVER, "192.168.1.10", services=(service(22, "ssh"), service(23, "telnet")))
        ),
        {},
        frozenset(),
    ),
    Situation(
        "the list of what runs, and a host that tells nothing",
        lambda: _inventoried(server=device(SERVER, "192.168.1.10")),
        {SERVER_SERVICES: CANNOT},
        frozenset(),
    ),
    Situation(
        "the list of what runs, and an unknown listener",
        lambda: _inventoried(server=device(SERVER, "192.168.1.10", services=(service(31337, "unknown"),))),
        {},
        frozenset(),
    ),
    Situation(
        "a typed version where the device tells none", lambda: _typed("7.6.6", None), {PATCHES: CANNOT}, JUST
    ),
    Situation("a typed version that is newer than the told one", lambda: _typed("7.6.6", OLD), {}, JUST),
    Situation(
        "a typed version that is older than the one the device itself tells",
        lambda: _typed("7.4.2", MENDED),
        {},
        frozenset(),
    ),
)
