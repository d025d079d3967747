# SPDX-License-Identifier: Apache-2.0
"""SNMP sessions against a real snmpd on loopback, and against answers made to break us."""

import asyncio
import contextlib
import os
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.logins.snmp import SnmpCredential, SnmpSession, SnmpUser
from agent.logins.snmp_ber import is_whole
from agent.logins.snmp_lines import variable_line
from agent.sockets import udp_socket
from probes.contract import (
    CommandSession,
    HeldBack,
    Line,
    OurFault,
    Refused,
    Silent,
    Stream,
    Transcript,
    WireError,
)
from probes.facts import FactKind
from probes.login import snmp

SYSTEM = "1.3.6.1.2.1.1"
COMMUNITY = SnmpCredential("hospital-ro")
USER = SnmpUser("monitor", "sha256", "authentication-1", "aes128", "privacy-pass-1")
LOCATION = "放射線科 2階".encode("cp932")
CONFIG = b"""agentaddress udp:127.0.0.1:%d
rocommunity hospital-ro 127.0.0.1
createUser monitor SHA-256 authentication-1 AES privacy-pass-1
rouser monitor priv
sysName mri-console
sysDescr Router (test) 1.2.3
sysObjectID .1.3.6.1.4.1.9.1.1
sysLocation %s
"""


def snmpd_command() -> list[str] | None:
    if found := shutil.which("snmpd"):
        return [found]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    for root in sorted(cache.glob("daicho/lab/rootfs-*")):
        loader = next(root.glob("lib*/ld-linux-*.so.*"), None)
        if loader and (root / "usr/sbin/snmpd").is_file():
            libraries = ":".join(map(str, root.glob("usr/lib/*-linux-gnu")))
            return [str(loader), "--library-path", libraries, str(root / "usr/sbin/snmpd")]
    return None


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    command = snmpd_command()
    if command is None:
        pytest.skip("no snmpd: neither installed nor in the lab's root file system")
    place, port = tmp_path_factory.mktemp("snmpd"), free_port()
    (place / "snmpd.conf").write_bytes(CONFIG % (port, LOCATION))
    options = [
        "-C",
        "-c",
        str(place / "snmpd.conf"),
        "-f",
        "-LF",
        "6",
        str(place / "log"),
        "-r",
        "-p",
        str(place / "pid"),
    ]
    environment = {"SNMP_PERSISTENT_DIR": str(place), "MIBDIRS": "", "SNMPCONFPATH": str(place), "MIBS": ""}
    with subprocess.Popen([*command, *options], env=environment) as process:
        wait_until_bound(port, process)
        yield port
        process.terminate()


def wait_until_bound(port: int, process: subprocess.Popen[bytes]) -> None:
    wanted = f"0100007F:{port:04X}"
    while wanted not in Path("/proc/net/udp").read_text():
        with contextlib.suppress(subprocess.TimeoutExpired):
            pytest.fail(f"snmpd ended with {process.wait(0.02)}")


@dataclass
class Asked:
    """One session with everything it said, heard and sent."""

    session: SnmpSession
    said: list[bytes] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)


async def let_pass() -> None:
    return


@dataclass
class Direct:
    """A socket of the test's own, without a door."""

    address: str
    port: int
    seconds: float
    hook: Callable[[], Awaitable[None]]
    sock: socket.socket | None = None

    async def send(self, data: bytes) -> None:
        await self.hook()
        self.sock = self.sock or udp_socket(self.address, self.port)
        await asyncio.get_running_loop().sock_sendall(self.sock, data)

    async def receive(self, most: int) -> bytes:
        assert self.sock is not None
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.get_running_loop().sock_recv(self.sock, most)
        except TimeoutError as error:
            raise Silent("nothing came") from error
        except ConnectionError as error:
            raise Refused("closed") from error

    def close(self) -> None:
        if self.sock:
            self.sock.close()


@contextlib.asynccontextmanager
async def asking(
    port: int,
    credential: SnmpCredential | SnmpUser = COMMUNITY,
    *,
    seconds: float = 5.0,
    address: str = "127.0.0.1",
    hook: Callable[[], Awaitable[None]] = let_pass,
) -> AsyncIterator[Asked]:
    said: list[bytes] = []
    heard: list[bytes] = []
    told: list[bytes] = []
    way = Direct(address, port, seconds, hook)
    session = SnmpSession(way, credential, say=said.append, hear=heard.append, tell=told.append)
    try:
        yield Asked(session, said, heard, told)
    finally:
        session.close()
        way.close()


