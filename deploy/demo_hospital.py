# SPDX-License-Identifier: Apache-2.0
"""A hospital that does not exist, to look at the pages with: the virtual hospital as it was once scanned.

The recorded scan becomes last night's. The one of a week before is the same scan as if two machines had not been
there yet and another still was, so that the pages have something new and something gone silent to tell.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from msgspec import structs
from sqlalchemy import Connection

from deploy.demo_recording import recorded
from inventory_db import observations, statements
from inventory_db.device import Device
from inventory_db.facilities import FIRST, find_facility, rename_facility
from inventory_db.ledger import devices, edit_all, refresh
from inventory_db.listed_ledger import number_listed
from inventory_db.stated import (
    Confirmation,
    DeclaredDual,
    Facility,
    ListedDevice,
    RemoteAccess,
    Statement,
    Vendor,
)
from probes.facts import FactKind, Observation, Outcome, Upload

NAME = "見本の病院（架空）"
WHO = "見本"
NETWORKS = ("10.20.1.0/24", "10.20.2.0/24", "10.20.3.0/24")
_NEW = frozenset(("10.20.1.60", "10.20.3.102"))  # SoftEther, a PC with VNC: not there a week before
_GONE = frozenset(("10.20.1.150",))  # a PC: not there last night
_SWEEP = ("arp request", "icmp echo")  # what an address gets where nobody answers
# A machine counts its seconds on; in a copy of one scan they would stand still, as those of a cloned machine do.
_COUNTING = (FactKind.SNMP_ENGINE_BOOTS, FactKind.SNMP_ENGINE_TIME, FactKind.SNMP_UPTIME)
# 設置場所, 利用者 as somebody typed them, by address
_TYPED = {
    "10.20.1.1": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.2": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.5": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.10": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.11": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.12": ("サーバ室", "医療情報室 佐藤"),
    "10.20.1.20": ("検査室", "臨床検査科 高橋"),
    "10.20.1.30": ("医事課", "医事課 伊藤"),
    "10.20.1.80": ("1階受付", "医事課 伊藤"),
    "10.20.1.101": ("外来1診", "看護部 渡辺"),
    "10.20.1.102": ("外来2診", "看護部 渡辺"),
    "10.20.1.254": ("サーバ室", "医療情報室 佐藤"),
    "10.20.2.10": ("放射線科", "放射線科 山本"),
    "10.20.2.11": ("放射線科", "放射線科 山本"),
    "10.20.2.21": ("CT室", "放射線科 山本"),
    "10.20.3.10": ("事務室", "総務課 中村"),
}


def fill(connection: Connection, now: datetime) -> int:
    """Fill an empty ledger with the hospital; gives how many devices it has. The caller holds the writer's lock."""
    last_night = now - timedelta(hours=2)
    for upload in (_week_before(last_night - timedelta(days=7)), _night("demo-2", last_night, _GONE)):
        observations.append(connection, upload)
    count = refresh(connection)
    at = {address.ip: one for one in devices(connection) for address in one.addresses if address.ip}
    statements.state_all(connection, tuple(_stated(at, now.date())), WHO, now)
    number_listed(connection, ["demo-1"])
    typed = {at[ip].id: cells for ip, cells in _TYPED.items()}
    columns = ("設置場所", "利用者")
    edit_all(
        connection,
        [
            (id, column, cell)
            for id, cells in typed.items()
            for column, cell in zip(columns, cells, strict=True)
        ],
        WHO,
        now,
    )
    rename_facility(connection, FIRST, NAME)
    return count


def is_demo(connection: Connection) -> bool:
    """Say whether this ledger is the made-up hospital and nothing else."""
    first = find_facility(connection, FIRST)
    made = {"demo-1", "demo-2", "demo"}  # "demo": as earlier versions called their one scan
    return bool(first and first.name == NAME) and {s.id for s in observations.scans(connection)} <= made


