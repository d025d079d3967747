# SPDX-License-Identifier: Apache-2.0
"""Which units are one device: every merge with its reason, and what only may be one as a proposal."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from inventory_db.decided import Decision, decide
from inventory_db.device import Merge
from inventory_db.join_words import (
    card_in_table,
    in_answer,
    in_hint,
    in_table,
    same_family,
    same_key,
    same_key_and_name,
)
from inventory_db.profiles import Claim, Engine, Profile
from probes.oui import are_neighbours, is_random

MOST_PAIRS = 12  # members of one key of which every pair is looked at; more are looked at in a chain
_TOLERANCE = 3_000_000  # microseconds between two countings of one engine's start
_DRIFT = 10_000  # a device's clock may be wrong by one part in this


@dataclass(frozen=True, slots=True)
class Edge:
    """Two units and why they are (or, when weak, may be) one device."""

    one: str
    other: str
    merge: Merge
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """The units of one device."""

    units: tuple[str, ...]
    merges: tuple[Merge, ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """Groups of units that are one device each, and what else speaks for two of them being one."""

    groups: list[Group]
    weak: list[Edge]  # nobody has decided yet
    parted: list[Edge]  # shown by the devices, but a person decided otherwise


def join(profiles: Mapping[str, Profile], decisions: Sequence[Decision] = ()) -> Joined:
    """Give the groups as the devices show them and people decided."""
    ordinary = {key: p for key, p in profiles.items() if not p.unit.shared}
    edges = sorted(set(_edges(ordinary)), key=lambda e: (e.one, e.other, e.merge.key, e.merge.value))
    edges += list(_of_one_family(edges, ordinary))
    edges += _attach_shared(profiles, ordinary)
    shown = [edge for edge in edges if not edge.weak]
    decided = decide(profiles, ((edge.one, edge.other) for edge in shown), decisions)
    union = decided.groups
    own = [Edge(min(one, other), max(one, other), merge) for one, other, merge in decided.joined]
    own += [edge for edge in shown if union.join(edge.one, edge.other)]
    members: dict[str, list[str]] = defaultdict(list)
    for key in sorted(profiles):
        members[union.find(key)].append(key)
    reasons: dict[str, list[Merge]] = defaultdict(list)
    for edge in own:
        reasons[union.find(edge.one)].append(edge.merge)
    groups = [Group(tuple(keys), _once(reasons[root])) for root, keys in sorted(members.items())]
    between = [edge for edge in edges if union.find(edge.one) != union.find(edge.other)]
    weak = [edge for edge in between if edge.weak and not union.apart(edge.one, edge.other)]
    return Joined(groups, weak, [edge for edge in between if not edge.weak])


def _once(merges: Iterable[Merge]) -> tuple[Merge, ...]:
    """Say each reason once, though several addresses of one device give it."""
    first: dict[tuple[str, str], Merge] = {}
    for merge in merges:
        first.setdefault((merge.key, merge.value), merge)
    return tuple(first.values())


def _edges(profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    yield from _by_claims(profiles)
    yield from _by_cards(profiles)
    yield from _by_engine(profiles)
    yield from _by_key(profiles, "host_key", lambda p: p.host_keys, "SSH ホスト鍵", "SSH host key")
    yield from _by_key(profiles, "tls_key", lambda p: p.tls_keys, "TLS 公開鍵", "TLS public key")
    guids = ("SMB の GUID", "SMB server GUID")
    yield from _by_key(
        profiles, "smb_guid", lambda p: p.guids, *guids, alone=False
    )  # Samba's is made of its name
    yield from _by_address(profiles)


def _edge(
    one: Profile,
    other: Profile,
    key: str,
    value: str,
    seen: Iterable[str],
    ja: str,
    en: str,
    weak: bool = False,
) -> Edge:
    first, second = sorted((one.unit.key, other.unit.key))
    return Edge(first, second, Merge(key, value, tuple(sorted(set(seen))), ja, en), weak)


def _by_claims(profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    """A device names an address as its own, and the host at that address is known."""
    at_ip: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles.values():
        for ip in profile.unit.ips:
            at_ip[ip].append(profile)
    for one in profiles.values():
        for claim in one.claims.values():
            for other in at_ip.get(claim.ip, ()):
                if other is not one:
                    yield from _claimed(one, other, claim)


def _claimed(one: Profile, other: Profile, claim: Claim) -> Iterator[Edge]:
    same_realm = one.unit.sightings[0].realm == other.unit.sightings[0].realm
    same = _same_identity(one, other)
    seen = (claim.observation, *same)
    if one.names_conflict(other) and not same:
        return
    if claim.strength == "listed" and (same or same_realm):
        yield _edge(one, other, "interface_list", claim.ip, seen, *in_table(claim))
    elif claim.strength == "own" and same:
        yield _edge(one, other, "address_list", claim.ip, seen, *in_answer(claim))
    elif same_realm:
        yield _edge(one, other, "address_hint", claim.ip, seen, *in_hint(claim), weak=True)


def _same_identity(one: Profile, other: Profile) -> tuple[str, ...]:
    """Observations in which both give the same computer name or SMB server GUID."""
    for mine, theirs in ((one.names, other.names), (one.guids, other.guids)):
        for value in sorted(mine.keys() & theirs.keys()):
            return mine[value], theirs[value]
    return ()


def _by_cards(profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    """The same network card seen from several places, or listed by the device itself."""
    of_mac: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles.values():
        if profile.unit.mac:
            of_mac[profile.unit.mac].append(profile)
    for mac, many in of_mac.items():
        for one, other in _pairs(many):
            yield from _same_card(one, other, mac)
    for one in profiles.values():
        for mac, seen in one.cards.items():
            for other in of_mac.get(mac, ()):
                if other is not one and not one.names_conflict(other):
                    yield _edge(one, other, "interface_list", mac, (seen, _first(other)), *card_in_table(mac))
        for mac, seen in one.netbios_cards.items():
            for other in of_mac.get(mac, ()):
                if other is not one and one.names_agree(other):
                    yield _edge(one, other, "netbios_card", mac, (seen, _first(other)), *card_in_table(mac))


def _same_card(one: Profile, other: Profile, mac: str) -> Iterator[Edge]:
    seen = (_first(one), _first(other))
    shared = set(one.unit.ips) & set(other.unit.ips)
    if shared:
        yield _edge(
            one,
            other,
            "address_and_mac",
            f"{min(shared)} {mac}",
            seen,
            f"別々の場所から、同じ IP アドレス {min(shared)} と同じ MAC アドレス {mac} が見えています。",
            f"The same address {min(shared)} with the same MAC {mac} is seen from several places.",
        )
    elif one.names_agree(other):
        yield _edge(
            one,
            other,
            "mac_and_name",
            mac,
            (*seen, *_same_identity(one, other)),
            f"同じ MAC アドレス {mac} が同じコンピュータ名を答えています。",
            f"The same MAC {mac} gives the same computer name.",
        )
    elif not one.names_conflict(other) and not is_random(mac):
        yield _edge(
            one,
            other,
            "mac_only",
            mac,
            seen,
            f"同じ MAC アドレス {mac} が別のネットワークでも見えています。同じ機器か確認してください。",
            f"The same MAC {mac} is also seen on another network. Please check whether it is one device.",
            weak=True,
        )


@dataclass(frozen=True, slots=True)
class _Span:
    """The first and the last answer of one SNMP engine (id and count of boots) at one unit."""

    profile: Profile
    first: Engine
    last: Engine

    def apart(self, other: Engine) -> tuple[int, int, Engine]:
        """How far away in time, how far off its start is, and from which of our answers: (microseconds, same, ours)."""
        nearest = min(self.first, self.last, key=lambda ours: (abs(ours.at - other.at), ours.observation))
        if not self.first.at <= other.at <= self.last.at:
            return abs(nearest.at - other.at), abs(nearest.started - other.started), nearest
        low, high = sorted((self.first.started, self.last.started))  # its clock went from one to the other
        return 0, max(low - other.started, other.started - high, 0), nearest


def _by_engine(profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    """The same SNMP engine: its id, its count of boots, and the moment it counts from."""
    found: dict[tuple[str, str], list[_Span]] = defaultdict(list)
    for profile in profiles.values():
        for engine, span in _spans(profile).items():
            found[engine].append(span)
    for (id, _), many in found.items():
        many.sort(key=lambda span: (span.first.started, span.profile.unit.key))
        for one, other in pairwise(many):
            if (seen := _same_engine(one, other)) and _may_be_one(one.profile, other.profile):
                yield _edge(one.profile, other.profile, "engine_time", id, seen, *_ENGINE)


def _spans(profile: Profile) -> dict[tuple[str, str], _Span]:
    spans: dict[tuple[str, str], _Span] = {}
    for engine in sorted(profile.engines, key=lambda engine: (engine.at, engine.observation)):
        known = spans.get((engine.id, engine.boots))
        spans[engine.id, engine.boots] = _Span(profile, known.first if known else engine, engine)
    return spans


def _same_engine(one: _Span, other: _Span) -> tuple[str, str] | None:
    """Answers of both, as near in time as there are, if they count from one moment; a clock drifts with time."""
    looks = [(*one.apart(theirs), theirs) for theirs in (other.first, other.last)]
    looks += [(*other.apart(ours), ours) for ours in (one.first, one.last)]
    gap, off, mine, theirs = min(
        looks, key=lambda look: (*look[:2], look[2].observation, look[3].observation)
    )
    if off > _TOLERANCE + gap // _DRIFT:
        return None
    return mine.observation, theirs.observation


_ENGINE = (
    "SNMP エンジン ID が同じで、起動回数と起動時刻も一致しています。",
    "The SNMP engine id is the same, and the count of boots and the moment of the last boot agree.",
)


def _may_be_one(one: Profile, other: Profile) -> bool:
    """Whether nothing contradicts: other names, or two cards on one link that share no name."""
    if one.names_conflict(other):
        return False
    return one.names_agree(other) or not one.cards_conflict(other)


def _of_one_family(edges: Iterable[Edge], profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    """What may be one device and has cards of one maker with neighbouring numbers, as the ports of one card have.

    Never by itself: PCs of one delivery have neighbouring numbers too.
    """
    for pair in sorted({(edge.one, edge.other) for edge in edges if edge.weak}):
        one, other = (profiles[key] for key in pair)
        mine, theirs = one.unit.mac, other.unit.mac
        if mine and theirs and are_neighbours(mine, theirs) and not one.cards_conflict(other):
            cards = sorted((mine, theirs))
            seen = (_first(one), _first(other))
            yield _edge(one, other, "mac_family", " ".join(cards), seen, *same_family(cards), weak=True)


def _by_key(
    profiles: Mapping[str, Profile],
    key: str,
    keys_of: Callable[[Profile], Mapping[str, str]],
    ja: str,
    en: str,
    *,
    alone: bool = True,
) -> Iterator[Edge]:
    """The same cryptographic key, with or without the same name: a proposal, for images are cloned with both.

    Only what lives tells one machine from its clone: boot times, or that it names the other's address.
    """
    found: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles.values():
        for value in keys_of(profile):
            found[value].append(profile)
    for value, many in found.items():
        named = dict(_same_key_and_name(many, value, keys_of))
        for (one, other), seen in named.items():
            yield _edge(
                profiles[one],
                profiles[other],
                f"{key}_and_name",
                value,
                seen,
                *same_key_and_name(ja, en),
                weak=True,
            )
        for other_one in many[1:] if alone else ():
            pair = _pair_of(many[0], other_one)
            if pair not in named:
                seen = (keys_of(many[0])[value], keys_of(other_one)[value])
                yield _edge(many[0], other_one, key, value, seen, *same_key(ja, en), weak=True)


def _same_key_and_name(
    many: Sequence[Profile], value: str, keys_of: Callable[[Profile], Mapping[str, str]]
) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Pairs that give the same name too, on different links, each with what shows it."""
    same_name: dict[str, list[Profile]] = defaultdict(list)
    for profile in many:
        for name in profile.names:
            same_name[name].append(profile)
    for named in same_name.values():
        for one, other in _pairs(named):
            if not one.cards_conflict(other) and not _same_network(one, other):
                seen = (keys_of(one)[value], keys_of(other)[value], *_same_identity(one, other))
                yield _pair_of(one, other), seen


