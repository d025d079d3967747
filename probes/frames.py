# SPDX-License-Identifier: Apache-2.0
"""Headers of heard frames: Ethernet II, 802.1Q, 802.3, ARP, IPv4, IPv6, UDP, TCP. Pure, on Cursor.

Every function raises `Malformed` and nothing else. Hardware addresses are `aa:bb:cc:dd:ee:ff`,
IP addresses the usual text (RFC 5952 for IPv6).
"""

import ipaddress
from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor

IPV4, ARP, IPV6, LLDP = 0x0800, 0x0806, 0x86DD, 0x88CC
ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
_VLAN_TAGS = (0x8100, 0x88A8)
_EXTENSIONS = (0, 43, 44, 60)  # hop-by-hop, routing, fragment, destination options (RFC 8200 §4)
_MOST_TAGS = 2
_MOST_EXTENSIONS = 8


@dataclass(frozen=True, slots=True)
class Ethernet:
    """One frame; `kind` is the ethertype, 0 for 802.3 with an LLC header in `payload`."""

    destination: str
    source: str
    kind: int
    vlan: int  # 0 where the frame has no tag
    payload: bytes

    @property
    def to_group(self) -> bool:
        """Tell whether it was sent to more than one host (broadcast or multicast bit)."""
        return int(self.destination[:2], 16) & 1 == 1


@dataclass(frozen=True, slots=True)
class Arp:
    """One ARP packet of IPv4 over Ethernet (RFC 826)."""

    operation: int  # 1 who-has, 2 is-at
    sender_mac: str
    sender_ip: str
    target_mac: str
    target_ip: str


@dataclass(frozen=True, slots=True)
class Packet:
    """One IPv4 or IPv6 packet, first fragment or whole."""

    source: str
    destination: str
    protocol: int
    hops: int  # TTL or hop limit as it arrived
    payload: bytes


@dataclass(frozen=True, slots=True)
class Datagram:
    """One UDP datagram with where it came from."""

    frame: Ethernet
    packet: Packet
    source_port: int
    destination_port: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """One TCP segment (RFC 9293)."""

    source_port: int
    destination_port: int
    sequence: int
    acknowledgement: int
    flags: int  # FIN 1, SYN 2, RST 4, PSH 8, ACK 16
    payload: bytes


def mac(raw: bytes) -> str:
    """Write a 6-byte hardware address."""
    return raw.hex(":")


def ip_text(raw: bytes) -> str:
    """Write a 4- or 16-byte IP address; raises Malformed for another length."""
    if len(raw) == 4:
        return str(ipaddress.IPv4Address(raw))
    if len(raw) == 16:
        return str(ipaddress.IPv6Address(raw))
    raise Malformed(f"an address of {len(raw)} bytes")


def is_host_address(address: str) -> bool:
    """Tell whether a host can be reached by it: not unspecified, loopback, multicast or broadcast."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.is_unspecified or parsed.is_loopback or parsed.is_multicast:
        return False
    return parsed.version == 6 or int(parsed) >> 24 not in (0, 255)


def is_host_mac(address: str) -> bool:
    """Tell whether it can be one interface's address: not zero, broadcast or multicast."""
    return address != "00:00:00:00:00:00" and int(address[:2], 16) & 1 == 0


def ethernet(frame: bytes) -> Ethernet:
    """Read the Ethernet header (IEEE 802.3, 802.1Q with at most two tags)."""
    cursor = Cursor(frame)
    destination, source, kind = cursor.take(6), cursor.take(6), cursor.u16()
    vlan = 0
    for _ in range(_MOST_TAGS):
        if kind in _VLAN_TAGS:
            vlan = cursor.u16() & 0xFFF
            kind = cursor.u16()
    if kind < 0x600:
        return Ethernet(mac(destination), mac(source), 0, vlan, cursor.take(kind))
    return Ethernet(mac(destination), mac(source), kind, vlan, cursor.rest())


def arp(frame: Ethernet) -> Arp:
    """Read ARP of IPv4 over Ethernet; other address families are Malformed."""
    if frame.kind != ARP:
        raise Malformed("not ARP")
    cursor = Cursor(frame.payload)
    if cursor.take(6) not in (b"\0\1\x08\0\6\4", b"\0\6\x08\0\6\4"):
        raise Malformed("not ARP of IPv4 over Ethernet or IEEE 802")
    operation = cursor.u16()
    return Arp(
        operation, mac(cursor.take(6)), ip_text(cursor.take(4)), mac(cursor.take(6)), ip_text(cursor.take(4))
    )


