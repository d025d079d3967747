# SPDX-License-Identifier: Apache-2.0
"""Which tables and columns a database really has, in one form for SQLite, PostgreSQL and backup files."""

from typing import Any

import msgspec
from sqlalchemy import (
    Boolean,
    Connection,
    Float,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    inspect,
)
from sqlalchemy.types import BIGINT, DOUBLE_PRECISION, BigInteger, TypeEngine

from inventory_db.backups.trouble import BackupRefused

_OURS = "daicho_marks"  # every ledger has it
_NOT_ROWS = {"alembic_version"}  # made by the migrations
_KINDS: tuple[tuple[type[Any], str], ...] = (
    (Boolean, "boolean"),
    (Integer, "integer"),
    (Float, "number"),
    (LargeBinary, "bytes"),
    (String, "text"),
)  # the first that fits
_PYTHON: dict[str, type] = {"boolean": bool, "integer": int, "number": float, "bytes": bytes, "text": str}


class ColumnShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One column: its name, what it holds, and whether it may be empty."""

    name: str
    kind: str
    empty: bool


class TableShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table; a row is its values in the order of `columns`."""

    name: str
    columns: tuple[ColumnShape, ...]

    def row_type(self) -> object:
        """Give the type that msgspec checks rows of this table against; KeyError for an unknown kind."""
        kinds = [_PYTHON[one.kind] | None if one.empty else _PYTHON[one.kind] for one in self.columns]
        return list[tuple[tuple(kinds)]]  # type: ignore[misc]

    def same_as(self, other: "TableShape") -> bool:
        """Say whether both have the same columns, in whatever order."""
        return self.name == other.name and set(self.columns) == set(other.columns)


def read_shapes(connection: Connection) -> tuple[TableShape, ...]:
    """Give every table, a table after those that it refers to; raises BackupRefused."""
    found = inspect(connection)
    ordered = [name for name, _ in found.get_sorted_table_and_fkc_names() if name]
    return tuple(
        TableShape(
            name,
            tuple(
                ColumnShape(column["name"], _kind(name, column["type"]), bool(column["nullable"]))
                for column in found.get_columns(name)
            ),
        )
        for name in ordered
        if name not in _NOT_ROWS
    )


def holds_ledger(shapes: tuple[TableShape, ...]) -> bool:
    """Say whether these are the tables of a ledger."""
    return any(one.name == _OURS for one in shapes)


def server_types(connection: Connection, table: TableShape) -> list[str]:
    """Give PostgreSQL's own names of the columns' types, for COPY in binary."""
    columns = {column["name"]: column["type"] for column in inspect(connection).get_columns(table.name)}
    return [_server_type(columns[one.name], one.kind) for one in table.columns]


def _server_type(found: TypeEngine[object], kind: str) -> str:
    if kind == "integer":
        if isinstance(found, BigInteger | BIGINT):
            return "int8"
        return "int2" if isinstance(found, SmallInteger) else "int4"
    if kind == "number":
        return "float8" if isinstance(found, DOUBLE_PRECISION) else "float4"
    return {"boolean": "bool", "bytes": "bytea", "text": "text"}[kind]


def _kind(table: str, found: TypeEngine[object]) -> str:
    for kind, name in _KINDS:
        if isinstance(found, kind):
            return name
    raise BackupRefused(
        f"表 {table} に、この版が写せない種類の列があります（{type(found).__name__}）。何も変更していません。開発元へ知らせてください。",
        f"Table {table} has a column that this version cannot copy ({type(found).__name__}). Nothing was changed. "
        "Tell the developers.",
    )
