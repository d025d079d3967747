# SPDX-License-Identifier: Apache-2.0
"""A fresh ledger on each database, for tests that must pass on both."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import make_url

from inventory_db import tables

ABSENT = "DAICHO_TEST_POSTGRES is not set: no PostgreSQL server to test on"


def postgres_schema() -> Iterator[str]:
    """Give the URL of an empty schema of its own on the test server, dropped afterwards."""
    server = os.environ.get("DAICHO_TEST_POSTGRES")
    if not server:
        pytest.skip(ABSENT)
    name = f"t{uuid.uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    admin = create_engine(url)
    with admin.begin() as c:
        c.execute(text(f"CREATE SCHEMA {name}"))
    own = url.update_query_dict({"options": f"-csearch_path={name}"})
    yield own.render_as_string(hide_password=False)
    with admin.begin() as c:
        c.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def ledger_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty ledger."""
    urls = postgres_schema() if request.param == "postgresql" else iter([str(tmp_path / "ledger.sqlite")])
    for url in urls:
        engine = tables.open_ledger(url)
        yield engine
        engine.dispose()