def ip(frame: Ethernet) -> Packet:
    """Read the IPv4 or IPv6 header of a frame, extension headers passed over."""
    if frame.kind == IPV4:
        return ipv4(frame.payload)
    if frame.kind == IPV6:
        return ipv6(frame.payload)
    raise Malformed("not IP")


def ipv4(data: bytes) -> Packet:
    """Read an IPv4 packet (RFC 791); a later fragment is Malformed."""
    cursor = Cursor(data)
    first = cursor.u8()
    if first >> 4 != 4 or first & 15 < 5:
        raise Malformed("not IPv4")
    cursor.skip(1)
    total = cursor.u16()
    cursor.skip(2)
    if cursor.u16() & 0x1FFF:
        raise Malformed("a later fragment")
    hops, protocol = cursor.u8(), cursor.u8()
    cursor.skip(2)
    source, destination = ip_text(cursor.take(4)), ip_text(cursor.take(4))
    cursor.skip((first & 15) * 4 - 20)
    return Packet(source, destination, protocol, hops, cursor.rest()[: max(0, total - (first & 15) * 4)])


def ipv6(data: bytes) -> Packet:
    """Read an IPv6 packet (RFC 8200); a later fragment is Malformed."""
    cursor = Cursor(data)
    if cursor.u32() >> 28 != 6:
        raise Malformed("not IPv6")
    length, following, hops = cursor.u16(), cursor.u8(), cursor.u8()
    source, destination = ip_text(cursor.take(16)), ip_text(cursor.take(16))
    body = cursor.sub(min(length, cursor.left))
    for _ in range(_MOST_EXTENSIONS):
        if following not in _EXTENSIONS:
            break
        following = _pass_extension(body, following)
    return Packet(source, destination, following, hops, body.rest())


def _pass_extension(body: Cursor, kind: int) -> int:
    following, size = body.u8(), body.u8()
    if kind != 44:
        body.skip(size * 8 + 6)
    elif body.u16() & 0xFFF8:
        raise Malformed("a later fragment")
    else:
        body.skip(4)
    return following


def udp(frame: bytes) -> Datagram:
    """Read a frame that holds one UDP datagram (RFC 768)."""
    outer = ethernet(frame)
    packet = ip(outer)
    if packet.protocol != UDP:
        raise Malformed("not UDP")
    cursor = Cursor(packet.payload)
    source, destination, length = cursor.u16(), cursor.u16(), cursor.u16()
    cursor.skip(2)
    return Datagram(outer, packet, source, destination, cursor.rest()[: max(0, length - 8)])


def tcp(packet: Packet) -> Segment:
    """Read the TCP header of a packet."""
    if packet.protocol != TCP:
        raise Malformed("not TCP")
    cursor = Cursor(packet.payload)
    source, destination, sequence, acknowledgement = cursor.u16(), cursor.u16(), cursor.u32(), cursor.u32()
    header = (cursor.u8() >> 4) * 4
    flags = cursor.u8()
    if header < 20:
        raise Malformed("TCP header too short")
    cursor.skip(header - 14)
    return Segment(source, destination, sequence, acknowledgement, flags, cursor.rest())


def ethertype(frame: bytes) -> int:
    """Give the ethertype behind at most two VLAN tags, 0 where there is none. Cheap: for `claims`."""
    at = 12
    for _ in range(_MOST_TAGS + 1):
        kind = int.from_bytes(frame[at : at + 2], "big")
        if kind not in _VLAN_TAGS:
            return kind if kind >= 0x600 else 0
        at += 4
    return 0


def udp_ports(frame: bytes) -> tuple[int, int]:
    """Give (source, destination) port of a UDP frame, (0, 0) for anything else. Cheap: for `claims`."""
    at = 14
    while at <= 14 + 4 * _MOST_TAGS and int.from_bytes(frame[at - 2 : at], "big") in _VLAN_TAGS:
        at += 4
    kind = int.from_bytes(frame[at - 2 : at], "big")
    if kind == IPV4 and frame[at + 9 : at + 10] == b"\x11":
        at += (frame[at] & 15) * 4
    elif kind == IPV6 and frame[at + 6 : at + 7] == b"\x11":
        at += 40
    else:
        return 0, 0
    return int.from_bytes(frame[at : at + 2], "big"), int.from_bytes(frame[at + 2 : at + 4], "big")
