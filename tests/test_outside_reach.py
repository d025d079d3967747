# SPDX-License-Identifier: Apache-2.0
"""The address outside: one connection from a segment, through the door, off unless named; silence is no proof.

The part that scans runs inside a namespace: `python -m tests.test_outside_reach ADDRESS`, and prints JSON.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from agent.clock import SystemClock
from agent.ground import Ground
from agent.outside import OutsideLook, attempts
from agent.pace import Pace
from agent.refusal import Refusal
from agent.scope import Scope, write_scope
from agent.settings import PaceSection, ScopeSection, Segment, Settings
from agent.survey import Survey
from agent.vantage import Standing, Way
from agent.wire import LiveWire
from collector.app import create_app
from collector.case_file import read_case
from collector.reaching_out import outward_of
from collector.settings import Settings as Collector
from deploy.bench.capture import frames
from deploy.dry_run import dry_run
from deploy.scanning import reach
from inventory_db.accounts import Role
from inventory_db.ledger import devices, refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Outcome, Scan, Sent, Upload
from tests.inventory_cases import START, VANTAGES, arp
from tests.signed_in import as_role
from tests.test_survey import Kept

OUTER = "203.0.113.5:443"
PREFIX = f"dor{os.getpid()}"


def written(*texts: str, networks: tuple[str, ...] = ("10.79.0.0/24",), **more: Any) -> Scope:
    return write_scope(ScopeSection(outside=texts, **more), networks, (), yes_large=False)


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        (("203.0.113.5",), "203.0.113.5:443"),
        (("203.0.113.5:0",), "203.0.113.5:443"),
        (("203.0.113.5:70000",), "203.0.113.5:443"),
        (("203.0.113.5:https",), "203.0.113.5:443"),
        (("www.example.jp:443",), "203.0.113.5:443"),
        (("[2001:db8::5]:443",), "203.0.113.5:443"),
        ((OUTER, "203.0.113.6:443"), "1つ"),
        (("203.0.113.5:9100",), "9100"),  # a port that nobody gets bytes at is none to be tried
        (("203.0.113.5:104",), "104"),
        (("10.79.0.5:443",), "外にある1つ"),  # in the scope
        (("192.168.3.4:443",), "外にある1つ"),  # of the house, if not of the scope
        (("224.0.0.1:443",), "機器1台"),
    ],
)
def test_an_address_that_is_none_outside_is_refused_and_said(texts: tuple[str, ...], word: str) -> None:
    with pytest.raises(Refusal) as refused:
        written(*texts)
    assert word in refused.value.ja
    assert "Nothing was sent" in refused.value.en


def test_it_is_off_unless_named_and_not_on_the_never_list() -> None:
    assert written().outside is None
    assert str(written(OUTER).outside) == OUTER
    with pytest.raises(Refusal):
        written(OUTER, never=("203.0.113.0/24",))
    with pytest.raises(Refusal):
        written(OUTER, public=("203.0.113.5",))


def stood(interface: str, network: str, *gateways: str) -> Standing:
    head = network.rpartition(".")[0]
    return Standing(
        interface, 2, f"02:00:00:00:79:{interface[-1:]}0", f"{head}.250", network, gateways, True, False
    )


def ground(scope: Scope, *standings: Standing) -> Ground:
    ways = tuple((network, index) for network in scope.networks for index in range(len(standings)))
    return Ground(standings, tuple(one.as_vantage("me") for one in standings), ways, scope)


def test_each_segment_is_tried_once_and_only_where_it_may_be() -> None:
    here = stood("eth0", "10.79.0.0/24", "10.79.0.1")
    alias = stood("eth0", "10.79.0.0/24", "10.79.0.1")
    shut = stood("eth1", "10.80.0.0/24", "10.80.0.1")
    blind = stood("eth2", "10.81.0.0/24")
    scope = written(OUTER, networks=("10.79.0.0/24", "10.80.0.0/24"), never=("10.80.0.1",))
    found = attempts(scope, ground(scope, here, alias, shut, blind))
    assert [(one.standing.interface, one.why_not.partition(":")[0]) for one in found] == [
        ("eth0", ""), ("eth1", "never_list"), ("eth2", "no_gateway"),
    ]  # fmt: skip
    outer = stood("eth3", "203.0.113.0/24", "203.0.113.1")
    assert [one.why_not.partition(":")[0] for one in attempts(scope, ground(scope, here, outer))] == [
        "on_link"
    ] * 2
    assert attempts(written(), ground(written(), here)) == ()


class Pages:
    """A notebook in memory."""

    def __init__(self) -> None:
        self.bodies: dict[str, bytes] = {}

    async def keep(self, name: str, body: bytes) -> None:
        self.bodies[name] = body

    async def kept(self, name: str) -> bytes:
        return self.bodies.get(name, b"")

    async def spent(self, scan: str, since: datetime) -> dict[tuple[str, str], tuple[int, int]]:
        return {}


async def test_a_stop_in_the_second_segment_loses_nothing_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scope = written(OUTER, networks=("10.79.0.0/24", "10.80.0.0/24", "10.81.0.0/24"))
    heads = ("10.79.0", "10.80.0", "10.81.0")
    here = ground(scope, *(stood(f"eth{n}", f"{head}.0/24", f"{head}.1") for n, head in enumerate(heads)))
    ids: list[str] = []
    told: list[Observation] = []
    tried: list[str] = []
    notebook = Pages()

    async def way(_: str, standing: Standing) -> Way:
        return Way(standing.interface, standing.gateways[0], standing.address)

    async def connect(wire: LiveWire, _: int) -> None:
        tried.append(wire.door.vantage)
        if len(tried) == 2:
            raise asyncio.CancelledError

    monkeypatch.setattr("agent.outside.way_from", way)
    monkeypatch.setattr(LiveWire, "tcp", connect)

    def write(one: Sent | Observation) -> None:
        assert isinstance(one, Observation)
        told.append(one)

    def look(halted: str = "") -> OutsideLook:
        return OutsideLook(
            scope, here, Pace(20, 100, 0.0, 200, 100), SystemClock(), "s", write, ids.extend,
            lambda _: halted, notebook,
        )  # fmt: skip

    with pytest.raises(asyncio.CancelledError):
        await look().look()
    assert [(one.network, one.outcome) for one in told] == [("10.79.0.0/24", Outcome.ANSWERED)]
    await look("blackout").look()
    await look().look()
    assert tried == [one.id for one in here.vantages]  # each once
    assert [(one.network, one.outcome) for one in told[1:]] == [
        ("10.81.0.0/24", Outcome.HELD_BACK), ("10.81.0.0/24", Outcome.ANSWERED),
    ]  # fmt: skip
    assert ids == [one.id for one in told]


# ---- at the collector


def seen(
    outcome: Outcome, hours: int = 0, reason: str = "", network: int = 0, address: str = "203.0.113.5"
) -> Observation:
    vantage = VANTAGES[network]
    return Observation(
        scan="s", vantage=vantage.id, at=START + timedelta(hours=hours), probe="outside", address=address,
        network=vantage.network, port=443, transport="tcp", outcome=outcome, reason=reason,
    )  # fmt: skip


def test_the_last_word_on_a_network_counts_and_an_earlier_reach_is_not_forgotten() -> None:
    found = outward_of([seen(Outcome.ANSWERED), seen(Outcome.SILENT, 24), seen(Outcome.HELD_BACK, 1, "x", 1)])
    first, second = found[VANTAGES[0].network], found[VANTAGES[1].network]
    assert (first.state, first.reached_before) == ("silent", f"{START:%Y-%m-%d}")
    assert (second.state, second.reason, second.reached_before) == ("not_tried", "x", "")
    assert outward_of([seen(Outcome.REFUSED)])[VANTAGES[0].network].state == "refused"
    assert outward_of([seen(Outcome.OUR_FAULT)])[VANTAGES[0].network].state == "not_tried"


def test_a_reach_of_another_address_or_port_is_no_reach_of_this_one() -> None:
    before, there = seen(Outcome.ANSWERED), VANTAGES[0].network
    moved = [before, seen(Outcome.SILENT, 24, address="198.51.100.7")]
    assert outward_of(moved)[there].reached_before == ""
    assert outward_of([before, replace(seen(Outcome.SILENT, 24), port=8443)])[there].reached_before == ""
    back = outward_of([*moved, seen(Outcome.REFUSED, 48)])[there]
    assert (back.state, back.reached_before) == ("refused", f"{START:%Y-%m-%d}")


def test_it_is_a_word_about_a_network_on_the_pages_and_never_a_device(tmp_path: Path) -> None:
    engine = open_ledger(tmp_path / "l.sqlite")
    said = [seen(Outcome.ANSWERED), seen(Outcome.SILENT, network=1)]
    scan = Scan(
        id="s", started=START, ended=START + timedelta(hours=1), state="complete", scope=("10.1.0.0/24",)
    )
    scan = replace(scan, outside=tuple(one.id for one in said))
    with writing(engine) as connection:
        append(
            connection,
            Upload(
                scans=(scan,), vantages=VANTAGES, observations=(arp("10.1.0.7", "00:1b:21:00:00:07"), *said)
            ),
        )
        refresh(connection)
        assert [[a.ip for a in one.addresses] for one in devices(connection)] == [["10.1.0.7"]]
        case = read_case(connection, datetime(2027, 1, 1, tzinfo=UTC))
        assert {one.id for one in case.outside} == set(scan.outside)
    app = create_app(Collector(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        for page in ("/diagram", "/scans"):
            text = client.get(page).text
            assert "203.0.113.5:443 へ TCP がつながりました" in text, page
            assert "閉じていることの証拠ではありません（判定できない）" in text, page


# ---- among namespaces: me (two segments) – router – "the internet"


async def scan(outside: str, listen: str = "") -> dict[str, Any]:
    quiet = (Segment(network=listen, profile="listen"),) if listen else ()
    pace = PaceSection(broadcasts=1000)
    settings = Settings(pace=pace, listen_seconds=0.1, profile="gentle", segment=quiet)
    section = ScopeSection(outside=(outside,) if outside else ())
    scope = write_scope(section, ("10.79.0.64/30", "10.80.0.64/30"), (), yes_large=False)
    kept = Kept()
    ended = await Survey(settings, scope, kept).run()
    told = [one for one in kept.records if isinstance(one, Observation) and one.probe == "outside"]
    sent = [one for one in kept.records if isinstance(one, Sent) and one.probe == "outside"]
    plan = await asyncio.to_thread(dry_run, settings, scope, await reach(scope), Upload())
    return {
        "state": ended.state,
        "named": list(ended.outside) == [one.id for one in told],
        "told": [(one.network, one.outcome, one.reason.partition(":")[0]) for one in told],
        "sent": [(one.address, one.port, one.connections, one.packets, one.payload_bytes) for one in sent],
        "planned": [(one.network, one.packets) for one in plan.outside],
        "forecast": plan.forecast.addresses.get("203.0.113.5", 0) if plan.forecast else None,
    }


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def space(name: str) -> str:
    return f"{PREFIX}{name}"


def join(one: str, other: str, link: str, *addresses: str) -> None:
    """Lay a cable between two namespaces; each end has the cable's name."""
    ip("link", "add", link, "netns", space(one), "type", "veth", "peer", "name", link, "netns", space(other))
    for name, address in zip((one, other), addresses, strict=True):
        ip("-n", space(name), "addr", "add", address, "dev", link)
        ip("-n", space(name), "link", "set", link, "up")


