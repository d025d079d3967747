# SPDX-License-Identifier: Apache-2.0
"""DHCP heard: what clients ask with and which servers answer (RFC 2131, RFC 2132). Sends nothing.

A client's message is about the client, a server's about the server. A request that all hear names the server whose
offer the client takes, also where the offer itself went to the client alone.
"""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact

_MESSAGES = ("", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform")
_ROUTER, _HOSTNAME, _REQUESTED, _MESSAGE, _SERVER, _WANTED, _VENDOR = 3, 12, 50, 53, 54, 55, 60
_MAGIC = b"\x63\x82\x53\x63"


def claims(frame: bytes) -> bool:
    """Tell whether the frame is UDP between the DHCP ports."""
    return frames.udp_ports(frame) in ((68, 67), (67, 68), (67, 67))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read host name, vendor class, wanted options; server identifier and router of a server."""
    datagram = frames.udp(transcript.heard)
    cursor = Cursor(datagram.payload)
    operation, hardware = cursor.u8(), cursor.take(2)
    cursor.skip(9)
    addresses = [frames.ip_text(cursor.take(4)) for _ in range(4)]  # ciaddr yiaddr siaddr giaddr
    client = frames.mac(cursor.take(6))
    cursor.skip(10 + 64 + 128)
    if operation not in (1, 2) or hardware != b"\1\6" or cursor.take(4) != _MAGIC:
        raise Malformed("not DHCP over Ethernet")
    options = _options(cursor)
    if operation == 1:
        return tuple(_client_facts(client, addresses[0], options))
    return tuple(_server_facts(datagram, client, addresses, options))


def _options(cursor: Cursor) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    while cursor.left:
        code = cursor.u8()
        if code == 255:
            break
        if code:
            options[code] = options.get(code, b"") + cursor.take(cursor.u8())  # RFC 3396
    return options


def _client_facts(client: str, own: str, options: dict[int, bytes]) -> Iterator[Fact]:
    if frames.is_host_mac(client):
        yield fact(FactKind.MAC, client)
    message = _message(options)
    if frames.is_host_address(own):
        yield fact(FactKind.ADDRESS, own)
    elif message == "request" and len(options.get(_REQUESTED, b"")) == 4:
        yield fact(FactKind.ADDRESS, frames.ip_text(options[_REQUESTED]), Sure.LIKELY)
    yield fact(FactKind.DHCP_MESSAGE, message)
    if message == "request" and len(options.get(_SERVER, b"")) == 4:  # whose offer it takes
        yield fact(FactKind.DHCP_SERVER, frames.ip_text(options[_SERVER]))
    for code, kind in ((_HOSTNAME, FactKind.DHCP_HOSTNAME), (_VENDOR, FactKind.DHCP_VENDOR_CLASS)):
        text = options.get(code, b"").rstrip(b"\0").decode("utf-8", "replace")
        if text:
            yield fact(kind, text)
    if options.get(_WANTED):
        yield fact(FactKind.DHCP_OPTIONS, ",".join(str(code) for code in options[_WANTED]))


def _server_facts(
    datagram: frames.Datagram, client: str, addresses: list[str], options: dict[int, bytes]
) -> Iterator[Fact]:
    server = options.get(_SERVER, b"")
    source = datagram.packet.source
    if len(server) == 4 and frames.ip_text(server) == source:  # not through a relay
        yield fact(FactKind.MAC, datagram.frame.source)
    yield fact(FactKind.ADDRESS, source)
    yield fact(FactKind.DHCP_MESSAGE, _message(options))
    if len(server) == 4:
        yield fact(FactKind.DHCP_SERVER, frames.ip_text(server))
    routers = options.get(_ROUTER, b"")
    for at in range(0, len(routers) - 3, 4):
        yield fact(FactKind.DHCP_ROUTER, frames.ip_text(routers[at : at + 4]))
    if _message(options) == "ack" and frames.is_host_address(addresses[1]):
        yield fact(FactKind.NEIGHBOUR, f"{addresses[1]} {client}", Sure.LIKELY)


def _message(options: dict[int, bytes]) -> str:
    code = options.get(_MESSAGE, b"")
    if len(code) != 1 or not 1 <= code[0] < len(_MESSAGES):
        raise Malformed("no DHCP message type")
    return _MESSAGES[code[0]]
