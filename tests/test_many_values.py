# SPDX-License-Identifier: Apache-2.0
"""Statements of many values are not kept: each facility has its own, and the values would stay with it."""

import gc

import pytest
from sqlalchemy import Engine, select

from inventory_db import tables
from inventory_db.many_values import among
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]


@pytest.mark.parametrize("many", [3, 20_000])
def test_the_values_are_found_and_many_do_not_stay(ledger_engine: Engine, many: int) -> None:
    def asked_for() -> list[str]:
        return [f"{number:032x}" for number in range(many)]

    column = tables.devices.c.device_id
    with ledger_engine.connect() as connection:
        for _ in range(2):
            assert (
                connection.execute(select(column).where(among(connection, column, asked_for()))).all() == []
            )
        key = select(column).where(among(connection, column, asked_for()))._generate_cache_key()
    assert (key is None) == (many > 3)
    gc.collect()
    long = f"{many - 1:032x}"
    kept = [one for one in gc.get_objects() if isinstance(one, list) and len(one) == many and long in one]
    assert many == 3 or not kept
