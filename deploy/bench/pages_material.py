# SPDX-License-Identifier: Apache-2.0
"""A large made-up ledger for `deploy.bench.pages`: devices as a refresh leaves them, and observations of them.

Nothing is derived: devices are written as they would be kept, each with its last observations, and the rest of the
observations stands beside them, as it would after many nights. They are no real facility's.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, insert

from inventory_db import digested, ledger_index, people, tables
from inventory_db.bulk import Row, insert_new
from inventory_db.derived import mark_derived
from inventory_db.device import Address, Confidence, Device, DualHomed, Evidence, RemotePath, Service
from inventory_db.digest import VERSION, Known
from inventory_db.observations import Stored, microseconds
from inventory_db.row_keys import CLASSES
from probes.facts import Fact, FactKind, Outcome, Scan, Sent, Sure

START = datetime(2026, 1, 1, tzinfo=UTC)
CITED = 12  # observations that each device rests on
_AT_ONCE = 5000
_MAKERS = (
    "FUJITSU",
    "NEC",
    "Cisco Systems",
    "日本光電工業",
    "フクダ電子",
    "Canon",
    "RICOH",
    "Yamaha",
    "HP",
    "",
)
_PRODUCTS = (("OpenSSH", "9.6"), ("Apache httpd", "2.4.58"), ("nginx", "1.24.0"), ("Microsoft IIS", "10.0"))


def fill(engine: Engine, devices: int, observations: int) -> None:
    """Write the ledger; every device has at least CITED observations, the rest are spread over all."""
    chance = random.Random(devices)
    with tables.writing(engine) as connection:
        for start in range(0, devices, _AT_ONCE):
            _write(connection, chance, range(start, min(devices, start + _AT_ONCE)))
        connection.execute(insert(digested.digests).values(body=msgspec.json.encode(Known(version=VERSION))))
        mark_derived(connection)
    with tables.writing(engine) as connection:
        for number in range(1, devices, max(1, devices // 200)):
            people.edit(connection, _id(number), "設置場所", f"{number % 9}階 病棟", "鈴木", START)
    each = max(0, observations // devices - CITED)
    _more(engine, devices, range(CITED, CITED + each))
    ledger_index.ensure(engine)


def _id(number: int) -> str:
    return f"{number:032x}"


def _ip(number: int) -> str:
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _write(connection: Connection, chance: random.Random, numbers: range) -> None:
    made = [(number + 1, _device(chance, number)) for number in numbers]
    rows = [
        {"number": n, "device_id": one.id, "anchor": one.anchor, "assigned": microseconds(START)}
        for n, one in made
    ]
    connection.execute(insert(tables.numbers), rows)
    bodies = [{"number": n, "device_id": one.id, "body": msgspec.json.encode(one)} for n, one in made]
    connection.execute(insert(tables.devices), bodies)
    insert_new(connection, tables.observations, list(_seen(numbers, range(CITED))))
    sent = [_sent(number) for number in numbers]
    connection.execute(
        insert(tables.journal),
        [_columns(one.id, one.address, one.at) | {"body": msgspec.json.encode(one)} for one in sent],
    )
    if not numbers.start:
        scan = Scan(
            id="s1", started=START, state="complete", ended=START + timedelta(hours=2), scope=("10.0.0.0/8",)
        )
        row = {"id": scan.id, "started": microseconds(START), "agent": "a", "body": msgspec.json.encode(scan)}
        connection.execute(insert(tables.scans), [row])


def _more(engine: Engine, devices: int, turns: range) -> None:
    with tables.writing(engine) as connection:
        for index in tables.observations.indexes:  # they are made at the end, at once
            index.drop(connection)
    for start in range(0, devices, 100):
        with tables.writing(engine) as connection:
            rows = list(_seen(range(start, min(devices, start + 100)), turns))
            insert_new(connection, tables.observations, rows)
    with tables.writing(engine) as connection:
        for index in tables.observations.indexes:
            index.create(connection)


def _seen(numbers: range, turns: range) -> Iterator[Row]:
    for number in numbers:
        for turn in turns:
            at = START + timedelta(hours=turn, seconds=number % 3600)
            key = f"{number:024x}{turn:08x}"
            fact = Fact(FactKind.SSH_BANNER, "SSH-2.0-OpenSSH_9.6", Sure.SURE)
            one = Stored(
                scan="s1",
                vantage="v",
                at=at,
                probe="ssh",
                address=_ip(number),
                port=22 + turn % 5,
                transport="tcp",
                outcome=Outcome.ANSWERED,
                facts=(fact,),
                key=key,
            )
            yield (*_columns(key, one.address, at).values(), None, msgspec.json.encode(one))


def _columns(id: str, address: str, at: datetime) -> dict[str, Any]:
    moment = microseconds(at)
    return {"id": id, "at": moment, "received": moment, "agent": "a", "scan": "s1", "address": address}


def _sent(number: int) -> Sent:
    return Sent(
        scan="s1", vantage="v", at=START, address=_ip(number), action="tcp connect", port=22, packets=3
    )


def _device(chance: random.Random, number: int) -> Device:
    seen = tuple(f"{number:024x}{turn:08x}" for turn in range(CITED))
    network = f"10.{number >> 16 & 255}.{number >> 8 & 255}.0/24"
    addresses = [Address(_ip(number), f"00:11:{number >> 24 & 255:02x}:22:33:44", network, "v", "asked")]
    dual = None
    if chance.random() < 0.01:
        dual = DualHomed((network, "192.168.9.0/24"), (Evidence(seen[0], "表", "table"),))
        addresses.append(Address("192.168.9.9", None, "192.168.9.0/24", None, "snmp"))
    products = chance.sample(_PRODUCTS, chance.randrange(3))
    services = tuple(
        Service(80 + n, "tcp", "http", *one, evidence=seen[:1]) for n, one in enumerate(products)
    )
    paths = (
        (RemotePath("rdp", None, 3389, (Evidence(seen[1], "待受", "listens"),)),)
        if chance.random() < 0.05
        else ()
    )
    sure = {
        name: Confidence(chance.choice(list(Sure)), "そう名乗りました。", "It says so.", seen[:3])
        for name in ("maker", "model", "os", "device_class")
    }
    last = START + timedelta(days=chance.randrange(9))
    return Device(
        id=_id(number),
        anchor=seen[0],
        observations=seen,
        addresses=tuple(addresses),
        names=(f"PC-{number}.hospital.example",),
        maker=chance.choice(_MAKERS) or None,
        model=f"model {number % 40}",
        os=chance.choice(("Windows 10", "Windows Server 2019", "Linux", None)),
        device_class=chance.choice(CLASSES),
        services=services,
        dual_homed=dual,
        remote_paths=paths,
        first_seen=START.isoformat(),
        last_seen=last.isoformat(),
        last_asked=(START + timedelta(days=9)).isoformat(),
        answered_last=chance.random() < 0.97,
        confidence=sure,
        scan="s1",
    )
