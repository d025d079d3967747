# SPDX-License-Identifier: Apache-2.0
"""A Reading as JSON: the line that `daicho read --config` prints and that a Configuration statement keeps. Pure."""

from collector.imports.configurations.reading import Json, Reading
from collector.safe_text import visible

LONGEST = 200  # characters of any text from the file


def as_json(reading: Reading, source: str) -> Json:
    """Give a reading as one JSON object; every text from the file is made harmless and short."""
    shown: Json = {
        "source": source,
        "family": reading.family or None,
        "device": _device(reading),
        "facts": _facts(reading),
        "management": [one.as_json() for one in reading.services],
        "also": [one.as_json() for one in reading.also],
        "vpn": [one.as_json() for one in reading.vpn],
        "wan_management": reading.wan_management,
        "wan_sources": _sources(reading.wan_sources),
        "wan_if": reading.wan_interfaces[0] if reading.wan_interfaces else None,
        "wan_interfaces": list(reading.wan_interfaces),
        "inbound_default": reading.inbound_default,
        "source_restricted": reading.source_restricted,
        "plaintext": list(reading.plaintext),
        "snmp": _snmp(reading),
        "disabled": list(reading.disabled),
        "unstated": list(reading.unstated),
        "weak_crypto": list(reading.weak_crypto),
        "users": dict(reading.users),
        "lines": {"disabled": dict(reading.disabled_lines), "users": dict(reading.user_lines)},
        "taken": reading.taken.isoformat() if reading.taken else None,
        "whole": reading.whole,
        "errors": [f"{one.ja} / {one.en}" for one in reading.problems],
    }
    safe: Json = {key: _safe(value) if key != "errors" else value for key, value in shown.items()}
    return safe | {"source": source}


def _sources(sources: tuple[str, ...]) -> list[str] | str:
    return "any" if "any" in sources else list(sources)


def _device(reading: Reading) -> Json:
    found: Json = {
        "maker": reading.maker or None,
        "model": reading.model,
        "serial": reading.serial,
        "os": reading.os if reading.maker else None,
        "os_version": reading.version,
        "firmware_version": reading.version,
        "names": [reading.hostname] if reading.hostname else [],
        "addresses": [{"ip": one, "how": "configuration"} for one in reading.addresses[:500]],
        "device_class": reading.device_class,
        "confidence": {},
    }
    doubts: dict[str, Json] = {}
    if reading.family and reading.sure != "sure":
        doubts["maker"] = {"sure": "likely", "why": "設定の書き方から / from how the file is written"}
    if reading.model_from:
        doubts["model"] = {"sure": "guess", "why": "ファイル名から / from the name of the file"}
    return found | {"confidence": doubts}


def _facts(reading: Reading) -> list[Json]:
    sure = reading.sure
    told = (
        ("maker", reading.maker, sure),
        ("model", reading.model, "guess" if reading.model_from else sure),
        ("serial", reading.serial, sure),
        ("os", reading.os if reading.maker else None, sure),
        ("os_version", reading.version, sure),
        ("name", reading.hostname, sure),
    )
    return [{"kind": kind, "value": value, "sure": how} for kind, value, how in told if value]


def _snmp(reading: Reading) -> Json | None:
    found = [one for one in reading.services if one.service == "snmp"]
    if not found:
        return None
    return {
        "versions": list(dict.fromkeys(one.version for one in found if one.version)),
        "plaintext": any(one.version != "v3" for one in found),
        "default_communities": list(reading.default_communities),
        "writes": any(one.rw for one in found),
    }


def _safe(value: object) -> object:
    if isinstance(value, str):
        return visible(value.replace("\n", " "))[:LONGEST]
    if isinstance(value, list):
        return [_safe(one) for one in value]
    if isinstance(value, dict):
        return {key: _safe(one) for key, one in value.items()}
    return value
