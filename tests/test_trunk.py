# SPDX-License-Identifier: Apache-2.0
"""Listening on a trunk: tagged frames are read, and never taken for frames of our own network."""

import asyncio
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from agent.listening import Listening
from agent.packet_worker import HeardFrame, PacketWorker
from agent.records import Record, Records
from agent.vantage import Standing, vlans_of
from probes.facts import Observation

PREFIX = f"dst{os.getpid()}"
THEM = "02:00:00:00:80:14"


def who_has(asker: str, wanted: str, vlan: int | None = None) -> bytes:
    """One ARP request by THEM, with a tag on it or without."""
    from scapy.layers.l2 import ARP, Dot1Q, Ether

    frame = Ether(src=THEM, dst="ff:ff:ff:ff:ff:ff")
    if vlan is not None:
        frame /= Dot1Q(vlan=vlan)
    return bytes(frame / ARP(op=1, hwsrc=THEM, psrc=asker, pdst=wanted))


async def hear() -> None:
    """Listen to three frames and print their VLANs and what is left of each; no kernel support for VLANs is needed."""
    heard: list[tuple[int, str, bool]] = []
    async with await PacketWorker.start(["eth0"]) as worker:
        print("ready", flush=True)
        while len(heard) < 3:
            frame = await asyncio.wait_for(worker.heard(), 30)
            if frame.data[6:12].hex(":") == THEM:
                heard.append(
                    (
                        frame.vlan,
                        frame.data[12:14].hex(),
                        worker.arp_answers.get(("eth0", "10.80.1.20")) is None,
                    )
                )
    print(json.dumps(heard))


@pytest.mark.lab
def test_tagged_frames_are_heard_with_their_vlan() -> None:
    names = [PREFIX + name for name in ("me", "sw")]
    try:
        for line in (
            *(f"netns add {name}" for name in names),
            f"-n {names[0]} link add eth0 type veth peer name eth0 netns {names[1]}",
            *(f"-n {name} link set eth0 up" for name in names),
        ):
            subprocess.run(["ip", *line.split()], check=True)
        inside = ["ip", "netns", "exec"]
        command = [*inside, names[0], sys.executable, "-m", "tests.test_trunk"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as listening:
            assert listening.stdout is not None
            assert listening.stdout.readline() == "ready\n"
            subprocess.run([*inside, names[1], sys.executable, "-m", "tests.test_trunk", "shout"], check=True)
            told: list[Any] = json.loads(listening.stdout.readline())
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)
    assert told == [[10, "0806", True], [0, "0806", True], [0, "0806", True]]


def shout() -> None:
    """Send one frame of VLAN 10, one with a priority alone, one without a tag."""
    import socket

    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("eth0", 0))
        for vlan in (10, 0, None):
            raw.send(who_has("10.80.1.20", "10.80.1.1", vlan))


class Kept:
    def __init__(self) -> None:
        self.records: list[Record] = []

    async def put(self, records: Any) -> None:
        self.records += records


async def test_what_is_heard_from_another_vlan_is_not_put_on_our_network() -> None:
    ours = Standing("eth0", 2, "02:00:00:00:80:01", "10.80.0.5", "10.80.0.0/24", (), True, False).as_vantage(
        "me"
    )
    kept, found = Kept(), list[str]()
    records = Records(kept, "s")
    listening = Listening(records, "s", {"eth0": (ours,)}, frozenset(), lambda _, ip, mac: found.append(ip))
    for asker, vlan in (("10.80.0.20", 0), ("10.80.0.21", 10), ("10.80.1.22", 10)):
        listening.hear(HeardFrame("eth0", datetime.now(UTC), who_has(asker, "10.80.0.1"), False, vlan))
    await records.flush()
    seen = [one for one in kept.records if isinstance(one, Observation)]
    assert found == ["10.80.0.20"]  # nobody on another VLAN is asked: we do not reach them
    assert [(one.address, one.network) for one in seen] == [
        ("10.80.0.20", "10.80.0.0/24"),
        ("10.80.1.22", ""),
    ]
    assert "vlan 10" in seen[1].transcript
    assert "vlan" not in seen[0].transcript


class Message(dict[str, Any]):
    """As pyroute2 gives what the kernel says."""

    get_attr = dict.get


def test_a_vlan_that_has_an_interface_of_its_own_is_known() -> None:
    def vlan(number: int, on: int) -> Message:
        data = Message(IFLA_INFO_KIND="vlan", IFLA_INFO_DATA=Message(IFLA_VLAN_ID=number))
        return Message(IFLA_LINK=on, IFLA_LINKINFO=data)

    other = Message(IFLA_LINK=2, IFLA_LINKINFO=Message(IFLA_INFO_KIND="macvlan", IFLA_INFO_DATA=Message()))
    links = [
        Message(index=2, IFLA_IFNAME="eth0"),
        Message(vlan(10, 2), index=5, IFLA_IFNAME="eth0.10"),
        Message(vlan(20, 2), index=6, IFLA_IFNAME="wards"),
        Message(other, index=7, IFLA_IFNAME="eth0.30"),
    ]
    assert vlans_of(links) == {("eth0", 10), ("eth0", 20)}


if __name__ == "__main__":
    if sys.argv[1:] == ["shout"]:
        shout()
    else:
        asyncio.run(hear())
