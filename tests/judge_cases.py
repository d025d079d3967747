# SPDX-License-Identifier: Apache-2.0
"""The made-up facilities of the bench, under the name that the judge's tests know."""

from deploy.bench.made_up import (
    FILLED,
    HELD,
    LAN,
    NOW,
    VANTAGE,
    case,
    device,
    moved,
    path,
    scan,
    service,
    stated,
    typed,
)

__all__ = [
    "FILLED",
    "HELD",
    "LAN",
    "NOW",
    "VANTAGE",
    "case",
    "device",
    "moved",
    "path",
    "scan",
    "service",
    "stated",
    "typed",
]
