# SPDX-License-Identifier: Apache-2.0
"""A few sends under way at a time: on a busy machine the way to the packet worker and back takes longer than the pace."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Self


@dataclass(slots=True)
class UnderWay:
    """Async context manager: leaves when all that was begun has ended; the first error ends all and is raised."""

    most: int
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    async def begin(self, work: Coroutine[Any, Any, Any]) -> None:
        """Begin this; wait first while as many as may be are under way."""
        try:
            while len(self._tasks) >= self.most:
                await self._settle(asyncio.FIRST_COMPLETED)
        except BaseException:
            work.close()
            raise
        self._tasks.add(asyncio.create_task(work))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            while kind is None and self._tasks:
                await self._settle(asyncio.ALL_COMPLETED)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _settle(self, when: str) -> None:
        done, self._tasks = await asyncio.wait(self._tasks, return_when=when)
        for task in done:
            task.result()
