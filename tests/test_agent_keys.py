# SPDX-License-Identifier: Apache-2.0
"""An agent's key is replaced: both keys sign, a lost answer or a crash at any point costs nothing."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.collector_client import CollectorAbsent, CollectorClient, CollectorRefused
from agent.keys import Identity, key_proof, load_identity, make_new_key, public_key, stamp, waiting_key
from agent.logbook import Logbook
from agent.settings import Collector
from agent.uplink import KEY_EVERY, Uplink, enrol
from probes.facts import encode
from tests.live_collector import LiveCollector
from tests.test_uplink import TestClock, seen

ROOT = Path(__file__).parent.parent


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def collector(tmp_path: Path, clock: TestClock) -> Iterator[LiveCollector]:
    with LiveCollector(tmp_path / "ledger.sqlite", clock.now) as live:
        yield live


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def identity(collector: LiveCollector, state: Path, clock: TestClock) -> Identity:
    return await enrol(Collector(url=collector.url), state, collector.code(), clock)


def known_key(collector: LiveCollector) -> bytes:
    return collector.agents()[0].public_key


class Half(CollectorClient):
    """A line that breaks after so many requests: before they arrive, or only their answers."""

    def __init__(self, url: str, clock: TestClock, arrives: bool) -> None:
        super().__init__(Collector(url=url), clock)
        self._arrives = arrives

    async def post(self, *arguments: Any, **more: Any) -> dict[str, Any]:
        if self._arrives:
            await super().post(*arguments, **more)
        raise CollectorAbsent("切れました", "The line broke")


async def test_the_new_key_takes_over(
    collector: LiveCollector, identity: Identity, state: Path, clock: TestClock
) -> None:
    with Logbook(state / "logbook") as book:
        async with CollectorClient(Collector(url=collector.url), clock) as client:
            uplink = Uplink(book, identity, client, clock, state_folder=state)
            assert not await uplink.settle_key()
            new = make_new_key(state)
            assert (state / "agent.key.new").stat().st_mode & 0o777 == 0o600
            await book.put([seen(1)])
            assert await uplink.drain() == 1
            assert known_key(collector) == new.public_key().public_bytes_raw()
            assert waiting_key(state) is None
            again = load_identity(state)
            assert again is not None
            assert public_key(again.key) == public_key(new)
            assert (again.agent, again.url) == (identity.agent, identity.url)
            await book.put([seen(2)])
            assert await uplink.drain() == 1, "and is used at once"
            old = Uplink(book, identity, client, clock)
            await book.put([seen(3)])
            with pytest.raises(CollectorRefused) as error:
                await old.drain()
            assert error.value.status == 401


@pytest.mark.parametrize("arrives", [False, True])
async def test_a_lost_request_or_answer_is_made_good(
    collector: LiveCollector, identity: Identity, state: Path, clock: TestClock, arrives: bool
) -> None:
    before = known_key(collector)
    with Logbook(state / "logbook") as book:
        await book.put([seen(1)])
        new = make_new_key(state)
        async with Half(collector.url, clock, arrives) as broken:
            with pytest.raises(CollectorAbsent):
                await Uplink(book, identity, broken, clock, state_folder=state).drain()
        assert (known_key(collector) != before) == arrives
        assert waiting_key(state) is not None
        async with CollectorClient(Collector(url=collector.url), clock) as client:
            restarted = load_identity(state)
            assert restarted is not None
            assert public_key(restarted.key) == public_key(identity.key), "the old key, until it is sure"
            assert await Uplink(book, restarted, client, clock, state_folder=state).drain() == 1
    assert known_key(collector) == new.public_key().public_bytes_raw()
    assert waiting_key(state) is None


def request(
    identity: Identity, clock: TestClock, sequence: int, new: Ed25519PrivateKey, **change: Any
) -> tuple[dict[str, str], bytes]:
    path = f"/api/v1/agents/{identity.agent}/key"
    prover = change.get("prover", new)
    proof = key_proof(
        prover, path, clock.now(), change.get("proof_sequence", sequence), public_key(identity.key)
    )
    body = encode({"public_key": public_key(new), "proof": proof, **change.get("body", {})})
    signer = change.get("signer", identity.key)
    headers = stamp(signer, path, clock.now(), sequence, body)
    return headers | {"Content-Type": "application/octet-stream"}, body


def send(collector: LiveCollector, identity: Identity, made: tuple[dict[str, str], bytes]) -> httpx2.Response:
    url = f"{collector.url}/api/v1/agents/{identity.agent}/key"
    return httpx2.post(url, headers=made[0], content=made[1], trust_env=False)


async def test_who_may_not_change_a_key(
    collector: LiveCollector, identity: Identity, clock: TestClock, tmp_path: Path
) -> None:
    new, stranger = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    other = await enrol(Collector(url=collector.url), tmp_path / "other", collector.code(), clock)
    before = {agent.id: agent.public_key for agent in collector.agents()}
    refused: dict[str, tuple[dict[str, Any], int]] = {
        "signed by a stranger": ({"signer": stranger}, 401),
        "signed by the new key": ({"signer": new}, 401),
        "signed by another agent": ({"signer": other.key}, 401),
        "the new key not held": ({"prover": stranger}, 422),
        "a proof of another request": ({"proof_sequence": 9}, 422),
        "no key": ({"body": {"public_key": "AAAA"}}, 422),
        "no base64": ({"body": {"public_key": "é"}}, 422),
        "more than we know": ({"body": {"more": 1}}, 422),
    }
    for what, (change, status) in refused.items():
        assert send(collector, identity, request(identity, clock, 5, new, **change)).status_code == status, (
            what
        )
    assert send(collector, identity, request(identity, clock, 5, other.key)).status_code == 409
    nobody = Identity("0" * 16, identity.key)
    assert send(collector, nobody, request(nobody, clock, 5, new)).status_code == 401
    assert {agent.id: agent.public_key for agent in collector.agents()} == before
    made = request(identity, clock, 5, new)
    assert send(collector, identity, made).json() == {"agent": identity.agent, "sequence": 5}
    assert send(collector, identity, made).status_code == 401, "replayed: the old key is unknown now"
    same = Identity(identity.agent, new)
    assert send(collector, same, request(same, clock, 5, new)).status_code == 409, "the sequence was used"
    collector.revoke(identity.agent)
    assert send(collector, same, request(same, clock, 6, stranger)).status_code == 403


async def test_a_refused_key_does_not_hold_up_records(
    identity: Identity, state: Path, clock: TestClock, collector: LiveCollector
) -> None:
    class Old(CollectorClient):
        """A collector from before keys could be changed."""

        asked = 0

        async def post(self, path: str, *arguments: Any, **more: Any) -> dict[str, Any]:
            if path.endswith("/key"):
                self.asked += 1
                raise CollectorRefused(404, {})
            return await super().post(path, *arguments, **more)

    with Logbook(state / "logbook") as book:
        async with Old(Collector(url=collector.url), clock) as client:
            uplink = Uplink(book, identity, client, clock, state_folder=state)
            make_new_key(state)
            await book.put([seen(1)])
            assert await uplink.drain() == 1
            await uplink.drain()
            assert client.asked == 1
            assert uplink.key_problem is not None
            clock.time = clock.time.__class__.fromtimestamp(
                clock.time.timestamp() + KEY_EVERY, clock.time.tzinfo
            )
            await uplink.drain()
            assert client.asked == 2


def test_the_command(tmp_path: Path) -> None:
    with LiveCollector(tmp_path / "ledger.sqlite") as live:
        config = tmp_path / "agent.toml"
        config.write_text(
            f'state_folder = "{tmp_path / "state"}"\n[scope]\nnetworks = ["127.0.0.2/32"]\n'
            f'[collector]\nurl = "{live.url}"\n'
        )

        def daicho(*more: str) -> "subprocess.CompletedProcess[str]":
            arguments = [sys.executable, "-m", "deploy", "agent", "--config", str(config), *more]
            return subprocess.run(
                arguments, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
            )

        refused = daicho("--new-key")
        assert refused.returncode != 0
        assert "--enrol" in refused.stderr
        import asyncio

        asyncio.run(enrol(Collector(url=live.url), tmp_path / "state", live.code()))
        before = known_key(live)
        done = daicho("--new-key")
        assert (done.returncode, known_key(live) != before) == (0, True), done.stderr
        assert "鍵を新しくしました" in done.stderr
        assert waiting_key(tmp_path / "state") is None
