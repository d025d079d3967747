# SPDX-License-Identifier: Apache-2.0
"""Two cards in networks with the same numbers, and a router with a foot in two networks: real scans in namespaces.

The parts that run inside a namespace: `python -m tests.test_sides NAME …`.
"""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from agent.clock import SystemClock
from agent.credentials import Credentials
from agent.finding import Finding
from agent.ground import Ground, card_in, link_local, survey_ground
from agent.logbook import Logbook
from agent.memory import Memory
from agent.scope import Scope, write_scope
from agent.settings import PaceSection, ScopeSection, Settings, SnmpSecret
from agent.side import Side
from agent.sightings import Sightings
from agent.ssh_settings import SshSecret
from agent.survey import Survey
from agent.vantage import Standing, Way, vantages
from deploy.bench.capture import most_in_a_second, what_left
from probes.facts import Observation, Sent, Vantage

PREFIX = f"dsd{os.getpid()}"
ME = ("02:00:00:00:79:05", "02:00:00:00:79:06")
HOSTS = {  # name → MAC, address; "left" and "right" have the same address, each on a network of its own
    "left": ("02:00:00:00:79:0a", "10.79.60.10"),
    "right": ("02:00:00:00:79:0b", "10.79.60.10"),
    "only": ("02:00:00:00:79:14", "10.79.60.20"),
}
BUDGET = 60
NESTED = {  # name → MAC, address, switch; "stranger" has the address of "narrow" on the wire of the wide network
    "wide": ("02:00:00:00:79:1a", "10.79.60.10", "one"),
    "stranger": ("02:00:00:00:79:1b", "10.79.60.42", "one"),
    "narrow": ("02:00:00:00:79:1c", "10.79.60.42", "two"),
}
A_SECOND = 12  # packets to one segment


# ---- run inside a namespace


async def serve(count: str) -> None:
    """An SSH server on all addresses, and an SNMP agent that knows nobody; writes down how many connections stood at once at the most."""
    standing = most = 0

    class Counting(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            nonlocal standing, most
            standing += 1
            most = max(most, standing)
            Path(count).write_text(str(most))

        def connection_lost(self, exc: Exception | None) -> None:
            nonlocal standing
            standing -= 1

    key = asyncssh.generate_private_key("ssh-ed25519")
    version = "OpenSSH_9.2p1 Debian-2+deb12u3"
    await asyncssh.create_server(Counting, "0.0.0.0", 22, server_host_keys=[key], server_version=version)
    await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("0.0.0.0", 161)
    )
    print("ready", flush=True)
    await asyncio.Event().wait()


async def scan(state: str, budget: str, *networks: str) -> None:
    """Scan one night, with what those before remembered; prints its records."""
    pace = PaceSection(connection_gap=0.05, packets_per_host_and_scan=int(budget))
    secret = SnmpSecret(hosts=("10.79.60.10",), community="c", interface="eth1")
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle", snmp=(secret,))
    scope = write_scope(ScopeSection(), networks, (), yes_large=False)
    with Logbook(state) as logbook:
        memory = await Memory.open(logbook, 0.0, SystemClock().now())  # nobody is spared, but recognised
        ended = await Survey(settings, scope, logbook, notebook=logbook, memory=memory).run()
        upload, _ = await logbook.pending(100_000)
    night = {
        "counts": [ended.planned, ended.finished],
        "vantages": [one.id for one in await mine()],
        "seen": [plain(one) for one in upload.observations if one.scan == ended.id],
        "sent": [plain(one) for one in upload.sent if one.scan == ended.id],
    }
    print(json.dumps(night))


async def nested_scan(state: str, *networks: str) -> None:
    """Scan with a tight pace of each segment; prints its records."""
    pace = PaceSection(connection_gap=0.0, packets_per_segment=A_SECOND, broadcasts=A_SECOND)
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle")
    scope = write_scope(ScopeSection(), networks, (), yes_large=False)
    with Logbook(state) as logbook:
        ended = await Survey(settings, scope, logbook, notebook=logbook).run()
        upload, _ = await logbook.pending(100_000)
    cards = {one.id: one.interface for one in await mine()}
    told = {
        "state": ended.state,
        "note": ended.note,
        "sent": [plain(one) | {"card": cards.get(one.vantage, "")} for one in upload.sent],
        "seen": [plain(one) | {"card": cards.get(one.vantage, "")} for one in upload.observations],
    }
    print(json.dumps(told))


