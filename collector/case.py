# SPDX-License-Identifier: Apache-2.0
"""Everything that the rules judge on, as one immutable value: what was found, what people stated, what is known.

A rule is a pure function of a Case. `collector.case_file` reads the Case from the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import TypeVar

from collector.advisories.knowledge import Knowledge
from collector.advisories.shipped import shipped_knowledge
from collector.basis import AGE_LIMIT, CLOCK_SKEW
from collector.verdict import Basis
from inventory_db.attachments import Attachment
from inventory_db.device import Device
from inventory_db.official import ListedRow, OfficialRow
from inventory_db.stated import Facility, Statement, Vendor
from inventory_db.statements import Stated
from probes.facts import Observation, Scan, Vantage

S = TypeVar("S", bound=Statement)
JAPAN = timezone(timedelta(hours=9), "Asia/Tokyo")  # no summer time


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One facility at one moment."""

    now: datetime  # with offset
    devices: tuple[Device, ...] = ()  # with what people confirmed
    rows: tuple[OfficialRow, ...] = ()  # the official ledger, one row for each device
    listed: tuple[ListedRow, ...] = ()  # rows of the facility's own ledger that no scan has seen
    scans: tuple[Scan, ...] = ()  # oldest first
    vantages: tuple[Vantage, ...] = ()
    access: tuple[
        Observation, ...
    ] = ()  # observations of access tests (scans with profile "access"), oldest first
    outside: tuple[Observation, ...] = ()  # what each network reached of the address outside, oldest first
    basis: Basis = field(default_factory=Basis)
    stated: Mapping[str, Mapping[str, Stated[Statement]]] = field(
        default_factory=dict
    )  # kind → key → what stands

    attachments: Mapping[str, Attachment] = field(default_factory=dict)  # id → what is known of the file
    vendor: Vendor | None = (
        None  # on its 事業者確認用 sheet; devices, rows and access are then those in its care
    )
    knowledge: Knowledge = field(default_factory=shipped_knowledge)  # of weak and unsupported versions
    age_limit: timedelta = AGE_LIMIT  # older looking is no evidence for はい

    @property
    def today(self) -> date:
        """The day at the facility."""
        return self.now.astimezone(JAPAN).date()

    @property
    def facility(self) -> Facility | None:
        """The facility as stated; None if nobody did."""
        return next(iter(self.said(Facility)), None)

    def is_fresh(self, moment: datetime) -> bool:
        """Whether something seen then may still be taken for today's state; the future never is."""
        return self.now - self.age_limit <= moment <= self.now + CLOCK_SKEW

    def said(self, kind: type[S]) -> tuple[S, ...]:
        """Give what stands of this kind, in the order of first mention."""
        return tuple(
            one.said for one in self.stated.get(kind.KIND, {}).values() if isinstance(one.said, kind)
        )
