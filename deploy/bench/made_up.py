# SPDX-License-Identifier: Apache-2.0
"""Small made-up facilities that the judge's tests are told in."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from collector.basis import compute_basis
from collector.case import Case
from inventory_db.attachments import Attachment
from inventory_db.device import Address, Device, Evidence, RemotePath, Service
from inventory_db.official import COLUMNS, official_row
from inventory_db.people import Entry
from inventory_db.stated import Facility, Statement
from inventory_db.statements import Stated
from probes.facts import Observation, Scan, Vantage

NOW = datetime(2024, 11, 29, 3, tzinfo=UTC)  # inside 令和6年度, the year of the R6 form
LAN = "192.168.1.0/24"
FILLED = {
    "設置場所": "サーバ室",
    "利用者": "情報係",
    "登録日": "2024/4/1",
    "状態": "稼働",
    "メーカー": "A社",
    "コンピュータ名": "HOST",
    "OS": "Windows Server 2022",
}
VANTAGE = Vantage(id="v", host="probe", interface="eth0", address="192.168.1.250", network=LAN)
HELD = "f" * 64  # id of an attachment that is in the ledger


def scan(id: str = "s1", *, days_ago: float = 1, scope: tuple[str, ...] = (LAN,), **given: Any) -> Scan:
    """Make a scan of the network that ended by itself; our own address is not among the planned."""
    ended = NOW - timedelta(days=days_ago)
    fields: dict[str, Any] = {"started": ended - timedelta(hours=1), "ended": ended, "state": "complete"}
    return Scan(id=id, scope=scope, **({"planned": 253, "finished": 253} | fields | given))


def device(id: str = "d1", ip: str = "192.168.1.10", *, days_ago: float = 1, **given: Any) -> Device:
    """Make a server that was seen in the last scan."""
    seen = (NOW - timedelta(days=days_ago)).isoformat()
    fields: dict[str, Any] = {
        "anchor": f"{id}-o1",
        "addresses": (Address(ip, None, LAN if ip.startswith("192.168.1.") else None, "v", "tcp"),),
        "device_class": "server",
        "first_seen": seen,
        "last_seen": seen,
        "last_asked": seen,
        "observations": (f"{id}-o1",),
        "scan": "s1",
    }
    return Device(id=id, **(fields | given))


def path(kind: str, port: int, device: str = "d1") -> RemotePath:
    """Make a remote path with its evidence."""
    return RemotePath(kind, None, port, (Evidence(f"{device}-o1", f"{port}/tcp", f"{port}/tcp"),))


def service(port: int, name: str, product: str | None = None, version: str | None = None) -> Service:
    """Make an open service."""
    return Service(port, "tcp", name, product, version, ("d1-o1",))


def typed(device: str, **columns: str) -> dict[str, Entry]:
    """Make what a person typed for a device."""
    return {name: Entry(device, name, value, "鈴木", NOW) for name, value in columns.items()}


def stated(*said: Statement, who: str = "鈴木", at: datetime = NOW) -> dict[str, dict[str, Stated[Any]]]:
    """Make what stands, by kind and key."""
    found: dict[str, dict[str, Stated[Any]]] = {}
    for one in said:
        found.setdefault(one.KIND, {})[one.key] = Stated(one, who, at)
    return found


def case(
    *said: Statement,
    devices: Iterable[Device] = (),
    filled: Iterable[str] | None = None,
    scans: tuple[Scan, ...] | None = None,
    now: datetime = NOW,
    access: tuple[Observation, ...] = (),
    columns: dict[str, str] = FILLED,
) -> Case:
    """Make a case; every device is filled in unless `filled` names fewer."""
    found = tuple(devices)
    names = {one.id for one in found} if filled is None else set(filled)
    rows = (
        official_row(one, number, typed(one.id, **columns) if one.id in names else {})
        for number, one in enumerate(found, 1)
    )
    looked = (scan(),) if scans is None else scans
    facility = next((one for one in said if isinstance(one, Facility)), None)
    networks = facility.networks if facility else ()
    return Case(
        now=now,
        devices=found,
        rows=tuple(rows),
        scans=looked,
        vantages=(VANTAGE,),
        access=access,
        basis=compute_basis(looked, networks, found, (VANTAGE,), now),
        stated=stated(*said),
        attachments={HELD: Attachment(HELD, "証拠.pdf", "application/pdf", 10, "鈴木", NOW)},
    )


def moved(one: Case, days: float) -> Case:
    """Give the same case that many days later."""
    return replace(one, now=one.now + timedelta(days=days))


assert set(FILLED) <= set(COLUMNS)
