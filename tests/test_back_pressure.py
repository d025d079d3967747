# SPDX-License-Identifier: Apache-2.0
"""Bounded bytes, bounded turns, bounded time: on the real routes over a real socket."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector import agents as routes
from collector.agent_problems import Problem
from collector.back_pressure import Admission
from collector.security import Message
from tests.live_collector import LiveCollector


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[LiveCollector]:
    with LiveCollector(tmp_path / "ledger.sqlite") as running:
        yield running


def begin(collector: LiveCollector, length: int, body: bytes = b"") -> socket.socket:
    """Announce an upload of this length, and send only some of it."""
    link = socket.create_connection(("127.0.0.1", collector.port), 20)
    head = (
        f"POST /api/v1/agents/{'a' * 16}/uploads HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: application/octet-stream\r\nContent-Length: {length}\r\n\r\n"
    )
    link.sendall(head.encode() + body)
    return link


def status(link: socket.socket) -> int:
    data = link.recv(4096)
    link.close()
    return int(data.split(b" ")[1])


def wait_until(true: object) -> None:
    deadline = time.monotonic() + 90
    while not true():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_who_comes_beyond_the_bytes_is_sent_away_unread(collector: LiveCollector) -> None:
    collector.admission.most_bytes = 1000
    slow = begin(collector, 900)
    wait_until(lambda: collector.admission.inside == 1)
    second = begin(collector, 200)
    answer = second.recv(4096)
    assert b" 503 " in answer.split(b"\r\n")[0]
    assert b"retry-after: 5" in answer.lower()
    second.close()
    assert status(begin(collector, 50, b"x" * 50)) == 400, (
        "a small one still fits: read, and refused for its content"
    )
    slow.close()
    wait_until(lambda: collector.admission.inside == 0)
    assert collector.admission.held == 0
    assert collector.admission.refused == 1


def test_one_large_upload_always_fits_alone(collector: LiveCollector) -> None:
    collector.admission.most_bytes = 10
    assert status(begin(collector, 100, b"x" * 100)) == 400


def test_a_slow_sender_is_let_go(collector: LiveCollector) -> None:
    collector.admission.read_within = 0.1
    assert status(begin(collector, 900)) == 408
    wait_until(lambda: collector.admission.inside == 0)


def test_turns_are_bounded_and_a_slow_reader_holds_none() -> None:
    at_once = [0, 0]

    async def app(scope: Message, receive: object, send: object) -> None:
        at_once[0] += 1
        at_once[1] = max(at_once)
        await asyncio.sleep(0.01)
        at_once[0] -= 1

    async def all_of_them() -> int:
        admission = Admission(turns=2)

        async def receive() -> Message:
            return {"type": "http.request", "body": b"x", "more_body": False}

        async def send(_: Message) -> None:
            pass

        await asyncio.gather(*(admission.admit(app, {}, receive, send, 1) for _ in range(20)))
        return admission.held

    assert asyncio.run(all_of_them()) == 0
    assert at_once == [0, 2]


def test_a_full_disk_is_said_and_the_agent_keeps_its_records(
    collector: LiveCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "free_space", lambda engine: 1)
    with pytest.raises(Problem) as refused:
        routes._check_space(collector.engine)
    assert refused.value.response().status_code == 507
