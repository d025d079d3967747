# SPDX-License-Identifier: Apache-2.0
"""Observations → devices, pure: the same observations give the same devices in whatever order they come.

Sightings are gathered into units (one network card, or one address), units are joined where the
devices themselves show that they are one, and every join carries its reason. What may be one
device but is not shown to be becomes a proposal for a person.
"""

from base64 import b64encode
from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import blake2b

from inventory_db.behind_ports import with_places
from inventory_db.decided import Decision
from inventory_db.device import MOST_REASON, Address, Confidence, Device, Merge, Touched, brief
from inventory_db.digest import VERSION, Digest, Known, add
from inventory_db.footing import Networks, addresses_of, dual_homing
from inventory_db.ghosts import without_ghosts
from inventory_db.joins import Edge, Group, Joined, join
from inventory_db.observations import Stored, as_stored, microseconds
from inventory_db.parts import part_of
from inventory_db.profiles import Profile, profile_of
from inventory_db.said_again import SaidBefore, words_of
from inventory_db.sightings import Sighting, gather, is_life
from inventory_db.ways_out import ways_out_of
from probes.facts import FactKind, Observation, Outcome, Sure, Vantage

_BY_NATURE = frozenset({"network", "gateway"})  # stand on several networks because that is what they are for
_CHECKED_SINCE, _HELD_BACK = FactKind.CHECKED_SINCE, Outcome.HELD_BACK
MOST_PROPOSALS = 20
MARK = 16  # characters


@dataclass(frozen=True, slots=True)
class _Found:
    """What one group of units is made of."""

    group: Group
    profiles: tuple[Profile, ...]
    seen: tuple[Stored, ...]  # all, oldest first
    alive: tuple[Stored, ...]
    said: tuple[Stored, ...]  # of all, what none said again later: enough for what it is, not for since when
    times: tuple[datetime, ...]  # of every sign of life, oldest first

    @property
    def anchor(self) -> Stored:
        """The observation that gives the id: the first in which it, or we on purpose, said something."""
        return next((o for o in self.seen if is_life(o) or _kept_back(o)), self.seen[0])


def identify(
    observations: Iterable[Observation], vantages: Iterable[Vantage], decisions: Sequence[Decision] = ()
) -> tuple[Device, ...]:
    """Give one device per real thing, the one seen first first.

    Near-linear in the observations. Addresses that never answered give no device.
    """
    stood = sorted(vantages, key=lambda vantage: vantage.id)
    return derive(add(Digest(), map(as_stored, observations), stood), stood, decisions)


def derive(
    digest: Digest, stood: Sequence[Vantage], decisions: Sequence[Decision] = ()
) -> tuple[Device, ...]:
    """Give the devices of what was digested, as `identify`; `stood` are the vantages by id."""
    return derive_again(digest, stood, {}, decisions)[0]


def derive_again(
    digest: Digest,
    stood: Sequence[Vantage],
    before: Mapping[str, Device],
    decisions: Sequence[Decision] = (),
) -> tuple[tuple[Device, ...], tuple[str, ...]]:
    """Give the devices, and of what each is made: two names of MARK characters, by each of which `before` may have it.

    One that is made of the same is taken from `before`; of one that said the same again, what follows from its words.
    """
    units = without_ghosts(gather(digest.land, digest.places, digest.known.proxies), digest.places)
    profiles = {key: profile_of(unit) for key, unit in units.items()}
    joined = join(profiles, decisions)
    found = sorted(
        (_found(group, profiles, digest.repeated) for group in joined.groups),
        key=lambda one: (microseconds(one.times[0]), one.anchor.id),
    )
    held, known = _holders(found), Networks(digest.known.networks, stood)
    gateways, ground = _gateways(stood), ground_of(digest.known, stood)
    again = SaidBefore(before, digest.follows, digest.kept, ground)
    devices, made_of = [], []
    for one in found:
        elsewhere = _elsewhere(one, held)
        mark = _made_of(one, elsewhere, ground)
        made_of.append(mark + again.mark(one.said))
        old = before.get(mark)
        devices.append(_as_derived(old, one) if old else _device(one, known, elsewhere, gateways, again))
    placed = with_places(devices, [one.alive for one in found])
    return _with_proposals(placed, found, joined), tuple(made_of)


