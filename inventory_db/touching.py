# SPDX-License-Identifier: Apache-2.0
"""How much we sent to each device in its last scan, from the journal."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from inventory_db import tables
from inventory_db.device import Device, Touched
from inventory_db.observations import as_cell, microseconds


class _Line(msgspec.Struct):
    """What of a line of the journal (probes.facts.Sent) is counted here."""

    scan: str
    vantage: str
    address: str
    packets: int = 0
    connections: int = 0
    payload_bytes: int = 0


_Sums = dict[tuple[str, str, str], Touched]  # scan, vantage, address


def touched_again(
    connection: Connection, found: Sequence[Device], before: Mapping[str, Device], scans: Container[str]
) -> list[Device]:
    """Give the devices with what was sent to them; `before` knows it but for `scans`, of which more lines came."""
    known = {
        device.id: old.touched
        for device in found
        if device.scan not in scans
        and (old := before.get(device.id)) is not None
        and (old.scan, _places(old)) == (device.scan, _places(device))
    }
    sums = _sent(connection, {device.scan for device in found if device.id not in known}, None)
    return [
        replace(device, touched=replace(known[device.id], held_back=device.touched.held_back))
        if device.id in known
        else _touched(device, sums)
        for device in found
    ]


def touched_until(connection: Connection, found: Sequence[Device], at: datetime) -> list[Device]:
    """Give the devices with what was sent to them until then."""
    sums = _sent(connection, {device.scan for device in found}, at)
    return [_touched(device, sums) for device in found]


def _places(device: Device) -> set[tuple[str, str]]:
    return {(a.vantage, a.ip) for a in device.addresses if a.ip and a.vantage}


def _sent(connection: Connection, wanted: Iterable[str], at: datetime | None) -> _Sums:
    table, sums = tables.journal, defaultdict[tuple[str, str, str], list[int]](lambda: [0, 0, 0])
    decoder = msgspec.json.Decoder(_Line)
    for scan in sorted(wanted):
        query = select(table.c.body).where(table.c.scan == as_cell(scan))
        if at is not None:
            query = query.where(table.c.at <= microseconds(at))
        for body in connection.execute(query.execution_options(yield_per=1000)).scalars():
            entry = decoder.decode(body)
            sum = sums[entry.scan, entry.vantage, entry.address]
            sum[0] += entry.packets
            sum[1] += entry.connections
            sum[2] += entry.payload_bytes
    return {key: Touched(packets, taken, size) for key, (packets, taken, size) in sums.items()}


def _plus(sum: Touched, more: Touched) -> Touched:
    return Touched(
        sum.packets + more.packets,
        sum.connections + more.connections,
        sum.payload_bytes + more.payload_bytes,
        sum.held_back,
    )


def _touched(device: Device, sums: _Sums) -> Device:
    touched = device.touched
    for vantage, ip in sorted(_places(device)):
        touched = _plus(touched, sums.get((device.scan, vantage, ip), Touched()))
    return replace(device, touched=touched)
