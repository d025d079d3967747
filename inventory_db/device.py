# SPDX-License-Identifier: Apache-2.0
"""One device as derived from observations: the values of a ledger row and why we believe them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from operator import attrgetter
from typing import Any

from inventory_db.scores import score_of
from probes.facts import Sure
from probes.normal_version import normal_version

MOST_TEXT = 255  # characters of one text that a device says of itself, the longest name that DNS allows
MOST_REASON = 1000  # characters of a reason of ours, in both languages


def brief(text: str, most: int = MOST_TEXT) -> str:
    """Cut what a device says of itself to what a person reads; the observation keeps the whole."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


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
class WayOut:
    """A way out of its network that a device offers, or takes."""

    kind: str  # as in inventory_db.ways_out
    address: str  # of the DHCP server or gateway that it names; "" where it means itself
    network: str  # CIDR on which that was heard, "" if not known
    last: str  # when it was said last, RFC 3339
    observations: tuple[str, ...] = ()


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


@dataclass(frozen=True, slots=True)
class Part:
    """One network card, or one address whose card nobody knows, by the name that decisions use (inventory_db.parts)."""

    handle: str
    mac: str  # "" if not known
    ips: tuple[str, ...]
    networks: tuple[str, ...]
    marks: tuple[str, ...] = ()  # "engine …", "host_key …": what answers there


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
    ways_out: tuple[WayOut, ...] = ()
    touched: Touched = Touched()
    first_seen: str  # RFC 3339 with offset
    last_seen: str
    last_asked: str  # the last observation of it, answered or not
    confidence: Mapping[str, Confidence] = field(default_factory=dict)
    merges: tuple[Merge, ...] = ()
    proposals: tuple[Merge, ...] = ()
    parted: tuple[
        Merge, ...
    ] = ()  # what shows that another device is this one, where a person decided otherwise
    parts: tuple[Part, ...] = ()
    answered_last: bool = True  # whether it showed life in the last scan that looked for it
    location: str | None = None  # a proposal for 設置場所
    observations: tuple[str, ...] = ()  # every observation of it, oldest first
    shown_by: str = ""  # the last of them in which it, or somebody who knows it, said something
    scan: str = ""  # the last scan that saw or asked it
    whole_since: str = ""  # when it was asked all questions, if its last scan only confirmed a few answers

    @property
    def called(self) -> str:
        """Its first name and first address, or its id where it has neither: what a sentence calls it."""
        address = next((one.ip for one in self.addresses if one.ip), None)
        return " ".join(filter(None, (*self.names[:1], address))) or self.id


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
        "ways_out": [_plain(one) for one in device.ways_out],
        "touched": _plain(device.touched),
        "first_seen": device.first_seen,
        "last_seen": device.last_seen,
        "location": device.location,
        "confidence": {name: _sure(one) for name, one in sorted(device.confidence.items())},
        "merges": [_merge(merge) for merge in device.merges],
        "proposals": [_merge(merge) for merge in device.proposals],
        "parted": [_merge(merge) for merge in device.parted],
    }


def _merge(merge: Merge) -> dict[str, Any]:
    return _plain(merge) | {"score": score_of(merge.key)}


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
    kind: Any = type(value)
    names, values_of = _fields_of(kind)
    return {
        name: list(one) if isinstance(one, tuple) else one
        for name, one in zip(names, values_of(value), strict=True)
    }


@cache
def _fields_of(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(kind.__dataclass_fields__)
    return names, attrgetter(*names)