def ground_of(known: Known, stood: Iterable[Vantage]) -> str:
    """Name all that every device is derived on: the version, networks, gateways, and where each vantage stood."""
    stood = tuple(stood)
    cidrs = Networks(known.networks, stood).cidrs
    return repr((VERSION, cidrs, sorted(_gateways(stood)), sorted(known.ground.items())))


def _gateways(stood: Iterable[Vantage]) -> frozenset[str]:
    return frozenset(gateway for vantage in stood for gateway in vantage.gateways)


def _made_of(one: _Found, elsewhere: frozenset[str], ground: str) -> str:
    """Name all that a device is derived from but for what other devices say of it."""
    digest = blake2b(ground.encode(), digest_size=12, person=b"made")
    for profile in one.profiles:
        digest.update(f"\n{profile.unit.key}\n".encode("utf-8", "replace"))
        digest.update("".join([f"{one.seen.key}{one.asked} " for one in profile.unit.sightings]).encode())
    digest.update(repr((sorted(elsewhere), one.group.merges)).encode("utf-8", "replace"))
    return b64encode(digest.digest()).decode()


def _as_derived(old: Device, one: _Found) -> Device:
    """Take away what was added to a device after it was derived: its old id, its place, proposals, what was sent."""
    confidence = dict(old.confidence)
    placed = confidence.pop("location", None)
    return replace(
        old,
        id=one.anchor.id[:16],
        anchor=one.anchor.id,
        proposals=(),
        parted=(),
        touched=Touched(held_back=old.touched.held_back),
        location=None if placed else old.location,
        confidence=confidence,
    )


def _when(one: Sighting) -> tuple[int, str]:
    return one.at, one.seen.key


def _found(group: Group, profiles: Mapping[str, Profile], repeated: Container[str]) -> _Found:
    own = tuple(profiles[key] for key in group.units)
    sightings = [sighting for profile in own for sighting in profile.unit.sightings]
    asked = sorted([one for one in sightings if not one.table], key=_when)
    seen = tuple([one.seen for one in asked])
    alive = tuple([one.seen for one in asked if one.alive])
    said = tuple([one for one in seen if one.key not in repeated])
    living = sorted([one for one in sightings if one.alive], key=lambda one: one.at)
    return _Found(group, own, seen, alive, said, tuple([one.seen.at for one in living]))


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
    one: _Found, known: Networks, elsewhere: frozenset[str], gateways: frozenset[str], again: SaidBefore
) -> Device:
    addresses = addresses_of(one.profiles, known, elsewhere)
    living = tuple([said for said in one.said if is_life(said)])
    macs = [address.mac for address in addresses if address.mac]
    words = again.words(one.said, macs) or words_of(one.said, living, macs, gateways)
    confidence = dict(words.confidence)
    device_class = words.values["device_class"] or "unknown"
    dual, sure = dual_homing(one.profiles, addresses, known)
    if _routes_by_nature(device_class, confidence, addresses, gateways):
        dual = sure = None
    _note(confidence, dual_homed=sure, forwards=words.tested, addresses=_stands_in(one))
    return Device(
        id=one.anchor.id[:16],
        anchor=one.anchor.id,
        addresses=addresses,
        names=words.names,
        maker=words.values["maker"],
        model=words.values["model"],
        serial=words.values["serial"],
        os=words.values["os"],
        os_version=words.values["os_version"],
        firmware_version=words.values["firmware_version"],
        device_class=device_class,
        services=words.services,
        dual_homed=dual,
        forwards=words.forwards,
        remote_paths=words.remote_paths,
        weaknesses=words.weaknesses,
        ways_out=ways_out_of(living),
        touched=Touched(held_back=_held_back(one.seen)),
        first_seen=_rfc3339(one.times[0]),
        last_seen=_rfc3339(one.times[-1]),
        last_asked=_rfc3339(one.seen[-1].at),
        confidence=confidence,
        merges=one.group.merges,
        location=words.location,
        parts=tuple({part.handle: part for profile in one.profiles if (part := part_of(profile))}.values()),
        observations=tuple(stored.id for stored in one.seen),
        shown_by=one.alive[-1].id if one.alive else "",
        scan=_last_scan(one.seen),
        answered_last=_answered_last(one),
        whole_since=_whole_since(one.seen),
    )


