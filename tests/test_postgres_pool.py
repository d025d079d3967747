# SPDX-License-Identifier: Apache-2.0
"""Connections to a PostgreSQL that many people needed at once are there for the next ones."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Engine, text

from inventory_db.tables import MOST_CONNECTIONS, server
from tests.inventory_engines import postgres_schema

pytestmark = pytest.mark.postgres


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
