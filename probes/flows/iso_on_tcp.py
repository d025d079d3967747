# SPDX-License-Identifier: Apache-2.0
"""What runs on ISO transport over TCP (RFC 1006): S7comm, S7comm-plus, MMS of IEC 61850."""

from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.flows.screens import is_rdp

TRANSPORTS = ("tcp",)

_MMS = b"\x28\xca\x22\x02\x01"  # 1.0.9506.2.1
_S7_KINDS = (1, 2, 3, 7)


def read(flow: Flow) -> Iterator[Claim]:
    """Name what the data of the transport is."""
    if flow.transport != "tcp" or is_rdp(*flow.both, known_port=False):
        return
    data = [*_data(flow.asked), *_data(flow.said)]
    if any(part[:1] == b"\x32" and part[1:2] and part[1] in _S7_KINDS for part in data):
        yield Claim("S7comm", Family.BUILDING, why="protocol 32 on ISO transport")
    elif any(part[:1] == b"\x72" and part[1:2] and part[1] in (1, 2, 3, 0xFE, 0xFF) for part in data):
        yield Claim("S7CommPlus", Family.BUILDING, why="protocol 72 on ISO transport")
    elif any(part[:1] in (b"\x0d", b"\x0e") and _MMS in part for part in data):
        yield Claim("IEC 61850 MMS", Family.BUILDING, why="session that names MMS")
    elif len(data) > 1 and all(_is_mms(part) for part in data):
        yield Claim("IEC 61850 MMS", Family.BUILDING, why="session data with MMS units")


def _data(stream: bytes) -> Iterator[bytes]:
    """Contents of the data units (DT) of a stream."""
    at = 0
    for _ in range(12):
        if len(stream) < at + 7 or stream[at : at + 2] != b"\3\0":
            return
        length = int.from_bytes(stream[at + 2 : at + 4], "big")
        if length < 7:
            return
        if stream[at + 4] == 2 and stream[at + 5] == 0xF0:
            yield stream[at + 7 : at + length]
        at += length


def _is_mms(part: bytes) -> bool:
    """Session GIVE TOKENS and DATA TRANSFER, presentation, then a confirmed or unconfirmed MMS unit."""
    return part[:4] == b"\1\0\1\0" and part[4:5] == b"\x61" and b"\x02\x01\x03\xa0" in part[5:24]
