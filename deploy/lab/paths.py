# SPDX-License-Identifier: Apache-2.0
"""Where the virtual hospital keeps its root file system and its state on this machine."""

import os
from pathlib import Path

__all__ = ["cache_folder", "layout_file", "state_folder"]

_HERE = Path(__file__).resolve().parent


def cache_folder() -> Path:
    """Return the folder that survives reboots: root file systems and nothing else."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "daicho" / "lab"


def state_folder() -> Path:
    """Return the folder for what is true only while a lab runs: state, lock, log, mount point."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "daicho" / "lab"
    return cache_folder() / "run"


def layout_file(name: str | Path) -> Path:
    """Return the file of a layout: a bare name means one of ours, anything else is a path."""
    own = _HERE / "layouts" / f"{name}.yaml"
    return own if own.is_file() else Path(name)
