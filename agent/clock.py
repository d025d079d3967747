# SPDX-License-Identifier: Apache-2.0
"""Time, as the agent asks for it, so that tests can hand it a clock of their own."""

import asyncio
import time
from datetime import datetime
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
    """The machine's own time."""

    def steady(self) -> float:
        """Seconds of the monotonic clock."""
        return time.monotonic()

    def now(self) -> datetime:
        """Local date and time with offset."""
        return datetime.now().astimezone()

    async def sleep(self, seconds: float) -> None:
        """Wait on the event loop."""
        await asyncio.sleep(seconds)