def _pair_of(one: Profile, other: Profile) -> tuple[str, str]:
    first, second = sorted((one.unit.key, other.unit.key))
    return first, second


def _same_network(one: Profile, other: Profile) -> bool:
    """Two addresses on one link of which at least one card is not known: more likely clones than one host."""
    return one.unit.sightings[0].link == other.unit.sightings[0].link and set(one.unit.ips) != set(
        other.unit.ips
    )


def _by_address(profiles: Mapping[str, Profile]) -> Iterator[Edge]:
    """The same address seen by several agents, with the same name and the same key behind it."""
    at_ip: dict[str, list[Profile]] = defaultdict(list)
    for profile in profiles.values():
        for ip in profile.unit.ips:
            at_ip[ip].append(profile)
    for ip, many in at_ip.items():
        for one, other in _pairs(many):
            keys = (one.guids.keys() & other.guids.keys()) | (one.host_keys.keys() & other.host_keys.keys())
            cards = one.unit.mac and other.unit.mac and one.unit.mac != other.unit.mac
            if keys and one.names_agree(other) and not cards:
                yield _edge(
                    one,
                    other,
                    "address_and_identity",
                    ip,
                    _same_identity(one, other),
                    f"別々の場所から見た {ip} が、同じコンピュータ名と同じ鍵（または SMB の GUID）を答えています。",
                    f"{ip}, seen from several places, gives the same computer name and the same key or SMB GUID.",
                )


