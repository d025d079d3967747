# SPDX-License-Identifier: Apache-2.0
"""What the command sends, counted by the kernel of a network namespace with one network and no way out of it."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli_cases import DAICHO, REFUSED, assert_two_sentences, environment

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

# Two hosts on one cable: the scanner's own end here, the other end in a namespace of its own. No IPv6, so
# that every frame counted is one that the command caused.
_CABLE = """
set -e
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip link add near type veth peer name far
ip link set far netns "$1"
ip addr add 10.9.0.1/24 dev near
ip link set near up
"""
_FAR = """
set -e
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip addr add 10.9.0.2/24 dev far
ip addr add 10.9.0.3/24 dev far
ip link set far up
"""


class Site:
    """The namespace of the scanner and the one across the cable, each held open by a sleeping process."""

    def __init__(self) -> None:
        self._near = subprocess.Popen(["unshare", "-n", "--", "sleep", "1000"])
        self._far = subprocess.Popen(["unshare", "-n", "--", "sleep", "1000"])
        for holder in (self._near, self._far):
            _wait_for_namespace(holder)
        self._in(self._near, "sh", "-c", _CABLE, "-", str(self._far.pid))
        self._in(self._far, "sh", "-c", _FAR)

    def close(self) -> None:
        for holder in (self._near, self._far):
            holder.kill()
            holder.wait()

    def _in(self, holder: "subprocess.Popen[bytes]", *command: str) -> str:
        inside = ["nsenter", "-t", str(holder.pid), "-n", "--", *command]
        return subprocess.run(inside, check=True, capture_output=True, text=True).stdout

    def sent(self) -> int:
        """Frames that left the scanner's card."""
        (link,) = json.loads(self._in(self._near, "ip", "-j", "-s", "link", "show", "near"))
        return int(link["stats64"]["tx"]["packets"])

    def start(self, *arguments: str, cwd: Path) -> "subprocess.Popen[str]":
        """Start `daicho …` in the scanner's namespace."""
        return subprocess.Popen(
            ["nsenter", "-t", str(self._near.pid), "-n", "--", *DAICHO, *arguments],
            cwd=cwd,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def daicho(self, *arguments: str, cwd: Path) -> tuple[int, str, str]:
        """Run `daicho …` there: exit code, output, what was told."""
        process = self.start(*arguments, cwd=cwd)
        output, told = process.communicate(timeout=240)
        return process.returncode, output, told


def _wait_for_namespace(holder: "subprocess.Popen[bytes]") -> None:
    own, deadline = os.readlink("/proc/self/ns/net"), time.monotonic() + 10
    while os.readlink(f"/proc/{holder.pid}/ns/net") == own:
        assert time.monotonic() < deadline, "unshare made no namespace"
        os.sched_yield()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    if os.geteuid() != 0:
        pytest.skip("管理者権限がありません / network namespaces need root")
    missing = [tool for tool in ("ip", "unshare", "nsenter", "sysctl") if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"ありません / missing: {', '.join(missing)}")
    made = Site()
    yield made
    made.close()


def test_nothing_is_sent_by_any_bad_input(site: Site, tmp_path: Path) -> None:
    before = site.sent()
    running = []
    for number, case in enumerate(REFUSED):
        folder = tmp_path / str(number)
        folder.mkdir()
        running.append((case, site.start(*case.arguments(folder), cwd=folder)))
        if len(running) >= 3:
            _end_of(*running.pop(0))
    for case, process in running:
        _end_of(case, process)
    assert site.sent() == before


def _end_of(case: object, process: "subprocess.Popen[str]") -> None:
    _, told = process.communicate(timeout=120)
    assert process.returncode == getattr(case, "code"), (case, told)  # noqa: B009


@pytest.mark.parametrize("command", ["scan", "plan"])
@pytest.mark.parametrize("profile", ["standard", "listen"])
def test_scope_out_of_reach_is_refused(command: str, profile: str, site: Site, tmp_path: Path) -> None:
    before = site.sent()
    code, output, told = site.daicho(command, "10.255.255.0/24", "--profile", profile, cwd=tmp_path)
    assert code == 3
    assert_two_sentences(told, "届きません", "No interface of this machine reaches 10.255.255.0/24")
    assert "10.9.0.0/24" in told  # what it does reach
    assert not output
    assert not list(tmp_path.iterdir())
    assert site.sent() == before


def test_plan_sends_nothing(site: Site, tmp_path: Path) -> None:
    before = site.sent()
    code, output, told = site.daicho("plan", "10.9.0.0/24", "--exclude", "10.9.0.128/25", cwd=tmp_path)
    assert (code, told) == (0, "")
    assert "10.9.0.0/24" in output
    assert "10.9.0.128/25" in output
    code, output, _ = site.daicho("plan", "10.9.0.0/24", "--json", cwd=tmp_path)
    (segment,) = json.loads(output)["segments"]
    assert (segment["addresses"], segment["interface"]) == (254, "near")
    assert site.sent() == before
    assert not list(tmp_path.iterdir())


def test_the_counter_would_see_a_scan(site: Site, tmp_path: Path) -> None:
    """The other side of the tests above: a scan that may be done moves the same counter."""
    before = site.sent()
    code, output, told = site.daicho("scan", "10.9.0.2/32", "--profile", "gentle", cwd=tmp_path)
    assert code == 0, told
    assert "10.9.0.2" in output
    assert site.sent() > before


def _wait_for(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stderr
    told = ""
    while words not in told:
        line = process.stderr.readline()
        assert line, told
        told += line
    return told


def test_ctrl_c_keeps_what_was_seen(site: Site, tmp_path: Path) -> None:
    process = site.start("scan", "10.9.0.0/29", cwd=tmp_path)
    _wait_for(process, "asking")
    process.send_signal(signal.SIGINT)
    output, told = process.communicate(timeout=60)
    assert process.returncode == 4, told
    assert "Traceback" not in told
    assert "見たものは保存されています" in told
    assert "What was seen is kept" in told
    assert "10.9.0.2" in output
    code, output, _ = site.daicho("ledger", "--format", "json", cwd=tmp_path)
    assert code == 0
    found = {a["ip"] for device in json.loads(output)["devices"] for a in device["addresses"]}
    assert "10.9.0.2" in found


def test_what_a_killed_scan_left_is_in_the_next_ledger(site: Site, tmp_path: Path) -> None:
    process = site.start("scan", "10.9.0.2/32", cwd=tmp_path)
    _wait_for(process, "asking")
    process.kill()
    process.communicate(timeout=60)
    code, _, told = site.daicho("scan", "10.9.0.3/32", "--profile", "listen", cwd=tmp_path)
    assert code == 0, told
    code, output, _ = site.daicho("journal", "--json", "--address", "10.9.0.2", cwd=tmp_path)
    assert code == 0
    assert "arp request" in {json.loads(line)["action"] for line in output.splitlines()}
