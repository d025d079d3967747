# SPDX-License-Identifier: Apache-2.0
"""SNMPv3 engine discovery: one GET with an empty engine id, no credential (RFC 3414 §4).

One packet of 60 bytes; an SNMPv3 agent reports its engine id, boots and time (RFC 3411 §5).
"""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, Sure, fact

PORTS = (161,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_INTEGER, _OCTETS, _SEQUENCE, _GET = 0x02, 0x04, 0x30, 0xA0
_REPORTABLE = b"\x04"
_USER_SECURITY_MODEL = b"\x03"


def _tlv(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes((tag, len(body))) + body  # every part is shorter than 128 bytes


def _discovery() -> bytes:
    number, nothing = _tlv(_INTEGER, b"\x44\x61"), _tlv(_OCTETS)
    zero = _tlv(_INTEGER, b"\0")
    header = _tlv(
        _SEQUENCE,
        number,
        _tlv(_INTEGER, b"\x00\xff\xe3"),
        _tlv(_OCTETS, _REPORTABLE),
        _tlv(_INTEGER, _USER_SECURITY_MODEL),
    )
    security = _tlv(_OCTETS, _tlv(_SEQUENCE, nothing, zero, zero, nothing, nothing, nothing))
    scoped = _tlv(_SEQUENCE, nothing, nothing, _tlv(_GET, number, zero, zero, _tlv(_SEQUENCE)))
    return _tlv(_SEQUENCE, _tlv(_INTEGER, b"\3"), header, security, scoped)


DISCOVERY = _discovery()


async def ask(wire: Wire, port: int) -> None:
    """Send the discovery and wait for one report."""
    stream = await wire.udp(port)
    await stream.send(DISCOVERY)
    await stream.receive()


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read engine id, boots and time of the first answer."""
    for datagram in transcript.heard_lines():
        return _facts(datagram)
    return ()


def _facts(datagram: bytes) -> tuple[Fact, ...]:
    message = _inside(Cursor(datagram), _SEQUENCE)
    if _number(message) != 3:
        raise Malformed("not SNMPv3")
    _inside(message, _SEQUENCE)  # global data
    security = _inside(_inside(message, _OCTETS), _SEQUENCE)
    engine = _inside(security, _OCTETS).rest()
    boots, time = _number(security), _number(security)
    if not 5 <= len(engine) <= 32:
        raise Malformed("an engine id has 5 to 32 bytes")
    return (
        fact(FactKind.SERVICE, "snmp"),
        fact(FactKind.SNMP_ENGINE_ID, engine.hex()),
        fact(FactKind.SNMP_ENGINE_BOOTS, boots),
        fact(FactKind.SNMP_ENGINE_TIME, time),
        *_from_engine(engine),
    )


def _from_engine(engine: bytes) -> Iterator[Fact]:
    enterprise = int.from_bytes(engine[:4], "big") & 0x7FFFFFFF
    yield fact(FactKind.SNMP_ENTERPRISE, enterprise)
    if not engine[0] & 0x80:
        return
    form, rest = engine[4], engine[5:]
    if form == 3 and len(rest) == 6 and frames.is_host_mac(frames.mac(rest)):
        yield fact(FactKind.MAC, frames.mac(rest), Sure.LIKELY)
    elif (form, len(rest)) in ((1, 4), (2, 16)) and frames.is_host_address(frames.ip_text(rest)):
        yield fact(FactKind.ADDRESS, frames.ip_text(rest), Sure.LIKELY)


def _inside(cursor: Cursor, tag: int) -> Cursor:
    if cursor.u8() != tag:
        raise Malformed("not the expected BER tag")
    length = cursor.u8()
    if length >= 0x80:
        if not 1 <= length & 0x7F <= 4:
            raise Malformed("a BER length of unknown form")
        length = int.from_bytes(cursor.take(length & 0x7F), "big")
    return cursor.sub(length)


def _number(cursor: Cursor) -> int:
    raw = _inside(cursor, _INTEGER).rest()
    if not 1 <= len(raw) <= 8:
        raise Malformed("an integer of unknown length")
    return int.from_bytes(raw, "big", signed=True)
