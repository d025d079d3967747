# SPDX-License-Identifier: Apache-2.0
"""What a device says otherwise in another channel stays beside the value that was chosen."""

from typing import Any

from inventory_db.identify import identify
from probes.facts import Observation
from tests.inventory_cases import VANTAGES, arp, seen

SNMP: dict[str, Any] = {"probe": "snmp", "port": 161}
HTTP: dict[str, Any] = {"probe": "http", "port": 443}


def others(*observations: Observation) -> tuple[str, ...]:
    found = identify(observations, VANTAGES)
    return found[0].confidence["firmware_version"].others


def test_two_channels_that_differ_are_both_kept() -> None:
    card = arp("10.1.0.1", "00:09:0f:00:00:01")
    snmp = seen("10.1.0.1", minute=1, FIRMWARE_VERSION="7.4.2", **SNMP)
    http = seen("10.1.0.1", minute=2, FIRMWARE_VERSION="7.6.6", **HTTP)
    assert others(card, snmp, http) == ("7.6.6",)


def test_a_newer_word_of_the_same_channel_replaces_the_older() -> None:
    card = arp("10.1.0.1", "00:09:0f:00:00:01")
    before = seen("10.1.0.1", minute=1, FIRMWARE_VERSION="7.4.2", **SNMP)
    after = seen("10.1.0.1", minute=2, FIRMWARE_VERSION="7.6.6", **SNMP)
    assert others(card, before, after) == ()
