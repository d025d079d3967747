# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of `daicho read --snmprec` on recorded SNMP walks.

`python -m deploy.bench.recognise_walks [judge options, e.g. --category gateway --errors 40]`
"""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.bench.recorded import judge, material, read_with, rows_of
from deploy.reading import snmprec


def main() -> int:
    """Unpack, read, judge; returns the judge's exit code, 0 where there is nothing to measure."""
    with tempfile.TemporaryDirectory() as folder:
        place = material(Path(folder), "librenms")
        if place is None:
            return 0
        expected = rows_of(place / "expected.jsonl")
        files = {str(place / "walks" / row["file"]): row["id"] for row in expected}
        rows = read_with(snmprec.read, map(Path, files))
        said = ({"id": files[row["source"]], **prediction(row)} for row in rows)
        return judge("judge_snmp", place / "expected.jsonl", said, sys.argv[1:])


def prediction(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the judge's keys from one row of `daicho read`."""
    device = row["device"]
    return {
        "vendor": device["maker"],
        "os": device["os"],
        "hardware": device["model"],
        "version": device["firmware_version"] or device["os_version"],
        "serial": device["serial"],
        "type": device["device_class"],
        "ips": [one["ip"] for one in device["addresses"] if one["ip"] and ":" not in one["ip"]],
        "macs": [one["mac"] for one in device["addresses"] if one["mac"]],
        "multihomed": device["dual_homed"] is not None,
    }


if __name__ == "__main__":
    sys.exit(main())
