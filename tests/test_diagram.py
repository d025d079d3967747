# SPDX-License-Identifier: Apache-2.0
"""The network diagram: what is on it, where it stands from scan to scan, and that no name can break it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from xml.etree.ElementTree import Element

import pytest
from defusedxml.ElementTree import fromstring

from collector.case import Case
from collector.diagram.drawing import Drawing, windows
from collector.diagram.drawio import write_drawio
from collector.diagram.from_case import diagram_of
from collector.diagram.layout import BOX, BOX_HEIGHT, GAP, ROW, Layout, lay_out
from collector.diagram.model import Diagram, Mark, Node
from collector.diagram.reading import diagram_in
from collector.translation import load_words
from deploy.bench.made_up import NOW, case, device, path, scan
from deploy.bench.many_networks import made_up_facility
from inventory_db.device import Address, Device, DualHomed
from inventory_db.stated import Facility, RemoteAccess, Statement
from probes.facts import Vantage
from tests.browser.material import BIDI, IMAGE, LONG, SCRIPT
from tests.papers_material import compare

A, B, C = "10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"
HOSTILE = (
    SCRIPT,
    IMAGE,
    BIDI,
    LONG,
    "]]>&lt;\x00\x1b[31m\ud800",
    "A" * 600,
    "javascript:alert(1)",
    "' \" &#10;",
)


def at(ip: str, network: str | None = "", vantage: str | None = "v") -> Address:
    net = ip.rpartition(".")[0] + ".0/24" if network == "" else network
    return Address(ip, None, net, vantage, "arp")


def host(id: str, *ips: str, **given: Any) -> Device:
    return device(id, **({"addresses": tuple(at(ip) for ip in ips), "device_class": "pc"} | given))


def router(*ips: str, **given: Any) -> Device:
    return host("rt", *ips, **({"names": ("rt-core",), "device_class": "network", "forwards": True} | given))


def dual(id: str = "lab", ips: tuple[str, str] = ("10.1.0.9", "10.2.0.9"), **given: Any) -> Device:
    return host(id, *ips, names=(id.upper(),), dual_homed=DualHomed((A, B), ()), **given)


GATE = host(
    "gw",
    "10.1.0.254",
    "203.0.113.7",
    names=("fw-01",),
    device_class="gateway",
    remote_paths=(path("ssl_vpn", 443, "gw"), path("rdp", 3389, "gw")),
)
STOOD = Vantage(id="v", host="p", interface="eth0", address="10.1.0.8", network=A, gateways=("10.1.0.1",))
SMALL = (
    router("10.1.0.1", "10.2.0.1"),
    dual(),
    GATE,
    *(host(f"pc{n}", f"10.1.0.{100 + n}") for n in range(3)),
    host("mri", "10.2.0.50", device_class="medical"),
)


def facts_of(
    devices: Iterable[Device], *said: Statement, vantages: tuple[Vantage, ...] = (STOOD,), **given: Any
) -> Case:
    return replace(case(*said, devices=devices, **given), vantages=vantages)


def drawn(devices: Iterable[Device], *said: Statement, **given: Any) -> Diagram:
    return diagram_of(facts_of(devices, *said, **given))


def drawing(diagram: Diagram, language: str = "ja") -> Drawing:
    return Drawing(diagram, load_words(language), ("東山台病院", "2024-11-29 作成"))


def named(diagram: Diagram) -> dict[str, Node]:
    return {node.id: node for node in diagram.nodes}


def places(layout: Layout) -> dict[str, tuple[int, ...]]:
    found: dict[str, tuple[int, ...]] = {
        lane.segment.id: (lane.y, lane.height) for lane in layout.lanes if lane.segment
    }
    return found | {box.node.id: (box.x, box.y, box.rail or 0) for box in layout.boxes}


def elements(text: str) -> list[Element]:
    return list(fromstring(text.encode()).iter())


def test_the_small_hospital_as_svg_and_drawio() -> None:
    picture = drawing(drawn(SMALL, Facility(name="東山台病院", networks=(A, B, "172.16.5.0/24"))))
    compare("diagram.svg", picture.svg())
    compare("diagram.drawio", write_drawio(picture))


def test_who_is_drawn_alone_and_who_is_counted() -> None:
    found = drawn(SMALL)
    assert {segment.id: [(c.kind, c.count) for c in segment.crowds] for segment in found.segments} == {
        A: [("pc", 3)],
        B: [("medical", 1)],
    }
    nodes = named(found)
    assert set(nodes) == {"rt", "lab", "gw"}
    assert nodes["rt"].default_gateway
    assert nodes["rt"].routes
    assert nodes["lab"].dual == "undeclared"
    assert nodes["gw"].outside == ("203.0.113.7",)
    assert [way.kind for way in nodes["gw"].ways] == ["ssl_vpn"]  # RDP is a door inside the house


def test_declared_ways_come_in_from_outside_even_where_nobody_found_them() -> None:
    said = (
        RemoteAccess(id="vpn", device="gw", means="ssl_vpn", port=443),
        RemoteAccess(id="rdp", device="gw", means="rdp", port=3389),
        RemoteAccess(id="tool", device="mri", means="remote_tool"),
        RemoteAccess(id="sim", means="mobile_router", product="保守用SIM"),
    )
    nodes = named(drawn(SMALL, *said))
    assert [(way.kind, way.match) for way in nodes["gw"].ways] == [("rdp", "matched"), ("ssl_vpn", "matched")]
    assert [(way.kind, way.match) for way in nodes["mri"].ways] == [("remote_tool", "not_found")]
    assert nodes["declared:sim"].feet == ()


def test_a_router_of_ours_that_stands_in_no_row_is_drawn_as_such() -> None:
    nodes = named(drawn([host("pc", "10.1.0.5")]))
    assert nodes["router:10.1.0.1"].default_gateway
    assert not nodes["router:10.1.0.1"].device


def test_what_is_one_wire_and_what_is_outside() -> None:
    six = Vantage(id="v6", host="p", interface="eth0", address="2001:db8::8", network="2001:db8::/64")
    told = (
        at("10.1.0.5"),
        at("2001:db8::5", "2001:db8::/64"),
        at("fe80::5", "fe80::/64"),
        at("192.168.9.5", None, None),
    )
    found = drawn([host("srv", addresses=told)], vantages=(STOOD, six))
    assert [segment.networks for segment in found.segments] == [(A, "2001:db8::/64"), ("192.168.9.0/24",)]
    assert [(segment.looked_at, segment.guessed) for segment in found.segments] == [
        (True, False),
        (False, True),
    ]
    public = host("pub", "203.0.113.9")
    assert named(drawn([public]))["pub"].outside == ("203.0.113.9",)
    ours = Facility(name="大学病院", networks=("203.0.113.0/24",))
    assert "203.0.113.0/24" in [segment.id for segment in drawn([public], ours).segments]


def test_networks_that_nobody_looked_at_are_named() -> None:
    said = Facility(name="病院", networks=(A, "172.16.5.0/24"))
    found = drawn(SMALL, said)
    assert found.not_scanned == ("172.16.5.0/24",)
    assert "172.16.5.0/24" in drawing(found).svg()


def test_many_devices_with_the_same_way_in_become_one() -> None:
    tools = [
        host(f"t{n}", f"10.1.0.{n + 10}", remote_paths=(path("remote_tool", 5938, f"t{n}"),))
        for n in range(12)
    ]
    crowd = [node for node in drawn(tools).nodes if node.count > 1]
    assert [node.count for node in crowd] == [12]
    assert [node.count for node in drawn(tools[:3]).nodes if node.ways] == [1, 1, 1]


@pytest.mark.parametrize("networks", [1, 5, 40, 200])
@pytest.mark.parametrize("seed", [1, 7])
def test_nothing_overlaps_and_no_sheet_cuts_a_lane(networks: int, seed: int) -> None:
    layout = lay_out(diagram_of(made_up_facility(networks, seed)))
    for before, after in zip(layout.lanes, layout.lanes[1:], strict=False):
        assert before.y + before.height < after.y
    for box in layout.boxes:
        lane = layout.lanes[box.home]
        assert lane.y < box.y
        assert box.y + BOX_HEIGHT <= lane.y + lane.height
        assert box.x + BOX < layout.outside
    assert len({(box.x, box.y) for box in layout.boxes}) == len(layout.boxes)
    spans = [
        (box.rail, box.middle, max(s.y for s in box.stops)) for box in layout.boxes if box.rail is not None
    ]
    for number, (rail, top, bottom) in enumerate(spans):
        assert not any(rail == r and top <= b and t <= bottom for r, t, b in spans[:number])
    cuts = [first for first, _ in windows(layout, 0.66)[1:]]
    assert not any(lane.y < cut < lane.y + lane.height for cut in cuts for lane in layout.lanes)


def test_the_same_case_gives_the_same_picture() -> None:
    made = made_up_facility(30)
    shuffled = replace(made, devices=made.devices[::-1], vantages=made.vantages[::-1])
    assert drawing(diagram_of(made)).svg() == drawing(diagram_of(shuffled)).svg()


def test_a_network_found_later_moves_nothing() -> None:
    """It sorts before the others by address, and still stands behind them."""
    scans = (scan("s0", days_ago=9), scan("s1"))
    old = [host("a", "10.5.0.9", "10.6.0.9", days_ago=8), host("b", "10.6.0.10", days_ago=8)]
    before = places(lay_out(drawn(old, scans=scans, vantages=())))
    new = [host("c", "10.2.0.5"), dual("d", ("10.2.0.9", "10.1.0.77"))]
    after = places(lay_out(drawn([*old, *new], scans=scans, vantages=())))
    assert before.keys() < after.keys()
    assert {key: after[key] for key in before} == before


def test_a_network_found_in_the_same_scan_moves_others_by_one_place() -> None:
    made = made_up_facility(20)
    more = replace(made, devices=(*made.devices, host("c", "10.20.5.200", "10.19.0.5", days_ago=29)))
    before, after = places(lay_out(diagram_of(made))), places(lay_out(diagram_of(more)))
    most = ROW + GAP + after["10.19.0.0/24"][1]
    assert all(abs(after[key][0] - before[key][0]) <= most for key in before if key.startswith("10."))


def test_a_new_device_across_networks_moves_no_rail() -> None:
    made = made_up_facility(20)
    new = dual("zz", ("10.20.1.77", "10.20.5.77"))
    more = case(devices=(*made.devices, new), scans=made.scans)
    more = replace(more, vantages=made.vantages, stated=made.stated)
    before, after = lay_out(diagram_of(made)), lay_out(diagram_of(more))
    rails = {box.node.id: box.rail for box in before.boxes}
    assert {box.node.id: box.rail for box in after.boxes if box.node.id in rails} == rails


def test_differences_to_last_time_are_marked_in_words() -> None:
    then = facts_of(SMALL, now=NOW - timedelta(days=30))
    asked = (NOW - timedelta(hours=1)).isoformat()
    silent = replace(SMALL[1], last_asked=asked, answered_last=False)
    gate = replace(GATE, remote_paths=(*GATE.remote_paths, path("ipsec", 500, "gw")))
    now = (router("10.1.0.1", "10.2.0.1", "10.3.0.1"), silent, gate, *SMALL[3:-1], dual("new"))
    found = diagram_in(facts_of((*now, host("x", "10.3.0.7"))), then)
    marks = {node.id: node.mark for node in found.nodes}
    assert marks == {"rt": Mark.CHANGED, "lab": Mark.GONE, "gw": Mark.CHANGED, "new": Mark.NEW}
    assert [foot.mark for foot in named(found)["rt"].feet] == [Mark.SAME, Mark.SAME, Mark.NEW]
    assert [way.mark for way in named(found)["gw"].ways] == [Mark.NEW, Mark.SAME]
    assert {segment.id: segment.mark for segment in found.segments} == {A: "", B: "", C: Mark.NEW}
    assert [(c.kind, c.count, c.before) for c in found.segments[1].crowds] == [("medical", 0, 1)]
    words = [one.text for one in elements(drawing(found).svg()) if one.tag.endswith("text")]
    assert {"新", "変", "消", "-1", "[新]IPsec-VPN 500、SSL-VPN 443"} <= set(words)


def test_nothing_is_marked_where_nothing_changed_or_nothing_is_known() -> None:
    now = facts_of(SMALL)
    same = diagram_in(now, facts_of(SMALL, now=NOW - timedelta(days=30)))
    assert not any(node.mark for node in same.nodes)
    assert not any(segment.mark for segment in same.segments)
    assert same.compared
    assert not diagram_in(now, None).compared
    assert not diagram_in(now, facts_of(())).compared


@pytest.mark.parametrize("word", HOSTILE)
def test_no_name_breaks_the_picture(word: str) -> None:
    bad = router("10.1.0.1", "10.2.0.1", names=(word,), maker=word, model=word)
    said = RemoteAccess(id=word, means=word, product=word)
    picture = drawing(
        drawn([bad, replace(dual(), id=word), GATE], said, Facility(name=word, networks=(word,)))
    )
    for text in (picture.svg(links=True), picture.svg(), write_drawio(picture), *picture.sheets(str, 0.3)):
        found = elements(text)
        tags = {one.tag.rpartition("}")[2] for one in found}
        assert tags <= {
            *["svg", "title", "g", "a", "rect", "line", "text", "circle", "polygon", "path"],
            *DRAWIO,
        }
        names = {name for one in found for name in one.attrib}
        assert not any(name.startswith("on") or ("href" in name and name != "href") for name in names)
        links = [one.attrib["href"] for one in found if "href" in one.attrib]
        assert all(link.startswith(("/devices/", "/?")) for link in links)


DRAWIO = ("mxfile", "diagram", "mxGraphModel", "root", "mxCell", "mxGeometry", "mxPoint", "Array")


@pytest.mark.parametrize("networks", [2, 60])
def test_drawio_keeps_places_and_ties_every_connector(networks: int) -> None:
    picture = drawing(diagram_of(made_up_facility(networks)))
    cells = {one.attrib["id"]: one for one in elements(write_drawio(picture)) if one.tag == "mxCell"}
    edges = [one for one in cells.values() if one.get("edge")]
    assert all(one.get("source") in cells and one.get("target") in cells for one in edges)
    assert all(one.find("mxGeometry") is not None for id, one in cells.items() if id not in "01")
    feet = sum(len(node.feet) for node in picture.diagram.nodes)
    assert len([id for id in cells if id.startswith("foot:")]) == feet
    for box in picture.layout.boxes:
        place = cells[f"node:{box.node.id}"].find("mxGeometry")
        assert place is not None
        assert (place.get("x"), place.get("y")) == (str(box.x), str(box.y))


def test_both_languages_say_everything() -> None:
    for language in ("ja", "en"):
        text = drawing(diagram_of(made_up_facility(8)), language).svg()
        assert load_words(language)("diagram.dual_undeclared") in text
        assert "diagram." not in text
