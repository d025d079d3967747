# SPDX-License-Identifier: Apache-2.0
"""Everything that the rules judge on, as one immutable value: what was found, what people stated, what is known.

A rule is a pure function of a Case. `collector.case_file` reads the Case from the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from collector.verdict import Basis
from inventory_db.device import Device
from inventory_db.official import OfficialRow
from inventory_db.stated import Statement
from inventory_db.statements import Stated
from probes.facts import Observation, Scan, Vantage

S = TypeVar("S", bound=Statement)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One facility at one moment."""

    now: datetime  # with offset
    devices: tuple[Device, ...] = ()  # with what people confirmed
    rows: tuple[OfficialRow, ...] = ()  # the official ledger, one row for each device
    scans: tuple[Scan, ...] = ()  # oldest first
    vantages: tuple[Vantage, ...] = ()
    access: tuple[
        Observation, ...
    ] = ()  # observations of access tests (scans with profile "access"), oldest first
    basis: Basis = field(default_factory=Basis)
    stated: Mapping[str, Mapping[str, Stated[Statement]]] = field(
        default_factory=dict
    )  # kind → key → what stands

    def said(self, kind: type[S]) -> tuple[S, ...]:
        """Give what stands of this kind, in the order of first mention."""
        return tuple(
            one.said for one in self.stated.get(kind.KIND, {}).values() if isinstance(one.said, kind)
        )
