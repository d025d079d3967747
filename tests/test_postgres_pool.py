# SPDX-License-Identifier: Apache-2.0
"""Connections to a PostgreSQL that many people needed at once are there for the next ones."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, text

from collector.standing import memory_of
from inventory_db import ledger, ledger_index, ledger_query, observations, tables
from inventory_db.ledger_query import Wish
from inventory_db.tables import MOST_CONNECTIONS, open_ledger, server
from probes.facts import Upload
from tests.inventory_cases import VANTAGES, arp
from tests.inventory_engines import postgres_ledger, postgres_schema

pytestmark = pytest.mark.postgres


@pytest.fixture
def ledger_url() -> Iterator[str]:
    yield from postgres_ledger()


@pytest.fixture
def engine() -> Iterator[Engine]:
    for url in postgres_schema():
        found = server(url)
        yield found
        found.dispose()


def at_once(engine: Engine, people: int) -> set[int]:
    """Give the server processes that so many people use at the same time."""
    with ExitStack() as stack:
        connections = [stack.enter_context(engine.connect()) for _ in range(people)]
        return {one.execute(text("SELECT pg_backend_pid()")).scalar_one() for one in connections}


def test_the_connections_of_a_crowd_stay(engine: Engine) -> None:
    crowd = at_once(engine, MOST_CONNECTIONS)
    assert len(crowd) == MOST_CONNECTIONS
    assert at_once(engine, MOST_CONNECTIONS) == crowd


def test_who_asks_alone_gets_the_connection_that_was_used_last(engine: Engine) -> None:
    at_once(engine, 4)
    assert len(set.union(*(at_once(engine, 1) for _ in range(5)))) == 1


def found_by(engine: Engine, word: str) -> list[int]:
    """Give how many rows hold the word, and how many of those are of no known class."""
    with ledger_index.looking(engine) as (connection, mark):
        assert mark is not None
        return [
            ledger_query.find_rows(connection, mark, Wish((word,), kind)).matching for kind in ("", "unknown")
        ]


def test_what_is_remembered_is_forgotten_where_the_database_may_have_been_brought_back(
    ledger_url: str,
) -> None:
    """An earlier hour counts on from its own numbers: the same ones may stand for other words."""
    engine, behind = open_ledger(ledger_url), server(ledger_url)
    with tables.writing(engine) as c:
        observations.append(
            c, Upload(observations=(arp("10.1.0.5", "b8:2a:72:00:00:0a"),), vantages=VANTAGES)
        )
        ledger.refresh(c)
    assert found_by(engine, "gone") == [0, 0]
    with engine.connect() as c:
        memory = memory_of(c)
        assert memory_of(c) is memory
    with behind.begin() as c:
        c.execute(text("UPDATE ledger_texts SET text = text || ' gone'"))
        c.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                "AND datname = current_database()"
            )
        )
    assert found_by(engine, "gone") == [1, 1]
    with engine.connect() as c:
        assert memory_of(c) is not memory
    for one in (engine, behind):
        one.dispose()
