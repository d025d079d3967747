# SPDX-License-Identifier: Apache-2.0
"""Some kills of deploy.bench.chaos: real collectors, agents, a database and a bad network, killed at random moments.

The seed is printed; DAICHO_TEST_SEED repeats a run's choices.
"""

import os
import random
from pathlib import Path

import pytest

from deploy.bench.chaos import Chaos, run
from deploy.bench.chaos_check import Verdict
from deploy.bench.chaos_relay import read_message
from deploy.lab.postgres import restarting

KILLS = 33


def chance() -> random.Random:
    seed = int(os.environ.get("DAICHO_TEST_SEED", random.SystemRandom().getrandbits(32)))
    print(f"DAICHO_TEST_SEED={seed}")
    return random.Random(seed)


def judge(chaos: Chaos, kills: int) -> None:
    verdict = run(chaos, kills, print)
    print(verdict, dict(chaos.did))
    assert verdict.good, verdict
    assert verdict.acknowledged > 5 * kills, "the agents hardly did anything: this run proves nothing"
    assert chaos.did["collector killed"] > 3, chaos.did
    assert chaos.did["agent killed"] > 3, chaos.did


@pytest.mark.timeout(600)
def test_nothing_is_lost_doubled_or_half_applied(tmp_path: Path) -> None:
    judge(Chaos(tmp_path, str(tmp_path / "ledger.sqlite"), 1, 2, chance()), KILLS)


@pytest.mark.lab
@pytest.mark.timeout(900)
def test_nothing_is_lost_when_the_database_is_killed_too(tmp_path: Path) -> None:
    with restarting() as database:
        chaos = Chaos(tmp_path, database.url, 2, 3, chance(), database)
        judge(chaos, KILLS)
        assert chaos.did["database killed"] > 0


def test_the_checker_sees_what_is_wrong() -> None:
    fine = Verdict(10, 10, 0, 0, 0, 0, 0)
    assert fine.good
    for number in range(2, 7):
        values = [10, 10, *(int(place == number) for place in range(2, 7))]
        assert not Verdict(*values).good


def test_the_relay_reads_whole_messages_only() -> None:
    class Pieces:
        def __init__(self, *parts: bytes) -> None:
            self.parts = list(parts)

        def recv(self, _most: int) -> bytes:
            return self.parts.pop(0) if self.parts else b""

    head = b"POST / HTTP/1.1\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\n"
    whole = read_message(Pieces(head[:20], head[20:] + b"ab", b"cde"))  # type: ignore[arg-type]
    assert whole == b"POST / HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde"
    assert read_message(Pieces(head, b"ab")) is None  # type: ignore[arg-type]
