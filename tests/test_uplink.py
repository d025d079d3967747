# SPDX-License-Identifier: Apache-2.0
"""Agent to collector over a real uvicorn on loopback: enrolment, signatures, replay, absence."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.collector_client import CollectorAbsent, CollectorClient, CollectorRefused, checked_url
from agent.keys import Identity, find_key, load_identity, public_key, stamp
from agent.logbook import Logbook, Record
from agent.refusal import Refusal
from agent.settings import Collector
from agent.uplink import IDLE, LONGEST_PAUSE, MOST_ASIDE, Uplink, enrol, pause
from inventory_db.facilities import close_facility, reopen_facility
from inventory_db.tables import writing
from probes.facts import Observation, Outcome, Scan, Sent, Upload, decode_upload, encode
from tests.live_collector import LiveCollector

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass
class TestClock:
    """Time that passes only when somebody sleeps."""

    __test__ = False

    time: datetime = START
    slept: list[float] = field(default_factory=list)

    def steady(self) -> float:
        return (self.time - START).total_seconds()

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    """Let others run until something has come true; pytest's own limit ends a vain wait."""
    while not true():  # noqa: ASYNC110 - what is watched has no event to wait for
        await asyncio.sleep(0.001)


def seen(number: int, transcript: str = "") -> Observation:
    return Observation(
        scan="s",
        vantage="v",
        at=START + timedelta(seconds=number),
        probe="ssh",
        address=f"10.0.0.{number % 256}",
        outcome=Outcome.ANSWERED,
        transcript=transcript,
    )


def sent(number: int) -> Sent:
    at = START + timedelta(seconds=number)
    return Sent(scan="s", vantage="v", at=at, address="10.0.0.1", action="tcp connect", packets=5)


@pytest.fixture
def clock() -> TestClock:
    return TestClock()


@pytest.fixture
def collector(tmp_path: Path, clock: TestClock) -> Iterator[LiveCollector]:
    with LiveCollector(tmp_path / "ledger.sqlite", clock.now) as live:
        yield live


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Logbook]:
    with Logbook(tmp_path / "state" / "logbook") as logbook:
        yield logbook


@pytest.fixture
async def identity(collector: LiveCollector, tmp_path: Path, clock: TestClock) -> Identity:
    return await enrol(Collector(url=collector.url), tmp_path / "state", collector.code(), clock)


@pytest.fixture
async def client(collector: LiveCollector, clock: TestClock) -> AsyncIterator[CollectorClient]:
    async with CollectorClient(Collector(url=collector.url), clock) as client:
        yield client


@pytest.fixture
def uplink(book: Logbook, identity: Identity, client: CollectorClient, clock: TestClock) -> Uplink:
    return Uplink(book, identity, client, clock, lambda: 0.5)


async def test_round_trip(book: Logbook, uplink: Uplink, collector: LiveCollector) -> None:
    records: list[Record] = [seen(n) for n in range(4500)]
    await book.put([*records, sent(1), sent(2)])
    assert await uplink.drain() == 4502
    assert await uplink.drain() == 0
    assert collector.observations() == [record.id for record in records if isinstance(record, Observation)]
    assert collector.journal() == [sent(1), sent(2)]
    assert await book.position() == (0, 4502)
    assert uplink.state.uploaded == 4502
    assert collector.agents()[0].sequence == 3


async def test_ended_scan_derives_devices_once(
    book: Logbook, uplink: Uplink, collector: LiveCollector
) -> None:
    await book.put([Scan(id="s", started=START)])
    await uplink.drain()
    assert collector.refreshed == []
    await book.put([Scan(id="s", started=START, ended=START + MINUTE, state="complete")])
    await uplink.drain()
    await until(lambda: bool(collector.refreshed))
    assert len(collector.refreshed) == 1


