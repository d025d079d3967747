# SPDX-License-Identifier: Apache-2.0
"""Deriving devices without searches for garbage in between: what it makes does not hang in circles, and there is much of it."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Search for no garbage that hangs in circles while the block runs; what is let go of otherwise goes at once."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
