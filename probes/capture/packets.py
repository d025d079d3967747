# SPDX-License-Identifier: Apache-2.0
"""Recorded frames → transport payloads → the flow table, through tags, labels and cheap tunnels.

IPv4 and IPv6 with extension headers; a later fragment is passed over. Inside: IP in IP, GRE (also
ERSPAN), VXLAN, Geneve, GTP-U, Teredo, PPPoE, MPLS. Never raises on hostile bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass

from probes.capture import links
from probes.capture.links import ARP, IPV4, IPV6, LLC, MPLS, PPPOE
from probes.capture.table import MOST_PACKETS, Side, Table

_TCP, _UDP, _SCTP, _ICMP6 = 6, 17, 132, 58
_EXTENSIONS = (0, 43, 44, 60, 135)
_KEPT_PROTOCOLS = (50, 51, 132)
_MOST_DEPTH = 6
_WHOLE = frozenset((b"\0\0", b"\x40\0"))
_HEARD_PORTS = frozenset((67, 68, 137, 138, 1900, 5353, 5355))
_HEARD_KINDS = frozenset((ARP, 0x88CC, 0x2000))
_LINK_FLOWS = frozenset((0x8892, 0x88B8, 0x88B9, 0x88BA))  # PROFINET, GOOSE, GSE management, sampled values
_BACNET_LLC = b"\x82\x82\x03"
_NO_MAC = bytes(6)


@dataclass(slots=True)
class Dissector:
    """Takes records; feeds `table`, and `hear` with frames in which hosts announce themselves."""

    table: Table
    hear: Callable[[bytes, float], None]
    frames: int = 0
    _link: int = 1
    _frame: bytes = b""  # of the innermost Ethernet
    _data: bytes = b""  # that the IP packet being read lies in

    def take(self, link: int, when: float, data: bytes) -> None:
        """Take one record."""
        self.frames += 1
        if link == 1 and data[12:15] == b"\x08\0\x45" and data[20:22] in _WHOLE:
            side = self.table.sides.get(data[23:24] + data[26:38])
            if side is not None and self._goes_on(side, data):
                return
        self._link, self._frame = link, data
        kind, at = links.network(link, data)
        self._network(kind, data, at, when, 0)

    def _goes_on(self, side: Side, data: bytes) -> bool:
        """Take the next packet of a flow that is known already, without looking at it again."""
        if side.done:
            side.packets += 1
            return True
        if data[23] != _TCP or len(data) < 54 or data[46] < 0x50:
            return False
        side.packets += 1
        payload = data[34 + (data[46] >> 2 & 0x3C) : 14 + (data[16] << 8 | data[17]) or None]
        if payload or data[47] & 2 or side.packets >= MOST_PACKETS:  # else a bare acknowledgement
            self.table.segment(side, int.from_bytes(data[38:42], "big"), data[47], payload)
        return True

    def _network(self, kind: int, data: bytes, at: int, when: float, depth: int) -> None:
        if depth > _MOST_DEPTH:
            return
        if kind == IPV4:
            self._ipv4(data, at, when, depth)
        elif kind == IPV6:
            self._ipv6(data, at, when, depth)
        elif kind in MPLS:
            self._labels(data, at, when, depth)
        elif kind == PPPOE:
            self._inner(links.ppp, data, at + 6, when, depth)
        elif kind in _HEARD_KINDS:
            self._announce(kind, data, at, when)
        elif kind in _LINK_FLOWS or (kind == LLC and data[at : at + 3] == _BACNET_LLC):
            self._link_flow(kind, data, at, when)

    def _inner(
        self, reader: Callable[[bytes, int], links.Place], data: bytes, at: int, when: float, depth: int
    ) -> None:
        try:
            kind, inside = reader(data, at)
        except IndexError:
            return
        self._network(kind, data, inside, when, depth + 1)

    def _labels(self, data: bytes, at: int, when: float, depth: int) -> None:
        while at + 4 < len(data) and not data[at + 2] & 1:
            at += 4
        at += 4
        version = data[at] >> 4 if at < len(data) else 0
        if version in (4, 6):
            self._network(IPV4 if version == 4 else IPV6, data, at, when, depth + 1)
        else:  # Ethernet, with or without a control word (RFC 4448)
            self._ethernet(data[at + 4 if version == 0 else at :], when, depth)

    def _ethernet(self, data: bytes, when: float, depth: int) -> None:
        if len(data) >= 14:
            outer = self._link, self._frame
            self._link, self._frame = 1, data
            self._inner(links.ethernet, data, 0, when, depth)
            self._link, self._frame = outer

    def _ipv4(self, data: bytes, at: int, when: float, depth: int) -> None:
        if len(data) < at + 20 or data[at] >> 4 != 4:
            return
        self._data = data
        header = (data[at] & 15) * 4
        total = data[at + 2] << 8 | data[at + 3]
        if header < 20 or (data[at + 6] & 0x1F or data[at + 7]):
            return
        end = min(len(data), at + total) if total else len(data)
        ends = data[at + 12 : at + 20]
        self._transport(data[at + 9], IPV4, at, ends, data[at + header : end], when, depth)

    def _ipv6(self, data: bytes, at: int, when: float, depth: int) -> None:
        if len(data) < at + 40 or data[at] >> 4 != 6:
            return
        self._data = data
        length = data[at + 4] << 8 | data[at + 5]
        end = min(len(data), at + 40 + length) if length else len(data)
        following, place = data[at + 6], at + 40
        for _ in range(8):
            if following not in _EXTENSIONS or place + 8 > end:
                break
            if following == 44 and (data[place + 2] or data[place + 3] & 0xF8):
                return
            size = 8 if following == 44 else data[place + 1] * 8 + 8
            following, place = data[place], place + size
        ends = data[at + 8 : at + 40]
        self._transport(following, IPV6, at, ends, data[place:end], when, depth)

    def _transport(
        self, protocol: int, kind: int, at: int, ends: bytes, body: bytes, when: float, depth: int
    ) -> None:
        if protocol == _TCP:
            self._tcp(ends, body, when)
        elif protocol == _UDP:
            self._udp(kind, at, ends, body, when, depth)
        elif protocol == 4:
            self._network(IPV4, body, 0, when, depth + 1)
        elif protocol == 41:
            self._network(IPV6, body, 0, when, depth + 1)
        elif protocol == 47:
            self._gre(ends, body, when, depth)
        elif protocol in _KEPT_PROTOCOLS:
            half = len(ends) // 2
            ports = body[:4] if protocol == _SCTP else b""
            back = ends[half:] + ends[:half] + ports[2:] + ports[:2]
            self.table.datagram(self.table.side(protocol, ends + ports, back, when), body)
        elif protocol == _ICMP6 and body[:1] in (b"\x86", b"\x87", b"\x88"):
            self._announce(kind, self._data, at, when)

    def _tcp(self, ends: bytes, body: bytes, when: float) -> None:
        if len(body) < 20:
            return
        half = len(ends) // 2
        side = self.table.side(_TCP, ends + body[:4], ends[half:] + ends[:half] + body[2:4] + body[:2], when)
        header = (body[12] >> 4) * 4
        if header >= 20:
            self.table.segment(side, int.from_bytes(body[4:8], "big"), body[13], body[header:])

    def _udp(self, kind: int, at: int, ends: bytes, body: bytes, when: float, depth: int) -> None:
        if len(body) < 8:
            return
        half = len(ends) // 2
        source, target = body[0] << 8 | body[1], body[2] << 8 | body[3]
        length = body[4] << 8 | body[5]
        payload = body[8:length] if length >= 8 else body[8:]
        if source in _HEARD_PORTS or target in _HEARD_PORTS:
            self._announce(kind, self._data, at, when)
        tunnel = _TUNNELS.get(target) or (_TUNNELS.get(source) if source == 3544 else None)
        if tunnel is not None and depth < _MOST_DEPTH:
            tunnel(self, payload, when, depth + 1)
        side = self.table.side(_UDP, ends + body[:4], ends[half:] + ends[:half] + body[2:4] + body[:2], when)
        self.table.datagram(side, payload)

    def _gre(self, ends: bytes, body: bytes, when: float, depth: int) -> None:
        if len(body) < 4:
            return
        flags, kind = body[0], body[2] << 8 | body[3]
        size = 4 + sum(4 for bit in (0x80, 0x20, 0x10) if flags & bit)
        if body[1] & 7 == 1:  # the enhanced GRE of PPTP (RFC 2637)
            half = len(ends) // 2
            side = self.table.side(47, ends, ends[half:] + ends[:half], when, kind)
            self.table.datagram(side, body)
        elif kind in (IPV4, IPV6):
            self._network(kind, body, size, when, depth + 1)
        elif kind == 0x6558:
            self._ethernet(body[size:], when, depth)
        elif kind == 0x88BE:  # ERSPAN I has no sequence number and no header of its own
            self._ethernet(body[size + (8 if flags & 0x10 else 0) :], when, depth)
        elif kind == 0x22EB and len(body) > size + 12:
            self._ethernet(body[size + 12 + (8 if body[size + 11] & 1 else 0) :], when, depth)

    def _vxlan(self, payload: bytes, when: float, depth: int) -> None:
        if payload[:1] == b"\x08" and len(payload) > 22:
            self._ethernet(payload[8:], when, depth)

    def _geneve(self, payload: bytes, when: float, depth: int) -> None:
        if len(payload) > 8 and payload[0] >> 6 == 0:
            size, kind = 8 + (payload[0] & 63) * 4, payload[2] << 8 | payload[3]
            if kind == 0x6558:
                self._ethernet(payload[size:], when, depth)
            else:
                self._network(kind, payload, size, when, depth)

    def _gtp(self, payload: bytes, when: float, depth: int) -> None:
        if len(payload) < 9 or payload[0] & 0xF0 != 0x30 or payload[1] != 255:
            return
        at = 8
        if payload[0] & 7:
            at += 4
            while at < len(payload) and payload[at - 1] and payload[at]:
                at += payload[at] * 4
        version = payload[at] >> 4 if at < len(payload) else 0
        self._network({4: IPV4, 6: IPV6}.get(version, 0), payload, at, when, depth)

    def _teredo(self, payload: bytes, when: float, depth: int) -> None:
        at = 8 if payload[:2] == b"\0\0" else 0
        if payload[at : at + 1] and payload[at] >> 4 == 6:
            self._network(IPV6, payload, at, when, depth)

    def _announce(self, kind: int, data: bytes, at: int, when: float) -> None:
        """Hand on a frame in which a host speaks of itself, with an Ethernet header if it had none."""
        if self._link == 1 and data is self._frame:
            self.hear(data, when)
            return
        if data is not self._frame:
            return  # an address inside a tunnel is on no link of ours
        target, source = links.addresses(self._link, data)
        self.hear(target + source + kind.to_bytes(2, "big") + data[at:], when)

    def _link_flow(self, kind: int, data: bytes, at: int, when: float) -> None:
        target, source = links.addresses(self._link, self._frame)
        if source != _NO_MAC and data is self._frame:
            key = kind.to_bytes(2, "big")
            side = self.table.side(255, source + target, target + source, when, kind)
            self.table.datagram(side, key + data[at:])


_TUNNELS: dict[int, Callable[[Dissector, bytes, float, int], None]] = {
    4789: Dissector._vxlan,
    6081: Dissector._geneve,
    2152: Dissector._gtp,
    3544: Dissector._teredo,
}
