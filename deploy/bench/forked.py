# SPDX-License-Identifier: Apache-2.0
"""Processes for benches that kill many: forked from one that has imported everything, so that a start costs little.

A process is as real as one started from nothing: its own id, descriptors, threads and memory, and SIGKILL ends it.
"""

import os
import runpy
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess

LOADED = (
    "deploy.commands.serve",
    "deploy.bench.chaos_agent",
    "deploy.bench.forked",
    "uvicorn.protocols.http.h11_impl",
)


class Forked:
    """`python -m MODULE ARGUMENTS…` with these variables besides; what it prints goes nowhere."""

    def __init__(self, module: str, arguments: Sequence[str], more: Mapping[str, str]) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(list(LOADED))
        self._process = ForkServerProcess(target=_become, args=(module, list(arguments), dict(more)))
        self._process.start()

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Give the exit code; None while it runs."""
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        """Send it a signal; nothing if it has ended."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    def wait(self, seconds: float | None = None) -> int:
        """Come back when it has ended. Raises TimeoutError."""
        self._process.join(seconds)
        code = self._process.exitcode
        if code is None:
            raise TimeoutError(f"process {self.pid} did not end within {seconds} s")
        return code


def _become(module: str, arguments: list[str], more: dict[str, str]) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.update(more)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
