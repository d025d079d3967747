# SPDX-License-Identifier: Apache-2.0
"""Small things that the logbook's file keeps from one run to the next, by name."""

import sqlite3
from collections.abc import Mapping

from agent.logbook_file import transaction


def keep_all(file: sqlite3.Connection, bodies: Mapping[str, bytes]) -> None:
    """Keep these under their names, all or none; empty bytes take one away."""
    with transaction(file):
        file.executemany("DELETE FROM kept WHERE name = ?", [(name,) for name in bodies])
        there = [(name, body) for name, body in bodies.items() if body]
        file.executemany("INSERT INTO kept VALUES (?, ?)", there)


def kept(file: sqlite3.Connection, name: str) -> bytes:
    """Give what is kept under the name, b"" for nothing."""
    row = file.execute("SELECT body FROM kept WHERE name = ?", (name,)).fetchone()
    return bytes(row[0]) if row else b""


def kept_under(file: sqlite3.Connection, prefix: str) -> dict[str, bytes]:
    """Give all that is kept under names that begin so."""
    rows = file.execute("SELECT name, body FROM kept WHERE substr(name, 1, ?) = ?", (len(prefix), prefix))
    return {name: bytes(body) for name, body in rows}