def _routes_by_nature(
    device_class: str,
    confidence: Mapping[str, Confidence],
    addresses: Iterable[Address],
    gateways: frozenset[str],
) -> bool:
    """Whether it stands on several networks because that is what it is for; a guess by its card is not enough."""
    told = device_class in _BY_NATURE and confidence["device_class"].sure is not Sure.GUESS
    return told or any(one.vantage and one.ip in gateways for one in addresses)


def _stands_in(one: _Found) -> Confidence | None:
    """Why the address of a box that answers for many others is not known."""
    sightings = [
        s
        for profile in one.profiles
        if profile.unit.proxied and profile.unit.mac
        for s in profile.unit.sightings
    ]
    if not sightings:
        return None
    shown = tuple(dict.fromkeys(s.seen.id for s in sightings if s.alive))[-5:]
    return Confidence(Sure.LIKELY, *STANDS_IN, shown)


STANDS_IN = (
    "1つの MAC アドレスが多数のアドレスに代わって答えています（代理 ARP）。この機器自身のアドレスは分かりません。",
    "One MAC answers for many addresses (proxy ARP). Which address is its own is not known.",
)


def _note(confidence: dict[str, Confidence], **more: Confidence | None) -> None:
    confidence.update({name: one for name, one in more.items() if one is not None})


def _last_scan(seen: Sequence[Stored]) -> str:
    """The last scan that saw it; what people brought as a log is no scan."""
    return next((one.scan for one in reversed(seen) if one.probe != "log"), seen[-1].scan)


def _whole_since(seen: Sequence[Stored]) -> str:
    """When it was asked all questions, if the last scan only confirmed what it answered before; "" if not."""
    last = _last_scan(seen)
    told = (value for one in seen if one.scan == last for value in one.of(_CHECKED_SINCE))
    return min(told, default="")


def _answered_last(one: _Found) -> bool:
    """Whether it showed life in the last scan that looked for it."""
    last = _last_scan(one.seen)
    sightings = (s for profile in one.profiles for s in profile.unit.sightings)
    return any(s.alive and s.seen.scan == last for s in sightings)


def _held_back(seen: Sequence[Stored]) -> tuple[str, ...]:
    """Why we kept back from it in its last scan."""
    last = _last_scan(seen)
    held = [one.reason for one in seen if _kept_back(one) and one.scan == last]
    return tuple(sorted({brief(reason, MOST_REASON) for reason in held}))


def _kept_back(seen: Stored) -> bool:
    """Whether we chose not to ask it; the list of ways that were not tried is no decision about the host."""
    return seen.outcome is _HELD_BACK and seen.probe != "techniques"


def _rfc3339(at: datetime) -> str:
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat()


def _with_proposals(devices: Sequence[Device], found: Sequence[_Found], joined: Joined) -> tuple[Device, ...]:
    """Hang on both of its devices each weak edge, and what a person decided against."""
    of_unit = {key: index for index, one in enumerate(found) for key in one.group.units}
    weak, parted = _between(joined.weak, of_unit, devices), _between(joined.parted, of_unit, devices)
    return tuple(
        replace(device, proposals=weak.get(index, ()), parted=parted.get(index, ()))
        if index in weak or index in parted
        else device
        for index, device in enumerate(devices)
    )


def _between(
    edges: Iterable[Edge], of_unit: Mapping[str, int], devices: Sequence[Device]
) -> dict[int, tuple[Merge, ...]]:
    """Give by the place of each device the reasons that lead to another, at most MOST_PROPOSALS."""
    hung: dict[int, list[Merge]] = defaultdict(list)
    for edge in edges:
        one, other = of_unit[edge.one], of_unit[edge.other]
        hung[one].append(replace(edge.merge, other=devices[other].id))
        hung[other].append(replace(edge.merge, other=devices[one].id))
    return {index: tuple(merges[:MOST_PROPOSALS]) for index, merges in hung.items()}
