# SPDX-License-Identifier: Apache-2.0
"""How far a scan has come, and how long it still needs, as far as its speed until now tells. Pure."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a scan has come. `left`: seconds that this stage still takes, None where nobody can tell yet."""

    stage: str  # listen, find, ask, done
    done: int
    total: int
    found: int
    packets: int
    left: float | None = None
    segments: tuple["SegmentProgress", ...] = ()  # each network of the scope, if there are several


@dataclass(frozen=True, slots=True)
class SegmentProgress:
    """How far the stage is in one network of the scope."""

    network: str
    done: int
    total: int
    found: int
    left: float | None = None


@dataclass(slots=True)
class TimeLeft:
    """Remembers when each stage began, and with how much done already (what a resumed scan had before)."""

    least: float = 0.0  # seconds that an address takes at the limits, for a stage that has no speed yet
    _begun: dict[str, tuple[float, int]] = field(default_factory=dict)

    def of(self, stage: str, done: int, total: int, now: float) -> float | None:
        """Give the seconds left at the mean speed of this stage; `now` in seconds of a steady clock."""
        at, before = self._begun.setdefault(stage, (now, done))
        if done >= total:
            return 0.0 if total else None
        if done <= before:
            return (total - done) * self.least or None if stage == "find" else None
        return (now - at) / (done - before) * (total - done)
