# SPDX-License-Identifier: Apache-2.0
"""Words that say nothing, words on other people's matters, and settings that look like a limit and are none."""

from datetime import date
from functools import partial
from typing import Any

import msgspec

from collector.case import Case
from deploy.bench.good_facility import CHART, CONFIRMED, GATE, PC, SERVER, facility, hosts
from deploy.bench.made_up import FILLED, HELD, LAN, device, scan, service
from deploy.bench.situations import ASK, CANNOT, LEDGER, PATCHES, REMOTE, SOURCES, YES, Situation
from inventory_db.device import DualHomed
from inventory_db.stated import Approval, Configuration, Document, Facility, ListedDevice, Vendor

JUST, SCANS = frozenset({REMOTE}), frozenset({LEDGER, REMOTE, PATCHES, SOURCES})
OTHER = Vendor(id="b", name="B社", devices=(SERVER, PC))
OTHER_MDS = Document(id="mds-b", type="mds", vendor="b", on=date(2024, 4, 1), attachments=(HELD,))
ROUTER = ListedDevice(
    id="r1", cells=FILLED | {"コンピュータ名": "RT", "種別": "ルータ", "IPアドレス": "10.9.9.1"}
)
INVENTORY = Document(id="inv", type="service_inventory_pc", on=date(2024, 10, 1), attachments=(HELD,))
PC_SERVICES = "pc/2-9"


def _confirmed(**given: object) -> Case:
    return facility(msgspec.structs.replace(CONFIRMED, **given))


def _configured(vpn: str = "203.0.113.7", **said: Any) -> Case:
    """Give the facility with a configuration of its gateway instead of a test."""
    reading = {"whole": True, "vpn": [{"kind": "ssl_vpn", "peer": vpn, "line": 3}]} | said
    kept = Configuration(device=GATE, file="fw.conf", sha256="0" * 64, on=date(2024, 11, 1), reading=reading)
    return facility(kept, access=())


def _typed(word: str) -> Case:
    return facility(columns=FILLED | {"利用者": word})


def _approved() -> Case:
    """A viewer's port on a PC, with an inventory, approved by nobody for nothing."""
    pc = device(PC, "192.168.1.20", device_class="pc", services=(service(5900, "vnc"),))
    approval = Approval(device=PC, port=5900, reason="なし", approver="-", until=date(2025, 3, 31))
    return facility(INVENTORY, approval, devices=hosts(pc))


def _left_out_behind_ipv6() -> Case:
    """100 addresses on the never-list, and as many IPv6 addresses that make up for them in the count."""
    return facility(scans=(scan(scope=(LAN, "fd00::/120"), planned=409, finished=409),))


def _second_foot() -> Case:
    other = DualHomed((LAN, "10.50.0.0/24"), ())
    return facility(devices=hosts(device(SERVER, "192.168.1.10", dual_homed=other)))


SITUATIONS = (
    *(
        Situation(f"words: the evidence of a confirmation is {word!r}", build, {REMOTE: CANNOT}, JUST)
        for word, build in (
            (word, partial(_confirmed, evidence=word)) for word in ("なし", "特になし", "口頭", "\u3164")
        )
    ),
    Situation(
        "words: corrected, but not how",
        lambda: _confirmed(state="corrected"),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "words: a second vendor speaks of the first one's path only",
        lambda: facility(OTHER, OTHER_MDS, msgspec.structs.replace(CONFIRMED, vendor="b")),
        {REMOTE: CANNOT},
        JUST,
        vendor_keeps=JUST,
    ),
    *(
        Situation(
            f"words: a column of the ledger says {word!r}",
            partial(_typed, word),
            {LEDGER: CANNOT},
            frozenset({LEDGER}),
        )
        for word in ("要確認", "確認中", "TBD", "…", "\u200b")
    ),
    Situation(
        "words: a contact chart of 2001 without an end",
        lambda: facility(msgspec.structs.replace(CHART, on=date(2001, 4, 1))),
        {"organisation/3-1": ASK},
        frozenset({"organisation/3-1"}),
    ),
    Situation("words: approved for no reason", _approved, {PC_SERVICES: ASK}, frozenset()),
    Situation(
        "networks: only one host is stated, and others are seen",
        lambda: facility(
            Facility(name="東山台病院", has_system=True, networks=("192.168.1.1/32",)),
            scans=(scan(scope=("192.168.1.1/32",), planned=1, finished=1),),
        ),
        {LEDGER: CANNOT},
        SCANS,
    ),
    Situation(
        "networks: a guest's telephone on a network that nobody stated",
        lambda: facility(
            devices=(*hosts(), device("guest", "10.9.9.5", device_class="phone")), filled=(GATE, SERVER, PC)
        ),
        {LEDGER: CANNOT},
        SCANS,
    ),
    Situation("networks: a second foot on one that nobody scanned", _second_foot, {LEDGER: CANNOT}, SCANS),
    Situation(
        "networks: IPv6 addresses hide what was left out", _left_out_behind_ipv6, {LEDGER: CANNOT}, SCANS
    ),
    Situation(
        "networks: a listed router that no scan has seen",
        lambda: facility(ROUTER),
        {LEDGER: CANNOT, SOURCES: CANNOT, PATCHES: CANNOT},
        frozenset({LEDGER, SOURCES, PATCHES}),
        vendor_keeps=frozenset({SOURCES}),
    ),
    Situation(
        "networks: listed and never seen, with an inventory of PCs",
        lambda: facility(ROUTER, INVENTORY),
        {PC_SERVICES: CANNOT},
        frozenset({LEDGER, SOURCES, PATCHES}),
        vendor_keeps=frozenset({SOURCES}),
    ),
    Situation(
        "networks: a silent device of unknown class",
        lambda: facility(devices=(*hosts(), device("x", "192.168.1.9", device_class="unknown"))),
        {SOURCES: CANNOT},
        frozenset({SOURCES, PATCHES}),
        vendor_keeps=frozenset({SOURCES, PATCHES}),
    ),
    Situation("settings: the one peer of the VPN", _configured, {SOURCES: YES}, frozenset()),
    *(
        Situation(
            f"settings: the peer of the VPN is {peer}",
            partial(_configured, peer),
            {SOURCES: CANNOT},
            frozenset({SOURCES}),
        )
        for peer in ("0.0.0.0", "::/0")
    ),
    Situation(
        "settings: they are those of another maker's device",
        lambda: _configured(device={"maker": "Yamaha"}),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "settings: they are the maker's own",
        lambda: _configured(device={"maker": "Fortinet"}),
        {SOURCES: YES},
        frozenset(),
    ),
    Situation(
        "settings: nobody says when they were taken",
        lambda: _configured(day_guessed=True),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
)
