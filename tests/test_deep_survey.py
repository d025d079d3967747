# SPDX-License-Identifier: Apache-2.0
"""The deep look with the real nmap against a real server on loopback: only where the site allows it."""

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.deep_look import HOST_SECONDS, SENTENCES, DeepService
from agent.deep_survey import PACKETS_PER_PORT, look, unnamed
from agent.door import Door
from agent.guard import Permit
from agent.host import HostSurvey
from agent.nmap_relay import MOST_CONNECTIONS, NmapRelay
from agent.pace import Pace
from agent.records import Records
from agent.scope import write_scope
from agent.settings import Host, ScopeSection
from probes.contract import OurFault
from probes.facts import FactKind, Observation, Outcome, Sent
from tests.test_wire import Kept


def host(*, deep: bool, budget: int = 120) -> tuple[HostSurvey, Kept]:
    allowed = (Host(address="127.0.0.1", allow=("deep",), reason="test"),) if deep else ()
    scope = write_scope(ScopeSection(host=allowed), ["127.0.0.0/24"], [], yes_large=False)
    kept = Kept()
    records = Records(kept, "scan")
    pace = Pace(9, 1000, 0.2, budget)
    door = Door("127.0.0.1", scope, pace, SystemClock(), "scan", "here", records.add, permit=Permit.SEND)
    return HostSurvey(door, records, "standard", "127.0.0.0/24"), kept


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[int]:
    program = "import http.server as h;s=h.ThreadingHTTPServer(('127.0.0.1',0),h.SimpleHTTPRequestHandler);print(s.server_port,flush=True);s.serve_forever()"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.terminate()


async def test_nmap_names_what_we_could_not(web_server: int) -> None:
    if shutil.which("nmap") is None:
        pytest.skip("nmap is not installed")
    survey, kept = host(deep=True)
    survey.open_ports.add(web_server)
    await look(survey)
    await survey.records.flush()
    (seen,) = [record for record in kept.records if isinstance(record, Observation)]
    assert (seen.probe, seen.port, seen.outcome) == ("nmap", web_server, Outcome.ANSWERED)
    assert "http" in " ".join(seen.of(FactKind.SERVICE))
    lines = [record for record in kept.records if isinstance(record, Sent)]
    assert 1 <= len(lines) <= MOST_CONNECTIONS
    assert {(line.action, line.probe, line.port) for line in lines} == {("tcp connect", "nmap", web_server)}
    assert survey.door.pace.spent("127.0.0.1") == sum(line.packets for line in lines)
    assert 4 <= sum(line.packets for line in lines) <= PACKETS_PER_PORT  # the kernel's count, not a guess


