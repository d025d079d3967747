# SPDX-License-Identifier: Apache-2.0
"""One row of the ledger's index as it is kept. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inventory_db.device import Device
from inventory_db.index_tables import CELLS, Shown
from inventory_db.kept import Kept
from inventory_db.row_keys import (
    CLASSES,
    MARKS,
    RANKS,
    address_bytes,
    class_of,
    marks_of,
    natural_bytes,
    networks_of,
    searchable,
    sureness,
)
from inventory_db.stated import ListedDevice
from inventory_db.statements import Stated

_DUAL = 1_000_000  # devices on several networks sort behind all others, whatever their number of paths

Facets = tuple[str, tuple[str, ...], tuple[str, ...]]


def facets_of(shown: Shown) -> Facets:
    """Give class, marks and networks, by which rows are counted."""
    found = marks_of(shown.device, shown.unseen)
    return class_of(shown.device), found, tuple(dict.fromkeys(one[:255] for one in networks_of(shown.device)))


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One row of the index, in its tables."""

    row: dict[str, Any]
    shown: Shown
    text: str
    facets: Facets


def make_row(kept: Kept, links: Mapping[str, Stated[ListedDevice]]) -> IndexRow:
    """Make the row of a device; `links` is the facility's own ledger by device."""
    official, document = kept.row(links), kept.json()
    cells, unseen = official.values, is_unseen(official.device)
    shown = Shown(cells, _part(document), unseen)
    facets, link = facets_of(shown), links.get(kept.device.id)
    keys = {name: natural_bytes(cell) for name, cell in zip(CELLS, cells[1:], strict=True) if name != "c6"}
    row = {
        "number": kept.number,
        "device_id": kept.device.id,
        "listed": link.number if link else None,
        "kind": CLASSES.index(facets[0]),
        **{mark: mark in facets[1] for mark in MARKS},
        **keys,
        "c6": address_bytes(cells[5]),
        "paths": len(document["remote_paths"]) + (_DUAL if "dual" in facets[1] else 0),
        "sure": RANKS.get(sureness(document), 2),
        "seen": (document["last_seen"] or "").encode(),
    }
    return IndexRow(row, shown, searchable(cells, document).replace("\x00", "\ufffd"), facets)


def is_unseen(device: Device) -> bool:
    """Say whether it did not show itself in the newest scan that asked it."""
    asked, seen = datetime.fromisoformat(device.last_asked), datetime.fromisoformat(device.last_seen)
    return asked > seen and not device.answered_last


def _part(document: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a device's JSON that the table shows and counts."""
    dual = document["dual_homed"]
    names = ("id", "number", "people", "names", "device_class", "forwards", "last_seen")
    return {name: document[name] for name in names} | {
        "dual_homed": dual and {"networks": dual["networks"], "declared": dual["declared"]},
        "remote_paths": [{"kind": path["kind"]} for path in document["remote_paths"]],
        "confidence": {field: {"sure": mark["sure"]} for field, mark in document["confidence"].items()},
        "addresses": [
            {name: address[name] for name in ("ip", "mac", "network")} for address in document["addresses"]
        ],
    }
