# SPDX-License-Identifier: Apache-2.0
"""WireGuard (whitepaper §5.4) and networks built on it or like it: Tailscale, Cloudflare WARP, ZeroTier."""

import itertools
from collections.abc import Iterator, Sequence

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("udp",)

_DISCO = b"TS\xf0\x9f\x92\xac"
_WARP_PORTS = frozenset((500, 854, 1701, 2408, 4500))


def read(flow: Flow) -> Iterator[Claim]:
    """Name the tunnel by its handshake, or by data messages that count."""
    if flow.transport != "udp":
        return
    pieces = flow.sent[:8] + flow.answered[:8]
    if any(piece.startswith(_DISCO) and len(piece) >= 62 for piece in pieces):
        yield Claim("Tailscale", Family.VPN, path="remote_tool", product="Tailscale", why="disco message")
    elif _is_zerotier(flow):
        yield Claim("ZeroTier", Family.VPN, path="remote_tool", product="ZeroTier", why="node addresses")
    elif _handshake(flow.sent, flow.answered) or _handshake(flow.answered, flow.sent) or _data(flow):
        yield Claim("WireGuard", Family.VPN, path="wireguard", why="handshake or counted data")
    elif 2408 in flow.ports and _reserved(flow):
        yield Claim(
            "Cloudflare WARP",
            Family.VPN,
            Sure.LIKELY,
            product="Cloudflare WARP",
            path="wireguard",
            why="WireGuard with a client id, on a port of WARP",
            about="client",
        )


def _handshake(one: Sequence[bytes], other: Sequence[bytes]) -> bool:
    asks = [p for p in one if len(p) == 148 and p[:4] == b"\1\0\0\0"]
    if not asks:
        return False
    if any(len(p) == 92 and p[:4] == b"\2\0\0\0" and p[8:12] == a[4:8] for p in other for a in asks):
        return True
    return not any(asks[0][132:148]) and any(asks[0][8:40])  # no cookie yet: the last 16 bytes are zero


def _data(flow: Flow) -> bool:
    """Three transport messages to one receiver whose counter goes up, in either direction."""
    for side in (flow.sent, flow.answered):
        found = [p for p in side if p[:4] == b"\4\0\0\0" and len(p) >= 32 and len(p) % 16 == 0]
        counters = [int.from_bytes(p[8:16], "little") for p in found]
        if len(found) >= 3 and len(found) >= len(side) - 1 and len({p[4:8] for p in found}) == 1:
            steps = [b - a for a, b in itertools.pairwise(counters)]
            if counters[0] < 1 << 40 and all(-64 < step < 1024 and step for step in steps):
                return True
    return False


def _reserved(flow: Flow) -> bool:
    return any(len(p) == 148 and p[0] == 1 for p in flow.sent[:2]) and any(
        len(p) == 92 and p[0] == 2 for p in flow.answered[:2]
    )


def _is_zerotier(flow: Flow) -> bool:
    """Packets name destination and source (five bytes each); answers have them the other way round."""
    if 9993 not in flow.ports or not flow.sent or not flow.answered:
        return False
    one, other = flow.sent[0], flow.answered[0]
    return len(one) >= 28 and len(other) >= 28 and one[13:18] == other[8:13] and any(one[13:18])
