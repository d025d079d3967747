# SPDX-License-Identifier: Apache-2.0
"""Time, as the agent asks for it, so that tests can hand it a clock of their own."""

import asyncio
import time
from datetime import datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """A steady clock to measure with, a wall clock to write down, and a way to wait."""

    def steady(self) -> float:
        """Seconds that never jump."""

    def now(self) -> datetime:
        """Date and time with offset."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own time, read in its own time zone or in that of the site."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone

    def steady(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def now(self) -> datetime:
        """Date and time with offset, in the zone of this clock."""
        return datetime.now(self._zone).astimezone(self._zone)

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)
