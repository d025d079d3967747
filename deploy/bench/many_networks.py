# SPDX-License-Identifier: Apache-2.0
"""Facilities with 5 to 200 networks, made by chance from a seed, and how long their diagram takes.

`python -m deploy.bench.many_networks [--networks 5 20 200] [--seed 1] [--out FOLDER]`
"""

import argparse
import random
import time
from dataclasses import replace
from pathlib import Path

from collector.case import Case
from collector.diagram.drawing import Drawing
from collector.diagram.from_case import diagram_of
from collector.diagram.reading import diagram_in
from collector.documents.drawing_files import FORMS, write_drawing
from collector.documents.paper import Paper
from collector.documents.paper_pdf import write_paper_pdf
from collector.translation import load_words
from deploy.bench.made_up import NOW, case, device, path, scan
from inventory_db.device import Address, Device, DualHomed
from inventory_db.stated import Facility, RemoteAccess, Vendor
from probes.facts import Vantage

_CLASSES = ("pc", "pc", "pc", "pc", "server", "medical", "printer", "phone", "iot", "unknown", "network")


def network_name(number: int) -> str:
    """Give the CIDR of the n-th network."""
    return f"10.{20 + number // 40}.{number % 40 + 1}.0/24"


def made_up_facility(networks: int, seed: int = 1) -> Case:
    """Make a facility: floors behind distribution routers, gateways, dual-homed devices, ways in from outside."""
    chance = random.Random(seed)
    devices = list(_routers(networks))
    for number in range(networks):
        devices += _hosts(number, chance)
        if number and chance.random() < 0.12:
            devices.append(_dual(number, chance))
    devices.append(_gateway())
    said = (
        Facility(name="東山台総合病院", networks=("10.0.0.0/8", "172.31.9.0/24")),
        Vendor(id="v1", name="髙木システム㈱"),
        RemoteAccess(id="vpn", vendor="v1", device="gw", means="ssl_vpn", port=443),
        RemoteAccess(id="sim", vendor="v1", means="mobile_router", product="保守用SIMルータ"),
    )
    stood = tuple(
        Vantage(id=f"v{number}", host="probe", interface=f"eth{number}", address=_ip(number, 250),
                network=network_name(number), gateways=(_ip(number, 1),))
        for number in range(networks)
    )  # fmt: skip
    numbered = sorted(devices, key=lambda one: (one.first_seen, one.id))
    made = case(*said, devices=numbered, scans=(scan("s0", days_ago=30), scan("s1")))
    return replace(made, vantages=stood)


def _ip(network: int, host: int) -> str:
    return network_name(network).replace(".0/24", f".{host}")


def _address(network: int, host: int) -> Address:
    return Address(_ip(network, host), None, network_name(network), f"v{network}", "arp")


def _routers(networks: int) -> list[Device]:
    """One core router before all, or one for every twenty networks behind a core."""
    if networks <= 20:
        return [_router("core", range(networks), 1)]
    floors = [range(start, min(start + 20, networks)) for start in range(0, networks, 20)]
    return [
        _router("core", [floor[0] for floor in floors], 254),
        *(_router(f"floor{number:02d}", floor, 1) for number, floor in enumerate(floors)),
    ]


def _router(name: str, networks: range | list[int], host: int) -> Device:
    return device(
        name, names=(f"rt-{name}",), device_class="network", forwards=True, days_ago=29,
        addresses=tuple(_address(number, host) for number in networks),
    )  # fmt: skip


def _hosts(number: int, chance: random.Random) -> list[Device]:
    hosts = []
    for host in range(10, 10 + chance.randint(4, 40)):
        ways = (path("remote_tool", 5938),) if chance.random() < 0.01 else ()
        hosts.append(
            device(
                f"h{number:03d}-{host}", names=(f"PC-{number:03d}{host:02d}",), days_ago=29 - number / 1000,
                device_class=chance.choice(_CLASSES), addresses=(_address(number, host),), remote_paths=ways,
            )
        )  # fmt: skip
    return hosts


def _dual(number: int, chance: random.Random) -> Device:
    other = chance.randrange(number)
    return device(
        f"dual{number:03d}", names=(f"ANALYSER-{number:03d}",), days_ago=28,
        device_class=chance.choice(("medical", "pc", "server")),
        addresses=(_address(number, 99), _address(other, 99)),
        dual_homed=DualHomed((network_name(number), network_name(other)), (), chance.random() < 0.4),
    )  # fmt: skip


def _gateway() -> Device:
    outside = Address("203.0.113.7", None, "203.0.113.0/24", None, "snmp")
    return device(
        "gw", names=("fw-01",), maker="Fortinet", model="FortiGate 100F", device_class="gateway", days_ago=29,
        addresses=(_address(0, 253), outside), remote_paths=(path("ssl_vpn", 443), path("ipsec", 500)),
    )  # fmt: skip


def paper_of(made: Case, earlier: Case | None = None) -> Paper:
    """Make the diagram of a case as a paper without tables."""
    words = load_words("ja")
    drawing = Drawing(diagram_in(made, earlier), words, ("東山台総合病院", "2024-11-29 作成"))
    return Paper(kind="diagram", title=words("diagram.title"), drawing=drawing, now=NOW)


def main() -> int:
    """Draw and print how long it took."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.many_networks")
    options.add_argument("--networks", type=int, nargs="+", default=[5, 20, 50, 200])
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--out", type=Path)
    given = options.parse_args()
    print("networks devices drawn  width height  layout+svg s   pdf s")
    for networks in given.networks:
        made = made_up_facility(networks, given.seed)
        start = time.perf_counter()
        diagram_of(made)
        paper = paper_of(made)
        assert paper.drawing is not None
        layout, _ = paper.drawing.layout, paper.drawing.svg()
        drawn = time.perf_counter()
        pdf = write_paper_pdf(paper)
        done = time.perf_counter()
        print(
            f"{networks:8} {len(made.devices):7} {len(layout.boxes):5} {layout.width:6} {layout.height:6}"
            f"  {drawn - start:12.2f} {done - drawn:7.2f}"
        )
        if given.out:
            (given.out / f"diagram-{networks}.pdf").write_bytes(pdf)
            for form in FORMS:
                (given.out / f"diagram-{networks}.{form}").write_bytes(write_drawing(paper, form))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
