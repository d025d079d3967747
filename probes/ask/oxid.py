# SPDX-License-Identifier: Apache-2.0
"""Windows' OXID resolver: host name and every address, without a login.

DCERPC bind to IObjectExporter, then ServerAlive2 (opnum 5): MS-DCOM 3.1.2.5.1.6, C706 §12.
One connection, 72 + 24 bytes.
"""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Stream, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS = (135,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_OBJECT_EXPORTER = bytes.fromhex("c4fefc9960521b10bbcb00aa0021347a")
_NDR = bytes.fromhex("045d888aeb1cc9119fe808002b104860")
_RESPONSE, _BIND_ACK = 2, 12
_MOST_PDU = 8192
_TCP_TOWER = 7

BIND = (
    bytes.fromhex("05000b0310000000" "48000000" "01000000")  # one fragment, little-endian, 72 bytes, call 1
    + bytes.fromhex("b810b810" "00000000" "01000000")  # fragment sizes, new association, one context
    + bytes.fromhex("00000100") + _OBJECT_EXPORTER + bytes.fromhex("00000000")  # version 0.0
    + _NDR + bytes.fromhex("02000000")
)  # fmt: skip
SERVER_ALIVE2 = bytes.fromhex("0500000310000000" "18000000" "02000000" "00000000" "0000" "0500")  # fmt: skip


async def ask(wire: Wire, port: int) -> None:
    """Bind, ask ServerAlive2, read both answers."""
    stream = await wire.tcp(port)
    await stream.send(BIND)
    if await _receive_pdu(stream) == _BIND_ACK:
        await stream.send(SERVER_ALIVE2)
        await _receive_pdu(stream)


async def _receive_pdu(stream: Stream) -> int:
    header = await receive_exactly(stream, 16)
    length = int.from_bytes(header[8:10], "little")
    await receive_exactly(stream, max(0, min(length, _MOST_PDU) - 16))
    return header[2]


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the names and addresses that the host lists as its own."""
    heard = transcript.heard
    if not heard:
        return ()
    found: dict[Fact, None] = {}
    cursor = Cursor(heard)
    while cursor.left:
        kind, body = _pdu(cursor)
        found[fact(FactKind.SERVICE, "msrpc")] = None
        if kind == _RESPONSE:
            found.update(dict.fromkeys(_binding_facts(body)))
    return tuple(found)


def _pdu(cursor: Cursor) -> tuple[int, Cursor]:
    if cursor.take(2) != b"\5\0":
        raise Malformed("not connection-oriented DCERPC 5.0")
    kind = cursor.u8()
    cursor.skip(1)
    if cursor.u8() != 0x10:
        raise Malformed("not little-endian")
    cursor.skip(3)
    length = cursor.u16le()
    cursor.skip(6)  # length of the authentication, call
    return kind, cursor.sub(length - 16)


def _binding_facts(body: Cursor) -> Iterator[Fact]:
    body.skip(8)  # allocation hint, context, cancel count
    body.skip(4)  # COMVERSION
    if not body.u32le():  # no DUALSTRINGARRAY
        return
    body.skip(4)  # its size, once more below
    entries, security = body.u16le(), body.u16le()
    strings = body.sub(min(entries, security) * 2)
    while strings.left >= 2 and (tower := strings.u16le()):
        yield from _address_facts(tower, _wide_text(strings))


def _wide_text(strings: Cursor) -> str:
    raw = bytearray()
    while (unit := strings.take(2)) != b"\0\0":
        raw += unit
    return raw.decode("utf-16-le", "replace")


def _address_facts(tower: int, binding: str) -> Iterator[Fact]:
    if not binding or tower != _TCP_TOWER:
        return
    yield fact(FactKind.OXID_BINDING, binding)
    host = binding.partition("[")[0]
    address = host.partition("%")[0]
    if frames.is_host_address(address):
        yield fact(FactKind.ADDRESS, address)
    elif not _looks_like_address(host):
        yield fact(FactKind.NAME, host)


def _looks_like_address(text: str) -> bool:
    return ":" in text or text.replace(".", "").isdigit()
