# SPDX-License-Identifier: Apache-2.0
"""Families of devices by what their commands show (command_outputs.yaml): each is read, and nothing else is claimed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from probes import command_output
from probes.device_commands import FAMILIES, MOST_COMMANDS

OUTPUTS: list[dict[str, Any]] = yaml.safe_load(
    (Path(__file__).parent / "command_outputs.yaml").read_text("utf-8")
)
CLAIMED = {"model", "serial", "firmware_version", "os_version"}


def _name(output: dict[str, Any]) -> str:
    return f"{output['platform']}-{output['command']}"


def _said(platform: str, output: dict[str, Any], text: str) -> dict[str, str]:
    claims = command_output.read(platform, output["command"], text)
    return {claim.field: claim.value for claim in claims}


@pytest.mark.parametrize("output", OUTPUTS, ids=_name)
def test_an_output_is_read_and_nothing_more_is_claimed(output: dict[str, Any]) -> None:
    said = _said(output["platform"], output, output["text"])
    want = output["want"]
    assert {field: said.get(field) for field in want} == want
    assert not (CLAIMED & said.keys()) - want.keys()


@pytest.mark.parametrize("output", OUTPUTS, ids=_name)
def test_line_ends_of_a_terminal_change_nothing(output: dict[str, Any]) -> None:
    said = _said(output["platform"], output, output["text"].replace("\n", "\r\n"))
    assert {field: said.get(field) for field in output["want"]} == output["want"]


@pytest.mark.parametrize("output", OUTPUTS, ids=_name)
def test_without_a_platform_less_may_be_said_but_nothing_else(output: dict[str, Any]) -> None:
    said = _said("", output, output["text"])
    for field in ("maker", "serial", "firmware_version", "os_version", "name"):
        assert said.get(field) in (None, output["want"].get(field)), field


OF_NOW = [
    one for one in OUTPUTS if "crash" not in one["command"]
]  # only its command says that a crash is past


@pytest.mark.parametrize("output", OF_NOW, ids=_name)
def test_without_a_command_less_may_be_said_but_nothing_else(output: dict[str, Any]) -> None:
    said = {claim.field: claim.value for claim in command_output.read("", "", output["text"])}
    for field in ("serial", "firmware_version", "os_version", "name"):
        assert said.get(field) in (None, output["want"].get(field)), field


BOX = "Model: {model}\nSerial number: UQG0ABC12\nFirmware version: 1.2.3\n"


@pytest.mark.parametrize(
    ("head", "model", "tail"),
    [
        ("Transceiver type: LR\nVendor name: FINISAR CORP.\n", "FTLX1471D3BCL", ""),
        ("Port 1/1/1\n", "SFP+ SR", ""),
        ("Power Supply 1\n", "PWR-C1-715WAC", ""),
        ("Battery\n", "APCRBC140", ""),
        ("License\n", "SecurityPlus", ""),
        ("VRRP peer\nSystem name: coresw2\n", "WS-C3850", ""),
        ("", "ST1000NM0033", "User Capacity: 1 TB\n"),
        ("", "certificate", "Issuer: CN=CA\n"),
    ],
)
def test_a_part_that_nobody_asked_by_name_is_not_the_box(head: str, model: str, tail: str) -> None:
    box = BOX.format(model=model)
    assert command_output.read("", "", head + box + tail) == ()
    own = BOX.format(model="S5700") + "\nPower supply 1: ok\n"
    whole = {claim.field: claim.value for claim in command_output.read("", "", own)}
    assert whole == {"model": "S5700", "serial": "UQG0ABC12", "firmware_version": "1.2.3"}


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_family_is_asked_by_ssh_is_understood(family: str) -> None:
    """A family that the reader does not know would be logged in to for nothing."""
    asked = FAMILIES[family]
    assert 0 < len(asked.commands) <= MOST_COMMANDS
    said = {claim.field for claim in command_output.read(family, asked.commands[0], "")}
    assert said & {"maker", "os"}


def test_ssh_commands_only_show() -> None:
    for family, asked in FAMILIES.items():
        for command in asked.commands:
            words = command.split()
            verb = words[1] if words[0].endswith("vyatta-op-cmd-wrapper") else words[0]
            shows = verb in {"show", "display", "get", "cat", "opnsense-version"} or words[-1] == "print"
            assert shows, (family, command)
            assert not set(command) & set(";|&>`$\n"), (family, command)
