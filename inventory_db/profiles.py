# SPDX-License-Identifier: Apache-2.0
"""What a unit says about who it is: names, keys, engines, and the addresses and cards it calls its own."""

import re
from collections.abc import Container, Hashable, Iterator, Sequence
from dataclasses import dataclass, field

from inventory_db.networks import edges_of, is_software_nic, normal_ip, normal_mac, tells_network
from inventory_db.observations import Stored, microseconds
from inventory_db.sightings import Unit
from probes.facts import FactKind
from probes.oui import is_random, virtual_kind

_NAMES = (
    FactKind.NTLM_COMPUTER,
    FactKind.NAME,
    FactKind.SNMP_SYSNAME,
    FactKind.DHCP_HOSTNAME,
    FactKind.LLDP_SYSTEM_NAME,
    FactKind.CDP_DEVICE,
    FactKind.MDNS_HOST,
)
_NETBIOS = re.compile(r"^(.+)<(?:00|20)> unique$")
# Names that makers and distributions give to every machine: they join nothing.
_GENERIC = frozenset(
    {"", "LOCALHOST", "DEBIAN", "UBUNTU", "RASPBERRYPI", "UNKNOWN", "ROUTER", "SWITCH", "(NONE)"}
)
_HOLDERS = (FactKind.INTERFACE_ADDRESS,)
_OWN = (FactKind.ADDRESS, FactKind.OXID_BINDING, FactKind.LLDP_MANAGEMENT)
_LISTS = frozenset(
    {"nbns", "oxid", "smb_interfaces", "snmp", "snmp_tables"}
)  # probes that list all addresses
MOST_LISTED = 16  # addresses; a longer list may have been cut
_HINTS = (FactKind.TLS_SAN, FactKind.HTTP_LOCATION)
_NAMING = frozenset({*_NAMES, FactKind.NETBIOS_NAME})
_KEPT = {  # kind → field of Profile
    FactKind.SMB_GUID: "guids",
    FactKind.SSH_HOST_KEY: "host_keys",
    FactKind.TLS_PUBLIC_KEY: "tls_keys",
}
_CARDS = frozenset({FactKind.NETBIOS_MAC, FactKind.INTERFACE})
_CLAIMING = frozenset({*_HOLDERS, *_OWN, *_HINTS})
_ENGINE_ID, _NETBIOS_NAME = FactKind.SNMP_ENGINE_ID, FactKind.NETBIOS_NAME
_TELLING = frozenset({*_NAMING, *_KEPT, *_CARDS, *_CLAIMING, _ENGINE_ID})


@dataclass(frozen=True, slots=True)
class Claim:
    """An address that a device calls its own."""

    ip: str
    network: str  # CIDR if the device gave a prefix length
    mac: str  # of the interface that has it, if the device listed it
    strength: str  # "listed" by a credentialed interface table, "own" answer, or "hint"
    probe: str
    observation: str


@dataclass(frozen=True, slots=True)
class Engine:
    """One SNMPv3 discovery answer; `started` is when the engine counts from, in microseconds."""

    id: str
    boots: str
    started: int
    at: int
    observation: str


@dataclass(slots=True)
class Profile:
    """The identity of one unit; values map to the first observation that says them."""

    unit: Unit
    names: dict[str, str] = field(default_factory=dict)
    guids: dict[str, str] = field(default_factory=dict)
    host_keys: dict[str, str] = field(default_factory=dict)
    tls_keys: dict[str, str] = field(default_factory=dict)
    cards: dict[str, str] = field(default_factory=dict)  # MACs listed by SNMP
    netbios_cards: dict[str, str] = field(default_factory=dict)
    engines: list[Engine] = field(default_factory=list)
    claims: dict[str, Claim] = field(default_factory=dict)

    def names_agree(self, other: "Profile") -> bool:
        """Whether both gave the same computer name."""
        return bool(self.names.keys() & other.names.keys())

    def names_conflict(self, other: "Profile") -> bool:
        """Whether both gave names, and none is the same."""
        return bool(self.names and other.names) and not self.names_agree(other)

    def cards_conflict(self, other: "Profile") -> bool:
        """Whether they are two different network cards on one link."""
        one, two = self.unit, other.unit
        links = one.sightings[0].link == two.sightings[0].link
        return bool(one.mac and two.mac) and one.mac != two.mac and links


def profile_of(unit: Unit) -> Profile:
    """Read a unit's observations, oldest first."""
    profile = Profile(unit)
    read: set[Hashable] = set()
    for sighting in unit.sightings:
        if sighting.alive and not sighting.table:
            seen = sighting.seen
            words = tuple([fact for fact in seen.facts if fact.kind in _TELLING])
            said = seen.probe, seen.address, sighting.ip, words
            if words and (said not in read or _ENGINE_ID in [fact.kind for fact in words]):
                read.add(said)  # the same words again add nothing: the first stand, but for an engine's time
                _read(profile, seen, sighting.ip)
    return profile


