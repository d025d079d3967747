# SPDX-License-Identifier: GPL-2.0-or-later
"""A filter expression compiled by libpcap for a packet socket (pcap_compile(3PCAP), socket(7) SO_ATTACH_FILTER).

Called directly: scapy would bring 37 MB into a process that only hears.
"""

import ctypes
import socket

_NAMES = ("libpcap.so.0.8", "libpcap.so.1", "libpcap.so")
_ETHERNET, _WHOLE, _NO_NETMASK = 1, 65535, 0xFFFFFFFF
_ATTACH_FILTER = 26


class _Program(ctypes.Structure):
    """bpf_program of libpcap: a count, then a pointer to the instructions."""

    _fields_ = (("count", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class _SocketProgram(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def attach(link: socket.socket, expression: str) -> None:
    """Let only these frames into the socket; raises OSError, ValueError for an expression that is none."""
    pcap = _load()
    handle = pcap.pcap_open_dead(_ETHERNET, _WHOLE)
    if not handle:
        raise OSError("libpcap has no memory left")
    program = _Program()
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, _NO_NETMASK) != 0:
            raise ValueError(f"libpcap does not take the filter: {pcap.pcap_geterr(handle).decode()}")
        try:
            for_socket = _SocketProgram(program.count, program.instructions)
            link.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, bytes(for_socket))
        finally:
            pcap.pcap_freecode(ctypes.byref(program))
    finally:
        pcap.pcap_close(handle)


def _load() -> ctypes.CDLL:
    for name in _NAMES:
        try:
            pcap = ctypes.CDLL(name)
        except OSError:
            continue
        pcap.pcap_open_dead.restype = ctypes.c_void_p
        pcap.pcap_geterr.restype = ctypes.c_char_p
        pcap.pcap_compile.argtypes = (
            *(ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p, ctypes.c_int, ctypes.c_uint),
        )
        pcap.pcap_geterr.argtypes = pcap.pcap_close.argtypes = (ctypes.c_void_p,)
        return pcap
    raise OSError("libpcap is not installed")
