# SPDX-License-Identifier: Apache-2.0
"""Screens shown elsewhere: RDP, VNC, Citrix, X, NoMachine, Radmin, VMware.

MS-RDPBCGR 2.2.1.1, MS-RDPEUDP 2.2.2, RFC 6143, X11R6 XDMCP; the others as their first bytes show.
"""

import re
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_RFB = re.compile(rb"RFB [0-9]{3}\.[0-9]{3}\n")
_NX = re.compile(rb"NX(?:SH|D|SSH)-[0-9]+\.[0-9]+\.[0-9]+")


def read(flow: Flow) -> Iterator[Claim]:
    """Name what carries a screen."""
    if flow.transport == "tcp":
        yield from _tcp(flow)
    elif flow.transport == "udp":
        yield from _udp(flow)


def _tcp(flow: Flow) -> Iterator[Claim]:
    asked, said = flow.both
    if is_rdp(asked, said, 3389 in flow.ports):
        yield Claim("RDP", Family.REMOTE, path="rdp", why="X.224 connection with RDP negotiation")
    elif _RFB.match(said) or _RFB.match(asked):
        yield Claim("VNC", Family.REMOTE, path="vnc", why="RFB version")
    elif asked[:6] == b"\x7f\x7fICA\0" or said[:6] == b"\x7f\x7fICA\0" or asked[:7] == b"\x1aCGP/01":
        yield Claim("Citrix", Family.REMOTE, path="remote_tool", product="Citrix", why="ICA or CGP greeting")
    elif _NX.match(asked) or _NX.match(said):
        yield Claim("NoMachine", Family.REMOTE, path="remote_tool", product="NoMachine", why="NX greeting")
    elif is_radmin(asked) and (is_radmin(said) or not said):
        yield Claim("Radmin", Family.REMOTE, path="remote_tool", product="Radmin", why="summed frames")
    elif said.startswith(b"220 VMware Authentication Daemon"):
        yield Claim("VMware", Family.REMOTE, path="web_admin", product="VMware", why="greeting on 902")


def is_rdp(asked: bytes, said: bytes, known_port: bool) -> bool:
    """Whether an X.224 connection request (or confirm) is RDP's and not S7's or MMS's."""
    for data, kind in ((asked, 0xE0), (said, 0xD0)):
        if len(data) < 11 or data[:2] != b"\x03\0" or data[5] & 0xF0 != kind or data[4] != data[3] - 5:
            continue
        rest = data[11 : data[3]]
        negotiation = rest[:1] in (b"\x01", b"\x02", b"\x03") and rest[2:4] == b"\x08\0"
        cookie = rest.startswith((b"Cookie: ", b"mstshash="))
        bare = not rest and (known_port or data[data[3] + 7 : data[3] + 9] == b"\x7f\x65")
        if negotiation or cookie or bare:
            return True
    return False


def is_radmin(stream: bytes) -> bool:
    """Whether it begins with a Radmin 3 frame: 1, length, sum of the little-endian words, content."""
    if stream[:2] != b"\x01\0" or len(stream) < 10:
        return False
    length, total = int.from_bytes(stream[1:5], "big"), int.from_bytes(stream[5:9], "big")
    content = stream[9 : 9 + length]
    if not 1 <= length <= 4096 or len(content) != length:
        return False
    words = (int.from_bytes(content[at : at + 4], "little") for at in range(0, length, 4))
    return sum(words) & 0xFFFFFFFF == total


def _udp(flow: Flow) -> Iterator[Claim]:
    if any(_is_xdmcp(piece) for piece in flow.sent[:1]) and 177 in flow.ports:
        yield Claim("XDMCP", Family.REMOTE, path="remote_tool", why="XDMCP header")
    elif 3389 in flow.ports and any(_is_rdp_udp(piece) for piece in flow.sent[:1] + flow.answered[:1]):
        yield Claim("RDP", Family.REMOTE, path="rdp", why="RDPEUDP SYN")
    elif 4000 in flow.ports and _is_nx_udp(flow):
        yield Claim(
            "NoMachine", Family.REMOTE, Sure.LIKELY, product="NoMachine", path="remote_tool", why="UDP"
        )
    elif 902 in flow.ports and any(p[:2] == b"\xa4\xd0" and len(p) == 66 for p in flow.sent[:1]):
        yield Claim("VMware", Family.REMOTE, Sure.LIKELY, product="VMware", why="heartbeat on 902")


def _is_nx_udp(flow: Flow) -> bool:
    """Counted greetings of ten bytes that say their own length, 1 from the one and 2 from the other."""
    ask, answer = flow.sent[:1] or (b"",), flow.answered[:1] or (b"",)
    same = ask[0][2:] == answer[0][2:] and ask[0][4:6] == b"\x0a\0"
    return same and len(ask[0]) == 10 and ask[0][:2] == b"\1\0" and answer[0][:2] == b"\2\0"


def _is_xdmcp(piece: bytes) -> bool:
    return (
        piece[:2] == b"\0\1"
        and len(piece) >= 6
        and 1 <= piece[3] <= 13
        and piece[4:6] == (len(piece) - 6).to_bytes(2, "big")
    )


def _is_rdp_udp(piece: bytes) -> bool:
    return len(piece) >= 16 and piece[:4] == b"\xff\xff\xff\xff" and piece[7] & 1 == 1
