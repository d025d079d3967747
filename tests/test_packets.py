# SPDX-License-Identifier: Apache-2.0
"""The packet worker among real hosts: namespaces on one bridge, counted by an independent capture.

The part that talks runs inside a namespace: `python -m tests.test_packets NAME`, and prints JSON.
"""

import asyncio
import contextlib
import json
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.packet_answers import Answers, Asked, arp_reply
from agent.packet_worker import NotPermitted, PacketWorker
from probes.contract import HeldBack, OurFault

PREFIX = f"dpk{os.getpid()}"
NET, OTHER = "10.77.0.0/24", "10.77.9.0/24"
HOSTS = {  # name → last octet; macs are 02:00:00:00:77:<octet>
    "me": 250,
    "quiet": 10,  # does not forward, owns 10.77.9.9 as well
    "router": 20,  # forwards, has a default route
    "lost": 30,  # forwards, has no way to TEST-NET-1
}
ALLOWED = [NET, OTHER, "10.77.50.0/24", "fd77::/64"]


def mac_of(name: str) -> str:
    return f"02:00:00:00:77:{HOSTS[name]:02x}"


def build() -> Iterator[tuple[str, str]]:
    """Give (namespace, batch for ip) in order."""
    yield "switch", "link add br0 type bridge\nlink set br0 up\n"
    for name, octet in HOSTS.items():
        yield (
            "switch",
            (
                f"link add {name} type veth peer name eth0 address {mac_of(name)} netns {PREFIX}{name}\n"
                f"link set {name} master br0\nlink set {name} up\n"
            ),
        )
        yield (
            name,
            (
                f"link set lo up\naddr add 10.77.0.{octet}/24 dev eth0\n"
                f"addr add fd77::{octet:x}/64 dev eth0 nodad\nlink set eth0 up\n"
            ),
        )
    yield "me", "route add 10.77.50.0/24 via 10.77.0.30\n"
    yield "quiet", "addr add 10.77.9.9/32 dev lo\nroute add default via 10.77.0.20\n"
    yield "router", "route add default via 10.77.0.250\n"


