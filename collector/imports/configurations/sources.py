# SPDX-License-Identifier: Apache-2.0
"""Networks as configuration files write them, and what a list of permit and deny rules lets in. Pure.

A host is written without its prefix length, everybody is ANY. Sources that are no network (a name that only
DNS resolves, a country) stay as words.
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from collector.imports.configurations.reading import ANY

Sources = tuple[str, ...]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MOST = 1000  # sources kept of one rule set
MOST_DENIED = 100  # that are taken off later permits
ZERO = "0.0.0.0"  # noqa: S104  the address that stands for none, nobody listens on it


@lru_cache(maxsize=20_000)
def parse(text: str) -> Network | None:
    """Read a network or a host; None if it is neither."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        return None


def shown(network: Network) -> str:
    """Write a network: a host without prefix length, all of them as any."""
    if network.prefixlen == network.max_prefixlen:
        return str(network.network_address)
    return "any" if network.prefixlen == 0 else str(network)


def masked(address: str, mask: str) -> str | None:
    """Read ADDRESS MASK (255.255.255.0); None if it is none."""
    found = parse(f"{address}/{mask}") if "." in mask or mask.isdecimal() else None
    return shown(found) if found else None


def wildcard(address: str, wild: str) -> str | None:
    """Read ADDRESS WILDCARD (0.0.0.255); None if it is none or its bits are not in one run."""
    try:
        bits = int(ipaddress.IPv4Address(wild))
        base = int(ipaddress.IPv4Address(address))
    except ValueError:
        return None
    if bits & (bits + 1):
        return None
    return shown(ipaddress.IPv4Network((base & ~bits & 0xFFFFFFFF, 32 - bits.bit_length())))


def span(first: str, last: str) -> Sources:
    """Read a range of addresses as networks; the range as a word if that is more than a few."""
    try:
        low, high = ipaddress.IPv4Address(first), ipaddress.IPv4Address(last)
        networks = list(ipaddress.summarize_address_range(low, high))
    except (ValueError, TypeError):
        return ()
    return tuple(shown(one) for one in networks) if len(networks) <= 4 else (f"{low}-{high}",)


def tidy(sources: Iterable[str]) -> Sources:
    """Give sources without doubles; ANY if one of them, or all together, is everybody."""
    unique = tuple(dict.fromkeys(sources))[:MOST]
    if "any" in unique or any(one in ("0.0.0.0/0", "::/0", "all") for one in unique):
        return ANY
    networks = [found for one in unique if (found := parse(one)) is not None and found.version == 4]
    joined = ipaddress.collapse_addresses([one for one in networks if isinstance(one, ipaddress.IPv4Network)])
    return ANY if any(one.prefixlen == 0 for one in joined) else unique


def merge(one: Sources | None, other: Sources | None) -> Sources | None:
    """Join sources; not known stays not known unless the other is everybody."""
    if ANY in (one, other):
        return ANY
    return None if one is None or other is None else tidy((*one, *other))


def covers(wide: str, narrow: str) -> bool:
    """Say whether one source lies wholly inside another."""
    if wide in ("any", narrow):
        return True
    outer, inner = parse(wide), parse(narrow)
    if isinstance(outer, ipaddress.IPv4Network) and isinstance(inner, ipaddress.IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(outer, ipaddress.IPv6Network) and isinstance(inner, ipaddress.IPv6Network):
        return inner.subnet_of(outer)
    return False


def overlap(one: Sources, other: Sources) -> Sources:
    """Give what both let in."""
    if ANY in (one, other):
        return other if one == ANY else one
    inner = [a for a in one if any(covers(b, a) for b in other)]
    return tidy([*inner, *(b for b in other if any(covers(a, b) for a in one))])


def public_part(sources: Sources) -> Sources:
    """Leave out networks that no packet from the internet comes from (RFC 1918, loopback, link-local)."""
    return tuple(one for one in sources if not is_inner(parse(one)))


_INNER = [
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")
]


def is_inner(network: Network | None) -> bool:
    """Say whether a network is one that nobody on the internet has."""
    return isinstance(network, ipaddress.IPv4Network) and any(
        network.subnet_of(one) for one in _INNER if isinstance(one, ipaddress.IPv4Network)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One permit or deny: who, which transport and ports; unknown parts make `sources` None."""

    permit: bool
    sources: Sources | None = ANY
    transports: tuple[str, ...] = ()  # () is every transport
    ports: tuple[tuple[int, int], ...] = ()  # destination; () is every port
    line: int = 0
    new: bool = True  # False: only packets of connections that stand already
    negated: bool = False  # speaks of everybody but `sources`
    interfaces: tuple[str, ...] = ()  # where it applies; () is everywhere
    targets: Sources | None = ANY  # destinations; None: not known

    def meets(self, port: int, transport: str) -> bool:
        """Say whether the rule speaks of a new connection to this port."""
        ports = not self.ports or port == 0 or any(low <= port <= high for low, high in self.ports)
        return self.new and ports and (not self.transports or transport in self.transports)


def aimed_here(rules: Sequence[Rule], own: Sequence[str]) -> list[Rule]:
    """Leave out rules that speak of other destinations than the device's own addresses.

    An address of the outer interface that a provider gives is not in the file, so a public one may be our own.
    """
    return [one for one in rules if _may_be_here(one.targets, own)]


def _may_be_here(targets: Sources | None, own: Sequence[str]) -> bool:
    if targets is None or targets == ANY:
        return True
    given = any(parse(address) is not None and not is_inner(parse(address)) for address in own)
    return any(
        any(covers(target, address) for address in own) or (not given and not is_inner(parse(target)))
        for target in targets
    )


def client_ports(pairs: Sequence[tuple[int, int]]) -> bool:
    """Say whether a source port condition leaves room for the ports that clients use."""
    return not pairs or any(high >= 32768 for _, high in pairs)


def permitted(
    rules: Sequence[Rule], port: int, transport: str, otherwise: Sources | None = ()
) -> Sources | None:
    """Give who gets through first-match rules; `otherwise` is for whom no rule speaks; None if not known."""
    let_in: list[str] = []
    denied: list[str] = []
    left: Sources = ANY  # who still comes to the next rule
    for rule in (one for one in rules if one.meets(port, transport)):
        if rule.sources is None:
            return None
        if rule.negated and not rule.permit:
            left = overlap(left, rule.sources[:MOST])
            continue
        if not rule.permit:
            if rule.sources == ANY:
                return tidy(let_in)
            denied.extend(rule.sources[: MOST_DENIED - len(denied)])
            continue
        some = left if rule.negated else overlap(left, rule.sources[:MOST])
        let_in.extend(one for one in some if not any(covers(no, one) for no in denied))
        if some == ANY:
            return ANY
    if otherwise is None:
        return None
    return tidy((*let_in, *overlap(left, otherwise)))


Admits = Callable[[int, str], Sources | None]
PORTS = {
    "ssh": (22, "tcp"), "telnet": (23, "tcp"), "http": (80, "tcp"), "https": (443, "tcp"), "ftp": (21, "tcp"),
    "snmp": (161, "udp"), "tftp": (69, "udp"), "api": (8728, "tcp"), "api-ssl": (8729, "tcp"),
    "winbox": (8291, "tcp"), "netconf": (830, "tcp"), "sftp": (22, "tcp"), "rest": (443, "tcp"),
}  # fmt: skip


def door(service: str, port: int = 0) -> tuple[int, str]:
    """Give port and transport of a service."""
    number, transport = PORTS.get(service, (0, "tcp"))
    return port or number, transport
