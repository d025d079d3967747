# SPDX-License-Identifier: Apache-2.0
"""What a spool lets go of when its collector is away for so long that room runs out: repetitions, never findings.

Of observations of one thing that all say the same, the first and the last stay: when it was so first, and
that it still was. What differs from the one before it is always kept, and so is everything of the newest scan,
the journal, and what was set aside.
"""

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from probes.facts import Fact, FactKind, Observation, Outcome

_EVER_NEW = frozenset(
    {
        *(FactKind.SNMP_UPTIME, FactKind.SNMP_ENGINE_TIME, FactKind.OPENVPN_SESSION),
        *(FactKind.CHECKED, FactKind.CHECKED_SINCE),
    }
)
_CHUNK = 500


class _Brief(msgspec.Struct, frozen=True):
    """An observation without its transcript."""

    scan: str
    vantage: str
    probe: str
    outcome: Outcome
    address: str = ""
    mac: str = ""
    port: int = 0
    transport: str = ""
    reason: str = ""
    facts: tuple[Fact, ...] = ()


def repeats(seen: Iterable[tuple[int, Observation | _Brief]]) -> Iterator[int]:
    """Give the positions of those that only repeat what one before and one after them say; `seen` in order."""
    last: dict[object, tuple[int, object, bool]] = {}
    for position, one in seen:
        thing = (one.vantage, one.probe, one.address, one.mac, one.port, one.transport)
        said = (one.outcome, one.reason, tuple(f for f in one.facts if f.kind not in _EVER_NEW))
        before = last.get(thing)
        same = before is not None and before[1] == said
        if before is not None and same and before[2]:
            yield before[0]
        last[thing] = position, said, same


def thin_repeats(file: sqlite3.Connection, after: int) -> int:
    """Take the repetitions behind this position away, in the caller's transaction; counts them."""
    decode = msgspec.json.Decoder(_Brief).decode
    newest = file.execute(
        "SELECT body FROM records WHERE kind = 'observation' ORDER BY position DESC LIMIT 1"
    ).fetchone()
    if newest is None:
        return 0
    scan = decode(newest[0]).scan
    rows = file.execute(
        "SELECT position, body FROM records WHERE kind = 'observation' AND position > ?"
        " AND position NOT IN (SELECT position FROM set_aside) ORDER BY position",
        (after,),
    )
    briefs = ((position, decode(body)) for position, body in rows)
    gone = list(repeats((position, brief) for position, brief in briefs if brief.scan != scan))
    for at in range(0, len(gone), _CHUNK):
        file.executemany("DELETE FROM records WHERE position = ?", [(one,) for one in gone[at : at + _CHUNK]])
    return len(gone)
