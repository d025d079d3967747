# SPDX-License-Identifier: Apache-2.0
"""Real version strings of each maker: read or unknown, never in a wrong order."""

from pathlib import Path

import pytest

from collector.versions import parse
from deploy.bench import versions as bench


def test_every_fix_that_ships_is_decided_rightly() -> None:
    assert bench.fixes() == 0


@pytest.mark.skipif(
    not bench.DATA.is_file(), reason="the recorded material does not lie beside the repository"
)
def test_recorded_strings_are_never_in_a_wrong_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.real_strings(tmp_path) == 0
    assert "FortiOS: " in capsys.readouterr().out
    strings = list(bench.truths(tmp_path))
    assert len(strings) > 80
    unread = [(scheme, text) for scheme, text in strings if parse(scheme, text) is None]
    assert len(unread) < len(strings) * 0.15, unread
