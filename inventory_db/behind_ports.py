# SPDX-License-Identifier: Apache-2.0
"""Where a device probably stands: the switch and port that its MAC is behind, as a proposal for 設置場所. Pure.

Only the newest bridge table of a switch counts, a port behind which a switch, router or gateway stands is the way
to others, and a MAC that two places claim is at neither. What the device says of its own place goes first.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from inventory_db.device import Confidence, Device
from inventory_db.networks import normal_mac
from inventory_db.observations import Stored
from probes.facts import FactKind, Outcome, Sure

_TABLES = "snmp_tables"
_PASSING_ON = frozenset({"network", "gateway"})


@dataclass(frozen=True, slots=True)
class _Place:
    switch: int  # index of the device
    port: str
    observation: str


def with_places(devices: Sequence[Device], seen: Sequence[Sequence[Stored]]) -> tuple[Device, ...]:
    """Give the devices with a proposed place where a switch shows one; `seen` is theirs, oldest first."""
    claimed = _claimed(seen)
    if not claimed:
        return tuple(devices)
    ways = set(_ways(devices, claimed))
    return tuple(_with_place(device, devices, claimed, ways) for device in devices)


def _claimed(seen: Sequence[Sequence[Stored]]) -> Mapping[str, set[_Place]]:
    """Every place that a newest table gives for a MAC."""
    claimed: dict[str, set[_Place]] = defaultdict(set)
    for switch, observations in enumerate(seen):
        tables = [one for one in observations if one.probe == _TABLES and one.outcome is Outcome.ANSWERED]
        for line in tables[-1].of(FactKind.SWITCH_PORT) if tables else ():
            mac, _, port = line.partition(" ")
            claimed[normal_mac(mac)].add(_Place(switch, port, tables[-1].id))
    return claimed


def _ways(devices: Sequence[Device], claimed: Mapping[str, set[_Place]]) -> Iterator[tuple[int, str]]:
    """Ports behind which a device stands that passes on what others send."""
    for device in devices:
        if device.device_class in _PASSING_ON or device.forwards:
            for mac in _macs(device):
                yield from ((place.switch, place.port) for place in claimed.get(mac, ()))


def _macs(device: Device) -> tuple[str, ...]:
    return tuple(dict.fromkeys(normal_mac(address.mac) for address in device.addresses if address.mac))


def _with_place(
    device: Device,
    devices: Sequence[Device],
    claimed: Mapping[str, set[_Place]],
    ways: set[tuple[int, str]],
) -> Device:
    places = {place for mac in _macs(device) for place in claimed.get(mac, ())}
    if device.location or len(places) != 1:
        return device
    (place,) = places
    switch = devices[place.switch]
    if (place.switch, place.port) in ways or switch.id == device.id:
        return device
    name = next(iter(switch.names), "") or next((a.ip for a in switch.addresses if a.ip), "")
    why = Confidence(
        Sure.GUESS,
        f"スイッチ {name} の転送表では、この MAC は口 {place.port} の先にあります。口の先に部屋の小さなハブがあるかもしれません。",
        f"In the bridge table of the switch {name} its MAC is behind port {place.port}; a small hub may lie between.",
        (place.observation,),
    )
    return replace(
        device,
        location=f"{name} port {place.port}",
        confidence={**device.confidence, "location": why},
    )