@pytest.mark.parametrize(("credential", "pdus"), [(COMMUNITY, 1), (USER, 3)])
async def test_get_gives_lines_of_a_walk(
    snmpd: int, credential: SnmpCredential | SnmpUser, pdus: int
) -> None:
    oids = [f"{SYSTEM}.{n}.0" for n in (1, 2, 5, 6, 99)]
    async with asking(snmpd, credential) as asked:
        await asked.session.get(oids)
    assert asked.said == [b"get " + " ".join(oids).encode()]
    assert asked.heard == [
        f"{SYSTEM}.1.0|4|Router (test) 1.2.3".encode(),
        f"{SYSTEM}.2.0|6|1.3.6.1.4.1.9.1.1".encode(),
        f"{SYSTEM}.5.0|4|mri-console".encode(),
        f"{SYSTEM}.6.0|4x|{LOCATION.hex()}".encode(),
    ]
    assert asked.session.pdus == pdus, "v3: engine discovery and time come before"


async def test_more_than_twenty_variables_are_more_than_one_request(snmpd: int) -> None:
    async with asking(snmpd) as asked:
        await asked.session.get([f"{SYSTEM}.{n}.0" for n in range(1, 42)])
        assert asked.session.pdus == 3
    assert len(asked.said) == 1


@pytest.mark.parametrize("credential", [COMMUNITY, USER])
async def test_walk_stays_below_its_root(snmpd: int, credential: SnmpCredential | SnmpUser) -> None:
    async with asking(snmpd, credential) as asked:
        await asked.session.walk("1.3.6.1.2.1.4.20.1.1")
    assert b"1.3.6.1.2.1.4.20.1.1.127.0.0.1|64|127.0.0.1" in asked.heard
    assert all(line.startswith(b"1.3.6.1.2.1.4.20.1.1.") for line in asked.heard)


async def test_walk_ends_at_its_limit(snmpd: int) -> None:
    async with asking(snmpd) as asked:
        await asked.session.walk("1.3.6.1.2.1", 55)
        assert (len(asked.heard), asked.session.pdus) == (55, 3)
    assert asked.said == [b"walk 1.3.6.1.2.1 55"]
    assert asked.told == [], "there may be more"


async def test_walk_to_the_end_is_told(snmpd: int) -> None:
    async with asking(snmpd) as asked:
        await asked.session.walk("1.3.6.1.2.1.4.20.1.1")
        await asked.session.walk("1.3.6.1.2.1.17.4.3.1.2")
    assert asked.told == [b"whole 1.3.6.1.2.1.4.20.1.1", b"whole 1.3.6.1.2.1.17.4.3.1.2"]


async def test_times_and_counters_have_their_tags(snmpd: int) -> None:
    async with asking(snmpd) as asked:
        await asked.session.get([f"{SYSTEM}.3.0", "1.3.6.1.2.1.2.2.1.5.1", "1.3.6.1.2.1.2.2.1.10.1"])
    assert [line.split(b"|")[1] for line in asked.heard] == [b"67", b"66", b"65"]


async def test_one_session_asks_many_questions(snmpd: int) -> None:
    async with asking(snmpd, USER) as asked:
        for _ in range(3):
            await asked.session.get([f"{SYSTEM}.5.0"])
        assert (len(asked.heard), asked.session.pdus) == (3, 5)


@dataclass
class Wired:
    """A wire that has nothing but this session."""

    given: SnmpSession
    address: str = "127.0.0.1"

    async def session(self, kind: str, port: int, most: int = 0) -> SnmpSession:
        return self.given

    async def tcp(self, port: int) -> Stream:
        raise HeldBack("SNMP only")

    async def udp(self, port: int) -> Stream:
        raise HeldBack("SNMP only")

    async def login(self, kind: str, port: int) -> CommandSession:
        raise HeldBack("SNMP only")


@pytest.mark.parametrize("credential", [COMMUNITY, USER])
async def test_a_host_is_known_after_fifteen_requests(
    snmpd: int, credential: SnmpCredential | SnmpUser
) -> None:
    async with asking(snmpd, credential) as asked:
        await snmp.ask(Wired(asked.session), snmpd)
    assert asked.session.pdus <= 15, asked.said
    found = snmp.read(Transcript(tuple(Line("<", line) for line in asked.heard)))
    kinds = {one.kind for one in found}
    assert {FactKind.SNMP_SYSNAME, FactKind.LOCATION, FactKind.FORWARDING, FactKind.INTERFACE} <= kinds


