# SPDX-License-Identifier: Apache-2.0
"""A column compared with thousands of values by one short statement: the values go as one, and SQL takes them apart.

Statements are kept as they were first made, their values with them, one for each facility (bound_forms, and SQLAlchemy
with what it compiled). So one of many values is made anew each time: a millisecond, against some megabytes a facility.
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, String, any_, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY

_FEW = 50  # values that may stay


class _Unkept(BindParameter[Any]):
    """A value with which no statement is kept."""

    inherit_cache = False


def among(
    connection: Connection, wanted: ColumnElement[Any], values: Iterable[int | str]
) -> ColumnElement[bool]:
    """Give whether the column is one of the values; text among them holds no zero character."""
    many = sorted(values)  # all of one type, the column's
    bind = BindParameter if len(many) <= _FEW else _Unkept
    if connection.dialect.name == "postgresql":
        return wanted == any_(bind(None, many, type_=ARRAY(wanted.type)))
    listed = bind(None, json.dumps(many), type_=String())
    return wanted.in_(select(func.json_each(listed).table_valued(column("value")).c.value))
