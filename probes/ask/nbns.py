# SPDX-License-Identifier: Apache-2.0
"""NetBIOS names and every IPv4 of a host: node status, then its own name asked of itself.

RFC 1002 §4.2.17 (node status) and §4.2.12 (name query). Two packets of 50 bytes.
"""

from collections.abc import Iterator

from probes import frames, netbios
from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, Sure, fact

PORTS = (137,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_STATUS_ID, _QUERY_ID = 0x4461, 0x4462
_WORKSTATION, _SERVER = 0x00, 0x20


async def ask(wire: Wire, port: int) -> None:
    """Ask for the name table, then for the addresses of one of its unique names."""
    stream = await wire.udp(port)
    await stream.send(netbios.question(_STATUS_ID, b"*", 0, netbios.NBSTAT))
    own = _own_name(await stream.receive())
    if own is not None:
        await stream.send(netbios.question(_QUERY_ID, own.raw.rstrip(b" \0"), own.suffix, netbios.NB))
        await stream.receive()


def _own_name(answer: bytes) -> netbios.Owned | None:
    try:
        packet = netbios.read_packet(answer)
        names = [
            name for record in _of(packet, netbios.NBSTAT) for name in netbios.read_status(record.data)[0]
        ]
    except Malformed:  # not for us to judge here: `read` does
        return None
    unique = [
        name for name in names if not name.group and name.suffix in (_WORKSTATION, _SERVER) and name.name
    ]
    return min(unique, key=lambda name: name.suffix, default=None)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read names, workgroup, hardware address, and every address that it answers for its own name."""
    found: dict[Fact, None] = {}
    for datagram in transcript.heard_lines():
        packet = netbios.read_packet(datagram)
        if not packet.is_answer or packet.operation:
            raise Malformed("not an answer of the NetBIOS name service")
        found[fact(FactKind.SERVICE, "netbios-ns")] = None
        for record in _of(packet, netbios.NBSTAT):
            found.update(dict.fromkeys(_status_facts(record.data)))
        for record in _of(packet, netbios.NB):
            found.update(dict.fromkeys(_address_facts(record.data)))
    return tuple(found)


def _of(packet: netbios.NamePacket, kind: int) -> Iterator[netbios.Resource]:
    return (record for record in packet.records if record.kind == kind)


def _status_facts(data: bytes) -> Iterator[Fact]:
    names, unit = netbios.read_status(data)
    for owned in names:
        if not owned.name.isprintable():  # __MSBROWSE__ between control characters
            continue
        yield fact(FactKind.NETBIOS_NAME, str(owned))
        if owned.suffix == _WORKSTATION:
            yield fact(FactKind.WORKGROUP if owned.group else FactKind.NAME, owned.name)
    if frames.is_host_mac(frames.mac(unit)):
        yield fact(FactKind.NETBIOS_MAC, frames.mac(unit))


def _address_facts(data: bytes) -> Iterator[Fact]:
    for group, address in netbios.read_addresses(data):
        if not group and frames.is_host_address(address):
            yield fact(FactKind.ADDRESS, address, Sure.SURE)
