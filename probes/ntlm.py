# SPDX-License-Identifier: Apache-2.0
"""NTLM as far as an unauthenticated client sees it: our NEGOTIATE, their CHALLENGE (MS-NLMP 2.2.1).

Used wherever NTLM travels: SMB session setup, RDP's CredSSP. No credential is ever involved:
the CHALLENGE comes before the client would have to prove anything.
"""

from collections.abc import Iterator

from probes.contract import Malformed
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_SIGNATURE = b"NTLMSSP\0"
_VERSION_GIVEN = 0x02000000
_FLAGS = (
    0x00000001  # Unicode
    | 0x00000002  # OEM
    | 0x00000004  # request target
    | 0x00000010  # sign
    | 0x00000020  # seal
    | 0x00000200  # NTLM
    | 0x00008000  # always sign
    | 0x00080000  # extended session security
    | _VERSION_GIVEN
    | 0x20000000  # 128 bit
    | 0x40000000  # key exchange
    | 0x80000000  # 56 bit
)
_NO_VERSION = bytes(7) + b"\x0f"  # 0.0 build 0, NTLMSSP revision 15

NEGOTIATE: bytes = (
    _SIGNATURE + (1).to_bytes(4, "little") + _FLAGS.to_bytes(4, "little") + bytes(16) + _NO_VERSION
)
"""The NEGOTIATE_MESSAGE (type 1), 40 bytes, naming neither a domain nor a workstation."""

_NAMES = {
    1: FactKind.NTLM_COMPUTER,
    2: FactKind.NTLM_DOMAIN,
    3: FactKind.NTLM_DNS_COMPUTER,
    4: FactKind.NTLM_DNS_DOMAIN,
}
_MOST_PAIRS = 32


def read_challenge(data: bytes) -> tuple[Fact, ...]:
    """Find the first CHALLENGE_MESSAGE (type 2) in `data` and read it.

    Gives NTLM_COMPUTER, NTLM_DOMAIN, NTLM_DNS_COMPUTER, NTLM_DNS_DOMAIN in the order sent, then
    NTLM_BUILD ("10.0.17763"; only if the server says so). Raises Malformed. MS-NLMP 2.2.1.2.
    """
    message = Cursor(data, _start(data))
    start = message.at
    message.skip(8 + 4 + 8)  # signature, type, target name (repeated in the target information)
    flags = message.u32le()
    message.skip(8 + 8)  # challenge, reserved
    length = message.u16le()
    message.skip(2)
    offset = message.u32le()
    build = _build(message) if flags & _VERSION_GIVEN else ()
    return (*_target(Cursor(data, start), offset, length), *build)


def _start(data: bytes) -> int:
    at = data.find(_SIGNATURE + b"\x02\0\0\0")
    if at < 0:
        raise Malformed("no NTLM CHALLENGE")
    return at


def _build(message: Cursor) -> tuple[Fact, ...]:
    major, minor, build = message.u8(), message.u8(), message.u16le()
    return (fact(FactKind.NTLM_BUILD, f"{major}.{minor}.{build}"),) if major else ()


def _target(message: Cursor, offset: int, length: int) -> Iterator[Fact]:
    """Read the AV_PAIRs of the target information (MS-NLMP 2.2.2.1)."""
    message.skip(offset)
    pairs = message.sub(length)
    for _ in range(_MOST_PAIRS):
        if not pairs.left:
            return
        kind, size = pairs.u16le(), pairs.u16le()
        value = pairs.take(size)
        if kind == 0:
            return
        if kind in _NAMES and value:
            yield fact(_NAMES[kind], value.decode("utf-16-le", "replace"))
