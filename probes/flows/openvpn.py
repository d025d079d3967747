# SPDX-License-Identifier: Apache-2.0
"""OpenVPN over UDP and TCP, with tls-auth and tls-crypt ("network_protocol" of its documentation).

A session begins with a hard reset from each side; the server's answer names the client's session.
"""

from collections.abc import Iterator, Sequence

from probes.capture.flow import Claim, Family, Flow
from probes.facts import Sure

TRANSPORTS = ("tcp", "udp")

_CLIENT, _SERVER = (1, 7, 10), (2, 8)
_CONTROL = (3, 4, 5, 7, 8)
# reset alone; behind an HMAC of 16, 20, 28, 32, 48 or 64 bytes with packet id and time
_RESET_SIZES = frozenset((14, *(22 + mac for mac in (16, 20, 28, 32, 48, 64))))


def read(flow: Flow) -> Iterator[Claim]:
    """Name OpenVPN by its resets, or by control packets of one session in both directions."""
    if flow.transport == "udp":
        sure = _judge(flow.sent, flow.answered, 1194 in flow.ports)
    elif flow.transport == "tcp":
        sure = _judge(_framed(flow.asked), _framed(flow.said), 1194 in flow.ports)
    else:
        return
    if sure is not None:
        yield Claim("OpenVPN", Family.VPN, sure, path="openvpn", why="hard reset of a session")


def _framed(stream: bytes) -> list[bytes]:
    """Take a TCP stream apart: each packet behind its length of two bytes; [] if it is not so."""
    packets: list[bytes] = []
    at = 0
    while at + 2 <= len(stream) and len(packets) < 8:
        size = int.from_bytes(stream[at : at + 2], "big")
        if not 10 <= size <= 4096:
            return []
        packets.append(stream[at + 2 : at + 2 + size])
        at += 2 + size
    return packets


def _judge(sent: Sequence[bytes], answered: Sequence[bytes], known_port: bool) -> Sure | None:
    if _begins(sent, answered) or _begins(answered, sent) or _goes_on(sent, answered):
        return Sure.SURE
    if any(_goes_on_alone(one) for one in (sent, answered)):
        return Sure.SURE
    if sent and _is_reset(sent[0], _CLIENT) and len(sent[0]) in _RESET_SIZES:
        return Sure.LIKELY if known_port and not answered else None
    return None


def _goes_on_alone(one: Sequence[bytes]) -> bool:
    """One side only: a reset, then control packets and acknowledgements of the same session."""
    if len(one) < 2 or not _is_reset(one[0], (*_CLIENT, *_SERVER)):
        return False
    later = [packet for packet in one[1:6] if len(packet) >= 14]
    same = all(p[0] >> 3 in _CONTROL and p[0] & 7 == 0 and p[1:9] == one[0][1:9] for p in later)
    return same and any(p[0] >> 3 in (4, 5) for p in later)


def _is_reset(packet: bytes, kinds: tuple[int, ...]) -> bool:
    return len(packet) >= 14 and packet[0] >> 3 in kinds and packet[0] & 7 == 0 and any(packet[1:9])


def _begins(client: Sequence[bytes], server: Sequence[bytes]) -> bool:
    """A reset from each; the answer echoes the session, or (tls-crypt) is longer by what it acknowledges."""
    if not client or not server:
        return False
    ask, answer = client[0], server[0]
    if not _is_reset(ask, _CLIENT) or not _is_reset(answer, _SERVER) or ask[1:9] == answer[1:9]:
        return False
    if ask[1:9] in answer[9:]:
        return True
    crypted = len(ask) >= 54 and ask[9:12] == answer[9:12] == b"\0\0\0"
    return crypted and len(answer) in (len(ask) + 12, 66, 54)


def _goes_on(client: Sequence[bytes], server: Sequence[bytes]) -> bool:
    """Control packets that keep one session number on each side, and name the other's."""
    numbers = []
    for side in (client, server):
        control = [p for p in side if len(p) >= 14 and p[0] >> 3 in _CONTROL and p[0] & 7 == 0]
        if len(control) < 2 or len({p[1:9] for p in control}) != 1:
            return False
        numbers.append(control[0][1:9])
    if numbers[0] == numbers[1] or not any(numbers[0]) or not any(numbers[1]):
        return False
    return any(numbers[0] in p[9:] for p in server) or any(numbers[1] in p[9:] for p in client)
