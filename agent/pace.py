# SPDX-License-Identifier: Apache-2.0
"""How many packets may leave, and when. Pure arithmetic on times handed in; never waits itself.

A limit is a sliding window: in no half-open second (t-1, t] do more than `limit` packets leave.
What an exchange may need is reserved before it starts and counts as leaving *now* until it is
settled with what really left; settled packets count at the end of the exchange, so the true
sending times are never later than the counted ones and never more than counted.
"""

import math
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.ahead import Ahead

WINDOW = 1.0  # seconds
PACKETS_OF_AN_EXCHANGE = 4  # that one connection takes on the average of its life
KERNEL_KEPT = 6  # packets that our kernel may still send by itself: three questions for a host's card, three answers to the host's
WAY_KEPT = 4  # times as many for a gateway of ours, with which the kernel goes on talking for minutes
LOOK_AGAIN = 0.05  # seconds; until the end of another connection to the same device
_MARGIN = 0.02  # seconds; a capture stamps frames a little later than we do


@dataclass(slots=True)
class Limit:
    """One sliding window. Times are seconds of one steady clock and do not go backwards."""

    most: int
    _left: deque[tuple[float, int]] = field(default_factory=deque)
    _sum: int = 0
    _reserved: int = 0

    def wait(self, packets: int, now: float) -> float:
        """Seconds until `packets` more may be reserved; 0.0 for at once, inf if never (too many at once)."""
        self._forget(now)
        room = self.most - self._reserved - packets
        if packets > self.most:
            return math.inf
        if self._sum <= room:
            return 0.0
        over = self._sum - room
        for at, count in self._left:
            over -= count
            if over <= 0:
                return max(at + WINDOW + _MARGIN - now, 0.001)
        return WINDOW / 10  # the rest is reserved by exchanges under way

    @property
    def reserved(self) -> int:
        """What exchanges under way hold."""
        return self._reserved

    def reserve(self, packets: int) -> None:
        """Hold room for an exchange that begins now."""
        self._reserved += packets

    def settle(self, reserved: int, left: int, now: float) -> None:
        """Give back a reservation and count what really left."""
        self._reserved -= reserved
        if left:
            self._left.append((now, left))
            self._sum += left

    def take_over(self, other: "Limit") -> None:
        """Count all of another window here as well: both were one all along."""
        self._left = deque(sorted((*self._left, *other._left)))
        self._sum += other._sum
        self._reserved += other._reserved

    def _forget(self, now: float) -> None:
        while self._left and self._left[0][0] + WINDOW + _MARGIN <= now:
            self._sum -= self._left.popleft()[1]