async def test_nmap_keeps_to_the_pace_of_the_door_one_connection_at_a_time() -> None:
    if shutil.which("nmap") is None:
        pytest.skip("nmap is not installed")
    taken: list[tuple[float, float]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came = time.monotonic()
        await reader.read(100)
        writer.write(b"no such word\r\n")
        writer.close()
        taken.append((came, time.monotonic()))

    survey, kept = host(deep=True)
    async with (
        await asyncio.start_server(serve, "127.0.0.1", 0) as one,
        await asyncio.start_server(serve, "127.0.0.1", 0) as two,
    ):
        survey.open_ports.update(server.sockets[0].getsockname()[1] for server in (one, two))
        await look(survey)
    await survey.records.flush()
    taken.sort()
    assert len(taken) >= 2
    assert all(after[0] - before[1] > 0.15 for before, after in itertools.pairwise(taken))
    sent = sum(record.packets for record in kept.records if isinstance(record, Sent))
    assert 0 < sent == survey.door.pace.spent("127.0.0.1") <= 120


async def test_nmap_that_hangs_is_ended_and_the_survey_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fake = tmp_path / "nmap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = -V ] && echo "Nmap version 7.93 ( https://nmap.org )" && exit\n'
        f"echo $$ > {tmp_path}/pid\nexec sleep 1000\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("agent.deep_look._GRACE_SECONDS", 3 - HOST_SECONDS)
    survey, kept = host(deep=True)
    survey.open_ports.add(9999)
    await look(survey)
    await survey.records.flush()
    (seen,) = kept.records
    assert isinstance(seen, Observation)
    assert (seen.outcome, seen.reason.partition(":")[0]) == (Outcome.OUR_FAULT, "nmap_failed")
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def state_of(pid: int) -> str:
    """State of a process in one letter, "" when it is gone."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else ""


@pytest.mark.parametrize("stops", [1, 2])  # the switch, and a signal while nmap is being ended
async def test_a_stop_ends_nmap_within_the_second_also_one_that_will_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stops: int
) -> None:
    fake = tmp_path / "nmap"
    fake.write_text(
        '#!/bin/sh\n[ "$1" = -V ] && echo "Nmap version 7.93 ( https://nmap.org )" && exit\n'
        f"trap '' TERM\nkill -STOP $PPID\necho $$ > {tmp_path}/pid\nwhile :; do sleep 0.05; done\n"
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    survey, _ = host(deep=True)
    survey.open_ports.add(9999)
    looking = asyncio.create_task(look(survey))
    while not (pid := (tmp_path / "pid").read_text() if (tmp_path / "pid").exists() else ""):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    asked = time.monotonic()
    for _ in range(stops):
        looking.cancel()
        await asyncio.sleep(0.1)
    await asyncio.wait({looking})
    assert time.monotonic() - asked < 0.8  # the switch is looked at five times a second
    for _ in range(50):
        if (state := state_of(int(pid))) in ("", "Z"):
            break
        await asyncio.sleep(0.02)
    assert state in ("", "Z")


async def test_a_port_scan_alone_does_not_reach_the_device() -> None:
    came: list[object] = []
    async with await asyncio.start_server(lambda *both: came.append(both), "127.0.0.1", 0) as server:
        survey, kept = host(deep=True)
        async with NmapRelay(survey.door, [server.sockets[0].getsockname()[1]], "test") as relay:
            for _ in range(3):
                with socket.create_connection((relay.address, next(iter(relay.ports)))):
                    pass
            await asyncio.sleep(0.4)
    assert (came, kept.records, relay.connections) == ([], [], 0)


async def test_without_the_sites_word_there_is_no_deep_look() -> None:
    survey, kept = host(deep=False)
    survey.open_ports.add(9999)
    await look(survey)
    await survey.records.flush()
    assert not kept.records


async def test_without_nmap_the_journal_claims_no_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_nmap(*_: object) -> tuple[DeepService, ...]:
        raise OurFault(SENTENCES["no_nmap"])

    monkeypatch.setattr("agent.deep_survey.look_deeply", no_nmap)
    survey, kept = host(deep=True)
    survey.open_ports.add(9999)
    await look(survey)
    await survey.records.flush()
    (seen,) = kept.records
    assert isinstance(seen, Observation)
    assert seen.outcome is Outcome.OUR_FAULT
    assert survey.door.pace.spent("127.0.0.1") == 0


async def test_a_spent_budget_holds_it_back() -> None:
    survey, kept = host(deep=True, budget=20)
    survey.open_ports.add(9999)
    await look(survey)
    await survey.records.flush()
    (seen,) = kept.records
    assert isinstance(seen, Observation)
    assert seen.outcome is Outcome.HELD_BACK


async def test_nmap_spends_from_the_payload_of_the_host_and_what_was_not_asked_is_not_silent() -> None:
    if shutil.which("nmap") is None:
        pytest.skip("nmap is not installed")
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.read(1000))
        writer.close()

    survey, kept = host(deep=True)
    survey.door.pace.payload = 5
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        survey.open_ports.add(port)
        await look(survey)
    await survey.records.flush()
    (seen,) = (record for record in kept.records if isinstance(record, Observation))
    assert (seen.outcome, seen.reason.partition(":")[0], seen.port) == (Outcome.HELD_BACK, "budget", port)
    assert len(got) <= 5


def test_named_ports_and_ports_that_get_no_bytes_are_left_out() -> None:
    survey, _ = host(deep=True)
    survey.open_ports.update({22, 23, 515, 8443, 9100, 9999})
    survey.answered.add(("ssh", 22))
    assert unnamed(survey) == [8443, 9999]
