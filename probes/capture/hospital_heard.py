# SPDX-License-Identifier: Apache-2.0
"""What medical and building devices and RDP clients say of themselves in a flow. No patient's data is read.

HL7 v2 §2.14.9 (MSH), DICOM PS3.7 annex D, ASHRAE 135 clauses 16.10 and 15.5, MS-RDPBCGR 2.2.1.3.2.
"""

from collections.abc import Iterable, Iterator

from probes.ask import dicom
from probes.capture.flow import Flow
from probes.contract import Malformed
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact
from probes.flows.building import is_bacnet

_MOST_HEADER = 512
_CORE = b"\x01\xc0"
_OBJECT_NAME = 77


def dicom_caller(flow: Flow) -> Iterable[Fact]:
    """The implementation that opens a DICOM association; raises Malformed."""
    if flow.asked[:2] != b"\x01\0" or len(flow.asked) < 74 or flow.asked[6:8] != b"\0\1":
        return ()
    return dicom.read_request(flow.asked)


def hl7_sender(flow: Flow) -> Iterator[Fact]:
    """Application and site that send HL7, from fields 3, 4 and 12 of the header segment only."""
    yield from _hl7(flow.asked)


def hl7_receiver(flow: Flow) -> Iterator[Fact]:
    """The same of the answers' sender."""
    yield from _hl7(flow.said)


def _hl7(stream: bytes) -> Iterator[Fact]:
    if not stream.startswith((b"\x0bMSH", b"MSH")):
        return
    line = stream[:_MOST_HEADER].lstrip(b"\x0b").partition(b"\r")[0]
    if len(line) < 9:
        return
    fields = line.split(line[3:4])
    names = [text.decode("utf-8", "replace") for text in (*fields[2:4], b"", b"")[:2]]
    version = fields[11].decode("ascii", "replace").partition("^")[0] if len(fields) > 11 else ""
    if names[0] or names[1]:
        yield fact(FactKind.SERVICE, "hl7")
        yield fact(FactKind.BANNER, f"HL7 {version} from {names[0]} at {names[1]}")


def bacnet_device(pieces: tuple[bytes, ...]) -> Iterator[Fact]:
    """Instance and maker's number of I-Am, and the device's name where somebody read it; raises Malformed."""
    for piece in pieces[:8]:
        unit = _application(piece) if is_bacnet(piece) else b""
        if unit[:2] == b"\x10\0":
            yield from _i_am(Cursor(unit, 2))
        elif unit[:1] == b"\x30" and len(unit) > 12 and unit[2] == 12:
            yield from _object_name(Cursor(unit, 3))


def _application(piece: bytes) -> bytes:
    """The application unit behind BVLC and network layer."""
    cursor = Cursor(piece, 10 if piece[1] == 4 else 4)
    cursor.skip(1)
    control = cursor.u8()
    if control & 0x80:
        return b""
    for bit in (0x20, 0x08):
        if control & bit:
            cursor.skip(2)
            cursor.skip(cursor.u8())
    if control & 0x20:
        cursor.skip(1)
    return cursor.rest()


def _i_am(cursor: Cursor) -> Iterator[Fact]:
    if cursor.u8() != 0xC4:
        return
    instance = cursor.u32() & 0x3FFFFF
    for _ in range(2):
        cursor.skip(cursor.u8() & 7)
    number = int.from_bytes(cursor.take(cursor.u8() & 7), "big")
    yield fact(FactKind.SERVICE, "bacnet")
    yield fact(FactKind.BANNER, f"BACnet device {instance}, maker's number {number}")


def _object_name(cursor: Cursor) -> Iterator[Fact]:
    if cursor.u8() != 0x0C or cursor.u32() >> 22 != 8:  # the object is the device itself
        return
    if cursor.take(3) != bytes((0x19, _OBJECT_NAME, 0x3E)) or cursor.u8() != 0x75:
        return
    size, kind = cursor.u8(), cursor.u8()
    if kind == 0 and 1 < size < 0xFE:
        yield fact(FactKind.NAME, cursor.take(size - 1).decode("utf-8", "replace"), Sure.LIKELY)


def rdp_client(flow: Flow) -> Iterator[Fact]:
    """Computer name of an RDP client that is not under TLS (CS_CORE)."""
    if flow.asked[:2] != b"\3\0":
        return
    block = flow.asked.find(b"Duca", 60, 2048)
    at = flow.asked.find(_CORE, block, block + 12)
    if min(block, at) < 0 or len(flow.asked) < at + 56 or flow.asked[at + 4 : at + 8][2:] != b"\x08\0":
        raise Malformed("no client core data")
    name = flow.asked[at + 24 : at + 56].decode("utf-16-le", "replace").partition("\0")[0]
    if name:
        yield fact(FactKind.NAME, name, Sure.LIKELY)
