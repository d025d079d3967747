# SPDX-License-Identifier: Apache-2.0
"""An agent process made to be killed: puts observations, notes each acknowledgement, uploads.

`python -m tests.kill9_agent STATE URL RUN` goes on until it is killed; RUN -1 only empties the spool.
What a run puts follows from its number, so that the next run can put the same again, as a survey
does that was interrupted.
"""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.keys import load_identity
from agent.logbook import Logbook
from agent.settings import Collector
from agent.uplink import Uplink
from probes.facts import Observation, Outcome, Sent

START = datetime(2026, 4, 1, tzinfo=UTC)
PRODUCERS = 3


class HurriedClock(SystemClock):
    """Waits a hundredth of what it should, so that many uploads fall into a short life."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / 100)


def batch(run: int, producer: int, number: int) -> list[Observation | Sent]:
    """Some observations and a journal line; `reason` and `why` are serial numbers."""
    at = START + timedelta(seconds=run)
    names = [f"{run}-{producer}-{number}-{part}" for part in range(1 + number % 7)]
    seen = [
        Observation(
            scan="s", vantage="v", at=at, probe="p", outcome=Outcome.SILENT, reason=name, transcript=name * 20
        )
        for name in names
    ]
    return [*seen, Sent(scan="s", vantage="v", at=at, address="10.0.0.1", action="test", why=names[0])]


async def produce(book: Logbook, acknowledged: int, run: int, producer: int) -> None:
    again = [(run - 1, number) for number in range(4)] if run else []
    number = 0
    while True:
        which, one = again.pop() if again else (run, number)
        number += not again and which == run
        records = batch(which, producer, one)
        await book.put(records)
        os.write(acknowledged, "".join(f"{record.id}\n" for record in records).encode())
        os.fsync(acknowledged)


async def main(state: Path, url: str, run: int) -> None:
    identity = load_identity(state)
    assert identity is not None
    clock = HurriedClock()
    async with CollectorClient(Collector(url=url), clock) as client:
        with Logbook(state / "logbook") as book:
            uplink = Uplink(book, identity, client, clock)
            if run < 0:
                while (await book.position())[0]:
                    await clock.sleep(await uplink.step())
                return
            acknowledged = os.open(state / "acknowledged", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            print("ready", flush=True)
            producers = (produce(book, acknowledged, run, producer) for producer in range(PRODUCERS))
            await asyncio.gather(uplink.run(), *producers)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
