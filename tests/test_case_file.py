# SPDX-License-Identifier: Apache-2.0
"""The case as read from the ledger: now, and as it was known at an earlier moment."""

import time
from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from collector.case_file import read_case, times_in
from collector.checking import NoSuchEdition, check
from collector.settings import Settings
from collector.standing import standing_case
from inventory_db import ledger, observations, refreshing, statements
from inventory_db.stated import Facility, Vendor
from inventory_db.tables import writing
from probes.facts import Scan, Sent, Upload
from tests.inventory_cases import HIS, START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
SETTINGS = Settings(ledger="unused")
END = START + timedelta(hours=1)
LATER = START + timedelta(days=2)
SCAN = Scan(id="s1", started=START, ended=END, scope=(HIS,), state="complete", planned=254, finished=254)
ACCESS = Scan(id="a1", started=LATER, ended=LATER, profile="access", state="complete", scope=(HIS,))


@pytest.fixture
def filled(ledger_engine: Engine) -> Engine:
    """A ledger of one scan, an access test two days later, and what a person stated in between."""
    looks = [seen("10.1.0.5", scan="a1", port=port, minute=2 * 24 * 60 + port) for port in (22, 80)]
    kept = (arp("10.1.0.5", "00:50:56:00:00:05"), *looks)
    with writing(ledger_engine) as connection:
        observations.append(connection, Upload(observations=kept, scans=(SCAN, ACCESS), vantages=VANTAGES))
        ledger.refresh(connection)
        told = [Facility(name="東山台病院", networks=(HIS,)), Vendor(id="a", name="A社")]
        statements.state_all(connection, told, "鈴木", START + timedelta(days=1))
    return ledger_engine


def test_everything_that_stands_is_read(filled: Engine) -> None:
    with filled.connect() as connection:
        case = read_case(connection, LATER + timedelta(hours=2))
    assert [device.addresses[0].ip for device in case.devices] == ["10.1.0.5"]
    assert [row.device.id for row in case.rows] == [case.devices[0].id]
    assert [scan.id for scan in case.scans] == ["s1", "a1"]
    assert [one.port for one in case.access] == [22, 80]
    assert case.said(Vendor)[0].name == "A社"
    assert case.basis.complete
    assert case.basis.fresh


def test_at_an_earlier_moment_only_what_was_known_then(filled: Engine) -> None:
    with filled.connect() as connection:
        midway = read_case(connection, LATER, START + timedelta(minutes=30))
        before = read_case(connection, LATER, START - timedelta(days=1))
    assert midway.scans[0].state == "running"
    assert not midway.basis.complete
    assert not midway.access
    assert not midway.said(Facility)
    assert midway.devices
    assert not before.devices
    assert not before.scans


def test_an_old_look_is_not_fresh(filled: Engine) -> None:
    with filled.connect() as connection:
        aged = read_case(connection, END + timedelta(days=40))
        patient = read_case(connection, END + timedelta(days=40), age_limit=timedelta(days=60))
    assert aged.basis.complete
    assert not aged.basis.fresh
    assert patient.basis.fresh


def test_the_moments_of_observations_are_looked_up(filled: Engine) -> None:
    with filled.connect() as connection:
        case = read_case(connection, LATER)
        times = times_in(connection)([one.id for one in case.access] + ["unknown"])
    assert set(times.values()) == {one.at for one in case.access}


def test_the_edition_follows_the_facility(filled: Engine) -> None:
    with filled.connect() as connection:
        assert check(connection, "", LATER).edition.id == "R6-hospital"
        with pytest.raises(NoSuchEdition):
            check(connection, "R99", LATER)
    with writing(filled) as connection:
        statements.state(connection, Facility(name="薬局", form="pharmacy"), "鈴木", LATER)
    with filled.connect() as connection:
        assert check(connection, "", LATER).edition.id == "R5-pharmacy"


def test_what_a_scan_saw_counts_for_no_yes_until_it_stands_in_the_ledger(filled: Engine) -> None:
    """The end of a scan is known before its last observations are devices, and devices may be written in steps."""
    again = msgspec.structs.replace(SCAN, id="s2", started=LATER, ended=LATER + timedelta(minutes=50))
    running = msgspec.structs.replace(again, ended=None, state="running")
    seen_then = (arp("10.1.0.6", "00:50:56:00:00:06", scan="s2", minute=2 * 24 * 60),)
    now = LATER + timedelta(hours=2)
    with writing(filled) as connection:
        observations.append(connection, Upload(observations=seen_then, scans=(running,)))
    with filled.connect() as connection:
        assert standing_case(connection, now, SETTINGS).basis.complete, "the scan before it still counts"
    with writing(filled) as connection:
        observations.append(connection, Upload(scans=(again,)))
    with filled.connect() as connection:
        for case in (read_case(connection, now), standing_case(connection, now, SETTINGS)):
            assert (len(case.devices), case.basis.complete, case.basis.fresh) == (1, False, False)
            assert "まだ台帳に入っていません" in case.basis.text.ja
        assert read_case(connection, now, LATER + timedelta(hours=1)).basis.complete, "it looks at all itself"
    with writing(filled) as connection:
        ledger.refresh(connection)
    with filled.connect() as connection:
        for case in (read_case(connection, now), standing_case(connection, now, SETTINGS)):
            assert (len(case.devices), case.basis.complete, case.basis.fresh) == (2, True, True)


def test_devices_written_in_steps_support_no_yes_before_the_last(
    filled: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refreshing, "AT_ONCE", 1)
    monkeypatch.setattr(refreshing, "ROWS", 1)
    again = msgspec.structs.replace(SCAN, id="s2", started=LATER, ended=LATER + timedelta(minutes=50))
    many = [arp(f"10.1.0.{n}", f"00:50:56:00:00:{n}", scan="s2", minute=2880) for n in range(20, 30)]
    with writing(filled) as connection:
        observations.append(connection, Upload(observations=tuple(many), scans=(again,)))
    found = list[tuple[int, bool]]()

    def look(_: float = 0) -> None:
        with filled.connect() as connection:
            case = standing_case(connection, LATER + timedelta(hours=2), SETTINGS)
            found.append((len(case.devices), case.basis.complete))

    monkeypatch.setattr(time, "sleep", look)
    with filled.connect() as connection:
        coming = refreshing.find(connection)
    assert coming is not None
    refreshing.write_in_steps(filled, coming)
    look()
    with writing(filled) as connection:
        refreshing.finish_steps(connection, coming)
    look()
    assert len(found) > 5
    assert [complete for _, complete in found] == [False] * (len(found) - 1) + [True]
    assert found[-1] == (11, True)


def test_a_scan_may_have_any_name(filled: Engine) -> None:
    strange = msgspec.structs.replace(SCAN, id="s\x00" + "x" * 300, started=LATER, ended=LATER)
    with writing(filled) as connection:
        told = (arp("10.1.0.6", "00:50:56:00:00:06", scan=strange.id),)
        sent = Sent(scan=strange.id, vantage="v-his", at=LATER, address="10.1.0.6", action="x", packets=7)
        observations.append(connection, Upload(observations=told, scans=(strange,), sent=(sent,)))
    with filled.connect() as connection:
        assert not read_case(connection, LATER + timedelta(hours=2)).basis.complete
    with writing(filled) as connection:
        ledger.refresh(connection)
    with filled.connect() as connection:
        case = read_case(connection, LATER + timedelta(hours=2))
    assert case.basis.complete
    assert [one.touched.packets for one in case.devices] == [0, 7]
