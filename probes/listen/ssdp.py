# SPDX-License-Identifier: Apache-2.0
"""SSDP heard: UPnP devices that announce themselves (UPnP Device Architecture 1.1 §1.2). Sends nothing."""

import ipaddress
import re
from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript
from probes.facts import Fact, FactKind, Sure, fact

_NOTIFY, _ANSWER = b"NOTIFY * HTTP/1.", b"HTTP/1.1 200 "
_MOST_HEADERS = 32
_HOST = re.compile(r"https?://(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::\d+)?(?:/|$)", re.ASCII)


def claims(frame: bytes) -> bool:
    """Tell whether the frame is UDP to or from the SSDP port."""
    return 1900 in frames.udp_ports(frame)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the sender, its SERVER text and its LOCATION; nothing of other hosts' searches but the sender."""
    datagram = frames.udp(transcript.heard)
    start, _, rest = datagram.payload.partition(b"\r\n")
    if not start.startswith((_NOTIFY, _ANSWER, b"M-SEARCH * HTTP/1.")):
        raise Malformed("not SSDP")
    found = list(_sender(datagram))
    if not start.startswith(b"M-SEARCH"):
        found += _said(_headers(rest))
    return tuple(dict.fromkeys(found))


def _sender(datagram: frames.Datagram) -> Iterator[Fact]:
    if datagram.frame.to_group and frames.is_host_mac(datagram.frame.source):
        # The group may be routed; then this is the router's address on this link.
        yield fact(FactKind.MAC, datagram.frame.source, Sure.LIKELY)
    if frames.is_host_address(datagram.packet.source):
        yield fact(FactKind.ADDRESS, datagram.packet.source)


def _headers(rest: bytes) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in rest.split(b"\r\n", _MOST_HEADERS)[:_MOST_HEADERS]:
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), value.strip())
    return headers


def _said(headers: dict[str, str]) -> Iterator[Fact]:
    if headers.get("server"):
        yield fact(FactKind.SSDP_SERVER, headers["server"])
    service = headers.get("nt") or headers.get("st") or ""
    if service.startswith("urn:"):
        yield fact(FactKind.SSDP_SERVICE, service)
    location = headers.get("location", "")
    if location:
        yield fact(FactKind.SSDP_LOCATION, location)
        address = _address_in(location)
        if address:
            yield fact(FactKind.ADDRESS, address, Sure.LIKELY)


def _address_in(location: str) -> str:
    match = _HOST.match(location)
    if match is None:
        return ""
    try:
        address = str(ipaddress.ip_address(match[1] or match[2]))
    except ValueError:  # a host name, or nonsense
        return ""
    return address if frames.is_host_address(address) else ""