@dataclass(slots=True)
class Pace:
    """All limits together: per host, per segment, whole agent, gap between connections, budget of a scan."""

    per_host: int
    whole: int
    gap: float
    budget: int
    per_segment: int = 0  # 0: as much as the whole agent
    payload: int = 32_768  # bytes to one host in a scan
    kept: int = 0  # packets of the budget that are left to the kernel; it asks nobody
    lost: int = 0  # packets that each address may have got in earlier parts of the scan and nobody wrote down
    lost_payload: int = 0  # bytes, likewise
    ahead: Ahead = field(default_factory=Ahead)
    _agent: Limit = field(init=False)
    _hosts: dict[str, Limit] = field(default_factory=dict)
    _segments: dict[str, Limit] = field(default_factory=dict)
    _stands: dict[str, str] = field(default_factory=dict)  # address → its segment
    _closed_at: dict[str, float] = field(default_factory=dict)
    _spent: dict[str, int] = field(default_factory=dict)
    _said: dict[str, int] = field(default_factory=dict)  # bytes of payload
    _device: dict[str, str] = field(default_factory=dict)  # address, or a device → what it is counted as
    _ways: set[str] = field(default_factory=set)  # devices through which we reach others
    _connected: Counter[str] = field(default_factory=Counter)  # open connections

    def __post_init__(self) -> None:
        self._agent = Limit(self.whole)

    def wait(self, host: str, packets: int, now: float, *, connecting: bool = False) -> float:
        """Seconds until an exchange of up to `packets` with `host` may begin; inf when the budget is spent."""
        segment = self._segment(host)
        host = self.device(host)
        if not self.affords(host, packets):
            return math.inf
        if self.ahead.holds(host, packets):
            return LOOK_AGAIN
        gap = self._gap(host, now) if connecting else 0.0
        limits = (self._host(host), segment, self._agent)
        return max(gap, 0.0, *(limit.wait(packets, now) for limit in limits))

    def _gap(self, host: str, now: float) -> float:
        """Seconds until the next connection may begin; while another one stands, look again soon."""
        if self._connected[host]:
            return LOOK_AGAIN
        return self._closed_at.get(host, -math.inf) + self.gap - now

    def reserve(self, host: str, packets: int, *, connecting: bool = False) -> None:
        """Hold room at every limit; a connection stands until it is settled as `connected`."""
        self._segment(host).reserve(packets)
        host = self.device(host)
        self._connected[host] += connecting
        self._host(host).reserve(packets)
        self._agent.reserve(packets)
        self._spend(host, packets)

    def settle(self, host: str, reserved: int, left: int, now: float, *, connected: bool = False) -> None:
        """Count what really left, when the exchange has ended."""
        self._segment(host).settle(reserved, left, now)
        host = self.device(host)
        self._host(host).settle(reserved, left, now)
        self._agent.settle(reserved, left, now)
        self._spend(host, left - reserved)
        if connected:
            self._closed_at[host] = now
            self._connected[host] = max(0, self._connected[host] - 1)

    def stand(self, host: str, segment: str) -> None:
        """Say on which segment this address stands, before anything is sent to it; the first word stays."""
        self._stands.setdefault(host, segment)

    def ask_from(self, host: str, segment: str) -> None:
        """Count what goes to this address on another segment from now on; nothing may be reserved for it."""
        self._stands[host] = segment

    def spend(self, host: str, packets: int, payload: int = 0) -> None:
        """Count what this host got in an earlier part of the same scan, or besides what was asked for, against its budget."""
        self._spend(self.device(host), packets, payload)

    def say(self, host: str, payload: int) -> bool:
        """Count bytes of payload that are about to leave for this host; False if they are too many for one scan."""
        if self.said(host) + payload > self.payload:
            return False
        self._spend(self.device(host), 0, payload)
        return True

    def _spend(self, device: str, packets: int, payload: int = 0) -> None:
        self._spent[device] = self._spent.get(device, self.lost) + packets
        if payload:
            self._said[device] = self._said.get(device, self.lost_payload) + payload
        self.ahead.count(device, packets, payload)

    def spent(self, host: str) -> int:
        """Packets that left for this host so far, reservations included."""
        return self._spent.get(self.device(host), self.lost)

    def said(self, host: str) -> int:
        """Bytes of payload that left for this host so far."""
        return self._said.get(self.device(host), self.lost_payload)

    def affords(self, host: str, packets: int) -> bool:
        """Whether the budget of this host has room for so many packets, beside what the kernel may still send."""
        kept = self.kept
        if self.device(host) in self._ways:
            kept = min(WAY_KEPT * kept, self.budget // 2)
        return self.spent(host) + packets <= self.budget - kept

    def leads_on(self, host: str) -> None:
        """Say that we reach others through this host: our kernel and it ask for each other as long as the scan lasts."""
        self._ways.add(self.device(host))

    def is_way(self, host: str) -> bool:
        """Whether we reach others through this host."""
        return self.device(host) in self._ways

    def begin_keeping(self, hosts: Iterable[str]) -> None:
        """Take what is counted now as what is being written down; of `hosts` with what exchanges under way hold."""
        whole = {self.device(host) for host in hosts}
        self.ahead.begin(lambda device: 0 if device in whole else self._host(device).reserved)

    def device(self, host: str) -> str:
        """Give what this address is counted as."""
        while (known := self._device.get(host)) is not None:
            host = known
        return host

    def join(self, host: str, device: str) -> None:
        """Count `host` as one more address of `device` from now on: they share every limit and the budget.

        What was counted and reserved before moves along. The first device that is told stays.
        """
        if host not in self._device and host != device:
            if self.device(device) not in self._spent:  # the name of a card got nothing by itself
                self._spent[device] = 0
                if self.lost_payload:
                    self._said[device] = 0
            self.unite(host, device)

    def unite(self, one: str, other: str) -> None:
        """Count these two, and whatever was joined to either, as one device from now on."""
        one, other = self.device(one), self.device(other)
        if one == other:
            return
        self._host(other).take_over(self._hosts.pop(one, Limit(self.per_host)))
        self._spent[other] = self.spent(other) + self._spent.pop(one, self.lost)
        if words := self.said(other) + self._said.pop(one, self.lost_payload):
            self._said[other] = words
        self.ahead.unite(one, other)
        self._connected[other] += self._connected.pop(one, 0)
        closed = self._closed_at.pop(one, -math.inf)
        self._closed_at[other] = max(closed, self._closed_at.get(other, -math.inf))
        self._device[one] = other
        if one in self._ways:
            self._ways.add(other)

    def _host(self, host: str) -> Limit:
        return self._hosts.setdefault(host, Limit(self.per_host))

    def _segment(self, host: str) -> Limit:
        """The window of the segment that this address stands on; an address of none has one with no limit of its own."""
        segment = self._stands.get(host, "")
        most = self.per_segment if segment and self.per_segment else self.whole
        return self._segments.setdefault(segment, Limit(most))


def kept_for_kernel(budget: int, *, seen: bool) -> int:
    """Packets of a host's budget to keep for the kernel; `seen`: the packet worker counts what it sends as it leaves."""
    return min(KERNEL_KEPT if seen else 2 * KERNEL_KEPT, budget // 4)


def at_once(hosts: int, packets: int) -> int:
    """How many hosts may be asked at a time under a limit of packets a second, of at most `hosts`."""
    return max(1, min(hosts, packets // PACKETS_OF_AN_EXCHANGE))
