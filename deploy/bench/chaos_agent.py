# SPDX-License-Identifier: Apache-2.0
"""An agent that is there to be killed: the real logbook and uplink, and made-up observations.

`python -m deploy.bench.chaos_agent STATE URL RUN` goes on until it is killed; RUN -1 only empties the spool.
`reason` of an observation is its serial number: none is ever made twice.
"""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.keys import load_identity
from agent.logbook import Logbook
from agent.settings import Collector
from agent.uplink import Uplink
from probes.facts import Fact, FactKind, Observation, Outcome, Sent

PAUSE = 0.02  # seconds between two puts


class HurriedClock(SystemClock):
    """Waits a twentieth of what it should, so that many uploads fall into a short life."""

    async def sleep(self, seconds: float) -> None:
        """Wait a little."""
        await asyncio.sleep(seconds / 20)


def made(agent: str, run: int, number: int) -> list[Observation | Sent]:
    """Some observations and a line of the journal."""
    at, serials = datetime.now(UTC), [f"{agent}-{run}-{number}-{part}" for part in range(1 + number % 5)]
    seen: list[Observation | Sent] = []
    for part, serial in enumerate(serials):
        host = (number * 5 + part) % 200 + 1
        ip, mac = f"10.7.0.{host}", f"00:1b:21:{int(agent[:2], 16):02x}:00:{host:02x}"
        facts = (Fact(FactKind.MAC, mac), Fact(FactKind.ADDRESS, ip))
        one = Observation(
            scan="s",
            vantage="v",
            at=at,
            probe="packets.arp",
            address=ip,
            mac=mac,
            network="10.7.0.0/24",
            transport="arp",
            outcome=Outcome.ANSWERED,
            reason=serial,
            facts=facts,
            transcript=serial * 9,
        )
        seen.append(one)
    line = Sent(scan="s", vantage="v", at=at, address="10.7.0.1", action="arp request", why=serials[0])
    return [*seen, line]


async def _produce(book: Logbook, agent: str, run: int) -> None:
    number = 0
    while True:
        await book.put(made(agent, run, number))
        number += 1
        await asyncio.sleep(PAUSE)


async def main(state: Path, url: str, run: int) -> None:
    """Live until killed, or until the spool is empty."""
    identity = load_identity(state)
    assert identity is not None
    clock = HurriedClock()
    async with CollectorClient(Collector(url=url), clock) as client:
        with Logbook(state / "logbook") as book:
            uplink = Uplink(book, identity, client, clock)
            if run >= 0:
                print("ready", flush=True)
                await asyncio.gather(uplink.run(), _produce(book, identity.agent, run))
            while (await book.position())[0]:
                await clock.sleep(await uplink.step())


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
