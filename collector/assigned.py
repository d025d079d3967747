# SPDX-License-Identifier: Apache-2.0
"""Who sees to which finding, and by when: what stands, what stood before, and whose it is. Pure but for reading."""

import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from collector.verdict import Finding
from inventory_db.stated import Assignment
from inventory_db.statements import Entry, history

WHOSE = ("all", "mine", "overdue", "nobody")  # what the list may be narrowed to
MOST_PAST = 10  # earlier words of one finding that the page shows


@dataclass(frozen=True, slots=True)
class Held:
    """What stands of one finding, and every word there ever was on it, newest first."""

    said: Assignment
    who: str = ""  # who said so last
    entries: tuple[Entry, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether somebody or a day is set."""
        return bool(self.said.assignee or self.said.target_date)

    @property
    def last(self) -> Entry | None:
        """The newest word, also one that took back."""
        return self.entries[0] if self.entries else None

    @property
    def past(self) -> tuple[Entry, ...]:
        """The newest words that the page shows, the standing one left out."""
        return self.entries[self.stands :][:MOST_PAST]

    def is_overdue(self, today: date) -> bool:
        """Whether the target date lies behind."""
        return self.said.target_date is not None and self.said.target_date < today


def work_on(finding: Finding, assignee: str = "", target_date: date | None = None) -> Assignment:
    """Give the statement that gives this finding to somebody; its key is that of the finding."""
    return Assignment(
        code=finding.code,
        device=finding.device,
        port=finding.port,
        transport=finding.transport,
        about=finding.about,
        assignee=assignee,
        target_date=target_date,
    )


def read_assigned(connection: Connection) -> dict[str, tuple[Entry, ...]]:
    """Read every word on who does what, newest first, by the key of the finding."""
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in history(connection, Assignment.KIND):
        found[entry.key].append(entry)
    return {key: tuple(reversed(some)) for key, some in found.items()}


def held_of(finding: Finding, words: Mapping[str, tuple[Entry, ...]]) -> Held:
    """Give what stands of this finding."""
    bare = work_on(finding)
    entries = words.get(bare.key, ())
    said = entries[0].said if entries else None
    return Held(said if isinstance(said, Assignment) else bare, entries[0].who if entries else "", entries)


def is_whose(held: Held, whose: str, name: str, today: date) -> bool:
    """Say whether a finding stays when the list is narrowed; `name` is the reader's."""
    return {
        "mine": bool(name) and _plain(held.said.assignee) == _plain(name),
        "overdue": held.is_overdue(today),
        "nobody": not held.said.assignee,
    }.get(whose, True)


def _plain(name: str) -> str:
    """One name typed in two ways is one name: width, case and spaces do not count."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())
