# SPDX-License-Identifier: Apache-2.0
"""Yamaha commands as they are written in the makers' manual: what our reader takes of them."""

import json
import tarfile
from typing import Any

import pytest

from collector.imports.configurations.lines import Line
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import Rule
from collector.imports.configurations.yamaha_commands import PORTS, Command, commands, filters, hosts
from deploy.bench.configurations import ARCHIVE
from tests.configuration_files import said


def recorded() -> list[dict[str, Any]]:
    if not ARCHIVE.is_file():
        return []
    with tarfile.open(ARCHIVE) as packed:
        member = packed.extractfile("config/dev/rtx_commands.jsonl")
        assert member is not None
        return [json.loads(line) for line in member.read().decode().splitlines()]


ROWS = recorded()
FILTERS = [row for row in ROWS if row["command"] == "ip filter" and "number" in row["expected"]]


def rule_of(text: str) -> tuple[Command, Rule | None]:
    every = list(commands([Line(1, text)]))
    return every[0], next(iter(filters(every).values()), None)


@pytest.mark.skipif(not ROWS, reason="the recorded commands are not here")
def test_every_recorded_static_filter_is_read() -> None:
    assert len(FILTERS) >= 8
    for row in FILTERS:
        want = row["expected"]
        command, rule = rule_of(row["input"])
        assert rule is not None, row["input"]
        assert int(command.word(2)) == want["number"]
        assert rule.permit is (want["action"] in ("pass", "restrict", "pass-log"))
        assert rule.sources == hosts(want["source_address"])
        assert rule.targets == hosts(want["dest_address"])
        assert rule.transports == (() if want["protocol"] == "*" else (want["protocol"],))
        assert bool(rule.ports) is (want.get("dest_port", "*") != "*")
        assert rule.new is not want.get("established", False)


@pytest.mark.skipif(not ROWS, reason="the recorded commands are not here")
def test_no_recorded_command_stops_the_reader() -> None:
    text = "\n".join(row["input"] for row in ROWS)
    reading = said(f"# RTX1210 Rev.14.01.33\n{text}\n")
    assert reading.maker == "Yamaha"
    for row in ROWS:
        assert said(f"# RTX1210 Rev.14.01.33\n{row['input']}\n").model == "RTX1210"


@pytest.mark.skipif(not ROWS, reason="the recorded commands are not here")
def test_recorded_servers_are_told_with_their_hosts() -> None:
    for row in ROWS:
        want = row["expected"]
        reading = said(f"# RTX1210 Rev.14.01.33\n{row['input']}\n")
        if row["command"] == "httpd host" and want.get("host", "").startswith(("lan", "bridge")):
            assert [(one.service, one.interface) for one in reading.services] == [("http", want["host"])]
        if row["command"] == "sshd service":
            assert ("ssh" in {one.service for one in reading.services}) is want["enabled"]
        if row["command"] == "sftpd host" and want.get("hosts"):
            assert [one.interface for one in reading.also] == want["hosts"]


def test_ports_and_ranges() -> None:
    _, rule = rule_of("ip filter 5 pass 192.168.1.0/24,10.0.0.1-10.0.0.4 * tcp,udp * www,6000-6010,telnet")
    assert rule is not None
    assert rule.ports == ((80, 80), (6000, 6010), (23, 23))
    assert rule.sources == ("192.168.1.0/24", "10.0.0.1", "10.0.0.2/31", "10.0.0.4")
    assert rule.transports == ("tcp", "udp")
    assert hosts("*") == ANY
    assert hosts("lan1-nonsense") is None
    assert PORTS["https"] == 443
