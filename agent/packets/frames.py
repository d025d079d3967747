# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames that we send, made by scapy with every address written out, so that it guesses nothing."""

import functools
from ipaddress import IPv4Address, IPv6Address

from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether

FORWARD_TARGET = "192.0.2.1"  # TEST-NET-1, RFC 5737: nobody's
BROADCAST = "ff:ff:ff:ff:ff:ff"
_NOBODY = "02:00:00:00:00:00"


def warm() -> None:
    """Make one of each, so that scapy loads what it loads late."""
    arp_request(_NOBODY, "0.0.0.0", FORWARD_TARGET)  # noqa: S104
    solicitation(_NOBODY, "::", "fe80::1")
    for target in (FORWARD_TARGET, "fe80::1"):
        echo_request(_NOBODY, target, target, _NOBODY, ident=0, sequence=0)
        echo_message(target, 0, 0)


def arp_request(mine: str, source: str, target: str, mac: str = "") -> bytes:
    """ARP request (RFC 826) for `target`, broadcast or to `mac` alone; 42 bytes."""
    frame = bytearray(_arp_template(mine, source, mac or BROADCAST))
    frame[38:42] = IPv4Address(target).packed
    return bytes(frame)


@functools.lru_cache(maxsize=256)
def _arp_template(mine: str, source: str, mac: str) -> bytes:
    return bytes(
        Ether(src=mine, dst=mac, type=0x0806)
        / ARP(op=1, hwsrc=mine, psrc=source, hwdst="00:00:00:00:00:00", pdst="0.0.0.0")  # noqa: S104
    )


def solicitation(mine: str, source: str, target: str) -> bytes:
    """Neighbour solicitation (RFC 4861 §4.3) for `target` to its solicited-node group; 86 bytes."""
    low = IPv6Address(target).packed[-3:]
    group = str(IPv6Address(bytes.fromhex("ff0200000000000000000001ff") + low))
    return bytes(
        Ether(src=mine, dst="33:33:ff:" + low.hex(":"), type=0x86DD)
        / IPv6(src=source, dst=group, hlim=255)
        / ICMPv6ND_NS(tgt=target)
        / ICMPv6NDOptSrcLLAddr(lladdr=mine)
    )


def echo_request(mine: str, source: str, target: str, mac: str, *, ident: int, sequence: int) -> bytes:
    """ICMP or ICMPv6 echo request without payload (RFC 792, RFC 4443), to `mac`; 42 or 62 bytes.

    Its TTL is 1: who owns the address answers, nobody passes it on to another network.
    """
    if ":" in target:
        packet = IPv6(src=source, dst=target, hlim=1) / ICMPv6EchoRequest(id=ident, seq=sequence)
        return bytes(Ether(src=mine, dst=mac, type=0x86DD) / packet)
    message = ICMP(type=8, id=ident, seq=sequence)
    return bytes(Ether(src=mine, dst=mac, type=0x0800) / IP(src=source, dst=target, ttl=1) / message)


def echo_message(target: str, ident: int, sequence: int) -> bytes:
    """The ICMP message alone, for the kernel to route; for IPv6 the kernel fills in the checksum."""
    if ":" in target:
        return bytes(ICMPv6EchoRequest(id=ident, seq=sequence, cksum=0))
    return bytes(ICMP(type=8, id=ident, seq=sequence))


def forward_request(mine: str, source: str, mac: str, *, ident: int, sequence: int) -> bytes:
    """Echo request for TEST-NET-1 with TTL 1 to `mac`: only a router has anything to say to it; 42 bytes."""
    packet = IP(src=source, dst=FORWARD_TARGET, ttl=1) / ICMP(type=8, id=ident, seq=sequence)
    return bytes(Ether(src=mine, dst=mac, type=0x0800) / packet)
