# SPDX-License-Identifier: Apache-2.0
"""What the rules let go of, what stays whatever they say, and that nothing else can delete."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from alembic import command
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from inventory_db import audit_log, binding, ledger, observations, pins, tables
from inventory_db.identify import identify
from inventory_db.observations import Stored, append, as_stored, load, load_transcript
from inventory_db.retention import Rules, changed, harmless, repeats, stands_on
from inventory_db.retention_run import due, let_go
from inventory_db.tables import writing
from probes.facts import Observation, Outcome, Sent, Upload
from tests.inventory_cases import START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]
DAY = 24 * 60  # minutes
NOW = START + timedelta(days=1000)
ALL = Rules(transcripts=timedelta(days=365), confirmations=timedelta(days=365), journal=timedelta(days=365))


def night(number: int, **given: object) -> list[Observation]:
    """One scan a night: a host by ARP, its SSH banner and a port that stays silent."""
    minute, scan = number * DAY, f"s{number}"
    return [
        arp("10.1.0.5", "00:1b:21:00:00:05", minute=minute, scan=scan),
        seen("10.1.0.5", minute=minute + 1, scan=scan, probe="ssh", port=22, BANNER="SSH-2.0-OpenSSH_9.2",
             transcript=given.get("transcript", "< b'SSH-2.0-OpenSSH_9.2'")),
        seen("10.1.0.5", minute=minute + 2, scan=scan, probe="tls", port=443, outcome=Outcome.SILENT),
    ]  # fmt: skip


def sent(number: int) -> Sent:
    at = START + timedelta(days=number)
    return Sent(
        scan=f"s{number}",
        vantage="v-his",
        at=at,
        address="10.1.0.5",
        action="tcp connect",
        port=22,
        packets=3,
    )


def fill(engine: Engine, nights: int) -> None:
    made = [one for number in range(nights) for one in night(number)]
    with writing(engine) as connection:
        append(
            connection,
            Upload(observations=tuple(made), vantages=VANTAGES, sent=tuple(map(sent, range(nights)))),
        )
        ledger.refresh(connection)


def counts(engine: Engine) -> tuple[int, int, int]:
    with engine.connect() as connection:
        return tuple(  # type: ignore[return-value]
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (tables.observations, tables.transcripts, tables.journal)
        )


def test_without_rules_nothing_goes(ledger_engine: Engine) -> None:
    fill(ledger_engine, 40)
    assert let_go(ledger_engine, Rules(), NOW) == []
    assert counts(ledger_engine) == (120, 1, 40)


def test_nothing_young_goes_whatever_the_rule(ledger_engine: Engine) -> None:
    fill(ledger_engine, 20)
    rules = Rules(*[timedelta(0)] * 3)
    assert all(not one.ids for one in let_go(ledger_engine, rules, START + timedelta(days=29)))
    assert counts(ledger_engine) == (60, 1, 20)


def test_confirmations_go_and_the_ledger_stays_the_same(ledger_engine: Engine) -> None:
    fill(ledger_engine, 100)
    with ledger_engine.connect() as connection:
        before = ledger.devices(connection)
        rows = [row.values for row in ledger.official_rows(connection)]
        planned = {one.kind: one for one in due(connection, ALL, NOW)}
    done = {one.kind: one for one in let_go(ledger_engine, ALL, NOW)}
    with ledger_engine.connect() as connection:
        after = ledger.devices(connection)
        assert [replace(one, observations=()) for one in after] == [
            replace(one, observations=()) for one in before
        ]
        assert [row.values for row in ledger.official_rows(connection)] == rows
        kept = [one.id for one in load(connection)]
        logged = list(audit_log.stream(connection, 1))
    assert planned["confirmations"] == done["confirmations"]
    assert 0 < len(kept) == 300 - len(done["confirmations"].ids) <= 3 * 2 * 4 + 6
    assert set(after[0].observations) <= set(kept)
    assert counts(ledger_engine)[2] == 1  # the journal of the scan that saw it last
    assert [(one.action, one.kind) for one in logged] == [
        ("retention", "confirmations"),
        ("retention", "journal"),
    ]
    assert done["confirmations"].digest in logged[0].detail
    assert not [one for one in let_go(ledger_engine, ALL, NOW) if one.ids]  # nothing is left to do


def test_a_transcript_goes_only_when_nothing_young_said_it_and_nothing_stands_on_it(
    ledger_engine: Engine,
) -> None:
    made = [*night(0, transcript="old"), *night(1, transcript="both"), *night(990, transcript="both")]
    made += night(2, transcript="pinned")
    made += [one for n in (3, 4) for one in night(n, transcript=f"more {n}")]
    with writing(ledger_engine) as connection:
        append(connection, Upload(observations=tuple(made), vantages=VANTAGES))
        ledger.refresh(connection)
        wanted = {one.transcript: one.id for one in made if one.transcript}
        pins.pin(connection, pins.reason("answer", "x"), [wanted["pinned"]], NOW)
    done = {one.kind: one for one in let_go(ledger_engine, replace(ALL, confirmations=None), NOW)}
    with ledger_engine.connect() as connection:
        left = {text: load_transcript(connection, id) for text, id in wanted.items()}
        stored = observations.load_some(connection, wanted.values())
    stays = {text for text, found in left.items() if found}
    assert {"both", "pinned"} <= stays
    assert stays != set(left)
    assert len(done["transcripts"].ids) == len(left) - len(stays)
    assert done["transcripts"].kept >= 1
    assert len(stored) == len(wanted)  # the observations themselves stay
    text = next(iter(set(left) - stays))
    again = night(995, transcript=text)
    with writing(ledger_engine) as connection:  # said again: kept again
        append(connection, Upload(observations=tuple(again), vantages=VANTAGES))
    with ledger_engine.connect() as connection:
        assert load_transcript(connection, again[1].id) == text


def test_pinned_confirmations_stay(ledger_engine: Engine) -> None:
    fill(ledger_engine, 60)
    with ledger_engine.connect() as connection:
        middle = [one.id for one in load(connection)][30]
    with writing(ledger_engine) as connection:
        assert pins.pin(connection, pins.reason("release", "r1"), [middle], NOW) == 1
        assert pins.pin(connection, pins.reason("release", "r1"), [middle], NOW) == 1
        assert pins.pinned(connection) == {middle}
        assert pins.reasons(connection) == {pins.reason("release", "r1")}
    let_go(ledger_engine, ALL, NOW)
    with ledger_engine.connect() as connection:
        assert observations.load_some(connection, [middle])


@pytest.mark.parametrize("table", ["observations", "transcripts", "journal", "pins"])
@pytest.mark.parametrize("verb", ["DELETE FROM {}", "UPDATE {} SET facility = facility"])
def test_nothing_else_can_delete_or_change(ledger_engine: Engine, table: str, verb: str) -> None:
    fill(ledger_engine, 3)
    with writing(ledger_engine) as connection:
        pins.pin(connection, pins.reason("answer", "x"), [], NOW)
    with pytest.raises(DBAPIError, match="append-only"), ledger_engine.begin() as connection:
        connection.execute(text(verb.format(table)))


def test_the_open_door_lets_nothing_young_pinned_or_other_through(ledger_engine: Engine) -> None:
    fill(ledger_engine, 40)
    with writing(ledger_engine) as connection:
        first = (
            connection.execute(select(tables.observations.c.id).order_by(tables.observations.c.at))
            .scalars()
            .all()
        )
        pins.pin(connection, pins.reason("answer", "x"), [first[9]], NOW)
        anchors = set(connection.execute(select(tables.numbers.c.anchor)).scalars())

    def attempt(before: datetime, target: str, kind: str = "observations") -> None:
        with writing(ledger_engine) as connection:
            xact = "''" if connection.dialect.name == "sqlite" else "pg_current_xact_id()::text"
            at = observations.microseconds(before)
            connection.execute(text(f"INSERT INTO retention_door VALUES (1, '{kind}', {at}, {xact})"))
            connection.execute(text(f"DELETE FROM observations WHERE id = '{target}'"))
            connection.rollback()

    late = START + timedelta(days=39)
    attempt(late, first[12])  # an old one would go
    with pytest.raises(DBAPIError, match="append-only"):
        attempt(late, first[9])  # pinned
    with pytest.raises(DBAPIError, match="append-only"):
        attempt(late, first[-1])  # younger than the rule
    with pytest.raises(DBAPIError, match="append-only"):
        attempt(late, first[12], "journal")  # another door
    with pytest.raises(DBAPIError, match="append-only"):
        attempt(late, anchors.pop())  # a device's number hangs on it


@pytest.mark.postgres
@pytest.mark.parametrize("ledger_engine", ["postgresql"], indirect=True)
def test_a_door_left_open_is_shut_for_the_next_transaction(ledger_engine: Engine) -> None:
    fill(ledger_engine, 3)
    with writing(ledger_engine) as connection:
        connection.execute(
            text("INSERT INTO retention_door VALUES (1, 'observations', 9e18, pg_current_xact_id()::text)")
        )
    with pytest.raises(DBAPIError, match="append-only"), writing(ledger_engine) as connection:
        connection.execute(text("DELETE FROM observations"))


_ADDRESSES = ("10.1.0.5", "10.1.0.6", "10.2.0.5")
_MACS = ("00:1b:21:00:00:05", "00:1b:21:00:00:06", "")
_LOOK = st.builds(
    lambda place, address, mac, what, minute: (place, address, mac, what, minute),
    st.integers(0, 40),
    st.sampled_from(_ADDRESSES),
    st.sampled_from(_MACS),
    st.sampled_from(["arp", "ssh", "ssh", "ssh2", "silent", "refused", "name", "held"]),
    st.integers(0, 3),
)


def look(night: int, address: str, mac: str, what: str, minute: int) -> Observation:
    """One made-up look; few different ones, so that many are alike."""
    given: dict[str, object] = {"minute": night * DAY + minute, "scan": f"s{night}"}
    if what == "arp" and mac:
        return arp(address, mac, **given)  # type: ignore[arg-type]
    outcomes = {"silent": Outcome.SILENT, "refused": Outcome.REFUSED, "held": Outcome.HELD_BACK}
    if what in outcomes:
        return seen(address, port=80, probe="http", outcome=outcomes[what], **given)  # type: ignore[arg-type]
    if what == "name":
        return seen(address, port=137, probe="nbns", transport="udp", NAME="PC1", **given)  # type: ignore[arg-type]
    banner = "SSH-2.0-OpenSSH_9.2" if what == "ssh" else "SSH-2.0-dropbear_2022.83"
    return seen(address, port=22, probe="ssh", mac=mac, BANNER=banner, **given)  # type: ignore[arg-type]


@settings(max_examples=150, report_multiple_bugs=False)
@given(st.lists(_LOOK, min_size=1, max_size=60), st.integers(1, 120))
def test_what_is_let_go_changes_no_device(looks: list[tuple[int, str, str, str, int]], limit: int) -> None:
    every = sorted(
        {one.id: one for one in (as_stored(look(*one)) for one in looks)}.values(),
        key=lambda one: (one.at, one.id),
    )
    before = identify(every, VANTAGES)
    gone = harmless(every, VANTAGES, START + timedelta(days=limit), stands_on(before))
    after = identify([one for one in every if one.id not in gone], VANTAGES)
    assert [replace(one, observations=()) for one in before] == [
        replace(one, observations=()) for one in after
    ]
    assert not changed(before, after)


@given(st.lists(st.sampled_from("AAAB"), max_size=60), st.integers(0, 60))
def test_first_and_last_of_every_month_and_run_stay(answers: list[str], limit: int) -> None:
    every: list[Stored] = [
        as_stored(seen("10.1.0.5", port=22, probe="ssh", BANNER=answer, minute=n * DAY))
        for n, answer in enumerate(answers)
    ]
    gone = set(repeats(every, START + timedelta(days=limit)))
    for place, one in enumerate(every):
        neighbours = every[place - 1 : place] + every[place + 1 : place + 2]
        inside = len(neighbours) == 2 and all(
            (other.at.month, other.facts) == (one.at.month, one.facts) for other in neighbours
        )
        older = place + 1 < len(every) and every[place + 1].at < START + timedelta(days=limit)
        assert (one.id in gone) is (inside and older)


def _migrate(engine: Engine, revision: str) -> None:
    with binding.every(engine).begin() as connection:
        config = tables.migrations()
        config.attributes["connection"] = connection
        (command.downgrade if revision == "0007" else command.upgrade)(config, revision)


def test_the_migration_goes_both_ways_with_data(ledger_engine: Engine) -> None:
    fill(ledger_engine, 5)
    with ledger_engine.connect() as connection:
        before = list(load(connection))
    for revision in ("0007", "head"):
        _migrate(ledger_engine, revision)
        with ledger_engine.connect() as connection:
            assert list(load(connection)) == before
        for table in ("observations", "transcripts", "journal"):
            with pytest.raises(DBAPIError, match="append-only"), ledger_engine.begin() as connection:
                connection.execute(text(f"DELETE FROM {table}"))
    _migrate(ledger_engine, "head")
    fill(ledger_engine, 8)
    assert counts(ledger_engine) == (24, 1, 8)
