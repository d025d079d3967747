# SPDX-License-Identifier: Apache-2.0
"""Packets → flows, in bounded memory: the first payloads of a flow are kept, later packets are only counted."""

import functools
import ipaddress
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from probes.capture.flow import Flow

MOST_FLOWS = 50_000  # known at one time; the oldest give way
MOST_HELD = 48 * 1024 * 1024  # bytes of payload kept of all flows that are not judged yet
MOST_PACKETS = 96  # of one direction, after which a flow is judged with what it has
_MOST_BYTES, _MOST_PIECES = 8192, 24  # kept of one direction
_TCP, _UDP, _SCTP = 6, 17, 132
_SYN, _ACK = 2, 16
_DNS = 53
_NAMES = {6: "tcp", 17: "udp", 132: "sctp", 50: "esp", 51: "ah", 47: "gre"}
_WINDOW = 1 << 31


class Side:
    """What one end of a flow sent."""

    __slots__ = ("address", "done", "held", "live", "packets", "pieces", "port", "start")

    def __init__(self, live: "Live", address: bytes, port: int) -> None:
        self.live = live
        self.address = address
        self.port = port
        self.packets = 0
        self.held = 0
        self.done = False
        self.start = -1  # sequence number of the first byte
        self.pieces: dict[int, bytes] = {}  # by place in the stream; by number for datagrams


class Live:
    """A flow while it is being read."""

    __slots__ = ("keys", "kind", "one", "opened", "protocol", "settled", "swapped", "two", "when")

    def __init__(self, protocol: int, kind: int, when: float) -> None:
        self.protocol = protocol
        self.kind = kind
        self.when = when
        self.opened = False
        self.swapped = False  # the second side is the client
        self.settled = False
        self.keys: tuple[bytes, bytes] = (b"", b"")
        self.one: Side
        self.two: Side


@dataclass(slots=True)
class Table:
    """All flows of a capture; `settle` is called once with each, as soon as enough of it is there."""

    settle: Callable[[Flow], None]
    sides: dict[bytes, Side] = field(default_factory=dict)  # by direction; the reader's fast path looks here
    evicted: int = 0
    _waiting: deque[Live] = field(default_factory=deque)
    _held: int = 0

    def side(self, protocol: int, ends: bytes, back: bytes, when: float, kind: int = 0) -> Side:
        """Give the side of a flow; `ends` is source and destination with ports, `back` the reverse."""
        key = bytes((protocol,)) + ends
        found = self.sides.get(key)
        if found is None:
            found = self._new(protocol, kind, key, ends, back, when)
        found.packets += 1
        return found

    def _new(self, protocol: int, kind: int, key: bytes, ends: bytes, back: bytes, when: float) -> Side:
        if len(self.sides) >= 2 * MOST_FLOWS:
            self._evict()
        live = Live(protocol, kind, when)
        ported = 4 if protocol in (_TCP, _UDP, _SCTP) else 0
        size = (len(ends) - ported) // 2
        source, target = (
            int.from_bytes(ends[2 * size :][:2], "big"),
            int.from_bytes(ends[2 * size + 2 :], "big"),
        )
        live.one, live.two = Side(live, ends[:size], source), Side(live, ends[size : 2 * size], target)
        live.keys = key, bytes((protocol,)) + back
        live.swapped = source < 1024 <= target
        self.sides[live.keys[1]] = live.two
        self.sides[key] = live.one
        self._waiting.append(live)
        return live.one

    def segment(self, side: Side, sequence: int, flags: int, payload: bytes) -> None:
        """Take one TCP segment of a side."""
        if flags & _SYN:
            self._open(side, sequence, flags)
            sequence += 1
        if payload and not side.done:
            if side.start < 0:
                side.start = sequence
            place = (sequence - side.start) & 0xFFFFFFFF
            if place >= _WINDOW:  # before what we took for the beginning
                place -= 1 << 32
            if -65536 < place < 8 * _MOST_BYTES and len(payload) > len(side.pieces.get(place, b"")):
                self._keep(side, place, payload)
        if side.packets >= MOST_PACKETS:
            self._finish(side)

    def _open(self, side: Side, sequence: int, flags: int) -> None:
        live = side.live
        if side.start < 0:
            side.start = (sequence + 1) & 0xFFFFFFFF
        live.opened = True
        live.swapped = (side is live.two) != bool(flags & _ACK)

    def datagram(self, side: Side, payload: bytes) -> None:
        """Take one datagram (or other packet) of a side."""
        if not side.done:
            self._keep(side, len(side.pieces), payload[:2048])
            if side.port == _DNS and side.live.one.port != side.live.two.port and not side.done:
                # what is answered may name the flows that follow
                self._judge(side.live)
            if side.packets >= MOST_PACKETS:
                self._finish(side)

    def _keep(self, side: Side, place: int, payload: bytes) -> None:
        side.pieces[place] = payload
        side.held += len(payload)
        self._held += len(payload)
        if side.held >= _MOST_BYTES or len(side.pieces) >= _MOST_PIECES:
            self._finish(side)
        if self._held > MOST_HELD:
            self._relieve()

    def _finish(self, side: Side) -> None:
        live = side.live
        side.done = True
        if (live.one.done and live.two.done) or side.packets >= MOST_PACKETS:
            self._judge(live)

    def _relieve(self) -> None:
        """Judge the oldest flows with what they have, until half of the room is free."""
        while self._waiting and self._held > MOST_HELD // 2:
            self._judge(self._waiting.popleft())

    def _evict(self) -> None:
        for key in list(self.sides)[: len(self.sides) // 8]:
            side = self.sides.pop(key, None)
            if side is not None:
                self._judge(side.live)
                self.evicted += key == side.live.keys[0]
        self._waiting = deque(live for live in self._waiting if not live.settled)

    def finish(self) -> None:
        """Judge everything that is left."""
        while self._waiting:
            self._judge(self._waiting.popleft())

    def _judge(self, live: Live) -> None:
        if live.settled:
            return
        live.settled = live.one.done = live.two.done = True
        self._held -= live.one.held + live.two.held
        self.settle(_flow(live))
        live.one.pieces, live.two.pieces = {}, {}


def _flow(live: Live) -> Flow:
    client, server = (live.two, live.one) if live.swapped else (live.one, live.two)
    sent, answered = _pieces(live, client), _pieces(live, server)
    return Flow(
        _NAMES.get(live.protocol, "ethernet"),
        _text(client.address),
        client.port,
        _text(server.address),
        server.port,
        sent,
        answered,
        live.opened,
        live.kind,
        live.when,
        b"".join(sent),
        b"".join(answered),
    )


def _pieces(live: Live, side: Side) -> tuple[bytes, ...]:
    if live.protocol != _TCP:
        return tuple(side.pieces.values())
    found: list[bytes] = []
    end: int | None = None
    for place in sorted(side.pieces):
        piece = side.pieces[place]
        if end is not None:
            if place > end:
                break  # a hole
            piece = piece[end - place :]
        if piece:
            found.append(piece)
            end = place + len(piece) if end is None else end + len(piece)
    return tuple(found)


@functools.lru_cache(maxsize=16384)
def _text(address: bytes) -> str:
    if len(address) == 4:
        return f"{address[0]}.{address[1]}.{address[2]}.{address[3]}"
    return str(ipaddress.IPv6Address(address)) if len(address) == 16 else address.hex(":")
