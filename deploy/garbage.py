# SPDX-License-Identifier: Apache-2.0
"""How often a long-running process looks for garbage that hangs in circles."""

import gc

from deploy import interrupts

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 100


def collect_rarely() -> None:
    """Leave what the start made out of every later search, and search rarely.

    Deriving devices makes millions of values that never hang in circles; searching them took a fifth of the time.
    What is let go of otherwise goes at once, as ever. A Ctrl-C meanwhile waits.
    """
    with interrupts.waiting():
        gc.collect()
        gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