@pytest.fixture(scope="module")
def world() -> Iterator[None]:
    names = ("me", "router", "outer")
    for name in names:
        ip("netns", "add", space(name))
        ip("-n", space(name), "link", "set", "lo", "up")
    try:
        join("me", "router", "inner", "10.79.0.250/24", "10.79.0.1/24")
        join(
            "me", "router", "blind", "10.80.0.250/24", "10.80.0.1/24"
        )  # a segment from which we know no way out
        join("router", "outer", "wan", "203.0.113.1/24", "203.0.113.5/24")
        ip("-n", space("me"), "route", "add", "default", "via", "10.79.0.1")
        ip("-n", space("outer"), "route", "add", "default", "via", "203.0.113.1")
        ip("-n", space("router"), "route", "add", "blackhole", "203.0.113.66/32")
        ip("-n", space("router"), "route", "add", "unreachable", "203.0.113.67/32")
        ip("netns", "exec", space("router"), "sysctl", "-qw", "net.ipv4.ip_forward=1")
        listens = "import socket,time; s=socket.create_server(('203.0.113.5',443)); print(1,flush=True); time.sleep(999)"
        command = ["ip", "netns", "exec", space("outer"), sys.executable, "-c", listens]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as server:
            assert server.stdout is not None
            server.stdout.readline()
            try:
                yield
            finally:
                server.kill()
    finally:
        for name in names:
            ip("netns", "del", space(name))


