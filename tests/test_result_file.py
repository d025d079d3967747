# SPDX-License-Identifier: Apache-2.0
"""Files that a person asked for: whole or not at all, and nothing of a failed attempt stays."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.refusal import Refusal
from deploy.result_file import write_result


@pytest.fixture
def small_files() -> Iterator[None]:
    """Let this process write no file of more than 1000 bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_file_that_does_not_fit_leaves_the_old_one_alone(tmp_path: Path, small_files: None) -> None:
    path = tmp_path / "台帳.pdf"
    write_result(path, b"old")
    with pytest.raises(Refusal, match="Could not write"):
        write_result(path, b"x" * 5000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
