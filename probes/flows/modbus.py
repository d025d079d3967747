# SPDX-License-Identifier: Apache-2.0
"""Modbus/TCP (MODBUS Messaging Implementation Guide 1.0b §3.1.3) and UMAS, Schneider's function 90 in it."""

from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_FUNCTIONS = frozenset((*range(1, 9), 11, 12, 15, 16, 17, 20, 21, 22, 23, 24, 43, 90, 91, 125, 126))
_UMAS = 90


def read(flow: Flow) -> Iterator[Claim]:
    """Name Modbus when both directions agree, or one does on its port."""
    if flow.transport not in ("tcp", "udp"):
        return
    asked, said = _units(flow.asked), _units(flow.said)
    if not asked and not said:
        return
    answers = {(number, unit, function & 127) for number, unit, function in said}
    agree = any((number, unit, function & 127) in answers for number, unit, function in asked)
    if not agree and (502 not in flow.ports or (flow.asked and not asked) or (flow.said and not said)):
        return
    sure = Sure.SURE if agree else Sure.LIKELY
    yield Claim("Modbus", Family.BUILDING, sure, why="transaction, length and function agree")
    if any(function & 127 == _UMAS for *_, function in asked + said):
        yield Claim("UMAS", Family.BUILDING, sure, why="function 90 of Schneider")


def _units(stream: bytes) -> list[tuple[int, int, int]]:
    """Take frames apart: (transaction, unit, function); [] when the first is not Modbus."""
    found: list[tuple[int, int, int]] = []
    at = 0
    while at + 8 <= len(stream) and len(found) < 8:
        length = int.from_bytes(stream[at + 4 : at + 6], "big")
        function = stream[at + 7]
        if stream[at + 2 : at + 4] != b"\0\0" or not 2 <= length <= 1024 or function & 127 not in _FUNCTIONS:
            break
        found.append((int.from_bytes(stream[at : at + 2], "big"), stream[at + 6], function))
        at += 6 + length
    return found
