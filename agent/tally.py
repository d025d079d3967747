# SPDX-License-Identifier: Apache-2.0
"""How far a scan has come, in all and in each network of its scope, told as it goes on."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from agent.clock import Clock
from agent.scope import Scope
from agent.time_left import Progress, SegmentProgress, TimeLeft

SEGMENTS_EVERY = 0.5  # seconds between two looks at each segment


@dataclass(slots=True)
class Tally:
    """Counts addresses by what was done with them. `found`: addresses that somebody has, as they become known."""

    scope: Scope
    clock: Clock
    tell: Callable[[Progress], None]
    found: Collection[str]
    packets: Callable[[], int]
    least: float = 0.0  # seconds that an address takes at the limits
    planned: int = 0
    swept: int = 0
    _left: TimeLeft = field(init=False)
    _lefts: dict[str, TimeLeft] = field(default_factory=dict)
    _of: dict[str, str] = field(default_factory=dict)  # address → its network of the scope
    _plan: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # stage → network
    _done: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    _last: tuple[SegmentProgress, ...] = ()
    _next: float = 0.0
    _stage: str = ""

    def __post_init__(self) -> None:
        """Begin with nothing done."""
        self._left = TimeLeft(self.least)

    def plan(self, stage: str, addresses: Iterable[str]) -> None:
        """Say which addresses a stage (find, ask) will deal with."""
        for address in addresses:
            self._plan[stage][self._network(address)] += 1

    def one_swept(self, address: str) -> None:
        """Take an address at which somebody was looked for."""
        self.were_swept((address,))

    def were_swept(self, addresses: Iterable[str]) -> None:
        """Take addresses that were dealt with."""
        for address in addresses:
            self._done["find"][self._network(address)] += 1
            self.swept += 1
        self.say("find", self.swept, self.planned)

    def asked(self, address: str) -> None:
        """Take a host that has had its part."""
        self._done["ask"][self._network(address)] += 1

    def say(self, stage: str, done: int, total: int) -> None:
        """Tell how far the scan is."""
        now = self.clock.steady()
        left = self._left.of(stage, done, total, now)
        if now >= self._next or stage != self._stage:
            self._stage, self._next = stage, now + SEGMENTS_EVERY
            self._last = tuple(self._segments(stage, now))
        self.tell(Progress(stage, done, total or done, len(self.found), self.packets(), left, self._last))

    def _segments(self, stage: str, now: float) -> Iterable[SegmentProgress]:
        """Each network, if there are several."""
        if len(self._plan["find"]) < 2:
            return
        found = Counter(self._network(address) for address in list(self.found))
        at = "ask" if stage == "done" else stage
        for network in self._plan["find"]:
            done, total = self._done[at][network], self._plan[at][network]
            left = self._lefts.setdefault(network, TimeLeft(self.least)).of(at, done, total, now)
            yield SegmentProgress(network, done, total, found[network], left)

    def _network(self, address: str) -> str:
        if address not in self._of:
            self._of[address] = self.scope.network_of(address)
        return self._of[address]
