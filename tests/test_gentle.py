# SPDX-License-Identifier: Apache-2.0
"""Hosts that fall silent or slow, stop switch and restart, among real hosts in namespaces, seen by an own capture.

The part that scans runs inside a namespace: `python -m tests.test_gentle NAME ARGUMENT…`, and prints JSON.
"""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent import finding
from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.ground import survey_ground
from agent.keys import Identity, find_key
from agent.logbook import Logbook
from agent.pace import KERNEL_KEPT
from agent.records import Spool
from agent.rounds import Rounds
from agent.scope import Scope, write_scope
from agent.settings import Collector, Host, PaceSection, ScheduleSection, ScopeSection, Settings
from agent.stop_switch import Stop, StopSwitch
from agent.survey import Survey
from agent.time_left import Progress
from agent.uplink import Uplink
from agent.vantage import vantages
from deploy.bench.capture import Left, frames, most_in_a_second, what_left
from deploy.dry_run import dry_run
from probes.facts import Observation, Scan, Sent

PREFIX = f"dgt{os.getpid()}"
ME = "02:00:00:00:79:fa"
HOSTS = {f"h{n}": f"10.79.0.{n}" for n in (10, 11, 12, 13, 14)}
CALM = PaceSection(broadcasts=1000, packets_per_segment=1000, connection_gap=1.0)
SLICE = 60  # addresses
KILLED = 60  # packets; a scan that is killed again and again
TIGHT = 40  # packets; less than the standard questions take
GAP = 0.05  # seconds between two connections to a host, in the test of the profiles
PROFILES = {"gentle": HOSTS["h10"], "standard": HOSTS["h11"], "deep": HOSTS["h12"]}


def ip(where: str, *words: str) -> None:
    subprocess.run(["ip", "netns", "exec", PREFIX + where, *words], check=True)


# ---- run inside the namespace


async def scan(state: str, *networks: str, hurt: str = "") -> None:
    """Scan; `hurt` is a command of the switch, carried out when every host has had two questions."""
    finding.SLICE = SLICE
    pace = CALM if hurt else msgspec.structs.replace(CALM, connection_gap=0.0)
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle")
    scope = write_scope(ScopeSection(), networks, (), yes_large=False)
    with Logbook(state) as logbook:
        survey = Survey(settings, scope, logbook, notebook=logbook)

        def tell(progress: Progress) -> None:
            asked = [len(host.asked) for side in survey.sides for host in side.hosts.values()]
            if hurt and progress.stage == "ask" and asked and min(asked) >= 2 and not survey_hurt:
                survey_hurt.append(time.time())
                for command in hurt.split(";"):
                    subprocess.run([*SWITCH, *command.split()], check=True)

        survey_hurt: list[float] = []
        survey.tell = tell
        ended = await survey.run()
        upload, _ = await logbook.pending(10_000)
    print(json.dumps(told(ended, upload.observations, upload.sent) | {"hurt": survey_hurt}))


def profile_of(name: str) -> tuple[Settings, Scope]:
    """One host for each profile; it bears questions because the site says so."""
    address = HOSTS[{"gentle": "h10", "standard": "h11", "deep": "h12"}[name]]
    host = Host(address=address, allow=("fragile",), reason="test")
    section = ScopeSection(networks=(f"{address}/32",), host=(host,))
    settings = Settings(scope=section, pace=PaceSection(connection_gap=GAP), listen_seconds=0.1, profile=name)  # type: ignore[arg-type]
    return settings, write_scope(section, (), (), yes_large=False)


async def profile(state: str, name: str, hurt: str) -> None:
    """Scan one host with a profile; then say what a further scan would send."""
    del hurt
    settings, scope = profile_of(name)
    with Logbook(state) as book:
        ended = await Survey(settings, scope, book).run()
        last = await book.last_scan()
    assert last
    ground = await survey_ground(scope, await vantages(), "me")
    plan = await asyncio.to_thread(dry_run, settings, scope, ground, last)
    assert plan.forecast
    print(json.dumps({"state": ended.state, "forecast": plan.forecast.transports, "note": ended.note}))


