# SPDX-License-Identifier: Apache-2.0
"""IKEv2: one well-formed IKE_SA_INIT, and what the gateway answers (RFC 7296 §1.2, §3).

One packet of about 450 bytes. The public value is constant: no key is ever derived from it.
"""

import functools
from collections.abc import Iterator

from probes import isakmp
from probes.contract import Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

PORTS = (500,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_SA, _KE, _NONCE, _NOTIFY, _VENDOR = 33, 34, 40, 41, 43
_SA_INIT, _INITIATOR = 34, 0x08
_ENCRYPTION, _PRF, _INTEGRITY, _GROUP = 1, 2, 3, 4
_GROUP_14 = 14
_PRIME_14 = int(  # RFC 3526 §3, 2048-bit MODP
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)
_NONCE_BYTES = b"daicho asks once, keeps no key.."
# What we offer: (kind of transform, its number, key bits or 0); RFC 7296 §3.3.2.
_OFFER = (
    (_ENCRYPTION, 12, 256), (_ENCRYPTION, 12, 128), (_ENCRYPTION, 3, 0),
    (_PRF, 5, 0), (_PRF, 2, 0),
    (_INTEGRITY, 12, 0), (_INTEGRITY, 2, 0),
    (_GROUP, 14, 0), (_GROUP, 19, 0), (_GROUP, 5, 0), (_GROUP, 2, 0),
)  # fmt: skip
_OFFER_GCM = (
    (_ENCRYPTION, 20, 256), (_ENCRYPTION, 20, 128),
    (_PRF, 5, 0), (_PRF, 2, 0),
    (_GROUP, 14, 0), (_GROUP, 19, 0),
)  # fmt: skip
_NAMES = {
    (_ENCRYPTION, 3): "3DES", (_ENCRYPTION, 12): "AES-CBC", (_ENCRYPTION, 20): "AES-GCM-16",
    (_PRF, 2): "PRF-HMAC-SHA1", (_PRF, 5): "PRF-HMAC-SHA2-256",
    (_INTEGRITY, 2): "HMAC-SHA1-96", (_INTEGRITY, 12): "HMAC-SHA2-256-128",
    (_GROUP, 2): "MODP-1024", (_GROUP, 5): "MODP-1536", (_GROUP, 14): "MODP-2048", (_GROUP, 19): "ECP-256",
}  # fmt: skip
_NOTIFICATIONS = {
    1: "UNSUPPORTED_CRITICAL_PAYLOAD", 4: "INVALID_IKE_SPI", 5: "INVALID_MAJOR_VERSION", 7: "INVALID_SYNTAX",
    14: "NO_PROPOSAL_CHOSEN", 17: "INVALID_KE_PAYLOAD", 24: "AUTHENTICATION_FAILED",
    16388: "NAT_DETECTION_SOURCE_IP", 16389: "NAT_DETECTION_DESTINATION_IP", 16390: "COOKIE",
    16404: "MULTIPLE_AUTH_SUPPORTED", 16406: "REDIRECT_SUPPORTED", 16418: "CHILDLESS_IKEV2_SUPPORTED",
    16430: "IKEV2_FRAGMENTATION_SUPPORTED", 16431: "SIGNATURE_HASH_ALGORITHMS",
}  # fmt: skip


async def ask(wire: Wire, port: int) -> None:
    """Send one SA_INIT and wait for one answer."""
    stream = await wire.udp(port)
    await stream.send(sa_init())
    await stream.receive()


@functools.cache
def sa_init() -> bytes:
    """Write our IKE_SA_INIT: two proposals, a group 14 value, a nonce."""
    security = _proposal(1, _OFFER, more=True) + _proposal(2, _OFFER_GCM, more=False)
    public = pow(2, int.from_bytes(_NONCE_BYTES, "big"), _PRIME_14).to_bytes(256, "big")
    exchange = _GROUP_14.to_bytes(2, "big") + b"\0\0" + public
    payloads = [(_SA, security), (_KE, exchange), (_NONCE, _NONCE_BYTES)]
    return isakmp.write_message(0x20, _SA_INIT, _INITIATOR, payloads)


def _proposal(number: int, transforms: tuple[tuple[int, int, int], ...], *, more: bool) -> bytes:
    written = []
    for kind, code, bits in transforms:
        content = bytes((kind, 0)) + code.to_bytes(2, "big") + (isakmp.attribute(14, bits) if bits else b"")
        written.append((3, content))
    body = isakmp.write_payloads(written)
    head = bytes((2 if more else 0, 0)) + (8 + len(body)).to_bytes(2, "big")
    return head + bytes((number, 1, 0, len(transforms))) + body


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read version, vendor ids, notifications and the chosen transforms of the first answer."""
    for datagram in transcript.heard_lines():
        return tuple(dict.fromkeys(_facts(isakmp.read_message(datagram))))
    return ()


def _facts(message: isakmp.Message) -> Iterator[Fact]:
    yield fact(FactKind.SERVICE, "ike")
    yield fact(FactKind.IKE_VERSION, message.major)
    yield fact(FactKind.REMOTE_PATH, "ipsec")
    if message.major == 1:  # a gateway that only knows IKEv1 says so in its own words
        return
    for body in message.of(_SA):
        yield fact(FactKind.IKE_TRANSFORM, "/".join(_chosen(Cursor(body))))
    for body in message.of(_NOTIFY):
        code = Cursor(body, min(2, len(body))).u16()
        yield fact(FactKind.IKE_NOTIFY, _NOTIFICATIONS.get(code, str(code)))
    for body in message.of(_VENDOR):
        yield fact(FactKind.IKE_VENDOR_ID, body.hex())


def _chosen(cursor: Cursor) -> Iterator[str]:
    cursor.skip(6)  # more, length, number, protocol
    spi = cursor.u8()
    cursor.skip(1 + spi)  # number of transforms, the SPI (none here)
    while cursor.left:
        cursor.skip(2)
        inner = cursor.sub(cursor.u16() - 4)
        kind = inner.u8()
        inner.skip(1)
        code = inner.u16()
        bits = dict(isakmp.attributes(inner)).get(14)
        yield _NAMES.get((kind, code), f"{kind}:{code}") + (f"-{bits}" if bits else "")
