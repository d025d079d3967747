# SPDX-License-Identifier: Apache-2.0
"""`daicho read --commands`: outputs of `show version` and the like, one row per output."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deploy.recorded import ReadProgress, objects
from deploy.said import said_row
from inventory_db.device import FIELDS
from probes import command_output
from probes.command_output import Claim
from probes.facts import printable
from probes.normal_version import normal_version

_WHY = {
    "command.first_module": (
        "最初のモジュールの製造番号です。筐体のものは表示されていません。",
        "Serial number of the first module; the chassis' own is not shown.",
    ),
}


def read(files: Sequence[Path], progress: ReadProgress) -> Iterator[dict[str, Any]]:
    """Give one row per JSON line `{"id", "platform" (may be absent), "command", "text"}`."""
    for path in files:
        for source, row in objects(path, progress):
            yield _row(printable(source), row)


def _row(source: str, row: dict[str, Any] | str) -> dict[str, Any]:
    text = row.get("text") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(text, str):
        fault = row if isinstance(row, str) else "text が要ります。 / It needs text."
        return said_row(source, (), None) | {"errors": [fault]}
    claims = command_output.read(str(row.get("platform") or ""), str(row.get("command") or ""), text)
    by_field = {claim.field: claim for claim in claims}
    whole = said_row(source, (), None)
    device = whole["device"]
    for field in FIELDS:
        if field in by_field:
            device[field] = printable(by_field[field].value)
            device["confidence"][field] = _confidence(by_field[field])
    version = device["firmware_version"] or device["os_version"]
    device["version_normal"] = normal_version(device["maker"], version)
    device["names"] = [printable(by_field["name"].value)] if "name" in by_field else []
    facts = [
        {"kind": c.field, "value": printable(c.value), "sure": str(c.sure), "pattern": c.rule} for c in claims
    ]
    return whole | {"facts": facts}


def _confidence(claim: Claim) -> dict[str, str]:
    ja, en = _WHY.get(
        claim.rule,
        (f"命令の出力による値です（{claim.rule}）。", f"Read from a command's output ({claim.rule})."),
    )
    return {"sure": str(claim.sure), "reason": ja, "reason_en": en, "pattern": claim.rule}
