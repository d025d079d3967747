# SPDX-License-Identifier: Apache-2.0
"""Work in which a Ctrl-C would be lost: it waits until that is done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def waiting() -> Iterator[None]:
    """Let a Ctrl-C wait for the end of the `with` block: in a finaliser, or where C calls Python, it would be lost.

    For the main thread only, which alone may say what a signal does.
    """
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)
