# SPDX-License-Identifier: Apache-2.0
"""IPsec: ISAKMP (RFC 2408, RFC 7296), its NAT traversal (RFC 3948), ESP and AH themselves."""

import itertools
from collections.abc import Iterator

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("udp", "esp", "ah")

_EXCHANGES = frozenset((1, 2, 4, 5, 6, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44))
_PAYLOADS = frozenset((*range(17), 20, 21, *range(33, 55), 128, 130, 131, 132))
_MARKER = b"\0\0\0\0"


def read(flow: Flow) -> Iterator[Claim]:
    """Name IPsec by its key exchange or by its protocol number."""
    if flow.transport in ("esp", "ah"):
        yield Claim("IPsec", Family.VPN, path="ipsec", why=f"IP protocol {flow.transport.upper()}")
    elif flow.transport == "udp":
        sure = _judge(flow)
        if sure is not None:
            yield Claim("IPsec", Family.VPN, sure, path="ipsec", why="ISAKMP header or ESP in UDP")


def _judge(flow: Flow) -> Sure | None:
    pieces = flow.sent[:6] + flow.answered[:6]
    known = bool({500, 4500, 848} & set(flow.ports))
    bare = [piece[4:] if piece[:4] == _MARKER else piece for piece in pieces]
    if any(is_isakmp(piece, padded=known) for piece in bare):
        return Sure.SURE if known else Sure.LIKELY
    if 4500 in flow.ports and (_is_esp(flow.sent) or _is_esp(flow.answered)):
        return Sure.LIKELY
    return None


def is_isakmp(piece: bytes, *, padded: bool = False) -> bool:
    """Whether the header holds: SPI, versions, exchange and payload that exist, and its own length.

    A `padded` message may have bytes behind its end.
    """
    if len(piece) < 28 or not any(piece[:8]) or piece[17] >> 4 not in (1, 2) or piece[17] & 15:
        return False
    length = int.from_bytes(piece[24:28], "big")
    fits = (
        length == len(piece)
        or (padded and 28 <= length < len(piece))
        or (len(piece) >= 1200 and len(piece) < length < 65536)
    )
    return fits and piece[18] in _EXCHANGES and piece[16] in _PAYLOADS


def _is_esp(pieces: tuple[bytes, ...]) -> bool:
    """ESP in UDP: one SPI, sequence numbers that go up; keepalives of one byte between."""
    found = [p for p in pieces if len(p) >= 24 and any(p[:4])]
    if len(found) < 2 or len({p[:4] for p in found}) > 2:
        return False
    numbers = [int.from_bytes(p[4:8], "big") for p in found]
    return all(0 < later - one < 64 for one, later in itertools.pairwise(numbers))
