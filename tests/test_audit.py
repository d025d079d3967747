# SPDX-License-Identifier: Apache-2.0
"""The audit log's chain: what was changed, moved, put in or taken out is found; writers never fork it."""

import multiprocessing
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from inventory_db import audit, audit_check, audit_log, tables
from inventory_db.audit import Action, Event, Head, Outcome, made_entry
from inventory_db.audit_check import BadLine, Broken, check, line, read_head, read_line, read_lines
from inventory_db.audit_log import Wanted
from inventory_db.tables import open_ledger, writing
from tests.inventory_engines import ledger_engine, postgres_schema

__all__ = ["ledger_engine"]
NOW = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


def event(number: int = 1, **given: object) -> Event:
    fields: dict[str, object] = {
        "action": Action.READ_DEVICE,
        "facility": 1,
        "account": "a1",
        "name": "鈴木一郎",
        "role": "operator",
        "origin": "192.0.2.7",
        "kind": "device",
        "key": f"d{number}",
        "detail": {"n": number},
        "at": NOW + timedelta(seconds=number),
    }
    return Event(**(fields | given))  # type: ignore[arg-type]


def chain(many: int) -> list[audit.Entry]:
    made: list[audit.Entry] = []
    head = Head(1)
    for number in range(1, many + 1):
        made.append(made_entry(head, event(number)))
        head = Head(1, number, made[-1].hash)
    return made


@pytest.fixture
def pg_schema() -> Iterator[str]:
    yield from postgres_schema()


def test_entries_are_numbered_without_gaps_per_chain_and_hold_together(ledger_engine: Engine) -> None:
    with writing(ledger_engine) as connection:
        audit.record_all(connection, [event(1), event(2, facility=0), event(3)])
    with writing(ledger_engine) as connection:
        audit.record(connection, event(4))
    with ledger_engine.connect() as connection:
        ours = list(audit_log.stream(connection, 1))
        installation = list(audit_log.stream(connection, 0))
        heads = audit.heads(connection)
    assert [(one.number, one.key) for one in ours] == [(1, "d1"), (2, "d3"), (3, "d4")]
    assert [one.number for one in installation] == [1]
    assert [str(head) for head in heads] == [f"0:1:{installation[-1].hash}", f"1:3:{ours[-1].hash}"]
    assert check(ours, heads[1:]).broken is None
    assert ours[0].moment == NOW + timedelta(seconds=1)


def test_what_is_rolled_back_leaves_no_gap(ledger_engine: Engine) -> None:
    with ledger_engine.connect() as connection:
        tables.lock(connection)
        audit.record(connection, event(1))
        connection.rollback()
    with writing(ledger_engine) as connection:
        assert audit.record(connection, event(2)).number == 1


