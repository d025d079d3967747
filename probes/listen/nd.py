# SPDX-License-Identifier: Apache-2.0
"""IPv6 neighbour discovery heard: solicitations and advertisements (RFC 4861). Sends nothing."""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_ROUTER_SOLICITATION, _ROUTER, _SOLICITATION, _ADVERTISEMENT = 133, 134, 135, 136
_FIXED = {_ROUTER_SOLICITATION: 4, _ROUTER: 12, _SOLICITATION: 20, _ADVERTISEMENT: 20}
_SOURCE_LINK, _TARGET_LINK, _PREFIX = 1, 2, 3


def claims(frame: bytes) -> bool:
    """Tell whether the frame is an ICMPv6 message of neighbour discovery."""
    if frames.ethertype(frame) != frames.IPV6:
        return False
    at = frame.find(b"\x86\xdd", 12, 22) + 2
    return frame[at + 6 : at + 7] == b"\x3a" and frame[at + 40 : at + 41] in (
        b"\x85",
        b"\x86",
        b"\x87",
        b"\x88",
    )


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read MAC and ADDRESS of the host it is about, and what a router advertises."""
    outer = frames.ethernet(transcript.heard)
    packet = frames.ip(outer)
    kind, fixed, options = _message(packet)
    about = frames.ip_text(fixed[4:20]) if kind == _ADVERTISEMENT else packet.source
    if not frames.is_host_address(about):
        return ()
    wanted = _TARGET_LINK if kind == _ADVERTISEMENT else _SOURCE_LINK
    links = [frames.mac(data[:6]) for code, data in options if code == wanted and len(data) >= 6]
    link = links[0] if links else outer.source
    facts = [fact(FactKind.MAC, link)] if frames.is_host_mac(link) else []
    return (*facts, fact(FactKind.ADDRESS, about), *_router_facts(kind, fixed, options))


def _message(packet: frames.Packet) -> tuple[int, bytes, tuple[tuple[int, bytes], ...]]:
    cursor = Cursor(packet.payload)
    if packet.protocol != frames.ICMPV6 or packet.hops != 255:
        raise Malformed("not neighbour discovery from this link")
    kind = cursor.u8()
    if kind not in _FIXED:
        raise Malformed("not neighbour discovery")
    cursor.skip(3)  # code, checksum
    return kind, cursor.take(_FIXED[kind]), tuple(_options(cursor))


def _options(cursor: Cursor) -> Iterator[tuple[int, bytes]]:
    while cursor.left:
        code, length = cursor.u8(), cursor.u8()
        yield code, cursor.take(length * 8 - 2)


def _router_facts(kind: int, fixed: bytes, options: tuple[tuple[int, bytes], ...]) -> Iterator[Fact]:
    if kind != _ROUTER:
        return
    if fixed[2:4] != b"\0\0":  # router lifetime
        yield fact(FactKind.ROUTER_ADVERTISED, "default")
    for code, data in options:
        if code == _PREFIX and len(data) >= 30:
            yield fact(FactKind.ROUTER_ADVERTISED, f"{frames.ip_text(data[14:30])}/{data[0]}")