async def test_both_questions_give_what_was_heard(snmpd: int) -> None:
    async with asking(snmpd) as asked:
        got = await asked.session.get([f"{SYSTEM}.5.0", f"{SYSTEM}.99.0"])
        walked = await asked.session.walk(SYSTEM, 3)
    assert (*got, *walked) == tuple(asked.heard)
    assert (len(got), len(walked)) == (1, 3)


WRONG = [
    (SnmpCredential("public"), Silent),
    (SnmpUser("monitor", "sha256", "another-password", "aes128", "privacy-pass-1"), Refused),
    (SnmpUser("stranger", "sha256", "authentication-1", "aes128", "privacy-pass-1"), Refused),
    (SnmpUser("monitor", "sha256", "authentication-1", "aes128", "another-password"), WireError),
]


@pytest.mark.parametrize(("credential", "error"), WRONG)
async def test_wrong_credentials(
    snmpd: int, credential: SnmpCredential | SnmpUser, error: type[Exception]
) -> None:
    async with asking(snmpd, credential, seconds=0.5) as asked:
        with pytest.raises(error):
            await asked.session.get([f"{SYSTEM}.5.0"])
    assert asked.heard == []


async def test_closed_port_is_refused_at_once() -> None:
    async with asking(free_port(), seconds=60) as asked:
        with pytest.raises(Refused):
            await asyncio.wait_for(asked.session.get([f"{SYSTEM}.5.0"]), 30)


async def test_no_network_is_our_fault() -> None:
    async with asking(161, address="255.255.255.255") as asked:
        with pytest.raises(OurFault):
            await asked.session.get([f"{SYSTEM}.5.0"])


@pytest.mark.parametrize("secret", [COMMUNITY, USER])
def test_secrets_are_not_shown(secret: SnmpCredential | SnmpUser) -> None:
    shown = f"{secret!r} {secret}"
    assert not any(word in shown for word in ("hospital-ro", "authentication-1", "privacy-pass-1"))


