# SPDX-License-Identifier: Apache-2.0
"""Situations in which a checklist must not be answered too well; found by place, one file per subject.

Every situation starts from a facility where はいを支持 is deserved, and spoils one thing. It names the
items that may still be はいを支持; any other is an answer without sufficient evidence.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass

from collector.case import Case
from collector.verdict import Verdict

NO, CANNOT, ASK, NONE = (
    Verdict.PROVES_NO,
    Verdict.CANNOT_TELL,
    Verdict.ASK_PERSON,
    Verdict.NOT_APPLICABLE,
)
YES = Verdict.SUPPORTS_YES
# items of the facility's sheet that the good facility deserves
LEDGER, REMOTE, PATCHES, SOURCES = "all/2-1", "all/2-2", "network/2-7", "network/2-8"
PAPERS = frozenset({"all/2-3", "organisation/3-1", "organisation/3-3"})  # rest on files, not on a scan
GOOD = PAPERS | {LEDGER, REMOTE, PATCHES, SOURCES}
# the same on the vendor's sheet
GOOD_VENDOR = frozenset({"all/2-2", "all/2-3", PATCHES, SOURCES})


@dataclass(frozen=True, slots=True)
class Situation:
    """One made-up facility: what is wrong with it, and which verdicts that allows."""

    name: str
    build: Callable[[], Case]
    must: dict[str, Verdict]  # facility's items whose verdict is certain
    spoils: frozenset[str] = GOOD  # items that no longer deserve はいを支持, on either sheet
    vendor_keeps: frozenset[str] = frozenset()  # of these, the ones that a vendor's own sheet still deserves

    earns: frozenset[str] = frozenset()  # further items of the facility's sheet that deserve はいを支持

    @property
    def may(self) -> frozenset[str]:
        """Items of the facility's sheet that may be はいを支持."""
        return (GOOD - self.spoils) | self.earns

    @property
    def may_vendor(self) -> frozenset[str]:
        """Items of a vendor's sheet that may be はいを支持."""
        return GOOD_VENDOR - (self.spoils - self.vendor_keeps)


def all_situations() -> list[Situation]:
    """Give every situation of every file of this folder."""
    found: list[Situation] = []
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found += getattr(module, "SITUATIONS", ())
    return found
