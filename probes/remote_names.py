# SPDX-License-Identifier: Apache-2.0
"""Host names that belong to services of remote control and VPN (`recognised/remote_names.yaml`)."""

import functools
from dataclasses import dataclass
from typing import Any

from probes.facts import Sure
from probes.rows import load


@dataclass(frozen=True, slots=True)
class Service:
    """One service that is known by its names."""

    product: str
    protocol: str  # as flows call it; the product where nothing else is usual
    kind: str  # of remote_paths, "" where it is no way in
    family: str  # "remote", "vpn" or "medical"
    sure: Sure


def service_of(name: str) -> Service | None:
    """The service that a host name belongs to, matched label by label from the right; None if none is known."""
    labels = name[:253].lower().rstrip(".").split(".")
    known = _by_name()
    for start in range(max(0, len(labels) - 6), len(labels) - 1):
        found = known.get(".".join(labels[start:]))
        if found is not None:
            return found
    return None


@functools.cache
def _by_name() -> dict[str, Service]:
    return {name: _service(row) for row in load("remote_names.yaml")["services"] for name in row["names"]}


def _service(row: dict[str, Any]) -> Service:
    protocol = row.get("protocol", row["product"])
    return Service(row["product"], protocol, row["kind"], row["family"], Sure(row["sure"]))
