# SPDX-License-Identifier: Apache-2.0
"""A Ctrl-C while the collector starts is heeded, whatever the start is at."""

import os
import signal
import threading
import time

import pytest

from deploy import interrupts


@pytest.mark.parametrize("beside", [False, True])
def test_a_ctrl_c_waits_and_is_heeded(beside: bool) -> None:
    """Also where another thread takes the signal."""
    stop, done = threading.Event(), list[bool]()

    def work() -> None:
        with interrupts.waiting():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0)  # whoever is to be interrupted is interrupted now
            done.append(True)

    thread = threading.Thread(target=stop.wait)
    if beside:
        thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
    finally:
        stop.set()
    if beside:
        thread.join()
    assert done == [True]
    with interrupts.waiting():
        pass  # it came once


def test_what_ignores_a_ctrl_c_goes_on_ignoring_it() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.waiting():
            os.kill(os.getpid(), signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
