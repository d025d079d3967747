# SPDX-License-Identifier: Apache-2.0
"""Tables of the ledger's index, and what stands in them: derived, may be made anew at any time (`ledger_index`)."""

from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from inventory_db import tables
from inventory_db.binding import owned
from inventory_db.row_keys import MARKS

VERSION = 1  # raise it with every change of what rows are made of
CELLS = tuple(f"c{place}" for place in range(2, 13))  # c1 sorts by the number itself

rows = Table(
    "ledger_rows",
    tables.metadata,
    owned(),
    Column("number", tables.counter, primary_key=True, autoincrement=False),
    Column("device_id", String(32), nullable=False),
    Column("listed", BigInteger),  # entry of the statement that links the facility's own ledger to it
    Column("kind", SmallInteger, nullable=False),  # place in row_keys.CLASSES
    *(Column(mark, Boolean, nullable=False) for mark in MARKS),
    *(Column(cell, LargeBinary, nullable=False) for cell in CELLS),  # keys of sorting; b"": empty
    Column("paths", Integer, nullable=False),
    Column("sure", SmallInteger, nullable=False),
    Column("seen", LargeBinary, nullable=False),
    UniqueConstraint("facility", "device_id"),
    *(Index(None, "facility", name, "number") for name in (*CELLS, "kind", "paths", "sure", "seen", *MARKS)),
)
texts = Table(
    "ledger_texts",
    tables.metadata,
    owned(),
    Column("number", tables.counter, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),  # as row_keys.searchable
)
shown = Table(
    "ledger_shown",
    tables.metadata,
    owned(),
    Column("number", tables.counter, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),  # JSON of Shown
)
row_networks = Table(
    "ledger_networks",
    tables.metadata,
    owned(),
    Column("network", String(255), primary_key=True),
    Column("number", tables.counter, primary_key=True, autoincrement=False),
    Index(None, "facility", "number"),
)
aliases = Table(
    "ledger_aliases",
    tables.metadata,
    owned(),
    Column("id", String(32), primary_key=True),  # of a device that turned out to be another one
    Column("device_id", String(32), nullable=False),
    Index(None, "facility", "device_id"),
)
marks = Table(
    "ledger_marks",
    tables.metadata,
    owned(),
    Column("body", Text, nullable=False),  # JSON of Mark
)


class Shown(msgspec.Struct, frozen=True):
    """What the table of the ledger shows of a row."""

    cells: tuple[str, ...]
    device: dict[str, Any]  # a part of daicho/ledger/1
    unseen: bool


class Counts(msgspec.Struct):
    """How many rows there are of each sort."""

    total: int = 0
    kinds: dict[str, int] = {}
    marks: dict[str, int] = {}
    networks: dict[str, int] = {}


class Mark(msgspec.Struct, frozen=True):
    """What the rows were made from, and how many there are of each sort."""

    version: int
    derived: str
    entry: int
    listed: int
    counts: Counts

    @property
    def made_from(self) -> tuple[int, str, int, int]:
        """What is compared with the database's own counters."""
        return self.version, self.derived, self.entry, self.listed