async def test_identity_is_private_and_lasts(identity: Identity, tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert {path.name: path.stat().st_mode & 0o777 for path in state.glob("agent.*")} == {
        "agent.key": 0o600,
        "agent.json": 0o600,
    }
    again = load_identity(state)
    assert again is not None
    assert (again.agent, public_key(again.key)) == (identity.agent, public_key(identity.key))
    assert "key" not in repr(identity)
    (state / "agent.key").chmod(0o644)
    with pytest.raises(Refusal, match="chmod 600"):
        load_identity(state)


def test_no_identity_before_enrolment_and_no_broken_one(tmp_path: Path) -> None:
    assert load_identity(tmp_path) is None
    (tmp_path / "agent.json").write_bytes(b'{"agent": \xff}')
    with pytest.raises(Refusal):
        load_identity(tmp_path)
    (tmp_path / "agent.key").touch(mode=0o600)
    with pytest.raises(Refusal):
        find_key(tmp_path)


async def test_code_serves_one_key(collector: LiveCollector, tmp_path: Path, clock: TestClock) -> None:
    place, code = Collector(url=collector.url), collector.code()
    first = await enrol(place, tmp_path / "a", f" {code.lower().replace('-', ' ')} ", clock)
    again = await enrol(place, tmp_path / "a", code, clock)
    assert again.agent == first.agent, "an answer that got lost may be asked for again"
    with pytest.raises(CollectorRefused, match="使用済み") as error:
        await enrol(place, tmp_path / "b", code, clock)
    assert error.value.status == 403
    assert load_identity(tmp_path / "b") is None
    assert len(collector.agents()) == 1


async def test_code_expires_and_must_exist(
    collector: LiveCollector, tmp_path: Path, clock: TestClock
) -> None:
    place, code = Collector(url=collector.url), collector.code(timedelta(minutes=10))
    clock.time += 10 * MINUTE
    with pytest.raises(CollectorRefused, match="expired"):
        await enrol(place, tmp_path / "a", code, clock)
    with pytest.raises(CollectorRefused, match="no such"):
        await enrol(place, tmp_path / "a", "ABCD", clock)
    assert collector.agents() == ()


async def test_enrolling_a_key_one_does_not_hold(collector: LiveCollector, client: CollectorClient) -> None:
    mine, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    body = encode({"code": collector.code(), "public_key": public_key(other)})
    with pytest.raises(CollectorRefused) as error:
        await client.post("/api/v1/agents/enrol", mine, 0, body)
    assert error.value.status == 401


async def test_code_is_not_kept(collector: LiveCollector) -> None:
    code = collector.code()
    raw = b"".join(path.read_bytes() for path in collector.ledger.parent.glob("ledger*"))
    assert code.encode() not in raw
    assert code.replace("-", "").encode() not in raw


def signed(identity: Identity, clock: TestClock, sequence: int, body: bytes) -> dict[str, str]:
    path = f"/api/v1/agents/{identity.agent}/uploads"
    return stamp(identity.key, path, clock.now(), sequence, body) | {
        "Content-Type": "application/octet-stream"
    }


def post(collector: LiveCollector, identity: Identity, headers: dict[str, str], body: Any) -> httpx2.Response:
    url = f"{collector.url}/api/v1/agents/{identity.agent}/uploads"
    return httpx2.post(url, headers=headers, content=body, trust_env=False)


def test_replay_is_refused(collector: LiveCollector, identity: Identity, clock: TestClock) -> None:
    body = encode(Upload(observations=(seen(1),)))
    headers = signed(identity, clock, 7, body)
    answer = post(collector, identity, headers, body)
    assert (answer.status_code, answer.json()) == (200, {"new": 1, "known": 0, "sequence": 7})
    replayed = post(collector, identity, headers, body)
    assert replayed.status_code == 409
    assert replayed.headers["content-type"] == "application/problem+json"
    assert replayed.json()["sequence"] == 7
    earlier = post(collector, identity, signed(identity, clock, 6, body), body)
    assert earlier.status_code == 409
    later = post(collector, identity, signed(identity, clock, 8, body), body)
    assert later.json() == {"new": 0, "known": 1, "sequence": 8}


def test_a_closed_facility_takes_nothing_in(
    collector: LiveCollector, identity: Identity, clock: TestClock
) -> None:
    body = encode(Upload(observations=(seen(1),)))
    with writing(collector.engine) as connection:
        close_facility(connection, 1, clock.now())
    refused = post(collector, identity, signed(identity, clock, 7, body), body)
    assert (refused.status_code, refused.json()["title"]) == (403, "facility-closed")
    assert collector.observations() == []
    with writing(collector.engine) as connection:
        reopen_facility(connection, 1)
    assert post(collector, identity, signed(identity, clock, 7, body), body).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"Daicho-Sequence": "8"},
        {"Daicho-Time": (START + MINUTE).isoformat()},
        {"Daicho-Signature": base64.b64encode(bytes(64)).decode()},
    ],
)
def test_changed_header_breaks_the_signature(
    collector: LiveCollector, identity: Identity, clock: TestClock, change: dict[str, str]
) -> None:
    headers = signed(identity, clock, 7, b"{}")
    assert post(collector, identity, headers | change, b"{}").status_code == 401
    assert post(collector, identity, headers, b"{ }").status_code == 401
    stranger = Identity(identity.agent, Ed25519PrivateKey.generate())
    assert post(collector, identity, signed(stranger, clock, 7, b"{}"), b"{}").status_code == 401
    nobody = Identity("0" * 16, identity.key)
    assert post(collector, nobody, signed(nobody, clock, 7, b"{}"), b"{}").status_code == 401
    assert post(collector, identity, headers, b"{}").status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"Daicho-Sequence": ""},
        {"Daicho-Sequence": "-1"},
        {"Daicho-Sequence": "９"},
        {"Daicho-Sequence": "9" * 30},
        {"Daicho-Time": "yesterday"},
        {"Daicho-Time": "2026-04-01T09:00:00"},
        {"Daicho-Signature": "!!"},
        {"Daicho-Signature": "AAAA"},
    ],
)
def test_malformed_headers(
    collector: LiveCollector, identity: Identity, clock: TestClock, change: dict[str, str]
) -> None:
    headers: Any = {
        name: value.encode() for name, value in (signed(identity, clock, 1, b"{}") | change).items()
    }
    assert post(collector, identity, headers, b"{}").status_code == 400


