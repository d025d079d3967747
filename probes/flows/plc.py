# SPDX-License-Identifier: Apache-2.0
"""Controllers of factories and plants: EtherNet/IP and CIP, FINS, MELSEC, ADS, HART-IP, Ether-S-Bus.

ODVA volume 2 §2-3, Omron W342, Mitsubishi SH-080008, Beckhoff InfoSys (AMS/TCP), HCF_SPEC-085, SAIA 26/739.
"""

from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_ENIP = frozenset((0x01, 0x04, 0x63, 0x64, 0x65, 0x66, 0x6F, 0x70, 0x72, 0x73))
_ADS_COMMANDS = frozenset(range(1, 10))


def read(flow: Flow) -> Iterator[Claim]:
    """Name the controller's protocol."""
    found = _tcp(flow) if flow.transport == "tcp" else _udp(flow) if flow.transport == "udp" else None
    if found:
        name, sure, why = found
        yield Claim(name, Family.BUILDING, sure, why=why)


def _tcp(flow: Flow) -> tuple[str, Sure, str] | None:
    asked, said = flow.both
    streams = [stream for stream in flow.both if stream]
    if streams and all(map(is_enip, streams)) and (len(streams) == 2 or 44818 in flow.ports):
        return "EtherNet/IP", Sure.SURE, "encapsulation header"
    if any(s[:4] == b"FINS" and len(s) >= 16 and int.from_bytes(s[4:8], "big") <= 2048 for s in streams):
        return "FINS", Sure.SURE, "FINS/TCP header"
    if (_is_ads(asked) and (_is_ads(said) or not said)) or (_is_ads(said) and not asked):
        return "Beckhoff ADS", Sure.SURE, "AMS/TCP header"
    if _is_hart(flow.sent) and (_is_hart(flow.answered) or (not said and 5094 in flow.ports)):
        return "HART-IP", Sure.SURE, "header with its length"
    if _is_melsec(asked, b"\x50\0", b"\x54\0") and (_is_melsec(said, b"\xd0\0", b"\xd4\0") or not said):
        return "MELSEC", Sure.LIKELY, "frame 3E or 4E"
    return None


def _udp(flow: Flow) -> tuple[str, Sure, str] | None:
    pieces = flow.sent[:4] + flow.answered[:4]
    first = pieces[0] if pieces else b""
    if {9600} & set(flow.ports) and all(_is_fins(piece) for piece in pieces):
        return "FINS", Sure.SURE, "FINS header on 9600"
    if all(is_enip(piece) and len(piece) == 24 + piece[2] + piece[3] * 256 for piece in pieces):
        return "EtherNet/IP", Sure.SURE, "encapsulation header"
    if all(_is_cip_io(piece) for piece in pieces):
        return "CIP", Sure.SURE, "sequenced address and connected data items"
    if _is_hart(pieces) and {5094, 5095} & set(flow.ports):
        return "HART-IP", Sure.SURE, "header with its length"
    if first[:4] == b"\x03\x66\x14\x71":
        return "Beckhoff ADS", Sure.SURE, "AMS discovery"
    if all(_is_sbus(piece) for piece in pieces):
        return "Ether-S-Bus", Sure.SURE, "length and checksum"
    return None


def is_enip(data: bytes) -> bool:
    """The encapsulation header: command, length, session, status 0, context, options 0."""
    if len(data) < 24 or data[1] or data[0] not in _ENIP or data[20:24] != b"\0\0\0\0":
        return False
    length, status = data[2] | data[3] << 8, int.from_bytes(data[8:12], "little")
    opening = data[0] in (0x65, 0x66, 0x04, 0x63)
    return length <= 4096 and status in (0, 1, 2, 3, 0x64, 0x65, 0x69) and (opening or any(data[4:8]))


def _is_cip_io(piece: bytes) -> bool:
    """Common packet: two items, the sequenced address (8002) and connected data (00B1) that fills the rest."""
    if len(piece) < 20 or piece[:6] != b"\2\0\2\x80\x08\0" or piece[14:16] != b"\xb1\0":
        return False
    return piece[16] | piece[17] << 8 == len(piece) - 18


def _is_fins(piece: bytes) -> bool:
    return (
        len(piece) >= 12 and piece[0] & 0x3E == 0 and piece[0] & 0x80 != 0 and not piece[1] and piece[2] <= 7
    )


def _is_ads(data: bytes) -> bool:
    if len(data) < 38 or data[:2] != b"\0\0":
        return False
    length = int.from_bytes(data[2:6], "little")
    command, size = data[22] | data[23] << 8, int.from_bytes(data[26:30], "little")
    return length == size + 32 and command in _ADS_COMMANDS and data[24] | data[25] << 8 in (4, 5, 0x44, 0x45)


def _is_hart(pieces: tuple[bytes, ...]) -> bool:
    """Messages that say their own length (8 bytes of header and more), whole in a piece each."""
    return bool(pieces) and all(
        len(piece) >= 8
        and piece[0] in (1, 2)
        and piece[1] in (0, 1, 2, 15)
        and piece[2] in (0, 1, 2, 3)
        and int.from_bytes(piece[6:8], "big") == len(piece)
        for piece in pieces[:3]
    )


def _is_melsec(data: bytes, short: bytes, long: bytes) -> bool:
    """Binary frame of the MC protocol that says how much follows."""
    at = 2 if data[:2] == short else 6 if data[:2] == long else 0
    if not at or len(data) < at + 9:
        return False
    station = data[at : at + 5]
    return station[:2] == b"\0\xff" and data[at + 5] | data[at + 6] << 8 == len(data) - at - 7


def _is_sbus(piece: bytes) -> bool:
    if len(piece) < 11 or int.from_bytes(piece[:4], "big") != len(piece) or piece[4] > 1 or piece[5] > 1:
        return False
    return crc_ccitt(piece[:-2]) == int.from_bytes(piece[-2:], "big") and piece[8] in (0, 1, 2)


def crc_ccitt(data: bytes) -> int:
    """CRC-16 with polynomial 1021 and start 0 (XMODEM)."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021) & 0xFFFF if crc & 0x8000 else crc << 1
    return crc