def _night(scan: str, start: datetime, without: frozenset[str]) -> Upload:
    """Give the recorded scan as one of this name that began then, as if these addresses had been nobody's."""
    upload = recorded()
    (one,) = upload.scans
    later = start - one.started
    ended = one.ended + later if one.ended else None
    return structs.replace(
        upload,
        scans=(structs.replace(one, id=scan, started=start, ended=ended, scope=NETWORKS),),
        observations=tuple(
            structs.replace(seen, scan=scan, at=seen.at + later)
            for one in upload.observations
            if (seen := one if one.address not in without else _asked_in_vain(one)) is not None
        ),
        sent=tuple(
            structs.replace(sent, scan=scan, at=sent.at + later)
            for sent in upload.sent
            if sent.address not in without or sent.action in _SWEEP
        ),
    )


def _asked_in_vain(seen: Observation) -> Observation | None:
    """Give what is left of an answer where nobody answers: that somebody known was looked for."""
    if seen.probe not in ("arp", "echo") or seen.address not in _GONE:
        return None
    return structs.replace(seen, outcome=Outcome.SILENT, mac="", facts=(), transcript="")


def _week_before(start: datetime) -> Upload:
    upload = _night("demo-1", start, _NEW)
    return structs.replace(upload, observations=tuple(map(_without_counting, upload.observations)))


def _without_counting(seen: Observation) -> Observation:
    return structs.replace(seen, facts=tuple(one for one in seen.facts if one.kind not in _COUNTING))


def _stated(at: dict[str, Device], today: date) -> Iterator[Statement]:
    """What people of the hospital said of it and of its vendors."""
    gateway, router, server = at["10.20.1.254"].id, at["10.20.1.253"].id, at["10.20.1.20"].id
    yield from _declared(gateway, router, server, today)
    yield Facility(name=NAME, networks=NETWORKS, has_system=True, has_vendor_contract=True)
    yield Vendor(
        id="ehr",
        name="見本メディカル株式会社（架空）",
        systems=("電子カルテ",),
        contract_until=today + timedelta(days=400),
        contact="見本メディカル 保守窓口",
        devices=(gateway, at["10.20.1.10"].id, at["10.20.1.11"].id),
    )
    yield Vendor(
        id="lab",
        name="見本検査機器株式会社（架空）",
        systems=("検体検査システム",),
        contract_until=today + timedelta(days=60),
        devices=(router, server),
    )
    yield DeclaredDual(
        device=server,
        purpose="分析装置と検査システムの中継",
        approver="医療情報室 佐藤",
        on=today - timedelta(days=200),
        review_by=today + timedelta(days=165),
    )
    cells = {"コンピュータ名": "OLD-XRAY", "IPアドレス": "10.20.2.200", "設置場所": "倉庫", "状態": "予備"}
    yield ListedDevice(id="demo-1", cells=cells, ledger="見本の台帳", source="見本の台帳.xlsx", row=4)


def _declared(gateway: str, router: str, server: str, today: date) -> Iterator[Statement]:
    """The declared ways in: one is found as declared, one differently, one not at all; others that were found are not among them."""
    yield RemoteAccess(
        id="ehr-vpn",
        vendor="ehr",
        device=gateway,
        means="ssl_vpn",
        product="FortiGate",
        port=10443,
        sources=("203.0.113.8/29",),
        where="見本メディカル 保守センター",
        authentication="ID・パスワードとワンタイムパスワード",
        ids="個人",
        purpose="電子カルテの保守",
        started=today - timedelta(days=900),
    )
    yield RemoteAccess(
        id="lab-line",
        vendor="lab",
        device=router,
        means="ipsec",
        where="見本検査機器 サポート課",
        ids="共用",
        purpose="分析装置の保守",
    )
    yield RemoteAccess(
        id="lab-screen",
        vendor="lab",
        device=server,
        means="rdp",
        port=3390,  # it is found at 3389
        where="見本検査機器 サポート課",
        authentication="ID・パスワード",
        ids="共用",
        purpose="検査システムの画面操作",
    )
    yield Confirmation(
        vendor="ehr",
        path="ehr-vpn",
        state="confirmed",
        by="見本メディカル 加藤",
        on=today - timedelta(days=20),
        evidence="接続元制限の設定書（架空）",
        sources=("203.0.113.8/29",),
        restriction="接続元アドレスをゲートウェイで制限",
        valid_until=today + timedelta(days=345),
    )