async def agent(state: str, network: str, hurt: str) -> None:
    """The long-running agent without its command: scans every hour; its collector is away."""
    del hurt
    clock, folder = SystemClock(), Path(state)
    scope = write_scope(ScopeSection(), [network], (), yes_large=False)
    collector = Collector(url="http://127.0.0.1:9")
    async with CollectorClient(collector, clock) as client:
        with Logbook(folder / "book") as book:
            uplink = Uplink(book, Identity("agent1", find_key(folder)), client, clock)

            async def scan(spool: Spool) -> Scan:
                return await Survey(Settings(listen_seconds=0.1), scope, spool, clock, notebook=book).run()

            hourly = ScheduleSection(every_hours=1.0)
            rounds = Rounds(hourly, (), "agent1", folder, book, uplink, scan, lambda *_: None, clock)
            await rounds.run()


async def tight(state: str, hurt: str) -> None:
    """Scan one host that would be asked more than its budget allows, while nobody's neighbour table stays."""
    settings, scope = profile_of("standard")
    pace = PaceSection(connection_gap=GAP, packets_per_host_and_scan=TIGHT)
    forgetting = await asyncio.create_subprocess_shell(f"while sleep 0.1; do {hurt}; done")
    with Logbook(state) as book:
        ended = await Survey(msgspec.structs.replace(settings, pace=pace), scope, book).run()
        await SystemClock().sleep(6)  # the kernel's questions come up to five seconds after the last use
        forgetting.terminate()
        upload, _ = await book.pending(10_000)
    held = sum(one.reason.startswith("budget") for one in upload.observations)
    print(json.dumps({"state": ended.state, "held": held}))


async def killable(state: str, hurt: str) -> None:
    """Scan one host to its end, or until it is killed; the next one goes on."""
    del hurt
    settings, scope = profile_of("standard")
    pace = PaceSection(connection_gap=0.0, packets_per_host_and_scan=KILLED)
    settings = msgspec.structs.replace(settings, pace=pace, listen_seconds=0.0)
    with Logbook(state) as book:
        ended = await Survey(settings, scope, book, notebook=book).run()
    print(json.dumps({"id": ended.id, "state": ended.state, "note": ended.note}))


async def surprises(state: str, network: str, hurt: str) -> None:
    """Scan a network of hosts that behave badly; then say what a further scan would send."""
    settings = Settings(pace=PaceSection(connection_gap=GAP), listen_seconds=0.1)
    section = ScopeSection(host=(Host(address=HOSTS["h10"], allow=("fragile",), reason="test"),))
    scope = write_scope(section, (network,), (), yes_large=False)
    with Logbook(state) as book:
        ended = await Survey(settings, scope, book).run()
        last = await book.last_scan()
        upload, _ = await book.pending(10_000)
    assert last
    ground = await survey_ground(scope, await vantages(), "me")
    plan = await asyncio.to_thread(dry_run, settings, scope, ground, last)
    assert plan.forecast
    macs = {(o.address, o.mac) for o in upload.observations if o.mac}
    del hurt
    forecast = {"transports": plan.forecast.transports, "addresses": plan.forecast.addresses}
    print(
        json.dumps(
            told(ended, upload.observations, upload.sent) | {"forecast": forecast, "macs": sorted(macs)}
        )
    )


SWITCH = ["ip", "netns", "exec", os.environ.get("DAICHO_TEST_SWITCH", "")]


def told(ended: Scan, seen: tuple[Observation, ...], sent: tuple[Sent, ...]) -> dict[str, Any]:
    return {
        "id": ended.id,
        "state": ended.state,
        "note": ended.note,
        "finished": [ended.finished, ended.planned],
        "held": {
            o.address: o.reason.split(":")[0] for o in seen if o.outcome == "held_back" and o.probe == "plan"
        },
        "checks": sum(line.probe == "watch" for line in sent),
    }


# ---- the hall


