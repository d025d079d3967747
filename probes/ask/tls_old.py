# SPDX-License-Identifier: Apache-2.0
"""Does the server still speak TLS 1.1 or older? One ClientHello that offers 1.1 at most.

The server picks the version (RFC 4346 7.4.1.3): a ServerHello names one it accepts, an alert
means that it turned all of them down. The hello is a constant: no key is ever derived, the
connection is closed with close_notify after the server's first flight.
"""

from probes.contract import Closed, Malformed, Stream, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS: tuple[int, ...] = (443, 8443, 4443, 10443, 9443, 636, 993, 995, 465, 990, 992, 5061)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_ALERT, _HANDSHAKE, _SERVER_HELLO = 21, 22, 2
_HELLO_DONE = b"\x0e\0\0\0"
_MOST_RECORDS = 12
_MOST_RECORD = 2**14 + 2048  # RFC 4346 6.2.3
_CLOSE_NOTIFY = b"\x15\x03\x01\0\x02\x01\0"
_VERSIONS = {(3, 0): "SSLv3", (3, 1): "TLSv1", (3, 2): "TLSv1.1"}

_CIPHERS = bytes.fromhex(
    "c00a c014 c009 c013"  # ECDHE with AES-CBC
    "0039 0033 0035 002f"  # DHE and RSA with AES-CBC
    "c008 c012 0016 000a"  # 3DES
    "c007 c011 0005 0004"  # RC4
    "00ff"  # renegotiation_info
)
_EXTENSIONS = bytes.fromhex(
    "000a 0008 0006 0017 0018 0019"  # supported_groups: P-256, P-384, P-521
    "000b 0002 0100"  # ec_point_formats: uncompressed
)


def _sized(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


_BODY = (
    b"\x03\x02"  # 1.1 at most
    + b"daicho: no key is derived here.\0"  # the 32 bytes of randomness
    + b"\0"  # no session
    + _sized(_CIPHERS, 2)
    + b"\x01\0"  # no compression
    + _sized(_EXTENSIONS, 2)
)
CLIENT_HELLO: bytes = b"\x16\x03\x01" + _sized(b"\x01" + _sized(_BODY, 3), 2)


async def ask(wire: Wire, port: int) -> None:
    """Say the hello, hear the first flight out, say close_notify."""
    stream = await wire.tcp(port)
    await stream.send(CLIENT_HELLO)
    for _ in range(_MOST_RECORDS):
        kind, body = await _receive_record(stream)
        if kind != _HANDSHAKE:
            return
        if body.endswith(_HELLO_DONE):
            await stream.send(_CLOSE_NOTIFY)
            return


async def _receive_record(stream: Stream) -> tuple[int, bytes]:
    header = await receive_exactly(stream, 5)
    length = int.from_bytes(header[3:], "big")
    if length > _MOST_RECORD or header[1] != 3:
        raise Closed("no TLS record")
    return header[0], await receive_exactly(stream, length)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE tls, and TLS_OLD_ACCEPTED when a ServerHello came; raises Malformed."""
    record = Cursor(transcript.heard)
    kind, major, minor = record.u8(), record.u8(), record.u8()
    body = record.sub(record.u16())
    service = fact(FactKind.SERVICE, "tls")
    if major != 3 or kind not in (_ALERT, _HANDSHAKE):
        raise Malformed("no TLS record")
    if kind == _ALERT:
        if body.left != 2 or body.u8() not in (1, 2):
            raise Malformed("no TLS alert")
        return (service,)
    return (service, fact(FactKind.TLS_OLD_ACCEPTED, _picked(body, minor)))


def _picked(body: Cursor, minor: int) -> str:
    if body.u8() != _SERVER_HELLO or minor > 3:
        raise Malformed("no ServerHello")
    body.skip(3)
    version = (body.u8(), body.u8())
    if version not in _VERSIONS:
        raise Malformed("the server picked a version that was not offered")
    return _VERSIONS[version]
