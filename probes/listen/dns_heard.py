# SPDX-License-Identifier: Apache-2.0
"""DNS questions heard: hosts that look for a service of remote control, VPN or オンライン資格確認 (RFC 1035). Sends nothing.

On a switched network that is what reaches us by a mirror port, or what a host asks of this machine.
Questions about any other name are not read into facts: whom people look up is not our business.
"""

from probes import dns_message, frames
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.remote_names import service_of


def claims(frame: bytes) -> bool:
    """Tell whether the frame is UDP to the DNS port."""
    return frames.udp_ports(frame)[1] == 53


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read who asks, which service, and the name; () for a name that is none of these services'.

    The frame's hardware address may be a router's, so it is not taken for the asker's.
    """
    datagram = frames.udp(transcript.heard)
    cursor = Cursor(datagram.payload)
    cursor.skip(2)
    flags, questions = cursor.u16(), cursor.u16()
    if flags & 0xF800 or not questions:
        raise Malformed("not a DNS question")
    cursor.skip(6)
    name = ".".join(dns_message.read_name(cursor))
    service = service_of(name)
    if service is None or not frames.is_host_address(datagram.packet.source):
        return ()
    return (
        fact(FactKind.ADDRESS, datagram.packet.source),
        *((fact(FactKind.REMOTE_PATH, service.kind, service.sure),) if service.kind else ()),
        fact(FactKind.PRODUCT, service.product, service.sure),
        fact(FactKind.REMOTE_NAME, f"DNS question {name}"),
    )
