# SPDX-License-Identifier: Apache-2.0
"""Devices written in steps are those written at once, whatever comes between two steps or ends them — on both databases."""

import time
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, select

from inventory_db import (
    digested,
    index_tables,
    ledger,
    ledger_index,
    observations,
    people,
    refreshing,
    tables,
)
from inventory_db.listed_ledger import number_listed
from inventory_db.refreshing import Overtaken, find, finish_steps, is_much, write_in_steps
from inventory_db.stated import SameDevice
from inventory_db.statements import state
from inventory_db.tables import writing
from probes.facts import Upload
from tests.inventory_cases import START, VANTAGES
from tests.inventory_engines import ledger_engine
from tests.test_digest import NIGHT, answers
from tests.test_refresh import bodies, of_its_own

__all__ = ["ledger_engine"]
HOSTS = 24


def night(number: int, swap: int = 0) -> Upload:
    """All hosts in one night; with `swap` 1 or 2 pairs of them have each other's address."""
    told = [
        one
        for host in range(HOSTS)
        for one in answers(
            f"10.1.0.{(host ^ swap) + 5}", f"b8:2a:72:00:00:{host:02x}", number * NIGHT, f"s{number}"
        )
        if one.probe in ("packets.arp", "ports", "http")
        and one.address != "10.2.0.7"  # ties no two hosts together
    ]
    return Upload(observations=tuple(told), vantages=VANTAGES)


def rows(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Give everything that is derived, as it stands."""
    made = (digested.kept, digested.keys, tables.numbers, index_tables.rows, index_tables.shown)
    left_out = {"assigned"}
    return {
        table.name: sorted(
            map(tuple, connection.execute(select(*[c for c in table.c if c.name not in left_out]))), key=repr
        )
        for table in made
    }


def add(engine: Engine, upload: Upload) -> None:
    with writing(engine) as connection:
        observations.append(connection, upload)


def in_steps(engine: Engine, between: Callable[[], object] = lambda: None) -> None:
    """Derive in steps; `between` is called before each."""
    with engine.connect() as connection:
        coming = find(connection)
    assert coming is not None
    assert is_much(coming)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "sleep", lambda _: between())
        write_in_steps(engine, coming)
    with writing(engine) as connection:
        finish_steps(connection, coming)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refreshing, "AT_ONCE", 3)
    monkeypatch.setattr(refreshing, "STEP", 4)
    monkeypatch.setattr(refreshing, "ROWS", 40)
    monkeypatch.setattr(digested, "_FORGOTTEN", 30)


def whole(engine: Engine) -> tuple[dict[str, bytes], dict[str, list[tuple[object, ...]]]]:
    with engine.connect() as connection:
        assert digested.is_current(connection)
        assert ledger_index.find_mark(connection) is not None
        return bodies(connection), {
            name: [row[1:] for row in found] for name, found in rows(connection).items()
        }


def test_steps_make_what_one_transaction_makes(ledger_engine: Engine) -> None:
    stepped, plain = of_its_own(ledger_engine), of_its_own(ledger_engine)
    for upload in (night(0), night(1), night(2, swap=1)):
        steps = list[int]()
        add(stepped, upload)
        in_steps(stepped, lambda steps=steps: steps.append(1))  # type: ignore[misc]
        assert len(steps) > 3
        add(plain, upload)
        with writing(plain) as connection:
            ledger.refresh(connection)
        assert whole(stepped) == whole(plain)
    for engine in (stepped, plain):
        with writing(engine) as connection:
            digested.start_again(connection)
    in_steps(stepped)
    with writing(plain) as connection:
        ledger.refresh(connection)
    assert whole(stepped) == whole(plain)


def test_what_ends_between_two_steps_is_done_again(ledger_engine: Engine) -> None:
    engine, plain = of_its_own(ledger_engine), of_its_own(ledger_engine)
    for one in (engine, plain):
        for upload in (night(0), night(1, swap=1)):
            add(one, upload)
            with writing(one) as connection:
                ledger.refresh(connection)
        add(one, night(2, swap=2))
    with writing(plain) as connection:
        ledger.refresh(connection)
    for last in (1, 2, 4, 6):
        left = iter(range(last))

        def end(left: object = left) -> None:
            if next(left, None) is None:  # type: ignore[call-overload]
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            in_steps(engine, end)
        with engine.connect() as connection:
            assert not digested.is_current(connection)
            assert len(bodies(connection)) >= HOSTS
    in_steps(engine)
    assert whole(engine)[0] == whole(plain)[0]
    with engine.connect() as connection, plain.connect() as other:
        assert ledger.document(connection)["devices"] == ledger.document(other)["devices"]


def test_people_and_agents_come_between_two_steps(ledger_engine: Engine) -> None:
    engine = of_its_own(ledger_engine)
    add(engine, night(0))
    in_steps(engine)
    with engine.connect() as connection:
        id = next(iter(bodies(connection)))
    with writing(engine) as connection:
        digested.start_again(connection)
    places = [f"{number}階" for number in range(50)]
    said = iter(places)
    told: list[str] = []

    def between() -> None:
        told.append(next(said))
        with writing(engine) as connection:
            ledger.edit(connection, id, "設置場所", told[-1], "鈴木", START)
            if len(told) == 2:
                observations.append(connection, night(1))

    in_steps(engine, between)
    with engine.connect() as connection:
        assert not digested.is_current(connection), "what came meanwhile is still to be taken up"
        assert people.latest(people.entries_of(connection, {id}))["設置場所"].value == told[-1]
        (one,) = [one for one in ledger.official_rows(connection) if one.device.id == id]
        assert told[-1] in one.values
        assert ledger_index.find_mark(connection) is not None
    with writing(engine) as connection:
        assert ledger.refresh(connection) == HOSTS


def test_who_is_overtaken_writes_no_more(ledger_engine: Engine) -> None:
    engine = of_its_own(ledger_engine)
    add(engine, night(0))
    calls: list[int] = []

    def between() -> None:
        calls.append(1)
        if len(calls) == 3:
            with writing(engine) as connection:
                ledger.refresh(connection)

    with pytest.raises(Overtaken):
        in_steps(engine, between)
    stands = whole(engine)
    assert len(calls) == 3
    assert len(stands[0]) == HOSTS


def test_a_decision_meanwhile_is_not_passed_over(ledger_engine: Engine) -> None:
    engine = of_its_own(ledger_engine)
    add(engine, night(0))
    with engine.connect() as connection:
        coming = find(connection)
    said = SameDevice(
        one=("mac b8:2a:72:00:00:01",), other=("mac b8:2a:72:00:00:02",), same=True, reason="銘板で確認", on=START.date()
    )  # fmt: skip
    with writing(engine) as connection:
        state(connection, said, "鈴木", START)
    with writing(engine) as connection, pytest.raises(Overtaken):
        refreshing.write(connection, coming)


def test_numbers_given_meanwhile_are_given_once(ledger_engine: Engine) -> None:
    engine = of_its_own(ledger_engine)
    add(engine, night(0))
    with engine.connect() as connection:
        coming = find(connection)
    assert coming is not None
    with writing(engine) as connection:
        assert number_listed(connection, ["l-1", "l-2"]) == 2, "somebody takes over rows of an old ledger"
    with writing(engine) as connection, pytest.raises(Overtaken):
        refreshing.write(connection, coming)
    with pytest.raises(Overtaken):
        write_in_steps(engine, coming)
    with writing(engine) as connection:
        assert ledger.refresh(connection) == HOSTS
        given = connection.execute(select(tables.numbers.c.number)).scalars().all()
    assert sorted(given) == list(range(1, HOSTS + 3))
