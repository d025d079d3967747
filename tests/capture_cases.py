# SPDX-License-Identifier: Apache-2.0
"""Captures made by hand: frames, conversations, and the files that hold them."""

import struct
from collections.abc import Iterable, Sequence
from ipaddress import ip_address

from deploy.captured import Captured, read_capture
from probes.capture.records import Capture

CLIENT, SERVER = "192.0.2.10", "192.0.2.20"
CLIENT_MAC, SERVER_MAC = bytes.fromhex("020000000010"), bytes.fromhex("020000000020")


def ip(protocol: int, body: bytes, source: str = CLIENT, target: str = SERVER) -> bytes:
    one, two = ip_address(source).packed, ip_address(target).packed
    if len(one) == 16:
        return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + one + two + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0)
    return head + one + two + body


def tcp(source: int, target: int, sequence: int, flags: int, payload: bytes = b"") -> bytes:
    return struct.pack(">HHIIBBHHH", source, target, sequence, 1, 0x50, flags, 8192, 0, 0) + payload


def udp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source, target, 8 + len(payload), 0) + payload


def ethernet(packet: bytes, *, back: bool = False, tags: bytes = b"") -> bytes:
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\0"
    ends = CLIENT_MAC + SERVER_MAC if back else SERVER_MAC + CLIENT_MAC
    return ends + tags + kind + packet


def conversation(
    transport: str, client_port: int, port: int, sent: Sequence[bytes], answered: Sequence[bytes]
) -> list[bytes]:
    """Frames of one flow: TCP with its handshake; each side's payloads in turn."""
    frames: list[bytes] = []
    at = {False: 1001, True: 5001}
    if transport == "tcp":
        frames.append(ethernet(ip(6, tcp(client_port, port, 1000, 2))))
        frames.append(ethernet(ip(6, tcp(port, client_port, 5000, 18), SERVER, CLIENT), back=True))
    turns = [(False, p) for p in sent[:1]] + [(True, p) for p in answered] + [(False, p) for p in sent[1:]]
    for back, payload in turns:
        ports = (port, client_port) if back else (client_port, port)
        body = tcp(*ports, at[back], 24, payload) if transport == "tcp" else udp(*ports, payload)
        ends = (SERVER, CLIENT) if back else (CLIENT, SERVER)
        frames.append(ethernet(ip(6 if transport == "tcp" else 17, body, *ends), back=back))
        at[back] += len(payload)
    return frames


def pcap(frames: Iterable[bytes], *, order: str = "<", link: int = 1, nano: bool = False) -> bytes:
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    records = [struct.pack(order + "IIII", 100, 7, len(f), len(f)) + f for f in frames]
    return struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, link) + b"".join(records)


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", 12 + len(body))
    return struct.pack(order + "I", kind) + size + body + size


def pcapng(frames: Iterable[bytes], *, order: str = "<", link: int = 1) -> bytes:
    """One section, an interface that nothing uses, then the interface of the frames with nanoseconds."""
    head = block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    other = block(order, 1, struct.pack(order + "HHI", 101, 0, 0))
    own = block(order, 1, struct.pack(order + "HHIHHBxxxHH", link, 0, 0, 9, 1, 9, 0, 0))
    stamp = 100 * 10**9 + 7000
    packets = [
        block(order, 6, struct.pack(order + "IIIII", 1, stamp >> 32, stamp & 0xFFFFFFFF, len(f), len(f)) + f)
        for f in frames
    ]
    return head + other + own + b"".join(packets)


def reader(data: bytes, most: int = 1 << 20) -> Capture:
    """A capture over bytes that gives at most `most` at a time."""
    left = [data]

    def read(count: int) -> bytes:
        given, left[0] = left[0][: min(count, most)], left[0][min(count, most) :]
        return given

    return Capture(read)


def captured(frames: Iterable[bytes], link: int = 1) -> Captured:
    return read_capture(reader(pcap(frames, link=link)), "made.pcap")


def protocols(found: Captured) -> list[str]:
    return [claim.protocol for _, claim in found.flows]
