# SPDX-License-Identifier: Apache-2.0
"""Hosts that are hard on a scan: open everywhere, a tarpit everywhere, one that becomes slow, a thousand that vanish;
and a /16 over a restart.
"""

import asyncio
import contextlib
import functools
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import pytest

from agent.clock import SystemClock
from agent.discovery import Discovery
from agent.door import Door
from agent.finding import SLICE, Finding
from agent.ground import Ground
from agent.headway import Headway, begin, keep_headway
from agent.host import MOST_ALL_OPEN, MOST_DUMB, HostSurvey
from agent.logbook import Logbook
from agent.plan import Question, tcp_ports
from agent.records import Record, Records
from agent.scope import Scope, write_scope
from agent.settings import PaceSection, ScopeSection, Settings
from agent.sightings import Sightings
from agent.survey import Survey
from agent.vantage import Standing
from agent.watch import SEGMENT, Brakes
from agent.wire import CONNECT_SECONDS, LiveWire
from deploy.bench.pace_virtual import VirtualLoop, sweep_and_ask
from probes.contract import HeldBack, Refused, Silent, WireError
from probes.facts import FactKind, Observation, Outcome, Scan, Sent, Sure

HOST = "127.9.0.1"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it listens on low ports")


class Lines:
    """A spool in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def put(self, records: Sequence[Record]) -> None:
        self.records += records


@contextlib.asynccontextmanager
async def open_everywhere(serve: Serve) -> AsyncIterator[Counter[str]]:
    """A host whose every port of the standard scan is open; counts connections now and at most at once."""
    open_now: Counter[str] = Counter()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now["now"] += 1
        open_now["most"] = max(open_now["most"], open_now["now"])
        with contextlib.suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()
        open_now["now"] -= 1

    servers = [await asyncio.start_server(one, HOST, port) for port in tcp_ports("standard")]
    try:
        yield open_now
    finally:
        for server in servers:
            server.close()


async def scanned(serve: Serve) -> tuple[Scan, list[Record], Counter[str]]:
    spool = Lines()
    settings = Settings(pace=PaceSection(packets_per_host=200, connection_gap=0.0), listen_seconds=0.0)
    scope = write_scope(ScopeSection(), [f"{HOST}/32"], (), yes_large=False)
    async with open_everywhere(serve) as open_now:
        scan = await Survey(settings, scope, spool, privileged=False).run()
    return scan, spool.records, open_now


def sent_to(records: list[Record]) -> list[Sent]:
    return [one for one in records if isinstance(one, Sent) and one.address == HOST]


@pytest.mark.lab
@root
def test_a_host_that_answers_on_all_ports_the_same_is_asked_within_its_budget_and_named_nothing() -> None:
    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello\r\n")
        await writer.drain()

    scan, records, open_now = asyncio.run(scanned(hello))
    seen = [one for one in records if isinstance(one, Observation)]
    kinds = (FactKind.PRODUCT, FactKind.REMOTE_PATH)  # telnet's port said a word: likely, never sure
    named = [f for one in seen for f in one.facts if f.kind in kinds and f.sure is Sure.SURE]
    assert (scan.state, named) == ("complete", [])
    assert sum(line.packets for line in sent_to(records)) <= PaceSection().packets_per_host_and_scan
    assert open_now["most"] == 1
    told = [line.port for line in sent_to(records) if line.payload_bytes]
    assert len(told) < MOST_ALL_OPEN  # two ports of Windows looked like it, until all were open
    assert not set(told) & set(tcp_ports("standard")[MOST_ALL_OPEN:])


@pytest.mark.lab
@root
def test_a_tarpit_on_every_port_is_let_go_after_a_few_connections() -> None:
    async def mute(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    scan, records, open_now = asyncio.run(scanned(mute))
    reasons = [
        one.reason for one in records
        if isinstance(one, Observation) and one.probe == "plan" and one.outcome is Outcome.HELD_BACK
    ]  # fmt: skip
    assert scan.state == "complete"
    assert [reason.partition(":")[0] for reason in reasons] == ["never_answers"]
    assert sum(line.connections for line in sent_to(records)) <= MOST_DUMB + 1  # and the one that found it
    assert open_now["most"] == 1


@pytest.mark.lab
@pytest.mark.skipif(os.geteuid() != 0 or not Path("/dev/net/tun").exists(), reason="needs root and TUN")
def test_a_host_that_becomes_slow_is_let_go() -> None:
    ran = subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "tests.slow_host"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout)
    assert [reason.partition(":")[0] for reason in told["plan"]] == ["answers_slowly"]
    assert (
        told["connections"] <= 10 < told["ports"]
    )  # six quick ones, two slow ones, and the one that found it


class Vanishing(HostSurvey):
    """A host that refuses every connection, until it is gone with all the others."""

    async def _converse(self, wire: LiveWire, question: Question) -> WireError | None:
        del wire, question
        return await vanish(self.door)

    async def _look_after(self) -> None:
        if self.watch.check_port:
            self.watch.checked(not isinstance(await vanish(self.door), Silent))
        if self.watch.trouble:
            self.brakes.trouble(self.network, self.door.mac, self.door.address)


async def vanish(door: Door) -> WireError:
    """Make one connection of one packet through the real door, unless it is held back; from GONE on nobody answers."""
    try:
        await door.enter(5, connecting=True)
    except HeldBack as held:
        return held
    gone = door.clock.steady() >= GONE
    door.journal("tcp connect", packets=1, connections=1)
    await door.clock.sleep(CONNECT_SECONDS if gone else 0.001)
    door.leave(5, 1, connected=True)
    return Silent("no answer to SYN") if gone else Refused("refused")


GONE = 16.0  # seconds after the beginning: the sweep of the /22 takes about 11


def test_a_thousand_hosts_that_vanish_at_once_stop_their_segment() -> None:
    brakes, sent, hosts = Brakes(), list[Sent](), list[Vanishing]()

    def host(door: Door) -> Vanishing:
        door.halted = functools.partial(brakes.refuses, "10.76.0.0/22")
        hosts.append(Vanishing(door, Records(Lines(), "s"), "standard", "10.76.0.0/22", brakes=brakes))
        return hosts[-1]

    with asyncio.Runner(loop_factory=VirtualLoop) as runner, pytest.raises(RuntimeError) as ended:
        runner.run(sweep_and_ask(1000, 22, sent.append, host))
    assert str(ended.value).startswith("1000 found, ")
    begun = sent[0].at
    after = Counter(
        one.address for one in sent if one.packets and (one.at - begun).total_seconds() > GONE + 0.1
    )
    assert 3 <= len(after) < 2 * PaceSection().hosts_at_once  # one may end its plan, and the next begins
    assert max(after.values()) <= 4  # two questions, the check, and one that was on its way
    assert len(brakes.troubled["10.76.0.0/22"]) >= 3
    stopped = [host for host in hosts if host.refused == SEGMENT]
    assert len(stopped) > 800
    assert all(not one.asked for one in stopped if one.door.address not in {line.address for line in sent})


class Sweep:
    """A discovery that counts whom it asks, and ends as a power cut does after some slices."""

    def __init__(self, most: int) -> None:
        self.worker = Answers()
        self.held: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.most = most
        self.put_off: frozenset[str] = frozenset()

    async def by_arp(self, _: str, addresses: Sequence[str]) -> frozenset[str]:
        self.asked.update(addresses)
        self.most -= 1
        if self.most < 0:
            raise asyncio.CancelledError
        return frozenset(addresses)


class Answers:
    """Somebody at two addresses, one early and one late."""

    arp_answers = {("eth0", f"10.76.{n}.7"): {f"02:00:00:00:76:{n:02x}"} for n in (1, 250)}  # noqa: RUF012


WIDE = Scope((ip_network("10.76.0.0/16"),))
STANDING = Standing("eth0", 2, "02:00:00:00:76:ff", "10.76.0.1", "10.76.0.0/16", (), True, False)
SCAN = Scan(id="s", started=datetime(2026, 11, 20, tzinfo=UTC))


async def swept(book: Logbook, most: int) -> tuple[Counter[str], Headway, list[Sequence[str]]]:
    """Sweep the /16 with what an earlier run left in the book, until done or cut off."""
    headway = await begin(book, book, SCAN, "settings")
    ground = Ground((STANDING,), (STANDING.as_vantage("me"),), ((WIDE.networks[0], 0),), WIDE)
    seen, sweep, told = Sightings(ground), Sweep(most), list[Sequence[str]]()

    async def nobody(_: str) -> bool:
        return False

    def found(_: str, address: str, mac: str) -> None:
        seen.add(address, mac)
        headway.found[address] = mac

    finding = Finding(
        ground, SystemClock(), seen, cast("Discovery", sweep), headway, found, cast("Any", None),
        lambda many: told.append(list(many)), nobody,
    )  # fmt: skip
    with contextlib.suppress(asyncio.CancelledError):
        await finding.run(ground.askable())
    await keep_headway(book, headway)
    return sweep.asked, headway, told


def test_a_sweep_of_a_16_goes_on_over_a_restart_and_asks_nobody_twice(tmp_path: Path) -> None:
    async def both() -> tuple[Counter[str], Counter[str], Headway, list[Sequence[str]]]:
        with Logbook(tmp_path / "book") as book:
            first, cut, _ = await swept(book, 12)
        assert cut.swept == {"eth0": 12 * SLICE}
        with Logbook(tmp_path / "book") as book:  # another process, the same disk
            second, headway, told = await swept(book, 10_000)
        return first, second, headway, told

    first, second, headway, told = asyncio.run(both())
    every = 2**16 - 3  # without the network's edges and our own address
    assert len(first | second) == every
    again = set(first) & set(second)
    assert (
        len(again) == SLICE + 1
    )  # the slice that was cut off, and the host that was found and not asked yet
    assert max((first + second).values()) == 2
    assert sum(map(len, told)) == 12 * SLICE - 1  # told at once as done, so that the time left is right
    assert set(headway.found) == {"10.76.1.7", "10.76.250.7"}
