# SPDX-License-Identifier: Apache-2.0
"""What was recognised in one text, as `daicho read` prints it: device, service and facts, with the patterns."""

from collections.abc import Sequence
from typing import Any

from inventory_db.device import FIELDS
from probes.recognise import Recognition

_SPEAKER = ("vendor", "product", "version")
_ALL = (*_SPEAKER, "maker", "model", "serial", "os", "os_version", "firmware_version", "device_class")


def said_row(source: str, said: Sequence[Recognition], service: str | None) -> dict[str, Any]:
    """Give one row for what was recognised, best first, in one text of a service."""
    fields = {name: value for name in FIELDS if (value := _first(said, name))}
    speaker = {name: value[0] if (value := _first(said, name)) else None for name in _SPEAKER}
    services = [{"port": None, "transport": None, "name": service, **_speaks(speaker)}] if service else []
    device = {
        "addresses": [],
        "names": [],
        **{name: fields[name][0] if name in fields else None for name in FIELDS},
        "services": services,
        "dual_homed": None,
        "forwards": None,
        "remote_paths": _remote_paths(said),
        "confidence": {name: _confidence(*fields[name]) for name in sorted(fields)},
    }
    device["device_class"] = device["device_class"] or "unknown"
    return {"source": source, "device": device, "facts": list(_facts(said)), "errors": []}


def _first(said: Sequence[Recognition], field: str) -> tuple[str, Recognition] | None:
    return next(((value, one) for one in said if (value := getattr(one, field))), None)


def _speaks(speaker: dict[str, str | None]) -> dict[str, str | None]:
    return {"product": speaker["product"], "version": speaker["version"], "maker": speaker["vendor"]}


def _confidence(_: str, one: Recognition) -> dict[str, str]:
    return {
        "sure": str(one.sure),
        "reason": f"{one.channel} の文による値です（{one.pattern}）。",
        "reason_en": f"Read from its {one.channel} text ({one.pattern}).",
        "pattern": one.pattern,
    }


def _remote_paths(said: Sequence[Recognition]) -> list[dict[str, Any]]:
    paths = {one.remote_path: one for one in reversed(said) if one.remote_path}
    return [
        {"kind": kind, "product": one.product, "port": None, "evidence": [{"pattern": one.pattern}]}
        for kind, one in paths.items()
    ]


def _facts(said: Sequence[Recognition]) -> list[dict[str, str]]:
    found: dict[tuple[str, str], dict[str, str]] = {}
    for one in said:
        for name in _ALL:
            value = getattr(one, name)
            if value:
                entry = {"kind": name, "value": value, "sure": str(one.sure), "pattern": one.pattern}
                found.setdefault((name, value), entry)
    return list(found.values())
