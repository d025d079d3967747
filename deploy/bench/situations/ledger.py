# SPDX-License-Identifier: Apache-2.0
"""A ledger that does not hold what is there, or that nobody looks after."""

from dataclasses import replace
from datetime import date, timedelta
from functools import partial

from collector.case import Case
from deploy.bench.good_facility import GATE, PC, REVIEW, SERVER, facility, hosts
from deploy.bench.made_up import FILLED, NOW, device, scan, typed
from deploy.bench.situations import ASK, CANNOT, LEDGER, NO, PATCHES, SOURCES, Situation
from inventory_db.device import Address
from inventory_db.official import official_row
from inventory_db.stated import Facility, ListedDevice, Review, StockTake

JUST = frozenset({LEDGER})
HALF = scan(state="stopped", finished=100)
NEW = device("new", "192.168.1.66", device_class="pc")


def _listed_for(ago: int) -> Case:
    """Everything was typed that many days ago, and nobody has touched the ledger since."""
    made = facility(without=(REVIEW,))
    old = NOW - timedelta(days=ago)
    rows = tuple(
        official_row(
            one, n, {name: replace(entry, at=old) for name, entry in typed(one.id, **FILLED).items()}
        )
        for n, one in enumerate(made.devices, 1)
    )
    return replace(made, rows=rows)


def _without(column: str, value: str = "") -> Case:
    columns = {name: text for name, text in FILLED.items() if name != column}
    return facility(columns=columns | ({column: value} if value else {}))


def _doubled() -> Case:
    """Two network cards answer at the address of one PC."""
    other = device("double", "192.168.1.20", device_class="pc")
    return facility(devices=(*hosts(), other), filled=(GATE, SERVER, PC))


def _translated() -> Case:
    """A router hides a network of its own behind its address."""
    inner = Address("10.50.0.1", None, "10.50.0.0/24", None, "snmp")
    pc = device(PC, "192.168.1.20", device_class="pc")
    hidden = replace(pc, addresses=(*pc.addresses, inner), forwards=True)
    return facility(Facility(name="x"), devices=hosts(hidden))


SITUATIONS = (
    *(
        Situation(
            f"a stock-take found {found} where the server should stand",
            partial(facility, StockTake(item=SERVER, found=found, on=NOW.date())),
            {LEDGER: CANNOT},
            JUST,
        )
        for found in ("no", "unknown")
    ),
    Situation(
        "a device that nobody listed",
        lambda: facility(devices=(*hosts(), NEW), filled=(GATE, SERVER, PC)),
        {LEDGER: NO},
        JUST,
    ),
    Situation(
        "not listed, seen by a scan that was stopped",
        lambda: facility(devices=(*hosts(), NEW), filled=(GATE, SERVER, PC), scans=(HALF,)),
        {LEDGER: NO},
        frozenset({LEDGER, PATCHES, SOURCES, "all/2-2"}),
    ),
    Situation(
        "not listed, and not seen for 40 days",
        lambda: facility(
            devices=(*hosts(), device("new", "192.168.1.66", days_ago=40)), filled=(GATE, SERVER, PC)
        ),
        {LEDGER: CANNOT},
        JUST,
    ),
    Situation("rows that only the scan made", lambda: facility(filled=()), {LEDGER: CANNOT}, JUST),
    Situation("no place of use anywhere", lambda: _without("設置場所"), {LEDGER: NO}, JUST),
    Situation("places that are only blanks", lambda: _without("設置場所", "　 "), {LEDGER: NO}, JUST),
    Situation("users “unknown”", lambda: _without("利用者", "不明"), {LEDGER: CANNOT}, JUST),
    Situation("users “-”", lambda: _without("利用者", "-"), {LEDGER: CANNOT}, JUST),
    Situation("no state of use", lambda: _without("状態"), {LEDGER: NO}, JUST),
    Situation("no maker", lambda: _without("メーカー"), {LEDGER: CANNOT}, JUST),
    Situation(
        "a listed device that no scan ever saw",
        lambda: facility(ListedDevice(id="r9", cells={**FILLED, "IPアドレス": "192.168.1.99"})),
        {LEDGER: CANNOT},
        frozenset({LEDGER, PATCHES}),
    ),
    Situation(
        "taken off the list, but still answering",
        lambda: facility(
            ListedDevice(id="r1", cells=FILLED, device="new", present=False),
            devices=(*hosts(), NEW),
            filled=(GATE, SERVER, PC),
        ),
        {LEDGER: NO},
        JUST,
    ),
    Situation("two devices at one address", _doubled, {LEDGER: NO}, JUST),
    Situation(
        "a network behind address translation",
        _translated,
        {LEDGER: CANNOT},
        frozenset({LEDGER, PATCHES, SOURCES, "all/2-2"}),
    ),
    Situation(
        "no executive has reviewed the ledger", lambda: facility(without=(REVIEW,)), {LEDGER: ASK}, JUST
    ),
    Situation(
        "reviewed by nobody in particular",
        lambda: facility(Review(subject="ledger", by=" ", on=REVIEW.on)),
        {LEDGER: ASK},
        JUST,
    ),
    Situation(
        "reviewed two years ago",
        lambda: facility(Review(subject="ledger", by="院長", on=date(2022, 10, 1)), without=(REVIEW,)),
        {LEDGER: ASK},
        JUST,
    ),
    Situation(
        "reviewed next year",
        lambda: facility(Review(subject="ledger", by="院長", on=date(2025, 10, 1)), without=(REVIEW,)),
        {LEDGER: ASK},
        JUST,
    ),
    Situation(
        "another thing was reviewed",
        lambda: facility(Review(subject="access_log", by="院長", on=REVIEW.on), without=(REVIEW,)),
        {LEDGER: ASK},
        JUST,
    ),
    Situation(
        "nobody has touched the ledger for two years", lambda: _listed_for(800), {LEDGER: CANNOT}, JUST
    ),
    Situation(
        "a device of unknown kind",
        lambda: facility(devices=(*hosts(), device("x", "192.168.1.77", device_class="unknown"))),
        {PATCHES: CANNOT},
        frozenset({PATCHES}),
        vendor_keeps=frozenset({PATCHES}),
    ),
)
