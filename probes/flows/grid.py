# SPDX-License-Identifier: Apache-2.0
"""Control of energy and plants: IEC 60870-5-104, DNP3 (IEEE 1815), OPC UA (part 6), PROFINET, GOOSE, C37.118."""

import struct
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp", "ethernet")

_UA = (b"HELF", b"ACKF", b"OPNF", b"MSGF", b"MSGC", b"CLOF", b"ERRF", b"RHEF")
_PROFINET_UUID = struct.pack("<IHH", 0xDEA00000, 0x6C97, 0x11D1) + bytes.fromhex("8271")
_U_FORMATS = (0x07, 0x0B, 0x13, 0x23, 0x43, 0x83)
_LINK = {
    0x8892: ("PROFINET", "ethertype 8892"),
    0x88B8: ("IEC 61850 GOOSE", "ethertype 88B8"),
    0x88BA: ("IEC 61850 SV", "ethertype 88BA"),
}


def read(flow: Flow) -> Iterator[Claim]:
    """Name the protocol."""
    if flow.transport == "ethernet":
        if flow.kind in _LINK:
            name, why = _LINK[flow.kind]
            yield Claim(name, Family.BUILDING, why=why)
        return
    if flow.transport not in ("tcp", "udp"):
        return
    streams = [s for s in flow.both if s]
    if any(is_dnp3(stream) for stream in streams):
        yield Claim("DNP3", Family.BUILDING, why="frame with its checksum")
    elif flow.transport == "tcp":
        yield from _tcp(flow, streams)
    elif any(_is_profinet(piece) for piece in flow.sent[:3] + flow.answered[:3]):
        yield Claim("PROFINET IO", Family.BUILDING, why="object of PROFINET in DCE/RPC")


def _tcp(flow: Flow, streams: list[bytes]) -> Iterator[Claim]:
    if streams and all(_is_opc_ua(stream) for stream in streams):
        yield Claim("OPC UA", Family.BUILDING, why="message header with its length")
    elif streams and (any if 2404 in flow.ports else all)(map(is_iec104, streams)):
        sure = Sure.SURE if 2404 in flow.ports or len(streams) == 2 else Sure.LIKELY
        yield Claim("IEC 60870", Family.BUILDING, sure, why="frames of IEC 60870-5-104")


def is_dnp3(stream: bytes) -> bool:
    """A link frame 05 64 whose header checksum is right."""
    if stream[:2] != b"\x05\x64" or len(stream) < 10 or stream[2] < 5:
        return False
    return crc_dnp(stream[:8]) == stream[8] | stream[9] << 8


def crc_dnp(data: bytes) -> int:
    """CRC-16 of DNP3 (reflected polynomial A6BC, complemented)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA6BC if crc & 1 else crc >> 1
    return ~crc & 0xFFFF


def _is_opc_ua(stream: bytes) -> bool:
    return stream[:4] in _UA and len(stream) >= 8 and 8 <= int.from_bytes(stream[4:8], "little") <= 1 << 24


def is_iec104(stream: bytes) -> bool:
    """Frames one behind the other, each of which holds: U and S exactly, I with a known type."""
    at = count = 0
    while at + 6 <= len(stream) and count < 8:
        if stream[at] != 0x68 or not 4 <= stream[at + 1] <= 253:
            return False
        control, size = stream[at + 2], stream[at + 1]
        if control & 3 == 3:
            if size != 4 or control not in _U_FORMATS or any(stream[at + 3 : at + 6]):
                return False
        elif control & 3 == 1:
            if size != 4 or control != 1 or stream[at + 3] or stream[at + 4] & 1:
                return False
        elif (
            size < 10 or stream[at + 4] & 1 or not 1 <= int.from_bytes(stream[at + 6 : at + 7], "big") <= 127
        ):
            return False
        at += 2 + size
        count += 1
    return count > 0


def _is_profinet(piece: bytes) -> bool:
    """Connectionless DCE/RPC (version 4) about a PROFINET object or interface."""
    if len(piece) < 80 or piece[0] != 4 or piece[1] > 10:
        return False
    ends = (_PROFINET_UUID[:8], struct.pack(">IHH", 0xDEA00000, 0x6C97, 0x11D1))
    found = (piece[8:16], piece[24:32])
    return any(part[1:3] == end[1:3] and part[4:8] == end[4:8] for part in found for end in ends) and (
        b"\x82\x71" in (piece[16:18], piece[32:34])
    )
