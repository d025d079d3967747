# SPDX-License-Identifier: Apache-2.0
"""Devices brought up to date upload by upload are those derived from everything at once — on both databases."""

import logging
import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, delete, func, select

from inventory_db import digest, digested, ledger, observations, tables
from inventory_db.facilities import add_facility, bind
from probes.facts import Observation, Sent, Upload
from tests.inventory_cases import START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_digest import NIGHT, answers, history

__all__ = ["ledger_engine"]
_names = count(1)


def of_its_own(engine: Engine) -> Engine:
    """Give the engine of a facility that is new and empty."""
    with engine.begin() as connection:
        facility = add_facility(connection, f"f{next(_names)}", "病院", START)
    return bind(engine, facility.id)


def bodies(connection: Connection) -> dict[str, bytes]:
    table = tables.devices
    return {row.device_id: row.body for row in connection.execute(select(table.c.device_id, table.c.body))}


def derive_from_scratch(connection: Connection) -> dict[str, bytes]:
    """Derive all devices anew; gives their bodies by id."""
    digested.start_again(connection)
    connection.execute(delete(tables.devices))
    observations.announce(connection, 0, ())
    ledger.refresh(connection)
    return bodies(connection)


def assert_as_from_nothing(connection: Connection) -> None:
    """Check that the devices are, byte by byte, those derived from all observations at once."""
    step_by_step = bodies(connection)
    assert derive_from_scratch(connection) == step_by_step


def uploads(told: list[Any], sizes: list[int]) -> Iterator[Upload]:
    """Give what was told in batches of these sizes, with what was sent for it."""
    rest: list[Observation] = []
    for night, hours, address, card, chosen in told:
        every = answers(address, card, night * NIGHT + 60 * hours, f"s{night}")
        rest += [every[index] for index in chosen]
    for size in [*sizes, len(rest)]:
        some, rest = rest[:size], rest[size:]
        sent = tuple(
            Sent(scan=one.scan, vantage=one.vantage, at=one.at, address=one.address, action="x", packets=1)
            for one in some
        )
        yield Upload(observations=tuple(some), sent=sent, vantages=VANTAGES)


@given(history, st.lists(st.integers(1, 15), max_size=4), st.booleans(), st.randoms())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_upload_by_upload_is_as_everything_at_once(
    ledger_engine: Engine, told: list[Any], sizes: list[int], in_order: bool, chance: random.Random
) -> None:
    told = sorted(told, key=lambda one: one[:2])
    if not in_order:
        chance.shuffle(told)
    with tables.writing(of_its_own(ledger_engine)) as connection:
        for upload in uploads(told, sizes):
            observations.append(connection, upload)
            ledger.refresh(connection)
        assert_as_from_nothing(connection)


def nights(number: int) -> Iterator[Upload]:
    """The same hosts night by night; one of them is a router."""
    for night in range(number):
        told: list[Observation] = []
        for host in range(5, 9):
            every = answers(f"10.1.0.{host}", f"b8:2a:72:00:00:0{host}", night * NIGHT, f"s{night}")
            told += [one for one in every if host == 5 or one.probe != "snmp_tables"]
        yield Upload(observations=tuple(told), vantages=VANTAGES)


def test_nights_alike_are_passed_over(ledger_engine: Engine) -> None:
    def kept(connection: Connection) -> int:
        return int(connection.execute(select(func.count()).select_from(digested.kept)).scalar_one())

    with tables.writing(ledger_engine) as connection:
        found = []
        for upload in nights(12):
            observations.append(connection, upload)
            ledger.refresh(connection)
            found.append(kept(connection))
        first, last = ledger.devices(connection)[0].first_seen, ledger.devices(connection)[0].last_seen
        (one,) = [device for device in ledger.devices(connection) if device.addresses[0].ip == "10.1.0.6"]
        middle = [o.id for o in answers("10.1.0.6", "b8:2a:72:00:00:06", 5 * NIGHT, "s5")]
        other = answers("10.1.0.7", "b8:2a:72:00:00:07", 5 * NIGHT, "s5")[0].id
        assert not set(middle) & set(one.observations)
        assert all(ledger.is_of(connection, one, id) for id in middle[:6])
        assert not ledger.is_of(connection, one, other)
        assert not ledger.is_of(connection, one, "0" * 32)
    assert found[11] == found[3]  # what differs comes back within three nights
    assert (first[:10], last[:10]) == ("2026-04-01", "2026-04-12")


def test_another_version_of_the_product_derives_all_anew(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with tables.writing(ledger_engine) as connection:
        observations.append(connection, next(nights(1)))
        ledger.refresh(connection)
        assert digested.is_current(connection)
        newer = digest.VERSION + 1
        for module in (digest, digested):
            monkeypatch.setattr(module, "VERSION", newer)
        assert not digested.is_current(connection)
        caplog.set_level(logging.INFO)
        ledger.refresh(connection)
        assert digested.is_current(connection)
    assert "no digest of this version" in caplog.text


def test_only_devices_that_changed_are_written(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        observations.append(connection, next(nights(1)))
        ledger.refresh(connection)
        before = bodies(connection)
        observations.append(
            connection, Upload(observations=(arp("10.1.0.5", "b8:2a:72:00:00:05", minute=NIGHT),))
        )
        ledger.refresh(connection)
        after = bodies(connection)
    assert [id for id in before if before[id] != after[id]] == [
        id for id, body in after.items() if b"10.1.0.5" in body
    ]


def test_an_older_card_that_comes_late_is_told_and_taken_up(
    ledger_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with tables.writing(ledger_engine) as connection:
        for night in range(4):
            observations.append(connection, Upload(observations=(
                arp("10.1.0.5", "b8:2a:72:00:00:05", minute=night * NIGHT, scan=f"s{night}"),
                seen("10.1.0.5", minute=night * NIGHT + 1, scan=f"s{night}", probe="ssh", port=22, SERVICE="ssh"),
            ), vantages=VANTAGES))  # fmt: skip
            ledger.refresh(connection)
        caplog.set_level(logging.INFO)
        other = arp("10.1.0.5", "b8:2a:72:00:00:06", minute=NIGHT - 5, scan="s9")
        observations.append(connection, Upload(observations=(other,)))
        assert ledger.refresh(connection) == 2
        services = [[service.port for service in device.services] for device in ledger.devices(connection)]
    assert "another card held 10.1.0.5 before" in caplog.text
    assert services == [[22], []]


def test_what_was_appended_before_a_crash_is_taken_up_whatever_the_clock_says(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tables.writing(ledger_engine) as connection:
        observations.append(connection, next(nights(1)))
        before = ledger.refresh(connection)
    for address, clock in (("10.1.0.50", 7), ("10.1.0.51", 7), ("10.1.0.52", 9 * 10**15)):
        monkeypatch.setattr(observations, "_now", lambda clock=clock: clock)
        with tables.writing(ledger_engine) as connection:
            observations.append(
                connection, Upload(observations=(arp(address, f"b8:2a:72:00:01:{address[-2:]}"),))
            )
    assert ledger.catch_up(ledger_engine)
    assert not ledger.catch_up(ledger_engine)
    with ledger_engine.connect() as connection:
        assert len(ledger.devices(connection)) == before + 3
