# SPDX-License-Identifier: Apache-2.0
"""What a device is by its own last words, and the same taken over from the night before where it said them again. Pure.

`words_of` reads nothing but its arguments, and of the observations neither when nor in which scan they were made; ids
only pass through it: they are compared for being the same, never ordered. So where every one of the last words has a
like one before it, in the same order, what was read then is what would be read now, with the ids of now. Whoever
changes one of the functions that `words_of` calls keeps it so; `tests/test_said_again.py` derives both ways.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from inventory_db.condensed import BANNERS, without_clock
from inventory_db.device import (
    FIELDS,
    Confidence,
    Device,
    Evidence,
    RemotePath,
    Service,
    Weakness,
)
from inventory_db.heard_paths import heard_paths_of
from inventory_db.observations import Stored
from inventory_db.reading import name_of_reading
from inventory_db.services import (
    forwarding,
    heeded,
    mute_ports,
    open_ports,
    remote_paths_of,
    services_of,
    stated,
)
from inventory_db.traits import recognised_in, traits_of
from inventory_db.weaknesses import weaknesses_of
from probes.facts import Fact, FactKind

# they differ at every look: `words_of` sees of them only what they name and which versions stand in them
_PASSING = frozenset(
    {
        *(FactKind.HTTP_COOKIE, FactKind.HTTP_BODY, FactKind.SNMP_ENGINE_TIME, FactKind.SNMP_UPTIME),
        *(FactKind.OPENVPN_SESSION, FactKind.CHECKED, FactKind.CHECKED_SINCE),
    }
)
_DATED = FactKind.SSDP_SERVER  # what it shows is over after some time: see weaknesses
_ADDED = frozenset({"dual_homed", "forwards", "addresses", "location"})  # not by `traits`
_NOT_OURS = "-" * 16


@dataclass(frozen=True, slots=True)
class Words:
    """What is read from the last words of a device, the makers of its cards and the gateways."""

    values: Mapping[str, str | None]  # by device.FIELDS
    confidence: Mapping[str, Confidence]
    names: tuple[str, ...]
    location: str | None
    services: tuple[Service, ...]
    forwards: bool | None
    tested: Confidence | None
    remote_paths: tuple[RemotePath, ...]
    weaknesses: tuple[Weakness, ...]


def words_of(
    said: Sequence[Stored], living: Sequence[Stored], macs: Sequence[str], gateways: frozenset[str]
) -> Words:
    """Read them; `said` are a device's last words on everything, oldest first, `living` those that show life."""
    ports = open_ports(said)
    services = services_of(mute_ports(said) | ports)
    traits = traits_of(living, macs, (port for port, transport in ports if transport == "tcp"))
    forwards, tested = forwarding(living)
    return Words(
        values=traits.values,
        confidence=traits.confidence,
        names=traits.names,
        location=traits.location,
        services=services,
        forwards=forwards,
        tested=tested,
        remote_paths=(*remote_paths_of(ports, services), *heard_paths_of(living, macs, gateways)),
        weaknesses=weaknesses_of(ports, services, said),
    )


class SaidBefore:
    """Devices as they were, by the observations that were their last words then."""

    def __init__(
        self,
        devices: Mapping[str, Device],
        follows: Mapping[str, Stored],
        kept: Iterable[Stored],
        ground: str,
    ) -> None:
        """`devices` by `mark`; `follows` leads from an observation to the one of before that it may repeat."""
        self._devices, self._follows = devices, follows
        self._ground = f"{ground}\n{name_of_reading()}"
        self._kept = {one.key: one for one in kept}

    def mark(self, said: Sequence[Stored]) -> str:
        """Name these observations in their order, and what else `words_of` reads but the cards: 16 characters."""
        return self._name(said) if self._are_whole(said) else _NOT_OURS

    def _are_whole(self, said: Iterable[Stored]) -> bool:
        """Whether nothing was taken out of any of them (see ghosts)."""
        return all(self._kept.get(one.key) is one for one in said)

    def _name(self, said: Iterable[Stored]) -> str:
        text = "\n".join((self._ground, *[one.key for one in said])).encode("utf-8", "surrogatepass")
        return b64encode(blake2b(text, digest_size=12, person=b"said").digest()).decode()

    def words(self, said: Sequence[Stored], macs: Sequence[str]) -> Words | None:
        """Give what was read before where the same was said again; None where it must be read."""
        before = [one for seen in said if (one := self._follows.get(seen.key))]
        if not said or len(before) != len(said) or not self._are_whole(said):
            return None
        old = self._devices.get(self._name(before))
        if old is None or [one.mac for one in old.addresses if one.mac] != list(macs):
            return None
        if any(fact.kind is _DATED for one in said for fact in one.facts):
            return None
        ids = {one.key: seen.key for one, seen in zip(before, said, strict=True)}
        if len(ids) != len(said) or not all(map(says_the_same, before, said)):
            return None
        return _renamed(old, ids)


def says_the_same(before: Stored, now: Stored) -> bool:
    """Whether `words_of` sees the same in both but for the id."""
    if before is now:
        return True
    if _about(before) != _about(now):
        return False
    if before.facts == now.facts:
        return True
    if len(before.facts) != len(now.facts) or not all(map(_passing, before.facts, now.facts)):
        return False
    found = recognised_in(now)
    return recognised_in(before) == found and all(stated(one, before) == stated(one, now) for one in found)


def _about(one: Stored) -> tuple[object, ...]:
    return (
        one.probe, one.vantage, one.address, one.mac, one.network, one.port, one.transport, one.outcome, heeded(one),
    )  # fmt: skip


def _passing(before: Fact, now: Fact) -> bool:
    if before == now:
        return True
    if (before.kind, before.sure) != (now.kind, now.sure):
        return False
    if now.kind in BANNERS:
        return without_clock(before.value) == without_clock(now.value)
    return now.kind in _PASSING


def _renamed(old: Device, names: Mapping[str, str]) -> Words | None:
    """Give what the device was by its words, with the ids of now; None if it names one that is not among them."""

    def ids(many: Iterable[str]) -> tuple[str, ...]:
        return tuple([names[id] for id in many])

    def sure(one: Confidence) -> Confidence:
        return Confidence(one.sure, one.ja, one.en, ids(one.observations), one.others)

    def path(one: RemotePath) -> RemotePath:
        shown = tuple([Evidence(names[said.observation], said.ja, said.en) for said in one.evidence])
        return RemotePath(one.kind, one.product, one.port, shown)

    def weak(one: Weakness) -> Weakness:
        return Weakness(one.code, one.port, one.transport, one.detail, ids(one.observations))

    def service(one: Service) -> Service:
        return Service(one.port, one.transport, one.name, one.product, one.version, ids(one.evidence))

    tested = old.confidence.get("forwards")
    try:
        return Words(
            values={name: getattr(old, name) for name in FIELDS},
            confidence={name: sure(one) for name, one in old.confidence.items() if name not in _ADDED},
            names=old.names,
            location=None if "location" in old.confidence else old.location,
            services=tuple(map(service, old.services)),
            forwards=old.forwards,
            tested=tested and sure(tested),
            remote_paths=tuple(map(path, old.remote_paths)),
            weaknesses=tuple(map(weak, old.weaknesses)),
        )
    except KeyError:
        return None
