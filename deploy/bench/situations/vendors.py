# SPDX-License-Identifier: Apache-2.0
"""Vendors that claim, deny, forget, or whose word has run out; documents that cannot be shown."""

from dataclasses import replace
from datetime import date

import msgspec

from collector.case import Case
from deploy.bench.good_facility import (
    CHART,
    CONFIRMED,
    DECLARED,
    DISCLOSURE,
    FACILITY,
    PC,
    PLAN,
    VENDOR,
    WIRELESS,
    facility,
    gateway,
    hosts,
)
from deploy.bench.made_up import HELD, LAN, device, path
from deploy.bench.situations import ASK, CANNOT, NO, NONE, REMOTE, SOURCES, YES, Situation
from inventory_db.device import DualHomed
from inventory_db.stated import AccessLimit, Confirmation, Document, Facility, RemoteAccess, Vendor

JUST = frozenset({REMOTE})
MDS, CHARTS, PLANS = "all/2-3", "organisation/3-1", "organisation/3-3"
OTHER = Vendor(id="b", name="B社", devices=(PC,))
OTHER_MDS = Document(id="mds-b", type="sds", vendor="b", on=date(2024, 4, 1), attachments=(HELD,))
ROUTER = RemoteAccess(id="sim", vendor="a", means="mobile_router", where="MR 室")
ROUTER_OK = msgspec.structs.replace(CONFIRMED, path="sim")


def _confirmed(**given: object) -> Case:
    return facility(msgspec.structs.replace(CONFIRMED, **given))


def _instead(said: Confirmation) -> Case:
    return facility(said, without=(CONFIRMED,))


def _document(document: Document, **given: object) -> Case:
    return facility(msgspec.structs.replace(document, **given))


def _two_feet() -> Case:
    pc = device(PC, "192.168.1.20", device_class="pc")
    return facility(devices=hosts(replace(pc, dual_homed=DualHomed((LAN, "192.168.9.0/24"), ()))))


def _quiet_gateway() -> Case:
    """Nothing is found at all: a tool that only dials out has no listener."""
    quiet = gateway(remote_paths=())
    return facility(without=(DECLARED, CONFIRMED), devices=hosts(quiet))


def _path_on_pc(days_ago: float = 1) -> Case:
    tool = device(
        PC,
        "192.168.1.20",
        device_class="pc",
        days_ago=days_ago,
        remote_paths=(path("remote_tool", 5938, PC),),
    )
    return facility(devices=hosts(tool))


