# SPDX-License-Identifier: Apache-2.0
"""How long one judging of a large hospital takes, beside a bare reading of the same rows."""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Engine, insert, select

from collector.case_file import read_case, times_in
from collector.edition import load_edition
from collector.judge import judge
from inventory_db import observations, statements, tables
from inventory_db.device import Address, Device, Service
from inventory_db.observations import as_stored, microseconds
from inventory_db.stated import Facility, ListedDevice, Vendor
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Outcome, Scan, Upload, Vantage, encode

DEVICES, OBSERVATIONS, SEGMENTS = 2000, 1_000_000, 8
ROUNDS = 5
_EACH = OBSERVATIONS // DEVICES


def measure() -> str:
    """Build the ledger in a folder of its own and give the figures as lines."""
    with tempfile.TemporaryDirectory(prefix="daicho-verdicts-") as folder:
        engine = open_ledger(Path(folder) / "hospital.sqlite")
        now = datetime.now(UTC)
        _build(engine, now)
        bare = min(_bare(engine) for _ in range(ROUNDS))
        busy = time.process_time()
        times = [_judging(engine, now) for _ in range(ROUNDS)]
        busy = (time.process_time() - busy) / ROUNDS
        engine.dispose()
    best, worst = min(times), max(times)
    return (
        f"verdicts of one hospital ({DEVICES} devices, {OBSERVATIONS} observations): "
        f"{best:.2f} s (best of {ROUNDS}), {worst:.2f} s (worst), {busy:.2f} s of CPU each\n"
        f"bare reading of the same rows by SQL: {bare:.2f} s; ratio {best / bare:.1f}"
    )


def _judging(engine: Engine, now: datetime) -> float:
    begun = time.perf_counter()
    with engine.connect() as connection:
        judge(load_edition("R6-hospital"), read_case(connection, now), times_in(connection))
    return time.perf_counter() - begun


def _bare(engine: Engine) -> float:
    """Read devices, numbers, people's words and statements as they lie there, and decode nothing."""
    begun = time.perf_counter()
    with engine.connect() as connection:
        for table in (tables.devices, tables.numbers, tables.human_entries, statements.statements):
            for _ in connection.execute(select(table)):
                pass
    return time.perf_counter() - begun


def _build(engine: Engine, now: datetime) -> None:
    networks = tuple(f"10.1.{segment}.0/24" for segment in range(SEGMENTS))
    scan = Scan(
        id="s1",
        started=now - timedelta(hours=9),
        ended=now - timedelta(hours=1),
        scope=networks,
        state="complete",
        planned=254 * SEGMENTS,
        finished=254 * SEGMENTS,
    )
    stood = tuple(
        Vantage(id=f"v{n}", host="p", interface="e", address="", network=net)
        for n, net in enumerate(networks)
    )
    with writing(engine) as connection:
        observations.append(connection, Upload(scans=(scan,), vantages=stood))
        said = [Facility(name="東山台病院", networks=networks), Vendor(id="a", name="A社")]
        said += [ListedDevice(id=f"r{n}", cells={"設置場所": "病棟"}, device=_id(n)) for n in range(DEVICES)]
        statements.state_all(connection, said, "鈴木", now)
        for number in range(DEVICES):
            seen = list(_seen(number, now))
            connection.execute(insert(tables.observations), [_row(one) for one in seen])
            ids = tuple(one.id for one in seen)
            connection.execute(insert(tables.devices), [_device_row(number, ids, now)])
            connection.execute(
                insert(tables.numbers),
                [{"number": number + 1, "device_id": _id(number), "anchor": ids[0], "assigned": 0}],
            )


def _id(number: int) -> str:
    return f"d{number:015d}"


def _ip(number: int) -> str:
    return f"10.1.{number % SEGMENTS}.{number // SEGMENTS + 1}"


def _seen(number: int, now: datetime) -> Iterator[Observation]:
    for count in range(_EACH):
        yield Observation(
            scan="s1",
            vantage=f"v{number % SEGMENTS}",
            at=now - timedelta(hours=8) + timedelta(milliseconds=number * _EACH + count),
            probe="tcp",
            address=_ip(number),
            port=count + 1,
            transport="tcp",
            outcome=Outcome.ANSWERED if count < 5 else Outcome.SILENT,
        )


def _row(one: Observation) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": microseconds(one.at),
        "received": 0,
        "agent": "",
        "scan": one.scan,
        "address": one.address,
        "transcript": None,
        "body": encode(as_stored(one)),
    }


def _device_row(number: int, ids: tuple[str, ...], now: datetime) -> dict[str, Any]:
    kinds = ("server", "pc", "pc", "pc", "network", "printer", "medical", "gateway")
    products = (("OpenSSH", "9.2p1"), ("nginx", "1.18.0"), ("Samba", "4.17.12"), (None, None))
    open_ports = ((22, "ssh"), (80, "http"), (445, "smb"), (3389, "rdp"), (5900, "vnc"))
    services = tuple(
        Service(port, "tcp", name, products[(number + at) % 4][0], products[(number + at) % 4][1], (ids[at],))
        for at, (port, name) in enumerate(open_ports)
    )
    device = Device(
        id=_id(number),
        anchor=ids[0],
        addresses=(
            Address(_ip(number), None, f"10.1.{number % SEGMENTS}.0/24", f"v{number % SEGMENTS}", "tcp"),
        ),
        names=(f"HOST{number:04d}",),
        maker="A社",
        os="Windows 10 22H2",
        os_version="10.0.19045",
        device_class=kinds[number % len(kinds)],
        services=services,
        first_seen=(now - timedelta(days=90)).isoformat(),
        last_seen=(now - timedelta(hours=2)).isoformat(),
        last_asked=(now - timedelta(hours=2)).isoformat(),
        observations=ids,
        scan="s1",
    )
    return {"device_id": device.id, "number": number + 1, "body": msgspec.json.encode(device)}
