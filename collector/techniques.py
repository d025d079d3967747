# SPDX-License-Identifier: Apache-2.0
"""How we know on which networks a device stands, and what did not answer: one line per way and address. Pure.

"Asked, got nothing" and "never asked" are different lines; a way of which nothing is written down says so.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inventory_db.observations import Stored
from probes.facts import FactKind, Outcome, Technique

MOST_SAID = 6  # values of one line
_OF_PROBE: Mapping[str, Technique] = {
    "snmpv3": Technique.SNMP_ENGINE,
    "nbns": Technique.NBNS,
    "smb": Technique.SMB,
    "oxid": Technique.OXID,
    "snmp": Technique.SNMP_LOGIN,
    "snmp_tables": Technique.SNMP_LOGIN,
    "ssh": Technique.SSH_KEY,
    "https": Technique.WEB,
    "http": Technique.WEB,
    "tls": Technique.WEB,
    "rdp": Technique.WEB,
    "forward_test": Technique.FORWARD_TEST,
    "smb_interfaces": Technique.SMB_INTERFACES,
    "candidate_arp": Technique.CANDIDATE_ARP,
    "candidate_echo": Technique.CANDIDATE_ECHO,
}
_PORTS: Mapping[Technique, tuple[str, ...]] = {
    Technique.SMB: ("445",),
    Technique.OXID: ("135",),
    Technique.SSH_KEY: ("22",),
    Technique.WEB: ("443", "80"),
}
_TELLING = (
    FactKind.ADDRESS,
    FactKind.INTERFACE_ADDRESS,
    FactKind.FORWARDS,
    FactKind.ICMP_REPLY,
    FactKind.SNMP_ENGINE_ID,
    FactKind.SMB_GUID,
    FactKind.NTLM_COMPUTER,
    FactKind.NAME,
    FactKind.SSH_HOST_KEY,
    FactKind.TLS_PUBLIC_KEY,
    FactKind.TLS_SAN,
    FactKind.HTTP_LOCATION,
    FactKind.SSDP_LOCATION,
    FactKind.LLDP_MANAGEMENT,
    FactKind.DHCP_HOSTNAME,
    FactKind.MDNS_HOST,
    FactKind.CANDIDATE,
)
_ORDER = (
    Outcome.ANSWERED,
    Outcome.OTHER_PROTOCOL,
    Outcome.REFUSED,
    Outcome.SILENT,
    Outcome.HELD_BACK,
    Outcome.OUR_FAULT,
)
NOT_TRIED, NOT_RECORDED = "not_tried", "not_recorded"


@dataclass(frozen=True, slots=True)
class Way:
    """What one way brought at one address in the last scan that looked at it."""

    technique: Technique
    address: str
    outcome: str  # an Outcome, not_tried or not_recorded
    why: str = ""  # code, for not_tried
    reason: str = ""  # what was written down with the outcome
    said: tuple[tuple[str, str], ...] = ()  # kind of fact, value
    more: int = 0  # values left off
    observations: tuple[str, ...] = ()
    at: datetime | None = None


@dataclass(slots=True)
class _Look:
    """What the last scan wrote down about one address."""

    of: dict[Technique, list[Stored]] = field(default_factory=lambda: defaultdict(list))
    ports: list[Stored] = field(default_factory=list)
    untried: dict[str, tuple[str, Stored]] = field(default_factory=dict)


def ways_of(seen: Iterable[Stored]) -> tuple[Way, ...]:
    """Give the lines of a device from its observations, by address, gentlest way first."""
    at_address: dict[str, list[Stored]] = defaultdict(list)
    for one in sorted(seen, key=lambda one: (one.at, one.id)):
        if one.address and one.probe != "log":
            at_address[one.address].append(one)
    return tuple(way for address, many in at_address.items() for way in _at(address, many))


def _at(address: str, seen: Sequence[Stored]) -> Iterator[Way]:
    asked = [one for one in seen if one.transport != "heard"]
    if not asked:
        last = seen[-1].scan
        yield _answered(Technique.HEARD, address, [one for one in seen if one.scan == last])
        return
    confirmed = {one.scan for one in asked if one.probe == "confirm"}  # these nights put a few questions only
    last = next((one.scan for one in reversed(asked) if one.scan not in confirmed), asked[-1].scan)
    look = _look([one for one in seen if one.scan == last])
    for technique in Technique:
        yield _way(technique, address, look)


def _look(seen: Iterable[Stored]) -> _Look:
    look = _Look()
    for one in seen:
        if one.transport == "heard":
            look.of[Technique.HEARD].append(one)
        elif one.probe == "techniques":
            pairs = (value.partition(" ")[::2] for value in one.of(FactKind.NOT_TRIED))
            look.untried.update({technique: (why, one) for technique, why in pairs})
        elif one.probe == "ports":
            look.ports.append(one)
        elif one.probe in _OF_PROBE:
            look.of[_OF_PROBE[one.probe]].append(one)
    return look


def _way(technique: Technique, address: str, look: _Look) -> Way:
    closed = _closed(technique, look.ports)
    if own := look.of.get(technique):
        return _answered(technique, address, [*own, *closed])
    if technique.value in look.untried:
        why, one = look.untried[technique.value]
        return Way(technique, address, NOT_TRIED, why, "", (), 0, (one.id,), one.at)
    if closed:
        return _answered(technique, address, closed)
    silent = technique is Technique.HEARD and look.untried
    return Way(technique, address, Outcome.SILENT if silent else NOT_RECORDED)


def _closed(technique: Technique, ports: Iterable[Stored]) -> list[Stored]:
    """Records of ports that let nobody in, where the way's own port is among them."""
    wanted = set(_PORTS.get(technique, ()))
    return [one for one in ports if any(wanted & set(text.split()) for text in one.of(FactKind.PORTS))]


def _answered(technique: Technique, address: str, own: Sequence[Stored]) -> Way:
    best = min(own, key=lambda one: _ORDER.index(one.outcome))
    telling = [fact for one in own for fact in one.facts if fact.kind in _TELLING and fact.value != address]
    said = tuple(dict.fromkeys((fact.kind.value, fact.value) for fact in telling))
    ids = tuple(one.id for one in own if one.outcome is best.outcome)
    return Way(
        technique, address, best.outcome.value, "", best.reason, said[:MOST_SAID],
        max(0, len(said) - MOST_SAID), ids, best.at,
    )  # fmt: skip
