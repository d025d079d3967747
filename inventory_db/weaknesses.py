# SPDX-License-Identifier: Apache-2.0
"""Services that are weak as such, named as what they are: pure, from what was said on each open port.

Only what the device itself said or showed counts; an open port with a suspicious number alone is
named `…_port`, which is a suspicion and no more.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from inventory_db.device import Service, Weakness
from inventory_db.observations import Stored, microseconds
from probes.facts import FactKind, Outcome

Port = tuple[int, str]
_SILENT, _SSDP_SERVER, _SERVICE = Outcome.SILENT, FactKind.SSDP_SERVER, FactKind.SERVICE
_SAID = frozenset({Outcome.ANSWERED, Outcome.OTHER_PROTOCOL, Outcome.REFUSED})
_SHOWING = frozenset(
    {FactKind.SMB_DIALECT, FactKind.VNC_SECURITY, FactKind.TLS_OLD_ACCEPTED, FactKind.SNMP_DEFAULT_COMMUNITY}
)

BY_SERVICE = {  # name of the service as it was recognised → code
    "telnet": "telnet",
    "ftp": "ftp",
    "ldap": "ldap_plain",
    "finger": "finger",
    "chargen": "chargen",
    "rlogin": "r_services",
    "login": "r_services",
    "shell": "r_services",
    "rsh": "r_services",
    "tftp": "tftp",
    "pptp": "pptp",
    "upnp": "upnp",
    "ssdp": "upnp",
}
BY_PORT: dict[Port, str] = {  # open, but nothing was said that names it
    (7, "tcp"): "echo_port",
    (9, "tcp"): "discard_port",
    (13, "tcp"): "daytime_port",
    (19, "tcp"): "chargen_port",
    (79, "tcp"): "finger_port",
    (389, "tcp"): "ldap_plain_port",
    (512, "tcp"): "r_services_port",
    (513, "tcp"): "r_services_port",
    (514, "tcp"): "r_services_port",
    (1900, "udp"): "upnp_port",
    (69, "udp"): "tftp_port",
}
_OLD_SMB = "1.0"
_MOST_OBSERVATIONS = 5
_HEARD_FOR = (
    30 * 86_400 * 1_000_000
)  # microseconds; what was heard longer ago, seen from the device's last observation, is over


def weaknesses_of(
    ports: Mapping[Port, Sequence[Stored]], services: Iterable[Service], seen: Iterable[Stored]
) -> tuple[Weakness, ...]:
    """Give every weakness by port and code; `seen` are all observations of the device, oldest first."""
    found: dict[tuple[int, str, str], Weakness] = {}
    every = tuple(seen)
    latest = _latest(every)
    for service in services:
        said = ports.get((service.port, service.transport), ())
        for code, detail, by in _on_port(service, said, latest):
            _add(found, code, (service.port, service.transport), detail, by)
    for one in every:
        for server in one.of(_SSDP_SERVER):
            if microseconds(every[-1].at) - microseconds(one.at) <= _HEARD_FOR:
                _add(found, "upnp", (0, "heard"), server, one.id)
    return tuple(found[key] for key in sorted(found))


def _latest(seen: Iterable[Stored]) -> frozenset[str]:
    """Ids of the last look of each probe at each port: what an older look of it showed is over."""
    last: dict[tuple[str, str, int], str] = {}
    for one in seen:
        if one.outcome in _SAID or (one.outcome is _SILENT and "closed" in one.reason):
            last[one.probe, one.address, one.port] = one.key
    return frozenset(last.values())


def _add(found: dict[tuple[int, str, str], Weakness], code: str, port: Port, detail: str, by: str) -> None:
    key = (port[0], port[1], code)
    before = found.get(key)
    ids = dict.fromkeys((*(before.observations if before else ()), *([by] if by else [])))
    found[key] = Weakness(code, port[0], port[1], detail[:200], tuple(ids)[-_MOST_OBSERVATIONS:])


def _on_port(
    service: Service, said: Sequence[Stored], latest: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    """Give (code, detail, observation id)."""
    name = (service.name or "").casefold()
    code = BY_SERVICE.get(name)
    for one in said:
        if code and code in _named(one):
            yield code, name, one.id
        if one.key in latest and not _SHOWING.isdisjoint([fact.kind for fact in one.facts]):
            yield from _shown(one)
    last = said[-1].id if said else ""
    if code and not any(code in _named(one) for one in said):
        yield code, name, last
    suspected = BY_PORT.get((service.port, service.transport))
    if suspected and not code and name in ("", "tcp", "udp", "unknown"):
        yield suspected, f"{service.port}/{service.transport}", last


def _named(one: Stored) -> set[str]:
    return {code for name in one.of(_SERVICE) if (code := BY_SERVICE.get(name.casefold()))}


def _shown(one: Stored) -> Iterator[tuple[str, str, str]]:
    if _OLD_SMB in one.of(FactKind.SMB_DIALECT):
        yield "smb1", "SMB 1.0", one.id
    if "none" in one.of(FactKind.VNC_SECURITY):
        yield "vnc_open", "VNC security type: none", one.id
    for version in one.of(FactKind.TLS_OLD_ACCEPTED):
        yield "old_tls", version, one.id
    for community in one.of(FactKind.SNMP_DEFAULT_COMMUNITY):
        yield "default_community", community, one.id
