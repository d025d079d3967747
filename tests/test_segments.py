# SPDX-License-Identifier: Apache-2.0
"""Each network with the profile that the site wrote for it, and how far each of them is."""

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from agent.records import Record
from agent.refusal import Refusal
from agent.scope import Scope, write_scope
from agent.segments import gentler, looked_at, profile_for, with_listening
from agent.settings import PaceSection, ScopeSection, Segment, Settings, settings_from
from agent.survey import Survey
from agent.time_left import Progress, SegmentProgress
from deploy import scan_progress
from deploy.scan_progress import ScanProgress
from deploy.site import read_site
from probes.facts import Sent

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
SEGMENTS = (
    Segment(network="127.8.4.0/30", profile="listen"),
    Segment(network="127.8.2.0/30", profile="gentle"),
)
SETTINGS = Settings(
    pace=PaceSection(packets_per_host=200, connection_gap=0.0, broadcasts=1000),
    segment=SEGMENTS,
    listen_seconds=0.0,
)


def scope_of(*networks: str, settings: Settings = SETTINGS) -> Scope:
    return with_listening(write_scope(ScopeSection(), networks, (), yes_large=False), settings)


def test_the_profile_of_an_address_is_its_segments() -> None:
    found = [profile_for(SETTINGS, f"127.8.{n}.1") for n in (0, 2, 4)]
    assert found == ["standard", "gentle", "listen"]
    silent = Settings(profile="listen", segment=SEGMENTS)
    assert {profile_for(silent, f"127.8.{n}.1") for n in (0, 2, 4)} == {"listen"}


def test_nothing_may_leave_for_a_segment_that_is_only_listened_to() -> None:
    scope = scope_of("127.8.0.0/21")
    assert scope.refuses("127.8.4.1", NOW) == "listened_only"
    assert scope.refuses("127.8.2.1", NOW) == ""
    assert not scope.may_ask_for("127.8.4.1")
    assert not {f"127.8.4.{n}" for n in range(4)}.intersection(scope.addresses(scope.networks[0]))


def test_a_listened_segment_is_no_network_that_was_looked_at() -> None:
    networks, profile = looked_at(scope_of("127.8.0.0/30", "127.8.2.0/30", "127.8.4.0/30"), SETTINGS)
    assert ([str(network) for network in networks], profile) == (["127.8.0.0/30", "127.8.2.0/30"], "gentle")
    assert looked_at(scope_of("127.8.0.0/30", "127.8.4.0/30"), SETTINGS)[1] == "standard"
    assert looked_at(scope_of("127.8.4.0/30"), SETTINGS)[1] == "listen"


@pytest.mark.parametrize(
    "segments",
    [
        [{"network": "10.0.0.0/24", "profile": "gentle"}, {"network": "10.0.0.128/25", "profile": "deep"}],
        [{"network": "ward 3", "profile": "gentle"}],
        [{"network": "10.0.0.0/24", "profile": "loud"}],
    ],
    ids=["overlap", "no network", "no profile"],
)
def test_a_segment_says_one_thing_about_one_network(segments: list[dict[str, str]]) -> None:
    with pytest.raises(Refusal):
        settings_from({"segment": segments}, "agent.toml")


def test_the_command_line_asks_nobody_for_more_than_the_site_does(tmp_path: Path) -> None:
    assert gentler("deep", "listen") == "listen"
    config = tmp_path / "agent.toml"
    config.write_text(
        '[scope]\nnetworks = ["10.0.0.0/16"]\n'
        '[[segment]]\nnetwork = "10.0.1.0/24"\nprofile = "listen"\n'
        '[[segment]]\nnetwork = "10.0.2.0/24"\nprofile = "deep"\n',
        "utf-8",
    )
    site = read_site((), config, profile="gentle")
    assert [segment.profile for segment in site.settings.segment] == ["listen", "gentle"]
    assert site.scope.refuses("10.0.1.5", NOW) == "listened_only"


class Lines:
    """A spool in memory."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def put(self, records: Sequence[Record]) -> None:
        self.records += records


def test_a_scan_keeps_to_each_segments_profile_and_tells_how_far_each_is() -> None:
    spool, told = Lines(), list[Progress]()
    scope = scope_of("127.8.0.0/30", "127.8.2.0/30", "127.8.4.0/30")
    scan = asyncio.run(Survey(SETTINGS, scope, spool, tell=told.append, privileged=False).run())
    sent = [one for one in spool.records if isinstance(one, Sent)]
    ports = {
        address: {s.port for s in sent if s.address == address} for address in ("127.8.0.1", "127.8.2.1")
    }
    assert (scan.state, scan.profile, scan.planned) == ("complete", "gentle", 4)
    assert scan.scope == ("127.8.0.0/30", "127.8.2.0/30")
    assert not [one for one in sent if one.address.startswith("127.8.4.")]
    assert 1433 in ports["127.8.0.1"] - ports["127.8.2.1"]  # standard, and gentle
    last = {segment.network: segment for segment in told[-1].segments}
    assert set(last) == {"127.8.0.0/30", "127.8.2.0/30"}
    assert {(one.done, one.total, one.found) for one in last.values()} == {(2, 2, 2)}


SEEN = Progress(
    "find", 30, 100, 5, 400, 60.0,
    (SegmentProgress("10.0.1.0/24", 10, 50, 3, 40.0), SegmentProgress("10.0.2.0/24", 20, 50, 2, None)),
)  # fmt: skip


def test_a_bar_for_each_segment_on_a_terminal_and_lines_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (True, False):
        out = io.StringIO()
        console = Console(file=out, force_terminal=terminal, width=140)
        monkeypatch.setattr(scan_progress, "errors", console)
        with ScanProgress() as shown:
            shown.tell(SEEN)
        assert "10.0.1.0/24" in out.getvalue()
        assert "10.0.2.0/24" in out.getvalue()
        assert ("10/50" in out.getvalue(), "\x1b[" in out.getvalue()) == (True, terminal)
