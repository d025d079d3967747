# SPDX-License-Identifier: Apache-2.0
"""`daicho read --banners`: what services say when they are met, one row per banner."""

import base64
import binascii
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.recorded import ReadProgress, objects
from deploy.said import said_row
from probes.facts import printable
from probes.recognise import MOST_TEXT, recognise


def read(files: Sequence[Path], progress: ReadProgress) -> Iterator[dict[str, Any]]:
    """Give one row per JSON line `{"id", "service", "banner" or "banner_b64"}`."""
    for path in files:
        for source, row in objects(path, progress):
            yield _row(source, row)


def _row(source: str, row: dict[str, Any] | str) -> dict[str, Any]:
    if isinstance(row, str):
        return said_row(source, (), None) | {"errors": [row]}
    service, banner = row.get("service"), _banner(row)
    if not isinstance(service, str) or banner is None:
        fault = (
            "service と banner（か banner_b64）が要ります。 / It needs service and banner (or banner_b64)."
        )
        return said_row(source, (), None) | {"errors": [fault]}
    return said_row(printable(source), recognise(service, banner), printable(service, 80))


def _banner(row: dict[str, Any]) -> str | None:
    """Give the banner's text; None where there is none."""
    banner, packed = row.get("banner"), row.get("banner_b64")
    if isinstance(banner, str):
        return banner
    if not isinstance(packed, str):
        return None
    try:
        return base64.b64decode(packed[: 4 * MOST_TEXT]).decode("utf-8", "replace")
    except (binascii.Error, ValueError):  # not base64
        return None
