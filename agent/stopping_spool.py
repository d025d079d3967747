# SPDX-License-Identifier: Apache-2.0
"""The logbook as a scan of the long-running agent sees it: what cannot be written down any more ends the scan."""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from agent.logbook import Logbook, LogbookError
from agent.records import Record
from probes.facts import Plan, Scan


@dataclass(slots=True)
class StoppingSpool:
    """The logbook as a scan sees it: when nothing can be written down any more, the scan is ended."""

    logbook: Logbook
    stop: Callable[[], object] = lambda: None
    problem: LogbookError | None = None
    scan: str = ""  # id of the scan that writes here
    asked: bool = False  # a person asked at the collector that it stop
    plan: Callable[[Scan], Plan | None] = lambda _scan: None

    def heed(self, stops: Container[str]) -> None:
        """End the scan if it is one of those that shall stop."""
        if self.scan and not self.asked and self.scan in stops:
            self.asked = True
            self.stop()

    async def put(self, records: Sequence[Record]) -> None:
        """Make the records durable; raises LogbookError after telling the scan to end."""
        self.scan = self.scan or next((one.id for one in records if isinstance(one, Scan)), "")
        planned = [replace(one, plan=self.plan(one)) if isinstance(one, Scan) else one for one in records]
        try:
            await self.logbook.put(planned)
        except LogbookError as error:
            self.problem = error
            self.stop()
            raise


def of_the_logbook(fault: BaseException | None) -> LogbookError | None:
    """Give the logbook's error that ended a scan, also from within a group."""
    inner = fault.exceptions if isinstance(fault, BaseExceptionGroup) else ()
    found = (one for one in (fault, *map(of_the_logbook, inner)) if isinstance(one, LogbookError))
    return next(found, None)
