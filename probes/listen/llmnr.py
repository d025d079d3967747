# SPDX-License-Identifier: Apache-2.0
"""LLMNR heard: hosts that answer for their own name (RFC 4795). Sends nothing."""

from probes import dns_message, frames
from probes.contract import Transcript
from probes.facts import Fact, FactKind, fact


def claims(frame: bytes) -> bool:
    """Tell whether the frame is UDP to or from the LLMNR port."""
    return 5355 in frames.udp_ports(frame)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the sender, and of an answer the name it answers for and its addresses."""
    datagram = frames.udp(transcript.heard)
    message = dns_message.read_message(datagram.payload)
    found: dict[Fact, None] = {}
    if datagram.frame.to_group and frames.is_host_mac(datagram.frame.source):
        found[fact(FactKind.MAC, datagram.frame.source)] = None
    if frames.is_host_address(datagram.packet.source):
        found[fact(FactKind.ADDRESS, datagram.packet.source)] = None
    for record in message.records if message.is_answer else ():
        if record.kind in (dns_message.A, dns_message.AAAA):
            address = dns_message.address_of(message, record)
            if frames.is_host_address(address):
                found[fact(FactKind.ADDRESS, address)] = None
                found[fact(FactKind.NAME, ".".join(record.name))] = None
    return tuple(found)
