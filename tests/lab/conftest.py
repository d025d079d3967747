# SPDX-License-Identifier: Apache-2.0
"""A running virtual hospital for every test that wants one, apart from any lab the user may have up."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.lab import lab as labs
from deploy.lab import rootfs


def _reason_to_skip() -> str | None:
    if os.geteuid() != 0:
        return "管理者権限がありません / the virtual hospital needs root"
    missing = [tool for tool in ("ip", "unshare", "nsenter", "tcpdump") if shutil.which(tool) is None]
    if missing:
        return f"ありません / missing: {', '.join(missing)}"
    if rootfs.existing() is None and shutil.which("debootstrap") is None:
        return "debootstrap がありません / debootstrap is missing"
    return None


@pytest.fixture(scope="session")
def lab_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Put the state of labs made by tests into a folder of its own."""
    folder = tmp_path_factory.mktemp("lab-state")
    before = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    yield folder
    if before is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = before


@pytest.fixture(scope="session")
def lab_machine(lab_state: Path) -> Path:
    """Skip unless this machine can run labs; build the root file system outside the tests' own clocks."""
    if reason := _reason_to_skip():
        pytest.skip(reason)
    rootfs.build(print)
    return lab_state


@pytest.fixture(scope="session")
def lab(lab_machine: Path) -> Iterator[labs.Lab]:
    """The hospital layout, up for the whole session; it ends with this process whatever happens."""
    del lab_machine
    found = labs.up("hospital", die_with=os.getpid())
    yield found
    labs.down()
