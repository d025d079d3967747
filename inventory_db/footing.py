# SPDX-License-Identifier: Apache-2.0
"""On which networks a device stands: its addresses, and whether it has two feet."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from inventory_db.device import Address, Confidence, DualHomed, Evidence
from inventory_db.networks import assumed, may_be_inside, network, order, tells_network, within
from inventory_db.observations import Stored, microseconds
from inventory_db.profiles import Claim, Profile
from inventory_db.sightings import Sighting
from probes.facts import Sure, Vantage

MOST_NETWORKS = 4096  # known networks that an address is looked up in


class Networks:
    """Every network that somebody stands on, for the addresses whose network nobody said."""

    def __init__(self, networks: Iterable[str], vantages: Iterable[Vantage]) -> None:
        stood = {*networks, *(vantage.network for vantage in vantages)}
        known = [(net.prefixlen, str(net)) for net in map(network, stood) if net and net.prefixlen < 31]
        self.cidrs = [cidr for _, cidr in sorted(known, reverse=True)[:MOST_NETWORKS]]

    def of(self, ip: str) -> str | None:
        """Give the narrowest known network around the address."""
        return next((cidr for cidr in self.cidrs if within(ip, cidr)), None)


def addresses_of(
    profiles: Sequence[Profile], known: Networks, elsewhere: frozenset[str]
) -> tuple[Address, ...]:
    """Give the addresses that the device has now, those seen first; `elsewhere` belong to other devices."""
    seen = [address for profile in profiles for address in _seen_addresses(profile, known)]
    ips = {address.ip for address in seen}
    listed = {c.ip: c.mac for c in _own_claims(profiles) if c.mac}
    seen = [replace(one, mac=listed.get(one.ip or "", one.mac)) for one in seen]
    told = [
        Address(claim.ip, claim.mac or None, _cidr(claim) or known.of(claim.ip), None, claim.probe)
        for claim in _own_claims(profiles)
        if claim.ip not in ips and claim.ip not in elsewhere
    ]
    return tuple(sorted(set(seen), key=_address_order)) + tuple(sorted(set(told), key=_address_order))


def _address_order(one: Address) -> tuple[object, ...]:
    return order(one.ip or ""), one.mac or "", one.network or "", one.vantage or "", one.how


def _seen_addresses(profile: Profile, known: Networks) -> Iterable[Address]:
    unit = profile.unit
    mac = unit.mac or (next(iter(profile.netbios_cards)) if len(profile.netbios_cards) == 1 else None)
    alive = [s for s in unit.sightings if s.alive]
    spans = _spans(alive)
    for ip, (first, _) in spans.items():
        if not _moved_on(ip, spans, known):
            net = first.network or known.of(ip)
            yield Address(ip, mac or None, net or None, first.seen.vantage, _how(first.seen))
    if not spans:
        first = alive[0]
        yield Address(None, mac or first.seen.mac or None, None, first.seen.vantage, _how(first.seen))


def _how(seen: Stored) -> str:
    return f"heard {seen.probe}" if seen.transport == "heard" else seen.probe


def _spans(alive: Iterable[Sighting]) -> dict[str, tuple[Sighting, Sighting]]:
    """First and last living sighting of each address."""
    spans: dict[str, tuple[Sighting, Sighting]] = {}
    for one in alive:
        if one.ip:
            spans[one.ip] = (spans.get(one.ip, (one, one))[0], one)
    return spans


def _moved_on(ip: str, spans: dict[str, tuple[Sighting, Sighting]], known: Networks) -> bool:
    """Whether the card left this address for another of the same network (a new DHCP lease)."""
    last = microseconds(spans[ip][1].seen.at)
    scan = spans[ip][1].seen.scan
    return any(
        microseconds(first.seen.at) > last and first.seen.scan != scan and known.of(other) == known.of(ip)
        for other, (first, _) in spans.items()
        if other != ip and (":" in other) == (":" in ip)
    )


def _own_claims(profiles: Iterable[Profile]) -> list[Claim]:
    return [c for p in profiles for c in p.claims.values() if c.strength != "hint"]


def _cidr(claim: Claim) -> str | None:
    net = network(claim.network)
    return str(net) if net else None


def dual_homing(
    profiles: Sequence[Profile], addresses: Sequence[Address], known: Networks
) -> tuple[DualHomed | None, Confidence | None]:
    """Find two or more IPv4 networks under one device. Several addresses of one card are one foot."""
    feet: list[tuple[str, str, Evidence, bool]] = []
    for ip, net, evidence, direct in _candidates(profiles, {a.ip for a in addresses}, known):
        if all(not (within(ip, other_net) and within(other, net)) for other, other_net, _, _ in feet):
            feet.append((ip, net, evidence, direct))
    if len(feet) < 2:
        return None, None
    labels = tuple(_label(ip, net, [f[1] for f in feet if f[0] != ip]) for ip, net, _, _ in feet)
    shown = tuple(foot[2] for foot in feet)
    return DualHomed(labels, shown), _dual_confidence(feet, known, shown)


def _dual_confidence(
    feet: Sequence[tuple[str, str, Evidence, bool]], known: Networks, evidence: Sequence[Evidence]
) -> Confidence:
    guessed = [ip for ip, net, _, _ in feet if net == assumed(ip) and known.of(ip) is None]
    ja = "2つ以上のネットワークにアドレスを持っています。"
    en = "It has addresses on two or more networks."
    if guessed:
        ja += f"{'、'.join(guessed)} のネットワークの広さは分からないため /24 と仮定しました。"
        en += f" The size of the network of {', '.join(guessed)} is not known; /24 is assumed."
    sure = Sure.SURE if all(foot[3] for foot in feet) else Sure.LIKELY
    return Confidence(sure, ja, en, tuple(one.observation for one in evidence))


def _label(ip: str, net: str, others: Sequence[str]) -> str:
    return assumed(ip) if any(within(other.partition("/")[0], net) for other in others) else net


def _candidates(
    profiles: Sequence[Profile], current: set[str | None], known: Networks
) -> Iterable[tuple[str, str, Evidence, bool]]:
    """(ip, network, evidence, seen or listed): one per card that we saw, then what it says itself."""
    seen_ips: set[str] = set()
    for profile in sorted(profiles, key=lambda p: order(p.unit.ips[0] if p.unit.ips else "")):
        ips = [i for i in profile.unit.ips if ":" not in i and tells_network(i) and i in current]
        seen_ips.update(profile.unit.ips)
        if ips and not profile.unit.shared:
            one = next(s for s in profile.unit.sightings if s.ip == ips[0] and s.alive)
            net = one.network or known.of(ips[0]) or assumed(ips[0])
            yield ips[0], net, _seen_at(ips[0], one.seen), True
    for claim in sorted(_own_claims(profiles), key=lambda c: (order(c.ip), c.strength, c.observation)):
        unclear = claim.strength != "listed" and may_be_inside(claim.ip) and known.of(claim.ip) is None
        if ":" not in claim.ip and claim.ip in current and claim.ip not in seen_ips and not unclear:
            net = _cidr(claim) or known.of(claim.ip) or assumed(claim.ip)
            yield claim.ip, net, _told(claim), claim.strength == "listed"


def _seen_at(ip: str, seen: Stored) -> Evidence:
    return Evidence(seen.id, f"{ip} で応答しました。", f"It answered at {ip}.")


def _told(claim: Claim) -> Evidence:
    return Evidence(
        claim.observation,
        f"{claim.probe} の応答で、自分のアドレスとして {claim.ip} を挙げました。",
        f"It named {claim.ip} as its own address in its {claim.probe} answer.",
    )
