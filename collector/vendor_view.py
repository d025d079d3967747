# SPDX-License-Identifier: Apache-2.0
"""What one vendor may see of a facility: its own devices, the paths that look like its own, its own words. Pure.

A path is a vendor's own if it was declared for this vendor, or was found on a device in its care and is declared for
no other vendor. Nothing else of the case leaves here: no other vendor's name, device, address or word.
"""

import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from collector.case import Case
from collector.register import (
    CONFIRMED,
    CORRECTED,
    NONE,
    NONE_IN_USE,
    Match,
    Row,
    register,
    standing_words,
    weaknesses,
)
from collector.verdict import Text
from inventory_db.device import Device
from inventory_db.stated import Confirmation, Document, RemoteAccess, Vendor

# kinds of documents that a vendor hands in; what else the house files under a vendor is the house's own
HANDED_IN = ("mds", "sds", "mds_sds", "remote_access", "other")


class Stand(enum.StrEnum):
    """How far the vendor has spoken about a path, the worrying first."""

    DENIED = "denied"
    DIFFERS = "differs"  # found and declared disagree, and no correction holds
    OPEN = "open"  # not a word yet
    WEAK = "weak"  # said, but without evidence or no longer
    CORRECTED = "corrected"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorPath:
    """One path as its vendor sees it."""

    key: str  # as Confirmation.path has it
    found: bool
    declared: RemoteAccess | None
    kind: str
    product: str
    port: int
    from_outside: bool
    device: str  # its name, else its first address; "" if it stands in no ledger
    addresses: tuple[str, ...]
    differences: tuple[Text, ...]
    said: Confirmation | None  # the vendor's last word
    weak: tuple[Text, ...]  # why that supports nothing
    stand: Stand

    @property
    def id(self) -> str:
        """The path's name in addresses of pages."""
        return hashlib.blake2b(self.key.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorView:
    """Everything that one vendor sees."""

    vendor: Vendor
    devices: tuple[Device, ...]
    paths: tuple[VendorPath, ...]
    none_in_use: Confirmation | None  # its word that it uses no remote access at all
    documents: tuple[Document, ...]

    def path(self, id: str) -> VendorPath | None:
        """Give one of the vendor's own paths; None for everything else."""
        return next((one for one in self.paths if one.id == id), None)

    def count(self, *stands: Stand) -> int:
        """Count the paths that stand so."""
        return sum(one.stand in stands for one in self.paths)


def vendor_view(case: Case, vendor: Vendor, rows: Iterable[Row] | None = None) -> VendorView:
    """Give what this vendor may see; `rows` is the register where it is known already."""
    care = frozenset(vendor.devices)
    own = {one.path: one for one in standing_words(case) if one.vendor == vendor.id}
    every = register(case) if rows is None else rows
    paths = [_path(case, vendor, row, own) for row in every if is_own(row, vendor)]
    none = own.get(NONE_IN_USE)
    order = list(Stand)
    return VendorView(
        vendor=vendor,
        devices=tuple(device for device in case.devices if device.id in care),
        paths=tuple(sorted(paths, key=lambda one: (not one.from_outside, order.index(one.stand)))),
        none_in_use=none if none and none.state == NONE else None,
        documents=tuple(
            one for one in case.said(Document) if one.vendor == vendor.id and one.type in HANDED_IN
        ),
    )


def is_own(row: Row, vendor: Vendor) -> bool:
    """Whether a path of the register is this vendor's to speak about."""
    if row.declared and row.declared.vendor:
        return row.declared.vendor == vendor.id
    device = row.found.device.id if row.found else row.declared.device if row.declared else ""
    return device in vendor.devices


def _path(case: Case, vendor: Vendor, row: Row, own: dict[str, Confirmation]) -> VendorPath:
    key = row.declared.id if row.declared else row.found.key if row.found else ""
    words = [own[one] for one in (key, row.found.key if row.found else "") if one in own]
    said = max(words, key=lambda one: one.on, default=None)
    weak = weaknesses(case, said) if said else ()
    place = row.found.device if row.found else _device(case, row.declared, vendor)
    path = row.found.path if row.found else None
    declared = row.declared
    return VendorPath(
        key=key,
        found=path is not None,
        declared=declared,
        kind=path.kind if path else declared.means if declared else "",
        product=(path.product if path else "") or (declared.product if declared else ""),
        port=path.port if path else declared.port if declared else 0,
        from_outside=declared is not None or (row.found is not None and row.found.from_outside),
        device=_name(place) if place else "",
        addresses=tuple(dict.fromkeys(a.ip for a in place.addresses if a.ip)) if place else (),
        differences=row.differences,
        said=said,
        weak=weak,
        stand=_stand(row, said, weak),
    )


def _device(case: Case, declared: RemoteAccess | None, vendor: Vendor) -> Device | None:
    """Give the device of a declared path that no scan found, where it is in this vendor's care."""
    wanted = declared.device if declared else ""
    return next((one for one in case.devices if one.id == wanted and wanted in vendor.devices), None)


def _stand(row: Row, said: Confirmation | None, weak: tuple[Text, ...]) -> Stand:
    if said is not None and said.state not in (CONFIRMED, CORRECTED):
        return Stand.DENIED
    holds = said is not None and not weak
    if row.match is Match.DIFFERS and not (holds and said and said.state == CORRECTED):
        return Stand.DIFFERS
    if said is None:
        return Stand.OPEN
    if not holds:
        return Stand.WEAK
    return Stand.CORRECTED if said.state == CORRECTED else Stand.CONFIRMED


def _name(device: Device) -> str:
    return next((one for one in device.names if one), "") or next(
        (one.ip for one in device.addresses if one.ip), device.id
    )
