# SPDX-License-Identifier: Apache-2.0
"""What the logbook's file still holds of earlier scans: the newest complete one, and what one of them spent."""

import sqlite3
from collections import Counter
from collections.abc import Collection

import msgspec

from probes.facts import Observation, Scan, Sent, Upload

SET_BACK = 7200.0  # seconds by which a clock may have been set back while the scan ran: its records bear times before it

_scan = msgspec.json.Decoder(Scan).decode
_seen = msgspec.json.Decoder(Observation).decode
_sent = msgspec.json.Decoder(Sent).decode


class _Of(msgspec.Struct, frozen=True):
    """The scan that a record belongs to."""

    scan: str


_of = msgspec.json.Decoder(_Of).decode


def last_scan(file: sqlite3.Connection, also: Collection[str] = ()) -> Upload | None:
    """Give the newest scan that came to its end, with what it and the scans `also` saw and sent, oldest first."""
    rows = file.execute("SELECT body FROM records WHERE kind = 'scan'")
    scans = [_scan(body) for (body,) in rows]
    last = max((one for one in scans if one.state == "complete"), key=lambda one: one.started, default=None)
    if last is None:
        return None
    wanted = {last.id, *also}
    since = min(one.started.timestamp() for one in scans if one.id in wanted) - SET_BACK
    seen: list[Observation] = []
    sent: list[Sent] = []
    for kind, body in file.execute(
        "SELECT kind, body FROM records WHERE kind IN ('observation', 'sent') AND at >= ? ORDER BY position",
        (since,),
    ):
        if _of(body).scan not in wanted:
            continue
        if kind == "sent":
            sent.append(_sent(body))
        else:
            seen.append(_seen(body))
    return Upload(scans=(last,), observations=tuple(seen), sent=tuple(sent))


def newest_scan(file: sqlite3.Connection) -> Scan | None:
    """Give the scan that began last, however it ended."""
    rows = file.execute("SELECT body FROM records WHERE kind = 'scan'")
    return max((_scan(body) for (body,) in rows), key=lambda one: one.started, default=None)


def spent(file: sqlite3.Connection, scan: str, since: float) -> dict[tuple[str, str], tuple[int, int]]:
    """Count the packets and the bytes of payload of this scan, begun at `since`, by vantage and address."""
    packets: Counter[tuple[str, str]] = Counter()
    payload: Counter[tuple[str, str]] = Counter()
    for (body,) in file.execute(
        "SELECT body FROM records WHERE kind = 'sent' AND at >= ?", (since - SET_BACK,)
    ):
        if (line := _sent(body)).scan == scan:
            packets[line.vantage, line.address] += line.packets
            payload[line.vantage, line.address] += line.payload_bytes
    return {host: (count, payload[host]) for host, count in packets.items()}
