# SPDX-License-Identifier: Apache-2.0
"""ARP heard: who-has, is-at and gratuitous (RFC 826, RFC 5227). Sends nothing."""

from probes import frames
from probes.contract import Transcript
from probes.facts import Fact, FactKind, Sure, fact


def claims(frame: bytes) -> bool:
    """Tell whether the frame is ARP from a host that already has an address."""
    return frames.ethertype(frame) == frames.ARP and _sender(frame) != b"\0\0\0\0"


def _sender(frame: bytes) -> bytes:
    at = frame.find(b"\x08\x06", 12, 22) + 2
    return frame[at + 14 : at + 18]


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read MAC and ADDRESS of the sender; nothing of an address probe (sender 0.0.0.0)."""
    outer = frames.ethernet(transcript.heard)
    packet = frames.arp(outer)
    if not frames.is_host_address(packet.sender_ip) or not frames.is_host_mac(packet.sender_mac):
        return ()
    # A frame that speaks for another hardware address is a proxy, a cluster or a lie.
    sure = Sure.SURE if outer.source == packet.sender_mac else Sure.LIKELY
    return fact(FactKind.MAC, packet.sender_mac, sure), fact(FactKind.ADDRESS, packet.sender_ip, sure)
