# SPDX-License-Identifier: Apache-2.0
"""DICOM: one association for Verification, released at once if it is accepted (DICOM PS3.8 9.3).

No C-ECHO, no data. An association takes one of a modality's few slots and may appear in its log;
the guard holds these ports back unless the site allows them for this host.
"""

from collections.abc import Iterator

from probes.contract import Closed, Malformed, Stream, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS: tuple[int, ...] = (104, 11112, 4242, 2761)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_REQUEST, _ACCEPT, _REJECT, _ABORT = 1, 2, 3, 7
_MOST_PDU = 8192
_IMPLEMENTATION = b"2.25.217733541086312846901558237105982661371"  # a UUID of ours (PS3.5 B.2)
_REASONS = {  # by source and reason (PS3.8 9.3.4)
    (1, 1): "no reason given",
    (1, 2): "application context not supported",
    (1, 3): "calling AE title not recognised",
    (1, 7): "called AE title not recognised",
    (2, 1): "no reason given",
    (2, 2): "protocol version not supported",
    (3, 1): "temporary congestion",
    (3, 2): "local limit exceeded",
}


def _item(kind: int, data: bytes) -> bytes:
    return bytes([kind, 0]) + len(data).to_bytes(2, "big") + data


def _pdu(kind: int, data: bytes) -> bytes:
    return bytes([kind, 0]) + len(data).to_bytes(4, "big") + data


_VERIFICATION = _item(
    0x20,
    b"\x01\0\0\0"  # presentation context 1
    + _item(0x30, b"1.2.840.10008.1.1")  # Verification SOP class
    + _item(0x40, b"1.2.840.10008.1.2"),  # implicit VR little endian
)
_USER = _item(
    0x50,
    _item(0x51, (16384).to_bytes(4, "big")) + _item(0x52, _IMPLEMENTATION) + _item(0x55, b"DAICHO_0.1"),
)
ASSOCIATE: bytes = _pdu(
    1,
    b"\0\x01\0\0"
    + b"ANY-SCP".ljust(16)
    + b"DAICHO".ljust(16)
    + bytes(32)
    + _item(0x10, b"1.2.840.10008.3.1.1.1")  # DICOM application context
    + _VERIFICATION
    + _USER,
)
RELEASE: bytes = _pdu(5, bytes(4))


async def ask(wire: Wire, port: int) -> None:
    """Ask for the association; release it if it came about."""
    stream = await wire.tcp(port)
    await stream.send(ASSOCIATE)
    if await _hear_pdu(stream) == _ACCEPT:
        await stream.send(RELEASE)
        await _hear_pdu(stream)


async def _hear_pdu(stream: Stream) -> int:
    head = await receive_exactly(stream, 6)
    length = int.from_bytes(head[2:], "big")
    if length > _MOST_PDU:
        raise Closed("no DICOM PDU")
    await receive_exactly(stream, length)
    return head[0]


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, DICOM_RESULT, the implementation; BANNER with the reason of a rejection.

    Raises Malformed.
    """
    answer = Cursor(transcript.heard)
    kind, zero = answer.u8(), answer.u8()
    body = answer.sub(answer.u32())
    if zero or kind not in (_ACCEPT, _REJECT, _ABORT):
        raise Malformed("no answer to an A-ASSOCIATE-RQ")
    facts = {_ACCEPT: _accepted, _REJECT: _rejected, _ABORT: _aborted}[kind](body)
    return (fact(FactKind.SERVICE, "dicom"), *facts)


def _accepted(body: Cursor) -> Iterator[Fact]:
    yield fact(FactKind.DICOM_RESULT, "accepted")
    body.skip(68)  # version, titles, reserved
    for kind, item in _items(body):
        for part, value in _items(item) if kind == 0x50 else ():
            text = value.rest().rstrip(b"\0 ").decode("ascii", "replace")
            if part == 0x52:
                yield fact(FactKind.DICOM_IMPLEMENTATION_UID, text)
            elif part == 0x55:
                yield fact(FactKind.DICOM_IMPLEMENTATION_VERSION, text)


def read_request(data: bytes) -> tuple[Fact, ...]:
    """Read an A-ASSOCIATE-RQ of somebody else: the implementation that asks, and its title as BANNER.

    Raises Malformed.
    """
    pdu = Cursor(data)
    if pdu.u8() != _REQUEST or pdu.u8():
        raise Malformed("no A-ASSOCIATE-RQ")
    body = pdu.sub(min(pdu.u32(), pdu.left))
    titles = body.peek(36)[4:]
    called, calling = (titles[at : at + 16].decode("ascii", "replace").strip() for at in (0, 16))
    said = tuple(one for one in _accepted(body) if one.kind is not FactKind.DICOM_RESULT)
    return (fact(FactKind.BANNER, f"DICOM title {calling}, calls {called}"), *said)


def _items(within: Cursor) -> Iterator[tuple[int, Cursor]]:
    while within.left:
        kind = within.u8()
        within.skip(1)
        yield kind, within.sub(within.u16())


def _rejected(body: Cursor) -> Iterator[Fact]:
    body.skip(1)
    result, source, reason = body.u8(), body.u8(), body.u8()
    if body.left or result not in (1, 2) or source not in (1, 2, 3):
        raise Malformed("no A-ASSOCIATE-RJ")
    yield fact(FactKind.DICOM_RESULT, "rejected")
    yield fact(FactKind.BANNER, _REASONS.get((source, reason), f"source {source}, reason {reason}"))


def _aborted(body: Cursor) -> Iterator[Fact]:
    body.skip(2)
    if body.u8() > 2 or body.left != 1:
        raise Malformed("no A-ABORT")
    yield fact(FactKind.DICOM_RESULT, "aborted")
