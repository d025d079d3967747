# SPDX-License-Identifier: Apache-2.0
"""What left for each device and is not on the disk yet. A scan may be ahead of its notebook by little. Pure.

So whoever goes on with a scan that was killed knows how much may be missing there, and counts it for every host.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

MOST_PACKETS = 16  # to one host, or an eighth of its budget; and never more than may leave in a second
MOST_PAYLOAD = 1024  # bytes to one host, after which the next words wait until they are on the disk
LOST_PAYLOAD = (
    4096  # bytes that a kill forgets at the most: those, and one message (none of ours is longer than 3 KB)
)


@dataclass(slots=True)
class Ahead:
    """Counts by device; `most` packets, 0 where nothing is kept and so nothing need wait."""

    most: int = 0
    called: bool = False  # somebody waits for what is written down next
    _packets: Counter[str] = field(default_factory=Counter)
    _payload: Counter[str] = field(default_factory=Counter)
    _going_down: Counter[str] = field(default_factory=Counter)  # packets that are being written
    _words_going_down: Counter[str] = field(default_factory=Counter)

    def holds(self, device: str, packets: int) -> bool:
        """Whether so many packets more must wait until what left before is on the disk."""
        if not self.most:
            return False
        there = self._packets[device] + self._going_down[device]
        words = self._payload[device] + self._words_going_down[device]
        full = there + packets > self.most or words >= MOST_PAYLOAD
        self.called |= full
        return full

    def count(self, device: str, packets: int, payload: int = 0) -> None:
        """Take what is about to leave, or (negative) what was counted and did not."""
        if self.most:
            self._packets[device] += packets
            self._payload[device] += payload

    def unite(self, one: str, other: str) -> None:
        """Count all of the one as the other's."""
        for counts in (self._packets, self._payload, self._going_down, self._words_going_down):
            counts[other] += counts.pop(one, 0)

    def begin(self, unsaid: Callable[[str], int]) -> None:
        """Take all so far as what is being written now; `unsaid`: how much of a device's is not in what is written."""
        self.called = False
        new, self._packets = self._packets, Counter()
        for device, packets in new.items():
            if stays := max(0, min(packets, unsaid(device))):
                self._packets[device] = stays
            self._going_down[device] += packets - stays
        self._words_going_down += self._payload
        self._payload.clear()

    def end(self) -> None:
        """All that was being written is on the disk."""
        self._going_down.clear()
        self._words_going_down.clear()


def most_ahead(a_second: int, budget: int) -> int:
    """Packets to one host that may leave before they are on the disk; as a rule what the pace lets leave in a second."""
    return min(a_second, max(MOST_PACKETS, budget // 8))