def run_in(name: str, *command: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ip", "netns", "exec", PREFIX + name, *command], check=True, **more)


@pytest.fixture(scope="module")
def hall() -> Iterator[None]:
    """Four hosts on a bridge in namespaces of our own."""
    made = [PREFIX + name for name in ("switch", *HOSTS)]
    try:
        for name in made:
            subprocess.run(["ip", "netns", "add", name], check=True)
            subprocess.run(
                ["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0"],
                check=True,
            )
        for name, batch in build():
            subprocess.run(["ip", "-n", PREFIX + name, "-batch", "-"], input=batch.encode(), check=True)
        run_in("me", "sysctl", "-qw", "net.ipv4.neigh.eth0.retrans_time_ms=100")
        for name in ("router", "lost"):
            run_in(name, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        yield
    finally:
        for name in made:
            subprocess.run(["ip", "netns", "del", name], check=False)


def inside(what: str, *prefix: str) -> Any:
    """Run the coroutine function `what` of this file in the namespace `me`."""
    done = run_in(
        "me", *prefix, sys.executable, "-W", "error", "-m", "tests.test_packets", what, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout)


@contextlib.contextmanager
def capture(file: Path) -> Iterator[Callable[[], Counter[str]]]:
    """Count what the switch gets from `me`, per kind and target, independent of the worker.

    Neighbour entries of before are forgotten: kernels would look after them while we count.
    """
    for name in HOSTS:
        flush = ["ip", "-n", PREFIX + name, "neigh", "flush", "all"]
        subprocess.run(flush, check=True, capture_output=True)
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
            yield lambda: _counted(file)
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.communicate()


def _counted(file: Path) -> Counter[str]:
    data, at = file.read_bytes(), 24
    counts: Counter[str] = Counter()
    while at + 16 <= len(data):
        length = struct.unpack_from("<I", data, at + 8)[0]
        frame, at = data[at + 16 : at + 16 + length], at + 16 + length
        if frame[12:14] == b"\x08\x06":
            counts[f"arp {socket.inet_ntoa(frame[38:42])}"] += 1
        elif frame[12:14] == b"\x08\0" and frame[23] == 1:
            counts[f"icmp {socket.inet_ntoa(frame[30:34])}"] += 1
    return counts


async def settle(worker: PacketWorker, seconds: float = 0.4) -> None:
    """Take answers until nothing new comes for a while."""
    with contextlib.suppress(TimeoutError):
        while True:
            await asyncio.wait_for(worker.news(), seconds)


# ---- what runs inside the namespace


async def find_hosts(worker: PacketWorker) -> object:
    for octet in (10, 20, 30, 40):
        await worker.arp("eth0", f"10.77.0.{octet}")
        await worker.solicit("eth0", f"fd77::{octet:x}")
    await settle(worker)
    return sorted([address, sorted(macs)] for (_, address), macs in worker.arp_answers.items())


async def try_forwarding(worker: PacketWorker) -> object:
    for name in ("quiet", "router", "lost"):
        await worker.forward_test("eth0", mac_of(name), "10.77.0.250")
    await settle(worker)
    return dict(worker.forward_answers)


async def echo_hosts(worker: PacketWorker) -> object:
    await worker.echo("10.77.0.10", interface="eth0", mac=mac_of("quiet"))
    await worker.echo("10.77.0.20", interface="eth0")
    await worker.echo("10.77.9.9", interface="eth0", mac=mac_of("quiet"))
    await worker.echo("10.77.9.8", interface="eth0", mac=mac_of("quiet"))
    await worker.echo("10.77.50.1", interface="eth0")
    await worker.echo("fd77::14", interface="eth0")
    await worker.echo("fd77::a", interface="eth0", mac=mac_of("quiet"))
    await settle(worker)
    return dict(worker.echo_answers)


async def ask_candidates(worker: PacketWorker) -> object:
    for name in ("quiet", "router"):
        await worker.arp("eth0", "10.77.9.9", mac_of(name))
    await settle(worker)
    return [sorted(macs) for (_, address), macs in worker.arp_answers.items() if address == "10.77.9.9"]


async def let_kernel_send(worker: PacketWorker) -> object:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as plain:
        for octet in (20, 61, 62):
            plain.sendto(b"x", (f"10.77.0.{octet}", 9))
    await worker.arp("eth0", "10.77.0.61")
    await worker.arp("eth0", "10.77.0.30")
    await asyncio.sleep(1.0)  # the kernel's own three attempts, a tenth of a second each
    return {target: packets for (_, target), packets in worker.kernel_sent().items()}


async def name_rights(worker: PacketWorker) -> object:
    status = await asyncio.to_thread(Path(f"/proc/{worker.pid}/status").read_text)
    rows = dict(line.split(":\t", 1) for line in status.splitlines())
    wanted = ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb", "NoNewPrivs", "Uid", "Gid", "Groups")
    link = await asyncio.to_thread(subprocess.check_output, ["ip", "-d", "-j", "link", "show", "eth0"])
    return {
        **{name: rows[name].split() for name in wanted},
        "promiscuity": json.loads(link)[0]["promiscuity"],
    }


async def refuse(worker: PacketWorker) -> object:
    lives, group = "02:00:00:00:77:0a", "01:00:5e:00:00:01"
    tries: list[Callable[[], Awaitable[None]]] = [
        lambda: worker.arp("eth0", "10.78.0.1"),
        lambda: worker.arp("eth0", "10.77.0.255"),
        lambda: worker.arp("eth0", "10.77.0.0"),
        lambda: worker.arp("eth0", "10.77.0.10", group),
        lambda: worker.arp("eth1", "10.77.0.10"),
        lambda: worker.echo("192.0.2.1", interface="eth0"),
        lambda: worker.echo("192.0.2.1", interface="eth0", mac=lives),
        lambda: worker.echo("10.77.0.10", interface="eth0", mac="ff:ff:ff:ff:ff:ff"),
        lambda: worker.forward_test("eth0", "ff:ff:ff:ff:ff:ff", "10.77.0.250"),
        lambda: worker.forward_test("eth0", group, "10.77.0.250"),
        lambda: worker.solicit("eth0", "fd78::1"),
        lambda: worker.solicit("eth0", "10.77.0.10"),
    ]
    held = 0
    for attempt in tries:
        try:
            await attempt()
        except HeldBack:
            held += 1
    return [held, len(tries)]


async def survive(worker: PacketWorker) -> object:
    sys.stderr.write("ready\n")
    sys.stderr.flush()
    heard = 0
    while heard < 500:
        frame = await asyncio.wait_for(worker.heard(), 90)
        heard += not frame.outgoing
    await worker.arp("eth0", "10.77.0.20")
    await settle(worker)
    return {"heard": heard, "answered": ("eth0", "10.77.0.20") in worker.arp_answers, "lost": worker.lost}


async def die(worker: PacketWorker) -> object:
    before = worker.pid
    os.kill(before, signal.SIGKILL)
    said = []
    for attempt in (worker.heard, lambda: worker.arp("eth0", "10.77.0.10")):
        try:
            while True:
                await attempt()
        except OurFault as error:
            said.append(str(error))
    await worker.restart()
    await worker.arp("eth0", "10.77.0.10")
    await settle(worker)
    return {"said": said, "again": worker.pid != before, "answers": len(worker.arp_answers)}


async def end_with_agent(worker: PacketWorker) -> object:
    return worker.pid


async def main(what: str) -> None:
    try:
        async with await PacketWorker.start(["eth0"], ALLOWED) as worker:
            said = await globals()[what](worker)
    except NotPermitted as error:
        said = {"refused": str(error)}
    sys.stdout.write(json.dumps(said))


# ---- the tests


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tcpdump")),
    reason="needs root, ip (iproute2) and tcpdump",
)
@pytest.mark.usefixtures("hall")
class TestAmongHosts:
    def test_arp_and_neighbour_discovery_find_who_is_there(self) -> None:
        assert inside("find_hosts") == sorted(
            [address, [mac_of(name)]]
            for name in ("quiet", "router", "lost")
            for address in (f"10.77.0.{HOSTS[name]}", f"fd77::{HOSTS[name]:x}")
        )

    def test_forwarding_is_told_from_not_forwarding(self) -> None:
        assert inside("try_forwarding") == {mac_of("router"): "11/0", mac_of("lost"): "3/0"}

    def test_echo_by_link_and_by_route(self) -> None:
        assert inside("echo_hosts") == {
            "10.77.0.10": "echo-reply",
            "10.77.0.20": "echo-reply",
            "10.77.9.9": "echo-reply",
            "10.77.50.1": "3/0 from 10.77.0.30",
            "fd77::14": "echo-reply",
            "fd77::a": "echo-reply",
        }

    def test_arp_candidate_is_answered_by_its_owner_only(self) -> None:
        assert inside("ask_candidates") == [[mac_of("quiet")]]

    def test_what_the_kernel_sent_is_counted(self, tmp_path: Path) -> None:
        forget = [
            "ip",
            "-n",
            f"{PREFIX}me",
            "neigh",
            "flush",
            "all",
        ]  # the kernel would soon look after old entries
        subprocess.run(forget, check=True, capture_output=True)
        with capture(tmp_path / "seen.pcap") as counted:
            kernel = inside("let_kernel_send")
            time.sleep(0.2)  # the capture's own buffer
            seen = counted()
        ours = Counter({"10.77.0.61": 1, "10.77.0.30": 1})
        asked = {key.removeprefix("arp "): count for key, count in seen.items() if key.startswith("arp ")}
        assert asked == {key: kernel.get(key, 0) + ours[key] for key in asked}
        assert {"10.77.0.20", "10.77.0.61", "10.77.0.62"} <= set(kernel)
        assert kernel["10.77.0.62"] == 3

    def test_only_net_raw_is_left(self) -> None:
        rights = inside("name_rights")
        assert {rights[name][0] for name in ("CapEff", "CapPrm", "CapBnd")} == {f"{1 << 13:016x}"}
        assert {int(rights[name][0], 16) for name in ("CapInh", "CapAmb")} == {0}
        assert "0" not in rights["Uid"] + rights["Gid"]
        assert (rights["Groups"], rights["NoNewPrivs"], rights["promiscuity"]) == ([], ["1"], 0)

    def test_under_sudo_it_becomes_the_user(self) -> None:
        rights = inside("name_rights", "env", "SUDO_UID=4242", "SUDO_GID=4243")
        assert (set(rights["Uid"]), set(rights["Gid"])) == ({"4242"}, {"4243"})

    def test_nothing_leaves_for_what_is_not_allowed(self, tmp_path: Path) -> None:
        with capture(tmp_path / "seen.pcap") as counted:
            held, tried = inside("refuse")
            time.sleep(0.2)  # the capture's own buffer
            assert counted() == Counter()
        assert held == tried

    def test_hostile_frames_do_not_end_it(self) -> None:
        command = [
            "ip",
            "netns",
            "exec",
            f"{PREFIX}me",
            sys.executable,
            "-m",
            "tests.test_packets",
            "survive",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as scan:
            assert scan.stderr is not None
            assert scan.stderr.readline() == b"ready\n"
            run_in("quiet", sys.executable, "-m", "tests.test_packets", "shout")
            try:
                told, _ = scan.communicate(timeout=120)
            finally:
                scan.kill()  # or `with` would wait for one that hears too little
        said = json.loads(told)
        assert (said["answered"], said["lost"]) == (True, 0)

    def test_death_is_our_fault_and_not_the_end(self) -> None:
        said = inside("die")
        assert len(said["said"]) == 2
        assert all("packet worker" in text for text in said["said"])
        assert (said["again"], said["answers"]) == (True, 1)

    def test_it_ends_with_the_agent(self) -> None:
        assert not Path(f"/proc/{inside('end_with_agent')}").exists()

    @pytest.mark.skipif(not shutil.which("setpriv"), reason="needs setpriv (util-linux)")
    def test_without_the_right_a_sentence(self) -> None:
        said = inside("end_with_agent", "setpriv", "--bounding-set=-net_raw")
        assert "CAP_NET_RAW" in said["refused"]
        assert "権限" in said["refused"]


def shout() -> None:
    """Send 3,000 broken frames of all the kinds that the worker listens to."""
    chance = random.Random(3)
    kinds = [0x0806, 0x0800, 0x86DD, 0x88CC, 0x2000]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as raw:
        raw.bind(("eth0", 0))
        for _ in range(3000):
            raw.send(_broken_frame(chance, chance.choice(kinds)))


def _broken_frame(chance: random.Random, kind: int) -> bytes:
    bodies = {
        0x0806: b"\0\1\x08\0\6\4\0\2",
        0x0800: b"E\0\0\x40\0\0\0\0\x40\x01\0\0\x0a\x4d\0\x0a\x0a\x4d\0\xfa"
        + bytes([chance.choice((0, 3, 11))]),
        0x86DD: b"\x60\0\0\0\0\x20\x3a\xff" + bytes(32) + bytes([chance.choice((1, 3, 129, 134, 136))]),
    }
    body = bytearray(bodies.get(kind, b"\2\7"))
    if body and chance.random() < 0.3:
        body[chance.randrange(len(body))] = chance.randrange(256)
    tail = chance.randbytes(chance.randrange(200))
    return b"\xff" * 6 + b"\2\0\0\0\x77\x0a" + struct.pack("!H", kind) + bytes(body) + tail


# ---- what needs no privilege: reading

ETHER = bytes.fromhex("020000007701 020000007702")
ARP_REPLY = ETHER + bytes.fromhex("0806 0001 0800 06 04 0002 020000007702 0a4d0001 020000007701 0a4d00fa")


def quoted(kind: int, code: int, ident: int, sequence: int) -> bytes:
    """An ICMP error from 10.77.0.1 about an echo request of ours."""
    inner = b"E" + bytes(8) + b"\1" + bytes(10) + b"\x08\0\0\0" + struct.pack("!HH", ident, sequence)
    return (
        ETHER
        + b"\x08\0"
        + b"E"
        + bytes(8)
        + b"\1\0\0"
        + bytes([10, 77, 0, 1, 10, 77, 0, 250])
        + bytes([kind, code, 0, 0, 0, 0, 0, 0])
        + inner
    )


def test_reads_an_arp_reply() -> None:
    assert arp_reply(ARP_REPLY) == ("10.77.0.1", "02:00:00:00:77:02")
    assert all(arp_reply(ARP_REPLY[:end]) is None for end in range(32))


@pytest.mark.parametrize("at", [15, 17, 18, 19, 21])
def test_reads_only_ethernet_ipv4_replies(at: int) -> None:
    frame = bytearray(ARP_REPLY)
    frame[at] ^= 0x09
    assert arp_reply(bytes(frame)) is None


def test_a_group_address_answers_for_nobody() -> None:
    assert arp_reply(ARP_REPLY[:22] + b"\1" + ARP_REPLY[23:]) is None


def test_errors_belong_to_the_question_they_quote() -> None:
    answers = Answers(77)
    answers.asked = {1: Asked(target="10.77.5.5"), 2: Asked(mac="02:00:00:00:77:14")}
    assert answers.note("eth0", quoted(3, 1, 77, 1), False)
    assert answers.note("eth0", quoted(3, 0, 77, 2), False)
    assert answers.note("eth0", quoted(11, 0, 77, 2), False)
    assert not answers.note("eth0", quoted(11, 0, 78, 1), False), "another program's question"
    assert not answers.note("eth0", quoted(11, 0, 77, 9), False), "never asked"
    assert answers.echo == {"10.77.5.5": "3/1 from 10.77.0.1"}
    assert answers.forward == {"02:00:00:00:77:14": "11/0"}


def test_outgoing_frames_answer_nothing() -> None:
    answers = Answers(77)
    assert not answers.note("eth0", ARP_REPLY, True)
    assert (answers.arp, answers.kernel) == ({}, {("eth0", "10.77.0.250"): 1})


FRAMES = [
    ARP_REPLY,
    quoted(3, 1, 1, 1),
    ETHER + b"\x86\xdd" + bytes(100),
    ETHER + b"\x08\0" + b"\x4f" + bytes(90),
]


@given(
    st.sampled_from(FRAMES),
    st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255))),
    st.integers(0, 130),
)
def test_reading_is_total(frame: bytes, changes: list[tuple[int, int]], end: int) -> None:
    changed = bytearray(frame)
    for at, octet in changes:
        changed[at % len(changed)] = octet
    answers = Answers(1)
    answers.asked = {1: Asked(target="10.77.0.1")}
    for outgoing in (False, True):
        answers.note("eth0", bytes(changed[:end]), outgoing)


@given(st.binary(max_size=120))
def test_reading_any_bytes_is_total(data: bytes) -> None:
    for kind in (b"\x08\x06", b"\x08\0", b"\x86\xdd"):
        for outgoing in (False, True):
            Answers(1).note("eth0", ETHER + kind + data, outgoing)


if __name__ == "__main__":
    if sys.argv[1] == "shout":
        shout()
    else:
        asyncio.run(main(sys.argv[1]))
