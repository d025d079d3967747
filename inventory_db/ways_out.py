# SPDX-License-Identifier: Apache-2.0
"""Which way out a device offers or takes: DHCP servers, default gateways, routers by IPv6 and UPnP. Pure.

All of it is heard or read from its own tables; nobody was asked for a lease.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from inventory_db.device import WayOut
from inventory_db.networks import normal_ip
from inventory_db.observations import Stored
from probes.facts import FactKind, Sure

MOST_EVIDENCE = 5
DHCP_SERVER, DHCP_ROUTER, DHCP_CHOSEN = "dhcp_server", "dhcp_router", "dhcp_chosen"
ADVERTISED, IGD, ROUTE = "router_advertised", "igd", "default_route"
_TELLING = frozenset(
    {FactKind.DHCP_MESSAGE, FactKind.ROUTER_ADVERTISED, FactKind.SSDP_SERVICE, FactKind.ROUTE}
)


def ways_out_of(seen: Sequence[Stored]) -> tuple[WayOut, ...]:
    """Give the ways out of one device from its living observations, oldest first."""
    found: dict[tuple[str, str, str], list[Stored]] = defaultdict(list)
    for one in seen:
        if not _TELLING.isdisjoint([fact.kind for fact in one.facts]):
            for kind, address in _told(one):
                found[kind, address, one.network].append(one)
    return tuple(
        WayOut(kind, address, network, _when(many[-1]), tuple(one.id for one in many)[-MOST_EVIDENCE:])
        for (kind, address, network), many in sorted(found.items())
    )


def _when(seen: Stored) -> str:
    return seen.at.isoformat()


def _told(one: Stored) -> Iterator[tuple[str, str]]:
    yield from _by_dhcp(one)
    if "default" in one.of(FactKind.ROUTER_ADVERTISED):
        yield ADVERTISED, ""
    if any("InternetGatewayDevice" in text or "IGD" in text for text in one.of(FactKind.SSDP_SERVICE)):
        yield IGD, ""
    for gateway in default_routes(one.of(FactKind.ROUTE)):
        yield ROUTE, gateway


def _by_dhcp(one: Stored) -> Iterator[tuple[str, str]]:
    """A server's word is of the server; a client's request names the server whose offer it takes."""
    message = next(one.of(FactKind.DHCP_MESSAGE), "")
    servers = [ip for ip in map(normal_ip, one.of(FactKind.DHCP_SERVER)) if ip]
    if message == "request":
        yield from ((DHCP_CHOSEN, server) for server in servers)
    elif message in ("offer", "ack"):
        relayed = not any(fact.kind is FactKind.MAC and fact.sure is Sure.SURE for fact in one.facts)
        yield from ((DHCP_CHOSEN if relayed else DHCP_SERVER, server) for server in servers)
        yield from ((DHCP_ROUTER, ip) for ip in map(normal_ip, one.of(FactKind.DHCP_ROUTER)) if ip)


def default_routes(routes: Iterable[str]) -> Iterator[str]:
    """Give the IPv4 gateways of routes that lead everywhere."""
    for route in routes:
        destination, _, gateway = route.partition(" ")
        if destination == "0.0.0.0/0" and (ip := normal_ip(gateway)):
            yield ip