@pytest.mark.parametrize("minutes", [-15, -1, 15])
def test_small_clock_skew_is_tolerated_and_noted(
    collector: LiveCollector, identity: Identity, clock: TestClock, minutes: int
) -> None:
    ahead = TestClock(clock.time + minutes * MINUTE)
    assert post(collector, identity, signed(identity, ahead, 1, b"{}"), b"{}").status_code == 200
    assert collector.agents()[0].skew == minutes * MINUTE


@pytest.mark.parametrize("minutes", [-16, 16, 10**6])
def test_large_clock_skew_is_refused(
    collector: LiveCollector, identity: Identity, clock: TestClock, minutes: int
) -> None:
    ahead = TestClock(clock.time + minutes * MINUTE)
    answer = post(collector, identity, signed(identity, ahead, 1, b"{}"), b"{}")
    assert answer.status_code == 403
    assert "時計" in answer.json()["ja"]
    assert collector.agents()[0].sequence == 0


async def test_revoked_agent_keeps_its_records(
    book: Logbook, uplink: Uplink, identity: Identity, collector: LiveCollector
) -> None:
    await book.put([seen(1)])
    collector.revoke(identity.agent)
    assert await uplink.step() > 0
    assert uplink.state.problem is not None
    assert "取り消され" in uplink.state.problem[0]
    assert await book.position() == (1, 1)
    assert collector.observations() == []


BOMB = gzip.compress(bytes(70 * 1024 * 1024), 9)
BAD_BODIES = [
    (b"", "identity", 422),
    (b"\xff\xfe", "identity", 422),
    (b'{"agent":"\xff"}', "identity", 422),
    (b"[" * 100_000, "identity", 422),
    (b'{"schema":"daicho/upload/9"}', "identity", 422),
    (b'{"agent":"somebody else"}', "identity", 422),
    (b'{"observations":[{"scan":"s"}]}', "identity", 422),
    (b"not gzip", "gzip", 422),
    (gzip.compress(b"{}")[:-3], "gzip", 422),
    (gzip.compress(b"{}") + b"more", "gzip", 422),
    (b"{}", "br", 415),
    (BOMB, "gzip", 413),
]


