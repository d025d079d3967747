# SPDX-License-Identifier: Apache-2.0
"""What of a device people would call a change: not when it was seen, not which observation says so."""

import hashlib
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, select

from inventory_db import tables
from inventory_db.device import Confidence


class Place(msgspec.Struct, frozen=True, order=True):
    """An address without how it was learned."""

    ip: str | None
    mac: str | None
    network: str | None


class Offer(msgspec.Struct, frozen=True, order=True):
    """A service, a remote path or a weakness without its evidence; what a kind lacks is empty."""

    port: int
    transport: str = ""
    name: str | None = ""
    product: str | None = ""
    version: str | None = ""
    kind: str = ""
    code: str = ""
    detail: str = ""


class Feet(msgspec.Struct, frozen=True):
    """The networks of a dual-homed device."""

    networks: tuple[str, ...]


class Outward(msgspec.Struct, frozen=True):
    """A device as far as a change of it counts; read from `devices.body`, the rest is passed over."""

    addresses: tuple[Place, ...]
    names: tuple[str, ...]
    maker: str | None
    model: str | None
    serial: str | None
    os: str | None
    os_version: str | None
    firmware_version: str | None
    device_class: str
    services: tuple[Offer, ...]
    dual_homed: Feet | None
    forwards: bool | None
    remote_paths: tuple[Offer, ...]
    weaknesses: tuple[Offer, ...]
    answered_last: bool
    location: str | None
    confidence: Mapping[str, Confidence]


def looks(connection: Connection) -> dict[str, bytes]:
    """Give of every device of the facility what stands for its look, by its id."""
    table, decoder = tables.devices, msgspec.json.Decoder(Outward)
    rows = connection.execute(select(table.c.device_id, table.c.body).execution_options(yield_per=1000))
    return {id: look(decoder.decode(body)) for id, body in rows}


def look(device: Outward) -> bytes:
    """Give 16 bytes that are equal for two devices that look alike."""
    sets = {
        name: sorted(getattr(device, name), key=repr)
        for name in ("addresses", "services", "remote_paths", "weaknesses")
    }
    sure = {name: one.sure for name, one in sorted(device.confidence.items())}
    rest = msgspec.structs.replace(
        device, confidence={}, addresses=(), services=(), remote_paths=(), weaknesses=()
    )
    return hashlib.blake2b(msgspec.json.encode([rest, sets, sure]), digest_size=16).digest()


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> int:
    """Count the devices that are new, gone or look otherwise."""
    return sum(before.get(id) != after.get(id) for id in before.keys() | after.keys())
