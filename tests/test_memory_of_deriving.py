# SPDX-License-Identifier: Apache-2.0
"""Deriving takes memory for what is taken up at once and what is kept, not for all that devices ever said."""

import functools
import random
import tracemalloc
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Engine

from inventory_db import arriving, digested, ledger, observations, refreshing, sharing, tables, traits
from inventory_db.sharing import SharingDecoder
from probes.facts import Observation, Upload, encode
from tests.inventory_cases import VANTAGES, arp, seen
from tests.inventory_engines import ledger_engine
from tests.test_refresh import assert_as_from_nothing, of_its_own
from tests.test_said_again import history, seeds

__all__ = ["ledger_engine"]
HOSTS = 10


def serials(times: int) -> Iterable[Observation]:
    """What ten hosts say, each time with another number and time of day that stand for nothing."""
    for minute in range(times):
        for host in range(HOSTS):
            ip, mac = f"10.1.0.{host + 5}", f"b8:2a:72:00:00:{host:02x}"
            yield arp(ip, mac, minute=minute, reason=f"{host}-{minute}")
            hello = f"220 mail ESMTP Postfix; {minute}"
            yield seen(ip, minute=minute, probe="smtp", port=25, SERVICE="smtp", SMTP_BANNER=hello)


def peak_of_deriving(engine: Engine) -> int:
    """Give the bytes that deriving took at most."""
    with tables.writing(engine) as connection:
        tracemalloc.start()
        try:
            ledger.refresh(connection)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("known", [False, True], ids=["from nothing", "what came since"])
def test_a_device_that_says_more_takes_no_more(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(arriving, "AT_ONCE", 500)
    # what is remembered is bounded, far beyond what is told here
    monkeypatch.setattr(sharing, "_MOST", 200)
    monkeypatch.setattr(traits, "_passing", functools.lru_cache(maxsize=64)(traits._passing.__wrapped__))
    peaks = []
    for times in (10, 200, 800):  # the first only warms what is remembered
        engine = of_its_own(ledger_engine)
        with tables.writing(engine) as connection:
            if known:
                observations.append(connection, Upload(observations=tuple(serials(1)), vantages=VANTAGES))
                ledger.refresh(connection)
            observations.append(connection, Upload(observations=tuple(serials(times)), vantages=VANTAGES))
        peaks.append(peak_of_deriving(engine))
    assert peaks[2] < 1.5 * peaks[1], peaks


@pytest.mark.parametrize("known", [False, True], ids=["from nothing", "what came since"])
def test_large_bodies_are_taken_up_few_at_a_time(
    ledger_engine: Engine, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    """300 answers of 100 KB, which say the same but for their page."""
    monkeypatch.setattr(arriving, "AT_ONCE_BYTES", 1_000_000)
    for module in (observations, digested):
        monkeypatch.setattr(module, "AT_A_TIME", 5)
    with tables.writing(ledger_engine) as connection:
        for minute in range(300):
            one = seen("10.1.0.5", minute=minute, probe="http", port=80, HTTP_BODY=["x" * 4000] * 25)
            observations.append(connection, Upload(observations=(one,), vantages=VANTAGES))
            if known and minute == 0:
                ledger.refresh(connection)
    assert peak_of_deriving(ledger_engine) < 10_000_000


def test_observations_are_let_go_of_before_devices_are_written(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        for times, known in ((1, False), (3, True)):
            observations.append(connection, Upload(observations=tuple(serials(times)), vantages=VANTAGES))
            coming = refreshing.find(connection)
            assert coming is not None
            assert len(coming.now) == HOSTS
            taken, held = coming.taken, coming.taken.held
            assert (held is not None) is known
            assert (taken.digest.kept, taken.digest.follows) == ((), {})
            assert not taken.digest.land.sightings
            assert held is None or not held.digest.kept
            refreshing.write(connection, coming)
        assert_as_from_nothing(connection)


def test_what_many_say_stands_in_memory_once(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [seen("10.1.0.5", minute=n, NAME="PC1", HTTP_TITLE=str(n), HTTP_BODY="x" * 300) for n in range(2)]
    bodies = [encode(observations.as_stored(one)) for one in told]
    decoder = SharingDecoder(observations.Stored)
    one, other = map(decoder.decode, bodies)
    assert [one, other] == [msgspec.json.decode(body, type=observations.Stored) for body in bodies]
    assert one.network is other.network
    assert one.facts[0] is other.facts[0]
    assert one.facts[1] != other.facts[1]
    monkeypatch.setattr(sharing, "_MOST", 50)
    for n in range(300):  # texts that come once do not stay for ever
        decoder.decode(encode(observations.as_stored(seen("10.1.0.5", reason=str(n)))))
    assert len(decoder._known) < 70


@given(seeds)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_how_much_is_taken_up_at_once_never_matters(ledger_engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch, tables.writing(of_its_own(ledger_engine)) as connection:
        patch.setattr(arriving, "AT_ONCE", chance.choice((1, 7, 30)))
        for _, night in history(chance):
            observations.append(connection, Upload(observations=tuple(night), vantages=VANTAGES))
            if chance.random() < 0.4:
                ledger.refresh(connection)
        ledger.refresh(connection)
        patch.undo()
        assert_as_from_nothing(connection)