@pytest.mark.parametrize("verb", ["UPDATE audit SET name = 'x'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_log(ledger_engine: Engine, verb: str) -> None:
    with writing(ledger_engine) as connection:
        audit.record(connection, event())
    with pytest.raises(DBAPIError, match="append-only"), ledger_engine.begin() as connection:
        connection.execute(text(verb))


@pytest.mark.postgres
def test_postgresql_refuses_to_empty_the_log(pg_schema: str) -> None:
    engine = open_ledger(pg_schema)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit"))
    engine.dispose()


def test_filters_and_pages_read_one_chain_only(ledger_engine: Engine) -> None:
    events = [event(n, action=Action.CHANGE if n % 2 else Action.LOGIN) for n in range(1, 8)]
    events += [event(9, facility=2, name="他の施設"), event(10, account="a2", name="佐藤花子")]
    events += [event(11, outcome=Outcome.REFUSED)]
    with writing(ledger_engine) as connection:
        audit.record_all(connection, events)

    def found(**given: object) -> list[str]:
        with ledger_engine.connect() as connection:
            return [one.key for one in audit_log.entries(connection, 1, Wanted(**given))]  # type: ignore[arg-type]

    assert found(person="佐藤花子") == found(person="a2") == ["d10"]
    assert found(person="他の施設") == []
    assert found(action="change") == ["d7", "d5", "d3", "d1"]
    assert found(key="d4") == ["d4"]
    assert found(outcome="refused") == ["d11"]
    assert found(since=NOW + timedelta(seconds=6), until=NOW + timedelta(seconds=10)) == ["d10", "d7", "d6"]
    with ledger_engine.connect() as connection:
        assert [one.number for one in audit_log.entries(connection, 1, before=4, most=2)] == [3, 2]
        assert audit_log.count(connection, 1, Wanted(action="login")) == 3


@given(place=st.integers(0), delta=st.integers(1, 255))
def test_any_changed_byte_of_an_export_is_found(place: int, delta: int) -> None:
    data = bytearray(b"".join(map(line, chain(4))))
    assert check(read_lines(bytes(data).splitlines(keepends=True))).broken is None
    spot = place % len(data)
    data[spot] = (data[spot] + delta) % 256
    lines = bytes(data).split(b"\n")  # as a file is read: line feeds alone end lines
    assert (
        check(read_lines([one + b"\n" for one in lines[:-1]] + lines[-1:][: bool(lines[-1])])).broken
        is not None
    )


_TEXT = st.text(max_size=6)


@given(number=st.integers(0, 3), field=st.sampled_from(audit.Entry.__struct_fields__), data=st.data())
def test_any_changed_field_is_found(number: int, field: str, data: st.DataObject) -> None:
    entries = chain(4)
    old = getattr(entries[number], field)
    new = data.draw((st.integers(0, 2**40) if isinstance(old, int) else _TEXT).filter(lambda one: one != old))
    entries[number] = msgspec.structs.replace(entries[number], **{field: new})
    assert check(entries).broken is not None


@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_moved_and_removed_entries_are_found(order: list[int], gone: set[int]) -> None:
    entries, known = chain(5), Head(1, 5, chain(5)[-1].hash)
    kept = [entries[n] for n in order if n not in gone]
    whole = kept == entries
    assert (check(kept, [known]).broken is None) is whole


@given(st.integers(0, 4))
def test_an_inserted_entry_is_found_even_with_a_right_hash(place: int) -> None:
    entries = chain(5)
    head = Head(1, place, entries[place - 1].hash) if place else Head(1)
    forged = made_entry(head, event(99))
    assert check([*entries[:place], forged, *entries[place:]]).broken is not None


def test_a_cut_tail_and_a_new_log_are_found_by_a_head_kept_elsewhere() -> None:
    entries = chain(5)
    kept = Head(1, 5, entries[-1].hash)
    assert check(entries[:3]).broken is None  # the chain alone cannot tell
    cut = check(entries[:3], [kept]).broken
    assert cut is not None
    assert (cut.number, "切り取られ" in cut.ja) == (5, True)
    anew: list[audit.Entry] = []
    head = Head(1)
    for number in range(1, 6):
        anew.append(made_entry(head, event(number, name="別人" if number == 2 else "鈴木一郎")))
        head = Head(1, number, anew[-1].hash)
    assert check(anew).broken is None
    found = check(anew, [kept]).broken
    assert found is not None
    assert found.number == 5


def test_heads_are_read_as_they_are_written() -> None:
    head = Head(3, 7, "ab" * 32)
    assert read_head(str(head)) == head
    assert read_head(f"7:{'ab' * 32}") == Head(1, 7, "ab" * 32)
    for wrong in ("", "7", "7:xyz", f"x:{'ab' * 32}", f"1:2:3:{'ab' * 32}"):
        with pytest.raises(ValueError):  # noqa: PT011 - of int() or ours
            read_head(wrong)


def test_a_partial_export_is_checked_as_far_as_it_goes() -> None:
    entries = chain(6)
    some = [entries[1], entries[2], entries[5]]
    assert check(some).broken is not None
    assert check(some, partial=True) == audit_check.Checked(3, Head(1, 6, entries[5].hash), None, 2)
    some[1] = msgspec.structs.replace(some[1], name="x")
    assert check(some, partial=True).broken is not None


@given(st.binary(max_size=300))
def test_hostile_lines_are_refused(data: bytes) -> None:
    with pytest.raises(BadLine):
        read_line(data)
    assert isinstance(next(iter(read_lines([data]))), Broken)


@given(st.dictionaries(st.text(max_size=60), st.text(max_size=400), max_size=30))
def test_details_are_small_clean_and_readable(detail: dict[str, str]) -> None:
    entry = made_entry(Head(1), event(detail=detail, name="\x1b[31m\u202e名\x00", key="=cmd()\n"))
    assert len(entry.detail) <= audit.MOST_DETAIL + 100
    assert isinstance(msgspec.json.decode(entry.detail), dict)
    assert not set(entry.name + entry.key) & set("\x1b\u202e\x00\n")
    assert read_line(line(entry)) == entry


def test_details_hold_no_secrets() -> None:
    detail = {
        "new_password": "hunter2",
        "token": "t0k",
        "inner": {"Authorization": "Bearer x"},
        "column": "設置場所",
    }
    entry = made_entry(Head(1), event(detail=detail))
    assert not [word for word in ("hunter2", "t0k", "Bearer") if word in entry.detail]
    assert "設置場所" in entry.detail


def _write(url: str, worker: int, many: int) -> None:
    engine = open_ledger(url)
    for number in range(many):
        with engine.begin() as connection:
            audit.record_all(connection, [event(number, account=f"w{worker}"), event(number, facility=0)])
    engine.dispose()


@pytest.mark.postgres
def test_many_processes_write_one_chain(pg_schema: str) -> None:
    engine = open_ledger(pg_schema)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_write, args=(pg_schema, n, 40)) for n in range(5)]
    for one in workers:
        one.start()
    for one in workers:
        one.join(120)
        assert one.exitcode == 0
    with engine.connect() as connection:
        for facility in (0, 1):
            entries = list(audit_log.stream(connection, facility))
            found = check(entries, [audit.head(connection, facility)])
            assert (found.entries, found.broken) == (200, None)
        written = [one.key for one in audit_log.stream(connection, 1, Wanted(person="w3"))]
    assert written == [f"d{n}" for n in range(40)]  # each writer's own order is kept
    engine.dispose()


def test_nothing_is_replaced_past_the_triggers(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "ledger.sqlite")
    with writing(engine) as connection:
        audit.record(connection, event())
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("INSERT OR REPLACE INTO audit SELECT * FROM audit"))
    engine.dispose()
