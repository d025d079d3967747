# SPDX-License-Identifier: Apache-2.0
"""Multicast DNS heard: host names, addresses, services, device info (RFC 6762, RFC 6763). Sends nothing."""

from collections.abc import Iterator

from probes import dns_message, frames
from probes.contract import Transcript
from probes.dns_message import Message, Name
from probes.facts import Fact, FactKind, Sure, fact


def claims(frame: bytes) -> bool:
    """Tell whether the frame comes from the mDNS port."""
    return frames.udp_ports(frame)[0] == 5353


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the sender, and of an answer its host, addresses, services and device info."""
    datagram = frames.udp(transcript.heard)
    message = dns_message.read_message(datagram.payload)
    if not message.is_answer:
        return tuple(_sender(datagram))
    own = tuple(dict.fromkeys(_addresses(message)))
    source = datagram.packet.source
    reflected = any((":" in a) == (":" in source) for a in own) and source not in own
    sure = Sure.LIKELY if reflected else Sure.SURE
    found = [] if reflected else list(_sender(datagram))
    found += [fact(FactKind.ADDRESS, address, sure) for address in own if address != source]
    found += [fact(FactKind.MDNS_HOST, host, sure) for host in dict.fromkeys(_hosts(message))]
    found += _services(message, sure)
    return tuple(found)


def _sender(datagram: frames.Datagram) -> Iterator[Fact]:
    if datagram.frame.to_group and frames.is_host_mac(datagram.frame.source):
        yield fact(FactKind.MAC, datagram.frame.source)
    if frames.is_host_address(datagram.packet.source):
        yield fact(FactKind.ADDRESS, datagram.packet.source)


def _addresses(message: Message) -> Iterator[str]:
    for record in message.records:
        if record.kind in (dns_message.A, dns_message.AAAA) and _is_local(record.name):
            address = dns_message.address_of(message, record)
            if frames.is_host_address(address):
                yield address


def _hosts(message: Message) -> Iterator[str]:
    for record in message.records:
        if record.kind in (dns_message.A, dns_message.AAAA) and _is_local(record.name):
            yield ".".join(record.name)
        elif record.kind == dns_message.SRV:
            target = dns_message.service_of(message, record)[1]
            if _is_local(target):
                yield ".".join(target)


def _is_local(name: Name) -> bool:
    return len(name) == 2 and name[1].lower() == "local"


def _services(message: Message, sure: Sure) -> Iterator[Fact]:
    ports: dict[str, str] = {}
    infos: list[str] = []
    for record in message.records:
        service = _service(record.name)
        if record.kind == dns_message.SRV and service:
            ports[service] = str(dns_message.service_of(message, record)[0])
        elif record.kind == dns_message.PTR and service and len(record.name) == 3:
            ports.setdefault(service, "-")
        elif record.kind == dns_message.TXT and service == "_device-info._tcp":
            infos.append(" ".join(dns_message.texts_of(message, record)))
    for service, port in ports.items():
        yield fact(FactKind.MDNS_SERVICE, f"{service} {port}", sure)
    for info in infos:
        yield fact(FactKind.MDNS_DEVICE_INFO, info, sure)


def _service(name: Name) -> str:
    if len(name) < 3 or name[-1].lower() != "local" or name[-2] not in ("_tcp", "_udp"):
        return ""
    return f"{name[-3]}.{name[-2]}" if name[-3] != "_dns-sd" else ""
