# SPDX-License-Identifier: Apache-2.0
"""News that a scan brings: devices and remote paths that were not there before, scans that failed."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import attrgetter

import msgspec

from inventory_db.agents import Connection
from inventory_db.notices import News, device_bodies, failed_scans, known, note

DEVICE, PATH, SCAN = "device_new", "path_new", "scan_failed"
BEGUN = "begun"  # kind and subject of the mark that news are told from now on
_SCANS = 100  # of the newest that are looked at


class Place(msgspec.Struct, frozen=True):
    """As much of a device's address as a notice may say."""

    ip: str | None = None
    mac: str | None = None


class Way(msgspec.Struct, frozen=True):
    """As much of a remote path."""

    kind: str
    port: int


class Brief(msgspec.Struct, frozen=True):
    """As much of a device as a notice needs; the rest of its JSON is passed over."""

    id: str
    addresses: tuple[Place, ...] = ()
    names: tuple[str, ...] = ()
    remote_paths: tuple[Way, ...] = ()


def after_refresh(connection: Connection, now: datetime) -> int:
    """Keep what the last refresh brought, to be told; gives how much that is.

    Call it in the transaction of the refresh. The first call tells nothing: what it finds was there.
    """
    first = not known(connection, BEGUN)
    news = [*_of_devices(connection), *_of_scans(connection)]
    if first:
        note(connection, [*news, News(BEGUN, BEGUN, {})], now, silent=True)
        return 0
    return note(connection, news, now)


def _of_devices(connection: Connection) -> Iterator[News]:
    devices, paths = known(connection, DEVICE), known(connection, PATH)
    decoder = msgspec.json.Decoder(Brief)
    for number, body in device_bodies(connection):
        device = decoder.decode(body)
        if device.id not in devices:
            yield News(DEVICE, device.id, _detail(device, number))
        for way in sorted(set(device.remote_paths), key=attrgetter("kind", "port")):
            subject = f"{device.id} {way.kind} {way.port}"
            if subject not in paths:
                yield News(PATH, subject, _detail(device, number) | {"path": way.kind})


def _detail(device: Brief, number: int) -> dict[str, str]:
    name = device.names[0] if device.names else ""
    return {
        "device": device.id,
        "number": str(number),
        "name": name[:200],
        "address": _address(device.addresses),
    }


def _address(addresses: Iterable[Place]) -> str:
    return next((place.ip or place.mac or "" for place in addresses if place.ip or place.mac), "")


def _of_scans(connection: Connection) -> Iterator[News]:
    for scan in failed_scans(connection, _SCANS):
        yield News(SCAN, scan.id, {"started": scan.started.isoformat()})
