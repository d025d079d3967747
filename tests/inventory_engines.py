# SPDX-License-Identifier: Apache-2.0
"""A fresh ledger on each database, for tests that must pass on both.

On PostgreSQL the migrations make one ledger in a process; each test gets a copy of its database.
"""

import os
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url

from inventory_db import tables

ABSENT = "DAICHO_TEST_POSTGRES is not set: no PostgreSQL server to test on"


def _server() -> URL:
    server = os.environ.get("DAICHO_TEST_POSTGRES")
    if not server:
        pytest.skip(ABSENT)
    return make_url(server).set(drivername="postgresql+psycopg")


def _order(*orders: str) -> None:
    """Say something to the server itself, outside any transaction."""
    admin = create_engine(_server(), isolation_level="AUTOCOMMIT")
    with admin.connect() as c:
        for order in orders:
            c.execute(text(order))
    admin.dispose()


def postgres_schema() -> Iterator[str]:
    """Give the URL of an empty schema of its own on the test server, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    own = _server().update_query_dict({"options": f"-csearch_path={name}"})
    _order(f"CREATE SCHEMA {name}")
    yield own.render_as_string(hide_password=False)
    _order(f"DROP SCHEMA {name} CASCADE")


@cache
def _empty_ledger() -> str:
    """Give the name of the database that every ledger of this process is a copy of."""
    name = f"t{uuid.uuid4().hex}"
    _order(f"CREATE DATABASE {name}")
    tables.open_ledger(_server().set(database=name).render_as_string(hide_password=False)).dispose()
    return name


def postgres_ledger() -> Iterator[str]:
    """Give the URL of an empty ledger in a database of its own, dropped afterwards."""
    name = f"t{uuid.uuid4().hex}"
    own = _server().set(database=name).update_query_dict({"options": "-csearch_path=public"})
    _order(f"CREATE DATABASE {name} TEMPLATE {_empty_ledger()}")
    yield own.render_as_string(hide_password=False)
    _order(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger."""
    urls = postgres_ledger() if request.param == "postgresql" else iter([str(tmp_path / "ledger.sqlite")])
    for url in urls:
        engine = tables.open_ledger(url)
        yield engine
        engine.dispose()