SITUATIONS = (
    Situation("a vendor's claim without evidence", lambda: _confirmed(evidence=""), {REMOTE: CANNOT}, JUST),
    Situation("evidence that is only blanks", lambda: _confirmed(evidence=" 　\t"), {REMOTE: CANNOT}, JUST),
    Situation(
        "evidence whose file is not there",
        lambda: _confirmed(evidence="", attachments=("0" * 64,)),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "evidence as a file", lambda: _confirmed(evidence="", attachments=(HELD,)), {REMOTE: YES}, frozenset()
    ),
    Situation(
        "a confirmation that ran out yesterday",
        lambda: _confirmed(valid_until=date(2024, 11, 28)),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "a confirmation of two years ago, without an end",
        lambda: _confirmed(on=date(2022, 10, 1)),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "a confirmation dated in the future", lambda: _confirmed(on=date(2025, 4, 1)), {REMOTE: CANNOT}, JUST
    ),
    Situation("a confirmation by nobody", lambda: _confirmed(by=" "), {REMOTE: CANNOT}, JUST),
    Situation("a confirmation of an unknown word", lambda: _confirmed(state="OK"), {REMOTE: CANNOT}, JUST),
    Situation(
        "a confirmation that was taken back", lambda: facility(without=(CONFIRMED,)), {REMOTE: CANNOT}, JUST
    ),
    Situation(
        "a confirmation of another vendor's path",
        lambda: _instead(msgspec.structs.replace(CONFIRMED, vendor="b")),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "a confirmation of a path that is not there",
        lambda: _instead(msgspec.structs.replace(CONFIRMED, path="vpn9")),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation("the vendor denies what was found", lambda: _confirmed(state="denied"), {REMOTE: NO}, JUST),
    Situation(
        "“we use none”, and one is found",
        lambda: _instead(msgspec.structs.replace(CONFIRMED, path="none", state="none_in_use")),
        {REMOTE: NO},
        JUST,
    ),
    Situation(
        "no vendor is stated",
        lambda: facility(without=(VENDOR,)),
        {REMOTE: CANNOT, MDS: ASK},
        frozenset({REMOTE, MDS}),
    ),
    Situation(
        "a second vendor was never asked",
        lambda: facility(OTHER, OTHER_MDS),
        {REMOTE: CANNOT},
        JUST,
        vendor_keeps=JUST,
    ),
    Situation("found, and declared by nobody", _path_on_pc, {REMOTE: NO}, JUST, vendor_keeps=JUST),
    Situation(
        "found long ago, and declared by nobody",
        lambda: _path_on_pc(days_ago=50),
        {REMOTE: CANNOT},
        frozenset({REMOTE, "all/2-1"}),
        vendor_keeps=JUST,
    ),
    Situation("nothing found, nobody asked", _quiet_gateway, {REMOTE: CANNOT}, JUST),
    Situation(
        "another port than declared",
        lambda: facility(msgspec.structs.replace(DECLARED, port=10443)),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation(
        "another kind than declared",
        lambda: facility(msgspec.structs.replace(DECLARED, means="ipsec")),
        {REMOTE: CANNOT},
        JUST,
    ),
    Situation("a SIM router that nobody confirmed", lambda: facility(ROUTER), {REMOTE: CANNOT}, JUST),
    Situation(
        "a SIM router that its vendor confirmed",
        lambda: facility(ROUTER, ROUTER_OK),
        {REMOTE: YES},
        frozenset(),
    ),
    Situation("two networks on one PC, not declared", _two_feet, {REMOTE: CANNOT}, JUST, vendor_keeps=JUST),
    Situation(
        "an MDS that is only stated",
        lambda: _document(DISCLOSURE, attachments=()),
        {MDS: ASK},
        frozenset({MDS}),
    ),
    Situation(
        "an MDS that ran out",
        lambda: _document(DISCLOSURE, valid_until=date(2024, 9, 30)),
        {MDS: ASK},
        frozenset({MDS}),
    ),
    Situation(
        "an MDS of another vendor", lambda: _document(DISCLOSURE, vendor="b"), {MDS: ASK}, frozenset({MDS})
    ),
    Situation(
        "an MDS from the future",
        lambda: _document(DISCLOSURE, on=date(2025, 1, 1)),
        {MDS: ASK},
        frozenset({MDS}),
    ),
    Situation(
        "a chart whose file is gone",
        lambda: _document(CHART, attachments=("1" * 64,)),
        {CHARTS: ASK},
        frozenset({CHARTS}),
    ),
    Situation(
        "a chart from the future",
        lambda: _document(CHART, on=date(2025, 4, 1)),
        {CHARTS: ASK},
        frozenset({CHARTS}),
    ),
    Situation(
        "a plan that ran out",
        lambda: _document(PLAN, valid_until=date(2024, 3, 31)),
        {PLANS: ASK},
        frozenset({PLANS}),
    ),
    Situation(
        "another document than the plan",
        lambda: _document(PLAN, type="rules"),
        {PLANS: ASK},
        frozenset({PLANS}),
    ),
    Situation(
        "a vendor without devices in its care", lambda: facility(Vendor(id="a", name="A社")), {}, frozenset()
    ),
    Situation(
        "no contract at all",
        lambda: facility(
            Facility(name="x", networks=(LAN,), has_vendor_contract=False), without=(VENDOR, FACILITY)
        ),
        {REMOTE: NONE, MDS: NONE},
        frozenset({REMOTE, MDS}),
    ),
    Situation(
        "nobody stated a limit of MAC addresses",
        lambda: facility(without=(WIRELESS,)),
        {SOURCES: CANNOT},
        frozenset({SOURCES}),
    ),
    Situation(
        "MAC addresses are not limited",
        lambda: facility(AccessLimit(place="院内 LAN", limited=False, by="鈴木", on=date(2024, 11, 1))),
        {},
        frozenset({SOURCES}),
    ),
    Situation(
        "a limit of MAC addresses, only claimed",
        lambda: facility(msgspec.structs.replace(WIRELESS, how="", attachments=())),
        {},
        frozenset({SOURCES}),
    ),
)
