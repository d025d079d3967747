# SPDX-License-Identifier: Apache-2.0
"""What heard frames say about our own questions; pure, and total on hostile bytes.

Frames are Ethernet II as an AF_PACKET socket gives them (VLAN tag already stripped by the kernel).
Sources: RFC 826 (ARP), RFC 792 (ICMP), RFC 4443 (ICMPv6), RFC 4861 (neighbour discovery).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

ARP, IPV4, IPV6 = 0x0806, 0x0800, 0x86DD
_ICMP, _ICMPV6 = 1, 58
_NS, _NA = 135, 136
_MOST_KEPT = 200_000  # entries per map: hostile traffic cannot fill the memory


@dataclass(frozen=True, slots=True)
class Asked:
    """What one sequence number stands for: an echo to `target` (`through` a suspect's MAC), or a forwarding test of `mac`."""

    target: str = ""
    mac: str = ""
    through: str = ""


@dataclass(frozen=True, slots=True)
class _Icmp:
    source: str
    type: int
    code: int
    ident: int
    sequence: int
    version: int


@dataclass(slots=True)
class Answers:
    """Everything learned so far from heard frames; `note` is fed one frame at a time."""

    ident: int  # identifier of all our echo requests
    asked: dict[int, Asked] = field(default_factory=dict)  # by sequence number
    arp: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    echo: dict[str, str] = field(default_factory=dict)
    forward: dict[str, str] = field(default_factory=dict)
    through: dict[tuple[str, str], str] = field(default_factory=dict)  # (MAC of the suspect, target)
    kernel: dict[tuple[str, str], int] = field(default_factory=dict)
    kernel_told: Callable[[str, str], None] = lambda *_: None  # called for each frame of our kernel

    def note(self, interface: str, frame: bytes, outgoing: bool) -> bool:
        """Take in one frame; true if it answered something. Never raises on frame content."""
        try:
            return self._count(interface, sent_to(frame)) if outgoing else self._answer(interface, frame)
        except (struct.error, IndexError):
            return False  # cut short: not an answer; the frame itself is still delivered

    def _count(self, interface: str, target: str) -> bool:
        key = (interface, target)
        if target and (key in self.kernel or len(self.kernel) < _MOST_KEPT):
            self.kernel[key] = self.kernel.get(key, 0) + 1
            self.kernel_told(interface, target)
        return False

    def _answer(self, interface: str, frame: bytes) -> bool:
        claim = arp_reply(frame) or _advertised(frame)
        if claim is not None:
            return self._claim(interface, *claim)
        heard = _read_icmp(frame)
        if heard is None or heard.ident != self.ident:
            return False
        asked = self.asked.get(heard.sequence)
        return asked is not None and self._resolve(asked, heard)

    def _claim(self, interface: str, address: str, mac: str) -> bool:
        key = (interface, address)
        if key not in self.arp and len(self.arp) >= _MOST_KEPT:
            return False
        self.arp.setdefault(key, set()).add(mac)
        return True

    def _resolve(self, asked: Asked, heard: _Icmp) -> bool:
        if asked.mac:
            if asked.mac not in self.forward or heard.type == 11:
                self.forward[asked.mac] = f"{heard.type}/{heard.code}"
            return True
        text = _echo_text(asked.target, heard)
        if asked.through:
            self.through[asked.through, asked.target] = text
        if asked.target not in self.echo or text == "echo-reply":
            self.echo[asked.target] = text
        return True


def arp_reply(frame: bytes) -> tuple[str, str] | None:
    """Give (ip, mac) of the sender of an ARP reply for Ethernet and IPv4, else None."""
    if _ethertype(frame) != ARP or frame[14:20] != b"\0\1\x08\0\6\4" or frame[20:22] != b"\0\2":
        return None
    mac, address = frame[22:28], frame[28:32]
    if len(address) < 4 or mac == bytes(6) or mac[0] & 1 or address == bytes(4):
        return None
    return str(IPv4Address(address)), mac.hex(":")


def _advertised(frame: bytes) -> tuple[str, str] | None:
    if _ethertype(frame) != IPV6 or frame[20] != _ICMPV6 or frame[21] != 255 or frame[54] != _NA:
        return None
    body = frame[54:]
    if len(body) < 32 or body[24:26] != b"\2\1":  # target link-layer address option, RFC 4861 §4.6.1
        return None
    return str(IPv6Address(body[8:24])), body[26:32].hex(":")


def sent_to(frame: bytes) -> str:
    """Say for whom a frame of our kernel was (ARP, ICMP unreachable, neighbour discovery); "" for others."""
    kind = _ethertype(frame)
    if kind == ARP and len(frame) >= 42:
        return str(IPv4Address(frame[38:42]))
    if kind == IPV4 and frame[23] == _ICMP and frame[14 + (frame[14] & 15) * 4] == 3:
        return str(IPv4Address(frame[30:34]))
    if kind == IPV6 and len(frame) >= 78 and frame[20] == _ICMPV6:
        if frame[54] == _NS:
            return str(IPv6Address(frame[62:78]))
        if frame[54] in (_NA, 1):
            return str(IPv6Address(frame[38:54]))
    return ""


def _read_icmp(frame: bytes) -> _Icmp | None:
    kind = _ethertype(frame)
    if kind == IPV4 and frame[23] == _ICMP:
        return _read_v4(frame)
    if kind == IPV6 and frame[20] == _ICMPV6:
        return _read_v6(frame)
    return None


def _read_v4(frame: bytes) -> _Icmp | None:
    at = 14 + (frame[14] & 15) * 4
    code_at, source = frame[at + 1], str(IPv4Address(frame[26:30]))
    if frame[at] == 0:
        return _Icmp(source, 0, code_at, *_pair(frame, at + 4), 4)
    quoted = at + 8
    if frame[at] not in (3, 5, 11, 12) or frame[quoted + 9] != _ICMP:
        return None
    inner = quoted + (frame[quoted] & 15) * 4
    if frame[inner] != 8:
        return None
    return _Icmp(source, frame[at], code_at, *_pair(frame, inner + 4), 4)


def _read_v6(frame: bytes) -> _Icmp | None:
    source = str(IPv6Address(frame[22:38])) if len(frame) >= 62 else ""
    kind, code = frame[54], frame[55]
    if kind == 129:
        return _Icmp(source, kind, code, *_pair(frame, 58), 6)
    if kind not in (1, 3) or frame[68] != _ICMPV6 or frame[102] != 128:
        return None
    return _Icmp(source, kind, code, *_pair(frame, 106), 6)


def _echo_text(target: str, heard: _Icmp) -> str:
    if (heard.version, heard.type) in ((4, 0), (6, 129)):
        return "echo-reply" if heard.source == target else f"echo-reply from {heard.source}"
    family = "" if heard.version == 4 else "icmpv6 "
    return f"{family}{heard.type}/{heard.code} from {heard.source}"


def _pair(frame: bytes, at: int) -> tuple[int, int]:
    ident, sequence = struct.unpack_from("!HH", frame, at)
    return int(ident), int(sequence)


def _ethertype(frame: bytes) -> int:
    return int.from_bytes(frame[12:14], "big") if len(frame) >= 14 else 0
