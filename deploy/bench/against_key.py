# SPDX-License-Identifier: Apache-2.0
"""Holds a ledger against the answer key of a virtual hospital; every difference has a name."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from deploy.lab.key import AnswerKey, KeyHost

Device = Mapping[str, Any]


@dataclass(slots=True)
class Score:
    """How the ledger compares; the lists name what is wrong."""

    hosts: int = 0
    missing: list[str] = field(default_factory=list)
    ghosts: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    classes_right: int = 0
    classes_wrong: list[str] = field(default_factory=list)
    versions: int = 0
    versions_wrong: list[str] = field(default_factory=list)
    versions_missing: list[str] = field(default_factory=list)
    dual_homed: list[str] = field(default_factory=list)
    dual_homed_wrong: list[str] = field(default_factory=list)
    forwards_wrong: list[str] = field(default_factory=list)

    @property
    def class_share(self) -> float:
        """Share of the hosts whose class is right."""
        return self.classes_right / self.hosts


def compare(document: Mapping[str, Any], key: AnswerKey) -> Score:
    """Compare a ledger document (daicho/ledger/1) with the key; the agent's own machine is no host of it."""
    score = Score(hosts=len(key.visible()))
    devices = list(document["devices"])
    for host in key.visible():
        found = [device for device in devices if _same(device, host)]
        if not found:
            score.missing.append(host.id)
            continue
        if len(found) > 1:
            score.doubled.append(host.id)
        _compare_one(score, found[0], host)
    known = {a.ip for host in key.hosts for a in host.addresses}
    for device in devices:
        if not any(a["ip"] in known for a in device["addresses"]):
            score.ghosts.append(_name(device))
    return score


def _same(device: Device, host: KeyHost) -> bool:
    ours = {a["ip"] for a in device["addresses"]}
    return any(a.ip in ours for a in host.addresses)


def _compare_one(score: Score, device: Device, host: KeyHost) -> None:
    if device["device_class"] == host.device_class:
        score.classes_right += 1
    else:
        score.classes_wrong.append(f"{host.id}: {device['device_class']} instead of {host.device_class}")
    for port, transport, version in _announced(device, host):
        score.versions += 1
        said = versions_at(device, port, transport)
        if not any(says(text, version) for text in said):
            into = score.versions_wrong if said else score.versions_missing
            into.append(f"{host.id} {port}/{transport}: {sorted(said)} instead of {version}")
    ours = sorted(device["dual_homed"]["networks"]) if device["dual_homed"] else None
    if ours:
        score.dual_homed.append(host.id)
    if ours != (sorted(host.dual_homed) if host.dual_homed else None):
        score.dual_homed_wrong.append(f"{host.id}: {ours}")
    if device["forwards"] is not None and host.forwards is not None and device["forwards"] != host.forwards:
        score.forwards_wrong.append(f"{host.id}: {device['forwards']}")


def _announced(device: Device, host: KeyHost) -> Iterator[tuple[int, str, str]]:
    """Versions that the host says to those who may ask: a printer is asked by SNMP only."""
    for entry in host.announced:
        asked = entry.port == 161 or (host.device_class != "printer" and not host.fragile)
        if entry.version and asked and device["touched"]["packets"]:
            yield entry.port, entry.transport, entry.version


def versions_at(device: Device, port: int, transport: str) -> set[str]:
    said = {s["version"] for s in device["services"] if (s["port"], s["transport"]) == (port, transport)}
    if port == 161:
        said |= {device["os_version"], device["firmware_version"]}
    return {text for text in said if text}


def says(text: str, version: str) -> bool:
    """Whether a version field states this version: `v6.4.8,build1914 (GA)` states 6.4.8, and not 6.4."""
    return bool(re.search(rf"(?<![\d]){re.escape(version)}(?![\d]|\.\d)", text))


def _name(device: Device) -> str:
    return ", ".join(a["ip"] or a["mac"] for a in device["addresses"])
