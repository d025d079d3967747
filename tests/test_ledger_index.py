# SPDX-License-Identifier: Apache-2.0
"""The ledger's index answers what the pure functions answer, and stays so through every kind of change."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from collector.ledger_view import CLASSES, MARKS, PAGE_SIZES, SORTS, Answer, Question, answer
from collector.reading import ask_index, read_entries
from inventory_db import (
    index_seen,
    index_tables,
    kept_devices,
    ledger,
    ledger_index,
    ledger_query,
    people,
    statements,
    tables,
    texts_at_hand,
)
from inventory_db.derived import mark_derived
from inventory_db.device import Address, Confidence, Device, DualHomed, Evidence, RemotePath, Service
from inventory_db.facilities import add_facility, bind
from inventory_db.row_keys import address_bytes, address_key, natural_bytes, natural_key
from inventory_db.stated import ListedDevice
from probes.facts import Sure
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

NOW = datetime(2026, 4, 1, tzinfo=UTC)
WORDS = (
    "日本光電",
    "ﾆﾎﾝｺｳﾃﾞﾝ",
    "Fujitsu",
    "FUJITSU PC",
    "pc-2",
    "PC-10",
    "pc10a",
    "Ⅻ",
    "ß",
    "",
    "",
    "東棟 3F",
    "x" * 70 + "1",
)
NETWORKS = ("10.1.0.0/24", "10.2.0.0/24", "fd00::/64")
INDEX = (
    index_tables.rows,
    index_tables.texts,
    index_tables.shown,
    index_tables.row_networks,
    index_tables.aliases,
    index_tables.marks,
)


def device(chance: random.Random, number: int) -> Device:
    def word() -> str | None:
        return chance.choice(WORDS) or None

    seen = NOW - timedelta(days=chance.randrange(3))
    networks = chance.sample(NETWORKS, chance.randrange(3))
    sure = {name: Confidence(chance.choice(list(Sure)), "", "") for name in ("maker", "os", "location")}
    addresses = tuple(
        Address(
            chance.choice(("10.1.0.9", "10.1.0.10", "fd00::1", "fe80::1%eth0", None)), None, one, "v", "asked"
        )
        for one in networks
    )
    return Device(
        id=f"d{number:04d}",
        anchor=f"o{number:04d}",
        observations=(f"o{number:04d}",),
        addresses=addresses,
        names=tuple(filter(None, (word(), word()))),
        maker=word(),
        os=word(),
        device_class=chance.choice(CLASSES),
        services=(Service(80, "tcp", "http", word(), chance.choice((None, "1.10", "1.9"))),),
        dual_homed=DualHomed(tuple(networks), (Evidence("o", "", ""),)) if len(networks) > 1 else None,
        remote_paths=tuple(
            RemotePath(kind, None, 1, ()) for kind in chance.sample(("rdp", "vnc"), chance.randrange(3))
        ),
        first_seen=NOW.isoformat(),
        last_seen=seen.isoformat(),
        last_asked=NOW.isoformat(),
        answered_last=chance.random() < 0.7,
        confidence=dict(chance.sample(sorted(sure.items()), chance.randrange(4))),
    )


def keep(c: Connection, devices: list[Device]) -> None:
    """Put devices into the ledger as a refresh would keep them."""
    rows = [(int(one.id[1:]), one) for one in devices]
    c.execute(
        insert(tables.numbers),
        [{"number": n, "device_id": one.id, "anchor": one.anchor, "assigned": 0} for n, one in rows],
    )
    c.execute(
        insert(tables.devices),
        [{"number": n, "device_id": one.id, "body": msgspec.json.encode(one)} for n, one in rows],
    )
    mark_derived(c)


def type_something(c: Connection, chance: random.Random, count: int) -> None:
    column = ("設置場所", "利用者", "コンピュータ名", "種別", "2系統接続の届出", "IPアドレス")
    for _ in range(count // 3):
        name, id = chance.choice(column), f"d{chance.randrange(1, count):04d}"
        value = chance.choice(CLASSES) if name == "種別" else chance.choice(WORDS) or None
        ledger.edit(c, id, name, value, "鈴木", NOW + timedelta(seconds=chance.randrange(100)))


def list_something(c: Connection, chance: random.Random, count: int) -> None:
    for number in range(count // 4):
        said = ListedDevice(
            id=f"l{number}",
            device=f"d{chance.randrange(1, count):04d}",
            cells={"メーカー": chance.choice(WORDS), "OS": "古い台帳の OS"},
            present=chance.random() < 0.8,
        )
        statements.state(c, said, "鈴木", NOW)


def questions(chance: random.Random, count: int) -> Iterator[Question]:
    for sort in SORTS:
        yield Question(sort=sort, per=7)
        yield Question(sort=sort, per=7, down=True, page=3)
    for _ in range(count):
        yield Question(
            q=chance.choice(
                ("", "", "日本光電", "ＰＣ", "fuji 10", "%", "_", "10.1.0", "rdp http", "xii", "ss", "'")
            ),
            kind=chance.choice(("", "", *CLASSES)),
            network=chance.choice(("", "", *NETWORKS, "10.9.0.0/24")),
            mark=chance.choice(("", "", *MARKS)),
            sort=chance.choice(SORTS),
            down=chance.random() < 0.5,
            page=chance.choice((1, 1, 2, 99)),
            per=chance.choice((3, *PAGE_SIZES)),
        )


def plain(found: Answer) -> dict[str, Any]:
    entries = [
        (
            one.cells,
            one.device["id"],
            one.unseen,
            one.sureness,
            one.path_kinds,
            one.networks,
            one.device["people"],
        )
        for one in found.entries
    ]
    marks = dict(found.marks)
    return {
        "question": found.question,
        "entries": entries,
        "numbers": (found.matching, found.total, found.pages, dict(found.kinds), marks, dict(found.networks)),
    }


def assert_same(engine: Engine, chance: random.Random, count: int = 25) -> None:
    with engine.connect() as c:
        mark = ledger_index.find_mark(c)
        assert mark is not None
        entries = read_entries(c)
        for question in questions(chance, count):
            assert plain(ask_index(c, question, mark)) == plain(answer(entries, question)), question


def contents(c: Connection) -> list[list[Any]]:
    return [sorted(map(tuple, c.execute(select(table)).all()), key=repr) for table in INDEX]


def test_the_database_knows_at_once_how_many_rows_a_large_index_has(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_index, "_MANY", 50)
    chance = random.Random(1)
    with tables.writing(ledger_engine) as c:
        keep(c, [device(chance, number) for number in range(1, 61)])
    ledger_index.ensure(ledger_engine)
    assert_same(ledger_engine, chance, 3)
    if ledger_engine.dialect.name != "postgresql":
        return  # SQLite plans without
    with ledger_engine.connect() as c:
        for table in (index_tables.rows, index_tables.texts, index_tables.shown):
            known = text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)")
            assert c.execute(known, {"name": table.name}).scalar_one() == 60


@pytest.mark.parametrize("seed", range(4))
def test_sql_answers_what_the_pure_functions_answer(
    ledger_engine: Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_query, "FEW", (1000, 2, 0, 9)[seed])
    monkeypatch.setattr(
        texts_at_hand, "MOST_BYTES", (10**6, 0, 10**6, 10**6)[seed]
    )  # 0: the database searches
    monkeypatch.setattr(texts_at_hand, "_BESIDE", (300, 300, 0, 300)[seed])
    chance, count = random.Random(seed), 60
    with tables.writing(ledger_engine) as c:
        keep(c, [device(chance, number) for number in range(1, count)])
        people.edit(c, "d0003", "説明", "索引の前に書いた", "鈴木", NOW)
    ledger_index.ensure(ledger_engine)
    assert_same(ledger_engine, chance)
    with tables.writing(ledger_engine) as c:
        type_something(c, chance, count)
    assert_same(ledger_engine, chance)
    with tables.writing(ledger_engine) as c:
        list_something(c, chance, count)
    with ledger_engine.connect() as c:
        assert ledger_index.find_mark(c) is None  # written past the index: noticed
    with ledger_index.looking(ledger_engine) as (c, mark):
        assert mark is not None
    assert_same(ledger_engine, chance)
    with tables.writing(ledger_engine) as c:
        list_something(c, chance, count)
        type_something(c, chance, count)
    assert_same(ledger_engine, chance)
    with tables.writing(ledger_engine) as c:
        grown = contents(c)
        c.execute(index_tables.marks.delete())
        ledger_index.bring_up(c)
        assert contents(c) == grown  # changed row by row, or made at once: the same


def test_devices_written_by_a_refresh(ledger_engine: Engine) -> None:
    """Changed, new, gone and merged devices: only theirs are written, and old ids lead to them by key."""
    chance = random.Random(9)
    with tables.writing(ledger_engine) as c:
        keep(c, [device(chance, number) for number in range(1, 20)])
    ledger_index.ensure(ledger_engine)
    with tables.writing(ledger_engine) as c:
        ledger.edit(c, "d0002", "設置場所", "手術室", "鈴木", NOW)
        stored = kept_devices.load(c, None)
        one, two = stored["d0001"], stored["d0002"]
        both = replace(one.device, observations=("o0001", "o0002"), names=("くっついた",))
        now = {id: kept for id, kept in stored.items() if id != "d0002"} | {
            "d0001": replace(one, device=both)
        }
        changed = kept_devices.keep(c, stored, now, {id: int(id[1:]) for id in now})
        assert changed == 2, "one looks otherwise, one is gone"
        assert two.device.id == "d0002"
    assert_same(ledger_engine, chance)
    with ledger_engine.connect() as c:
        found = ledger.device_document(c, "d0002")
        assert found is not None
        assert found["device"]["id"] == "d0001"
        assert found["official"]["設置場所"] == "手術室"
    with tables.writing(ledger_engine) as c:
        ledger.edit(c, "d0002", "利用者", "古い番号で", "鈴木", NOW)  # under the id that led elsewhere
    assert_same(ledger_engine, chance)
    with tables.writing(ledger_engine) as c:
        mark_derived(c)  # somebody wrote devices and did not say which
        ledger_index.bring_up(c)
    assert_same(ledger_engine, chance)


def test_bytes_sort_as_the_keys_do() -> None:
    chance = random.Random(1)
    letters = ("a", "b", "あ", "1", "2", "9", "0", "\x00", "\x01", "ﾆ", "𠮷", "Ⅻ", "-")
    texts = ["".join(chance.choice(letters) for _ in range(chance.randrange(1, 8))) for _ in range(400)]
    texts += ["9" * 30, "1" * 18, "1" * 19, "192.168.0.1", "10.0.0.2 10.0.0.1", "fe80::1%eth0", "::1"]
    assert sorted(texts, key=natural_bytes) == sorted(texts, key=natural_key)
    assert sorted(texts, key=address_bytes) == sorted(texts, key=address_key)
    assert all(map(natural_bytes, texts))
    assert natural_bytes("") == address_bytes("") == b""


def test_one_facility_does_not_see_the_other(ledger_engine: Engine) -> None:
    chance = random.Random(3)
    with tables.writing(ledger_engine) as c:
        other = bind(ledger_engine, add_facility(c, "higashi", "東", NOW).id)
        keep(c, [device(chance, number) for number in range(1, 30)])
    with tables.writing(other) as c:
        keep(c, [device(chance, number) for number in range(1, 10)])
    for engine in (ledger_engine, other):
        ledger_index.ensure(engine)
    for engine in (ledger_engine, other):
        assert_same(engine, chance, 20)


@pytest.mark.parametrize("seed", range(3))
def test_rows_of_devices_seen_again_are_those_made_at_once(
    ledger_engine: Engine, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most are as they were but for when they were seen; whatever else changes meanwhile, the rows are the same."""
    chance, count = random.Random(seed), 40
    again: list[int] = []
    write = index_seen.write_seen

    def counted(c: Connection, known: Iterable[tuple[int, bytes, str]]) -> None:
        known = list(known)
        again.append(len(known))
        write(c, known)

    monkeypatch.setattr(ledger_index, "write_seen", counted)
    with tables.writing(ledger_engine) as c:
        keep(c, [device(chance, number) for number in range(1, count)])
    ledger_index.ensure(ledger_engine)
    for night in range(1, 7):
        with tables.writing(ledger_engine) as c:
            if chance.random() < 0.5:
                type_something(c, chance, count)  # past the index
            if chance.random() < 0.3:
                list_something(c, chance, count)
            stored = kept_devices.load(c, None)
            now = {}
            for id, kept in stored.items():
                one = replace(kept.device, last_seen=(NOW + timedelta(days=night)).isoformat())
                if chance.random() < 0.2:
                    other = device(chance, int(id[1:]))
                    name = chance.choice(
                        ("addresses", "names", "os", "services", "confidence", "last_asked", "remote_paths")
                    )
                    one = replace(one, **{name: getattr(other, name)})
                if chance.random() < 0.9:
                    now[id] = replace(kept, device=one)
            ids = sorted(now)
            gone, stays = ids.pop(), ids[0]
            both = (*now[stays].device.observations, *now.pop(gone).device.observations)
            now[stays] = replace(now[stays], device=replace(now[stays].device, observations=both))
            kept_devices.keep(c, stored, now, {id: int(id[1:]) for id in now})
            grown = contents(c)
            c.execute(index_tables.marks.delete())
            ledger_index.bring_up(c)
            assert contents(c) == grown
    assert sum(again) > 20
