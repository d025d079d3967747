# SPDX-License-Identifier: Apache-2.0
"""What changed since a day, put in the order in which a person wants to know it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from collector.case_file import ACCESS
from collector.translation import Words
from inventory_db import observations
from inventory_db.changes import Change, changes
from probes.facts import Scan

SCHEMA = "daicho/changes/1"
# section → the kinds of changes in it; what lets somebody in stands first
SECTIONS: dict[str, tuple[str, ...]] = {
    "paths": ("remote_path_new", "remote_path_changed", "remote_path_gone"),
    "dual": ("dual_homed_new", "forwards_new", "dual_homed_gone", "forwards_gone"),
    "new": ("new",),
    "silent": ("silent",),
    "versions": ("field_changed",),
    "addresses": ("address_new", "address_gone"),
    "services": ("service_new", "service_changed", "service_gone"),
    "not_checked": ("not_checked",),
    "unchanged": ("unchanged",),
}
QUIET = ("not_checked", "unchanged")  # sections in which nothing happened


@dataclass(frozen=True, slots=True)
class Section:
    """The changes of one sort; `devices` counts each device once."""

    key: str
    changes: tuple[Change, ...]

    @property
    def devices(self) -> int:
        """How many devices are in it."""
        return len({change.device_id for change in self.changes})


@dataclass(frozen=True, slots=True)
class Changed:
    """What differs between two moments, and when we looked in between."""

    since: datetime
    until: datetime
    sections: tuple[Section, ...]  # those with something in them, in the order of SECTIONS
    looks: tuple[Scan, ...]  # scans that began in between, oldest first
    known_before: bool  # whether any scan is older than `since`; else everything is new

    @property
    def happened(self) -> tuple[Section, ...]:
        """The sections in which something happened."""
        return tuple(section for section in self.sections if section.key not in QUIET)

    def section(self, key: str) -> Section:
        """Give one section, empty if nothing is in it."""
        return next((one for one in self.sections if one.key == key), Section(key, ()))


def read_changed(
    connection: Connection, since: datetime, now: datetime, until: datetime | None = None
) -> Changed:
    """Compare the ledger at `since` with that at `until`, or as it stands now."""
    end = until or now
    scans = [scan for scan in observations.scans(connection) if scan.profile != ACCESS]
    return Changed(
        since,
        end,
        _sections(changes(connection, since, until)),
        tuple(scan for scan in scans if since < scan.started <= end),
        any(scan.started <= since for scan in scans),
    )


def before_last_scan(connection: Connection) -> datetime | None:
    """Give the moment at which the last scan began; None before the first."""
    starts = [scan.started for scan in observations.scans(connection) if scan.profile != ACCESS]
    return max(starts) - timedelta(microseconds=1) if starts else None


def say_looks(changed: Changed, words: Words) -> list[str]:
    """Say when we looked in the period, and whether there is anything to compare with."""
    said = [words("changes.scans", count=len(changed.looks))] if changed.looks else [words("changes.no_scan")]
    if not changed.known_before:
        said.append(words("changes.nothing_before"))
    unfinished = [scan for scan in changed.looks if scan.state != "complete"]
    if unfinished:
        said.append(words("changes.unfinished", count=len(unfinished)))
    return said


def changed_json(changed: Changed) -> dict[str, Any]:
    """Give it as JSON values."""
    return {
        "schema": SCHEMA,
        "since": changed.since.isoformat(),
        "until": changed.until.isoformat(),
        "known_before": changed.known_before,
        "scans": [
            {"id": scan.id, "started": scan.started.isoformat(), "state": scan.state}
            for scan in changed.looks
        ],
        "counts": {key: len(changed.section(key).changes) for key in SECTIONS},
        "changes": [
            _change_json(one, section.key) for section in changed.sections for one in section.changes
        ],
    }


def _sections(found: Iterable[Change]) -> tuple[Section, ...]:
    kept: dict[str, list[Change]] = {key: [] for key in SECTIONS}
    place = {kind: (key, at) for key, kinds in SECTIONS.items() for at, kind in enumerate(kinds)}
    for change in found:
        kept[place[change.kind][0]].append(change)
    return tuple(
        Section(key, tuple(sorted(one, key=lambda change: place[change.kind][1])))
        for key, one in kept.items()
        if one
    )


def _change_json(change: Change, section: str) -> dict[str, Any]:
    return {
        "section": section,
        "kind": change.kind,
        "device": change.device_id,
        "number": change.number,
        "name": change.name,
        "before": change.before,
        "after": change.after,
        "ja": change.ja,
        "en": change.en,
    }
