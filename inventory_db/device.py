# SPDX-License-Identifier: Apache-2.0
"""One device as derived from observations: the values of a ledger row and why we believe them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from probes.facts import Sure
from probes.normal_version import normal_version


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation and the sentence that it supports."""

    observation: str  # id
    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Confidence:
    """How far one field can be relied on, why, and which observations say so."""

    sure: Sure
    ja: str
    en: str
    observations: tuple[str, ...] = ()
    others: tuple[str, ...] = ()  # what its other answers say instead, each channel's latest word


@dataclass(frozen=True, slots=True)
class Address:
    """One address of a device; what is not known is None."""

    ip: str | None
    mac: str | None
    network: str | None  # CIDR
    vantage: str | None  # None if nobody stood where it can be seen
    how: str  # asked, heard, neighbour table, or the probe whose answer names it


@dataclass(frozen=True, slots=True)
class Service:
    """What speaks on one port."""

    port: int
    transport: str
    name: str | None
    product: str | None
    version: str | None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weakness:
    """A service that is weak as such, whatever its version (telnet, SMB 1, VNC without password …)."""

    code: str  # as in inventory_db.weaknesses
    port: int  # 0 where it was heard and no port is known
    transport: str
    detail: str  # what the device said that shows it
    observations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DualHomed:
    """Two or more networks on one host that is no router by trade."""

    networks: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    declared: bool = False  # a person said that it is meant to be so


@dataclass(frozen=True, slots=True)
class RemotePath:
    """A way into the device, or through it, from elsewhere."""

    kind: str
    product: str | None
    port: int
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Touched:
    """What we sent to the device in the last scan that asked it."""

    packets: int = 0
    connections: int = 0
    payload_bytes: int = 0
    held_back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Merge:
    """Why two sightings are one device; as a proposal: why they may be."""

    key: str  # address_list, engine_time, host_key_and_name …
    value: str
    observations: tuple[str, ...]
    ja: str
    en: str
    other: str = ""  # a proposal's other device id


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One row of the ledger before people's words; None is "not known"."""

    id: str
    anchor: str  # observation that the id was made from
    addresses: tuple[Address, ...]
    names: tuple[str, ...] = ()
    maker: str | None = None
    model: str | None = None
    serial: str | None = None
    os: str | None = None
    os_version: str | None = None
    firmware_version: str | None = None
    device_class: str = "unknown"
    services: tuple[Service, ...] = ()
    dual_homed: DualHomed | None = None
    forwards: bool | None = None
    remote_paths: tuple[RemotePath, ...] = ()
    weaknesses: tuple[Weakness, ...] = ()
    touched: Touched = Touched()
    first_seen: str  # RFC 3339 with offset
    last_seen: str
    last_asked: str  # the last observation of it, answered or not
    confidence: Mapping[str, Confidence] = field(default_factory=dict)
    merges: tuple[Merge, ...] = ()
    proposals: tuple[Merge, ...] = ()
    answered_last: bool = True  # whether it showed life in the last scan that looked for it
    location: str | None = None  # a proposal for 設置場所
    observations: tuple[str, ...] = ()  # every observation of it, oldest first
    shown_by: str = ""  # the last of them in which it, or somebody who knows it, said something
    scan: str = ""  # the last scan that saw or asked it


FIELDS = ("maker", "model", "serial", "os", "os_version", "firmware_version", "device_class")


def device_json(device: Device) -> dict[str, Any]:
    """Give the device as its public JSON object (schema daicho/ledger/1)."""
    return {
        "id": device.id,
        "addresses": [_plain(address) for address in device.addresses],
        "names": list(device.names),
        **{name: getattr(device, name) for name in FIELDS},
        "version_normal": normal_version(device.maker, device.firmware_version or device.os_version),
        "services": [_plain(service) for service in device.services],
        "dual_homed": _dual(device.dual_homed),
        "forwards": device.forwards,
        "remote_paths": [
            _plain(path) | {"evidence": [_plain(one) for one in path.evidence]}
            for path in device.remote_paths
        ],
        "weaknesses": [_plain(one) for one in device.weaknesses],
        "touched": _plain(device.touched),
        "first_seen": device.first_seen,
        "last_seen": device.last_seen,
        "location": device.location,
        "confidence": {name: _sure(one) for name, one in sorted(device.confidence.items())},
        "merges": [_plain(merge) for merge in device.merges],
        "proposals": [_plain(merge) for merge in device.proposals],
    }


def _dual(dual: DualHomed | None) -> dict[str, Any] | None:
    if dual is None:
        return None
    evidence = [_plain(one) for one in dual.evidence]
    return {"networks": list(dual.networks), "declared": dual.declared, "evidence": evidence}


def _sure(one: Confidence) -> dict[str, Any]:
    return {
        "sure": str(one.sure),
        "reason": one.ja,
        "reason_en": one.en,
        "observations": list(one.observations),
    }


def _plain(value: Any) -> dict[str, Any]:
    """Give a flat dataclass as JSON values."""
    items = ((name, getattr(value, name)) for name in value.__dataclass_fields__)
    return {name: list(one) if isinstance(one, tuple) else one for name, one in items}
