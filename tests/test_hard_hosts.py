# SPDX-License-Identifier: Apache-2.0
"""Hosts that are hard on a scan: open everywhere, a tarpit everywhere, one that becomes slow; and a /16 over a restart."""

import asyncio
import contextlib
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
from agent.finding import SLICE, Finding
from agent.ground import Ground
from agent.headway import Headway, begin, keep_headway
from agent.host import MOST_ALL_OPEN, MOST_DUMB
from agent.logbook import Logbook
from agent.plan import tcp_ports
from agent.records import Record
from agent.scope import Scope, write_scope
from agent.settings import PaceSection, ScopeSection, Settings
from agent.sightings import Sightings
from agent.survey import Survey
from agent.vantage import Standing
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


class Sweep:
    """A discovery that counts whom it asks, and ends as a power cut does after some slices."""

    def __init__(self, most: int) -> None:
        self.worker = Answers()
        self.held: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.asked: Counter[str] = Counter()
        self.most = most

    async def by_arp(self, _: str, addresses: Sequence[str]) -> None:
        self.asked.update(addresses)
        self.most -= 1
        if self.most < 0:
            raise asyncio.CancelledError


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
