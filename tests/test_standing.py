# SPDX-License-Identifier: Apache-2.0
"""What is kept in memory is that of today's ledger, whoever changed it, and of no other facility or database."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from collector.settings import Settings
from collector.standing import MOST_AGE, Memory, judged, remembered, standing_case
from inventory_db import attachments, ledger, observations, statements, tables
from inventory_db.facilities import add_facility, bind
from inventory_db.stated import Vendor
from tests.inventory_cases import START, arp, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

NOW = START + timedelta(hours=1)
SETTINGS = Settings()


def fill(engine: Engine, ip: str) -> None:
    with tables.writing(engine) as c:
        observations.append(c, upload(arp(ip, "00:11:22:33:44:55")), "agent")
        ledger.refresh(c)


def type_place(c: Connection) -> None:
    ledger.edit(c, ledger.devices(c)[0].id, "設置場所", "手術室", "鈴木", NOW)


def state_vendor(c: Connection) -> None:
    statements.state(c, Vendor(id="v", name="保守会社"), "鈴木", NOW)


def see_more(c: Connection) -> None:
    observations.append(c, upload(arp("10.1.0.9", "00:11:22:33:44:66", minute=2)), "agent")


def attach(c: Connection) -> None:
    attachments.attach(c, b"x", "x", "text/plain", "鈴木", NOW)


@pytest.mark.parametrize("change", [type_place, state_vendor, see_more, attach])
def test_every_change_through_another_process_is_seen(
    tmp_path: Path, change: Callable[[Connection], None]
) -> None:
    ours, theirs = (tables.open_ledger(tmp_path / "ledger.sqlite") for _ in range(2))
    fill(ours, "10.1.0.5")
    with ours.connect() as c:
        first = judged(c, "", NOW, SETTINGS)
        assert judged(c, "", NOW, SETTINGS) is first
    with tables.writing(theirs) as c:
        change(c)
    with ours.connect() as c:
        second = judged(c, "", NOW, SETTINGS)
        assert second is not first
        assert standing_case(c, NOW, SETTINGS) is second[0]
    for engine in (ours, theirs):
        engine.dispose()


def test_not_longer_than_it_may_be_and_not_over_midnight(ledger_engine: Engine) -> None:
    fill(ledger_engine, "10.1.0.5")
    late = datetime(2026, 4, 1, 14, 59, tzinfo=UTC)  # 23:59 in Japan
    with ledger_engine.connect() as c:
        first = standing_case(c, late, SETTINGS)
        assert standing_case(c, late + timedelta(seconds=59), SETTINGS) is first
        assert standing_case(c, late + timedelta(minutes=1), SETTINGS) is not first
        early = standing_case(c, NOW, SETTINGS)
        assert standing_case(c, NOW + MOST_AGE, SETTINGS) is not early


def test_facilities_and_databases_stay_apart(ledger_engine: Engine, tmp_path: Path) -> None:
    with tables.writing(ledger_engine) as c:
        other = bind(ledger_engine, add_facility(c, "higashi", "東", NOW).id)
    copy = tables.open_ledger(tmp_path / "other.sqlite")
    for engine, ip in ((ledger_engine, "10.1.0.5"), (other, "10.1.0.6"), (copy, "10.1.0.7")):
        fill(engine, ip)
    for engine, ip in ((ledger_engine, "10.1.0.5"), (other, "10.1.0.6"), (copy, "10.1.0.7")) * 2:
        with engine.connect() as c:
            (device,) = standing_case(c, NOW, SETTINGS).devices
        assert [address.ip for address in device.addresses] == [ip]
    copy.dispose()


def test_one_makes_it_and_the_others_wait(ledger_engine: Engine) -> None:
    made: list[int] = []
    go = threading.Event()

    def make() -> tuple[str, int]:
        made.append(1)
        go.wait(10)
        return "x", 1

    def look() -> None:
        with ledger_engine.connect() as c:
            assert remembered(c, ("x",), NOW, SETTINGS, make) == "x"

    threads = [threading.Thread(target=look) for _ in range(4)]
    for thread in threads:
        thread.start()
    go.set()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_weighs_too_much_goes_and_a_failure_is_not_kept() -> None:
    memory, made = Memory(most=10), list[str]()

    def make(name: str, weight: int) -> Callable[[], tuple[str, int]]:
        def run() -> tuple[str, int]:
            made.append(name)
            return name, weight

        return run

    for name in ("a", "b", "a", "c", "b"):
        assert memory.get(name, (1,), NOW, make(name, 5)) == name
    assert made == ["a", "b", "c", "b"]  # c pushed out b, not a, which was used later
    with pytest.raises(ZeroDivisionError):
        memory.get("c", (2,), NOW, lambda: (1 / 0, 1))
    assert memory.get("c", (2,), NOW, make("c2", 1)) == "c2"
