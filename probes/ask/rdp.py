# SPDX-License-Identifier: Apache-2.0
"""RDP: which security the server wants, its certificate, and with CredSSP its names and build.

X.224 Connection Request with an RDP_NEG_REQ for TLS and CredSSP (MS-RDPBCGR 2.2.1.1); if the server
takes one of them, the TLS handshake; if it takes CredSSP, one TSRequest with an NTLM NEGOTIATE
(MS-CSSP 2.2.1), which it answers before anybody would have to log in.
"""

from probes.contract import Closed, Malformed, Stream, Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.ntlm import NEGOTIATE, read_challenge
from probes.x509 import read_tls

PORTS: tuple[int, ...] = (3389,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

CONNECTION_REQUEST: bytes = (
    b"\x03\0\0\x13"  # TPKT, 19 bytes
    b"\x0e\xe0\0\0\0\0\0"  # X.224 CR, class 0
    b"\x01\0\x08\0\x03\0\0\0"  # RDP_NEG_REQ: TLS or CredSSP
)
_CONFIRM, _RESPONSE, _FAILURE = 0xD0, 2, 3
_SELECTED = {0: "rdp", 1: "tls", 2: "credssp", 4: "rdstls", 8: "credssp_early"}
_WITH_TLS, _WITH_NTLM = (1, 2, 8), (2, 8)
_FAILED = {1: "tls", 2: "rdp", 3: "rdp", 5: "credssp", 6: "tls"}  # what it wants instead
_MOST_TPKT, _MOST_TOKEN = 512, 16 * 1024


def _wrapped(tag: int, data: bytes) -> bytes:
    return bytes([tag, len(data)]) + data  # all our lengths are below 128


_TOKENS = _wrapped(0x30, _wrapped(0x30, _wrapped(0xA0, _wrapped(0x04, NEGOTIATE))))
TS_REQUEST: bytes = _wrapped(0x30, _wrapped(0xA0, b"\x02\x01\x06") + _wrapped(0xA1, _TOKENS))


async def ask(wire: Wire, port: int) -> None:
    """Negotiate; then as far as the server's choice allows."""
    stream = await wire.tcp(port)
    await stream.send(CONNECTION_REQUEST)
    header = await receive_exactly(stream, 4)
    size = int.from_bytes(header[2:], "big")
    if header[0] != 3 or not 11 <= size <= _MOST_TPKT:
        raise Closed("no TPKT")
    confirm = await receive_exactly(stream, size - 4)
    selected = confirm[11] if len(confirm) == 15 and confirm[7] == _RESPONSE else 0
    if selected in _WITH_TLS:
        await stream.start_tls()
    if selected in _WITH_NTLM:
        await stream.send(TS_REQUEST)
        await _hear_der(stream)


async def _hear_der(stream: Stream) -> None:
    """Hear one DER value (X.690 8.1.3), 16 KiB at most."""
    head = await receive_exactly(stream, 2)
    length = head[1]
    if length > 0x80:
        length = int.from_bytes(await receive_exactly(stream, min(length - 0x80, 4)), "big")
    await receive_exactly(stream, min(length, _MOST_TOKEN))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, RDP_SECURITY, REMOTE_PATH, the TLS_ and the NTLM_ facts; raises Malformed."""
    answer = Cursor(transcript.heard)
    if answer.u16() != 0x0300:
        raise Malformed("no TPKT")
    confirm = answer.sub(answer.u16() - 4)
    length = confirm.u8()
    if length != confirm.left or confirm.u8() != _CONFIRM:
        raise Malformed("no X.224 connection confirm")
    confirm.skip(5)
    token = answer.rest()
    return (
        fact(FactKind.SERVICE, "rdp"),
        fact(FactKind.RDP_SECURITY, _security(confirm)),
        fact(FactKind.REMOTE_PATH, "rdp"),
        *read_tls(transcript),
        *(read_challenge(token) if b"NTLMSSP\0\x02" in token else ()),
    )


def _security(confirm: Cursor) -> str:
    """Read the negotiation answer (MS-RDPBCGR 2.2.1.2); none at all means standard RDP security."""
    if not confirm.left:
        return "rdp"
    kind = confirm.u8()
    confirm.skip(1)
    if confirm.u16le() != 8 or kind not in (_RESPONSE, _FAILURE):
        raise Malformed("no RDP negotiation answer")
    value = confirm.u32le()
    names = _SELECTED if kind == _RESPONSE else _FAILED
    return names.get(value, f"failure {value}" if kind == _FAILURE else f"protocol {value}")
