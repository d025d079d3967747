# SPDX-License-Identifier: Apache-2.0
"""Ways in that no open port shows: tools heard calling their service, ports opened on a router, routers with a SIM."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from inventory_db.device import Evidence, RemotePath, brief
from inventory_db.observations import Stored
from probes.facts import FactKind, Sure
from probes.mobile_routers import mobile_sign
from probes.oui import maker_of

MOST_EVIDENCE = 5
_PORT_MAPPING = FactKind.PORT_MAPPING
_TEXTS = (
    FactKind.SSDP_SERVER,
    FactKind.HTTP_TITLE,
    FactKind.HTTP_AUTH,
    FactKind.SNMP_SYSDESCR,
    FactKind.MODEL,
)


def heard_paths_of(
    seen: Sequence[Stored], macs: Sequence[str], gateways: frozenset[str]
) -> tuple[RemotePath, ...]:
    """Give the paths of one device from its living observations; their port is 0, but for a port opened to it.

    `gateways` are the default gateways of the networks that we stood on.
    """
    found: dict[tuple[str, str], dict[str, Evidence]] = defaultdict(dict)
    for one in seen:
        if one.transport == "heard":
            for kind, product, evidence in _called(one):
                found[kind, product][one.id] = evidence
    for evidence in _mobile(seen, macs, gateways):
        found["mobile_router", ""][evidence.observation] = evidence
    return *(
        RemotePath(kind, product or None, 0, tuple(evidence.values())[-MOST_EVIDENCE:])
        for (kind, product), evidence in sorted(found.items())
    ), *_mapped(seen)


def _mapped(seen: Sequence[Stored]) -> Iterator[RemotePath]:
    """Ports of a router that stand open to this device; whether anything answers there was not seen."""
    found: dict[tuple[int, str, str], dict[str, Evidence]] = defaultdict(dict)
    for one in seen:
        for value in one.of(_PORT_MAPPING):
            how, protocol, outside, inside = [*value.split(" "), "", "", ""][:4]
            if inside.isdecimal():
                found[int(inside), protocol, how][one.id] = Evidence(
                    one.id,
                    f"{how} でルーターの {outside}/{protocol} がこの機器の {inside}/{protocol} へ開けられるのを聞きました。",
                    f"Heard {how} opening {outside}/{protocol} of the router to {inside}/{protocol} of this device.",
                )
    for (port, protocol, how), evidence in sorted(found.items()):
        yield RemotePath("port_mapping", f"{how} {protocol}", port, tuple(evidence.values())[-MOST_EVIDENCE:])


def _called(one: Stored) -> Iterator[tuple[str, str, Evidence]]:
    """A service of remote control whose name the device asked for; sites that share a name do not count."""
    product = brief(next(one.of(FactKind.PRODUCT), ""))
    name = brief(next(one.of(FactKind.REMOTE_NAME), ""))
    for fact in one.facts:
        if fact.kind is FactKind.REMOTE_PATH and fact.sure is not Sure.GUESS:
            yield (
                brief(fact.value),
                product,
                Evidence(
                    one.id,
                    f"{product} の名前を呼ぶのを聞きました（{name}）。入っている見込みですが、使われたとは限りません。",
                    f"Heard calling a name of {product} ({name}); probably installed, not proof of use.",
                ),
            )


def _mobile(seen: Sequence[Stored], macs: Sequence[str], gateways: frozenset[str]) -> Iterator[Evidence]:
    """Two signs together: it is of a kind that has a SIM, and it offers itself as a router beside the site's.

    Where nobody knows the site's own gateways, nothing can be said.
    """
    if not gateways:
        return
    texts = [value for one in seen for value in one.of(*_TEXTS)]
    sign = mobile_sign(next((m for m in map(maker_of, macs) if m), None), texts)
    if not sign:
        return
    for one in seen:
        offered = _offered(one, gateways)
        if offered:
            yield Evidence(
                one.id,
                f"SIM を持つルーターとみられ（{sign}）、{offered} で出口を名乗っています。拠点の既定ゲートウェイではありません。",
                f"Looks like a router with a SIM ({sign}) and offers a way out by {offered}; "
                "it is not the site's default gateway.",
            )


def _offered(one: Stored, gateways: frozenset[str]) -> str:
    """How it offers itself as a way out, "" if it does not or is the site's own gateway."""
    if one.address in gateways:
        return ""
    routers = [router for router in one.of(FactKind.DHCP_ROUTER) if router not in gateways]
    if routers and next(one.of(FactKind.DHCP_MESSAGE), "") in ("offer", "ack"):
        return f"DHCP ({brief(routers[0])})"
    if "default" in one.of(FactKind.ROUTER_ADVERTISED):
        return "IPv6 RA"
    if any("InternetGatewayDevice" in text or "IGD" in text for text in one.of(FactKind.SSDP_SERVICE)):
        return "UPnP IGD"
    return ""
