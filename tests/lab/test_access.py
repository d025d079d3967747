# SPDX-License-Identifier: Apache-2.0
"""Tests of source limits among hosts that really limit their sources, beside an independent capture."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.made_source import LIFETIME
from collector.case import Case
from collector.case_file import read_case
from collector.rules.source_limits import judge
from deploy.bench.capture import frames, most_in_a_second
from deploy.lab import lab as labs
from inventory_db import observations
from inventory_db.stated import AllowedSources
from inventory_db.tables import open_ledger
from probes.facts import FactKind, Observation, Outcome, Sent
from tests.access_cases import gateway
from tests.cli_cases import DAICHO, environment
from tests.judge_cases import case

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

AGENT, OTHER, MADE_MAC = "10.30.1.10", "10.30.1.250", "02:00:5e:30:01:01"
CONSENT = 'consent = "情報システム課 鈴木 2026-07-01"'
MACS = {"00:15:17:30:01:0a": AGENT, MADE_MAC: OTHER}


@pytest.fixture(scope="module")
def lab(lab_machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    del lab_machine
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("access-lab")))
        yield labs.up("access", die_with=os.getpid())
        labs.down()


@dataclass(frozen=True)
class Run:
    """One `daicho access`, what it wrote down, and what a capture saw at the agent's card."""

    code: int
    output: str
    seen: tuple[Observation, ...]
    sent: tuple[Sent, ...]
    captured: tuple[tuple[float, bytes], ...]

    def reach(self, port: int, role: str, host: str = "10.30.1.1") -> list[str]:
        return [
            next(one.of(FactKind.ACCESS_REACH))
            for one in self.seen
            if (one.address, one.port) == (host, port)
            and role in one.of(FactKind.ACCESS_SOURCE)
            and not any(one.of(FactKind.ACCESS_CONTROL))
        ]

    def ours(self) -> list[tuple[float, bytes]]:
        """Frames that left the agent, whoever of it sent them."""
        return [(at, data) for at, data in self.captured if data[6:12].hex(":") in MACS]


def write(folder: Path, *sections: str, scope: str = "10.30.1.0/24") -> Path:
    config = folder / "agent.toml"
    text = f'[scope]\nnetworks = ["{scope}"]\n[pace]\npackets_per_host_and_scan = 400\n'
    config.write_text(text + "\n".join(f"[[access]]\n{section}" for section in sections), "utf-8")
    return config


def perform(lab: labs.Lab, folder: Path, config: Path, *more: str) -> Run:
    ledger = folder / "ledger.sqlite"
    with lab.capture("agent", folder / "agent.pcap"):
        done = subprocess.run(
            [*lab.nsenter("agent"), *DAICHO, "access", "--config", str(config), "--ledger", str(ledger), *more],
            env=environment(), capture_output=True, text=True, check=False, cwd=folder,
        )  # fmt: skip
    assert done.returncode in (0, 1), done.stdout + done.stderr
    with open_ledger(ledger, create=False).connect() as connection:
        seen = tuple(observations.load(connection))
        sent = tuple(observations.journal(connection))
    return Run(done.returncode, done.stdout, seen, sent, tuple(frames(folder / "agent.pcap")))


GATEWAY = f"""device = "10.30.1.1"
ports = [22, 23, 443, 8080]
not_allowed_from = "{OTHER}"
make_address = true
{CONSENT}
"""
BY_MAC = f"""device = "10.30.1.2"
ports = [22]
not_allowed_from = "{OTHER}"
make_address = true
make_mac = "{MADE_MAC}"
{CONSENT}
"""
DEAF = f"""device = "10.30.1.3"
ports = [22]
not_allowed_from = "{OTHER}"
control = ["10.30.1.5:22"]
make_address = true
{CONSENT}
"""
WRAPPED = DEAF.replace("10.30.1.3", "10.30.1.4").replace('control = ["10.30.1.5:22"]\n', "")


