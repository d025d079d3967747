# SPDX-License-Identifier: Apache-2.0
"""A night after another: what is stable is confirmed by a few packets, what changed is asked whole, seen by a capture.

The part that scans runs inside a namespace: `python -m tests.test_nights NAME ARGUMENT…`, and prints JSON.
"""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.clock import SystemClock
from agent.confirm import Confirming, KnownHost, question_for
from agent.door import Door
from agent.ground import survey_ground
from agent.guard import Permit
from agent.host import HostSurvey
from agent.logbook import Logbook
from agent.memory import FORGET, Known, Memory, Met, checks, plan_digest, said, to_remember
from agent.pace import Pace
from agent.plan import Question
from agent.records import Record, Records
from agent.refusal import Refusal
from agent.scope import Scope, write_scope
from agent.settings import ScopeSection, Settings, settings_from
from agent.state_folder import take_wish, wish_whole, wishes_whole
from agent.survey import Survey
from agent.vantage import vantages
from collector.basis import AGE_LIMIT, compute_basis
from collector.techniques import ways_of
from deploy.dry_run import dry_run
from inventory_db.observations import Stored
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Sure, Technique
from tests import test_gentle as gentle
from tests.test_gentle import HOSTS, PREFIX, hall, left, seen, servers

__all__ = ["hall", "seen", "servers"]

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
CARD = "02:00:00:00:79:10"
MET = Met(
    mac=CARD, plan="p", scan="s1", whole=NOW, seen=NOW, temper="robust",
    known=(Known("ssh", 22, "aa"), Known("https", 443, "bb"), Known("snmpv3", 161, "cc")),
    shut=((23, "refused"), (445, "silent")),
)  # fmt: skip


