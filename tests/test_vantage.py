# SPDX-License-Identifier: Apache-2.0
"""Where we stand, in a namespace with two networks, two default routes, an alias and a second table."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from agent.vantage import disagreements, neighbours, route_to, vantages
from probes.contract import OurFault

NAME = f"dvt{os.getpid()}"
BUILD = """
link set lo up
link add left address 02:00:00:00:00:01 type veth peer name left-end
link add right address 02:00:00:00:00:02 type veth peer name right-end
link set left up
link set left-end up
link set right up
link set right-end up
addr add 10.10.0.5/24 dev left
addr add 10.10.9.5/24 dev left label left:1
addr add 10.20.0.5/16 dev right
addr add fd10::5/64 dev left nodad
route add default via 10.10.0.1 dev left metric 100
route add default via 10.20.0.1 dev right metric 200
route add default via 10.20.0.2 dev right table 50
route add 10.30.0.0/16 via 10.20.0.3
route add unreachable 10.99.0.0/16
neigh add 10.10.0.7 lladdr 02:00:00:00:07:07 dev left nud reachable
neigh add 10.10.0.8 dev left nud failed
neigh add 10.10.0.9 lladdr 00:00:00:00:00:00 dev left nud stale
"""

in_namespace = [
    pytest.mark.lab,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="needs root and ip (iproute2)"),
]


@pytest.fixture(scope="module")
def seen() -> Iterator[dict[str, Any]]:
    """What the functions say inside the namespace."""
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    try:
        subprocess.run(["ip", "-n", NAME, "-batch", "-"], input=BUILD.encode(), check=True)
        told = subprocess.run(
            ["ip", "netns", "exec", NAME, sys.executable, "-W", "error", "-m", "tests.test_vantage"],
            capture_output=True,
            check=True,
        )
        yield json.loads(told.stdout)
    finally:
        subprocess.run(["ip", "netns", "del", NAME], check=True)


async def tell() -> None:
    routes = [await route_to(address) for address in ("10.10.0.7", "10.30.1.1", "203.0.113.1")]
    standings = await vantages()
    no_route = []
    try:
        await route_to("10.99.0.1")
    except OurFault as error:
        no_route.append(type(error).__name__)
    told = {
        "vantages": [asdict(s) for s in standings if not s.address.startswith("fe80")],
        "ids": [{"id": s.as_vantage("h").id} for s in standings],
        "neighbours": [asdict(n) for n in await neighbours()],
        "routes": [asdict(way) for way in routes],
        "no_route": no_route,
        "disagreements": list(await disagreements()),
    }
    sys.stdout.write(json.dumps(told))


class TestInNamespace:
    pytestmark = in_namespace

    def test_alias_is_an_address_not_an_interface(self, seen: dict[str, Any]) -> None:
        rows = [(s["interface"], s["address"], s["network"], s["label"]) for s in seen["vantages"]]
        assert sorted(rows, key=str) == [
            ("left", "10.10.0.5", "10.10.0.0/24", ""),
            ("left", "10.10.9.5", "10.10.9.0/24", "left:1"),
            ("left", "fd10::5", "fd10::/64", ""),
            ("right", "10.20.0.5", "10.20.0.0/16", ""),
        ]

    def test_every_default_gateway_stands_on_its_network(self, seen: dict[str, Any]) -> None:
        gateways = {s["address"]: s["gateways"] for s in seen["vantages"]}
        assert gateways["10.10.0.5"] == ["10.10.0.1"]
        assert sorted(map(str, gateways["10.20.0.5"])) == ["10.20.0.1", "10.20.0.2"]
        assert gateways["10.10.9.5"] == []

    def test_virtual_and_up(self, seen: dict[str, Any]) -> None:
        assert {(s["is_up"], s["is_virtual"]) for s in seen["vantages"]} == {(True, True)}
        assert {s["mac"] for s in seen["vantages"]} == {"02:00:00:00:00:01", "02:00:00:00:00:02"}

    def test_ids_differ_by_network(self, seen: dict[str, Any]) -> None:
        ids = [row["id"] for row in seen["ids"]]
        assert len(ids) >= 4
        assert len(set(ids)) == len(ids)

    def test_only_confirmed_neighbours(self, seen: dict[str, Any]) -> None:
        assert seen["neighbours"] == [{"ip": "10.10.0.7", "mac": "02:00:00:00:07:07", "interface": "left"}]

    def test_routes(self, seen: dict[str, Any]) -> None:
        assert seen["routes"] == [
            {"interface": "left", "gateway": None, "source": "10.10.0.5"},
            {"interface": "right", "gateway": "10.20.0.3", "source": "10.20.0.5"},
            {"interface": "left", "gateway": "10.10.0.1", "source": "10.10.0.5"},
        ]

    def test_no_route_is_our_fault(self, seen: dict[str, Any]) -> None:
        assert seen["no_route"] == ["OurFault"]

    def test_netifaces_agrees_about_addresses(self, seen: dict[str, Any]) -> None:
        assert seen["disagreements"] == []


async def test_loopback_only_on_request() -> None:
    assert all(not s.address.startswith("127.") for s in await vantages())
    assert "127.0.0.1" in {s.address for s in await vantages(loopback=True)}


async def test_vantage_id_is_stable() -> None:
    (first, *_) = await vantages(loopback=True)
    (again, *_) = await vantages(loopback=True)
    assert first.as_vantage("h") == again.as_vantage("h")


async def test_not_an_address_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="does not appear"):
        await route_to("10.0.0.1/8")


if __name__ == "__main__":
    asyncio.run(tell())
