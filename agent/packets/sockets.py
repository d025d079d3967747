# SPDX-License-Identifier: GPL-2.0-or-later
"""AF_PACKET sockets with a kernel filter, never promiscuous, and the raw ICMP sockets (packet(7), raw(7))."""

import ctypes
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from agent.packets.kernel_filter import attach

FILTER = (
    "arp or icmp"
    " or (icmp6 and (ip6[40] = 1 or ip6[40] = 3 or ip6[40] = 129 or (ip6[40] >= 133 and ip6[40] <= 137)))"
    " or (udp and (port 67 or port 68 or port 1900 or port 5353 or port 5355 or dst port 53))"
    " or (udp and (port 137 or port 138) and ether broadcast)"
    " or ether proto 0x88cc or ether dst 01:00:0c:cc:cc:cc"
)
_GROUPS = (  # hardware groups to hear: LLDP, CDP, mDNS v4 and v6, all nodes, all routers, SSDP, LLMNR
    *("01:80:c2:00:00:0e", "01:80:c2:00:00:03", "01:80:c2:00:00:00", "01:00:0c:cc:cc:cc"),
    *("01:00:5e:00:00:fb", "33:33:00:00:00:fb", "33:33:00:00:00:01", "33:33:00:00:00:02"),
    *("01:00:5e:7f:ff:fa", "01:00:5e:00:00:fc"),  # SSDP, LLMNR
)
MOST_FRAME = 4096
_ALL = 3  # ETH_P_ALL
_ETHERNET, _LOOPBACK = 1, 772
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST = 263, 1, 0
_ATTACH_FILTER = 26
_OUTGOING = 4
_AUXDATA, _AUXDATA_SIZE, _TAG_VALID, _VLAN_ID = 8, 20, 0x10, 0x0FFF  # PACKET_AUXDATA, struct tpacket_auxdata


@dataclass(frozen=True, slots=True)
class Link:
    """One interface that we hear and speak on."""

    name: str
    mac: str
    socket: socket.socket

    def receive(self) -> tuple[bytes, bool, int] | None:
        """Give the next frame, whether it went out of this machine, and the VLAN of its tag (the kernel took it off).

        None when there is none now. Frames sent through this same socket do not come back. Raises OSError.
        """
        try:
            data, extra, _, where = self.socket.recvmsg(MOST_FRAME, socket.CMSG_SPACE(_AUXDATA_SIZE))
        except BlockingIOError:
            return None
        return data, where[2] == _OUTGOING, _tag(extra)


def open_link(interface: str) -> Link:
    """Open one interface; raises PermissionError, OSError, or ValueError if it is not Ethernet."""
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: nothing before the filter is on
    try:
        attach(link, FILTER)
        link.setsockopt(_SOL_PACKET, _AUXDATA, 1)
        link.bind((interface, _ALL))
        *_, kind, address = link.getsockname()
        if kind not in (_ETHERNET, _LOOPBACK):
            raise ValueError(f"{interface} is not Ethernet")
        _join(link, socket.if_nametoindex(interface))
        link.setblocking(False)
    except BaseException:
        link.close()
        raise
    return Link(interface, address.hex(":"), link)


def _tag(extra: Iterable[tuple[int, int, bytes]]) -> int:
    """VLAN of the tag that the kernel took off, 0 for none and for a priority alone."""
    for level, kind, data in extra:
        if (level, kind) == (_SOL_PACKET, _AUXDATA) and len(data) >= _AUXDATA_SIZE:
            status, _, _, _, _, tag = struct.unpack_from("IIIHHH", data)
            return int(tag) & _VLAN_ID if status & _TAG_VALID else 0
    return 0


def open_icmp() -> dict[int, socket.socket]:
    """Open raw sockets for echo requests by the kernel's route, by IP version; they hear nothing."""
    opened = {}
    for version, family, protocol in ((4, socket.AF_INET, 1), (6, socket.AF_INET6, 58)):
        try:
            raw = socket.socket(family, socket.SOCK_RAW, protocol)
        except PermissionError:
            raise
        except OSError:
            continue  # a kernel without this family: echo of that family will say so
        deaf = struct.pack("HBBI", 0x06, 0, 0, 0)  # one BPF instruction: return 0
        _set_filter(raw, deaf)
        raw.setblocking(False)
        opened[version] = raw
    return opened


def _set_filter(raw: socket.socket, instructions: bytes) -> None:
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = struct.pack("HL", len(instructions) // 8, ctypes.addressof(buffer))
    raw.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, program)


def _join(link: socket.socket, index: int) -> None:
    for group in _GROUPS:
        request = struct.pack("iHH8s", index, _MULTICAST, 6, bytes.fromhex(group.replace(":", "")))
        link.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
