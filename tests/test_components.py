# SPDX-License-Identifier: Apache-2.0
"""A refresh looks only at what has to do with what came, and comes to what looking at everything would — on both databases."""

import random
import re
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, select

from inventory_db import digested, ledger, observations, tables
from inventory_db.components import components, hashed, named
from inventory_db.facilities import add_facility, bind
from inventory_db.observations import as_stored
from inventory_db.places import Agents, Places
from inventory_db.sightings import sight, survey
from probes.facts import Observation, Outcome, Sent, Upload
from tests.inventory_cases import START, VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_refresh import derive_from_scratch

__all__ = ["ledger_engine"]
HOSTS, NIGHT = 12, 1440
_names = count(1)


def mac_of(host: int) -> str:
    return f"b8:2a:72:00:00:{host:02x}"


def ip_of(host: int) -> str:
    return f"10.{1 + host % 2}.0.{10 + host}"


def told(host: int, other: int, kind: str, night: int) -> list[Observation]:
    """What one host says in one night; some of it is about another host, or makes the two one."""
    asked: dict[str, Any] = {"scan": f"s{night}", "minute": night * NIGHT + host}

    def say(probe: str, **given: Any) -> Observation:
        return seen(ip_of(host), probe=probe, **(asked | given))

    return {
        "card": [arp(ip_of(host), mac_of(host), **asked)],
        "moved": [arp(ip_of(other), mac_of(host), **asked)],
        "ssh": [say("ssh", port=22, SERVICE="ssh", SSH_HOST_KEY=f"k{host}", NAME=f"PC{host}")],
        "cloned": [say("ssh", port=22, SERVICE="ssh", SSH_HOST_KEY=f"k{other}")],
        "silent": [say("ports", outcome=Outcome.SILENT)],
        "lists": [say("nbns", port=137, transport="udp", NAME=f"PC{host}", ADDRESS=ip_of(other))],
        "interfaces": [say("snmp_tables", port=161, transport="udp", INTERFACE_ADDRESS=f"1 {ip_of(other)}/24")],
        "router": [say("snmp_tables", port=161, transport="udp", NEIGHBOUR=f"{ip_of(other)} {mac_of(other)}")],
        "switch": [say("snmp_tables", port=161, transport="udp", SWITCH_PORT=f"{mac_of(other)} {night % 2}")],
        "engine": [say("snmpv3", port=161, transport="udp", SNMP_ENGINE_ID=f"80aa{other % 3}", SNMP_ENGINE_BOOTS="3",
                       SNMP_ENGINE_TIME=str(60 * asked["minute"] + 9))],
        "vrrp": [arp("10.1.0.1", "00:00:5e:00:01:07", **asked)],
    }[kind]  # fmt: skip


KINDS = (
    "card",
    "moved",
    "ssh",
    "cloned",
    "silent",
    "lists",
    "interfaces",
    "router",
    "switch",
    "engine",
    "vrrp",
)
# Most of what is said is about oneself: else everything soon has to do with everything.
usual = st.sampled_from((*("card", "ssh", "silent") * 6, *KINDS))
words = st.tuples(st.integers(0, HOSTS - 1), st.integers(0, HOSTS - 1), usual)
uploads = st.lists(st.tuples(st.integers(0, 6), st.lists(words, min_size=1, max_size=5)), max_size=9)


def of_its_own(engine: Engine) -> Engine:
    """Give the engine of a facility that is new and empty."""
    with engine.begin() as connection:
        facility = add_facility(connection, f"c{next(_names)}", "病院", START)
    return bind(engine, facility.id)


def standing(connection: Connection) -> tuple[object, ...]:
    """Everything derived that is kept, but for numbers of parts: those only tell which rows are one part."""
    kept, keys, devices = digested.kept, digested.keys, tables.devices
    bodies = {row.device_id: row.body for row in connection.execute(select(devices))}
    flags = {row.id: row.passed for row in connection.execute(select(kept))}
    parts: dict[int, list[set[object]]] = defaultdict(lambda: [set(), set(), set()])
    for place, table, column in (
        (0, kept, kept.c.id),
        (1, keys, keys.c.key),
        (2, devices, devices.c.device_id),
    ):
        for value, part in connection.execute(select(column, table.c.part)):
            parts[part][place].add(value)
    return bodies, flags, {tuple(map(frozenset, one)) for one in parts.values()}


