# SPDX-License-Identifier: Apache-2.0
"""The deep look with the real nmap against a real server on loopback: only where the site allows it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.clock import SystemClock
from agent.deep_look import SENTENCES, DeepService
from agent.deep_survey import look, unnamed
from agent.door import Door
from agent.guard import Permit
from agent.host import HostSurvey
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
    (line,) = [record for record in kept.records if isinstance(record, Sent)]
    assert (line.action, line.packets) == ("nmap service detection", 28)
    assert survey.door.pace.spent("127.0.0.1") == 28


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


def test_named_ports_and_ports_that_get_no_bytes_are_left_out() -> None:
    survey, _ = host(deep=True)
    survey.open_ports.update({22, 23, 515, 8443, 9100, 9999})
    survey.answered.add(("ssh", 22))
    assert unnamed(survey) == [8443, 9999]
