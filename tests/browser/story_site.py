# SPDX-License-Identifier: Apache-2.0
"""The two machines of the story: a real `daicho serve` that nobody has used yet, and the agent that reports to it."""

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from agent.clock import SystemClock
from agent.collector_client import CollectorClient
from agent.logbook import Logbook, Record
from agent.settings import Collector
from agent.uplink import Uplink, enrol
from deploy.bench.collector_process import answers, free_port
from probes.facts import Upload

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
WITHIN = 120.0  # seconds; a real process starts on a real clock


class StorySite:
    """`daicho serve` on an empty ledger and a free port of loopback, while its `with` block runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.said = folder / "console.txt"

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        ledger = str(self.folder / "daicho.sqlite")
        command = [sys.executable, "-m", "deploy", "serve", "--ledger", ledger, "--port", str(self.port)]
        environment = os.environ | {"XDG_STATE_HOME": str(self.folder / "state"), "PYTHONUNBUFFERED": "1"}
        with self.said.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        deadline = time.monotonic() + WITHIN
        while not answers(self.port):
            assert self._process.poll() is None, self.console
            assert time.monotonic() < deadline, self.console
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.wait(WITHIN)

    @property
    def console(self) -> str:
        """What it has printed so far."""
        return self.said.read_text(encoding="utf-8")

    @property
    def setup_link(self) -> str:
        """The first administrator's link, as the console shows it."""
        (found,) = re.findall(rf"^{re.escape(self.url)}/setup/\S+$", self.console, re.MULTILINE)
        return str(found)


class Agent(Protocol):
    """What looks at the hospital, once and again after a night."""

    watched: bool  # whether a look takes its time

    def looking(self) -> AbstractContextManager[None]:
        """Look while the block runs; at its end everything seen is with the collector."""


class RecordedAgent:
    """An agent with a key, logbook and uplink of its own; only its eyes are made up (`looks`, a night between two)."""

    watched = False

    def __init__(self, site: StorySite, code: str, looks: Sequence[Callable[[datetime], Upload]]) -> None:
        self._collector, self._state = Collector(url=site.url), site.folder / "agent"
        self._identity = _alone(enrol(self._collector, self._state, code))
        now = datetime.now(UTC)
        self._looks = zip(looks, (now - timedelta(days=1), now - timedelta(minutes=10)), strict=True)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """See Agent."""
        look, at = next(self._looks)
        assert _alone(self._send(look(at))) > 20
        yield

    async def _send(self, upload: Upload) -> int:
        clock = SystemClock()
        records: list[Record] = [*upload.vantages, *upload.scans, *upload.observations, *upload.sent]
        with Logbook(self._state / "logbook") as book:
            await book.put(records)
            async with CollectorClient(self._collector, clock) as client:
                return await Uplink(book, self._identity, client, clock).drain()


def _alone(work: Coroutine[Any, Any, T]) -> T:
    """Run it in a thread of its own: Playwright's loop lives in ours."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