async def mine() -> list[Vantage]:
    return [one.as_vantage("me") for one in await vantages() if one.version == 4]


def plain(record: Observation | Sent) -> dict[str, Any]:
    kept = {name: getattr(record, name) for name in ("vantage", "address", "mac", "probe", "packets", "action")
            if hasattr(record, name)}  # fmt: skip
    if isinstance(record, Observation):
        kept |= {"outcome": str(record.outcome), "reason": record.reason}
    return kept


# ---- the hall


@pytest.fixture
def hall() -> Iterator[None]:
    """`me` with two cards, a switch behind each; the same numbers on both."""
    lines = ["netns add -me", "-n -me link set lo up"]  # the SNMP library begins with a socket for loopback
    for number, switch in enumerate(("one", "two")):
        lines += [
            f"netns add -{switch}",
            f"-n -{switch} link add br0 type bridge",
            f"-n -{switch} link set br0 up",
            f"-n -{switch} link add me type veth peer name eth{number} address {ME[number]} netns -me",
            f"-n -{switch} link set me master br0 up",
            f"-n -me addr add 10.79.60.{5 + number}/24 dev eth{number}",
            f"-n -me link set eth{number} up",
        ]
    for name, (mac, address) in HOSTS.items():
        switch = "one" if name == "left" else "two"
        lines += [
            f"netns add -{name}",
            f"-n -{switch} link add {name} type veth peer name eth0 address {mac} netns -{name}",
            f"-n -{switch} link set {name} master br0 up",
            f"-n -{name} addr add {address}/24 dev eth0",
            f"-n -{name} link set eth0 up",
        ]
    yield from built(lines, ("me", "one", "two", *HOSTS))


@pytest.fixture
def routed() -> Iterator[None]:
    """`me` and a router, both with a foot in two networks."""
    lines = ["netns add -me", "netns add -router"]
    for number in (0, 1):
        lines += [
            f"-n -me link add eth{number} type veth peer name eth{number} netns -router",
            f"-n -me addr add 10.79.{61 + number}.5/29 dev eth{number}",
            f"-n -me link set eth{number} up",
            f"-n -router addr add 10.79.{61 + number}.1/29 dev eth{number}",
            f"-n -router link set eth{number} up",
        ]
    yield from built(lines, ("me", "router"))


@pytest.fixture
def nested() -> Iterator[None]:
    """`me` in a /16 and, by a second card, in a /27 with numbers of it; on the first wire a stranger has a number of the second."""
    lines = ["netns add -me", "-n -me link set lo up"]
    for number, (switch, ours) in enumerate((("one", "10.79.0.5/16"), ("two", "10.79.60.35/27"))):
        lines += [
            f"netns add -{switch}",
            f"-n -{switch} link add br0 type bridge",
            f"-n -{switch} link set br0 up",
            f"-n -{switch} link add me type veth peer name eth{number} address {ME[number]} netns -me",
            f"-n -{switch} link set me master br0 up",
            f"-n -me addr add {ours} dev eth{number}",
            f"-n -me link set eth{number} up",
        ]
    for name, (mac, address, switch) in NESTED.items():
        lines += [
            f"netns add -{name}",
            f"-n -{switch} link add {name} type veth peer name eth0 address {mac} netns -{name}",
            f"-n -{switch} link set {name} master br0 up",
            f"-n -{name} addr add {address}/{16 if switch == 'one' else 27} dev eth0",
            f"-n -{name} link set eth0 up",
        ]
    yield from built(lines, ("me", "one", "two", *NESTED), cards=2)


@contextlib.contextmanager
def captured(switch: str, file: Path) -> Iterator[None]:
    """What a switch gets from us."""
    dump = ["tcpdump", "-i", "me", "-Q", "in", "-U", "-w", str(file), "-Z", "root", "--immediate-mode"]
    netns = ["ip", "netns", "exec", PREFIX + switch]
    with subprocess.Popen([*netns, *dump], stderr=subprocess.PIPE) as tcpdump:
        assert tcpdump.stderr is not None
        while b"listening on" not in tcpdump.stderr.readline():
            assert tcpdump.poll() is None
        try:
            yield
            time.sleep(0.2)  # what the kernel still holds for tcpdump
        finally:
            tcpdump.kill()
            tcpdump.communicate()


