# SPDX-License-Identifier: Apache-2.0
"""NetBIOS names that hosts register by broadcast (RFC 1002 §4.2), and browser announcements.

Announcements: MS-BRWS 2.2.1 in a NetBIOS datagram (RFC 1002 §4.4). Sends nothing.
"""

from collections.abc import Iterator

from probes import frames, netbios
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact

_REGISTRATION, _REFRESH = 5, (8, 9)
_BROWSE = b"\\MAILSLOT\\BROWSE\0"
_HOST, _LOCAL_MASTER = 1, 15


def claims(frame: bytes) -> bool:
    """Tell whether the frame is UDP from the NetBIOS name or datagram port."""
    return frames.udp_ports(frame)[0] in (137, 138)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the sender and the names it says are its own."""
    datagram = frames.udp(transcript.heard)
    found: dict[Fact, None] = {}
    if datagram.frame.to_group and frames.is_host_mac(datagram.frame.source):
        found[fact(FactKind.MAC, datagram.frame.source)] = None
    if frames.is_host_address(datagram.packet.source):
        found[fact(FactKind.ADDRESS, datagram.packet.source)] = None
    if 137 in (datagram.source_port, datagram.destination_port):
        found.update(dict.fromkeys(_registered(netbios.read_packet(datagram.payload))))
    else:
        found.update(dict.fromkeys(_announced(Cursor(datagram.payload))))
    return tuple(found)


def _registered(packet: netbios.NamePacket) -> Iterator[Fact]:
    if packet.is_answer or packet.operation not in (_REGISTRATION, *_REFRESH):
        return
    for record in packet.records:
        if not record.name.isprintable():  # __MSBROWSE__ between control characters
            continue
        for group, address in netbios.read_addresses(record.data) if record.kind == netbios.NB else ():
            yield fact(FactKind.NETBIOS_NAME, str(netbios.Owned(record.name, record.suffix, group)))
            if record.suffix == 0:
                yield fact(FactKind.WORKGROUP if group else FactKind.NAME, record.name)
            if not group and frames.is_host_address(address):
                yield fact(FactKind.ADDRESS, address)


def _announced(cursor: Cursor) -> Iterator[Fact]:
    kind = cursor.u8()
    if kind not in (0x10, 0x11, 0x12):
        raise Malformed("not a NetBIOS datagram")
    cursor.skip(13)  # flags, id, source address and port, length, offset
    name, suffix = netbios.read_name(cursor)
    netbios.read_name(cursor)  # to whom
    yield fact(FactKind.NETBIOS_NAME, str(netbios.Owned(name, suffix, group=False)))
    if suffix in (0x00, 0x20):
        yield fact(FactKind.NAME, name)
    message = cursor.rest()
    at = message.find(_BROWSE)
    if at >= 0:
        yield from _browser(Cursor(message, at + len(_BROWSE)))


def _browser(cursor: Cursor) -> Iterator[Fact]:
    if cursor.u8() not in (_HOST, _LOCAL_MASTER):
        return
    cursor.skip(5)  # count, period
    yield fact(FactKind.NAME, netbios.text(cursor.take(16).partition(b"\0")[0]))
    major, minor = cursor.u8(), cursor.u8()
    yield fact(FactKind.OS_VERSION, f"{major}.{minor}", Sure.GUESS)
    cursor.skip(8)  # kinds of server, browser version, signature
    comment = netbios.text(cursor.rest().partition(b"\0")[0])
    if comment:
        yield fact(FactKind.BANNER, comment)
