# SPDX-License-Identifier: Apache-2.0
"""Whole surveys among real hosts that misbehave: namespaces on one bridge, counted by an own capture.

The part that scans runs inside a namespace: `python -m tests.test_survey NAME`, and prints JSON.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from agent.ground import Ground
from agent.listening import MOST_OF_ONE, Listening
from agent.packet_worker import HeardFrame
from agent.plan import tcp_ports
from agent.records import Record, Records
from agent.scan_end import how_it_ended
from agent.scope import write_scope
from agent.settings import Blackout, PaceSection, ScopeSection, Settings
from agent.sightings import MOST_PER_MAC, Sightings
from agent.survey import Survey
from agent.vantage import Standing
from deploy.bench.capture import Left, most_in_a_second, what_left
from deploy.dry_run import dry_run
from probes.facts import FactKind, Observation, Outcome, Scan, Sent, Upload, fact

PREFIX = f"dsv{os.getpid()}"
PUMP_MAC = "b0:4c:05:00:00:28"  # a maker of pumps and dialysis machines
ME = "02:00:00:00:78:fa"
HOSTS = {  # name → addresses, MAC
    "me": (("10.78.0.250",), ME),
    "plain": (("10.78.0.10",), "02:00:00:00:78:0a"),
    "twin": (("10.78.0.20", "10.78.0.21", "10.78.0.22"), "02:00:00:00:78:14"),
    "pump": (("10.78.0.40",), PUMP_MAC),
    "proxy": (("10.78.0.60",), "02:00:00:00:78:3c"),
}
FAST = PaceSection(broadcasts=1000, connection_gap=0.0)


@dataclass
class Kept:
    """A spool in memory."""

    records: list[Record] = field(default_factory=list)

    async def put(self, records: Sequence[Record]) -> None:
        self.records += records


class Full(Exception):
    """The disk is full."""


class FullSpool:
    """A spool on a full disk."""

    async def put(self, records: Sequence[Record]) -> None:
        raise Full


# ---- run inside the namespace


async def scan(
    *networks: str, privileged: bool = True, pace: PaceSection = FAST, **section: Any
) -> tuple[Scan, list[Record]]:
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle")
    scope = write_scope(ScopeSection(**section), networks, (), yes_large=False)
    kept = Kept()
    return await Survey(settings, scope, kept, privileged=privileged).run(), kept.records


def told(done: tuple[Scan, list[Record]]) -> dict[str, Any]:
    ended, records = done
    seen = [r for r in records if isinstance(r, Observation)]
    sent = [r for r in records if isinstance(r, Sent)]
    return {
        "state": ended.state,
        "note": ended.note,
        "asked": sorted({r.address for r in seen if r.probe == "ports"}),
        "held": sorted({(r.address, r.reason.split(":")[0]) for r in seen if r.outcome == "held_back"}),
        "packets": sum(r.packets for r in sent),
        "connections": dict(Counter(r.address for r in sent if r.action == "tcp connect")),
        "forwarding": {r.address: r.outcome for r in seen if r.probe == "forward_test"},
    }


async def nested_networks() -> Any:
    return told(await scan("10.78.0.8/29", "10.78.0.8/30"))


async def no_way() -> Any:
    return told(await scan("10.78.0.0/23"))


async def dark() -> Any:
    window = Blackout(start="00:00", end="00:00")
    return told(await scan("10.78.0.8/29", blackout=(window,)))


async def twins() -> Any:
    return told(await scan("10.78.0.16/28"))


async def proxied() -> Any:
    return told(await scan("10.78.0.60/32", "10.78.0.128/26"))


async def gate_of_all() -> Any:
    return told(await scan("10.78.50.0/26"))


async def knocking() -> Any:
    return told(
        await scan("10.78.0.0/24", "10.78.0.0/23", privileged=False, pace=PaceSection(connection_gap=0.0))
    )


async def little_budget() -> Any:
    tight = PaceSection(broadcasts=1000, connection_gap=0.0, packets_per_host_and_scan=7)
    return told(await scan("10.78.0.10/32", pace=tight))


async def death() -> Any:
    kept = Kept()
    scope = write_scope(ScopeSection(), ["10.78.0.8/29"], (), yes_large=False)
    survey = Survey(Settings(pace=FAST, listen_seconds=0.1, profile="gentle"), scope, kept)

    def kill(progress: Any) -> None:
        if progress.stage == "ask" and survey._worker is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(survey._worker.pid, signal.SIGKILL)

    survey.tell = kill
    return told((await survey.run(), kept.records))


# ---- the hall


def build() -> Iterator[tuple[str, str]]:
    """Give (namespace, batch for ip) in order."""
    yield "switch", "link add br0 type bridge\nlink set br0 up\n"
    for name, (addresses, mac) in HOSTS.items():
        yield (
            "switch",
            (
                f"link add {name} type veth peer name eth0 address {mac} netns {PREFIX}{name}\n"
                f"link set {name} master br0\nlink set {name} up\n"
            ),
        )
        lines = "".join(f"addr add {address}/24 dev eth0\n" for address in addresses)
        yield name, f"link set lo up\n{lines}link set eth0 up\n"
    yield "me", "route add 10.78.50.0/24 via 10.78.0.60\n"
    yield "proxy", "route add local 10.78.50.0/24 dev lo\nroute add 10.78.0.128/26 dev lo\n"


@pytest.fixture(scope="module")
def hall() -> Iterator[None]:
    """Hosts on a bridge in namespaces of our own."""
    made = [PREFIX + name for name in ("switch", *HOSTS)]
    try:
        for name in made:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(
                ["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"],
                check=True,
            )
        for name, batch in build():
            subprocess.run(["ip", "-n", PREFIX + name, "-batch", "-"], input=batch.encode(), check=True)
        for setting in ("net.ipv4.conf.eth0.proxy_arp=1", "net.ipv4.ip_forward=1"):
            subprocess.run(["ip", "netns", "exec", f"{PREFIX}proxy", "sysctl", "-qw", setting], check=True)
        yield
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def inside(what: str, *, user: int = 0) -> dict[str, Any]:
    """Run the coroutine function `what` of this file in the namespace `me`."""
    become = ["setpriv", f"--reuid={user}", "--clear-groups"] if user else []
    command = [*become, sys.executable, "-m", "tests.test_survey", what]
    done = subprocess.run(
        ["ip", "netns", "exec", f"{PREFIX}me", *command], check=True, stdout=subprocess.PIPE
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@contextlib.contextmanager
def capture(file: Path) -> Iterator[None]:
    """Record what the switch gets from `me`."""
    command = [
        "ip",
        "netns",
        "exec",
        f"{PREFIX}switch",
        "tcpdump",
        "-i",
        "me",
        "-Q",
        "in",
        "-U",
        "-w",
        str(file),
    ]
    with subprocess.Popen([*command, "-Z", "root", "--immediate-mode"], stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        while b"listening on" not in tcpdump.stderr.readline():
            assert tcpdump.poll() is None
        try:
            yield
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.communicate()


def left(file: Path) -> Left:
    return what_left(file, ME, {})


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tcpdump")),
    reason="needs root, ip (iproute2) and tcpdump",
)
@pytest.mark.usefixtures("hall")
class TestAmongHosts:
    def test_networks_inside_one_another_do_not_end_the_scan(self) -> None:
        seen = inside("nested_networks")
        assert (seen["state"], seen["note"]) == ("complete", "")
        assert seen["asked"] == ["10.78.0.10"]

    def test_a_part_that_we_cannot_reach_is_told_and_the_rest_is_done(self) -> None:
        seen = inside("no_way")
        assert seen["state"] == "failed"
        assert "unreachable" in seen["note"]
        assert "10.78.0.10" in seen["asked"]

    def test_in_a_blackout_nothing_leaves_and_the_scan_is_not_called_complete(self, tmp_path: Path) -> None:
        with capture(tmp_path / "seen.pcap"):
            seen = inside("dark")
        assert seen["state"] == "stopped"
        assert "blackout" in seen["note"]
        assert seen["packets"] == 0
        assert not left(tmp_path / "seen.pcap").packets

    def test_three_addresses_of_one_device_get_the_pace_of_one(self, tmp_path: Path) -> None:
        with capture(tmp_path / "seen.pcap"):
            seen = inside("twins")
        stamps = left(tmp_path / "seen.pcap").stamps
        together = [at for address in HOSTS["twin"][0] for at in stamps[address]]
        assert seen["asked"] == sorted(HOSTS["twin"][0][:3])
        assert most_in_a_second(together) <= 10

    def test_a_box_that_answers_arp_for_a_whole_range_is_not_many_devices(self) -> None:
        seen = inside("proxied")
        assert not any(ip_address(a) in ip_network("10.78.0.128/26") for a in seen["asked"])
        assert len([1 for _, reason in seen["held"] if reason == "proxy_arp"]) > MOST_PER_MAC

    def test_a_box_that_answers_every_echo_behind_it_is_not_many_devices(self) -> None:
        seen = inside("gate_of_all")
        assert seen["asked"] == []
        assert len([1 for _, reason in seen["held"] if reason == "answers_for_all"]) == 62

    def test_without_privileges_hosts_are_found_and_nobody_is_harmed(self, tmp_path: Path) -> None:
        subprocess.run(
            ["ip", "-n", f"{PREFIX}me", "neigh", "replace", "10.78.0.40", "lladdr", PUMP_MAC, "dev", "eth0"],
            check=True,
        )
        with capture(tmp_path / "seen.pcap"):
            seen = inside("knocking", user=65534)
        saw = left(tmp_path / "seen.pcap")
        assert {"10.78.0.10", *HOSTS["twin"][0]} <= set(seen["asked"])
        assert "10.78.0.255" not in seen["asked"]  # our own refusal to broadcast is no host
        assert "10.78.0.40" not in seen["connections"]  # known to be fragile: not even a knock
        there = {address for addresses, _ in HOSTS.values() for address in addresses}
        broadcast = [at for target, stamps in saw.stamps.items() if target not in there for at in stamps]
        assert most_in_a_second(broadcast) <= PaceSection().broadcasts

    def test_a_forwarding_test_that_was_not_sent_is_no_silence(self) -> None:
        seen = inside("little_budget")
        assert Outcome.SILENT not in seen["forwarding"].values()

    def test_the_death_of_the_worker_is_told(self) -> None:
        seen = inside("death")
        assert seen["state"] == "failed"
        assert "packet worker" in seen["note"]
        assert seen["asked"] == ["10.78.0.10"]


# ---- without a network


def ground(*networks: str, address: str = "10.78.0.250") -> Ground:
    scope = write_scope(ScopeSection(), networks or ["10.78.0.0/23"], (), yes_large=False)
    ours = Standing("eth0", 2, ME, address, "10.78.0.0/24", ("10.78.0.1",), True, False)
    ways = tuple((network, 0) for network in scope.networks)
    return Ground((ours,), (ours.as_vantage("me"),), ways, scope)


def test_a_link_that_is_down_and_an_address_that_is_gone_are_lost_ground() -> None:
    there = ground()
    (ours,) = there.standings
    assert there.lost([ours]) == ""
    assert "eth0 10.78.0.250" in there.lost([replace(ours, is_up=False)])
    assert "eth0 10.78.0.250" in there.lost([replace(ours, address="10.78.0.251")])
    assert there.lost([ours, replace(ours, interface="eth1", is_up=False)]) == ""


def test_a_fragile_device_stays_fragile_whoever_else_claims_its_address() -> None:
    seen = Sightings(ground())
    assert seen.add("10.78.0.40", PUMP_MAC)
    assert not seen.add("10.78.0.40", "00:50:56:00:00:01")
    assert seen.is_fragile("10.78.0.40")
    assert seen.add("10.78.0.41", "00:50:56:00:00:01")
    assert seen.add("10.78.0.41", PUMP_MAC)  # and becomes fragile when its own card is seen later
    assert seen.is_fragile("10.78.0.41")


@pytest.mark.parametrize("address", ["10.78.0.250", "10.78.0.255", "10.78.0.0", "10.79.0.1", "fe80::1"])
def test_nobody_is_seen_where_nobody_can_be(address: str) -> None:
    seen = Sightings(ground())
    assert not seen.add(address, "02:00:00:00:00:01")
    assert not seen.devices()


def test_the_gateway_is_asked_also_when_it_answers_for_everybody() -> None:
    seen = Sightings(ground())
    for last in range(1, 60):
        seen.add(f"10.78.0.{last}", "02:00:00:00:00:01")
    assert seen.devices() == (("10.78.0.1",),)
    assert len(seen.ghosts()) == 58


def test_sixty_thousand_addresses_are_sorted_at_once() -> None:
    seen = Sightings(ground("10.78.0.0/16"))
    for number in range(60_000):
        seen.macs[f"10.78.{number // 250}.{number % 250 + 1}"] = "02:00:00:00:00:01"
    assert len(seen.ghosts()) == 59_999  # pairwise comparison would take minutes


def test_a_full_network_behind_a_router_is_believed_when_only_most_answer() -> None:
    seen = Sightings(ground("10.78.1.0/26"))
    asked = [f"10.78.1.{last}" for last in range(1, 63)]
    for address in asked[:-2]:
        seen.add(address)
    seen.doubt_crowds(asked)
    assert len(seen.devices()) == 60
    seen.add(asked[-1])
    seen.add(asked[-2])
    seen.doubt_crowds(asked)
    assert not seen.devices()


def test_a_tunnel_has_no_link_and_no_neighbours() -> None:
    there = ground()
    tunnel = replace(there, standings=(replace(there.standings[0], mac=""),))
    assert not tunnel.place("10.78.0.9").on_link
    assert tunnel.interfaces == ()


def test_a_device_that_talks_without_end_fills_no_memory() -> None:
    records = Records(Kept(), "scan")
    there = ground()
    listening = Listening(records, "scan", there.by_interface(), there.own_macs, lambda *_: None)
    for number in range(MOST_OF_ONE + 100):
        sender = bytes((10, 78, number >> 8 & 1, number & 255))
        frame = (
            b"\xff" * 6 + b"\x02\0\0\0\0\x09" + b"\x08\x06\0\1\x08\0\6\4\0\1"
            + b"\x02\0\0\0\0\x09" + sender + bytes(6) + bytes((10, 78, 1, number & 255 or 1))
        )  # fmt: skip
        listening.hear(HeardFrame("eth0", datetime.now(UTC), frame, False))
    heard = len(records._waiting)
    assert 0 < heard <= MOST_OF_ONE
    assert heard + listening.left_out >= 500


def test_what_was_not_done_is_in_the_note() -> None:
    unsent = Counter({"eth0: Network is unreachable": 254})
    assert how_it_ended("", Counter(), blackout=False, unread=0) == ("complete", "")
    assert how_it_ended("", Counter(), blackout=True, unread=0)[0] == "stopped"
    state, note = how_it_ended("", unsent, blackout=True, unread=7)
    assert state == "failed"
    assert "254" in note
    assert "blackout" in note
    assert "7" in note
    assert how_it_ended("", Counter(), blackout=False, unread=7)[0] == "complete"
    state, note = how_it_ended("", Counter(), blackout=False, unread=0, unnamed=300)
    assert (state, "300" in note) == ("stopped", True)


async def test_nothing_more_is_sent_when_nothing_can_be_written_down() -> None:
    scope = write_scope(ScopeSection(), ["127.0.0.0/26"], (), yes_large=False)
    survey = Survey(Settings(pace=FAST), scope, FullSpool(), privileged=False)
    with pytest.raises(Full):
        await asyncio.wait_for(survey.run(), 120)
    put = sum(len(host.asked) for host in survey.sides[0].hosts.values())
    assert put < len(tcp_ports("standard")) * len(survey.sides[0].hosts) / 2


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(globals()[sys.argv[1]]())))


def test_a_dry_run_made_while_nothing_may_be_sent_says_what_the_scan_will_send() -> None:
    noon = datetime(2026, 4, 1, 12, tzinfo=UTC)
    mac, address = "00:11:32:00:00:09", "10.78.0.9"  # a file server's maker
    last = Upload(
        observations=(
            Observation(
                scan="s", vantage="v", at=noon, address=address, mac=mac, probe="ssh", port=22, transport="tcp",
                outcome=Outcome.ANSWERED, facts=(fact(FactKind.SSH_BANNER, "SSH-2.0-OpenSSH_9.2p1"),),
            ),
        ),
        sent=(
            Sent(scan="s", vantage="v", at=noon, address=address, mac=mac, action="arp request", packets=1),
            Sent(
                scan="s", vantage="v", at=noon, address=address, mac=mac, action="tcp connect", port=22,
                transport="tcp", packets=7, connections=1, probe="ssh",
            ),
        ),
    )  # fmt: skip
    here = ground("10.78.0.9/32")
    always = (Blackout(start="00:00", end="00:00"),)
    light, dark = (
        dry_run(Settings(), replace(here.scope, blackouts=windows), here, last).forecast
        for windows in ((), always)
    )
    assert light
    assert light == dark
    assert light.transports["tcp"] > 0
