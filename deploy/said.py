# SPDX-License-Identifier: Apache-2.0
"""What was recognised in one text, as `daicho read` prints it: device, service and facts, with the patterns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inventory_db.device import FIELDS
from probes.facts import Sure
from probes.normal_version import normal_version
from probes.recognise import Recognition
from probes.structured import release_of
from probes.systems import system_maker

_SPEAKER = ("vendor", "product", "version")
_OF_THE_SOFTWARE = {
    "sure": "guess",
    "reason": "応答しているソフトの作者です。機器の製造元は分かりません。",
    "reason_en": "It makes the software that speaks; who made the device is not said.",
}
_OF_DEVICES = ("snmp", "lldp", "cdp")  # channels in which a device describes all of itself
_OF_BOXES = ("dhcp", "sip", "pjl")  # in which a box says its line and its model, but not its system
_PACK = re.compile(r" (SP\d)$")
_IN_FULL = {"Junos": "Junos OS"}
_LINUXES = ("Debian", "Ubuntu", "CentOS", "Fedora", "SUSE", "Gentoo")
_ALL = (*_SPEAKER, "maker", "model", "serial", "os", "os_version", "firmware_version", "device_class")


def said_row(source: str, said: Sequence[Recognition], service: str | None) -> dict[str, Any]:
    """Give one row for what was recognised, best first, in one text of a service."""
    fields = {name: value for name in FIELDS if (value := _first(said, name))}
    confidence = {name: _confidence(one) for name, (_, one) in sorted(fields.items())}
    values: dict[str, Any] = {name: fields[name][0] if name in fields else None for name in FIELDS}
    services = (
        [{"port": None, "transport": None, "name": service, **_speaks(said, values)}] if service else []
    )
    if values["maker"] is None and services and services[0]["maker"]:
        values["maker"] = services[0]["maker"]
        confidence["maker"] = _OF_THE_SOFTWARE
    device = {
        "addresses": [],
        "names": [],
        **values,
        "version_normal": normal_version(values["maker"], values["firmware_version"] or values["os_version"]),
        "services": services,
        "dual_homed": None,
        "forwards": None,
        "remote_paths": _remote_paths(said),
        "confidence": confidence,
    }
    device["device_class"] = device["device_class"] or "unknown"
    return {"source": source, "device": device, "facts": _facts(said), "errors": []}


def _speaks(said: Sequence[Recognition], device: Mapping[str, Any]) -> dict[str, str | None]:
    """What speaks: the software that is named; where only a device is named, that device itself."""
    named, model = _first(said, "product"), _first(said, "model")
    if named and model and _is_surer(model[1], named[1]):
        said = [replace(one, product=None) if one.sure is named[1].sure else one for one in said]
    found = {name: value[0] if (value := _first(said, name)) else None for name in _SPEAKER}
    describes = any(one.channel.startswith(_OF_DEVICES) for one in said)
    if found["product"]:
        whole = describes or any(one.channel.startswith(_OF_BOXES) for one in said)
        name = _joined(_with_system(found["product"], said), device["model"], describes=whole)
        return {
            "product": name,
            "version": found["version"] or device["firmware_version"] or _of_system(found["product"], device),
            "maker": found["vendor"] or system_maker(device["os"]),
        }
    of_system = device["os_version"] if device["os"] else None
    if of_system and device["os"] == "Solaris":
        of_system = release_of("Solaris", of_system)  # 5.10 is SunOS's number
    of_system = _service_pack(device["os"] or "") or of_system  # 6.1.7601 is the number of the build
    version = found["version"] or of_system or device["firmware_version"] or device["os_version"]
    maker = found["vendor"] or device["maker"] or system_maker(device["os"])
    return {
        "product": _joined(device["os"], device["model"], describes=describes),
        "version": version,
        "maker": maker,
    }


def _service_pack(system: str) -> str | None:
    """Give the service pack of a build of Windows (Server 2008 came out with Vista's first, which its name leaves out)."""
    found = [_PACK.search(one) for one in system.split(" / ")] if system.startswith("Windows") else []
    return next((one[1] for one in found if one), None)


def _of_system(product: str, device: Mapping[str, Any]) -> str | None:
    """The system's version, where what speaks is the system itself."""
    return device["os_version"] if product.lower() in (device["os"] or "").lower() else None


def _with_system(product: str, said: Sequence[Recognition]) -> str:
    """Name an appliance's own system beside its line: "FortiGate (FortiOS)"."""
    one = next(one for one in said if one.product == product)
    own = one.maker and not one.vendor and one.os and one.os.lower() not in product.lower()
    return f"{product} ({one.os})" if own else product


def _is_surer(one: Recognition, other: Recognition) -> bool:
    """A guessed name of a product gives way to a model that was read."""
    return other.sure is Sure.GUESS and one.sure is not Sure.GUESS


def _first(said: Sequence[Recognition], field: str) -> tuple[str, Recognition] | None:
    return next(((value, one) for one in said if (value := getattr(one, field))), None)


def _joined(name: str | None, model: str | None, *, describes: bool) -> str | None:
    """Name what speaks with the model it runs on, each said once."""
    name = _IN_FULL.get(name or "", name)
    if name in _LINUXES:
        name = f"{name} Linux"
    parts = [part for part in (name, model) if part]
    if len(parts) == 2 and parts[1].lower().startswith(parts[0].lower()):
        return model  # it begins with its line
    parts = parts[: 2 if describes else 1]
    if len(parts) == 2 and parts[1].lower() in parts[0].lower():
        parts.pop()
    return " ".join(parts) or None


def _confidence(one: Recognition) -> dict[str, str]:
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
