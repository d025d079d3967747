# SPDX-License-Identifier: Apache-2.0
"""A column compared with thousands of values by one short statement: the values go as one, and SQL takes them apart."""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement, Connection, any_, bindparam, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY


def among(
    connection: Connection, wanted: ColumnElement[Any], values: Iterable[int | str]
) -> ColumnElement[bool]:
    """Give whether the column is one of the values; text among them holds no zero character."""
    many = sorted(values)  # all of one type, the column's
    if connection.dialect.name == "postgresql":
        return wanted == any_(bindparam(None, many, type_=ARRAY(wanted.type)))
    return wanted.in_(select(func.json_each(json.dumps(many)).table_valued(column("value")).c.value))