@given(uploads, st.randoms())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_looking_at_parts_comes_to_what_looking_at_everything_does(
    ledger_engine: Engine, came: list[Any], chance: random.Random
) -> None:
    if chance.random() < 0.7:
        came = sorted(came, key=lambda one: int(one[0]))
    with tables.writing(of_its_own(ledger_engine)) as connection:
        for night, said in came:
            some = tuple(
                {one.id: one for host, other, kind in said for one in told(host, other, kind, night)}.values()
            )
            lines = tuple(
                Sent(
                    scan=one.scan, vantage=one.vantage, at=one.at, address=one.address, action="x", packets=1
                )
                for one in some
                if chance.random() < 0.8
            )
            late = chance.random() < 0.3  # lines of the journal that come before what they led to
            if late:
                observations.append(connection, Upload(sent=lines, vantages=VANTAGES))
                ledger.refresh(connection)
            observations.append(
                connection, Upload(observations=some, sent=() if late else lines, vantages=VANTAGES)
            )
            before = connection.execute(select(digested.kept.c.part).distinct()).scalars().all()
            ledger.refresh(connection)
            event(f"parts before: {min(len(before), 6)}")
        step_by_step = standing(connection)
        derive_from_scratch(connection)
        assert standing(connection) == step_by_step


def test_only_what_has_to_do_with_what_came_is_looked_at(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        every = tuple(
            one for host in range(HOSTS) for kind in ("card", "ssh") for one in told(host, host, kind, 0)
        )
        observations.append(connection, Upload(observations=every, vantages=VANTAGES))
        assert digested.take_up(connection).parts is None
        observations.append(connection, Upload(observations=tuple(told(3, 3, "ssh", 1)), vantages=VANTAGES))
        again = digested.take_up(connection)
        assert {one.address for one in again.digest.kept} == {ip_of(3)}
        observations.append(connection, Upload(observations=tuple(told(3, 5, "lists", 2)), vantages=VANTAGES))
        linked = digested.take_up(connection)
        assert {one.address for one in linked.digest.kept} == {ip_of(3), ip_of(5)}
        assert len(linked.parts or ()) == 2
        line = Sent(scan="s0", vantage="v", at=START, address=ip_of(5), action="x", packets=1)
        observations.append(connection, Upload(sent=(line,)))
        asked = digested.take_up(connection)
        assert {one.address for one in asked.digest.kept} == {ip_of(3), ip_of(5)}
        assert len(asked.parts or ()) == 1


def test_a_table_of_the_whole_hospital_ties_only_hosts_of_which_nothing_else_shows_the_card(
    ledger_engine: Engine,
) -> None:
    """The router's part is its own and that of host 7, which kept silent."""

    def table(night: int) -> Observation:
        every = [f"{ip_of(host)} {mac_of(host)}" for host in range(1, HOSTS)]
        asked: dict[str, Any] = {"scan": f"s{night}", "minute": night * NIGHT + 99}
        return seen(ip_of(0), probe="snmp_tables", port=161, transport="udp", NEIGHBOUR=every, **asked)

    def addresses() -> set[str]:
        return {one.address for one in digested.take_up(connection).digest.kept}

    with tables.writing(ledger_engine) as connection:
        every = [one for host in range(HOSTS) if host != 7 for one in told(host, host, "card", 0)]
        every += [*told(7, 7, "silent", 0), table(0)]
        observations.append(connection, Upload(observations=tuple(every), vantages=VANTAGES))
        assert digested.take_up(connection).parts is None
        for night, came, looked_at in (
            (1, [table(1)], {0, 7}),
            (2, told(3, 3, "ssh", 2), {3}),
            (3, [*told(3, 3, "ssh", 3), table(3)], {0, 3, 7}),
            (4, told(7, 7, "card", 4), {0, 7}),
            (5, [table(5)], {0}),
        ):
            observations.append(connection, Upload(observations=tuple(came), vantages=VANTAGES))
            assert addresses() == set(map(ip_of, looked_at)), night


def test_taking_up_a_scan_walks_through_no_table_that_grows(tmp_path: Path) -> None:
    """Every SELECT finds its rows by more than the facility: what it costs does not grow with the years."""
    asked: list[tuple[str, Any]] = []
    engine = tables.open_ledger(str(tmp_path / "ledger.sqlite"))
    with tables.writing(engine) as connection:
        for night in range(2):
            came = tuple(one for host in range(3) for one in told(host, host, "card", night))
            lines = tuple(
                Sent(scan=one.scan, vantage="v", at=one.at, address=one.address, action="x") for one in came
            )
            upload = Upload(observations=came, sent=lines, vantages=VANTAGES)
            observations.append(connection, upload)
            if night:
                heard = sqlalchemy.event.listens_for(engine, "before_cursor_execute")
                heard(lambda _c, _cursor, text, values, *_: asked.append((text, values)))
            digested.take_up(connection)
        selects = [one for one in asked if one[0].startswith("SELECT")]
        plans = [
            row.detail
            for text, values in selects
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    engine.dispose()
    large = r"(SCAN|SEARCH) (journal|observations|kept_keys|kept_observations|numbers)\b"
    found = [plan for plan in plans if re.match(large, plan)]
    assert len(found) >= 5
    assert [plan for plan in found if plan.endswith("(facility=?)") or plan.startswith("SCAN")] == []


def test_what_every_device_is_derived_on_makes_all_be_looked_at(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        every = tuple(one for host in range(4) for one in told(host, host, "card", 0))
        observations.append(connection, Upload(observations=every, vantages=VANTAGES))
        digested.take_up(connection)
        other = seen("10.1.0.99", minute=5, probe="ssh", port=22, network="10.9.0.0/16", SERVICE="ssh")
        observations.append(connection, Upload(observations=(other,), vantages=VANTAGES))
        assert digested.take_up(connection).parts is None  # a network that nobody knew before


@given(st.lists(st.tuples(st.integers(0, 6), words), max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_names_the_same_at_one_place_may_take_the_keys_of_the_first(
    monkeypatch: pytest.MonkeyPatch, said: list[Any]
) -> None:
    """`components` reads the keys of alike observations once: as if it read those of every one."""
    every = {
        one.id: as_stored(one)
        for night, (host, other, kind) in said
        for one in told(host, other, kind, night)
    }
    land = survey(sight(every.values(), Places(Agents().meet(every.values()), VANTAGES)))
    found = components(land)
    with monkeypatch.context() as patched:
        patched.setattr("inventory_db.components._place_of", lambda _one: None)
        one_by_one = components(land)
    assert {(one.keys, frozenset(one.observations)) for one in found} == {
        (one.keys, frozenset(one.observations)) for one in one_by_one
    }


@pytest.mark.parametrize(
    "links", [None, {"ip 10.1.0.10": {"decided 1"}, "mac b8:2a:72:00:00:01": {"decided 1"}}]
)
def test_no_two_components_have_a_key_in_common(links: dict[str, set[str]] | None) -> None:
    chance = random.Random(4)
    every = [
        as_stored(one)
        for _ in range(60)
        for one in told(
            chance.randrange(HOSTS), chance.randrange(HOSTS), chance.choice(KINDS[:5]), chance.randrange(4)
        )
    ]
    land = survey(sight({one.id: one for one in every}.values(), Places(Agents().meet(every), VANTAGES)))
    found = components(land, links)
    keys = [key for one in found for key in one.keys]
    assert len(keys) == len(set(keys))
    assert sorted(id for one in found for id in one.observations) == sorted({one.id for one in every})
    assert len(named(found, keys)) == len(found)
    if links:
        (together,) = [one for one in found if hashed("decided 1") in one.keys]
        assert {hashed(key) for key in links} <= together.keys