class Drawer:
    """A keeper in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def keep_all(self, bodies: Any) -> None:
        self.bodies = {name: body for name, body in (self.bodies | dict(bodies)).items() if body}

    async def kept_under(self, prefix: str) -> dict[str, bytes]:
        return {name: body for name, body in self.bodies.items() if name.startswith(prefix)}


def remembered(met: Met, days: float = 7.0, drawer: Drawer | None = None) -> Memory:
    memory = Memory(drawer or Drawer(), days)
    memory.keep("v", "10.79.0.10", met)
    return memory


def changed(**values: Any) -> Met:
    return msgspec.structs.replace(MET, **values)


# ---- what is remembered, and what is asked of it


def test_each_night_asks_another_open_and_another_shut_port() -> None:
    nights = [checks(changed(nights=night)) for night in range(4)]
    assert [night[0] for night in nights] == [Known("snmpv3", 161, "cc")] * 4
    assert [night[1] for night in nights] == [Known("ssh", 22, "aa"), Known("https", 443, "bb")] * 2
    assert [night[2] for night in nights] == [(23, "refused"), (445, "silent")] * 2


def test_a_host_without_a_known_card_gets_no_question_only_connections() -> None:
    for night in range(4):
        for check in checks(changed(mac="", nights=night)):
            assert question_for(check, Permit.LISTEN).probe == "banner"


def test_a_question_whose_answer_changes_by_itself_only_shows_an_open_port() -> None:
    assert checks(changed(moody=(("ssh", 22),)))[1] == Known("banner", 22)


@pytest.mark.parametrize(
    ("mac", "plan", "later", "stable"),
    [
        (CARD, "p", timedelta(days=1), True),
        (CARD, "p", timedelta(days=6), True),
        (CARD, "p", timedelta(days=6, hours=23), False),  # tonight is the seventh night
        (CARD, "p", timedelta(days=-1), False),  # a clock was wrong: then or now
        ("02:00:00:00:79:99", "p", timedelta(days=1), False),
        (CARD, "other", timedelta(days=1), False),
    ],
)
def test_only_the_same_card_and_plan_of_a_late_whole_look_is_stable(
    mac: str, plan: str, later: timedelta, stable: bool
) -> None:
    memory = remembered(MET)
    assert memory.is_stable(memory.recall("v", "10.79.0.10"), mac, plan, NOW + later) is stable
    assert not memory.is_stable(memory.recall("elsewhere", "10.79.0.10"), mac, plan, NOW + later)
    assert not remembered(MET, days=0).is_stable(MET, mac, plan, NOW + later)


def test_memory_survives_a_restart_and_a_wish_empties_it(tmp_path: Path) -> None:
    async def work() -> None:
        with Logbook(tmp_path / "book") as book:
            memory = Memory(book, 7)
            memory.keep("v", "10.79.0.10", MET)
            memory.keep("v", "10.79.0.11", changed(seen=NOW - FORGET))
            await memory.write()
            await book.keep("met v 10.79.0.12", b"not one of ours")
            again = await Memory.open(book, 7, NOW + timedelta(hours=1))
            await again.write()
            assert again.recall("v", "10.79.0.10") == MET
            assert list(await book.kept_under("met ")) == ["met v 10.79.0.10"]
            wished = await Memory.open(book, 7, NOW, wish=True)
            assert wished.recall("v", "10.79.0.10") is None
            assert wished.scans() == {"s1"}
            await wished.write()
            assert await book.kept_under("met ") == {}

    asyncio.run(work())


def test_the_operators_wish_is_taken_once(tmp_path: Path) -> None:
    wish_whole(tmp_path / "state")
    assert wishes_whole(tmp_path / "state")
    assert [take_wish(tmp_path / "state") for _ in range(2)] == [True, False]


def test_what_is_new_at_every_look_is_no_difference() -> None:
    def answer(*facts: Fact) -> Observation:
        return Observation(
            scan="s", vantage="v", at=NOW, probe="snmpv3", port=161, transport="udp",
            outcome=Outcome.ANSWERED, facts=facts,
        )  # fmt: skip

    engine = Fact(FactKind.SNMP_ENGINE_ID, "80001f88")
    first = answer(engine, Fact(FactKind.SNMP_ENGINE_TIME, "10"), Fact(FactKind.SNMP_ENGINE_BOOTS, "3"))
    later = answer(Fact(FactKind.SNMP_ENGINE_TIME, "99"), Fact(FactKind.SNMP_ENGINE_BOOTS, "3"), engine)
    booted = answer(engine, Fact(FactKind.SNMP_ENGINE_TIME, "1"), Fact(FactKind.SNMP_ENGINE_BOOTS, "4"))
    assert said(first) == said(later) != said(booted)
    assert to_remember(first, connected=False) == Known("snmpv3", 161, said(first))
    credential = msgspec.structs.replace(first, probe="snmp")
    assert to_remember(credential, connected=False) is None  # fourteen requests are no confirmation


def test_the_plan_of_a_host_is_another_when_the_site_allows_something_else() -> None:
    plans = {
        plan_digest("standard", (), (), ()),
        plan_digest("deep", (), (), ()),
        plan_digest("standard", ("dicom",), (), ()),
        plan_digest("standard", (), ("smb_interfaces",), ()),
        plan_digest("standard", (), (), ("snmp False",)),
    }
    assert len(plans) == 5


@pytest.mark.parametrize("days", ["nan", "-1", "29"])
def test_a_whole_look_is_never_further_away_than_verdicts_bear(days: str) -> None:
    with pytest.raises(Refusal):
        settings_from({"schedule": {"every_hours": 24, "whole_every_days": float(days)}}, "agent.toml")


# ---- one host, its answers made up


@dataclass(slots=True)
class Played(KnownHost):
    """A host whose answers are given."""

    answers: Any = None  # (probe, port) → (outcome, connected, facts)

    async def put(self, question: Question) -> Observation:
        outcome, connected, facts = self.answers[question.probe, question.port]
        if connected:
            self.open_ports.add(question.port)
        transport = "udp" if question.port == 161 else "tcp"
        return Observation(
            scan="s2", vantage="v", at=NOW, probe=question.probe, port=question.port,
            transport=transport, outcome=outcome, facts=facts,
        )  # fmt: skip


class Lines:
    """A spool."""

    def __init__(self) -> None:
        self.records: list[Record] = []

    async def put(self, records: Any) -> None:
        self.records += records


ANSWERED, SILENT, REFUSED = Outcome.ANSWERED, Outcome.SILENT, Outcome.REFUSED
KEY = (Fact(FactKind.SSH_BANNER, "SSH-2.0-OpenSSH_9.2"),)
OLD = said(
    Observation(scan="", vantage="", at=NOW, probe="ssh", outcome=ANSWERED, facts=KEY),
)
STEADY = changed(known=(Known("ssh", 22, OLD),), shut=((23, "refused"),), kind="server")
SAME = {
    ("ssh", 22): (ANSWERED, True, KEY),
    ("banner", 23): (REFUSED, False, ()),
    ("telnet", 23): (REFUSED, False, ()),
}


def play(met: Met, answers: Any, shown_by: str = "arp") -> tuple[bool, list[Observation], KnownHost]:
    lines = Lines()
    scope = Scope((ip_network("10.79.0.0/24"),))
    door = Door(
        "10.79.0.10", scope, Pace(10, 1000, 0.0, 120), SystemClock(), "s2", "v", lambda _: None, mac=CARD
    )
    records = Records(lines, "s2")
    host = Played(door, records, "standard", "10.79.0.0/24", met=met, answers=answers)

    async def work() -> bool:
        same = await host.confirm(shown_by)
        await records.flush()
        return same

    same = asyncio.run(work())
    return (
        same,
        [one for one in lines.records if isinstance(one, Observation) and one.probe == "confirm"],
        host,
    )


def test_the_same_is_said_of_what_was_asked_and_of_nothing_else() -> None:
    same, told, _ = play(STEADY, SAME)
    assert same
    assert list(told[0].of(FactKind.CHECKED)) == ["arp", "ssh 22 tcp", "refused 23 tcp"]
    assert list(told[0].of(FactKind.CHECKED_SINCE)) == ["2026-11-20T02:00:00+00:00"]


@pytest.mark.parametrize(
    "answers",
    [
        SAME | {("ssh", 22): (ANSWERED, True, (Fact(FactKind.SSH_BANNER, "SSH-2.0-OpenSSH_9.9"),))},
        SAME | {("ssh", 22): (SILENT, True, ())},
        SAME | {("ssh", 22): (REFUSED, False, ())},
        SAME | {("ssh", 22): (Outcome.HELD_BACK, False, ())},
        SAME | {("ssh", 22): (Outcome.OUR_FAULT, False, ())},
        SAME | {("telnet", 23): (ANSWERED, True, ()), ("banner", 23): (ANSWERED, True, ())},
        SAME | {("telnet", 23): (SILENT, False, ()), ("banner", 23): (SILENT, False, ())},
    ],
    ids=["other words", "mute", "closed", "held back", "our fault", "opened", "filtered"],
)
def test_whatever_differs_is_never_called_the_same(answers: Any) -> None:
    same, told, host = play(STEADY, answers)
    assert (same, told) == (False, [])
    assert host.differs is not None


def test_who_answered_nothing_tonight_is_not_confirmed() -> None:
    quiet = changed(known=(), shut=((23, "silent"),))
    answers = {("banner", 23): (SILENT, False, ()), ("telnet", 23): (SILENT, False, ())}
    assert play(quiet, answers, shown_by="arp")[0]
    assert not play(quiet, answers, shown_by="")[0]


def test_a_host_is_judged_as_then_only_with_the_same_card() -> None:
    assert play(STEADY, SAME)[2].judged.temper == "robust"
    assert play(changed(mac="", known=(), shut=()), {})[2].judged.temper == "unknown"


def test_a_host_that_was_not_asked_whole_is_not_remembered() -> None:
    memory = remembered(MET)
    confirming = Confirming(memory)
    _, _, host = play(STEADY, SAME)
    whole = HostSurvey(host.door, host.records, "standard", host.network, known=[Known("ssh", 22, OLD)])
    confirming.remember(whole)
    kept = memory.recall("v", "10.79.0.10")
    assert kept is not None
    assert (kept.known, kept.scan, kept.temper) == ((Known("ssh", 22, OLD),), "s2", "unknown")
    for spoil in ({"lacks": True}, {"refused": "blackout"}, {"dumb": 5}):
        confirming.remember(whole)
        confirming.remember(replace(whole, **spoil))
        assert memory.recall("v", "10.79.0.10") is None


# ---- what the collector makes of it


def test_a_scan_that_confirmed_is_as_old_as_the_whole_asking_that_it_stands_on() -> None:
    scan = Scan(
        id="s", started=NOW, ended=NOW, scope=("10.0.0.0/24",), state="complete", planned=254, finished=254
    )
    fresh = compute_basis([scan], ("10.0.0.0/24",), (), (), NOW)
    old = msgspec.structs.replace(scan, confirmed=3, whole_since=NOW - AGE_LIMIT - timedelta(days=1))
    assert fresh.oldest == NOW
    assert compute_basis([old], ("10.0.0.0/24",), (), (), NOW).oldest == old.whole_since


def test_the_ways_of_a_confirmed_host_are_those_of_its_whole_asking() -> None:
    def one(scan: str, at: datetime, probe: str, port: int, told: Fact) -> Stored:
        return Stored(
            key=f"{scan} {probe}", scan=scan, vantage="v", at=at, probe=probe, address="10.79.0.10", port=port,
            transport="tcp", outcome=ANSWERED, facts=(told,),
        )  # fmt: skip

    whole = one("s1", NOW, "ssh", 22, Fact(FactKind.SSH_HOST_KEY, "ssh-ed25519 SHA256:x", Sure.SURE))
    night = one("s2", NOW + timedelta(days=1), "confirm", 0, Fact(FactKind.CHECKED, "arp"))
    ways = {way.technique: way.outcome for way in ways_of([whole, night])}
    assert ways[Technique.SSH_KEY] == "answered"


# ---- run inside the namespace


class Later(SystemClock):
    """A clock that is some days ahead."""

    days = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(days=self.days)


async def night(state: str, days: str) -> None:
    """Scan as the agent does, so many days later; then say what the next night would send."""
    clock = Later()
    clock.days = float(days)
    pace = msgspec.structs.replace(gentle.CALM, connection_gap=0.0)
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle")
    scope = write_scope(ScopeSection(), ("10.79.0.8/29",), (), yes_large=False)
    with Logbook(state) as book:
        memory = await Memory.open(book, 7, clock.now())
        survey = Survey(settings, scope, book, clock, notebook=book, memory=memory)
        ended = await survey.run()
        upload, through = await book.pending(10_000)
        await book.confirm(through)
        last = await book.last_scan(memory.scans())
        assert last
        ground = await survey_ground(scope, await vantages(), "me")
        memory = await Memory.open(book, 7, SystemClock().now())
        plan = await asyncio.to_thread(dry_run, settings, scope, ground, last, memory)
    checked = {o.address: list(o.of(FactKind.CHECKED)) for o in upload.observations if o.probe == "confirm"}
    told = {
        "state": ended.state,
        "confirmed": ended.confirmed,
        "since": ended.whole_since and ended.whole_since.isoformat(),
        "checked": checked,
        "order": [line.address for line in upload.sent if line.action == "tcp connect"],
        "forecast": plan.forecast and plan.forecast.addresses,
    }
    print(json.dumps(told))


def in_a_night(state: Path, days: float) -> dict[str, Any]:
    gentle.ip("me", "ip", "neigh", "flush", "dev", "eth0")
    command = [sys.executable, "-m", "tests.test_nights", "night", str(state), str(days)]
    out = subprocess.run(
        ["ip", "netns", "exec", f"{PREFIX}me", *command], stdout=subprocess.PIPE, check=True, text=True
    )
    told: dict[str, Any] = json.loads(out.stdout)
    return told


@contextmanager
def updated(name: str) -> Iterator[None]:
    """A host whose SSH server is of another version from now on."""
    gentle.ip(name, "sysctl", "-qw", "net.ipv4.ip_forward=0")
    command = [
        "ip",
        "netns",
        "exec",
        PREFIX + name,
        sys.executable,
        "-c",
        gentle.SERVERS.replace("9.2", "9.9"),
    ]
    pids = subprocess.run(
        ["ip", "netns", "pids", PREFIX + name], stdout=subprocess.PIPE, check=True, text=True
    )
    for pid in pids.stdout.split():
        subprocess.run(["kill", pid], check=True)
    time.sleep(0.1)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        server.stdout.readline()
        yield
        server.kill()


@pytest.mark.lab
@pytest.mark.skipif(gentle.pytestmark[1].args[0], reason="needs root, ip (iproute2) and tcpdump")
@pytest.mark.usefixtures("servers")
def test_the_second_night_confirms_by_few_packets_and_asks_a_changed_host_whole(
    seen: Path, tmp_path: Path
) -> None:
    def count() -> dict[str, int]:
        stamps = left(seen).stamps
        return {name: len(stamps[address]) for name, address in HOSTS.items()}

    whole = in_a_night(tmp_path / "book", 0)
    first = count()
    with updated("h11"):
        calm = in_a_night(tmp_path / "book", 1)
        both = count()
    second = {name: both[name] - first[name] for name in HOSTS}
    print("whole", first, "second night", second)
    assert (whole["confirmed"], whole["since"], whole["checked"]) == (0, None, {})
    assert (calm["state"], calm["confirmed"]) == ("complete", 4)
    stable = [name for name in HOSTS if name != "h11"]
    assert set(calm["checked"]) == {HOSTS[name] for name in stable}
    assert all(second[name] <= first[name] / 2 for name in stable)
    assert sum(second[name] for name in stable) <= sum(first[name] for name in stable) / 3
    assert second["h11"] >= first["h11"]
    assert calm["checked"][HOSTS["h10"]][0] == "arp"
    assert any(word.endswith(" 22 tcp") for word in calm["checked"][HOSTS["h10"]])
    for name in stable:  # the dry run of the evening before
        assert abs(whole["forecast"][HOSTS[name]] - second[name]) <= 2


if __name__ == "__main__":
    asyncio.run(globals()[sys.argv[1]](*sys.argv[2:]))