def inside(*words: str) -> dict[str, Any]:
    command = ["ip", "netns", "exec", space("me"), sys.executable, "-m", "tests.test_outside_reach", *words]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


@contextlib.contextmanager
def capture(file: Path) -> Iterator[None]:
    """Record all that comes in outside."""
    command = [
        "ip",
        "netns",
        "exec",
        space("outer"),
        "tcpdump",
        "-i",
        "wan",
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
            yield
        finally:
            tcpdump.send_signal(signal.SIGINT)
            tcpdump.communicate()


def tcp_frames(file: Path) -> list[bytes]:
    """Give the TCP segments over IPv4 that came in."""
    return [data for _, data in frames(file) if data[12:14] == b"\x08\x00" and data[23] == 6]


def said_of(frame: bytes) -> tuple[str, int, int]:
    """Give address, port and bytes of payload of a TCP segment."""
    head, offset = (frame[14] & 15) * 4, frame[14 + 20 + 12] >> 4
    payload = int.from_bytes(frame[16:18]) - head - offset * 4
    return str(ip_address(frame[30:34])), int.from_bytes(frame[36:38]), payload


@pytest.mark.lab
@pytest.mark.skipif(
    os.geteuid() != 0 or not (shutil.which("ip") and shutil.which("tcpdump")),
    reason="needs root, ip (iproute2) and tcpdump",
)
@pytest.mark.usefixtures("world")
class TestAmongNamespaces:
    def test_one_connection_leaves_from_the_segment_that_has_a_way_out_and_carries_nothing(
        self, tmp_path: Path
    ) -> None:
        with capture(tmp_path / "outer.pcap"):
            said = inside(OUTER)
        came = tcp_frames(tmp_path / "outer.pcap")
        assert said["state"] == "complete"
        assert said["named"]
        assert said["told"] == [
            ["10.79.0.0/24", "answered", ""],
            ["10.80.0.0/24", "held_back", "no_gateway"],
        ]
        ((address, port, connections, packets, payload),) = said["sent"]
        assert (address, port, connections, payload) == ("203.0.113.5", 443, 1, 0)
        assert [frame[47] & 0x02 for frame in came].count(2) == 1  # one SYN
        assert len(came) == packets <= 4
        assert {said_of(frame) for frame in came} == {("203.0.113.5", 443, 0)}
        assert said["planned"] == [["10.79.0.0/24", 6], ["10.80.0.0/24", 0]]
        assert said["forecast"] == 4

    @pytest.mark.parametrize(
        ("address", "outcome"),
        [("203.0.113.66:443", "silent"), ("203.0.113.67:443", "silent"), ("203.0.113.5:8443", "refused")],
    )
    def test_what_does_not_answer_is_told_as_what_it_was(self, address: str, outcome: str) -> None:
        assert inside(address)["told"][0][:2] == ["10.79.0.0/24", outcome]

    def test_nothing_leaves_where_no_address_is_named_or_the_segment_is_only_heard(
        self, tmp_path: Path
    ) -> None:
        with capture(tmp_path / "outer.pcap"):
            assert inside("")["told"] == []
            heard = inside(OUTER, "10.79.0.0/24")
        assert [one[1:] for one in heard["told"]] == [
            ["held_back", "listened_only"],
            ["held_back", "no_gateway"],
        ]
        assert not tcp_frames(tmp_path / "outer.pcap")


if __name__ == "__main__":
    print(json.dumps(asyncio.run(scan(*sys.argv[1:]))))
