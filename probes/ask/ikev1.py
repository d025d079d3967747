# SPDX-License-Identifier: Apache-2.0
"""IKEv1: one main mode first message, and what the gateway answers (RFC 2409 §5, RFC 2408 §3).

One packet of about 400 bytes; main mode, never aggressive mode, so no identity and no hash is asked for.
"""

import itertools
from collections.abc import Iterator

from probes import isakmp
from probes.contract import Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS = (500,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_SA, _NOTIFY, _VENDOR = 1, 11, 13
_MAIN_MODE = 2
_ENCRYPTION, _HASH, _AUTHENTICATION, _GROUP, _LIFE_TYPE, _LIFE, _BITS = 1, 2, 3, 4, 11, 12, 14
# Cipher, key bits, hash, group; RFC 2409 appendix A.
_SUITES = ((7, 256, 4, 14), (7, 128, 4, 14), (7, 256, 2, 14), (7, 256, 2, 2), (7, 128, 2, 2), (5, 0, 2, 2))
_PROOFS = (1, 3)  # pre-shared key, RSA signature
_NAMES = {
    (_ENCRYPTION, 1): "DES", (_ENCRYPTION, 5): "3DES", (_ENCRYPTION, 7): "AES-CBC",
    (_HASH, 1): "MD5", (_HASH, 2): "SHA1", (_HASH, 4): "SHA2-256",
    (_AUTHENTICATION, 1): "PSK", (_AUTHENTICATION, 3): "RSA-SIG",
    (_GROUP, 2): "MODP-1024", (_GROUP, 5): "MODP-1536", (_GROUP, 14): "MODP-2048",
}  # fmt: skip
_NOTIFICATIONS = {
    4: "INVALID-COOKIE", 5: "INVALID-MAJOR-VERSION", 7: "INVALID-EXCHANGE-TYPE", 14: "NO-PROPOSAL-CHOSEN",
    15: "BAD-PROPOSAL-SYNTAX", 16: "PAYLOAD-MALFORMED", 24: "AUTHENTICATION-FAILED",
    29: "UNSUPPORTED-EXCHANGE-TYPE",
}  # fmt: skip


async def ask(wire: Wire, port: int) -> None:
    """Send one main mode offer and wait for one answer."""
    stream = await wire.udp(port)
    await stream.send(MAIN_MODE)
    await stream.receive()


def _offer() -> bytes:
    transforms = [
        (3, bytes((number, 1, 0, 0)) + _transform(*suite, proof))
        for number, (suite, proof) in enumerate(itertools.product(_SUITES, _PROOFS), 1)
    ]
    proposal = bytes((1, 1, 0, len(transforms))) + isakmp.write_payloads(transforms)
    return b"\0\0\0\1\0\0\0\1" + isakmp.write_payloads([(2, proposal)])


def _transform(cipher: int, bits: int, digest: int, group: int, proof: int) -> bytes:
    pairs = [(_ENCRYPTION, cipher), (_HASH, digest), (_AUTHENTICATION, proof), (_GROUP, group)]
    pairs += [(_BITS, bits)] if bits else []
    pairs += [(_LIFE_TYPE, 1), (_LIFE, 28800)]
    return b"".join(isakmp.attribute(kind, value) for kind, value in pairs)


MAIN_MODE = isakmp.write_message(0x10, _MAIN_MODE, 0, [(_SA, _offer())])


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read version, vendor ids, notifications and the chosen transform of the first answer."""
    for datagram in transcript.heard_lines():
        return tuple(dict.fromkeys(_facts(isakmp.read_message(datagram))))
    return ()


def _facts(message: isakmp.Message) -> Iterator[Fact]:
    yield fact(FactKind.SERVICE, "ike")
    yield fact(FactKind.IKE_VERSION, message.major)
    yield fact(FactKind.REMOTE_PATH, "ipsec")
    if message.major != 1:
        return
    for body in message.of(_SA):
        yield fact(FactKind.IKE_TRANSFORM, "/".join(_chosen(Cursor(body))))
    for body in message.of(_NOTIFY):
        code = Cursor(body, min(6, len(body))).u16()
        yield fact(FactKind.IKE_NOTIFY, _NOTIFICATIONS.get(code, str(code)))
    for body in message.of(_VENDOR):
        yield fact(FactKind.IKE_VENDOR_ID, body.hex())


def _chosen(cursor: Cursor) -> Iterator[str]:
    cursor.skip(8 + 6)  # domain of interpretation, situation; proposal header, number, protocol
    spi = cursor.u8()
    cursor.skip(1 + spi + 8)  # number of transforms, SPI; transform header, number, id
    found = dict(isakmp.attributes(cursor))
    for kind in (_ENCRYPTION, _HASH, _AUTHENTICATION, _GROUP):
        if kind in found:
            name = _NAMES.get((kind, found[kind]), f"{kind}:{found[kind]}")
            yield f"{name}-{found[_BITS]}" if kind == _ENCRYPTION and _BITS in found else name
