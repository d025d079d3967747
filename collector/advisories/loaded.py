# SPDX-License-Identifier: Apache-2.0
"""Feeds in the ledger: written whole or not at all, read back together with what ships."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from collector.advisories.feed import BadFeed, Loaded, refuse
from collector.advisories.knowledge import AGE_LIMIT_DAYS, Feed, Knowledge, Lifecycle, Weakness, merged
from collector.advisories.shipped import shipped_knowledge
from inventory_db import advisories as store

WEAKNESS_KINDS = ("kev", "nvd", "cve", "myjvn")
LIFECYCLE_KINDS = ("endoflife", "distro")


def take(connection: Connection, loaded: Loaded, name: str, sha256: str, who: str, now: datetime) -> int:
    """Write one feed inside the caller's transaction; gives how many of its kind are held then.

    Raises BadFeed where everything in it is older than what is held.
    """
    rows = list(_rows(loaded))
    if len(rows) > store.MOST_ROWS:
        raise refuse(name, f"件数が多すぎます（{len(rows):,} 件）", f"it has too many rows ({len(rows):,})")
    held = store.days(connection, loaded.kind)
    if rows and all(row.as_of < held.get(row.key, "") for row in rows):
        newest = max(held[row.key] for row in rows)
        raise refuse(
            name,
            f"手元のデータ（{newest}）より古いものです",
            f"it is older than the data held ({newest})",
        )
    feed = Feed(
        kind=loaded.kind, title=loaded.title, as_of=loaded.as_of, rows=len(rows), covers=loaded.covers
    )
    record = store.LoadedFeed(
        kind=loaded.kind,
        name=name,
        as_of=loaded.as_of,
        loaded=now,
        who=who,
        sha256=sha256,
        rows=len(rows),
        body=msgspec.json.encode(feed),
    )
    return store.keep(connection, record, rows, whole=loaded.whole)


def held_day(connection: Connection, kind: str) -> str:
    """Give the day of the data of this kind that is held, where a feed is everything of its kind; "" if none."""
    return max((feed.as_of for feed in store.feeds(connection) if feed.kind == kind == "kev"), default="")


def knowledge_in(connection: Connection, age_limit_days: int = AGE_LIMIT_DAYS) -> Knowledge:
    """Give what ships and what was loaded, as one body of knowledge; remembers it while no feed is loaded."""
    loaded = store.feeds(connection)
    found = next((known for feeds, known in list(_remembered) if feeds == loaded), None)
    if found is None:
        found = _together(connection, loaded) if loaded else shipped_knowledge()
        _remembered.append((loaded, found))
    return found if found.age_limit_days == age_limit_days else replace(found, age_limit_days=age_limit_days)


_remembered: deque[tuple[tuple[store.LoadedFeed, ...], Knowledge]] = deque(maxlen=4)


def _together(connection: Connection, loaded: tuple[store.LoadedFeed, ...]) -> Knowledge:
    feeds = [msgspec.json.decode(feed.body, type=Feed) for feed in loaded]
    weaknesses = [
        one
        for kind in WEAKNESS_KINDS
        for body in store.bodies(connection, kind)
        for one in msgspec.json.decode(body, type=tuple[Weakness, ...])
    ]
    lifecycles = [
        msgspec.json.decode(body, type=Lifecycle)
        for kind in LIFECYCLE_KINDS
        for body in store.bodies(connection, kind)
    ]
    return merged(shipped_knowledge(), weaknesses, lifecycles, feeds)


def known_exploited() -> frozenset[str]:
    """Give the ids that a whole list of exploited weaknesses must hold."""
    return frozenset(one.id for one in shipped_knowledge().weaknesses)


def _rows(loaded: Loaded) -> Iterator[store.Row]:
    by_id: dict[str, list[Weakness]] = {}
    for one in loaded.weaknesses:
        by_id.setdefault(one.id, []).append(one)
    for id, ones in by_id.items():
        day = max((one.as_of for one in ones if one.as_of), default=loaded.as_of)
        yield store.Row(id, day, msgspec.json.encode(ones))
    for lifecycle in loaded.lifecycles:
        yield store.Row(lifecycle.product, loaded.as_of, msgspec.json.encode(lifecycle))
    yield from _taken_back(loaded.gone, by_id, loaded.as_of)


def _taken_back(ids: Iterable[str], kept: dict[str, list[Weakness]], as_of: str) -> Iterator[store.Row]:
    for id in dict.fromkeys(ids):
        if id not in kept:
            yield store.Row(id, as_of, b"")


__all__ = ["BadFeed", "held_day", "knowledge_in", "known_exploited", "take"]