def _read(profile: Profile, seen: Stored, ip: str) -> None:
    kinds = {fact.kind for fact in seen.facts}
    if not kinds.isdisjoint(_NAMING):
        for name in computer_names(seen):
            profile.names.setdefault(name, seen.id)
    if not kinds.isdisjoint(_KEPT):
        for fact in seen.facts:
            if kept := _KEPT.get(fact.kind):
                getattr(profile, kept).setdefault(fact.value, seen.id)
    if not kinds.isdisjoint(_CARDS):
        _read_cards(profile, seen)
    if _ENGINE_ID in kinds:
        profile.engines += _engines(seen)
    for claim in claims(seen) if not kinds.isdisjoint(_CLAIMING) else ():
        known = profile.claims.get(claim.ip)
        if claim.ip != ip and (known is None or _RANK[claim.strength] < _RANK[known.strength]):
            profile.claims[claim.ip] = claim


def _read_cards(profile: Profile, seen: Stored) -> None:
    for mac in _real(normal_mac(v) for v in seen.of(FactKind.NETBIOS_MAC)):
        profile.netbios_cards.setdefault(mac, seen.id)
    for _, name, mac in interfaces(seen):
        if not is_software_nic(name):
            for real in _real(iter((mac,))):
                profile.cards.setdefault(real, seen.id)


_RANK = {"listed": 0, "own": 1, "hint": 2}


def _real(macs: Iterator[str]) -> Iterator[str]:
    """Keep hardware addresses that only one machine can have."""
    return (mac for mac in macs if mac and not is_random(mac) and virtual_kind(mac) is None)


def computer_names(seen: Stored) -> Iterator[str]:
    """Give comparable forms of the names that the host has for itself: first label, 15 upper-case characters."""
    for value in seen.of(*_NAMES):
        yield from _comparable(value)
    for value in seen.of(_NETBIOS_NAME):
        if match := _NETBIOS.match(value):
            yield from _comparable(match[1])


def _comparable(name: str) -> tuple[str, ...]:
    short = name.strip().partition(".")[0].upper()[:15]
    return () if short in _GENERIC else (short,)


def interfaces(seen: Stored) -> Iterator[tuple[str, str, str]]:
    """Give (index, name, MAC or "") of the interfaces that the host lists."""
    for line in seen.of(FactKind.INTERFACE):
        parts = line.split(" ")
        if len(parts) >= 5:
            yield parts[0], " ".join(parts[1:-3]), normal_mac(parts[-3])


def claims(seen: Stored) -> Iterator[Claim]:
    """Give the addresses that the answer names as its own and that can tell a network.

    A list of own addresses that lacks the one at which it answered is somebody else's: a NAT router, a port
    forwarder or a load balancer handed the question on.
    """
    cards = {index: (name, mac) for index, name, mac in interfaces(seen)}
    listed = [line.partition(" ")[::2] for line in seen.of(*_HOLDERS)]
    if seen.probe in _LISTS and _speaks_for_another(seen, [cidr for _, cidr in listed]):
        return
    broadcasts = {b for _, cidr in listed for b in edges_of(cidr)}
    for index, cidr in listed:
        name, mac = cards.get(index, ("", ""))
        if not is_software_nic(name) and not mac.startswith("02:42"):
            yield from _claim(cidr.partition("/")[0], cidr, mac, "listed", seen, broadcasts)
    by_card = {normal_ip(cidr.partition("/")[0]) for _, cidr in listed}
    for value in seen.of(*_OWN):
        if normal_ip(value) not in by_card:  # the table says on which card it is, and of what kind that is
            yield from _claim(value, "", "", "own", seen, broadcasts)
    for value in seen.of(*_HINTS):
        host = re.sub(r"^https?://", "", value).partition("/")[0].partition(":")[0]
        yield from _claim(host, "", "", "hint", seen, broadcasts)


def _speaks_for_another(seen: Stored, cidrs: Sequence[str]) -> bool:
    """Whether the answer lists addresses, few enough to be all, and not the one that was asked."""
    told = {normal_ip(text.partition("/")[0]) for text in (*cidrs, *seen.of(*_OWN))} - {""}
    asked = normal_ip(seen.address)
    alike = {ip for ip in told if (":" in ip) == (":" in asked)}
    return bool(asked) and 0 < len(alike) <= MOST_LISTED and asked not in alike


def _claim(
    text: str, cidr: str, mac: str, strength: str, seen: Stored, broadcasts: Container[str]
) -> Iterator[Claim]:
    ip = normal_ip(text)
    if ip and tells_network(ip) and ip not in broadcasts:
        yield Claim(ip, cidr if "/" in cidr else "", mac, strength, seen.probe, seen.id)


def _engines(seen: Stored) -> Iterator[Engine]:
    identity = next(seen.of(FactKind.SNMP_ENGINE_ID), "")
    boots = next(seen.of(FactKind.SNMP_ENGINE_BOOTS), "")
    time = next(seen.of(FactKind.SNMP_ENGINE_TIME), "")
    if (
        identity
        and boots.isdecimal()
        and time.isdecimal()
        and len(time) < 12
        and int(time) + int(boots[:9]) > 0
    ):
        at = microseconds(seen.at)
        yield Engine(identity, boots, at - int(time) * 1_000_000, at, seen.id)
