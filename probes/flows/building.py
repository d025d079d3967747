# SPDX-License-Identifier: Apache-2.0
"""Building control and things: BACnet (ASHRAE 135 annexes H, J, U), KNXnet/IP, Niagara Fox, MQTT, CoAP."""

import re
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp", "ethernet")

_FOX = re.compile(rb"fox [a-z] [0-9]+ -?[0-9]+ fox hello")
_KNX_SERVICES = frozenset((2, 3, 4, 5, 6, 7, 8, 9))
_MQTT = re.compile(rb"\x10[\x80-\xff]{0,3}[\x00-\x7f]\x00(?:\x04MQTT[\x03-\x05]|\x06MQIsdp\x03)")


def read(flow: Flow) -> Iterator[Claim]:
    """Name the protocol."""
    if flow.transport == "udp":
        yield from _udp(flow)
    elif flow.transport == "tcp":
        if _FOX.match(flow.asked) or _FOX.match(flow.said):
            yield Claim("Niagara Fox", Family.BUILDING, product="Niagara", why="fox hello")
        elif _MQTT.match(flow.asked) or (1883 in flow.ports and _is_connack(flow.said)):
            yield Claim("MQTT", Family.BUILDING, why="CONNECT with the protocol's name")
        elif b"\6" in (flow.asked[:1], flow.said[:1]) and all(_is_knx_stream(s) for s in flow.both if s):
            yield Claim("KNXnet/IP", Family.BUILDING, why="header and length")
    elif flow.transport == "ethernet" and flow.kind == 4 and any(p[5:6] == b"\1" for p in flow.sent):
        yield Claim("BACnet", Family.BUILDING, why="LLC 82 and NPDU version 1")


def _udp(flow: Flow) -> Iterator[Claim]:
    first = flow.sent[:2] + flow.answered[:2]
    if first and all(is_bacnet(piece) for piece in first):
        yield Claim("BACnet", Family.BUILDING, why="BVLC with its length, NPDU version 1")
    elif first and all(is_knx(piece) for piece in first):
        yield Claim("KNXnet/IP", Family.BUILDING, why="header and length")
    elif {5683, 5684} & set(flow.ports) and first and all(_is_coap(piece) for piece in first):
        yield Claim("CoAP", Family.BUILDING, Sure.LIKELY, why="version 1, token and code")


def is_bacnet(piece: bytes) -> bool:
    """BACnet/IP (0x81) or BACnet/IPv6 (0x82): function, own length, and a network layer of version 1."""
    if len(piece) < 4 or piece[0] not in (0x81, 0x82) or piece[1] > 0x0C:
        return False
    if int.from_bytes(piece[2:4], "big") != len(piece):
        return False
    at = {0x04: 10, 0x09: 4, 0x0A: 4, 0x0B: 4}.get(piece[1]) if piece[0] == 0x81 else None
    return at is None or piece[at : at + 1] == b"\1"


def is_knx(piece: bytes) -> bool:
    """KNXnet/IP header 06 10 (or 06 20), a known family of services, its own length."""
    if len(piece) < 6 or piece[0] != 6 or piece[1] not in (0x10, 0x20) or piece[2] not in _KNX_SERVICES:
        return False
    return int.from_bytes(piece[4:6], "big") == len(piece)


def _is_knx_stream(stream: bytes) -> bool:
    """Frames one behind the other, at least the first of which is whole."""
    at = 0
    while at + 6 <= len(stream) and at < 512:
        size = int.from_bytes(stream[at + 4 : at + 6], "big")
        if size < 6 or not is_knx(stream[at : at + size]):
            return at > 0 and at + size > len(stream)
        at += size
    return at > 0


def _is_connack(said: bytes) -> bool:
    return len(said) >= 4 and said[:2] == b"\x20\2" and said[2] <= 1 and said[3] <= 5


def _is_coap(piece: bytes) -> bool:
    if len(piece) < 4 or piece[0] >> 6 != 1 or piece[0] & 15 > 8:
        return False
    return piece[1] >> 5 in (0, 2, 4, 5) and piece[1] & 31 <= 15 and len(piece) >= 4 + (piece[0] & 15)
