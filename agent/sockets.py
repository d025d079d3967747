# SPDX-License-Identifier: Apache-2.0
"""Kernel sockets as the wire needs them: how they are set up, and what the kernel says about them."""

import errno
import socket
import struct
from collections.abc import Callable

from probes.contract import OurFault, Refused, Silent

# struct tcp_info, linux/tcp.h
_RTT_AT, _BYTES_IN_AT, _SEGS_OUT_AT, _UNSENT_AT, _DATA_SEGS_IN_AT, _BYTES_SENT_AT = (
    68,
    128,
    136,
    144,
    152,
    200,
)
_ANSWERED_BY_RESET = (1, 3, 4, 5, 8)  # ESTABLISHED, SYN_RECV, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT (tcp_states.h)
_UNLESS_ALL_LEFT = (9, 11)  # LAST_ACK, CLOSING: a reset leaves if something is unsent (tcp_disconnect)
_RECEIVE_BUFFER = 4096  # bytes; a small window bounds what a talkative peer can make us acknowledge
_USER_TIMEOUT, _REPEAT_MILLISECONDS = 18, 1000  # TCP_USER_TIMEOUT: a host that vanished is left alone soon
_CRUMBS, _CRUMB_BYTES = 4, 256  # so many segments, smaller than this on the average


Make = Callable[[int, int, int], socket.socket]  # makes a socket of this family, kind and protocol


def bound_to(source: str) -> Make:
    """Make sockets whose packets carry this address of ours."""

    def make(family: int, kind: int, protocol: int) -> socket.socket:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.bind((source, 0))
        except OSError:
            sock.close()
            raise
        return sock

    return make


def bound_to_link(source: str, interface: str) -> Make:
    """Make sockets whose packets carry this address of ours and leave by this interface, whatever other routes say."""
    bind = bound_to(source)

    def make(family: int, kind: int, protocol: int) -> socket.socket:
        sock = bind(family, kind, protocol)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
        except OSError:
            sock.close()
            raise
        return sock

    return make


def tcp_socket(address: str, make: Make = socket.socket) -> socket.socket:
    """Make a socket for one TCP connection; nothing leaves yet. Raises OSError."""
    sock = _socket(address, socket.SOCK_STREAM, make)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, _REPEAT_MILLISECONDS)
    return sock


def udp_socket(address: str, port: int, make: Make = socket.socket) -> socket.socket:
    """Make a socket that hears only this port of this address; nothing leaves yet. Raises OSError."""
    sock = _socket(address, socket.SOCK_DGRAM, make)
    try:
        sock.connect((address, port))
    except OSError:
        sock.close()
        raise
    return sock


def _socket(address: str, kind: int, make: Make = socket.socket) -> socket.socket:
    sock = make(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, 0)
    sock.setblocking(False)
    return sock


def acknowledge_slowly(sock: socket.socket) -> None:
    """Let the kernel acknowledge what comes together, not each piece at once (until it decides anew)."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def end_by_reset(sock: socket.socket) -> bool:
    """Make the coming close of this connection a reset; false if it has ended already and none will leave."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    state = _tcp_info(sock)[0]
    return state in _ANSWERED_BY_RESET or (state in _UNLESS_ALL_LEFT and unsent(sock) > 0)


def segments_out(sock: socket.socket) -> int:
    """Segments that left through this TCP socket so far (SYN, data, ACK, FIN, repeats)."""
    return int(struct.unpack_from("I", _tcp_info(sock), _SEGS_OUT_AT)[0])


def bytes_out(sock: socket.socket) -> int:
    """Bytes of payload that left through this TCP socket so far, repeats included."""
    return int(struct.unpack_from("Q", _tcp_info(sock), _BYTES_SENT_AT)[0])


def unsent(sock: socket.socket) -> int:
    """Bytes that the kernel still holds, a FIN counted as one, since the peer takes no more: they would leave after the close."""
    return int(struct.unpack_from("I", _tcp_info(sock), _UNSENT_AT)[0])


def answer_seconds(sock: socket.socket) -> float:
    """How long the peer took to answer, as the kernel measured it itself (smoothed; right after connecting: the SYN's)."""
    return int(struct.unpack_from("I", _tcp_info(sock), _RTT_AT)[0]) / 1e6


def is_crumbling(sock: socket.socket) -> bool:
    """Whether the peer sends its data in crumbs, each of which our kernel may have to acknowledge."""
    info = _tcp_info(sock)
    size, pieces = (
        struct.unpack_from("Q", info, _BYTES_IN_AT)[0],
        struct.unpack_from("I", info, _DATA_SEGS_IN_AT)[0],
    )
    return bool(pieces >= _CRUMBS and size < pieces * _CRUMB_BYTES)


def errors_mean(error: Exception, address: str) -> Refused | Silent | OurFault:
    """Say whose word an error of a socket to `address` is: theirs, nobody's, or our own machine's.

    Over IPv4 no ICMP message becomes EACCES or EPERM: those are our packet filter, or a broadcast address.
    """
    number = getattr(error, "errno", None)
    if number in (errno.EHOSTUNREACH, errno.ETIMEDOUT):  # nobody answered ARP, or ICMP says so
        return Silent("host unreachable")
    if isinstance(error, ConnectionError) or (
        number == errno.EACCES and ":" in address
    ):  # ICMPv6: prohibited
        return Refused(str(error))
    return OurFault(f"{type(error).__name__}: {error}")


def _tcp_info(sock: socket.socket) -> bytes:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
