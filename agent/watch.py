# SPDX-License-Identifier: Apache-2.0
"""Watches how hosts answer while we ask them, and says when to stop. Pure.

A host that answered and then falls silent, or whose answers take five times as long as at first, gets
nothing more in this scan; three such devices stop their whole segment. Silence alone proves nothing (a
packet filter is silent too): after some of it the place that answered last is asked once more.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

GROWTH = 5.0  # times the answer time at first
SLOW_LEAST = 0.1  # seconds; a handshake faster than this is nobody's trouble, however much it grew
BASELINE, SLOW_IN_ROW = 3, 2  # answers that make the first time; slow ones in a row that make a trouble
FIRST_CHECK, NEXT_CHECK = (
    2,
    5,
)  # silences in a row before the first check of a host, and before each further one
MOST_TROUBLED = 3  # devices of one segment
STOPPED = (
    "stopped_answering: 調べている間に答えなくなったので、この機器への送信を止めました"
    " / it stopped answering while we asked; nothing more is sent to it"
)
SLOWED = (
    "answers_slowly: 答えるまでの時間が調べ始めの5倍を超えたので、この機器への送信を止めました"
    " / it takes more than five times as long to answer as at first; nothing more is sent to it"
)
TOGETHER = (
    "stopped_together: 同じ機器とみられる別のアドレスが答えなくなったか遅くなったので、この機器への送信も止めました"
    " / an address that seems to be of the same device stopped answering or became slow; nothing more is sent to this one either"
)
SEGMENT = (
    "segment_stopped: この網で3台が答えなくなったか遅くなったので、網全体への送信を止めました"
    " / three devices of this network stopped answering or became slow; nothing more is sent there"
)


@dataclass(slots=True)
class HostWatch:
    """How one host answers in one scan; a handshake, a refusal and an answer to a question are answers."""

    doors: dict[int, bool] = field(default_factory=dict)  # TCP port that answered → it was open
    silences: int = 0  # in a row
    checks: int = 0  # since the last answer
    trouble: str = ""
    _first: list[float] = field(default_factory=list)
    _slow: int = 0

    def answered(self, port: int = 0, *, is_open: bool = False, seconds: float | None = None) -> None:
        """Take an answer; `port` of a TCP handshake or refusal, `seconds` that the handshake took."""
        self.silences = self.checks = 0
        if port:
            self.doors.pop(port, None)
            self.doors[port] = is_open
        if seconds is not None:
            self._time(seconds)

    def silent(self) -> None:
        """Take a question that got no answer at all."""
        self.silences += 1

    @property
    def check_port(self) -> int:
        """The port to ask once more before anything else is asked; 0 where there is no need, or no such port.

        A closed port is preferred: it answers by one packet and nothing behind it takes notice.
        """
        if self.trouble or self.silences < FIRST_CHECK + NEXT_CHECK * self.checks:
            return 0
        closed = [port for port, is_open in self.doors.items() if not is_open]
        return next(reversed(closed or list(self.doors)), 0)

    def checked(self, answered: bool) -> None:
        """Take what a check brought: whoever is silent now where it answered before is in trouble."""
        self.checks += 1
        if not answered:
            self.trouble = self.trouble or STOPPED

    def _time(self, seconds: float) -> None:
        if len(self._first) < BASELINE:
            self._first.append(seconds)
            return
        slow = seconds >= max(SLOW_LEAST, GROWTH * median(self._first))
        self._slow = self._slow + 1 if slow else 0
        if self._slow >= SLOW_IN_ROW:
            self.trouble = self.trouble or SLOWED


@dataclass(slots=True)
class Brakes:
    """Which segments get nothing more in this scan, because devices on them are in trouble."""

    troubled: dict[str, dict[str, str]] = field(default_factory=dict)  # segment → device → an address of it
    gone: dict[str, str] = field(
        default_factory=dict
    )  # what the pace counts as a host → why it gets nothing more

    def trouble(self, segment: str, device: str, address: str) -> None:
        """Take a device that stopped answering or became slow; `device` is its MAC where one is known."""
        self.troubled.setdefault(segment, {})[device] = address

    def let_go(self, counted: str, why: str) -> None:
        """Send nothing more to a host, at whatever other address it has."""
        self.gone.setdefault(counted, why)

    def lets_go(self, counted: str, device: Callable[[str], str]) -> str:
        """Give the reason why this host gets nothing more; `device` says which are one. "" if it may."""
        same = device(counted)
        if counted in self.gone:
            return self.gone[counted]
        return TOGETHER if any(device(one) == same for one in self.gone) else ""

    def refuses(self, segment: str) -> str:
        """Give the reason why this segment gets nothing more; "" if it may."""
        return SEGMENT if len(self.troubled.get(segment, ())) >= MOST_TROUBLED else ""

    def notes(self) -> list[str]:
        """Say for people which segments were stopped, and because of which devices."""
        return [
            f"{segment}: {', '.join(sorted(devices.values())[:10])} が答えなくなったか遅くなったため、この網の調べを止めました"
            f"。機器を確かめてください / stopped answering or became slow, so the scan of this network was stopped; look at them"
            for segment, devices in self.troubled.items()
            if len(devices) >= MOST_TROUBLED
        ]
