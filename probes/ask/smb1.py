# SPDX-License-Identifier: Apache-2.0
"""SMB1: does the server still accept "NT LM 0.12"? (MS-CIFS 2.2.4.52)

One connection, one request; an accepting server also names itself and its domain.
"""

from collections.abc import Iterator

from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.smb_frames import frame, messages, receive_message

PORTS = (445,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_NEGOTIATE = 0x72
_NONE = 0xFFFF
_DIALECT = b"\x02NT LM 0.12\0"
# Header: no status, canonical case-insensitive paths, Unicode + NT status + long names, process 0xFEFF.
REQUEST = (
    b"\xffSMB" + bytes((_NEGOTIATE,)) + bytes(4) + b"\x18" + b"\x01\xc0" + bytes(12)
    + b"\0\0\xff\xfe" + bytes(4) + b"\0" + len(_DIALECT).to_bytes(2, "little") + _DIALECT
)  # fmt: skip


async def ask(wire: Wire, port: int) -> None:
    """Offer SMB1 alone and read one answer."""
    stream = await wire.tcp(port)
    await stream.send(frame(REQUEST))
    await receive_message(stream)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read whether SMB1 was accepted, and the names that came with it."""
    for message in messages(transcript.heard):
        return tuple(_facts(Cursor(message)))
    return ()


def _facts(cursor: Cursor) -> Iterator[Fact]:
    if cursor.take(5) != b"\xffSMB\x72":
        raise Malformed("not an answer of SMB1")
    status = cursor.u32le()
    cursor.skip(23)
    words = cursor.u8()
    yield fact(FactKind.SERVICE, "smb")
    if status or not words or cursor.u16le() == _NONE:
        return
    yield fact(FactKind.SMB_DIALECT, "1.0")
    if words == 17:
        yield from _names(cursor)


def _names(cursor: Cursor) -> Iterator[Fact]:
    cursor.skip(31)  # security mode … time zone
    challenge = cursor.u8()
    cursor.skip(2 + challenge)
    domain, rest = _wide(cursor.rest())
    if domain:
        yield fact(FactKind.DOMAIN, domain)
    name = _wide(rest)[0]
    if name:
        yield fact(FactKind.NAME, name)


def _wide(data: bytes) -> tuple[str, bytes]:
    for at in range(0, len(data) - 1, 2):
        if data[at : at + 2] == b"\0\0":
            return data[:at].decode("utf-16-le", "replace"), data[at + 2 :]
    return data.decode("utf-16-le", "replace"), b""
