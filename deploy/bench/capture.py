# SPDX-License-Identifier: Apache-2.0
"""What a capture saw leave one machine, counted without anything of the agent's own.

Reads classic pcap with Ethernet frames. A frame counts for the host it is meant for: the IPv4
destination, the target of an ARP or neighbour request, and for the forwarding test (a frame
for TEST-NET) the owner of the Ethernet destination.
"""

import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path

TEST_NET = ip_network("192.0.2.0/24")
_TCP, _UDP, _ICMP6 = 6, 17, 58


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame that left: when, for whom, over what, and with how much payload."""

    at: float
    target: str
    transport: str
    port: int
    payload: int


@dataclass(slots=True)
class Left:
    """Everything that left, by target."""

    packets: Counter[str] = field(default_factory=Counter)
    stamps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    payload: Counter[tuple[str, str, int]] = field(
        default_factory=Counter
    )  # (target, transport, port) → bytes
    ports: set[tuple[str, str, int]] = field(default_factory=set)

    def most_per_second(self, target: str) -> int:
        """Most packets to this target in any one second."""
        return most_in_a_second(self.stamps[target])


def most_in_a_second(stamps: list[float]) -> int:
    """Largest number of stamps that lie within one half-open second."""
    stamps = sorted(stamps)
    most = first = 0
    for last, stamp in enumerate(stamps):
        while stamps[first] <= stamp - 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def what_left(file: Path, source_mac: str, owners: Mapping[str, str]) -> Left:
    """Count the frames with this source MAC; `owners` maps a MAC to its address (forwarding test)."""
    left = Left()
    for at, data in frames(file):
        if data[6:12] == bytes.fromhex(source_mac.replace(":", "")):
            frame = _read(at, data, owners)
            left.packets[frame.target] += 1
            left.stamps[frame.target].append(frame.at)
            left.payload[frame.target, frame.transport, frame.port] += frame.payload
            left.ports.add((frame.target, frame.transport, frame.port))
    return left


def frames(file: Path) -> Iterator[tuple[float, bytes]]:
    """Give (time, frame) of a classic pcap file in either byte order, microseconds or nanoseconds."""
    data = file.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1e-9 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1e-6
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from(order + "IIII", data, at)
        yield seconds + fraction * unit, data[at + 16 : at + 16 + length]
        at += 16 + length


def _read(at: float, data: bytes, owners: Mapping[str, str]) -> Frame:
    kind, body = int.from_bytes(data[12:14], "big"), data[14:]
    if kind == 0x0806:
        return Frame(at, _ip(body[24:28]), "arp", 0, 0)
    if kind == 0x0800:
        header = (body[0] & 0x0F) * 4
        target, rest = _ip(body[16:20]), body[header : int.from_bytes(body[2:4], "big")]
        if ip_address(target) in TEST_NET:
            target = owners.get(data[:6].hex(":"), target)
        return Frame(at, target, *_inside(body[9], rest))
    if kind == 0x86DD:
        target, rest = _ip(body[24:40]), body[40:]
        if body[6] == _ICMP6 and rest[:1] == b"\x87":  # neighbour solicitation: for its target
            target = _ip(rest[8:24])
        return Frame(at, target, *_inside(body[6], rest))
    return Frame(at, data[:6].hex(":"), f"0x{kind:04x}", 0, len(body))


def _inside(protocol: int, rest: bytes) -> tuple[str, int, int]:
    if protocol == _TCP:
        return "tcp", int.from_bytes(rest[2:4], "big"), len(rest) - (rest[12] >> 4) * 4
    if protocol == _UDP:
        return "udp", int.from_bytes(rest[2:4], "big"), len(rest) - 8
    return f"ip/{protocol}", 0, 0


def _ip(raw: bytes) -> str:
    return str(ip_address(raw))
