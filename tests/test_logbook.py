# SPDX-License-Identifier: Apache-2.0
"""The logbook: durable when `put` returns, one record once, nothing lost whatever happens between."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.logbook import (
    MOST_BATCH,
    Logbook,
    LogbookError,
    LogbookFull,
    LogbookUnreadable,
    NewerLogbook,
    NotOurLogbook,
    RecordTooLarge,
)
from agent.logbook_file import VERSION
from probes.facts import Observation, Outcome, Scan, Sent, Upload, Vantage

START = datetime(2026, 4, 1, 9, 0, tzinfo=UTC)


def seen(number: int, transcript: str = "") -> Observation:
    at = START + timedelta(seconds=number)
    return Observation(scan="s", vantage="v", at=at, probe="p", outcome=Outcome.SILENT, transcript=transcript)


def content(batch: Upload) -> list[str]:
    return [record.id for record in batch.observations] + [record.id for record in batch.sent]


def sent(number: int, address: str = "10.0.0.1") -> Sent:
    at = START + timedelta(seconds=number)
    return Sent(scan="s", vantage="v", at=at, address=address, action="tcp connect")


async def test_put_pending_confirm(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        await book.put([seen(1), sent(2), Vantage(id="v", host="h", interface="i", address="a", network="n")])
        batch, through = await book.pending()
        assert batch.observations == (seen(1),)
        assert batch.sent == (sent(2),)
        assert [v.id for v in batch.vantages] == ["v"]
        assert await book.position() == (3, 3)
        await book.confirm(through)
        assert await book.pending() == (Upload(), through)
        assert await book.position() == (0, 3)


async def test_same_record_twice_is_one(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        await book.put([seen(1), seen(1), sent(1)])
        await book.put([sent(1), seen(1)])
        assert await book.position() == (2, 2)


async def test_a_scan_in_a_new_state_is_uploaded_again(tmp_path: Path) -> None:
    running, complete = Scan(id="s", started=START), Scan(id="s", started=START, state="complete")
    with Logbook(tmp_path / "l") as book:
        await book.put([running])
        await book.confirm((await book.pending())[1])
        await book.put([running])
        assert (await book.pending())[0].scans == ()
        await book.put([complete])
        assert (await book.pending())[0].scans == (complete,)


async def test_batches_are_bounded_by_count_and_bytes(tmp_path: Path) -> None:
    big = "x" * (MOST_BATCH // 3)
    with Logbook(tmp_path / "l") as book:
        await book.put([seen(n) for n in range(10)] + [seen(n, transcript=big) for n in range(10, 16)])
        sizes = []
        while count := len((found := await book.pending(7))[0].observations):
            sizes.append(count)
            await book.confirm(found[1])
    assert sizes == [7, 5, 2, 2]


async def test_concurrent_puts_share_commits(tmp_path: Path) -> None:
    records = [seen(n) for n in range(500)]
    with Logbook(tmp_path / "l") as book:
        commits: list[str] = []
        await book._run(lambda file: file.set_trace_callback(commits.append))
        await asyncio.gather(*(book.put([record]) for record in records))
        assert len((await book.pending())[0].observations) == 500
    assert 0 < commits.count("COMMIT") < 10


async def test_journal_stays_and_observations_thin(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        await book.put([seen(1), sent(1), sent(2, "10.0.0.2"), seen(5)])
        assert await book.thin(START + timedelta(hours=1)) == 0, "nothing is confirmed yet"
        await book.confirm((await book.pending())[1])
        await book.put([seen(6)])
        assert await book.thin(START + timedelta(seconds=3)) == 1
        assert await book.thin(START + timedelta(hours=1)) == 1
        assert (await book.pending())[0].observations == (seen(6),)
        assert await book.journal() == [sent(1), sent(2, "10.0.0.2")]
        assert await book.journal("10.0.0.2") == [sent(2, "10.0.0.2")]
        with pytest.raises(LogbookError):
            await book._run(lambda file: file.execute("DELETE FROM records"))


async def test_sequence_only_grows_even_after_reopening(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        assert [await book.next_sequence() for _ in range(2)] == [1, 2]
        assert await book.next_sequence(40) == 41
    with Logbook(tmp_path / "l") as book:
        assert await book.next_sequence(7) == 42


async def test_confirm_never_goes_back_or_beyond(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        await book.put([seen(1), seen(2)])
        await book.confirm(2)
        await book.confirm(1)
        assert await book.position() == (0, 2)
        with pytest.raises(ValueError, match="does not exist"):
            await book.confirm(3)


def test_file_is_ours_alone_to_read(tmp_path: Path) -> None:
    Logbook(tmp_path / "folder" / "l").close()
    assert (tmp_path / "folder" / "l").stat().st_mode & 0o077 == 0
    assert os.listdir(tmp_path / "folder") == ["l"]


@pytest.mark.parametrize("content", [b"", b"hello", b"SQLite format 3\0" + b"\0" * 200, b"\0" * 5000])
def test_a_foreign_file_is_refused_untouched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "l"
    path.write_bytes(content)
    with pytest.raises(NotOurLogbook) as error:
        Logbook(path)
    assert "ありません" in error.value.ja
    assert "not touched" in error.value.en
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["l"]


def test_another_database_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "l"
    file = sqlite3.connect(path)
    file.executescript("CREATE TABLE records (a); INSERT INTO records VALUES (1)")
    file.close()
    before = path.read_bytes()
    with pytest.raises(NotOurLogbook):
        Logbook(path)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "l"
    Logbook(path).close()
    file = sqlite3.connect(path)
    file.execute(f"PRAGMA user_version = {VERSION + 1}")
    file.close()
    before = path.read_bytes()
    with pytest.raises(NewerLogbook) as error:
        Logbook(path)
    assert "更新" in error.value.ja
    assert path.read_bytes() == before


async def test_a_damaged_file_is_said_in_words(tmp_path: Path) -> None:
    path = tmp_path / "l"
    with Logbook(path) as book:
        await book.put([seen(n) for n in range(200)])
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    with pytest.raises(LogbookUnreadable), Logbook(path) as book:
        await book.pending()


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogbookUnreadable):
        Logbook(tmp_path / "file" / "l")


async def fill(book: Logbook, kept: list[Observation]) -> None:
    for number in range(1000):
        await book.put([seen(number, transcript="x" * 5000)])
        kept.append(seen(number, transcript="x" * 5000))


async def test_full_disk_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    kept: list[Observation] = []
    with Logbook(tmp_path / "l", most_bytes=400_000) as book:
        with pytest.raises(LogbookFull) as error:
            await fill(book, kept)
        assert "空き" in error.value.ja
        assert 20 < len(kept) < 100
    with Logbook(tmp_path / "l", most_bytes=400_000) as book:
        assert list((await book.pending())[0].observations) == kept
        await book.confirm((await book.pending())[1])
        await book.put([seen(2000, transcript="x" * 5000)])  # takes the room of what was confirmed
        assert (await book.pending())[0].observations == (seen(2000, transcript="x" * 5000),)


async def test_what_a_scan_keeps_of_its_way_takes_the_room_of_what_was_confirmed(tmp_path: Path) -> None:
    kept: list[Observation] = []
    with Logbook(tmp_path / "l", most_bytes=400_000) as book:
        with pytest.raises(LogbookFull):
            await fill(book, kept)
        with pytest.raises(LogbookFull):
            await book.keep("headway", b"x" * 40_000)
        await book.confirm((await book.pending())[1])
        await book.keep("headway", b"x" * 40_000)
        assert await book.kept("headway") == b"x" * 40_000


async def test_a_record_too_large_is_refused_alone(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as book:
        with pytest.raises(RecordTooLarge):
            await book.put([seen(1), seen(2, transcript="x" * 5_000_000)])
        await book.put([seen(1)])
        assert await book.position() == (1, 1)


async def test_two_processes_may_use_one_file(tmp_path: Path) -> None:
    with Logbook(tmp_path / "l") as one, Logbook(tmp_path / "l") as two:
        halves = [[seen(n) for n in range(start, 300, 2)] for start in (0, 1)]
        await asyncio.gather(*(one.put([r]) for r in halves[0]), *(two.put([r]) for r in halves[1]))
        assert len((await one.pending())[0].observations) == 300


def test_an_open_logbook_is_not_needed_twice(tmp_path: Path) -> None:
    book = Logbook(tmp_path / "l")
    book.close()
    book.close()


def record_of(number: int) -> Observation | Sent:
    return sent(number) if number % 3 == 0 else seen(number)


class Story:
    """A logbook, and beside it what must be true of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lives = folder, 0
        self.book = Logbook(folder / "0" / "l")
        self.known: dict[str, Observation | Sent] = {}  # acknowledged, in order
        self.confirmed: set[str] = set()
        self.answer: tuple[Upload, int] = (Upload(), 0)

    async def put(self, numbers: list[int]) -> None:
        records = [record_of(number) for number in numbers]
        await self.book.put(records)
        self.known |= {record.id: record for record in records if record.id not in self.known}

    async def pending(self, most: int) -> None:
        self.answer = await self.book.pending(most)

    async def confirm(self, _: int) -> None:
        await self.book.confirm(self.answer[1])
        self.confirmed |= set(content(self.answer[0]))

    async def crash(self, flying: list[int]) -> None:
        """Take the files as they are while puts are under way, as after kill -9; go on with the copy."""
        puts = [asyncio.ensure_future(self.put([number])) for number in flying]
        await asyncio.sleep(0)
        old, self.lives = self.folder / str(self.lives), self.lives + 1
        new = self.folder / str(self.lives)
        acknowledged = dict(self.known)
        new.mkdir()
        for name in ("l", "l-wal"):
            if (old / name).exists():
                shutil.copyfile(old / name, new / name)
        await asyncio.gather(*puts)
        self.book.close()
        self.book, self.known = Logbook(new / "l"), acknowledged
        flown = {record.id: record for record in map(record_of, flying)}
        found = content((await self.book.pending(10**6))[0])
        assert set(found) <= {*self.known, *flown}
        self.known |= {id: flown[id] for id in found if id not in self.known}

    async def check(self) -> None:
        found = (await self.book.pending(10**6))[0]
        assert sorted(content(found)) == sorted(self.known.keys() - self.confirmed)
        journal = [line.id for line in await self.book.journal()]
        assert sorted(journal) == sorted(id for id, r in self.known.items() if isinstance(r, Sent))


NUMBERS = st.lists(st.integers(0, 40), min_size=1, max_size=12)
STEP = st.one_of(
    st.tuples(st.just("put"), NUMBERS),
    st.tuples(st.just("pending"), st.integers(1, 8)),
    st.tuples(st.just("confirm"), st.just(0)),
    st.tuples(st.just("crash"), NUMBERS),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, max_size=14))
def test_no_order_of_events_loses_or_doubles_anything(steps: list[tuple[str, object]]) -> None:
    async def tell(folder: Path) -> None:
        story = Story(folder)
        try:
            for name, argument in steps:
                await getattr(story, name)(argument)
                await story.check()
        finally:
            story.book.close()

    with tempfile.TemporaryDirectory() as folder:  # tmp_path would be one for all examples
        asyncio.run(tell(Path(folder)))
