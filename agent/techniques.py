# SPDX-License-Identifier: Apache-2.0
"""Which ways to find a second network were not tried on a host, and why. Pure.

What was tried has an observation of its own; this fills the gaps, so that "not tried" is never taken for silence.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from agent.guard import Permit
from probes.facts import Fact, FactKind, Technique

MOST_CANDIDATES = 2  # addresses of another network asked of one suspect
BY_NAME = (Technique.SMB_INTERFACES, Technique.CANDIDATE_ARP, Technique.CANDIDATE_ECHO)
_PROBES = {
    Technique.SNMP_ENGINE: ("snmpv3",),
    Technique.NBNS: ("nbns",),
    Technique.SMB: ("smb",),
    Technique.OXID: ("oxid",),
    Technique.SNMP_LOGIN: ("snmp", "snmp_tables"),
    Technique.SSH_KEY: ("ssh",),
    Technique.WEB: ("https", "http"),
    Technique.SMB_INTERFACES: ("smb_interfaces",),
    Technique.FORWARD_TEST: ("forward_test",),
    Technique.CANDIDATE_ARP: ("candidate_arp",),
    Technique.CANDIDATE_ECHO: ("candidate_echo",),
}
_PORTS = {
    Technique.SMB: (445,),
    Technique.OXID: (135,),
    Technique.SSH_KEY: (22,),
    Technique.WEB: (443, 80),
    Technique.SMB_INTERFACES: (445,),
}
_PACKETS = frozenset({Technique.FORWARD_TEST, Technique.CANDIDATE_ARP, Technique.CANDIDATE_ECHO})
_HINTS = (FactKind.ADDRESS, FactKind.TLS_SAN, FactKind.HTTP_LOCATION, FactKind.SSDP_LOCATION)


@dataclass(frozen=True, slots=True)
class Tried:
    """What is known of one host at the end of a scan."""

    permit: Permit
    why_not: str = (
        ""  # code of the guard or the plan: fragile, unclassified, printer, never_answers, blackout …
    )
    probes: frozenset[str] = frozenset()  # that were put
    closed: frozenset[int] = (
        frozenset()
    )  # TCP ports that were tried and let nobody in: an answer of their own
    allowed: frozenset[str] = frozenset()  # techniques that the scope file names
    has_login: bool = False
    on_link: bool = True
    privileged: bool = True
    has_candidate: bool = False


def not_tried(tried: Tried) -> tuple[Fact, ...]:
    """Give a fact for each way that was not tried, with the code of the reason."""
    return tuple(Fact(FactKind.NOT_TRIED, f"{way} {why}") for way in Technique if (why := _why(way, tried)))


def _why(way: Technique, tried: Tried) -> str:
    if way is Technique.HEARD:
        return "" if tried.privileged else "no_privilege"
    if tried.probes.intersection(_PROBES[way]) or tried.closed.intersection(_PORTS.get(way, ())):
        return "" if way not in BY_NAME or way in tried.allowed else "off"
    return next(_reasons(way, tried), "not_open" if way in _PORTS else "profile")


def _reasons(way: Technique, tried: Tried) -> Iterator[str]:
    if way in BY_NAME and way not in tried.allowed:
        yield "off"
    if tried.why_not:
        yield tried.why_not
    if tried.permit < Permit.SEND:
        yield "unclassified"
    if way is Technique.SNMP_LOGIN and not tried.has_login:
        yield "no_login"
    if way in _PACKETS and not tried.privileged:
        yield "no_privilege"
    if way in _PACKETS and not tried.on_link:
        yield "not_on_link"
    if way in (Technique.CANDIDATE_ARP, Technique.CANDIDATE_ECHO) and not tried.has_candidate:
        yield "no_candidate"
    if way in _PACKETS:
        yield "not_sent"


def candidates(facts: Collection[Fact], network: str) -> tuple[str, ...]:
    """Addresses on other networks that a host let slip: they may be its own, or somebody else's."""
    found: dict[str, None] = {}
    for fact in facts:
        if fact.kind in _HINTS:
            text = fact.value.partition("://")[2] or fact.value
            address = _ipv4(text.partition("/")[0].partition(":")[0])
            if address and ip_address(address) not in ip_network(network, strict=False):
                found[address] = None
    return tuple(found)


def control_for(candidate: str) -> str:
    """Another address of the candidate's /24: who answers ARP for it too answers for everybody."""
    head, _, last = candidate.rpartition(".")
    return f"{head}.{int(last) - 1 if int(last) > 127 else int(last) + 1}"


def _ipv4(text: str) -> str:
    try:
        ip = ip_address(text)
    except ValueError:
        return ""
    plain = ip.version == 4 and not (
        ip.is_loopback or ip.is_link_local or ip.is_multicast or ip.is_unspecified
    )
    return str(ip) if plain else ""