def built(lines: list[str], names: tuple[str, ...], cards: int = 0) -> Iterator[None]:
    """Build, wait until so many cards of `me` are up (the kernel takes its second), and take it away."""
    try:
        for line in lines:
            words = (PREFIX + word[1:] if word[0] == "-" and word != "-n" else word for word in line.split())
            subprocess.run(["ip", *words], check=True)
        while cards:
            state = ["ip", "-n", f"{PREFIX}me", "-br", "link", "show", "up"]
            shown = subprocess.run(state, check=True, capture_output=True, text=True).stdout
            if sum(line.split()[1] == "UP" for line in shown.splitlines()) == cards:
                break
            time.sleep(0.05)
        yield
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", PREFIX + name], check=False)


def within(name: str, *words: str) -> list[str]:
    return ["ip", "netns", "exec", PREFIX + name, sys.executable, "-m", "tests.test_sides", *words]


def night(folder: Path, budget: int, *networks: str) -> dict[str, Any]:
    """One scan by `me`."""
    words = within("me", "scan", str(folder / "state"), str(budget), *networks)
    told: dict[str, Any] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    return told


@contextlib.contextmanager
def served(name: str, count: Path) -> Iterator[None]:
    """An SSH server there."""
    with subprocess.Popen(within(name, "serve", str(count)), stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        try:
            yield
        finally:
            server.kill()


@pytest.mark.lab
def test_the_same_address_on_two_isolated_networks_is_asked_through_each_card(
    hall: None, tmp_path: Path
) -> None:
    with served("right", tmp_path / "right"):
        first = night(tmp_path, 120, "10.79.60.0/27")
    one, two = first["vantages"]
    asked = {(o["vantage"], o["address"], o["mac"]) for o in first["seen"] if o["probe"] == "ports"}
    assert asked == {
        (one, "10.79.60.10", HOSTS["left"][0]),
        (two, "10.79.60.10", HOSTS["right"][0]),
        (two, "10.79.60.20", HOSTS["only"][0]),
    }
    ssh = {
        (o["vantage"], o["address"])
        for o in first["seen"]
        if o["probe"] == "ssh" and o["outcome"] == "answered"
    }
    assert ssh == {
        (two, "10.79.60.10")
    }  # only this one has a server: what was said went out of the right card
    snmp = {
        (o["vantage"], o["address"]): (o["outcome"], o["reason"].partition(":")[0])
        for o in first["seen"]
        if o["probe"] == "snmp"
    }
    assert snmp == {
        (one, "10.79.60.10"): ("held_back", "other_card"),  # it was given for the network of the other card
        (two, "10.79.60.10"): ("silent", "no datagram came"),  # the host on the left would have refused it
    }
    assert {s["vantage"] for s in first["sent"] if s["action"] == "snmp question"} == {two}
    assert first["counts"] == [56, 56]  # 30 addresses on each side, without both of ours
    spent = {
        v: sum(s["packets"] for s in first["sent"] if (s["vantage"], s["address"]) == (v, "10.79.60.10"))
        for v in (one, two)
    }
    assert 0 < spent[one] <= 120
    assert 0 < spent[two] <= 120


@pytest.mark.lab
def test_a_router_with_two_addresses_has_one_budget_and_one_connection(routed: None, tmp_path: Path) -> None:
    for count in (tmp_path / "first", tmp_path / "second"):
        with served("router", count):
            sent = night(tmp_path, BUDGET, "10.79.61.0/29", "10.79.62.0/29")["sent"]
        # what the kernel sends by itself is counted, but leaves when it wants
        ours = [s for s in sent if s["action"] != "kernel neighbour frames"]
        spent = {n: sum(s["packets"] for s in ours if s["address"] == f"10.79.{n}.1") for n in (61, 62)}
        assert min(spent.values()) > 0
        assert sum(spent.values()) <= BUDGET, spent
    assert (tmp_path / "second").read_text() == "1"  # by then it is known before it is asked


@pytest.mark.lab
@pytest.mark.parametrize(
    "networks", [("10.79.60.0/27", "10.79.60.32/27"), ("10.79.60.0/26",)], ids=["two", "one"]
)
def test_of_two_networks_one_within_the_other_each_host_is_asked_by_its_own_card(
    nested: None, tmp_path: Path, networks: tuple[str, ...]
) -> None:
    files = {card: tmp_path / f"{card}.pcap" for card in ("eth0", "eth1")}
    with captured("one", files["eth0"]), captured("two", files["eth1"]):
        words = within("me", "nested_scan", str(tmp_path / "state"), *networks)
        told = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    assert (told["state"], told["note"]) == ("complete", "")
    left = {card: what_left(file, ME[number], {}) for number, (card, file) in enumerate(files.items())}
    whole: list[float] = []
    for card, there in left.items():
        addresses = [address for address in there.stamps if address.startswith("10.79.60.")]
        assert addresses
        within_it = {ip_address(address) in ip_network("10.79.60.32/27") for address in addresses}
        assert within_it == {card == "eth1"}
        every = [at for address in addresses for at in there.stamps[address]]
        assert most_in_a_second(every) <= A_SECOND + 2  # and what the kernel sends by itself
        whole += every
        counted = {s["address"] for s in told["sent"] if s["card"] == card and s["packets"]}
        assert set(addresses) <= counted
    asked = {(o["card"], o["address"], o["mac"]) for o in told["seen"] if o["probe"] == "ports"}
    assert asked == {
        ("eth0", "10.79.60.10", NESTED["wide"][0]),
        ("eth1", "10.79.60.42", NESTED["narrow"][0]),
    }
    assert most_in_a_second(whole) > A_SECOND + 2, "each segment has a pace of its own"


@pytest.mark.lab
def test_who_has_an_address_of_a_card_that_is_down_on_another_wire_gets_nothing(
    nested: None, tmp_path: Path
) -> None:
    subprocess.run(["ip", "-n", f"{PREFIX}me", "link", "set", "eth1", "down"], check=True)
    with captured("one", tmp_path / "one.pcap"):
        words = within("me", "nested_scan", str(tmp_path / "state"), "10.79.60.0/26")
        told = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    left = what_left(tmp_path / "one.pcap", ME[0], {})
    assert NESTED["wide"][1] in left.stamps
    assert not [a for a in left.stamps if ip_address(a) in ip_network("10.79.60.32/27")]
    assert {one["address"] for one in told["seen"] if one["probe"] == "ports"} == {NESTED["wide"][1]}
    assert "eth1 10.79.60.32/27" in told["note"]


# ---- without a network


WIDE = Standing("eth0", 2, ME[0], "10.0.0.5", "10.0.0.0/8", (), True, False)
NARROW = Standing("eth1", 3, ME[1], "10.1.0.5", "10.1.0.0/16", (), True, False)


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_the_network_with_the_longest_prefix_holds_an_address(order: tuple[Standing, ...]) -> None:
    here = ground(*order, networks="10.0.0.0/8")
    assert here.place("10.1.2.3").standing is NARROW
    assert here.place("10.2.2.3").standing is WIDE
    assert set(here.interfaces) == {"eth0", "eth1"}
    assert ground(ETH0, AWAY, networks="10.79.0.0/16").interfaces == (
        "eth0",
        "eth1",
    )  # one network of the scope
    assert here.isolated() == ()
    alone = Standing("dummy0", 5, ME[1], "10.1.0.9", "10.1.0.9/32", (), True, True)
    with_it = ground(*order, alone, networks="10.0.0.0/8")
    assert with_it.interfaces == here.interfaces
    assert with_it.lost([WIDE, NARROW]) == ""  # it may move on
    gone = here.lost([WIDE])
    assert "eth1 10.1.0.5" in gone


@pytest.mark.parametrize("order", [(WIDE, NARROW), (NARROW, WIDE)])
def test_an_address_within_two_networks_leaves_by_its_card_whatever_goes_down(
    order: tuple[Standing, ...],
) -> None:
    (side,) = sides(*order, networks="10.0.0.0/8")
    for address in ("10.1.2.3", "10.2.2.3"):
        assert side._make(side.ground.place(address), False) is not socket.socket
    side.found("eth0", "10.1.2.3", LEFT)  # a stranger with this number on the other wire
    assert side.seen.macs == {}
    side.found("eth1", "10.1.2.3", RIGHT)
    assert side.seen.macs == {"10.1.2.3": RIGHT}


async def test_a_card_that_is_down_keeps_its_address_and_routes_of_it_are_not_followed() -> None:
    down = replace(NARROW, is_up=False)
    here = await survey_ground(Scope((ip_network("10.0.0.0/8"),)), (WIDE, down), "me")
    assert here.place("10.1.2.3").standing is WIDE
    assert "10.1.0.5" in here.own_addresses
    assert here.is_nested(WIDE.network)  # so sockets are bound to the card of the place
    assert (here.reaches("10.1.2.3"), here.reaches("10.2.2.3")) == (False, True)  # there it is another device
    some = Scope((ip_network("10.0.255.252/30"), ip_network("10.1.0.0/30"), ip_network("10.2.0.0/31")))
    here = await survey_ground(some, (WIDE, down), "me")
    assert here.askable() == ("10.0.255.253", "10.0.255.254", "10.2.0.0", "10.2.0.1")
    (note,) = here.unreached()
    assert note.startswith("eth1 10.1.0.0/16: ")
    both = await survey_ground(
        some, (WIDE, NARROW, replace(down, interface="eth2", address="10.1.0.6")), "me"
    )
    assert (both.reaches("10.1.2.3"), both.unreached()) == (True, ())


async def test_what_lies_on_no_link_is_reached_as_the_kernel_does(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def route_to(address: str) -> Way:
        asked.append(address)
        return Way("eth1", "10.1.0.1", "10.1.0.5")

    monkeypatch.setattr("agent.ground.route_to", route_to)
    near = Standing("eth0", 2, ME[0], "10.0.0.5", "10.0.0.0/16", (), True, False)
    here = await survey_ground(Scope((ip_network("10.0.0.0/8"),)), (near, NARROW), "me")
    assert asked == ["10.2.0.0"]
    assert here.place("10.2.0.9").standing is NARROW
    assert here.place("10.0.0.9").standing is near
    inside = await survey_ground(Scope((ip_network("10.1.2.0/24"),)), (WIDE, NARROW), "me")
    assert inside.ways[0][1] == 1


# ---- networks with the same numbers


def test_a_credential_without_a_card_goes_to_neither_of_two_equal_networks() -> None:
    def snmp(card: str, *, doubled: bool) -> tuple[str, ...]:
        return tuple(one.community for one in every.by(card, doubled=doubled).snmp("10.79.60.9"))

    hosts = ("10.79.60.9",)
    any_card = SnmpSecret(hosts=hosts, community="any")
    of_one = SnmpSecret(hosts=hosts, community="one", interface="eth1")
    login = SshSecret(hosts=hosts, family="cisco_ios", user="u", password="p", interface="eth0")
    every = Credentials(Settings(snmp=(any_card, of_one), ssh=(login,)))
    assert (snmp("eth0", doubled=False), snmp("eth1", doubled=False)) == (("any",), ("any", "one"))
    assert (snmp("eth0", doubled=True), snmp("eth1", doubled=True)) == ((), ("one",))
    assert every.by("eth0", doubled=True).ssh("10.79.60.9")
    assert not every.by("eth1", doubled=True).ssh("10.79.60.9")


def ground(*standings: Standing, networks: str = "10.79.60.0/24") -> Ground:
    scope = Scope((ip_network(networks),))
    return Ground(standings, tuple(s.as_vantage("me") for s in standings), ((scope.networks[0], 0),), scope)


ETH0 = Standing("eth0", 2, ME[0], "10.79.60.5", "10.79.60.0/24", (), True, False)


def test_only_another_card_with_the_same_numbers_is_a_side_of_its_own() -> None:
    other = Standing("eth1", 3, ME[1], "10.79.60.6", "10.79.60.0/24", (), True, False)
    alias = Standing("eth0", 2, ME[0], "10.79.60.7", "10.79.60.0/24", (), True, False, "eth0:1")
    apart = Standing("eth0.20", 4, ME[0], "10.79.61.5", "10.79.61.0/24", (), True, True)
    tunnel = Standing("tun0", 5, "", "10.79.60.8", "10.79.60.0/24", (), True, True)
    assert ground(ETH0, alias, apart, tunnel).isolated() == ()
    (side,) = ground(ETH0, alias, other).isolated()
    assert (side.card, side.standings) == ("eth1", (other,))
    assert {"10.79.60.5", "10.79.60.6", "10.79.60.7"}.isdisjoint(side.askable())
    assert ground(ETH0, other).interfaces == ("eth0", "eth1")
    assert (ground(ETH0).key("10.79.60.9"), side.key("10.79.60.9")) == ("10.79.60.9", "10.79.60.9%eth1")
    assert ground(ETH0, other, networks="10.80.0.0/24").isolated() == ()


OTHER = Standing("eth1", 3, ME[1], "10.79.60.6", "10.79.60.0/24", ("10.79.60.1",), True, False)
AWAY = Standing("eth1", 3, ME[1], "10.79.70.6", "10.79.70.0/24", (), True, False)
LEFT, RIGHT, ROUTER = "00:17:42:20:01:0a", "00:17:42:20:01:0b", "00:09:0f:20:01:fe"


def sides(*standings: Standing, networks: str = "10.79.60.0/24") -> list[Side]:
    """The sides of a ground, with nothing but who was seen on them."""
    every = []
    for one in ground(*standings, networks=networks).all_sides():
        side = Side.__new__(Side)
        side.ground, side.doors, side.left_out, side.seen = one, {}, "", Sightings(one)
        every.append(side)
    return every


def test_each_of_two_networks_with_the_same_numbers_is_asked_by_its_own_card() -> None:
    main, beside = sides(ETH0, OTHER)
    for side, card in ((main, "eth0"), (beside, "eth1")):
        place = side.ground.place("10.79.60.9")
        assert side._make(place, False) is not socket.socket
        assert place.standing.interface == card
    (alone,) = sides(ETH0, AWAY, networks="10.79.0.0/16")
    assert alone._make(alone.ground.place("10.79.60.9"), False) is socket.socket


def test_a_host_whose_credential_names_a_card_is_asked_by_that_card_whatever_the_routes_say() -> None:
    secret = SnmpSecret(hosts=("127.0.0.7",), community="c", interface="lo")
    (side,) = sides(
        Standing("lo", 1, "", "127.0.0.1", "127.0.0.0/8", (), True, False), networks="127.0.0.0/24"
    )
    place = side.ground.place("127.0.0.7")
    named = Credentials(Settings(snmp=(secret,)))
    assert side._make(place, named.name_card("127.0.0.8")) is socket.socket
    with side._make(place, named.name_card("127.0.0.7"))(socket.AF_INET, socket.SOCK_DGRAM, 0) as sock:
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16).strip(b"\0") == b"lo"


def test_a_card_heard_on_one_wire_says_nothing_of_the_other() -> None:
    main, beside = sides(ETH0, OTHER)
    for side in (main, beside):
        side.found("eth0", "10.79.60.9", LEFT)
        side.found("eth1", "10.79.60.9", RIGHT)
        side.found("eth1", "10.99.0.77", RIGHT)  # a stray of a network that is not reached from here
    assert (main.seen.mac_of("10.79.60.9"), beside.seen.mac_of("10.79.60.9")) == (LEFT, RIGHT)


def test_two_cards_see_one_network_only_where_nobody_differs() -> None:
    def left_out(*seen: tuple[str, str, str]) -> bool:
        main, beside = sides(ETH0, OTHER)
        for card, ip, mac in seen:
            (main if card == "eth0" else beside).found(card, ip, mac)
        beside.look_for_the_same([main])
        return bool(beside.left_out)

    router = (("eth0", "10.79.60.1", ROUTER), ("eth1", "10.79.60.1", ROUTER))
    same = (("eth0", "10.79.60.9", LEFT), ("eth1", "10.79.60.9", LEFT))
    assert left_out(*same)
    assert not left_out(*router)  # one MAC on all ports of a router is no sign
    assert not left_out(*same, ("eth0", "10.79.60.8", LEFT), ("eth1", "10.79.60.8", RIGHT))


def test_what_was_swept_on_one_side_is_not_swept_on_another() -> None:
    def sweep(one: Ground) -> str:
        finding = Finding.__new__(Finding)
        finding.ground = one
        return finding._sweep("eth1")

    both = ground(ETH0, OTHER, AWAY, networks="10.79.0.0/16").all_sides()
    assert len({sweep(one) for one in both}) == len(both) == 2


def test_an_address_made_of_a_card_names_it() -> None:
    assert card_in(link_local("02:00:00:00:79:05")) == "02:00:00:00:79:05"
    assert card_in("fe80::1") == card_in("10.79.60.9") == card_in("2001:db8::ff:fe00:1") == ""


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]](*sys.argv[2:]))
