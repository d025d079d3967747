# SPDX-License-Identifier: Apache-2.0
"""How right is a version of a system that nobody described to us? `python -m deploy.bench.recognise_hidden`

In five turns a random fifth of the systems of the recorded walks is hidden: every pattern, every table of
makers' variables or product numbers and every name of a maker or of software that says anything about a walk
of these systems is taken away, whatever else it was written for. What is left is the method: grammar, entity
tables, shapes, the registry of enterprise numbers. Prints precision and recall.
"""

import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from deploy.bench.recognise_walks import prediction
from deploy.bench.recorded import DATA, material, rows_of
from deploy.reading import snmprec
from deploy.recorded import ReadProgress
from inventory_db import traits
from probes import names, products, recognise, rows, vendor_values, walk
from probes.vendor_values import arcs_of

_TURNS = 5
_CHANNELS = ("snmp.sysDescr", "snmp.sysObjectID")


def main() -> int:
    """Read each fifth with its rows hidden; returns 0."""
    with tempfile.TemporaryDirectory() as folder:
        place = material(Path(folder), "librenms")
        if place is None:
            return 0
        expected = [row for row in rows_of(place / "expected.jsonl") if row["n_oids"]]
        systems = sorted({row["os"] for row in expected})
        random.Random(20261129).shuffle(systems)
        said: list[dict[str, Any]] = []
        for turn in range(_TURNS):
            hidden = set(systems[turn::_TURNS])
            walks = [row for row in expected if row["os"] in hidden]
            with _without(walks) as taken:
                found = list(_read(place, walks))
            print(f"turn {turn + 1}: {len(hidden)} systems, {len(walks)} walks, {taken} rows hidden")
            said += found
        _print(place / "expected.jsonl", said)
    return 0


def _read(place: Path, walks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    files = {str(place / "walks" / row["file"]): row["id"] for row in walks}
    with ReadProgress(1) as progress:
        for row in snmprec.read(tuple(map(Path, files)), progress):
            yield {"id": files[row["source"]], **prediction(row)}


@contextmanager
def _without(walks: list[dict[str, Any]]) -> Iterator[int]:
    """Take away what speaks of these walks; gives how many rows that is."""
    texts = {row["sysDescr"] or "" for row in walks}
    spoken = {one.pattern for text in texts for one in recognise.recognise("snmp.sysDescr", text)}
    prefixes = {arcs_of(row["sysObjectID"] or "") for row in walks}
    makers = {
        name
        for name in vendor_values.makers()
        if any(arcs[: name.count(".") + 1] == tuple(name.split(".")) for arcs in prefixes)
    }
    left = {
        channel: rows.index(row for row in rows.index_of(channel).rows if row.id not in spoken)
        for channel in _CHANNELS
    }
    table: Mapping[str, Any] = {
        name: row for name, row in vendor_values.makers().items() if name not in makers
    }
    numbers = {
        name: row
        for name, row in products.registries().items()
        if not any(".".join(arcs[:-1]) == name for arcs in prefixes)
    }
    brands, programs = _unnamed(names.makers(), texts), _unnamed(names.software(), texts)
    _forget()
    with (
        patch.object(recognise, "index_of", left.__getitem__),
        patch.object(vendor_values, "makers", lambda: table),
        patch.object(products, "registries", lambda: numbers),
        patch.object(names, "makers", lambda: brands),
        patch.object(walk, "makers", lambda: brands),
        patch.object(names, "software", lambda: programs),
    ):
        yield len(spoken & {row.id for row in rows.all_rows()}) + len(makers)
    _forget()


def _forget() -> None:
    traits.forget_recognised()
    vendor_values.forget_places()


def _unnamed(table: names.Table, texts: set[str]) -> names.Table:
    """Take away every maker or program that one of the texts names."""
    said = {_called(found.name) for text in texts for found in names.find(table, text)}
    return table.without(lambda name: _called(name) in said)


def _called(name: names.Name) -> str | None:
    return name.maker or name.product


def _print(gold: Path, said: list[dict[str, Any]]) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in said)
        file.flush()
        command = [sys.executable, str(DATA / "judge" / "judge_snmp.py"), str(gold), file.name, "--json"]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for field in ("vendor", "hardware", "version", "serial"):
        row = told["tables"]["ALL"][field]
        print(f"hidden systems, {field}: precision {row['precision']:.3f}, recall {row['recall']:.3f}")


if __name__ == "__main__":
    sys.exit(main())
