# SPDX-License-Identifier: Apache-2.0
"""Devices, their evidence and what hangs on them, as daicho/ledger/1 and daicho/device/1 have them."""

import msgspec

from collector.api.shapes.ground import Answer, Count, Evidence, Paging


class Address(Answer, frozen=True, kw_only=True):
    """One address of a device; null is "not known"."""

    ip: str | None
    mac: str | None
    network: str | None
    vantage: str | None
    how: str


class Service(Answer, frozen=True, kw_only=True):
    """What speaks on one port."""

    port: int
    transport: str
    name: str | None
    product: str | None
    version: str | None
    evidence: list[str]


class RemotePath(Answer, frozen=True, kw_only=True):
    """A way into the device, or through it, from elsewhere."""

    kind: str
    product: str | None
    port: int
    evidence: list[Evidence]


class Weakness(Answer, frozen=True, kw_only=True):
    """A service that is weak as such."""

    code: str
    port: int
    transport: str
    detail: str
    observations: list[str]


class DualHomed(Answer, frozen=True, kw_only=True):
    """Two or more networks on one host."""

    networks: list[str]
    declared: bool
    evidence: list[Evidence]


class Touched(Answer, frozen=True, kw_only=True):
    """What we sent to the device in the last scan that asked it."""

    packets: Count
    connections: Count
    payload_bytes: Count
    held_back: list[str]


class Confidence(Answer, frozen=True, kw_only=True):
    """How far one field can be relied on: sure, likely or guess."""

    sure: str
    reason: str
    reason_en: str
    observations: list[str]


class Merge(Answer, frozen=True, kw_only=True):
    """Why two sightings are, or may be, one device."""

    key: str
    value: str
    observations: list[str]
    ja: str
    en: str
    other: str
    score: int  # 0 to 100, how strongly a reason of this kind speaks; it decides nothing


class WayOut(Answer, frozen=True, kw_only=True):
    """A way out of its network that the device offers or takes; `address` is "" where it means itself."""

    kind: str
    address: str
    network: str
    last: str
    observations: list[str]


class Device(Answer, frozen=True, kw_only=True):
    """One device of daicho/ledger/1."""

    id: str
    number: str
    addresses: list[Address]
    names: list[str]
    maker: str | None
    model: str | None
    serial: str | None
    os: str | None
    os_version: str | None
    firmware_version: str | None
    device_class: str
    version_normal: str | None
    services: list[Service]
    dual_homed: DualHomed | None
    forwards: bool | None
    remote_paths: list[RemotePath]
    weaknesses: list[Weakness]
    ways_out: list[WayOut]
    touched: Touched
    first_seen: str
    last_seen: str
    location: str | None
    confidence: dict[str, Confidence]
    merges: list[Merge]
    proposals: list[Merge]
    parted: list[Merge]
    people: dict[str, str]
    cut: bool | msgspec.UnsetType = msgspec.UNSET  # there was more than an answer can hold


class ListedRow(Answer, frozen=True, kw_only=True):
    """A row of the facility's own ledger."""

    id: str
    number: str | None
    own_number: str | None
    device: str | None
    matched_by: list[str]
    cells: dict[str, str]
    official: dict[str, str] | None
    ledger: str
    source: str
    row: int
    by: str
    at: str


class VantagePoint(Answer, frozen=True, kw_only=True):
    """Where we stood: one interface on one network."""

    id: str
    host: str
    interface: str
    address: str
    network: str
    mac: str = ""
    gateways: tuple[str, ...] = ()


class Ledger(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """The ledger (daicho/ledger/1), whole, or one page of what was asked."""

    form: str
    generated_at: str
    vantages: list[VantagePoint]
    devices: list[Device]
    listed: list[ListedRow]
    paging: Paging | msgspec.UnsetType = msgspec.UNSET


class Typed(Answer, frozen=True, kw_only=True):
    """One thing that somebody typed; null took it back."""

    device_id: str
    column: str
    value: str | None
    who: str
    at: str


class Fact(Answer, frozen=True, kw_only=True):
    """One thing read from an answer."""

    kind: str
    value: str
    sure: str = "sure"


class Seen(Answer, frozen=True, kw_only=True):
    """One question to one address, or one frame heard, and what came of it."""

    id: str
    scan: str
    vantage: str
    at: str
    probe: str
    outcome: str
    address: str = ""
    mac: str = ""
    network: str = ""
    port: int = 0
    transport: str = ""
    reason: str = ""
    facts: tuple[Fact, ...] = ()
    facts_cut: int = 0  # facts that are not here or were cut; the transcript has what was said
    transcript_id: str = ""


class Said(Answer, frozen=True, kw_only=True):
    """An observation and the fields of the device that rest on it."""

    observation: Seen
    fields: list[str]


class DeviceDocument(Answer, frozen=True, kw_only=True, rename={"form": "schema"}):
    """All about one device (daicho/device/1)."""

    form: str
    device: Device
    official: dict[str, str]
    entries: list[Typed]
    evidence: list[Said]


class Observations(Answer, frozen=True, kw_only=True):
    """Observations of one device, newest first."""

    device: str
    observations: list[Said]
    paging: Paging


class Transcript(Answer, frozen=True, kw_only=True):
    """What was said and answered, in the recording format; "" if nothing was kept."""

    observation: Seen
    transcript: str


class DeviceServices(Answer, frozen=True, kw_only=True):
    """What speaks on one device."""

    device: str
    services: list[Service]
    weaknesses: list[Weakness]


class DevicePaths(Answer, frozen=True, kw_only=True):
    """The ways into one device."""

    device: str
    remote_paths: list[RemotePath]


class ServiceRow(Service, frozen=True, kw_only=True):
    """A service and its device."""

    device: str
    number: str
    device_name: str | None


class ServiceList(Answer, frozen=True, kw_only=True):
    """Services of the facility."""

    services: list[ServiceRow]
    paging: Paging


class PathRow(RemotePath, frozen=True, kw_only=True):
    """A remote path and its device."""

    device: str
    number: str
    device_name: str | None


class PathList(Answer, frozen=True, kw_only=True):
    """Remote paths of the facility, as found."""

    remote_paths: list[PathRow]
    paging: Paging
