# SPDX-License-Identifier: Apache-2.0
"""Precision and recall of `daicho read --commands` on recorded outputs of `show version` and the like.

`python -m deploy.bench.recognise_commands [--no-platform] [judge options, e.g. --errors 40 --src ntc-templates]`
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.bench.recorded import judge, material, read_with, rows_of
from deploy.reading import commands


def main() -> int:
    """Unpack, read, judge; returns the judge's exit code, 0 where there is nothing to measure."""
    options = [one for one in sys.argv[1:] if one != "--no-platform"]
    with tempfile.TemporaryDirectory() as folder:
        place = material(Path(folder), "cli")
        if place is None:
            return 0
        asked = Path(folder) / "commands.jsonl"
        known = [_asked(row) for row in rows_of(place / "cases.jsonl")]
        if "--no-platform" in sys.argv:
            known = [row | {"platform": None} for row in known]
        asked.write_text("".join(json.dumps(row) + "\n" for row in known), "utf-8")
        rows = read_with(commands.read, (asked,))
        said = ({"id": row["source"], **prediction(row)} for row in rows)
        return judge("judge_cli", place / "cases.jsonl", said, options)


def _asked(row: Mapping[str, Any]) -> dict[str, Any]:
    """One output, or a whole session as one text: each command with what it gave."""
    files = row.get("files") or {}
    session = "\n".join(f"{command}\n{text}" for command, text in files.items())
    text = row.get("text") or session or row.get("normalised_output") or ""
    return {"id": row["id"], "platform": row.get("platform"), "command": row.get("command"), "text": text}


def prediction(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the judge's keys from one row of `daicho read`."""
    device = row["device"]
    return {
        "vendor": device["maker"],
        "version": device["firmware_version"] or device["os_version"],
        "hardware": device["model"],
        "serial": device["serial"],
        "hostname": next(iter(device["names"]), None),
    }


if __name__ == "__main__":
    sys.exit(main())
