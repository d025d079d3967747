# SPDX-License-Identifier: Apache-2.0
"""Every recording is played: the probe says exactly what it holds and reads exactly its facts."""

import contextlib
from pathlib import Path

import pytest

from probes.all_probes import all_probes
from probes.contract import Malformed, Touch, WireError, fact_line, parse_recording
from tests.replay import Player

FOLDER = Path(__file__).parent / "transcripts"
RECORDINGS = sorted(FOLDER.glob("*/*.txt"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: f"{p.parent.name}/{p.stem}")
async def test_recording_plays_and_reads(path: Path) -> None:
    probe = all_probes()[path.parent.name]
    recording = parse_recording(_text(path))
    transcript = recording.transcript
    if probe.touch is Touch.LISTEN:
        assert probe.claims is not None
        assert probe.claims(transcript.heard) or recording.malformed
    else:
        assert probe.ask is not None
        player = Player(recording)
        port = _port(recording.transcript.lines[0].data)
        with contextlib.suppress(WireError):  # how it ended is in the recording itself
            await probe.ask(player, port)
        player.finish()
        transcript = player.transcript
    if recording.malformed:
        with pytest.raises(Malformed):
            probe.read(transcript)
    else:
        assert [fact_line(fact) for fact in probe.read(transcript)] == list(recording.facts)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _port(line: bytes) -> int:
    return int(line.split()[2])


def test_every_probe_has_a_recording() -> None:
    recorded = {path.parent.name for path in RECORDINGS}
    assert set(all_probes()) == recorded, "each probe needs tests/transcripts/<name>/*.txt, and only probes"
