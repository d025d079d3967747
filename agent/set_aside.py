# SPDX-License-Identifier: Apache-2.0
"""Records of the spool that the collector refuses for good: passed by, marked with the reason, never dropped.

They stay in the logbook and are offered again later (a newer collector may read them).
"""

import sqlite3

from agent.logbook_file import transaction

_AGAIN = """
INSERT OR REPLACE INTO records (kind, id, at, address, body)
SELECT kind, id, at, address, body FROM records WHERE position = ?
"""


def set_aside(file: sqlite3.Connection, position: int, since: str, reason: str) -> None:
    """Mark the record at this position and let the spool go on behind it."""
    with transaction(file):
        file.execute("INSERT OR REPLACE INTO set_aside VALUES (?, ?, ?)", (position, since, reason[:500]))
        file.execute("UPDATE marks SET value = max(value, ?) WHERE name = 'confirmed'", (position,))


def offer_again(file: sqlite3.Connection) -> int:
    """Put every marked record at the end of the spool; gives how many those were."""
    with transaction(file):
        positions = [row[0] for row in file.execute("SELECT position FROM set_aside ORDER BY position")]
        for position in positions:
            file.execute(_AGAIN, (position,))
        file.execute("DELETE FROM set_aside")
    return len(positions)


def count_aside(file: sqlite3.Connection) -> int:
    """Count the marked records."""
    (count,) = file.execute("SELECT count(*) FROM set_aside").fetchone()
    return int(count)
