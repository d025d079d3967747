# SPDX-License-Identifier: Apache-2.0
"""CycloneDX 1.6 (ECMA-424) JSON: each device with the firmware, system and software that it was seen to run.

The numbers of `confidence` are ours: sure 0.9, likely 0.6, guess 0.3; the word and the reason stand beside them.
The composition is "incomplete": a scan sees what speaks, not what is installed.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from collector.holding import Held, Holding, first, line, product_version
from inventory_db.device import Confidence, Service

MEDIA, ENDING, NAME_JA = "application/vnd.cyclonedx+json; version=1.6", "cdx.json", "ソフトウェア部品表"
SCORES = {"sure": 0.9, "likely": 0.6, "guess": 0.3}
_OURS = uuid.UUID("5f0e0f0a-6d0e-5f0c-9b1e-6461696368f0")  # names this kind of document


def write(holding: Holding) -> bytes:
    """Give the BOM."""
    named = f"{holding.facility}\n{holding.now.isoformat()}\n" + "\n".join(
        held.device.id for held in holding.devices
    )
    devices = [_device(held) for held in holding.devices]
    bom: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(_OURS, named)}",
        "version": 1,
        "metadata": _metadata(holding),
        "components": devices,
        "compositions": [{"aggregate": "incomplete", "assemblies": [one["bom-ref"] for one in devices]}],
    }
    return (json.dumps(bom, ensure_ascii=False, indent=1) + "\n").encode()


def _metadata(holding: Holding) -> dict[str, Any]:
    ours = {"type": "application", "name": "daicho", "version": product_version()}
    return {
        "timestamp": holding.now.isoformat(timespec="seconds"),
        "lifecycles": [{"phase": "discovery"}],
        "tools": {"components": [ours]},
        "properties": [_property("daicho:facility", line(holding.facility))],
    }


def _device(held: Held) -> dict[str, Any]:
    device = held.device
    component: dict[str, Any] = {
        "type": "device",
        "bom-ref": f"device:{device.id}",
        "name": line(device.model) or held.name,
        "properties": list(_properties(held)),
    }
    if device.maker:
        component["manufacturer"] = {"name": line(device.maker)}
    if evidence := _identity(held, "name", "model"):
        component["evidence"] = evidence
    if parts := list(_parts(held)):
        component["components"] = parts
    return component


def _properties(held: Held) -> Iterator[dict[str, str]]:
    device = held.device
    found = [("daicho:number", held.row.number), ("daicho:class", device.device_class)]
    found += [("daicho:name", line(name)) for name in device.names]
    found += [("cdx:device:serialNumber", line(device.serial))]
    found += [("cdx:device:location", held.typed("設置場所"))]
    macs = dict.fromkeys(address.mac for address in device.addresses)
    found += [("cdx:device:macAddress", line(mac)) for mac in macs if mac]
    found += [("daicho:address", line(address.ip)) for address in device.addresses]
    found += [("daicho:last_seen", device.last_seen)]
    found += [
        (f"daicho:confidence:{name}", _reason(mark)) for name, mark in sorted(device.confidence.items())
    ]
    return (_property(name, value) for name, value in found if value)


def _parts(held: Held) -> Iterator[dict[str, Any]]:
    device, ref = held.device, f"device:{held.device.id}"
    if device.firmware_version:
        name = first((device.model, device.maker))
        part = _part("firmware", f"{ref}/firmware", line(name) or "firmware", device.firmware_version)
        yield part | _evidence(held, "version", "firmware_version")
    if device.os:
        part = _part("operating-system", f"{ref}/os", device.os, device.os_version)
        yield part | _evidence(held, "name", "os")
    for number, ((product, version), places) in enumerate(_software(held).items(), 1):
        part = _part("application", f"{ref}/software/{number}", product, version)
        yield part | {"evidence": {"occurrences": [{"location": place} for place in places]}}


def _software(held: Held) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for service in held.device.services:
        if service.product and line(service.product):
            key = line(service.product), line(service.version)
            found.setdefault(key, []).append(_place(service))
    return found


def _place(service: Service) -> str:
    return line(f"{service.transport}/{service.port} {service.name or ''}")


def _part(kind: str, ref: str, name: str, version: str | None) -> dict[str, Any]:
    part = {"type": kind, "bom-ref": ref, "name": line(name)}
    return part | ({"version": line(version, 1024)} if line(version) else {})


def _evidence(held: Held, field: str, name: str) -> dict[str, Any]:
    evidence = _identity(held, field, name)
    return {"evidence": evidence} if evidence else {}


def _identity(held: Held, field: str, name: str) -> dict[str, Any]:
    mark = held.device.confidence.get(name)
    if mark is None or getattr(held.device, name) is None:
        return {}
    score = SCORES.get(str(mark.sure), 0.0)
    method = {"technique": "other", "confidence": score, "value": _reason(mark)}
    return {"identity": [{"field": field, "confidence": score, "methods": [method]}]}


def _reason(mark: Confidence) -> str:
    return f"{mark.sure}: {line(mark.en)}"


def _property(name: str, value: str) -> dict[str, str]:
    return {"name": name, "value": value}
