# SPDX-License-Identifier: Apache-2.0
"""The client's hello in QUIC Initial packets, whose keys anybody can derive (RFC 9001 §5.2, RFC 9369)."""

from collections.abc import Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from probes.capture.tls_heard import Hello, client_hello
from probes.contract import Malformed
from probes.cursor import Cursor

_SALTS = {
    0x00000001: (bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a"), b"quic", 0),
    0x6B3343CF: (bytes.fromhex("0dede3def700a6db819381be6e269dcbf9bd2ed9"), b"quicv2", 1),
    **{
        0xFF000000 + draft: (bytes.fromhex("afbfec289993d24c9e9786f19c6111e04390a899"), b"quic", 0)
        for draft in (29, 30, 31, 32)
    },
    **{
        0xFF000000 + draft: (bytes.fromhex("c3eef712c72ebb5a11a7d2432bb46365bef9f502"), b"quic", 0)
        for draft in (23, 24, 25, 26, 27, 28)
    },
}
_MOST_PACKETS = 4


def hello_of(pieces: tuple[bytes, ...]) -> Hello | None:
    """The hello in the first datagrams of a client; None if they are not QUIC or it cannot be read."""
    parts: dict[int, bytes] = {}
    for piece in pieces[:_MOST_PACKETS]:
        try:
            parts.update(_crypto(piece))
        except (Malformed, InvalidTag, ValueError):  # another protocol, a later packet, or damage
            continue
    stream = _joined(parts)
    if stream[:1] != b"\1" or len(stream) < 5:
        return None
    return client_hello(stream[4:])


def _joined(parts: dict[int, bytes]) -> bytes:
    stream = b""
    for place in sorted(parts):
        if place > len(stream):
            break
        stream = stream[:place] + parts[place] + stream[place + len(parts[place]) :]
    return stream


def _crypto(piece: bytes) -> dict[int, bytes]:
    """Open an Initial packet and give its CRYPTO frames by offset; raises Malformed, InvalidTag."""
    cursor = Cursor(piece)
    first, version = cursor.u8(), cursor.u32()
    if first & 0xC0 != 0xC0 or version not in _SALTS or len(piece) < 600:
        raise Malformed("not a QUIC long header of a version we know")
    salt, label, initial = _SALTS[version]
    if first >> 4 & 3 != initial:
        raise Malformed("not an Initial packet")
    target = cursor.take(cursor.u8())
    cursor.skip(cursor.u8())
    cursor.skip(_integer(cursor))
    length = _integer(cursor)
    start = cursor.at
    sealed = cursor.take(length)
    if length < 4 + 16 + 16:
        raise Malformed("too short for its sample and its seal")
    key, iv, mask = _keys(salt, target, label, sealed[4:20])
    size = (first ^ mask[0] & 0x0F) & 3
    number = bytes(a ^ b for a, b in zip(sealed[: size + 1], mask[1:], strict=False))
    head = bytes((first ^ mask[0] & 0x0F,)) + piece[1:start] + number
    nonce = bytes(a ^ b for a, b in zip(iv, number.rjust(12, b"\0"), strict=True))
    return dict(_frames(Cursor(AESGCM(key).decrypt(nonce, sealed[size + 1 :], head))))


def _keys(salt: bytes, target: bytes, label: bytes, sample: bytes) -> tuple[bytes, bytes, bytes]:
    secret = _expand(_mac(salt, target), b"client in", 32)
    key = _expand(secret, label + b" key", 16)
    encryptor = Cipher(algorithms.AES(_expand(secret, label + b" hp", 16)), modes.ECB()).encryptor()  # noqa: S305
    return key, _expand(secret, label + b" iv", 12), encryptor.update(sample)


def _mac(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


def _expand(secret: bytes, label: bytes, size: int) -> bytes:
    """HKDF-Expand-Label of TLS 1.3 with no context; one block is enough."""
    name = b"tls13 " + label
    return _mac(secret, size.to_bytes(2, "big") + bytes((len(name),)) + name + b"\0\1")[:size]


def _integer(cursor: Cursor) -> int:
    first = cursor.u8()
    rest = cursor.take((1 << (first >> 6)) - 1)
    return int.from_bytes(bytes((first & 0x3F,)) + rest, "big")


def _frames(cursor: Cursor) -> Iterator[tuple[int, bytes]]:
    for _ in range(2000):
        kind = cursor.peek()
        if kind not in (b"\0", b"\1", b"\6"):
            return
        cursor.skip(1)
        if kind == b"\6":
            place = _integer(cursor)
            yield place, cursor.take(_integer(cursor))