def _attach_shared(profiles: Mapping[str, Profile], ordinary: Mapping[str, Profile]) -> list[Edge]:
    """Give an address that several routers share (VRRP) to the one router that shows to hold it."""
    edges = []
    for key in sorted(profiles.keys() - ordinary.keys()):
        shared = profiles[key]
        holders = [p for _, p in sorted(ordinary.items()) if _holds(p, shared)]
        if holders:
            ip = shared.unit.ips[0] if shared.unit.ips else shared.unit.key
            ja = (
                f"{ip} は複数の機器で共有する仮想アドレス（{shared.unit.shared}）で、この機器が使っています。"
            )
            en = f"{ip} is a virtual address ({shared.unit.shared}) shared by several devices; this one holds it."
            edges.append(_edge(holders[0], shared, "virtual_address", ip, (_first(shared),), ja, en))
    return edges


def _holds(one: Profile, shared: Profile) -> bool:
    listed = any(claim.ip in shared.unit.ips for claim in one.claims.values() if claim.strength == "listed")
    keys = one.host_keys.keys() & shared.host_keys.keys()
    return listed or bool(keys) or bool({e.id for e in one.engines} & {e.id for e in shared.engines})


def _first(profile: Profile) -> str:
    return profile.unit.sightings[0].seen.id


def _pairs(many: Sequence[Profile]) -> Iterable[tuple[Profile, Profile]]:
    return combinations(many, 2) if len(many) <= MOST_PAIRS else pairwise(many)
