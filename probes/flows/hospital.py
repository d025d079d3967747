# SPDX-License-Identifier: Apache-2.0
"""What only hospitals speak: HL7 over MLLP, DICOM (PS3.8 §9.3), ASTM E1381/E1394 of analysers."""

import re
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp",)

_HL7 = re.compile(rb"\x0b?(?:MSH|FHS|BHS)(\S)[^\r\n\x00]{3,4}\1[^\r\x00]{0,2048}\r")
_HL7_LATER = re.compile(rb"\x0b(?:MSH|FHS|BHS)\|\^~\\&")
_ASTM = re.compile(rb"\x05?(?:\x02[0-7])?H\|\\\^&\|")
_DICOM_CONTEXT = b"1.2.840.10008.3.1.1.1"


def read(flow: Flow) -> Iterator[Claim]:
    """Name the protocol by its first message, from either side."""
    if flow.transport != "tcp":
        return
    streams = flow.both
    if any(
        _HL7.match(stream) or (b"\x0b" in stream[:4096] and _HL7_LATER.search(stream[:4096]))
        for stream in streams
    ):
        yield Claim("HL7", Family.MEDICAL, why="message header segment")
    elif any(is_association(stream) for stream in streams):
        yield Claim("DICOM", Family.MEDICAL, why="association with the DICOM application context")
    elif any(_is_data(stream) for stream in streams) and {104, 11112, 4242} & set(flow.ports):
        yield Claim("DICOM", Family.MEDICAL, Sure.LIKELY, why="data units on a DICOM port")
    elif any(_ASTM.match(stream) for stream in streams):
        yield Claim("ASTM", Family.MEDICAL, Sure.LIKELY, why="header record of an analyser")


def is_association(stream: bytes) -> bool:
    """Whether it begins with A-ASSOCIATE-RQ or -AC (or a rejection's exact shape follows elsewhere)."""
    if stream[:2] not in (b"\x01\0", b"\x02\0") or len(stream) < 74:
        return False
    length = int.from_bytes(stream[2:6], "big")
    return 68 <= length < 1 << 20 and stream[6:8] == b"\0\1" and _DICOM_CONTEXT in stream[74:160]


def _is_data(stream: bytes) -> bool:
    """P-DATA-TF with one value item that fits and a context number that is odd."""
    if stream[:2] != b"\x04\0" or len(stream) < 12:
        return False
    length, item = int.from_bytes(stream[2:6], "big"), int.from_bytes(stream[6:10], "big")
    return 6 <= length < 1 << 22 and item + 4 <= length and stream[10] & 1 == 1 and stream[11] <= 3