def _build() -> None:
    for name in ("switch", "me", *HOSTS):
        subprocess.run(["ip", "netns", "add", PREFIX + name], check=True)
        ip(name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    batch = "link add br0 type bridge\nlink set br0 up\n"
    cards = [("me", "10.79.0.250", ME)]
    cards += [(name, address, f"02:00:00:00:79:{name[1:]}") for name, address in HOSTS.items()]
    for name, _, mac in cards:
        batch += (
            f"link add {name}0 type veth peer name eth0 address {mac} netns {PREFIX}{name}\n"
            f"link set {name}0 master br0\nlink set {name}0 up\n"
        )
    subprocess.run(["ip", "-n", f"{PREFIX}switch", "-batch", "-"], input=batch.encode(), check=True)
    for name, address, _ in cards:
        up = f"link set lo up\naddr add {address}/16 dev eth0\nlink set eth0 up\n"
        subprocess.run(["ip", "-n", PREFIX + name, "-batch", "-"], input=up.encode(), check=True)


@pytest.fixture(scope="module")
def hall() -> Iterator[None]:
    """Five hosts on our link, a /16, that refuse every connection."""
    try:
        _build()
        yield
    finally:
        for name in ("switch", "me", *HOSTS):
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)


@pytest.fixture
def seen(hall: None, tmp_path: Path) -> Iterator[Path]:
    """A capture of what the switch gets from us on the first link."""
    del hall
    file = tmp_path / "seen.pcap"
    dump = ["tcpdump", "-i", "me0", "-Q", "in", "-U", "-w", str(file), "-Z", "root", "--immediate-mode"]
    netns = ["ip", "netns", "exec", f"{PREFIX}switch"]
    with subprocess.Popen([*netns, *dump], stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        while b"listening on" not in tcpdump.stderr.readline():
            assert tcpdump.poll() is None
        yield file
        tcpdump.kill()
        tcpdump.communicate()


@contextlib.contextmanager
def plugged_again() -> Iterator[None]:
    """Put every cable back in."""
    try:
        yield
    finally:
        for name in HOSTS:
            ip("switch", "ip", "link", "set", f"{name}0", "up")


def begin(what: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start the coroutine function `what` of this file in the namespace `me`."""
    return subprocess.Popen(
        ["ip", "netns", "exec", f"{PREFIX}me", sys.executable, "-m", "tests.test_gentle", what, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"DAICHO_TEST_SWITCH": f"{PREFIX}switch"},
    )


def inside(what: str, *arguments: str) -> dict[str, Any]:
    with begin(what, *arguments) as process:
        assert process.stdout is not None
        said: dict[str, Any] = json.loads(process.stdout.read())
    return said


def left(file: Path) -> Left:
    time.sleep(0.1)  # what the kernel still holds for tcpdump
    return what_left(file, ME, {})


pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(
        os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tcpdump")),
        reason="needs root, ip (iproute2) and tcpdump",
    ),
]


def test_three_hosts_that_vanish_stop_their_segment(seen: Path, tmp_path: Path) -> None:
    pull = "; ".join(f"ip link set {name}0 down" for name in ("h10", "h11", "h12"))
    with plugged_again():
        told = inside("scan", str(tmp_path / "book"), "10.79.0.8/29", pull)
    after = {
        address: sum(at > told["hurt"][0] + 0.05 for at in left(seen).stamps[address])
        for address in HOSTS.values()
    }
    assert told["state"] == "failed"
    assert all(address in told["note"] for address in ("10.79.0.10", "10.79.0.11", "10.79.0.12"))
    assert {told["held"][HOSTS[name]] for name in ("h10", "h11", "h12")} <= {
        "stopped_answering",
        "segment_stopped",
    }
    assert told["held"][HOSTS["h13"]] == told["held"][HOSTS["h14"]] == "segment_stopped"
    # two questions, one check, and what the kernel does by itself to find a neighbour that is gone
    assert max(after[HOSTS[name]] for name in ("h10", "h11", "h12")) <= 8


def headway(book: Path) -> dict[str, Any]:
    """What a scan in another process has noted of its way."""
    if not book.exists():
        return {}
    with (
        contextlib.closing(sqlite3.connect(f"file:{book}?mode=ro", uri=True)) as file,
        contextlib.suppress(sqlite3.OperationalError),  # it is being made
    ):
        row = file.execute("SELECT body FROM kept WHERE name = 'headway'").fetchone()
        return dict(json.loads(row[0])) if row else {}
    return {}


def test_a_killed_scan_goes_on_where_it_was_and_nobody_gets_more_for_it(seen: Path, tmp_path: Path) -> None:
    book, network = tmp_path / "book", "10.79.0.0/25"
    with begin("scan", str(book), network, "") as process:
        while not headway(book).get("swept"):
            time.sleep(0.02)
        process.kill()
        process.communicate()
    noted, killed = headway(book), time.time()
    told = inside("scan", str(book), network, "")
    stamps = left(seen).stamps
    swept = [f"10.79.0.{last}" for last in range(1, SLICE) if f"10.79.0.{last}" not in HOSTS.values()]
    assert noted["swept"] == {"eth0": SLICE}
    assert (told["id"], told["state"]) == (noted["scan"]["id"], "complete")
    assert told["finished"][0] == told["finished"][1]
    assert all(stamps[address] and max(stamps[address]) < killed for address in swept)  # not a second time
    assert max(stamps["10.79.0.100"]) > killed  # and the rest was asked
    assert all(0 < len(stamps[address]) <= CALM.packets_per_host_and_scan for address in HOSTS.values())
    assert headway(book) == {}


def test_the_stop_switch_acts_within_a_second_and_over_a_restart(seen: Path, tmp_path: Path) -> None:
    switch = StopSwitch(tmp_path)
    with begin("agent", str(tmp_path), "10.79.0.0/24", "") as process:
        while not left(seen).ports & {(HOSTS["h14"], "tcp", port) for port in (443, 445, 80)}:
            time.sleep(0.05)
        pulled = time.time()
        switch.turn_on(Stop("the nurse in charge", datetime.now(UTC), "monitor alarm"))
        time.sleep(1.5)
        process.kill()
        process.communicate()
    last = [max(stamps) for stamps in left(seen).stamps.values()]
    assert max(last) > pulled - 1.0  # it was in the middle of its work
    assert max(last) <= pulled + 1.0
    assert headway(tmp_path / "book")["swept"] == {"eth0": 253}
    before = left(seen).packets.total()
    with begin("agent", str(tmp_path), "10.79.0.0/24", "") as process:
        time.sleep(2.5)
        process.kill()
        process.communicate()
    assert left(seen).packets.total() == before


@pytest.mark.usefixtures("servers")
def test_kills_at_any_moment_give_no_host_more_than_its_budget(seen: Path, tmp_path: Path) -> None:
    address, book, ids = PROFILES["standard"], str(tmp_path / "book"), set[str]()
    for life in range(11):  # the last one is let live, if none came to the end of its budget before
        before = what_left(seen, ME, {}).packets[address]
        with begin("killable", book, "") as process:
            while process.poll() is None and (
                life == 10 or what_left(seen, ME, {}).packets[address] < before + 7
            ):
                time.sleep(0.01)
            process.kill()
            said, _ = process.communicate()
        if said:
            break
        ids.add(headway(Path(book))["scan"]["id"])
    ended = json.loads(said)
    assert ids == {ended["id"]}
    assert ended["state"] == "complete" or "their budget counts as spent" in ended["note"]
    stamps = left(seen).stamps[address]
    assert 7 < len(stamps) <= KILLED
    assert most_in_a_second(stamps) <= 10


def our_card_is_up() -> bool:
    """Whether the kernel uses it again; it takes up to a second."""
    command = ["ip", "-n", f"{PREFIX}me", "-br", "link", "show", "eth0"]
    return " UP " in subprocess.run(command, check=True, capture_output=True, text=True).stdout


LOST = {  # how our ground is lost → commands, and those that give it back
    "another address": (
        "addr add 10.79.0.251/32 dev eth0; {me} addr del 10.79.0.250/16 dev eth0; {me} addr add 10.79.0.251/16 dev eth0",
        "addr del 10.79.0.251/16 dev eth0; {me} addr add 10.79.0.250/16 dev eth0; {me} addr del 10.79.0.251/32 dev eth0",
    ),
    "our card down": ("link set eth0 down", "link set eth0 up"),
    "cable out": ("-n {switch} link set me0 down", "-n {switch} link set me0 up"),
}


@pytest.mark.parametrize("how", LOST)
def test_a_scan_whose_ground_is_lost_ends_and_what_is_silent_then_is_not_theirs(
    hall: None, tmp_path: Path, how: str
) -> None:
    del hall
    ours = f"ip netns exec {PREFIX}me ip"
    take, give = (f"{ours} {c}".format(me=ours, switch=PREFIX + "switch") for c in LOST[how])
    book = str(tmp_path / "book")
    try:
        told = inside("scan", book, "10.79.0.8/29", take)
        assert told["state"] == "failed"
        assert "eth0 10.79.0.250" in told["note"]
        assert not {"stopped_answering", "segment_stopped"} & set(told["held"].values())
        assert headway(tmp_path / "book")["swept"]  # the next start goes on
        if how == "another address":
            again = inside("scan", book, "10.79.0.8/29", "")
            assert (again["id"], again["state"]) == (told["id"], "complete")
    finally:
        for command in give.split(";"):
            subprocess.run(command.split(), check=True)
        while not our_card_is_up():
            time.sleep(0.05)
    if how != "another address":
        again = inside("scan", book, "10.79.0.8/29", "")
        assert (again["id"], again["state"]) == (told["id"], "complete")
    assert set(again["held"].values()) <= {"unclassified"}


TARPIT = """
import socket, sys, time
from agent.plan import tcp_ports
servers = [socket.create_server(("", port)) for port in tcp_ports("standard")]
print("ready", flush=True)
time.sleep(1000)
"""
FRAGILE = "00:09:fb:00:79:0d"  # a maker of bedside monitors


def test_an_address_that_two_machines_have_is_told_with_both_and_gets_the_pace_of_one(
    seen: Path, tmp_path: Path
) -> None:
    ip("h14", "ip", "addr", "add", f"{HOSTS['h13']}/32", "dev", "eth0")
    try:
        told = inside("surprises", str(tmp_path / "book"), "10.79.0.8/29", "")
    finally:
        ip("h14", "ip", "addr", "del", f"{HOSTS['h13']}/32", "dev", "eth0")
    assert told["state"] == "complete"
    assert {mac for address, mac in told["macs"] if address == HOSTS["h13"]} == {
        "02:00:00:00:79:13",
        "02:00:00:00:79:14",
    }
    there = left(seen)
    both = [at for name in ("h13", "h14") for at in there.stamps[HOSTS[name]]]
    assert there.most_per_second(HOSTS["h13"]) <= 10
    assert len(both) <= 240


@pytest.mark.usefixtures("servers")
def test_the_dry_run_is_the_real_run_where_hosts_behave_badly(seen: Path, tmp_path: Path) -> None:
    """Servers, a fragile card, a tarpit on every port."""
    ip("h13", "ip", "link", "set", "eth0", "address", FRAGILE)
    command = ["ip", "netns", "exec", f"{PREFIX}h14", sys.executable, "-c", TARPIT]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent) as tarpit:
            assert tarpit.stdout is not None
            try:
                tarpit.stdout.readline()
                first = inside("surprises", str(tmp_path / "one"), "10.79.0.8/29", "")
                again = time.time()
                inside("surprises", str(tmp_path / "two"), "10.79.0.8/29", "")
            finally:
                tarpit.kill()
    finally:
        ip("h13", "ip", "link", "set", "eth0", "address", "02:00:00:00:79:13")
    assert first["state"] == "complete"
    assert first["held"][HOSTS["h13"]] == "fragile"
    assert first["held"][HOSTS["h14"]] == "never_answers"
    really, kinds = left(seen), Counter[str]()
    for address in (f"10.79.0.{last}" for last in range(9, 15)):
        kinds.update(tcp_frames(seen, address, again))
        assert really.most_per_second(address) <= 10
    assert sum(at >= again for at in really.stamps[HOSTS["h13"]]) <= 2  # looked for, and nothing else
    print("forecast", first["forecast"], "captured", dict(kinds))
    for transport, packets in kinds.items():
        spread = (
            2 * len(HOSTS) if transport in ("arp", "tcp") else 1
        )  # the kernel asks and confirms as it sees fit
        assert abs(first["forecast"]["transports"][transport] - packets) <= max(spread, packets * 0.05)


SERVERS = """
import socket, threading
SAYS = {22: b"SSH-2.0-OpenSSH_9.2\\r\\n", 80: b"", 443: b""}
REPLY = b"HTTP/1.0 400 Bad Request\\r\\n\\r\\n"
def serve(conn, port):
    with conn:
        if SAYS[port]:
            conn.sendall(SAYS[port])
        elif conn.recv(4096):
            conn.sendall(REPLY)
            conn.shutdown(socket.SHUT_WR)
        while conn.recv(4096):
            pass
def listen(server, port):
    while True:
        threading.Thread(target=serve, args=(server.accept()[0], port), daemon=True).start()
for port in SAYS:
    threading.Thread(target=listen, args=(socket.create_server(("", port)), port)).start()
print("ready", flush=True)
"""


@pytest.fixture
def servers(hall: None) -> Iterator[None]:
    """Three open ports on the hosts of the three profiles."""
    del hall
    with contextlib.ExitStack() as stack:
        for name in ("h10", "h11", "h12"):
            command = ["ip", "netns", "exec", PREFIX + name, sys.executable, "-c", SERVERS]
            server = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE))
            stack.callback(server.kill)
            assert server.stdout is not None
            server.stdout.readline()
        yield


def begin_all(folder: Path, *names: str) -> "dict[str, subprocess.Popen[str]]":
    """Scan with these profiles at the same time, each its own host."""
    ip("me", "ip", "neigh", "flush", "dev", "eth0")  # as it is a night later
    return {name: begin("profile", str(folder / name), name, "") for name in names}


def ends(running: "dict[str, subprocess.Popen[str]]") -> dict[str, dict[str, Any]]:
    return {name: json.loads(process.communicate()[0]) for name, process in running.items()}


@pytest.mark.usefixtures("servers")
def test_limits_hold_and_the_dry_run_is_the_real_run_for_every_profile(seen: Path, tmp_path: Path) -> None:
    others, begun = begin_all(tmp_path, "standard", "deep"), time.time()
    first = ends(begin_all(tmp_path, "gentle"))
    again = time.time()
    second = ends(begin_all(tmp_path, "gentle"))
    done = (*first.values(), *second.values(), *ends(others).values())
    assert {one["state"] for one in done} == {"complete"}
    for name, address in PROFILES.items():
        really = tcp_frames(seen, address, again if name in first else begun)
        assert most_in_a_second(left(seen).stamps[address]) <= 10
        assert sum(really.values()) <= 120
        forecast = first.get(name, {}).get("forecast", {})
        print(name, "forecast", forecast, "captured", dict(really))
        for transport, packets in really.items() if forecast else ():
            spread = 2 if transport in ("arp", "tcp") else 1  # the kernel asks and confirms as it sees fit
            assert abs(forecast[transport] - packets) <= max(spread, packets * 0.05)


@pytest.mark.usefixtures("servers")
def test_the_budget_holds_whatever_the_kernel_sends_by_itself(seen: Path, tmp_path: Path) -> None:
    address = PROFILES["standard"]
    forget = f"ip neigh flush dev eth0; ip netns exec {PREFIX}h11 ip neigh flush dev eth0"
    ended = inside("tight", str(tmp_path / "book"), forget)
    frames_of = tcp_frames(seen, address, 0.0)
    assert (ended["state"], ended["held"] > 0) == ("complete", True)
    assert frames_of["arp"] >= 4, "the kernel asked more than once"
    assert TIGHT - KERNEL_KEPT - 5 <= sum(frames_of.values()) <= TIGHT


def tcp_frames(file: Path, address: str, since: float) -> Counter[str]:
    """Frames for this address by transport, since a moment; at most one connection stands open at any time."""
    found: Counter[str] = Counter()
    opened, ended = 0.0, 0.0
    port = 0
    mine, target = bytes.fromhex(ME.replace(":", "")), bytes(map(int, address.split(".")))
    for at, data in frames(file):
        if data[6:12] != mine or at < since:
            continue
        if data[12:14] == b"\x08\x06" and data[38:42] == target:
            found["arp"] += 1
        elif data[12:14] == b"\x08\x00" and target == data[30:34]:
            found[{6: "tcp", 17: "udp", 1: "icmp"}[data[23]]] += 1
            if data[23] == 6 and data[47] & 2:  # SYN
                assert at - opened >= GAP
                assert port in (0, int.from_bytes(data[34:36], "big")) or at - ended >= GAP * 0.9
                opened, port = at, int.from_bytes(data[34:36], "big")
            elif data[23] == 6:
                ended = at
        elif data[12:14] == b"\x08\x00" and data[0:6] == bytes.fromhex(
            f"0200000079{address.rpartition('.')[2]:0>2}"
        ):
            found["icmp"] += 1  # the forwarding test
    return found


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]](*sys.argv[2:-1], hurt=sys.argv[-1]))
