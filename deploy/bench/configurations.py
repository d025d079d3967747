# SPDX-License-Identifier: Apache-2.0
"""Reads the labelled configurations and counts labels that are right: `python -m deploy.bench.configurations`.

The files lie beside the repository (`../shared/data`); where they are absent there is nothing to measure.
What a label does not mention is not counted; a management service that is not in the labels is.
"""

import collections
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from collector.imports.configurations.read import read_configuration
from collector.imports.configurations.shown import as_json

ARCHIVE = Path(__file__).parents[3] / "shared" / "data" / "dev-core.tar.xz"
_DEVICE = {"vendor": "maker", "model": "model", "os": "os", "version": "os_version"}
_SETS = ("plaintext", "disabled", "wan_sources", "weak_crypto")
_PLAIN = {"wan_mgmt": "wan_management", "source_restricted": "source_restricted", "wan_if": "wan_if", "inbound_default": "inbound_default"}  # fmt: skip


def main() -> int:
    """Print right / all per field; returns 1 if a label is wrong, 0 where there is nothing to measure."""
    if not ARCHIVE.is_file():
        print(f"記録がありません。測りません。 / No configurations at {ARCHIVE}: nothing measured.")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        return measure(unpack(Path(folder)), verbose="--errors" in sys.argv)


def unpack(folder: Path) -> Path:
    """Unpack the configurations; returns their folder."""
    with tarfile.open(ARCHIVE) as packed:
        members = [member for member in packed if member.name.startswith("config/")]
        packed.extractall(folder, members, filter="data")
    return folder / "config" / "dev"


def measure(folder: Path, *, verbose: bool = True) -> int:
    """Count and print; returns 1 if a label is wrong."""
    right: collections.Counter[str] = collections.Counter()
    every: collections.Counter[str] = collections.Counter()
    wrong: list[str] = []
    began, size = time.perf_counter(), 0
    for label in labels(folder):
        data = (folder / "files" / label["file"]).read_bytes()
        size += len(data)
        for field, good, said in compare(
            label, as_json(read_configuration(data, label["file"]), label["file"])
        ):
            every[field] += 1
            right[field] += good
            if not good:
                wrong.append(f"{label['file']}: {field}: {label.get(field)!r}, read {said!r}")
    spent = time.perf_counter() - began
    for field in every:
        print(f"{field:18} {right[field]:3} / {every[field]}")
    print(f"{'all':18} {right.total():3} / {every.total()}  ({size / spent / 1e6:.1f} MB/s)")
    if verbose or wrong:
        print("\n".join(wrong))
    return 1 if wrong else 0


def labels(folder: Path) -> list[dict[str, Any]]:
    """Give the labelled rows."""
    return [json.loads(line) for line in (folder / "labels.jsonl").read_text("utf-8").splitlines() if line]


def compare(label: Mapping[str, Any], said: Mapping[str, Any]) -> Iterator[tuple[str, bool, Any]]:
    """Give field, whether it is right, and what was read, for every label of one file."""
    for field, key in _DEVICE.items():
        if field in label:
            yield field, said["device"][key] == label[field], said["device"][key]
    if "mgmt" in label:
        yield "mgmt", _services(label["mgmt"]) == _services(said["management"]), said["management"]
    for field in _SETS:
        if field in label:
            yield field, set(said[field]) == set(label[field]), said[field]
    for field, key in _PLAIN.items():
        if field in label:
            wanted = None if label[field] == "n/a" else label[field]
            yield field, said[key] == wanted, said[key]
    if "vpn" in label:
        summaries = [one["summary"] for one in said["vpn"]]
        yield "vpn", sorted(summaries) == sorted(label["vpn"]), summaries


def _services(rows: list[dict[str, Any]]) -> set[tuple[Any, ...]]:
    return {
        (
            row["service"],
            row["interface"],
            row["sources"] if isinstance(row["sources"], str) else tuple(sorted(row["sources"] or ())),
            row.get("rw") if row["service"] == "snmp" else None,
        )
        for row in rows
    }


if __name__ == "__main__":
    sys.exit(main())
