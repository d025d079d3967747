# SPDX-License-Identifier: Apache-2.0
"""Ports that a host inside has a router open to it: UPnP IGD (WANIPConnection), NAT-PMP (RFC 6886), PCP (RFC 6887).

Heard only: we never ask a router for its list. A mapping counts when the router confirmed it.
"""

import re
import struct
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from probes.capture.flow import Flow
from probes.facts import Fact, FactKind, fact

PMP_PORT = 5351
_MOST = 32  # mappings of one flow
_PROTOCOLS = {6: "tcp", 17: "udp"}
_CONFIRMED = re.compile(rb":Add(?:Any)?PortMappingResponse\b")
_ASKED = re.compile(rb":Add(?:Any)?PortMapping\b")
_LISTED = re.compile(rb":Get(?:Generic|Specific)PortMappingEntryResponse\b")
_TAG = re.compile(
    rb"<New(ExternalPort|ReservedPort|Protocol|InternalPort|InternalClient|Enabled)(?: [^>]{0,200})?>\s{0,20}([^<\s]{1,60})\s{0,20}</"
)


def mappings_of(flow: Flow) -> Iterator[tuple[str, Fact]]:
    """Give the host inside and PORT_MAPPING ("UPnP tcp OUTSIDE INSIDE") of each mapping that the flow shows."""
    if flow.transport == "udp" and flow.server_port == PMP_PORT:
        yield from _by_pmp(flow)
    elif flow.transport == "tcp" and flow.said.startswith(b"HTTP/1."):
        yield from _by_upnp(flow)


def _by_upnp(flow: Flow) -> Iterator[tuple[str, Fact]]:
    texts = [*_split(_LISTED, flow.said)]
    if flow.asked.startswith(b"POST ") and _CONFIRMED.search(flow.said):
        texts += _split(_ASKED, flow.asked)
    for text in texts[:_MOST]:
        tags = {name: value.decode("ascii", "replace") for name, value in _TAG.findall(text[:4096])}
        outside = tags.get(b"ExternalPort", tags.get(b"ReservedPort", ""))
        host, inside = tags.get(b"InternalClient", ""), tags.get(b"InternalPort", "")
        if tags.get(b"Enabled", "1") in ("1", "true") and _is_host(host):
            yield from _mapping("UPnP", host, tags.get(b"Protocol", "").lower(), outside, inside)


def _split(mark: re.Pattern[bytes], data: bytes) -> list[bytes]:
    """Give what follows each mark up to the next."""
    starts = [found.end() for found in mark.finditer(data)][: 2 * _MOST]
    return [data[start:end] for start, end in zip(starts, [*starts[1:], len(data)], strict=False)]


def _by_pmp(flow: Flow) -> Iterator[tuple[str, Fact]]:
    for piece in flow.answered[:_MOST]:
        if len(piece) >= 16 and piece[0] == 0 and piece[1] in (129, 130):
            result, _, inside, outside, seconds = struct.unpack_from(">HIHHI", piece, 2)
            if not result and seconds:
                name = "udp" if piece[1] == 129 else "tcp"
                yield from _mapping("NAT-PMP", flow.client, name, str(outside), str(inside))
        elif len(piece) >= 60 and piece[0] == 2 and piece[1] == 129 and piece[3] == 0:
            seconds, number = struct.unpack_from(">I", piece, 4)[0], piece[36]
            inside, outside = struct.unpack_from(">HH", piece, 40)
            if seconds:
                yield from _mapping("PCP", flow.client, _PROTOCOLS.get(number, ""), str(outside), str(inside))


def _mapping(how: str, host: str, protocol: str, outside: str, inside: str) -> Iterator[tuple[str, Fact]]:
    if protocol in ("tcp", "udp") and _is_port(outside) and _is_port(inside):
        yield host, fact(FactKind.PORT_MAPPING, f"{how} {protocol} {outside} {inside}")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536


def _is_host(text: str) -> bool:
    try:
        address = IPv4Address(text)
    except AddressValueError:
        return False
    return not (address.is_unspecified or address.is_loopback or address.is_multicast)
