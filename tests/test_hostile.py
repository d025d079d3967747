# SPDX-License-Identifier: Apache-2.0
"""Every reader against hostile bytes: only Malformed escapes, in bounded time, and what is read is printable.

Seeds are all recordings of the probe; a new probe is covered as soon as it has one.
"""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from probes.all_probes import Probe, all_probes
from probes.contract import Line, Malformed, Transcript, parse_transcript
from probes.facts import MOST_VALUE, printable

FOLDER = Path(__file__).parent / "transcripts"
MUTATIONS = 150  # of each recording
LONGEST = 1.0  # seconds for one reading, many times what any takes

Chance = random.Random
Mutation = Callable[[Chance, bytes], bytes]


def _truncate(chance: Chance, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flip(chance: Chance, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4) if changed else 0):
        changed[chance.randrange(len(changed))] = chance.choice(
            (0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256))
        )
    return bytes(changed)


def _splice(chance: Chance, data: bytes) -> bytes:
    at, other = chance.randrange(len(data) + 1), chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(chance.randrange(9)) + data[other:]


def _repeat(chance: Chance, data: bytes) -> bytes:
    at = chance.randrange(len(data) + 1)
    part = data[at : at + chance.randint(1, 64)]
    return data[:at] + part * chance.randint(2, 300) + data[at:]


def _noise(chance: Chance, data: bytes) -> bytes:
    return chance.randbytes(chance.randrange(2 * len(data) + 40))


MUTATE: tuple[Mutation, ...] = (_truncate, _flip, _splice, _repeat, _noise)


def _mutated(chance: Chance, transcript: Transcript) -> Transcript:
    """Change one heard line or note, or lose, double or add one."""
    lines = list(transcript.lines) or [Line("<", b"")]
    spots = [i for i, line in enumerate(lines) if line.mark != ">"] or [0]
    at = chance.choice(spots)
    fate = chance.randrange(10)
    if fate == 0:
        del lines[at]
    elif fate == 1:
        lines.insert(at, lines[at])
    elif fate == 2:
        lines.append(Line("<", chance.randbytes(chance.randrange(200))))
    else:
        lines[at] = Line(lines[at].mark, chance.choice(MUTATE)(chance, lines[at].data))
    return Transcript(tuple(lines))


def _seeds(name: str) -> Iterator[Transcript]:
    for path in sorted((FOLDER / name).glob("*.txt")):
        yield parse_transcript(path.read_text(encoding="utf-8"))
    yield Transcript()


def _check(probe: Probe, transcript: Transcript) -> None:
    begun = time.process_time()
    try:
        facts = probe.read(transcript)
    except Malformed:
        facts = ()
    assert time.process_time() - begun < LONGEST, transcript.to_text()[:2000]
    for found in facts:
        assert found.value == printable(found.value), found
        assert len(found.value) <= MOST_VALUE
    if probe.claims is not None:
        assert probe.claims(transcript.heard) in (True, False)


@pytest.mark.parametrize("name", sorted(all_probes()))
def test_only_malformed_escapes(name: str) -> None:
    probe = all_probes()[name]
    chance = Chance(name)
    for seed in _seeds(name):
        _check(probe, seed)
        for _ in range(MUTATIONS):
            _check(probe, _mutated(chance, seed))


def test_mutations_change_something() -> None:
    """Guards the test itself: each mutation must be able to give other bytes."""
    data = bytes(range(64))
    for mutate in MUTATE:
        assert any(mutate(Chance(i), data) != data for i in range(20)), mutate.__name__