@pytest.fixture(scope="module")
def run(lab: labs.Lab, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("access")
    return perform(lab, folder, write(folder, GATEWAY, BY_MAC, DEAF, WRAPPED))


def test_each_limit_is_seen_as_it_is(run: Run) -> None:
    assert run.reach(22, "allowed") == ["spoke", "spoke"]
    assert run.reach(22, "not_allowed") == ["nothing", "nothing"]
    assert run.reach(23, "not_allowed") == ["refused", "refused"]
    assert run.reach(443, "not_allowed") == ["spoke", "spoke"]
    assert run.reach(8080, "allowed") == ["spoke", "spoke"]
    statuses = [
        (next(one.of(FactKind.ACCESS_SOURCE)), *one.of(FactKind.HTTP_STATUS))
        for one in run.seen
        if one.port == 8080
    ]
    assert Counter(statuses) == {("allowed", "200"): 2, ("not_allowed", "403"): 2}


def test_an_unlisted_card_is_told_from_an_unlisted_address(run: Run) -> None:
    assert run.reach(22, "not_allowed", "10.30.1.2") == ["spoke", "spoke"]
    assert run.reach(22, "unlisted_mac", "10.30.1.2") == ["nothing", "nothing"]
    assert run.reach(22, "allowed", "10.30.1.2") == ["spoke", "spoke", "spoke"]


def test_a_program_that_ends_at_once_said_nothing(run: Run) -> None:
    assert run.reach(22, "allowed", "10.30.1.4") == ["spoke", "spoke"]
    assert run.reach(22, "not_allowed", "10.30.1.4") == ["ended", "ended"]


def test_each_pair_has_its_control(run: Run) -> None:
    controls = [one for one in run.seen if any(one.of(FactKind.ACCESS_CONTROL))]
    answered = {one.address for one in controls if one.outcome is Outcome.ANSWERED}
    assert {"10.30.1.1", "10.30.1.2", "10.30.1.4", "10.30.1.5"} <= answered
    assert "10.30.1.3" not in answered


def test_the_halves_share_a_pair_and_lie_within_a_minute(run: Run) -> None:
    pairs: dict[str, list[Observation]] = {}
    for one in run.seen:
        for pair in one.of(FactKind.ACCESS_PAIR):
            pairs.setdefault(pair, []).append(one)
    assert len(pairs) == 7
    for halves in pairs.values():
        assert max(one.at for one in halves).timestamp() - min(one.at for one in halves).timestamp() < 60


def test_only_the_declared_sources_sent_and_nothing_out_of_scope(run: Run) -> None:
    for _, data in run.ours():
        kind, card = data[12:14], data[6:12].hex(":")
        if kind == b"\x08\x06":
            sender = str(ip_address(data[28:32]))
            assert sender in (AGENT, OTHER, "0.0.0.0"), sender
        else:
            assert kind == b"\x08\x00", data.hex()
            source, target = str(ip_address(data[26:30])), str(ip_address(data[30:34]))
            assert source in (AGENT, OTHER)
            assert card != MADE_MAC or source == OTHER
            assert target in ("10.30.1.1", "10.30.1.2", "10.30.1.3", "10.30.1.4", "10.30.1.5")


def test_no_host_gets_more_than_its_pace(run: Run) -> None:
    stamps: dict[str, list[float]] = {}
    for at, data in run.ours():
        target = data[38:42] if data[12:14] == b"\x08\x06" else data[30:34]
        stamps.setdefault(str(ip_address(target)), []).append(at)
    assert max(map(most_in_a_second, stamps.values())) <= 10


def test_journal_and_capture_agree(run: Run) -> None:
    told = Counter[str]()
    for entry in run.sent:
        told[entry.address] += entry.packets
    left = Counter[str]()
    for _, data in run.ours():
        left[str(ip_address(data[38:42] if data[12:14] == b"\x08\x06" else data[30:34]))] += 1
    for host in left:
        assert abs(told[host] - left[host]) <= max(1, left[host] // 50), (host, told[host], left[host])


def test_what_was_made_is_written_down_and_gone(run: Run, lab: labs.Lab) -> None:
    made = [one.why for one in run.sent if one.action == "source made"]
    assert made
    assert all("鈴木" in why for why in made)
    assert len([one for one in run.sent if one.action == "source taken away"]) == len(made)
    assert addresses(lab) == [f"{AGENT}/24"]


def addresses(lab: labs.Lab) -> list[str]:
    text = subprocess.run(
        [*lab.nsenter("agent"), "ip", "-4", "-br", "addr", "show", "eth0"], capture_output=True, text=True, check=True
    ).stdout  # fmt: skip
    return text.split()[2:]


def links(lab: labs.Lab) -> list[str]:
    text = subprocess.run(
        [*lab.nsenter("agent"), "ip", "-br", "link"], capture_output=True, text=True, check=True
    ).stdout
    return [line.split()[0].partition("@")[0] for line in text.splitlines()]


def test_an_address_in_use_is_left_to_its_owner(lab: labs.Lab, tmp_path: Path) -> None:
    section = GATEWAY.replace(OTHER, "10.30.1.200").replace("[22, 23, 443, 8080]", "[22]")
    run = perform(lab, tmp_path, write(tmp_path, section))
    assert run.code == 1
    held = [one for one in run.seen if one.outcome is Outcome.HELD_BACK]
    assert held
    assert all("00:0b:5d:30:01:c8" in one.reason for one in held)
    for _, data in run.ours():
        sender = data[28:32] if data[12:14] == b"\x08\x06" else data[26:30]
        assert str(ip_address(sender)) != "10.30.1.200"


def test_an_address_that_we_have_needs_no_consent(lab: labs.Lab, tmp_path: Path) -> None:
    on_eth0 = [*lab.nsenter("agent"), "ip", "addr"]
    subprocess.run([*on_eth0, "add", "10.30.1.11/24", "dev", "eth0"], check=True)
    try:
        config = write(tmp_path, 'device = "10.30.1.1"\nports = [22]\nnot_allowed_from = "10.30.1.11"\n')
        run = perform(lab, tmp_path, config)
    finally:
        subprocess.run([*on_eth0, "del", "10.30.1.11/24", "dev", "eth0"], check=True)
    assert run.reach(22, "not_allowed") == ["nothing", "nothing"]
    assert not [one for one in run.sent if one.action == "source made"]


def start(lab: labs.Lab, folder: Path, config: Path, host: str = "agent") -> "subprocess.Popen[bytes]":
    command = ["access", "--config", str(config), "--ledger", str(folder / "ledger.sqlite")]
    return subprocess.Popen(
        [*lab.nsenter(host), *DAICHO, *command], env=environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip


def wait_until_made(lab: labs.Lab, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while f"{OTHER}/32" not in addresses(lab):
        assert process.poll() is None
        assert time.monotonic() < deadline


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_made_outlives_us(lab: labs.Lab, tmp_path: Path, how: signal.Signals) -> None:
    config = write(tmp_path, GATEWAY.replace("[22, 23, 443, 8080]", "[22]"))
    process = start(lab, tmp_path, config)
    wait_until_made(lab, process)
    process.send_signal(how)
    process.wait(30)
    if how is signal.SIGTERM:
        assert addresses(lab) == [f"{AGENT}/24"]
    else:
        assert f"{OTHER}/32" in addresses(lab)
        assert 0 < lifetime(lab) <= LIFETIME
    run = perform(lab, tmp_path, write(tmp_path, 'device = "10.30.1.5"\nports = [22]\npart = "allowed"\n'))
    assert run.code == 0
    assert addresses(lab) == [f"{AGENT}/24"]


def lifetime(lab: labs.Lab) -> int:
    text = subprocess.run(
        [*lab.nsenter("agent"), "ip", "addr", "show", "to", OTHER], capture_output=True, text=True, check=True
    ).stdout
    return int(text.split("valid_lft ")[1].split("sec")[0])


def test_a_killed_run_leaves_no_card_behind(lab: labs.Lab, tmp_path: Path) -> None:
    section = BY_MAC.replace("make_address = true\n", "")
    process = start(lab, tmp_path, write(tmp_path, section))
    deadline = time.monotonic() + 60
    while not has_made_card(process.pid):
        assert process.poll() is None
        assert time.monotonic() < deadline
    process.kill()
    process.wait(30)
    assert links(lab) == ["lo", "eth0"]
    with lab.capture("agent", tmp_path / "after.pcap"):
        subprocess.run(
            [*lab.nsenter("agent", inside=True), "ping", "-c1", "-W1", "10.30.1.5"],
            check=True,
            capture_output=True,
        )
    assert not [data for _, data in frames(tmp_path / "after.pcap") if data[6:12].hex(":") == MADE_MAC]


def has_made_card(pid: int) -> bool:
    """Whether a thread of the process stands in a network namespace of its own."""
    try:
        own = os.readlink(f"/proc/{pid}/ns/net")
        return any(
            os.readlink(f"/proc/{pid}/task/{task}/ns/net") != own for task in os.listdir(f"/proc/{pid}/task")
        )
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_two_agents_far_apart_make_a_pair(lab: labs.Lab, tmp_path: Path) -> None:
    """Each makes one half; which source is allowed is what the facility stated."""
    halves: dict[str, tuple[Path, subprocess.Popen[bytes]]] = {}
    for host, part in (("agent", "allowed"), ("far", "not_allowed")):
        folder = tmp_path / host
        folder.mkdir()
        config = write(folder, f'device = "10.30.1.1"\nports = [22, 443]\npart = "{part}"\n')
        halves[host] = (folder, start(lab, folder, config, host=host))
    for _, process in halves.values():
        assert process.wait(120) in (0, 1)
    device = gateway(22, 443, ip="10.30.1.1")
    stated = [AllowedSources(device="gw", port=port, networks=(f"{AGENT}/32",)) for port in (22, 443)]
    cases = [ledger_case(folder / "ledger.sqlite") for folder, _ in halves.values()]
    one = replace(
        case(*stated, devices=(device,), now=cases[1].now),
        access=tuple(seen for each in cases for seen in each.access),
        vantages=tuple(vantage for each in cases for vantage in each.vantages),
    )
    found = {finding.port: finding.code for finding in judge(one, "network").findings if finding.port}
    assert found == {22: "source.limited", 443: "source.open"}


def ledger_case(ledger: Path) -> Case:
    with open_ledger(ledger, create=False).connect() as connection:
        return read_case(connection, datetime.now(UTC))


def test_the_plan_sends_nothing(lab: labs.Lab, tmp_path: Path) -> None:
    config = write(tmp_path, GATEWAY, BY_MAC)
    with lab.capture("agent", tmp_path / "plan.pcap"):
        done = subprocess.run(
            [*lab.nsenter("agent"), *DAICHO, "access", "--config", str(config), "--plan"],
            env=environment(), capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert OTHER in done.stdout
    assert MADE_MAC in done.stdout
    assert "鈴木" in done.stdout
    assert not [data for _, data in frames(tmp_path / "plan.pcap") if data[6:12].hex(":") in MACS]
    assert not list(tmp_path.glob("*.sqlite*"))
