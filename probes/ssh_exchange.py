# SPDX-License-Identifier: Apache-2.0
"""Our half of an SSH key exchange that goes only as far as the server's host key (RFC 4253).

Everything here is constant, also the public values and the cookie: no secret is ever derived and
nothing is ever sent under a key, so there is nothing that randomness would protect. And a
constant question can be held against its recording byte for byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from probes.contract import Malformed
from probes.cursor import Cursor

BANNER: bytes = b"SSH-2.0-daicho_0.1\r\n"
KEXINIT, NEWKEYS, KEX_FIRST, KEX_REPLY, DISCONNECT = 20, 21, 30, 31, 1
MOST_PACKET = 35000  # RFC 4253 6.1
_MOST_LINES, _MOST_LINE = 40, 1024

_BASE_X25519 = b"\x09" + bytes(31)  # RFC 7748 4.1
_BASE_P256 = bytes.fromhex(
    "04"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)
_NUMBER = (
    b"daicho asks for the host key only and derives no key. " * 2
)  # positive, 864 bits, below every modulus
_PUBLIC = {  # the server's choices that we can answer, best first
    "curve25519-sha256": _BASE_X25519,
    "curve25519-sha256@libssh.org": _BASE_X25519,
    "ecdh-sha2-nistp256": _BASE_P256,
    "diffie-hellman-group14-sha256": _NUMBER,
    "diffie-hellman-group14-sha1": _NUMBER,
    "diffie-hellman-group1-sha1": _NUMBER,
}
_HOST_KEYS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-rsa",
    "ssh-dss",
)


@dataclass(frozen=True, slots=True)
class Offer:
    """The ten name-lists of a KEXINIT, in the order of RFC 4253 7.1."""

    lists: tuple[str, ...]

    @property
    def kex(self) -> str:
        """Key exchange methods, comma list."""
        return self.lists[0]

    @property
    def host_keys(self) -> str:
        """Host key algorithms, comma list."""
        return self.lists[1]


def read_offer(payload: bytes) -> Offer:
    """Read a KEXINIT payload; raises Malformed."""
    message = Cursor(payload)
    if message.u8() != KEXINIT:
        raise Malformed("no KEXINIT")
    message.skip(16)
    return Offer(tuple(message.take(message.u32()).decode("ascii", "replace") for _ in range(10)))


def read_banner(stream: Cursor) -> bytes:
    """Pass over up to 40 lines before the identification and give it without line end; raises Malformed."""
    for _ in range(_MOST_LINES):
        line = stream.until(b"\n", _MOST_LINE).removesuffix(b"\r")
        if line.startswith(b"SSH-"):
            return line
    raise Malformed("no SSH identification")


def read_packets(stream: Cursor) -> Iterator[bytes]:
    """Give the payloads of the whole packets up to NEWKEYS, where encryption begins (RFC 4253 6)."""
    while stream.left >= 4:
        length = int.from_bytes(stream.peek(4), "big")
        if not 2 <= length <= min(MOST_PACKET, stream.left - 4):
            return
        stream.skip(4)
        packet = stream.sub(length)
        padding = packet.u8()
        if padding >= packet.left:
            return
        payload = packet.take(packet.left - padding)
        yield payload
        if payload[0] == NEWKEYS:
            return


def reply(offer: Offer) -> bytes | None:
    """Give our KEXINIT and first key exchange message; None if there is no method that we can answer."""
    kex = next((name for name in _PUBLIC if name in offer.kex.split(",")), None)
    key = next((name for name in _HOST_KEYS if name in offer.host_keys.split(",")), None)
    if kex is None or key is None:
        return None
    rest = tuple(_first(names) for names in offer.lists[2:8])
    names = b"".join(_text(name.encode()) for name in (kex, key, *rest, "", ""))
    init = bytes([KEXINIT]) + b"daicho: constant" + names + bytes(5)
    return packet(init) + packet(bytes([KEX_FIRST]) + _text(_PUBLIC[kex]))


def packet(payload: bytes) -> bytes:
    """Wrap a payload as an unencrypted packet, padded with zeros to a multiple of eight."""
    padding = 8 - (5 + len(payload)) % 8
    padding += 8 if padding < 4 else 0
    return (1 + len(payload) + padding).to_bytes(4, "big") + bytes([padding]) + payload + bytes(padding)


def goodbye() -> bytes:
    """Give the DISCONNECT "by application" (reason 11, RFC 4253 11.1)."""
    return packet(bytes([DISCONNECT]) + (11).to_bytes(4, "big") + _text(b"inventory done") + _text(b""))


def _first(names: str) -> str:
    """Take what the server prefers; no compression where it can go without."""
    offered = names.split(",")
    return "none" if "none" in offered else offered[0]


def _text(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data
