# SPDX-License-Identifier: Apache-2.0
"""Tunnels that carry PPP: L2TP (RFC 2661, RFC 3931), PPTP (RFC 2637), SSTP (MS-SSTP 2.2.1)."""

from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp", "gre")

_MAGIC = b"\x1a\x2b\x3c\x4d"
_SSTP = b"SSTP_DUPLEX_POST /sra_{BA195980-CD49-458b-9E23-C84EE0ADCD75}/"


def read(flow: Flow) -> Iterator[Claim]:
    """Name the tunnel by its control messages."""
    if flow.transport == "udp":
        yield from _l2tp(flow)
    elif flow.transport == "gre":
        # PPTP's data; its control connection is a flow of its own
        if flow.kind == 0x880B:
            yield Claim("GRE (PPTP)", Family.VPN, path="pptp", why="enhanced GRE with PPP")
    elif flow.transport == "tcp":
        if is_pptp(flow.asked) or is_pptp(flow.said):
            yield Claim("PPTP", Family.VPN, path="pptp", why="control message with the magic cookie")
        elif flow.asked.startswith(_SSTP):
            yield Claim("SSTP", Family.VPN, path="ssl_vpn", product="Microsoft SSTP", why="SSTP_DUPLEX_POST")


def is_pptp(stream: bytes) -> bool:
    """Whether a stream begins with a PPTP control message."""
    return len(stream) >= 12 and stream[2:8] == b"\0\1" + _MAGIC and 1 <= stream[9] <= 15


def _l2tp(flow: Flow) -> Iterator[Claim]:
    pieces = flow.sent[:6] + flow.answered[:6]
    if any(is_l2tp_control(piece) for piece in pieces):
        yield Claim("L2TP", Family.VPN, path="l2tp", why="control message with its type first")
    elif flow.ports == (1701, 1701) and len(pieces) > 1 and all(_is_l2tp_data(piece) for piece in pieces):
        yield Claim("L2TP", Family.VPN, Sure.LIKELY, path="l2tp", why="data messages between ports 1701")


def is_l2tp_control(piece: bytes) -> bool:
    """Control message of version 2 or 3: its own length, then the message type (or nothing: ZLB)."""
    if len(piece) < 20 or piece[0] & 0xC8 != 0xC8 or piece[1] not in (2, 3):
        return False
    if int.from_bytes(piece[2:4], "big") != len(piece):
        return False
    first = piece[12:20]
    return first[0] & 3 == 0 and first[1] == 8 and first[2:6] == b"\0\0\0\0" and 1 <= first[7] <= 28


def _is_l2tp_data(piece: bytes) -> bool:
    if len(piece) < 8 or piece[1] != 2:
        return False
    if piece[0] & 0x40:
        return int.from_bytes(piece[2:4], "big") == len(piece)
    return piece[0] & 0xB4 == 0
