# SPDX-License-Identifier: Apache-2.0
"""Reads recorded SNMP walks with our own readers and lets the judge hold them against the truth.

`python -m deploy.bench.recognise_walks [--write FILE] [judge options, e.g. --category gateway --errors 40]`

The walks lie beside the repository (`../shared/data`); where they are absent there is nothing to measure.
Fields are chosen as the ledger chooses them, from one observation that holds the walk's facts.
"""

import ipaddress
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inventory_db.observations import Stored
from inventory_db.traits import traits_of
from probes.contract import Line, Malformed, Transcript
from probes.facts import Fact, FactKind, Observation, Outcome
from probes.login import snmp

DATA = Path(__file__).parents[3] / "shared" / "data"
ARCHIVE = DATA / "dev-core.tar.xz"
JUDGE = DATA / "judge" / "judge_snmp.py"
_POINT_TO_POINT = 31  # a longer prefix is no network of several hosts
_DISTRIBUTION = re.compile(
    r"-(?:generic|server|amd64|686|pve|default|lts|cloud|aws|azure|virtual|arch)|\.(?:el|fc|amzn)\d"
)
_WHEN = datetime(2000, 1, 1, tzinfo=UTC)


def main() -> int:
    """Unpack, predict, judge; returns the judge's exit code, 0 where there is nothing to measure."""
    if not ARCHIVE.is_file() or not JUDGE.is_file():
        print(f"記録がありません。測りません。 / No recorded walks at {ARCHIVE}: nothing measured.")
        return 0
    arguments = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "predictions.jsonl"
        if "--write" in arguments:
            at = arguments.index("--write")
            kept = Path(arguments[at + 1])
            del arguments[at : at + 2]
        expected = unpack(Path(folder))
        began = time.perf_counter()
        count = write_predictions(expected, kept)
        print(f"{count} walks read in {time.perf_counter() - began:.1f} s")
        command = [sys.executable, str(JUDGE), str(expected), str(kept), *arguments]
        return subprocess.run(command, check=False).returncode


def unpack(folder: Path) -> Path:
    """Unpack the walks; returns the file of what they truly are."""
    with tarfile.open(ARCHIVE) as packed:
        members = [member for member in packed if member.name.startswith("librenms/")]
        packed.extractall(folder, members, filter="data")
    return folder / "librenms" / "dev" / "expected.jsonl"


def write_predictions(expected: Path, predictions: Path) -> int:
    """Write one JSON line per walk named in `expected`; returns how many."""
    rows = [json.loads(line) for line in expected.read_text("utf-8").splitlines() if line.strip()]
    with predictions.open("w", encoding="utf-8") as file:
        for row in rows:
            walk = expected.parent / "walks" / row["file"]
            file.write(json.dumps({"id": row["id"], **predict(walk.read_bytes())}) + "\n")
    return len(rows)


def predict(walk: bytes) -> dict[str, Any]:
    """Give the judge's keys for one recorded walk."""
    try:
        facts = snmp.read(Transcript(tuple(Line("<", line) for line in walk.splitlines())))
    except Malformed:
        facts = ()
    values = traits_of((stored(facts),), (), ()).values
    return {
        "vendor": values["maker"],
        "os": values["os"],
        "hardware": values["model"],
        "version": values["firmware_version"] or system_version(values),
        "serial": values["serial"],
        "type": values["device_class"],
        "ips": [f.value for f in facts if f.kind is FactKind.ADDRESS and ":" not in f.value],
        "macs": list(macs(facts)),
        "multihomed": len(set(networks(facts))) > 1,
    }


def system_version(values: Mapping[str, str | None]) -> str | None:
    """Give the version of the system; a kernel that no distribution built is an appliance's, not its version."""
    version = values["os_version"]
    appliance = values["os"] == "Linux" and (values["maker"] or not _DISTRIBUTION.search(version or ""))
    return None if appliance else version


def stored(facts: tuple[Fact, ...]) -> Stored:
    """Make the observation that would have held these facts."""
    seen = Observation(
        scan="bench", vantage="bench", at=_WHEN, probe="snmp", outcome=Outcome.ANSWERED, facts=facts
    )
    values = {name: getattr(seen, name) for name in seen.__struct_fields__}
    return Stored(**values, key=seen.id)


def macs(facts: Iterable[Fact]) -> Iterator[str]:
    """Hardware addresses of the interfaces."""
    for fact in facts:
        if fact.kind is FactKind.INTERFACE:
            yield from (word for word in fact.value.split() if word.count(":") == 5)


def networks(facts: Iterable[Fact]) -> Iterator[str]:
    """IPv4 networks of several hosts on which the device has an address."""
    for fact in facts:
        if fact.kind is FactKind.INTERFACE_ADDRESS:
            network = ipaddress.ip_interface(fact.value.split()[1]).network
            if network.version == 4 and network.prefixlen <= _POINT_TO_POINT and not network.is_link_local:
                yield str(network)


if __name__ == "__main__":
    sys.exit(main())
