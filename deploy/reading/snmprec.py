# SPDX-License-Identifier: Apache-2.0
"""`daicho read --snmprec`: recorded SNMP walks, one row per file."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.device_row import device_row, facts_json
from deploy.recorded import ReadProgress, lines
from probes.walk import Walk, facts_of, is_appliance

_MOST_LINE = 64 * 1024  # bytes; no variable that we look at is longer
_HALF = 0.5  # of the progress: a walk is read twice


def read(files: Sequence[Path], progress: ReadProgress) -> Iterator[dict[str, Any]]:
    """Give one row per walk; memory is bounded by what a walk keeps, not by the file."""
    for path in files:
        yield _row(path, progress)


def _row(path: Path, progress: ReadProgress) -> dict[str, Any]:
    walk = Walk.read(lambda: _lines(path, progress))
    facts = facts_of(walk)
    service = {"port": 161, "transport": "udp", "name": "snmp", "product": None, "version": None}
    errors = [] if walk.lines else ["OID|tag|value の行がありません。 / No line of the form OID|tag|value."]
    return {
        "source": str(path),
        "device": device_row(facts, "snmp", [service] if walk.lines else [], appliance=is_appliance(walk)),
        "facts": facts_json(facts),
        "errors": errors,
    }


def _lines(path: Path, progress: ReadProgress) -> Iterable[bytes]:
    return (line for _, line in lines(path, progress, _MOST_LINE, share=_HALF) if line is not None)
