# SPDX-License-Identifier: Apache-2.0
"""Which interfaces of an IOS-like configuration face outwards, and what their access lists let in. Pure."""

import ipaddress
from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, find
from collector.imports.configurations.cisco_lists import Lists
from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.reading import ANY, Service
from collector.imports.configurations.sources import (
    ZERO,
    door,
    is_inner,
    masked,
    parse,
    permitted,
)

_DIALLED = ("Dialer", "Cellular", "Virtual-PPP", "ppp", "cellular")


_INNER = ("vlan", "bvi", "loopback", "management", "mgmt")


def own_addresses(block: Block) -> list[str]:
    """Give an interface's addresses as ADDRESS/LENGTH."""
    found = []
    for one in block.find("ip", "address"):
        words = one.words[2:]
        if words and "/" in words[0]:
            found.append(words[0])
        elif len(words) > 1 and masked(words[0], words[1]):
            length = ipaddress.ip_network(f"0.0.0.0/{words[1]}").prefixlen
            found.append(f"{words[0]}/{length}")
    return found


def up(top: Sequence[Block]) -> list[Block]:
    """Give the interfaces that are not shut down."""
    return [one for one in find(top, "interface") if len(one.words) > 1 and not one.has("shutdown")]


def next_hops(top: Sequence[Block]) -> set[str]:
    """Give where the default routes point: interfaces and gateways."""
    hops: set[str] = set()
    for block in find(top, "ip", "route"):
        words = block.words[2:]
        if words[:1] == ("vrf",):
            continue
        if words[:2] == (ZERO, ZERO):
            hops.update(words[2:4])
        elif words[:1] in (("0.0.0.0/0",), ("default",)):
            hops.update(words[1:3])
    return hops


def faces_outwards(block: Block, hops: set[str]) -> bool:
    """Say whether an interface looks like the line to the outside."""
    name = block.words[1]
    if block.has("ip", "nat", "outside") or block.has("ip", "address", "negotiated"):
        return True
    if name.startswith(_DIALLED) or block.has("crypto", "map"):
        return True
    if block.has("ip", "address", "dhcp") and not name.lower().startswith(_INNER):
        return True  # a switch takes the address of its management VLAN by DHCP as well
    if name in hops:
        return True
    gateways = [found for hop in hops if (found := parse(hop)) is not None]
    public = [parse(own) for own in own_addresses(block)]
    return any(
        net is not None and not is_inner(net) and one.version == net.version and one.network_address in net
        for net in public
        for one in gateways
    )


def outside(top: Sequence[Block], lists: Lists, draft: Draft) -> dict[str, Filter]:
    """Give the filter of each interface that faces outwards."""
    hops = next_hops(top)
    filters: dict[str, Filter] = {}
    for block in up(top):
        if not faces_outwards(block, hops):
            continue
        applied = next((one for one in block.find("ip", "access-group") if one.words[-1] == "in"), None)
        zoned = block.has("zone-member") and any(one.words[-1] == "self" for one in find(top, "zone-pair"))
        filters[block.words[1]] = _admits(applied, lists, draft, zoned)
        if any(is_inner(parse(own)) for own in own_addresses(block)):
            draft.inner.add(block.words[1])
    return filters


def _admits(applied: Block | None, lists: Lists, draft: Draft, zoned: bool) -> Filter:
    rules = lists.get(applied.words[2]) if applied and len(applied.words) > 3 else None
    if applied is not None and rules is None:
        draft.undefined(applied.line, "access-group")

    def admits(service: Service) -> tuple[str, ...] | None:
        if zoned:
            return None
        return permitted(rules, *door(service.service, service.port)) if rules is not None else ANY

    return admits