@pytest.mark.parametrize(("body", "encoding", "status"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_hostile_bodies_change_nothing(
    collector: LiveCollector, identity: Identity, clock: TestClock, body: bytes, encoding: str, status: int
) -> None:
    headers = signed(identity, clock, 5, body) | {"Content-Encoding": encoding}
    answer = post(collector, identity, headers, body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(answer.json()) >= {"type", "title", "status", "detail", "ja", "en"}
    assert collector.agents()[0].sequence == 0


def test_bodies_that_are_not_even_read(
    collector: LiveCollector, identity: Identity, clock: TestClock
) -> None:
    headers = signed(identity, clock, 5, b"{}")
    assert post(collector, identity, headers, iter([b"{}"])).status_code == 411
    bare = HTTPConnection("127.0.0.1", collector.port)
    bare.request(
        "POST", f"/api/v1/agents/{identity.agent}/uploads", headers=headers | {"Content-Length": "1" * 9}
    )
    assert bare.getresponse().status == 413, "before a byte of the body was sent"
    bare.close()
    assert post(collector, identity, headers | {"Content-Type": "application/json"}, b"{}").status_code == 415


async def test_lost_state_resumes_after_the_collectors_sequence(
    tmp_path: Path, identity: Identity, client: CollectorClient, clock: TestClock, collector: LiveCollector
) -> None:
    assert post(collector, identity, signed(identity, clock, 50, b"{}"), b"{}").status_code == 200
    with Logbook(tmp_path / "new") as book:
        await book.put([seen(1)])
        assert await Uplink(book, identity, client, clock).drain() == 1
    assert collector.agents()[0].sequence == 51


async def test_absent_collector_then_back(
    tmp_path: Path, book: Logbook, identity: Identity, clock: TestClock, collector: LiveCollector
) -> None:
    collector.__exit__(None, None, None)
    async with CollectorClient(Collector(url=collector.url), clock) as client:
        uplink = Uplink(book, identity, client, clock, lambda: 0.5)
        await book.put([seen(1)])
        task = asyncio.create_task(uplink.run())
        await until(lambda: uplink.state.failures >= 12)
        assert uplink.state.problem is not None
        assert clock.slept[:4] == [pause(n, 0.5) for n in range(1, 5)]
        assert max(clock.slept) <= LONGEST_PAUSE
        await book.put([seen(2), sent(1)])
        with collector:
            await until(lambda: IDLE in clock.slept)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert collector.observations() == [seen(1).id, seen(2).id]
    assert (uplink.state.uploaded, uplink.state.failures) == (3, 0)


def test_pauses_grow_and_are_spread() -> None:
    assert [pause(n, 1.0) for n in range(1, 5)] == [1, 2, 4, 8]
    assert pause(10_000, 1.0) == LONGEST_PAUSE
    assert pause(3, 0.0) == 2


async def test_too_large_batches_get_smaller(book: Logbook, identity: Identity, clock: TestClock) -> None:
    taken: list[int] = []

    class SmallDoor(CollectorClient):
        """A proxy in between that lets only small bodies pass, as nginx does unless told otherwise."""

        async def post(
            self, path: str, key: Any, sequence: int, body: bytes, encoding: str = "", at: Any = None
        ) -> dict[str, Any]:
            count = gzip.decompress(body).count(b'"probe"')
            if count > 3:
                raise CollectorRefused(413, {})
            taken.append(count)
            return {"sequence": sequence}

    async with SmallDoor(Collector(url="http://127.0.0.1:9"), clock) as client:
        await book.put([seen(n) for n in range(10)])
        assert await Uplink(book, identity, client, clock).drain() == 10
    assert sum(taken) == 10


class PickyDoor(CollectorClient):
    """A collector that cannot read some records: of an older version, say."""

    bad: frozenset[int] = frozenset()
    taken: set[str]
    posts = 0

    async def post(
        self, path: str, key: Any, sequence: int, body: bytes, encoding: str = "", at: Any = None
    ) -> dict[str, Any]:
        self.posts += 1
        batch = decode_upload(gzip.decompress(body))
        if any(one.at.second in self.bad for one in batch.observations):
            raise CollectorRefused(422, {"en": "The content cannot be read."})
        self.taken |= {one.address for one in batch.observations}
        return {"sequence": sequence}


@pytest.fixture
async def picky(clock: TestClock) -> AsyncIterator[PickyDoor]:
    async with PickyDoor(Collector(url="http://127.0.0.1:9"), clock) as client:
        client.taken = set()
        yield client


async def test_a_record_that_cannot_be_read_is_set_aside_and_the_others_go(
    book: Logbook, identity: Identity, clock: TestClock, picky: PickyDoor
) -> None:
    picky.bad = frozenset({3, 17})
    await book.put([seen(n) for n in range(30)])
    uplink = Uplink(book, identity, picky, clock)
    assert await uplink.step() == IDLE
    assert picky.taken == {f"10.0.0.{n}" for n in range(30)} - {"10.0.0.3", "10.0.0.17"}
    assert (uplink.state.set_aside, uplink.state.problem) == (2, None)
    assert uplink.aside_problem is not None
    assert "2 件" in uplink.aside_problem[0]
    assert picky.posts < 40
    await book.thin(START + timedelta(days=900))
    assert await book.position() == (0, 2), "what the collector has may go, what was set aside stays"


async def test_what_was_set_aside_is_offered_again_to_a_newer_collector(
    book: Logbook, identity: Identity, clock: TestClock, picky: PickyDoor
) -> None:
    picky.bad = frozenset({3})
    await book.put([seen(3), seen(4)])
    uplink = Uplink(book, identity, picky, clock)
    await uplink.step()
    assert await book.aside() == 1
    picky.bad = frozenset()
    await uplink.step()
    assert picky.taken == {"10.0.0.4"}, "not at every step"
    clock.time += timedelta(days=1)
    await uplink.step()
    assert picky.taken == {"10.0.0.3", "10.0.0.4"}
    assert (await book.aside(), await book.position(), uplink.aside_problem) == (0, (0, 2), None)


async def test_a_collector_that_reads_nothing_does_not_empty_the_spool(
    book: Logbook, identity: Identity, clock: TestClock, picky: PickyDoor
) -> None:
    picky.bad = frozenset(range(60))
    await book.put([seen(n) for n in range(50)])
    uplink = Uplink(book, identity, picky, clock)
    for _ in range(3):
        assert await uplink.step() != IDLE
    assert await book.aside() == MOST_ASIDE
    assert (await book.position())[0] == 50 - MOST_ASIDE
    assert uplink.state.problem is not None


async def test_the_collectors_wish_to_wait_is_kept(
    book: Logbook, identity: Identity, clock: TestClock, collector: LiveCollector, client: CollectorClient
) -> None:
    collector.admission.most_uploads = 0
    await book.put([seen(1)])
    uplink = Uplink(book, identity, client, clock, lambda: 0.5)
    assert await uplink.step() == 5 * 1.5, "Retry-After: 5, spread"
    assert uplink.state.problem is not None
    assert "自動で送り直されます" in uplink.state.problem[0]
    collector.admission.most_uploads = 64
    assert await uplink.step() == IDLE
    assert collector.observations() == [seen(1).id]


@pytest.mark.parametrize(
    "answer",
    [b"<html>Login</html>", b"{}", b"[]", b'{"sequence": true}', b"{" * 70_000],
    ids=["page", "no sequence", "list", "bool", "long"],
)
async def test_somebody_elses_answer_confirms_nothing(book: Logbook, clock: TestClock, answer: bytes) -> None:
    async def portal(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" + answer
        )
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(portal, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, CollectorClient(Collector(url=f"http://127.0.0.1:{port}"), clock) as client:
        await book.put([seen(1)])
        uplink = Uplink(book, Identity("a" * 16, Ed25519PrivateKey.generate()), client, clock)
        with pytest.raises(CollectorAbsent):
            await uplink.drain()
    assert await book.position() == (1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1",
        "http://collector.example",
        "ftp://127.0.0.1",
        "",
        "https://",
        "http://127.0.0.1:x",
        "//h",
    ],
)
def test_urls_that_would_leak_or_cannot_be(url: str) -> None:
    with pytest.raises(Refusal):
        checked_url(url)


@pytest.mark.parametrize("url", ["https://collector.example/x", "http://127.0.0.1:1", "http://[::1]:8000"])
def test_urls_that_are_fine(url: str) -> None:
    assert checked_url(url) == url


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "collector")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    (folder / "cert").write_bytes(made.public_bytes(pem))
    (folder / "key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    return folder / "cert", folder / "key", made.fingerprint(hashes.SHA256()).hex(":")


async def test_only_the_pinned_certificate_is_spoken_to(
    tmp_path: Path, clock: TestClock, certificate: tuple[Path, Path, str]
) -> None:
    cert, key, fingerprint = certificate
    with LiveCollector(tmp_path / "l", clock.now, ssl_certfile=cert, ssl_keyfile=key) as live:
        code = live.code()
        wrong = "00" + fingerprint.replace(":", "").lower()[2:]
        for place in (Collector(url=live.url), Collector(url=live.url, fingerprint=wrong)):
            with pytest.raises(CollectorAbsent, match=r"(?i)certificate"):
                await enrol(place, tmp_path / "a", code, clock)
        assert live.agents() == ()
        await enrol(Collector(url=live.url, fingerprint=fingerprint), tmp_path / "a", code, clock)
        assert len(live.agents()) == 1


def test_bad_pin_and_bad_ca_are_said_in_words(tmp_path: Path, clock: TestClock) -> None:
    (tmp_path / "ca").write_text("nonsense")
    for extra in (
        {"fingerprint": "12"},
        {"ca_file": str(tmp_path / "ca")},
        {"ca_file": str(tmp_path / "no")},
    ):
        with pytest.raises(Refusal):
            CollectorClient(Collector(url="https://127.0.0.1", **extra), clock)
