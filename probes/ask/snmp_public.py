# SPDX-License-Identifier: Apache-2.0
"""Does the host answer the SNMP community that everybody knows: one read of sysDescr.0 as "public".

Asked only where the site allows it for this very host (`default_community`). One packet of 41 bytes,
SNMPv1 GET (RFC 1157 §4.1.2), which agents of version 2c answer as well; never a SET, no other name.
"""

from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS = (161,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

COMMUNITY = b"public"
_INTEGER, _OCTETS, _OID, _SEQUENCE, _GET, _RESPONSE = 0x02, 0x04, 0x06, 0x30, 0xA0, 0xA2
_SYS_DESCR = bytes((0x2B, 6, 1, 2, 1, 1, 1, 0))  # 1.3.6.1.2.1.1.1.0
_REQUEST = b"\x44\x61"


def _tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes((tag, len(body))) + body  # every part is shorter than 128 bytes


def _question() -> bytes:
    variable = _tlv(_SEQUENCE, _tlv(_OID, _SYS_DESCR), b"\x05\x00")
    zero = _tlv(_INTEGER, b"\0")
    get = _tlv(_GET, _tlv(_INTEGER, _REQUEST), zero, zero, _tlv(_SEQUENCE, variable))
    return _tlv(_SEQUENCE, zero, _tlv(_OCTETS, COMMUNITY), get)


QUESTION = _question()


async def ask(wire: Wire, port: int) -> None:
    """Send the question once and wait for one answer."""
    stream = await wire.udp(port)
    await stream.send(QUESTION)
    await stream.receive()


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the first answer: that there is one under this community is what matters; raises Malformed."""
    for datagram in transcript.heard_lines():
        return _facts(datagram)
    return ()


def _facts(datagram: bytes) -> tuple[Fact, ...]:
    message = _inside(Cursor(datagram), _SEQUENCE)
    version, community = _inside(message, _INTEGER).rest(), _inside(message, _OCTETS).rest()
    response = _inside(message, _RESPONSE)
    if version not in (b"\0", b"\1") or community != COMMUNITY:
        raise Malformed("not an answer to our community")
    if _inside(response, _INTEGER).rest().lstrip(b"\0") != _REQUEST:
        raise Malformed("an answer to somebody else")
    _inside(response, _INTEGER)  # error status: noSuchName is an answer, too
    _inside(response, _INTEGER)
    told = (fact(FactKind.SERVICE, "snmp"), fact(FactKind.SNMP_DEFAULT_COMMUNITY, COMMUNITY.decode()))
    return (*told, *_described(_inside(response, _SEQUENCE)))


def _described(variables: Cursor) -> tuple[Fact, ...]:
    variable = _inside(variables, _SEQUENCE)
    if _inside(variable, _OID).rest() != _SYS_DESCR or variable.left == 0:
        return ()
    if variable.u8() != _OCTETS:
        return ()
    text = variable.sub(_length(variable)).rest().decode("utf-8", "replace")
    return (fact(FactKind.SNMP_SYSDESCR, text),) if text.strip() else ()


def _inside(cursor: Cursor, tag: int) -> Cursor:
    if cursor.u8() != tag:
        raise Malformed("not the expected BER tag")
    return cursor.sub(_length(cursor))


def _length(cursor: Cursor) -> int:
    length = cursor.u8()
    if length >= 0x80:
        if not 1 <= length & 0x7F <= 4:
            raise Malformed("a BER length of unknown form")
        length = int.from_bytes(cursor.take(length & 0x7F), "big")
    return length