class Peer(asyncio.DatagramProtocol):
    """Answers every datagram with what `answer` makes of it."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.answer, self.got, self.reached = answer, 0, asyncio.Event()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.got += 1
        self.reached.set()
        answer = self.answer(data)
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)


@contextlib.asynccontextmanager
async def peer(answer: Callable[[bytes], bytes | None]) -> AsyncIterator[tuple[int, Peer]]:
    loop = asyncio.get_running_loop()
    transport, made = await loop.create_datagram_endpoint(lambda: Peer(answer), local_addr=("127.0.0.1", 0))
    try:
        yield int(transport.get_extra_info("sockname")[1]), made
    finally:
        transport.close()


@pytest.mark.parametrize("credential", [COMMUNITY, USER])
async def test_what_the_hook_holds_back_is_not_sent(credential: SnmpCredential | SnmpUser) -> None:
    async def hold() -> None:
        raise HeldBack("budget")

    async with peer(lambda data: None) as (port, host), asking(port, credential, hook=hold) as asked:
        with pytest.raises(HeldBack):
            await asked.session.get([f"{SYSTEM}.5.0"])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
            marker.sendto(b"marker", ("127.0.0.1", port))
        await asyncio.wait_for(host.reached.wait(), 60)
        assert (host.got, asked.session.pdus) == (1, 0), "only the marker came"
        assert asked.said == asked.told == [], "and nothing is said to have left"


def broken(data: bytes, chance: random.Random) -> bytes:
    answer = bytearray(data)
    for at, octet in enumerate(answer):
        if octet in (0xA0, 0xA5):  # GET or GETBULK becomes a response
            answer[at] = 0xA2
            break
    for _ in range(chance.randrange(6)):
        answer[chance.randrange(len(answer))] = chance.randrange(256)
    cut = chance.random() < 0.2
    return (
        chance.randbytes(chance.randrange(1, 1500))
        if chance.random() < 0.1
        else bytes(answer[: -7 if cut else None])
    )


@pytest.mark.parametrize("credential", [COMMUNITY, USER])
async def test_broken_answers_give_only_wire_errors(credential: SnmpCredential | SnmpUser) -> None:
    chance = random.Random(2)
    kinds = set()
    async with peer(lambda data: broken(data, chance)) as (port, _):
        for turn in range(300):
            async with asking(port, credential, seconds=0.01) as asked:
                try:
                    await (
                        asked.session.walk(SYSTEM, 50) if turn % 3 else asked.session.get([f"{SYSTEM}.5.0"])
                    )
                    kinds.add("answered")
                except WireError as error:
                    kinds.add(type(error).__name__)
    assert {"Refused", "Silent"} <= kinds


async def test_an_agent_that_runs_in_circles_ends() -> None:
    def same_again(data: bytes) -> bytes:
        start = data.index(b"\xa5") + 4
        request = data[start : start + data[start - 1]]
        binding = b"\x30\x0d" + b"\x06\x08" + bytes.fromhex("2b06010201010500") + b"\x02\x01\x01"
        pdu = b"\x02" + bytes([len(request)]) + request + b"\x02\x01\0\x02\x01\0" + b"\x30\x0f" + binding
        body = b"\x02\x01\x01" + b"\x04\x0bhospital-ro" + b"\xa2" + bytes([len(pdu)]) + pdu
        return b"\x30" + bytes([len(body)]) + body

    async with peer(same_again) as (port, host), asking(port, seconds=0.5) as asked:
        await asked.session.walk(SYSTEM)
    assert (host.got, asked.heard) == (2, [f"{SYSTEM}.5.0|2|1".encode()])


@pytest.mark.parametrize("within", [10_000])
async def test_a_flood_of_answers_to_something_else_holds_nobody_up(within: int) -> None:
    """Each is there at once: without an end of our own no deadline of the loop would ever come to its turn."""
    stray = bytes.fromhex("301d020101040b686f73706974616c2d726fa20b0201010201000201003000")

    @dataclass
    class Flood:
        left: int = within

        async def send(self, data: bytes) -> None:
            return

        async def receive(self, most: int) -> bytes:
            self.left -= 1
            assert self.left, "it would go on for ever"
            return stray

    assert is_whole(stray)
    told: list[bytes] = []
    session = SnmpSession(Flood(), COMMUNITY, say=told.append, hear=told.append)
    with contextlib.closing(session), pytest.raises(Refused, match="something else"):
        await session.get([f"{SYSTEM}.5.0"])


async def test_a_question_in_two_requests_says_how_much_of_it_left() -> None:
    sent = 0

    async def hold() -> None:
        nonlocal sent
        sent += 1
        if sent > 1:
            raise HeldBack("budget")

    async with peer(_nothing_of_it) as (port, _), asking(port, hook=hold) as asked:
        with pytest.raises(HeldBack):
            await asked.session.get([f"{SYSTEM}.{n}.0" for n in range(1, 31)])
    assert asked.told == [b"asked 20 of 30"]


def _nothing_of_it(data: bytes) -> bytes:
    """Answer a GET with no variables."""
    start = data.index(b"\xa0")
    size = start + 2 + (data[start + 1] & 0x7F if data[start + 1] & 0x80 else 0)
    request = data[size : size + 2 + data[size + 1]]
    pdu = request + b"\x02\x01\0\x02\x01\0" + b"\x30\0"
    body = b"\x02\x01\x01" + b"\x04\x0bhospital-ro" + b"\xa2" + bytes([len(pdu)]) + pdu
    return b"\x30" + bytes([len(body)]) + body


@given(st.binary(max_size=200))
def test_ber_check_is_total(data: bytes) -> None:
    assert is_whole(data) in (True, False)


def test_ber_check_knows_a_whole_message() -> None:
    whole = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010105000500")
    assert is_whole(whole)
    assert not any(is_whole(whole[:end]) for end in range(len(whole)))
    assert not is_whole(whole + b"\0")


LINES = [
    ("1.2", b"a|b", b"1.2|4|a|b"),
    ("1.2", b"", b"1.2|4|"),
    ("1.2", b"\x00\x1b", b"1.2|4x|001b"),
    ("1.2", "10.0.0.1", b"1.2|64|10.0.0.1"),
    ("1.2", "1.3.6.1.4", b"1.2|6|1.3.6.1.4"),
    ("1.2", -5, b"1.2|2|-5"),
    ("1.3.6.1.2.1.31.1.1.1.6.7", 2**63, b"1.3.6.1.2.1.31.1.1.1.6.7|70|9223372036854775808"),
    ("1.2", 1.5, b"1.2|68|1.5"),
    ("1.2", None, None),
]


@pytest.mark.parametrize(("oid", "value", "line"), LINES)
def test_lines(oid: str, value: object, line: bytes | None) -> None:
    assert variable_line(oid, value) == line
