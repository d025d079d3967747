# SPDX-License-Identifier: Apache-2.0
"""Observations → devices, pure: the same observations give the same devices in whatever order they come.

Sightings are gathered into units (one network card, or one address), units are joined where the
devices themselves show that they are one, and every join carries its reason. What may be one
device but is not shown to be becomes a proposal for a person.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from inventory_db.behind_ports import with_places
from inventory_db.device import Confidence, Device, Merge, Touched
from inventory_db.footing import Networks, addresses_of, dual_homing
from inventory_db.heard_paths import heard_paths_of
from inventory_db.joins import Edge, Group, join
from inventory_db.observations import Stored, as_stored, microseconds
from inventory_db.places import Places
from inventory_db.profiles import Profile, profile_of
from inventory_db.services import forwarding, open_ports, remote_paths_of, services_of
from inventory_db.sightings import gather, is_life
from inventory_db.traits import traits_of
from inventory_db.weaknesses import weaknesses_of
from probes.facts import Observation, Outcome, Vantage

_BY_NATURE = frozenset({"network", "gateway"})  # stand on several networks because that is what they are for
MOST_PROPOSALS = 20
ACCESS_PROBE = "access"  # says who may reach a service, and nothing about what the device is


@dataclass(frozen=True, slots=True)
class _Found:
    """What one group of units is made of."""

    group: Group
    profiles: tuple[Profile, ...]
    seen: tuple[Stored, ...]  # all, oldest first
    alive: tuple[Stored, ...]
    times: tuple[datetime, ...]  # of every sign of life, oldest first

    @property
    def anchor(self) -> Stored:
        """The observation that gives the id: the first in which it, or we on purpose, said something."""
        return next((o for o in self.seen if is_life(o) or o.outcome is Outcome.HELD_BACK), self.seen[0])


def identify(observations: Iterable[Observation], vantages: Iterable[Vantage]) -> tuple[Device, ...]:
    """Give one device per real thing, the one seen first first.

    Near-linear in the observations. Addresses that never answered give no device.
    """
    kept = (o for o in map(as_stored, observations) if o.probe != ACCESS_PROBE)
    stored = sorted({o.id: o for o in kept}.values(), key=_when)
    stood = sorted(vantages, key=lambda vantage: vantage.id)
    profiles = {key: profile_of(unit) for key, unit in gather(stored, Places(stored, stood)).items()}
    groups, weak = join(profiles)
    found = sorted(
        (_found(group, profiles) for group in groups),
        key=lambda one: (microseconds(one.times[0]), one.anchor.id),
    )
    held, known = _holders(found), Networks(stored, stood)
    gateways = frozenset(gateway for vantage in stood for gateway in vantage.gateways)
    devices = [_device(one, known, _elsewhere(one, held), gateways) for one in found]
    placed = with_places(devices, [one.alive for one in found])
    return _with_proposals(placed, found, weak)


def _when(stored: Stored) -> tuple[int, str]:
    return microseconds(stored.at), stored.id


def _found(group: Group, profiles: Mapping[str, Profile]) -> _Found:
    own = tuple(profiles[key] for key in group.units)
    sightings = [sighting for profile in own for sighting in profile.unit.sightings]
    seen = tuple(sorted((s.seen for s in sightings if not s.table), key=_when))
    times = tuple(sorted((s.seen.at for s in sightings if s.alive), key=microseconds))
    return _Found(group, own, seen, tuple(one for one in seen if is_life(one)), times)


def _holders(found: Iterable[_Found]) -> dict[tuple[str, str], set[str]]:
    """Which groups answer at an address of a realm."""
    held: dict[tuple[str, str], set[str]] = defaultdict(set)
    for one in found:
        for profile in one.profiles:
            for ip in profile.unit.ips:
                held[profile.unit.sightings[0].realm, ip].add(one.group.units[0])
    return held


def _elsewhere(one: _Found, held: Mapping[tuple[str, str], set[str]]) -> frozenset[str]:
    """Addresses that it calls its own although another device of the same realm answers there."""
    realms = {profile.unit.sightings[0].realm for profile in one.profiles}
    claimed = {ip for profile in one.profiles for ip in profile.claims}
    mine = {one.group.units[0]}
    return frozenset(ip for ip in claimed for realm in realms if held.get((realm, ip), mine) != mine)


def _device(
    one: _Found, known: Networks, elsewhere: frozenset[str], gateways: frozenset[str] = frozenset()
) -> Device:
    addresses = addresses_of(one.profiles, known, elsewhere)
    ports = open_ports(one.seen)
    services = services_of(ports)
    macs = [address.mac for address in addresses if address.mac]
    traits = traits_of(one.alive, macs, (port for port, transport in ports if transport == "tcp"))
    confidence = dict(traits.confidence)
    device_class = traits.values["device_class"] or "unknown"
    dual, sure = dual_homing(one.profiles, addresses, known)
    forwards, tested = forwarding(one.alive)
    if device_class in _BY_NATURE:
        dual = sure = None
    _note(confidence, dual_homed=sure, forwards=tested)
    return Device(
        id=one.anchor.id[:16],
        anchor=one.anchor.id,
        addresses=addresses,
        names=traits.names,
        maker=traits.values["maker"],
        model=traits.values["model"],
        serial=traits.values["serial"],
        os=traits.values["os"],
        os_version=traits.values["os_version"],
        firmware_version=traits.values["firmware_version"],
        device_class=device_class,
        services=services,
        dual_homed=dual,
        forwards=forwards,
        remote_paths=(*remote_paths_of(ports, services), *heard_paths_of(one.alive, macs, gateways)),
        weaknesses=weaknesses_of(ports, services, one.seen),
        touched=Touched(held_back=_held_back(one.seen)),
        first_seen=_rfc3339(one.times[0]),
        last_seen=_rfc3339(one.times[-1]),
        last_asked=_rfc3339(one.seen[-1].at),
        confidence=confidence,
        merges=one.group.merges,
        location=traits.location,
        observations=tuple(stored.id for stored in one.seen),
        shown_by=one.alive[-1].id if one.alive else "",
        scan=_last_scan(one.seen),
        answered_last=_answered_last(one),
    )


def _note(confidence: dict[str, Confidence], **more: Confidence | None) -> None:
    confidence.update({name: one for name, one in more.items() if one is not None})


def _last_scan(seen: Sequence[Stored]) -> str:
    """The last scan that saw it; what people brought as a log is no scan."""
    return next((one.scan for one in reversed(seen) if one.probe != "log"), seen[-1].scan)


def _answered_last(one: _Found) -> bool:
    """Whether it showed life in the last scan that looked for it."""
    last = _last_scan(one.seen)
    sightings = (s for profile in one.profiles for s in profile.unit.sightings)
    return any(s.alive and s.seen.scan == last for s in sightings)


def _held_back(seen: Sequence[Stored]) -> tuple[str, ...]:
    """Why we kept back from it in its last scan."""
    last = _last_scan(seen)
    held = [one.reason for one in seen if one.outcome is Outcome.HELD_BACK and one.scan == last]
    return tuple(sorted(set(held)))


def _rfc3339(at: datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _with_proposals(
    devices: Sequence[Device], found: Sequence[_Found], weak: Iterable[Edge]
) -> tuple[Device, ...]:
    """Hang each weak edge on both of its devices."""
    of_unit = {key: index for index, one in enumerate(found) for key in one.group.units}
    proposals: dict[int, list[Merge]] = defaultdict(list)
    for edge in weak:
        one, other = of_unit[edge.one], of_unit[edge.other]
        proposals[one].append(replace(edge.merge, other=devices[other].id))
        proposals[other].append(replace(edge.merge, other=devices[one].id))
    return tuple(
        replace(device, proposals=tuple(proposals[index][:MOST_PROPOSALS])) if index in proposals else device
        for index, device in enumerate(devices)
    )
