# SPDX-License-Identifier: Apache-2.0
"""Reads the diagram off a case: who is drawn alone, who goes into a crowd, who comes in from where. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from collector.case import Case
from collector.diagram.model import Crowd, Diagram, Foot, Node, Segment, Way
from collector.diagram.segments import Ground, ground_of, order_of
from collector.register import Match, Row, register
from inventory_db.device import Address, Device
from inventory_db.networks import network, order, within

CLASSES = ("server", "pc", "medical", "printer", "phone", "iot", "network", "gateway", "unknown")
_MOST_ALIKE = 3  # devices of one segment with the same way in that are still drawn one by one


def diagram_of(case: Case) -> Diagram:
    """Give the diagram; the same case gives the same diagram, and ids and order stay from scan to scan."""
    ground = ground_of(case)
    ways, loose = _ways(case)
    routers = {ip for vantage in case.vantages for ip in vantage.gateways}
    numbers = {row.device.id: row.number for row in case.rows}
    nodes: list[Node] = []
    crowds: dict[str, Counter[str]] = defaultdict(Counter)
    for device in case.devices:
        node = _node(device, ground, ways.get(device.id, ()), routers, numbers)
        if _stands_out(node):
            nodes.append(node)
        elif not node.silent:
            for foot in node.feet[:1]:
                crowds[foot.segment][node.kind] += 1
    nodes += _unlisted(case, ground, routers)
    nodes += [_declared_only(row) for row in loose]
    segments = _segments(ground, crowds, nodes)
    return Diagram(
        segments=segments,
        nodes=tuple(sorted(_gather(nodes), key=_place)),
        not_scanned=_not_scanned(case, segments),
    )


def _node(
    device: Device, ground: Ground, ways: tuple[Way, ...], routers: set[str], numbers: Mapping[str, str]
) -> Node:
    kind = device.device_class if device.device_class in CLASSES else "unknown"
    dual = device.dual_homed
    return Node(
        id=device.id,
        kind=kind,
        device=device.id,
        number=numbers.get(device.id, ""),
        name=device.names[0] if device.names else "",
        product=" ".join(filter(None, (device.maker, device.model))),
        feet=_feet(device, ground),
        outside=tuple(one.ip for one in device.addresses if one.ip and ground.is_outside(one)),
        ways=ways,
        routes=kind in ("network", "gateway") or device.forwards is True,
        default_gateway=any(one.ip in routers for one in device.addresses if one.ip),
        dual="" if dual is None else "declared" if dual.declared else "undeclared",
        silent=is_silent(device),
    )


def is_silent(device: Device) -> bool:
    """Whether it was asked after it was seen last, and gave no answer."""
    asked, seen = datetime.fromisoformat(device.last_asked), datetime.fromisoformat(device.last_seen)
    return asked > seen and not device.answered_last


def _feet(device: Device, ground: Ground) -> tuple[Foot, ...]:
    found: dict[str, list[str]] = {}
    for address in device.addresses:
        segment = ground.segment(address)
        if segment and address.ip:
            found.setdefault(segment, []).append(address.ip)
    for net in device.dual_homed.networks if device.dual_homed else ():
        segment = ground.segment(Address(net.partition("/")[0], None, net, None, ""))
        if segment:
            found.setdefault(segment, [])
    return tuple(
        Foot(segment, tuple(sorted(set(ips), key=order)))
        for segment, ips in sorted(found.items(), key=lambda one: order_of(one[0]))
    )


def _stands_out(node: Node) -> bool:
    """Whether it is drawn by itself: across segments, with a way out or in, or a router."""
    across = len(node.feet) > 1 or bool(node.outside) or bool(node.ways) or bool(node.dual)
    return (
        across or node.default_gateway or node.kind == "gateway" or (node.routes and node.kind != "network")
    )


def _ways(case: Case) -> tuple[dict[str, tuple[Way, ...]], list[Row]]:
    """Give the ways in of each device, and the declared ones whose device is not in the ledger."""
    known = {device.id for device in case.devices}
    ways: dict[str, dict[Way, None]] = {}
    loose = []
    for row in register(case):
        found, said = row.found, row.declared
        if found and (found.from_outside or said):
            way = Way(found.path.kind, found.path.port, found.path.product or "", str(row.match))
            ways.setdefault(found.device.id, {})[way] = None
        elif said and not found and said.device in known:
            ways.setdefault(said.device, {})[Way(said.means, said.port, said.product, str(row.match))] = None
        elif said and not found:
            loose.append(row)
    return {id: tuple(sorted(found, key=_way_order)) for id, found in ways.items()}, loose


def _way_order(way: Way) -> tuple[str, int, str, str]:
    return way.kind, way.port, way.product, way.match


def _declared_only(row: Row) -> Node:
    said = row.declared
    if said is None:
        raise ValueError("a row without a declaration")
    way = Way(said.means, said.port, said.product, str(Match.NOT_FOUND))
    return Node(id=f"declared:{said.id}", kind="unknown", name=said.product or said.id, ways=(way,))


def _unlisted(case: Case, ground: Ground, routers: Iterable[str]) -> Iterator[Node]:
    """Give the default gateways that we know by our own routes and that no row of the ledger has."""
    known = {address.ip for device in case.devices for address in device.addresses}
    stood = {one.network for one in case.vantages}
    for ip in sorted(set(routers) - known, key=order):
        net = next((one for one in sorted(stood, key=order_of) if within(ip, one)), None)
        segment = ground.segment(Address(ip, None, net, None, ""))
        feet = (Foot(segment, (ip,)),) if segment else ()
        yield Node(id=f"router:{ip}", kind="network", feet=feet, routes=True, default_gateway=True)


def _segments(
    ground: Ground, crowds: Mapping[str, Counter[str]], nodes: Iterable[Node]
) -> tuple[Segment, ...]:
    ids = {*crowds, *(foot.segment for node in nodes for foot in node.feet)}
    made = [
        Segment(
            id=id,
            networks=(id, *sorted(six for six, four in ground.wires.items() if four == id)),
            birth=ground.births.get(id, ground.scans),
            looked_at=id in ground.looked_at,
            guessed=id in ground.guessed,
            crowds=tuple(
                Crowd(kind, crowds[id][kind]) for kind in CLASSES if id in crowds and crowds[id][kind]
            ),
        )
        for id in ids
    ]
    return tuple(sorted(made, key=lambda one: (one.birth, order_of(one.id))))


def _not_scanned(case: Case, segments: Iterable[Segment]) -> tuple[str, ...]:
    seen = [network(one) for segment in segments for one in segment.networks]
    named = case.facility.networks if case.facility else ()
    return tuple(
        one
        for one in sorted(named, key=order_of)
        if (net := network(one)) and not any(s and s.version == net.version and s.overlaps(net) for s in seen)
    )


def _gather(nodes: Iterable[Node]) -> Iterator[Node]:
    """Put devices of one class and segment with the same ways in together where they are many."""
    alike: dict[tuple[str, str, tuple[tuple[str, str], ...]], list[Node]] = {}
    for node in nodes:
        plain = len(node.feet) == 1 and not (node.outside or node.dual or node.default_gateway or node.routes)
        if plain and node.ways and not node.silent:
            kinds = tuple(dict.fromkeys((way.kind, way.match) for way in node.ways))
            alike.setdefault((node.feet[0].segment, node.kind, kinds), []).append(node)
        else:
            yield node
    for (segment, kind, kinds), group in alike.items():
        if len(group) <= _MOST_ALIKE:
            yield from group
            continue
        words = ",".join(f"{way}={match}" for way, match in kinds)
        yield Node(
            id=f"crowd:{segment}/{kind}/{words}",
            kind=kind,
            feet=(replace(group[0].feet[0], addresses=()),),
            ways=tuple(Way(way, 0, "", match) for way, match in kinds),
            count=len(group),
        )


def _place(node: Node) -> tuple[bool, bool, int, str, str]:
    """Order nodes: routers first, then by 管理番号, so that a newer device stands behind older ones."""
    number = int(node.number) if node.number.isdigit() else 10**9
    return not node.routes, node.count > 1, number, node.device, node.id
