# SPDX-License-Identifier: Apache-2.0
"""Link layers: where the network packet begins in a recorded frame, and what kind it is.

Numbers are the LINKTYPE_ values of the capture formats. Everything here gives (ethertype, offset);
ethertype 0 stands for "nothing that we follow".
"""

from collections.abc import Callable

IPV4, IPV6, ARP = 0x0800, 0x86DD, 0x0806
MPLS, PPPOE, LLC, CDP = (0x8847, 0x8848), 0x8864, 0x0004, 0x2000
_TAGS = (0x8100, 0x88A8, 0x9100, 0x9200)
Place = tuple[int, int]
_NOTHING: Place = (0, 0)
_PPP = {0x0021: IPV4, 0x0057: IPV6, 0x0281: MPLS[0]}
_MOST_TAGS = 4


def network(link: int, data: bytes) -> Place:
    """Find the network packet of a frame of this link type; (0, 0) if there is none to follow."""
    reader = _LINKS.get(link)
    try:
        return reader(data) if reader else _NOTHING
    except IndexError:
        return _NOTHING


def ethernet(data: bytes, at: int = 0) -> Place:
    """Ethernet II with VLAN tags; 802.3 with LLC gives `LLC` (or what SNAP carries)."""
    at += 12
    kind = _u16(data, at)
    for _ in range(_MOST_TAGS):
        if kind not in _TAGS:
            break
        at += 4
        kind = _u16(data, at)
    if kind >= 0x600:
        return kind, at + 2
    return _llc(data, at + 2)


def ppp(data: bytes, at: int = 0) -> Place:
    """PPP with or without address and control, protocol of one or two bytes (RFC 1661, RFC 1662)."""
    if data[at : at + 2] == b"\xff\x03":
        at += 2
    elif data[at] in (0x0F, 0x8F) and data[at + 1] == 0:
        return _u16(data, at + 2), at + 4  # Cisco HDLC
    if data[at] & 1:
        return _PPP.get(data[at], 0), at + 1
    return _PPP.get(_u16(data, at), 0), at + 2


def _u16(data: bytes, at: int) -> int:
    return data[at] << 8 | data[at + 1]


def _llc(data: bytes, at: int) -> Place:
    if data[at : at + 6] == b"\xaa\xaa\x03\0\0\0":
        return _u16(data, at + 6), at + 8
    if data[at : at + 8] == b"\xaa\xaa\x03\0\0\x0c\x20\0":
        return CDP, at + 8
    return LLC, at


def _family(number: int) -> int:
    return IPV4 if number == 2 else IPV6 if number in (10, 24, 28, 30) else 0


def _null(data: bytes) -> Place:
    number = int.from_bytes(data[:4], "little")
    return _family(number if number < 65536 else int.from_bytes(data[:4], "big")), 4


def _raw(data: bytes) -> Place:
    return {4: IPV4, 6: IPV6}.get(data[0] >> 4, 0), 0


def _radiotap(data: bytes) -> Place:
    return _wifi(data, data[2] | data[3] << 8)


def _wifi(data: bytes, at: int = 0) -> Place:
    """802.11 data frames that are not encrypted (IEEE 802.11 §9.3.2)."""
    control, flags = data[at], data[at + 1]
    if control & 0x0C != 0x08 or flags & 0x40 or control & 0x40:
        return _NOTHING
    size = 24 + (6 if flags & 3 == 3 else 0)
    if control & 0x80:
        size += 2 + (4 if flags & 0x80 else 0)
    return _llc(data, at + size) if data[at + size] == 0xAA else _NOTHING


def _ppi(data: bytes) -> Place:
    size = data[2] | data[3] << 8
    inner = _LINKS.get(int.from_bytes(data[4:8], "little"))
    if inner is None or inner is _ppi:
        return _NOTHING
    kind, at = inner(data[size:])
    return kind, at + size


def _frame_relay(data: bytes) -> Place:
    at = 2 if data[1] & 1 else 4
    if data[at : at + 2] == b"\x03\xcc":
        return IPV4, at + 2
    if data[at : at + 8] == b"\x03\x00\x80\x00\x00\x00\x08\x00":
        return IPV4, at + 8
    return _u16(data, at), at + 2


_LINKS: dict[int, Callable[[bytes], Place]] = {
    0: _null,
    1: ethernet,
    9: ppp,
    12: _raw,
    14: _raw,
    50: ppp,
    51: lambda data: ppp(data, 6),
    101: _raw,
    104: lambda data: (_u16(data, 2), 4),
    105: _wifi,
    107: _frame_relay,
    108: _null,
    109: lambda data: (_null(data)[0], 12),
    113: lambda data: (_u16(data, 14), 16),
    117: lambda data: (_family(data[1]), data[0] + (-data[0]) % 4),
    127: _radiotap,
    192: _ppi,
    228: lambda data: (IPV4, 0),
    229: lambda data: (IPV6, 0),
    276: lambda data: (_u16(data, 0), 20),
}


def addresses(link: int, data: bytes) -> tuple[bytes, bytes]:
    """Give (destination, source) hardware address where the link layer has them, else zeros."""
    if link == 1:
        return data[:6], data[6:12]
    if link == 113 and data[4:6] == b"\0\6":
        return (b"\xff" * 6 if data[1] in (1, 2) else bytes(6)), data[6:12]
    if link == 276 and data[11:12] == b"\6":
        return (b"\xff" * 6 if data[10] in (1, 2) else bytes(6)), data[12:18]
    if link in (105, 127):
        return _wifi_addresses(data, data[2] | data[3] << 8 if link == 127 and len(data) > 3 else 0)
    return bytes(6), bytes(6)


def _wifi_addresses(data: bytes, at: int) -> tuple[bytes, bytes]:
    one, two, three = (data[at + start : at + start + 6] for start in (4, 10, 16))
    direction = data[at + 1] & 3 if at + 1 < len(data) else 0
    pair = {0: (one, two), 1: (three, two), 2: (one, three), 3: (three, data[at + 24 : at + 30])}[direction]
    return (pair[0], pair[1]) if len(pair[0]) == len(pair[1]) == 6 else (bytes(6), bytes(6))
